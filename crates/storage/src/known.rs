//! Rows of the vocabulary and of the phrases that are surely stored. They are never removed, so what has been committed
//! once need not be sent again: most writes bring none that is new.

use crate::contract::Unit;
use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::sync::{Mutex, MutexGuard, PoisonError};
use ward_search::entries::{FormEntry, PhraseEntry};

/// Rows remembered, 16 bytes each (the beginnings of some 30,000 words); then they are forgotten and learnt again.
const ROWS_MAX: usize = 262_144;

/// Two keyed hashes of a row: that two rows share both is out of reach.
type Mark = (u64, u64);

pub struct Known {
    keys: (RandomState, RandomState),
    rows: Mutex<HashSet<Mark>>,
}

/// What a unit brings that is not known to be stored.
#[derive(Default)]
pub struct Fresh {
    pub forms: Vec<FormEntry>,
    pub phrases: Vec<PhraseEntry>,
}

impl Known {
    pub fn new() -> Known {
        Known {
            keys: (RandomState::new(), RandomState::new()),
            rows: Mutex::new(HashSet::new()),
        }
    }

    pub fn fresh(&self, unit: &Unit) -> Fresh {
        let rows = self.rows();
        let mut fresh = Fresh::default();
        for entries in unit.writes.iter().map(|write| &write.entries) {
            let new = |form: &&FormEntry| !rows.contains(&self.mark(form));
            fresh.forms.extend(entries.vocabulary.iter().filter(new));
            let new = |phrase: &&PhraseEntry| !rows.contains(&self.mark(phrase));
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
        let mut rows = self.rows();
        if rows.len() + fresh.forms.len() + fresh.phrases.len() > ROWS_MAX {
            rows.clear();
        }
        let forms = fresh.forms.iter().map(|form| self.mark(form));
        let phrases = fresh.phrases.iter().map(|phrase| self.mark(phrase));
        rows.extend(forms.chain(phrases).take(ROWS_MAX));
    }

    fn mark(&self, row: &impl Hash) -> Mark {
        (self.keys.0.hash_one(row), self.keys.1.hash_one(row))
    }

    /// Nothing panics while it is held; and what it holds is true at any time.
    fn rows(&self) -> MutexGuard<'_, HashSet<Mark>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh(count: i64) -> Fresh {
        let phrase = PhraseEntry {
            param: 1,
            value: "blood pressure".into(),
            term: 7,
        };
        Fresh {
            forms: (0..count).map(|term| FormEntry { form: 1, term }).collect(),
            phrases: vec![phrase],
        }
    }

    #[test]
    fn what_is_settled_is_known_and_the_number_is_bounded() {
        let known = Known::new();
        known.settled(&fresh(2));
        assert_eq!(known.rows().len(), 3);
        assert!(known.rows().contains(&known.mark(&fresh(1).phrases[0])));
        known.settled(&fresh(ROWS_MAX as i64 * 2));
        assert_eq!(known.rows().len(), ROWS_MAX);
        known.settled(&fresh(1));
        assert_eq!(known.rows().len(), 2, "forgotten and learnt again");
    }
}
