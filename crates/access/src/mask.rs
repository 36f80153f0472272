//! Which visibility ids a caller sees: some of those that are known, or whatever a row has.

use std::sync::Arc;

/// Of rows by their visibility id (`w` on PostgreSQL, `k` on SQLite). Cheap to clone.
///
/// Rows may get ids that were given after a mask was made: one that is a choice of ids hides them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask(Option<Arc<[u8]>>);

impl Mask {
    /// Hides nothing, whatever ids there will be: of callers whom no consent and no label binds, and of the server itself.
    pub const fn every() -> Mask {
        Mask(None)
    }

    /// Shows the ids whose bit is set: bit `n` is bit `n % 8`, lowest first, of byte `n / 8`, as PostgreSQL's `get_bit` counts. Beyond
    /// the end nothing is seen. Costs a copy.
    pub fn of_bits(bits: &[u8]) -> Mask {
        Mask(Some(bits.iter().copied().chain([0]).collect()))
    }

    /// Shows these ids and no other. A negative one is nobody's.
    pub fn of(ids: &[i32]) -> Mask {
        let known = || ids.iter().filter_map(|id| usize::try_from(*id).ok());
        let mut bits = vec![0; known().max().map_or(0, |last| last / 8 + 1)];
        known().for_each(|id| bits[id / 8] |= 1 << (id % 8));
        Mask::of_bits(&bits)
    }

    /// The bits with a byte of zeros behind them, on one of which every id beyond them may be laid; `None`: nothing is hidden.
    pub fn closed_bits(&self) -> Option<&Arc<[u8]>> {
        self.0.as_ref()
    }

    /// Whether rows with this visibility id are let through.
    pub fn shows(&self, visibility: i32) -> bool {
        let Some(bits) = &self.0 else { return true };
        let id = usize::try_from(visibility).ok();
        id.is_some_and(|id| {
            bits.get(id / 8)
                .is_some_and(|byte| byte >> (id % 8) & 1 == 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_bits_from_the_lowest() {
        let shown = |mask: Mask| -> Vec<i32> { (-1..30).filter(|id| mask.shows(*id)).collect() };
        assert_eq!(
            shown(Mask::of_bits(&[0b0000_0101, 0b1000_0000])),
            [0, 2, 15]
        );
        assert_eq!(shown(Mask::of(&[15, 0, 2, -3])), [0, 2, 15]);
        assert!(shown(Mask::of(&[])).is_empty());
        assert_eq!(
            Mask::of(&[15, 0, 2]),
            Mask::of_bits(&[0b0000_0101, 0b1000_0000])
        );
        let open = Mask::of_bits(&[0xff]);
        assert!(open.shows(7) && !open.shows(8));
        assert!(!open.shows(i32::MAX) && !open.shows(i32::MIN));
    }

    #[test]
    fn what_hides_nothing_shows_ids_that_nobody_knows_yet() {
        for id in [0, 1, 1_024, i32::MAX, -1] {
            assert!(Mask::every().shows(id));
        }
        assert!(Mask::every().closed_bits().is_none());
        let closed = Mask::of(&[8]).closed_bits().cloned();
        assert_eq!(closed.as_deref(), Some(&[0, 1, 0][..]));
    }
}
