//! Checkpoints of the file: each follows the one before, says the root of the entries, and is signed by the key whose turn it is.

use super::{Pause, Place, Problem, Turn, Verifier, Witnessed};
use crate::checkpoint::Checkpoint;
use crate::counted::Counted;
use crate::note::{Note, Signature, VerifierKey};
use crate::tree::Hash;

/// What the next checkpoint is compared to.
pub struct Last {
    digest: Hash,
    pub size: u64,
    root: Hash,
    pub time_us: i64,
    within_s: Option<u32>,
    counted: Counted,
}

impl Last {
    fn problems_of_next(&self, note: &Note, next: &Checkpoint) -> Vec<Problem> {
        let by_us = self.time_us.saturating_sub(next.time_us);
        let is_next = next.previous == Some(self.digest) && note.digest() != self.digest;
        let is_other_root = next.size == self.size && next.root != self.root;
        [
            (next.size < self.size, Problem::Rollback),
            (is_other_root, Problem::Fork),
            (!is_next, Problem::OtherPrevious),
            (by_us > 0, Problem::ClockBack { by_us }),
        ]
        .into_iter()
        .filter_map(|(is_so, problem)| is_so.then_some(problem))
        .collect()
    }

    /// Longer than what was promised, or than the auditor permits.
    fn silence(&self, next: &Checkpoint, most_s: Option<u64>) -> Option<Problem> {
        let promised_s = u64::from(self.within_s?).min(most_s.unwrap_or(u64::MAX));
        let silent_us = next.time_us.saturating_sub(self.time_us);
        let silent_s = u64::try_from(silent_us).unwrap_or(0).div_ceil(1_000_000);
        (silent_s > promised_s).then_some(Problem::MissingHeartbeat {
            silent_s,
            promised_s,
        })
    }
}

