//! The nodes of the stored tree: which tiles and runs they take is worked out first, those are read, and then the nodes are made.

use super::rows::{self, Reads};
use crate::contract::StoreError;
use std::collections::{BTreeSet, HashMap};
use ward_audit::tree::tile::{self, TILE_HASHES};
use ward_audit::tree::{Hash, perfect_root};

/// Levels of nodes in a tile.
const TILE_LEVELS: u32 = 8;

/// What was read of the tree of `size` entries.
pub(crate) struct Nodes {
    tiles: HashMap<(u32, u64), Vec<Hash>>,
}

/// The tiles that nodes lie in.
#[derive(Default)]
struct Wanted {
    /// Full ones, of level 1 and up.
    stored: BTreeSet<(u32, u64)>,
    /// Of level 0, full or not: from the runs.
    leaves: BTreeSet<u64>,
    /// To be made from those of the level below, lowest first.
    open: BTreeSet<(u32, u64)>,
}

impl Nodes {
    /// Reads what `asked` asks for of the tree of `size` entries: it is called with a look-up whose hashes mean nothing. Costs a
    /// statement for each level and for each stretch of entries; of a level that is not full yet the 65,536 entries below it.
    pub async fn read(
        reads: &impl Reads,
        size: u64,
        asked: impl FnOnce(&dyn Fn(u32, u64) -> Option<Hash>),
    ) -> Result<Nodes, StoreError> {
        let wanted = Wanted::of(size, asked);
        let mut tiles = HashMap::new();
        for (level, from, end) in stretches(&wanted.stored) {
            for (place, hashes) in rows::tiles(reads, level, from, end).await? {
                tiles.insert((level, place), hashes);
            }
        }
        let leaves: BTreeSet<(u32, u64)> = wanted.leaves.iter().map(|place| (0, *place)).collect();
        for (_, from, end) in stretches(&leaves) {
            read_leaves(reads, from, end, size, &mut tiles).await?;
        }
        for (level, place) in wanted.open {
            let below = place * TILE_HASHES as u64..size >> (TILE_LEVELS * level);
            let roots = below.take(TILE_HASHES);
            let roots = roots.map(|at| perfect_root(tiles.get(&(level - 1, at))?));
            let roots: Option<Vec<Hash>> = roots.collect();
            tiles.insert((level, place), roots.ok_or(StoreError::Integrity)?);
        }
        Ok(Nodes { tiles })
    }

    /// `None`: it was not asked for, or is not stored.
    pub fn node(&self, level: u32, index: u64) -> Option<Hash> {
        tile::node(level, index, |level, place| {
            self.tiles.get(&(level, place)).cloned()
        })
    }
}

impl Wanted {
    fn of(size: u64, asked: impl FnOnce(&dyn Fn(u32, u64) -> Option<Hash>)) -> Wanted {
        let tiles = std::cell::RefCell::new(BTreeSet::new());
        asked(&|level, index| {
            let place = (index << (level % TILE_LEVELS)) / TILE_HASHES as u64;
            tiles.borrow_mut().insert((level / TILE_LEVELS, place));
            Some(Hash([0; 32]))
        });
        let mut wanted = Wanted::default();
        for (level, place) in tiles.into_inner() {
            wanted.add(size, level, place);
        }
        wanted
    }

    fn add(&mut self, size: u64, level: u32, place: u64) {
        if level == 0 {
            self.leaves.insert(place);
        } else if (place + 1) << (TILE_LEVELS * (level + 1)) <= size {
            self.stored.insert((level, place));
        } else if self.open.insert((level, place)) {
            let below = place * TILE_HASHES as u64..size >> (TILE_LEVELS * level);
            for at in below.take(TILE_HASHES) {
                self.add(size, level - 1, at);
            }
        }
    }
}

/// The hashes of the entries of the tiles `from..end` of level 0, as far as there are `size`.
async fn read_leaves(
    reads: &impl Reads,
    from: u64,
    end: u64,
    size: u64,
    tiles: &mut HashMap<(u32, u64), Vec<Hash>>,
) -> Result<(), StoreError> {
    let width = TILE_HASHES as u64;
    let (from, end) = (from * width, (end * width).min(size));
    let mut at = from;
    for run in rows::runs(reads, from as i64, end as i64).await? {
        let skipped = at.checked_sub(run.first as u64);
        let skipped = skipped.ok_or(StoreError::Integrity)? as usize;
        for hash in run.hashes.iter().skip(skipped) {
            if at == end {
                break;
            }
            tiles.entry((0, at / width)).or_default().push(*hash);
            at += 1;
        }
    }
    match at == end {
        true => Ok(()),
        false => Err(StoreError::Integrity),
    }
}

/// Neighbours of one level together: level, first, and the one behind the last.
fn stretches(tiles: &BTreeSet<(u32, u64)>) -> Vec<(u32, u64, u64)> {
    let mut all: Vec<(u32, u64, u64)> = Vec::new();
    for (level, place) in tiles {
        match all.last_mut() {
            Some(last) if last.0 == *level && last.2 == *place => last.2 += 1,
            _ => all.push((*level, *place, *place + 1)),
        }
    }
    all
}
