//! Row ids: a time-ordered counter << 12 | 12 bits of the home patient, handed out from persisted blocks (hi-lo).
//!
//! The low bits are the shard key of every row of one patient; they are recoverable from a public id.

use crate::contract::Rid;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Counters per persisted block. A restart skips the rest of a block; 2^51 counters last for 2^31 restarts.
pub const BLOCK: i64 = 1 << 20;
/// Low bits of a row id that name the home patient.
pub const SHARD_BITS: u32 = 12;
const SHARD_MASK: i64 = (1 << SHARD_BITS) - 1;

/// Gives out counters without I/O; the store persists blocks ahead of need.
pub struct Allocator(Mutex<Blocks>);

struct Blocks {
    next: i64,
    /// First counter after the block in use.
    end: i64,
    /// A further block, already persisted.
    spare: Option<i64>,
    /// Somebody is persisting a further block.
    refilling: bool,
}

impl Allocator {
    /// `block` is the first counter of a block this process owns.
    pub fn new(block: i64) -> Allocator {
        Allocator(Mutex::new(Blocks {
            next: block,
            end: block + BLOCK,
            spare: None,
            refilling: false,
        }))
    }

    /// A new row id in the shard of `patient`; rows without one, and patients, spread over all shards.
    /// `None`: the block is used up and the spare one is not there yet (see `wants_spare`).
    pub fn allocate(&self, patient: Option<Rid>) -> Option<Rid> {
        let mut blocks = self.blocks();
        if blocks.next == blocks.end {
            blocks.next = blocks.spare.take()?;
            blocks.end = blocks.next + BLOCK;
        }
        blocks.next += 1;
        Some(compose(blocks.next - 1, patient))
    }

    /// True once when a further block should be persisted: half of the one in use is gone and nobody is at it.
    pub fn wants_spare(&self) -> bool {
        let mut blocks = self.blocks();
        let wants =
            blocks.end - blocks.next < BLOCK / 2 && blocks.spare.is_none() && !blocks.refilling;
        blocks.refilling |= wants;
        wants
    }

    /// Ends a refill; `None` when it failed and may be tried again.
    pub fn keep_spare(&self, block: Option<i64>) {
        let mut blocks = self.blocks();
        blocks.refilling = false;
        blocks.spare = blocks.spare.or(block);
    }

    fn blocks(&self) -> MutexGuard<'_, Blocks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn compose(counter: i64, patient: Option<Rid>) -> Rid {
    let shard = match patient {
        Some(patient) => patient & SHARD_MASK,
        None => ((counter as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 52) as i64 & SHARD_MASK,
    };
    (counter << SHARD_BITS) | shard
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_share_the_shard_of_their_patient_and_rise() {
        let allocator = Allocator::new(BLOCK);
        let patient = allocator.allocate(None).unwrap();
        let row = allocator.allocate(Some(patient)).unwrap();
        assert!(row > patient);
        assert_eq!(row & SHARD_MASK, patient & SHARD_MASK);
    }

    #[test]
    fn blocks_follow_each_other_without_repeats() {
        let allocator = Allocator::new(BLOCK);
        let mut last = 0;
        for drawn in 0..BLOCK + 10 {
            if allocator.wants_spare() {
                assert!(drawn > BLOCK / 2 && !allocator.wants_spare());
                allocator.keep_spare(Some(BLOCK * 7));
            }
            let counter = allocator.allocate(None).unwrap() >> SHARD_BITS;
            assert!(counter > last);
            last = counter;
        }
        assert_eq!(last, BLOCK * 7 + 9);
    }

    #[test]
    fn a_used_up_block_without_a_spare_gives_nothing() {
        let allocator = Allocator::new(0);
        (0..BLOCK).for_each(|_| assert!(allocator.allocate(Some(5)).is_some()));
        assert_eq!(allocator.allocate(None), None);
        allocator.keep_spare(None);
        assert!(allocator.wants_spare());
    }
}
