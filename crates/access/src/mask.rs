//! Which visibility ids a caller sees: some of those that are known, or whatever a row has.

use crate::masked::{Masked, Veil};
use std::sync::Arc;
use ward_search::groups::Groups;

/// Of rows by their visibility id (`w` on PostgreSQL, `k` on SQLite). Cheap to clone.
///
/// Rows may get ids that were given after a mask was made: one that is a choice of ids hides them.
#[derive(Clone, Debug)]
pub struct Mask {
    bits: Option<Arc<[u8]>>,
    hides: Hides,
    /// Ids from this one on were not decided.
    known: usize,
    /// Of the ids that are shown, those whose rows are shown in part. `None`: there are none.
    masked: Option<Masked>,
}

/// What they show now.
impl PartialEq for Mask {
    fn eq(&self, other: &Mask) -> bool {
        self.bits == other.bits && self.hides == other.hides && self.masked == other.masked
    }
}

impl Eq for Mask {}

/// What there may be that a mask hides: what nobody said otherwise of, may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hides {
    /// Rows in patients' records.
    pub records: bool,
    /// Rows that are in nobody's record.
    pub shared: bool,
    /// Of these the ones that the privacy role alone sees: reviews, and what is reviewed.
    pub reviews: bool,
}

impl Hides {
    pub const NOTHING: Hides = Hides {
        records: false,
        shared: false,
        reviews: false,
    };
    pub const ANYTHING: Hides = Hides {
        records: true,
        shared: true,
        reviews: true,
    };

    /// Both.
    pub const fn and(self, other: Hides) -> Hides {
        Hides {
            records: self.records || other.records,
            shared: self.shared || other.shared,
            reviews: self.reviews || other.reviews,
        }
    }
}

impl Mask {
    /// Hides nothing, whatever ids there will be: of callers whom no consent and no label binds, and of the server itself.
    pub const fn every() -> Mask {
        Mask {
            bits: None,
            hides: Hides::NOTHING,
            known: 0,
            masked: None,
        }
    }

    /// Shows the ids whose bit is set: bit `n` is bit `n % 8`, lowest first, of byte `n / 8`, as PostgreSQL's `get_bit` counts. Beyond
    /// the end nothing is seen. Costs a copy.
    pub fn of_bits(bits: &[u8]) -> Mask {
        Mask {
            bits: Some(bits.iter().copied().chain([0]).collect()),
            hides: Hides::ANYTHING,
            known: bits.len() * 8,
            masked: None,
        }
    }

    /// The same, made of so many ids.
    pub fn knowing(self, known: usize) -> Mask {
        Mask { known, ..self }
    }

    /// The same, that shows what was not decided when it was made, up to this id. For what must hold at a commit: a rival's row
    /// of which nobody knows whether it is seen ends an attempt, and the next one knows. Costs a bit for each id.
    pub fn with_unknown(&self, ids_max: usize) -> Mask {
        let Some(bits) = &self.bits else {
            return self.clone();
        };
        let mut open = bits[..bits.len() - 1].to_vec();
        open.resize(ids_max.div_ceil(8).max(open.len()), 0);
        for id in self.known..ids_max {
            open[id / 8] |= 1 << (id % 8);
        }
        Mask {
            masked: self.masked.clone(),
            ..Mask::of_bits(&open)
        }
    }

    /// The same choice of ids, of which is known what else rows have by now. Who has seen all classes says so, and what leaves for a
    /// caller from whom nothing is hidden need not be looked through.
    pub fn hiding(self, hides: Hides) -> Mask {
        Mask {
            hides: match self.bits {
                Some(_) => hides,
                None => Hides::NOTHING,
            },
            ..self
        }
    }

    /// The same choice of ids, some of which are shown in part.
    pub fn masking(self, masked: Masked) -> Mask {
        Mask {
            masked: Some(masked).filter(|masked| !masked.is_empty()),
            ..self
        }
    }

    /// The ids that are shown in part; `None`: whatever is shown is shown whole.
    pub const fn masked(&self) -> Option<&Masked> {
        self.masked.as_ref()
    }

