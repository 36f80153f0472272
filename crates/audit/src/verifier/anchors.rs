//! What others have kept of the log: a file that agrees with itself must agree with it, too.

use super::{Place, Policy, Problem, Verifier};
use crate::checkpoint::Checkpoint;
use crate::note::{Note, VerifierKey};
use crate::tree::Hash;
use std::collections::BTreeMap;

/// The sizes at which roots are needed.
pub fn sizes(policy: &Policy) -> BTreeMap<u64, Option<Hash>> {
    let read = |note: &Note| Checkpoint::parse(note.text()).ok();
    let anchors = policy.anchors.iter().filter_map(read);
    anchors.map(|anchor| (anchor.size, None)).collect()
}

impl Verifier<'_> {
    pub(super) fn check_trust(&mut self) {
        let trusted = &self.policy.keys;
        self.report.has_trust = !trusted.is_empty();
        let mut signing = self.report.turns.iter().map(|turn| &turn.key);
        if !trusted.is_empty() && !signing.any(|key| trusted.contains(key)) {
            self.find_at(1, Place::File, Problem::Untrusted);
        }
    }

    pub(super) fn check_anchors(&mut self) {
        for (n, note) in self.policy.anchors.iter().enumerate() {
            let number = n + 1;
            match Checkpoint::parse(note.text()) {
                Ok(anchor) => self.check_anchor(number, note, &anchor),
                Err(why) => {
                    let place = Place::Anchor { number, size: 0 };
                    self.find_at(0, place, Problem::Malformed(why));
                }
            }
        }
    }

    fn check_anchor(&mut self, number: usize, note: &Note, anchor: &Checkpoint) {
        let size = anchor.size;
        let place = Place::Anchor { number, size };
        if anchor.origin != self.report.origin {
            let why = "it is another log's";
            return self.find_at(0, place, Problem::Malformed(why));
        }
        // Whatever key of the log has signed it: at which size it did so shows the root.
        let keys = self.report.turns.iter().map(|turn| turn.key.clone());
        let keys: Vec<VerifierKey> = keys.chain(self.policy.keys.clone()).collect();
        if !keys.iter().any(|key| note.is_signed_by(key)) {
            let key = self.report.origin.clone();
            return self.find_at(0, place, Problem::Unsigned { key });
        }
        if size > self.next_seq {
            let missing = Place::Entries(self.next_seq..size);
            let went_on = self
                .report
                .to_us
                .is_some_and(|to_us| to_us > anchor.time_us);
            let problem = match went_on {
                true => Problem::Rollback,
                false => Problem::Truncated,
            };
            return self.find_at(0, missing, problem);
        }
        match self.roots.get(&size) {
            Some(Some(root)) if *root == anchor.root => self.report.anchors += 1,
            Some(Some(_)) => self.find_at(0, place, Problem::Fork),
            // The tree was lost before, which is told, or the entries around this size were dropped.
            _ if self.is_tree_broken => {}
            _ => self.report.anchors_dropped += 1,
        }
    }
}
