//! Rows of the vocabulary and of the phrases that are surely stored: what has been committed once need not be sent again, so that most
//! writes bring none that is new.
//!
//! Rows of the vocabulary are never removed. Phrases are, but none that a row has had within `StoreSettings::texts_kept_s`: so they
//! are known for half of that.

use crate::contract::Unit;
use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use ward_search::entries::{FormEntry, PhraseEntry};

/// Rows remembered, 16 bytes each (the beginnings of some 30,000 words); then they are forgotten and learnt again.
const ROWS_MAX: usize = 262_144;

/// Two keyed hashes of a row: that two rows share both is out of reach.
type Mark = (u64, u64);

pub struct Known {
    keys: (RandomState, RandomState),
    rows: Mutex<Rows>,
    /// How long phrases are known, at most.
    lifetime: Duration,
}

struct Rows {
    forms: HashSet<Mark>,
    /// Since the last turn, and since the one before. There is a turn after half of the lifetime.
    phrases: [HashSet<Mark>; 2],
    turned: Instant,
}

/// What a unit brings that is not known to be stored.
#[derive(Default)]
pub struct Fresh {
    pub forms: Vec<FormEntry>,
    pub phrases: Vec<PhraseEntry>,
}

impl Known {
    pub fn new(lifetime: Duration) -> Known {
        Known {
            keys: (RandomState::new(), RandomState::new()),
            rows: Mutex::new(Rows {
                forms: HashSet::new(),
                phrases: [HashSet::new(), HashSet::new()],
                turned: Instant::now(),
            }),
            lifetime,
        }
    }

    pub fn fresh(&self, unit: &Unit) -> Fresh {
        let rows = self.rows(Instant::now());
        let mut fresh = Fresh::default();
        for entries in unit.writes.iter().map(|write| &write.entries) {
            let new = |form: &&FormEntry| !rows.forms.contains(&self.mark(form));
            fresh.forms.extend(entries.vocabulary.iter().filter(new));
            let new = |phrase: &&PhraseEntry| {
                let mark = self.mark(phrase);
                !rows.phrases.iter().any(|known| known.contains(&mark))
            };
            fresh
                .phrases
                .extend(entries.phrases.iter().filter(new).cloned());
        }
        fresh
    }

    /// They are committed.
    pub fn settled(&self, fresh: &Fresh) {
        if fresh.forms.is_empty() && fresh.phrases.is_empty() {
            return;
        }
        let mut rows = self.rows(Instant::now());
        if rows.len() + fresh.forms.len() + fresh.phrases.len() > ROWS_MAX {
            rows.forget();
        }
        let forms = fresh.forms.iter().map(|form| self.mark(form));
        rows.forms.extend(forms.take(ROWS_MAX));
        if !self.lifetime.is_zero() {
            let room = ROWS_MAX.saturating_sub(rows.len());
            let phrases = fresh.phrases.iter().map(|phrase| self.mark(phrase));
            rows.phrases[0].extend(phrases.take(room));
        }
    }

    fn mark(&self, row: &impl Hash) -> Mark {
        (self.keys.0.hash_one(row), self.keys.1.hash_one(row))
    }

    /// As they are known at a time. Nothing panics while it is held; and what it holds is true at any time.
    fn rows(&self, now: Instant) -> MutexGuard<'_, Rows> {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.saturating_duration_since(rows.turned);
        if since >= self.lifetime {
            rows.phrases = Default::default();
            rows.turned = now;
        } else if since >= self.lifetime / 2 {
            rows.phrases[1] = std::mem::take(&mut rows.phrases[0]);
            rows.turned = now;
        }
        rows
    }
}

impl Rows {
    fn len(&self) -> usize {
        self.forms.len() + self.phrases.iter().map(HashSet::len).sum::<usize>()
    }

    fn forget(&mut self) {
        self.forms.clear();
        self.phrases = Default::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(600);

    fn phrase() -> PhraseEntry {
        PhraseEntry {
            param: 1,
            value: "blood pressure".into(),
            term: 7,
        }
    }

    fn fresh(count: i64) -> Fresh {
        Fresh {
            forms: (0..count).map(|term| FormEntry { form: 1, term }).collect(),
            phrases: vec![phrase()],
        }
    }

    fn is_known(known: &Known, at: Instant) -> bool {
        let mark = known.mark(&phrase());
        let rows = known.rows(at);
        rows.phrases.iter().any(|marks| marks.contains(&mark))
    }

    #[test]
    fn what_is_settled_is_known_and_the_number_is_bounded() {
        let known = Known::new(LIFETIME);
        let count = || known.rows(Instant::now()).len();
        known.settled(&fresh(2));
        assert_eq!(count(), 3);
        assert!(is_known(&known, Instant::now()));
        known.settled(&fresh(ROWS_MAX as i64 * 2));
        assert_eq!(count(), ROWS_MAX);
        known.settled(&fresh(1));
        assert_eq!(count(), 2, "forgotten and learnt again");
    }

    #[test]
    fn phrases_are_known_for_a_lifetime_at_most() {
        let known = Known::new(LIFETIME);
        let begun = known.rows(Instant::now()).turned;
        known.settled(&fresh(1));
        assert!(is_known(
            &known,
            begun + LIFETIME / 2 - Duration::from_secs(1)
        ));
        assert!(is_known(&known, begun + LIFETIME / 2));
        assert!(is_known(&known, begun + LIFETIME - Duration::from_secs(1)));
        assert!(!is_known(&known, begun + LIFETIME));
        known.settled(&fresh(1));
        assert!(
            !is_known(&known, begun + LIFETIME * 3),
            "nobody has asked since"
        );
        assert_eq!(
            known.rows(begun + LIFETIME * 4).forms.len(),
            1,
            "which stay"
        );
        let never = Known::new(Duration::ZERO);
        never.settled(&fresh(1));
        assert!(!is_known(&never, Instant::now()));
    }
}
