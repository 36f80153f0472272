//! Numbers what has been recorded, puts it into the tree and signs: what a store does with its records within one transaction. It knows
//! no store: a step is what is to be inserted, and nothing that was inserted before is ever changed.

use crate::counted::Counted;
use crate::issuer::{IssueError, Issuer, State};
use crate::leaf::{Class, Content, Leaf, NONCE_BYTES};
use crate::note::Note;
use crate::tree::Hash;
use crate::tree::compact_range::CompactRange;
use crate::tree::tile::{OpenTiles, Tile};

/// A step is made on a clone (some kilobytes), which takes this one's place when the step is stored: a transaction that fails
/// leaves no trace.
#[derive(Clone)]
pub struct Sequencer {
    entries: CompactRange,
    tiles: OpenTiles,
    issuer: Issuer,
}

/// A record that has no number yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unnumbered {
    /// Drawn with the record.
    pub nonce: [u8; NONCE_BYTES],
    /// Microseconds since 1970.
    pub at_us: i64,
    pub class: Class,
    pub record: Vec<u8>,
}

/// What is to be inserted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The number of the first record; the others follow.
    pub first: u64,
    /// One of each record.
    pub hashes: Vec<Hash>,
    /// Those that are full now, of level 0, too.
    pub tiles: Vec<Tile>,
    /// When one was due.
    pub checkpoint: Option<Note>,
}

impl Sequencer {
    /// Goes on behind `size` entries. `nodes`: the roots of perfect subtrees of what is stored. `None`: one of them is missing.
    pub fn resume(
        size: u64,
        nodes: impl Fn(u32, u64) -> Option<Hash>,
        issuer: Issuer,
    ) -> Option<Sequencer> {
        Some(Sequencer {
            entries: CompactRange::from_nodes(0, size, &nodes)?,
            tiles: OpenTiles::resume(size, &nodes)?,
            issuer,
        })
    }

    /// The entries that there are: the number of the next.
    pub fn size(&self) -> u64 {
        self.entries.end()
    }

    pub fn entries(&self) -> &CompactRange {
        &self.entries
    }

    pub fn issuer(&mut self) -> &mut Issuer {
        &mut self.issuer
    }

    /// Whether there is something to do without new records.
    pub fn is_due(&self, now_us: i64) -> bool {
        self.issuer.is_due(self.size(), now_us)
    }

    /// About 2 us for a record of 160 bytes, and 0.1 ms for a checkpoint. Errors: what is stored contradicts the last checkpoint, or
    /// the clock does; then this must not be used any more.
    pub fn step(
        &mut self,
        records: Vec<Unnumbered>,
        counted: &Counted,
        now_us: i64,
    ) -> Result<Step, IssueError> {
        let mut step = Step {
            first: self.size(),
            hashes: Vec::with_capacity(records.len()),
            tiles: Vec::new(),
            checkpoint: None,
        };
        for record in records {
            let hash = record.numbered(self.size()).hash();
            self.entries.append(hash);
            step.hashes.push(hash);
            step.tiles.extend(self.tiles.append(hash));
        }
        if self.is_due(now_us) {
            let state = State {
                entries: &self.entries,
                counted,
                now_us,
            };
            step.checkpoint = Some(self.issuer.issue(state)?);
        }
        Ok(step)
    }
}

