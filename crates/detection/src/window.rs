//! What happened of late, bounded: a list of the last moments, and a sketch of how many were different.

use crate::alert::EVIDENCE_MAX;
use std::collections::VecDeque;

/// Moments within a window, at most [`Burst::ENTRIES_MAX`]; older ones fall out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Burst(VecDeque<Moment>);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub at_s: i64,
    pub value: u64,
    pub seq: i64,
}

impl Burst {
    pub const ENTRIES_MAX: usize = 128;

    pub fn push(&mut self, at_s: i64, value: u64, seq: i64, window_s: i64) {
        while self.0.front().is_some_and(|m| at_s - m.at_s >= window_s) {
            self.0.pop_front();
        }
        if self.0.len() >= Self::ENTRIES_MAX {
            self.0.pop_front();
        }
        self.0.push_back(Moment { at_s, value, seq });
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Moment> {
        self.0.iter()
    }

    /// Different values among those that `counts`; sorts a copy of a bounded list.
    pub fn distinct(&self, counts: impl Fn(u64) -> bool) -> usize {
        let mut values: Vec<u64> = self.0.iter().map(|m| m.value).collect();
        values.retain(|value| counts(*value));
        values.sort_unstable();
        values.dedup();
        values.len()
    }

    pub fn evidence(&self) -> Evidence {
        let mut evidence = Evidence::default();
        for moment in &self.0 {
            evidence.add(moment.seq, moment.at_s);
        }
        evidence
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// The last accesses that something rests on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Evidence {
    seqs: VecDeque<i64>,
    pub since_s: i64,
}

impl Evidence {
    pub fn of(seq: i64, at_s: i64) -> Evidence {
        let mut one = Evidence::default();
        one.add(seq, at_s);
        one
    }

    pub fn add(&mut self, seq: i64, at_s: i64) {
        if self.seqs.is_empty() {
            self.since_s = at_s;
        }
        if self.seqs.back() == Some(&seq) {
            return;
        }
        if self.seqs.len() >= EVIDENCE_MAX {
            self.seqs.pop_front();
        }
        self.seqs.push_back(seq);
    }

    pub fn list(&self) -> Vec<i64> {
        self.seqs.iter().copied().collect()
    }

    pub fn clear(&mut self) {
        self.seqs.clear();
    }
}

/// About how many different values there were (linear counting over 1,024 bits): within 8 % up to 1,500, and no more than
/// 7,000 is ever told. 128 bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Distinct {
    words: [u64; 16],
    set: u16,
}

impl Distinct {
    pub fn add(&mut self, value: u64) {
        let at = (scramble(value) % 1_024) as usize;
        let bit = 1 << (at % 64);
        if self.words[at / 64] & bit == 0 {
            self.words[at / 64] |= bit;
            self.set += 1;
        }
    }

    pub fn count(&self) -> f64 {
        let bits = 1_024.0;
        let clear = (bits - f64::from(self.set)).max(1.0);
        (-bits * (clear / bits).ln()).round()
    }

    pub fn clear(&mut self) {
        *self = Distinct::default();
    }
}

/// Spreads numbers that lie close together.
pub(crate) fn scramble(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sketch_counts_within_eight_percent() {
        for count in [1u64, 10, 50, 200, 1_000, 1_500] {
            let mut seen = Distinct::default();
            for value in (0..count).chain(0..count) {
                seen.add(value * 4_096);
            }
            let error = (seen.count() - count as f64).abs() / count as f64;
            assert!(error < 0.08, "{count}: {}", seen.count());
        }
    }

    #[test]
    fn a_burst_forgets_what_is_older_than_its_window() {
        let mut burst = Burst::default();
        for at in 0..1_000 {
            burst.push(at, at as u64 % 7, at, 60);
        }
        assert_eq!((burst.len(), burst.distinct(|_| true)), (60, 7));
        for at in 1_000..1_500 {
            burst.push(1_000, 1, at, 60);
        }
        assert_eq!(burst.len(), Burst::ENTRIES_MAX);
        assert_eq!(burst.evidence().list().len(), EVIDENCE_MAX);
    }
}
