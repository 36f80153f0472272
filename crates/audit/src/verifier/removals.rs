//! What was taken out must be named by removals that stand in the log themselves.

use super::{Place, Problem, Verifier};
use crate::counted::Counted;
use crate::leaf::{Class, Content, Leaf};
use crate::note::{Note, VerifierKey};
use crate::removal::{Removal, RemovalKind};
use std::ops::Range;

#[derive(Default)]
pub struct Removals {
    /// Entries without records, ascending, none touching, with the line of the first of each.
    redacted: Vec<(Range<u64>, u64)>,
    /// Entries that are not there, and how many there were of each class.
    dropped: Vec<(Range<u64>, Counted, u64)>,
    /// What the removals in the log name.
    redactions: Vec<Range<u64>>,
    retentions: Vec<(Range<u64>, Counted)>,
}

impl Removals {
    pub fn see(&mut self, leaf: &Leaf, line: u64) {
        if matches!(leaf.content, Content::Whole { .. }) {
            return;
        }
        match self.redacted.last_mut() {
            Some((range, _)) if range.end == leaf.seq => range.end += 1,
            _ => self.redacted.push((leaf.seq..leaf.seq + 1, line)),
        }
    }

    pub fn drop_range(&mut self, range: Range<u64>, counted: Counted, line: u64) {
        self.dropped.push((range, counted, line));
    }

    /// Whether the tree of this size ends within what was dropped.
    pub fn has_dropped(&self, size: u64) -> bool {
        let ranges = &mut self.dropped.iter().map(|(range, ..)| range);
        ranges.any(|range| range.start < size && size < range.end)
    }
}

impl Verifier<'_> {
    /// An entry that says what was taken out.
    pub(super) fn check_removal(&mut self, leaf: &Leaf) {
        let Content::Whole { record, .. } = &leaf.content else {
            return;
        };
        if leaf.class != Class::REMOVAL {
            return;
        }
        if let Err(problems) = self.removal(leaf.seq, record) {
            for problem in problems {
                self.find(Place::entry(leaf.seq), problem);
            }
        }
    }

    fn removal(&mut self, seq: u64, record: &[u8]) -> Result<(), Vec<Problem>> {
        let malformed = |why| vec![Problem::Malformed(why)];
        let text = std::str::from_utf8(record).map_err(|_| malformed("not UTF-8"))?;
        let note = Note::parse(text).map_err(malformed)?;
        let removal = Removal::parse(note.text()).map_err(malformed)?;
        if removal.origin != self.report.origin {
            return Err(malformed("it is another log's"));
        }
        if removal.entries.iter().any(|range| range.end > seq) {
            return Err(malformed("it names entries that come later"));
        }
        // The key may turn between the signature and the entry's number.
        let mut turns = self.report.turns.iter().rev().map(|turn| &turn.key);
        let signed = turns.find(|key| note.is_signed_by(key));
        let needed: Vec<_> = signed.or(self.key.as_ref()).into_iter().collect();
        let problems = self.signature_problems(&note, &needed);
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut approvers = self.policy.approvers.clone();
        approvers.retain(|key| note.is_signed_by(key));
        approvers.sort_by_key(VerifierKey::to_string);
        approvers.dedup();
        let (approvals, needed) = (approvers.len(), self.policy.approvals);
        if approvals < needed {
            return Err(vec![Problem::NotApproved { approvals, needed }]);
        }
        match removal.kind {
            RemovalKind::Redaction | RemovalKind::Expiry => {
                self.removals.redactions.extend(removal.entries)
            }
            RemovalKind::Retention(counted) => {
                let ranges = removal.entries.into_iter();
                let named = ranges.map(|range| (range, counted.clone()));
                self.removals.retentions.extend(named);
            }
        }
        Ok(())
    }

    pub(super) fn check_removals(&mut self) {
        let removals = std::mem::take(&mut self.removals);
        let allowed = joined(removals.redactions);
        for (range, line) in removals.redacted {
            if let Some(unnamed) = outside(&range, &allowed) {
                self.find_at(line, Place::Entries(unnamed), Problem::NotRemoved);
            }
            self.report.redacted.push(range);
        }
        for (range, counted, line) in removals.dropped {
            if !removals.retentions.contains(&(range.clone(), counted)) {
                self.find_at(line, Place::Entries(range.clone()), Problem::NotRemoved);
            }
            self.report.dropped.push(range);
        }
    }
}

/// Ascending, none touching.
fn joined(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

/// The first part of the range that none of `allowed` has.
fn outside(range: &Range<u64>, allowed: &[Range<u64>]) -> Option<Range<u64>> {
    let mut from = range.start;
    for other in allowed {
        if other.start > from {
            return (from < range.end).then(|| from..range.end.min(other.start));
        }
        from = from.max(other.end);
    }
    (from < range.end).then_some(from..range.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_allowed_is_found() {
        let allowed = joined(vec![8..10, 2..4, 4..6]);
        assert_eq!(allowed, [2..6, 8..10]);
        for (range, unnamed) in [
            (2..6, None),
            (3..5, None),
            (8..10, None),
            (5..7, Some(6..7)),
            (1..3, Some(1..2)),
            (3..9, Some(6..8)),
            (9..12, Some(10..12)),
            (6..8, Some(6..8)),
        ] {
            assert_eq!(outside(&range, &allowed), unnamed, "{range:?}");
        }
        assert_eq!(outside(&(0..1), &[]), Some(0..1));
    }
}
