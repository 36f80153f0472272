//! Tiles: the hashes of the tree in blocks of 256 that never change once they are full, so that every node can be read
//! back. <https://c2sp.org/tlog-tiles>
//!
//! The tile `index` of level 0 has the leaf hashes from `256 * index` on, one of level `n` the roots of 256 tiles of level `n - 1`.

use super::{Hash, perfect_root};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    pub level: u32,
    pub index: u64,
    /// [`TILE_HASHES`] of them.
    pub hashes: Vec<Hash>,
}

/// Hashes of a full tile.
pub const TILE_HASHES: usize = 256;
const TILE_LEVELS: u32 = 8;

/// The tiles that are not full yet: at most 255 hashes of each level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenTiles {
    /// How many tiles of the level are full, and the hashes of the one that is not.
    levels: Vec<(u64, Vec<Hash>)>,
}

impl OpenTiles {
    /// Those of a tree of `size` entries, from the roots of its perfect subtrees. `None` from `nodes` is `None` from here.
    pub fn resume(size: u64, nodes: impl Fn(u32, u64) -> Option<Hash>) -> Option<OpenTiles> {
        let mut levels = Vec::new();
        let mut hashes = size;
        while hashes > 0 {
            let level = levels.len() as u32 * TILE_LEVELS;
            let (full, open) = (hashes / TILE_HASHES as u64, hashes % TILE_HASHES as u64);
            let from = full * TILE_HASHES as u64;
            let open: Option<Vec<Hash>> = (from..from + open).map(|n| nodes(level, n)).collect();
            levels.push((full, open?));
            hashes = full;
        }
        Some(OpenTiles { levels })
    }

    /// Returns the tiles that this leaf has filled, lowest first: one in 256 leaves fills any.
    pub fn append(&mut self, leaf: Hash) -> Vec<Tile> {
        let mut full = Vec::new();
        let mut hash = leaf;
        for level in 0.. {
            if level == self.levels.len() {
                self.levels.push((0, Vec::new()));
            }
            let (index, hashes) = &mut self.levels[level];
            hashes.push(hash);
            if hashes.len() < TILE_HASHES {
                break;
            }
            let tile = Tile {
                level: level as u32,
                index: *index,
                hashes: std::mem::take(hashes),
            };
            *index += 1;
            let Some(root) = perfect_root(&tile.hashes) else {
                break;
            };
            hash = root;
            full.push(tile);
        }
        full
    }

    /// The hashes of a tile that is not full.
    pub fn hashes(&self, level: u32, index: u64) -> Option<&[Hash]> {
        let (open, hashes) = self.levels.get(level as usize)?;
        (*open == index).then_some(hashes)
    }
}

/// The root over the `2^level` entries from `index * 2^level` on, from the tile in which it is. `tile(level, index)` gives a
/// tile's hashes, of one that is not full those that there are.
pub fn node(
    level: u32,
    index: u64,
    tile: impl FnOnce(u32, u64) -> Option<Vec<Hash>>,
) -> Option<Hash> {
    let within = level % TILE_LEVELS;
    let place = index.checked_mul(1 << within)?;
    let hashes = tile(level / TILE_LEVELS, place / TILE_HASHES as u64)?;
    let from = (place % TILE_HASHES as u64) as usize;
    perfect_root(hashes.get(from..from + (1 << within))?)
}

/// Where a full tile lies among published ones: `tile/0/x001/x234/067`.
pub fn path(level: u32, index: u64) -> String {
    let mut text = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        text = format!("x{:03}/{text}", rest % 1000);
        rest /= 1000;
    }
    format!("tile/{level}/{text}")
}