impl Verifier<'_> {
    pub(super) fn checkpoint(&mut self, note: Note) {
        self.report.checkpoints += 1;
        let number = self.report.checkpoints;
        let checkpoint = match Checkpoint::parse(note.text()) {
            Ok(checkpoint) => checkpoint,
            Err(why) => {
                let size = self.next_seq;
                return self.find(Place::Checkpoint { number, size }, Problem::Malformed(why));
            }
        };
        let size = checkpoint.size;
        let place = Place::Checkpoint { number, size };
        self.check_origin(&place, &checkpoint);
        self.check_signed(&place, &note, &checkpoint);
        self.check_follows(&place, &note, &checkpoint);
        self.check_root(&place, &checkpoint);
        self.check_counted(&place, &checkpoint);
        if self.report.newest_us > checkpoint.time_us.saturating_add(SKEW_US) {
            self.find(place, Problem::PostDated);
            self.report.newest_us = checkpoint.time_us;
        }
        self.went_by(&note, checkpoint);
    }

    fn check_origin(&mut self, place: &Place, checkpoint: &Checkpoint) {
        if checkpoint.origin != self.report.origin {
            let why = "it is another log's";
            self.find(place.clone(), Problem::Malformed(why));
        }
    }

    /// Of the key whose turn it is, and of the next one where it names one; no signature is there that does not hold.
    fn check_signed(&mut self, place: &Place, note: &Note, checkpoint: &Checkpoint) {
        let Some(key) = self.key.clone() else { return };
        let (named, signing) = (checkpoint.key, key.id());
        let needed: Vec<&VerifierKey> = [Some(&key), checkpoint.next.as_ref()]
            .into_iter()
            .flatten()
            .collect();
        for problem in self.signature_problems(note, &needed) {
            self.find(place.clone(), problem);
        }
        if named != signing {
            self.find(place.clone(), Problem::OtherKey { named, signing });
        }
    }

    /// What is wrong with the signatures of a note that `needed` must have signed and others may have.
    pub(super) fn signature_problems(&self, note: &Note, needed: &[&VerifierKey]) -> Vec<Problem> {
        let header = self.header.iter();
        let others = header.flat_map(|header| header.witnesses.iter().chain(&header.approvers));
        let others = others.chain(&self.policy.witnesses);
        let others: Vec<&VerifierKey> = others.chain(&self.policy.approvers).collect();
        let known = || needed.iter().chain(&others);
        let mut problems = Vec::new();
        for signature in note.signatures() {
            let by = signature.name.clone();
            match known().find(|key| key.is_named_by(signature)) {
                Some(key) if key.verifies(note.text(), signature) => {}
                Some(_) => problems.push(Problem::BadSignature { by }),
                None => problems.push(Problem::ForeignSignature {
                    by,
                    id: signature.id,
                }),
            }
        }
        let named = |key: &&&VerifierKey| !note.signatures().iter().any(|s| key.is_named_by(s));
        problems.extend(needed.iter().filter(named).map(|key| Problem::Unsigned {
            key: key.to_string(),
        }));
        problems
    }

    /// Its size, time, and the checkpoint that it says came before.
    fn check_follows(&mut self, place: &Place, note: &Note, checkpoint: &Checkpoint) {
        let Some(last) = &self.last else {
            if checkpoint.previous.is_some() {
                self.find(place.clone(), Problem::OtherPrevious);
            }
            return;
        };
        if last.within_s.is_none() {
            self.report.pauses.push(Pause {
                from_us: last.time_us,
                to_us: checkpoint.time_us,
            });
        }
        let mut problems = last.problems_of_next(note, checkpoint);
        problems.extend(last.silence(checkpoint, self.policy.within_max_s));
        for problem in problems {
            self.find(place.clone(), problem);
        }
    }

    fn check_root(&mut self, place: &Place, checkpoint: &Checkpoint) {
        let size = checkpoint.size;
        if size > self.next_seq {
            self.break_tree();
            let missing = self.next_seq..size;
            return self.find(Place::Entries(missing), Problem::Truncated);
        }
        if self.is_tree_broken || size < self.tree.end() && self.removals.has_dropped(size) {
            return;
        }
        if size < self.tree.end() {
            // Where it goes back behind the one before, that is told already.
            if self.last.as_ref().is_none_or(|last| size >= last.size) {
                let why = "it does not stand behind the last entry that it covers";
                self.find(place.clone(), Problem::Malformed(why));
            }
            return;
        }
        if self.tree.root() != Some(checkpoint.root) {
            let from = self.last.as_ref().map_or(0, |last| last.size.min(size));
            self.break_tree();
            let place = match from < size {
                true => Place::Entries(from..size),
                false => place.clone(),
            };
            self.find(place, Problem::OtherRoot);
        }
    }

    fn check_counted(&mut self, place: &Place, checkpoint: &Checkpoint) {
        let last = self.last.as_ref().map(|last| &last.counted);
        if last.is_some_and(|last| last.beyond(&checkpoint.counted).is_some()) {
            self.find(place.clone(), Problem::CountedLess);
        }
        if let Some((class, counted, recorded)) = checkpoint.counted.beyond(&self.recorded) {
            let class = class.0;
            let problem = Problem::Unrecorded {
                class,
                counted,
                recorded,
            };
            self.find(place.clone(), problem);
        }
    }

    fn went_by(&mut self, note: &Note, checkpoint: Checkpoint) {
        for key in &self.policy.witnesses {
            let signed = |s: &&Signature| key.is_named_by(s) && key.verifies(note.text(), s);
            let signature = note.signatures().iter().find(signed);
            if let Some(at_s) = signature.and_then(Signature::time_s) {
                let by = key.clone();
                let size = checkpoint.size;
                self.report.witnessed.retain(|seen| seen.by != by);
                self.report.witnessed.push(Witnessed { by, size, at_s });
            }
        }
        self.report.from_us.get_or_insert(checkpoint.time_us);
        self.report.to_us = Some(checkpoint.time_us);
        self.report.counted = checkpoint.counted.clone();
        self.last = Some(Last {
            digest: note.digest(),
            size: checkpoint.size,
            root: checkpoint.root,
            time_us: checkpoint.time_us,
            within_s: checkpoint.within_s,
            counted: checkpoint.counted,
        });
        if let Some(next) = checkpoint.next {
            let from = checkpoint.size;
            let key = next.clone();
            self.report.turns.push(Turn { from, key });
            self.key = Some(next);
        }
    }

    /// Entries that no checkpoint covers, a last checkpoint that is too old, witnesses that did not sign of late.
    pub(super) fn check_end(&mut self) {
        let (size, time_us) = match &self.last {
            Some(last) => (last.size, last.time_us),
            None => (0, i64::MIN),
        };
        let number = self.report.checkpoints;
        let place = Place::Checkpoint { number, size };
        if number == 0 {
            self.find_at(0, Place::File, Problem::NoCheckpoint);
        }
        if size < self.next_seq {
            let uncovered = size..self.next_seq;
            self.find_at(0, Place::Entries(uncovered), Problem::Uncovered);
        }
        if let Some((now_us, age_max_s)) = self.policy.fresh {
            let age_s = now_us.saturating_sub(time_us) / 1_000_000;
            let age_s = u64::try_from(age_s).unwrap_or(0);
            if age_s > age_max_s {
                self.find_at(0, place.clone(), Problem::Stale { age_s });
            }
        }
        let since_s = (time_us / 1_000_000).saturating_sub_unsigned(self.policy.witness_lag_s);
        for key in &self.policy.witnesses {
            let mut seen = self.report.witnessed.iter().filter(|seen| seen.by == *key);
            if !seen.any(|seen| i64::try_from(seen.at_s).is_ok_and(|at_s| at_s >= since_s)) {
                let by = key.name().to_owned();
                self.find_at(0, place.clone(), Problem::NotWitnessed { by });
            }
        }
    }
}

/// How far the clocks of the nodes that record and of the one that signs may be apart.
const SKEW_US: i64 = 60_000_000;