    /// What of a row with this id does not leave.
    pub fn veil(&self, visibility: i32) -> Veil {
        let masked = self.masked.as_ref();
        masked.map_or(Veil::default(), |masked| masked.veil(visibility))
    }

    /// The closed bits of the ids in whose rows none of the groups is masked. `None`: in no row that is shown. Costs a copy.
    pub fn showing(&self, groups: Groups) -> Option<Arc<[u8]>> {
        let masked = self.masked.as_ref()?;
        if masked.groups().within(groups).is_empty() {
            return None;
        }
        let mut bits = self.bits.as_ref()?.to_vec();
        for id in masked.masking(groups) {
            if let Some(byte) = bits.get_mut(id / 8) {
                *byte &= !(1 << (id % 8));
            }
        }
        Some(bits.into())
    }

    /// What there may be that this mask hides.
    pub const fn hides(&self) -> Hides {
        self.hides
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
        self.bits.as_ref()
    }

    /// Whether rows with this visibility id are let through.
    pub fn shows(&self, visibility: i32) -> bool {
        let Some(bits) = &self.bits else { return true };
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
    fn what_was_not_decided_is_shown_where_it_must_not_be_passed_over() {
        let mask = Mask::of(&[0, 2]).knowing(4).with_unknown(20);
        let shown: Vec<i32> = (0..40).filter(|id| mask.shows(*id)).collect();
        assert_eq!(shown, [vec![0, 2], (4..20).collect()].concat());
        assert!(!mask.shows(i32::MAX));
        assert!(Mask::every().with_unknown(20).closed_bits().is_none());
    }

    #[test]
    fn r15_ids_that_are_shown_in_part_show_what_is_not_masked() {
        let (value, note) = (Groups::of(0), Groups::of(1));
        let veil = |masked, redacted| Veil { masked, redacted };
        let masked = Masked::default().with(&[(2, veil(value, Groups::NONE))]);
        let masked = masked.with(&[(4, veil(Groups::NONE, value.and(note)))]);
        let mask = Mask::of(&[0, 2, 4, 5]).masking(masked.clone());
        let shown = |groups| mask.showing(groups);
        let bits = |ids| Mask::of(ids).closed_bits().cloned();
        assert_eq!(shown(value), bits(&[0, 5]));
        assert_eq!(shown(note), bits(&[0, 2, 5]));
        assert_eq!(shown(value.and(note)), bits(&[0, 5]));
        assert_eq!(shown(Groups::of(7)), None);
        assert!(mask.shows(2) && mask.veil(2) == veil(value, Groups::NONE));
        assert!(mask.veil(0).is_empty() && mask.veil(-1).is_empty());
        // What nobody has judged yet counts as met, and is masked in nothing.
        let unknown = mask.clone().knowing(6).with_unknown(8);
        let open = Mask::of(&[0, 5, 6, 7]);
        assert_eq!(unknown.showing(value), open.closed_bits().cloned());
        let none = Mask::of(&[0, 2, 4, 5]);
        assert_ne!(mask, none);
        assert_eq!(none.clone().masking(Masked::default()), none);
        assert!(none.showing(Groups::ALL).is_none());
    }

    #[test]
    fn what_hides_nothing_shows_ids_that_nobody_knows_yet() {
        for id in [0, 1, 1_024, i32::MAX, -1] {
            assert!(Mask::every().shows(id));
        }
        assert!(Mask::every().closed_bits().is_none());
        assert_eq!(Mask::every().hides(), Hides::NOTHING);
        assert_eq!(Mask::every().hiding(Hides::ANYTHING), Mask::every());
        assert_eq!(Mask::of(&[0]).hides(), Hides::ANYTHING);
        let quiet = Mask::of(&[0]).hiding(Hides::NOTHING);
        assert!(quiet.shows(0) && !quiet.shows(1));
        let closed = Mask::of(&[8]).closed_bits().cloned();
        assert_eq!(closed.as_deref(), Some(&[0, 1, 0][..]));
    }
}