impl Unnumbered {
    fn numbered(self, seq: u64) -> Leaf {
        let (nonce, record) = (self.nonce, self.record);
        Leaf {
            seq,
            at_us: self.at_us,
            class: self.class,
            content: Content::Whole { nonce, record },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::note::Signer;
    use crate::tree::tile;
    use std::collections::HashMap;
    use ward_seal::Ed25519Key;

    /// Rows as a store has them.
    #[derive(Default)]
    struct Rows {
        hashes: Vec<Hash>,
        tiles: HashMap<(u32, u64), Vec<Hash>>,
        checkpoints: Vec<Note>,
    }

    impl Rows {
        fn insert(&mut self, step: Step) {
            assert_eq!(step.first, self.hashes.len() as u64);
            self.hashes.extend(step.hashes);
            for tile in step.tiles {
                let place = (tile.level, tile.index);
                assert!(self.tiles.insert(place, tile.hashes).is_none());
            }
            self.checkpoints.extend(step.checkpoint);
        }

        /// Level 0 from the hashes, as they lie in runs; what is full above from tiles, and what is not from what is below.
        fn node(&self, level: u32, index: u64) -> Option<Hash> {
            tile::node(level, index, |level, index| match level {
                0 => {
                    let from = index as usize * tile::TILE_HASHES;
                    let to = self.hashes.len().min(from + tile::TILE_HASHES);
                    Some(self.hashes.get(from..to)?.to_vec())
                }
                _ => self.tiles.get(&(level, index)).cloned().or_else(|| {
                    let below = (index * 256..).map_while(|n| self.tiles.get(&(level - 1, n)));
                    below
                        .take(256)
                        .map(|hashes| crate::tree::perfect_root(hashes))
                        .collect()
                }),
            })
        }

        fn resumed(&self) -> Sequencer {
            let last = self.checkpoints.last().unwrap();
            let issuer = Issuer::resume(signer(), last).unwrap();
            let nodes = |level, index| self.node(level, index);
            Sequencer::resume(self.hashes.len() as u64, nodes, issuer).unwrap()
        }
    }

    fn signer() -> Signer {
        Signer::new("log.example", Ed25519Key::from_seed(&[1; 32])).unwrap()
    }

    fn records(from: u64, count: u64) -> Vec<Unnumbered> {
        let record = |n: u64| Unnumbered {
            nonce: [n as u8; NONCE_BYTES],
            at_us: n as i64,
            class: Class::READ,
            record: n.to_le_bytes().to_vec(),
        };
        (from..from + count).map(record).collect()
    }

    fn begun() -> (Sequencer, Rows) {
        let issuer = Issuer::new(signer());
        let sequencer = Sequencer::resume(0, |_, _| None, issuer).unwrap();
        (sequencer, Rows::default())
    }

    #[test]
    fn steps_of_any_size_make_one_tree_and_can_be_resumed() {
        let none = Counted::default();
        let (mut whole, mut all) = begun();
        all.insert(whole.step(records(0, 70_000), &none, 1).unwrap());
        let (mut sequencer, mut rows) = begun();
        let mut at = 0;
        for count in [0, 1, 254, 1, 1, 700, 64_600, 0, 4_443] {
            let step = sequencer
                .step(records(at, count), &none, at as i64)
                .unwrap();
            rows.insert(step);
            at += count;
            sequencer = rows.resumed();
        }
        assert_eq!(at, 70_000);
        assert_eq!(sequencer.entries(), whole.entries());
        assert_eq!(sequencer.tiles, whole.tiles);
        assert_eq!((&rows.hashes, &rows.tiles), (&all.hashes, &all.tiles));
    }

    #[test]
    fn a_step_that_is_not_stored_leaves_no_trace() {
        let none = Counted::default();
        let (mut sequencer, mut rows) = begun();
        rows.insert(sequencer.step(records(0, 5), &none, 1).unwrap());
        let mut lost = sequencer.clone();
        let signed = lost.step(records(90, 9), &none, 2_000_001).unwrap();
        assert!(signed.checkpoint.is_some());
        rows.insert(sequencer.step(records(5, 4), &none, 3_000_001).unwrap());
        let [first, second] = &rows.checkpoints[..] else {
            panic!("two checkpoints")
        };
        let second = Checkpoint::parse(second.text()).unwrap();
        assert_eq!((second.size, second.previous), (9, Some(first.digest())));
    }

    #[test]
    fn rows_that_are_gone_are_not_signed_over() {
        let none = Counted::default();
        let (mut sequencer, mut rows) = begun();
        rows.insert(sequencer.step(records(0, 300), &none, 1).unwrap());
        rows.hashes.truncate(299);
        let refused = rows.resumed().step(vec![], &none, 90_000_000);
        let smaller = IssueError::Smaller {
            signed: 300,
            now: 299,
        };
        assert_eq!(refused, Err(smaller));
        let step = rows.resumed().step(records(299, 1), &none, 90_000_000);
        assert!(step.is_ok(), "the same again is the same");
        let other = rows.resumed().step(records(500, 1), &none, 90_000_000);
        assert_eq!(other, Err(IssueError::Fork { size: 300 }));
    }
}
