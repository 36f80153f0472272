//! What privacy officers found shifts what is an alert at this site.

use crate::access::Key;
use crate::bounded::Bounded;
use crate::rule::Rule;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was misuse.
    Confirmed,
    /// There was a reason that the records did not tell.
    Explained,
}

/// Found for one alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Feedback {
    pub at_s: i64,
    pub verdict: Verdict,
    /// The rules among its reasons.
    pub rules: Vec<Rule>,
    pub user: Key,
    /// Row id; 0: no single patient.
    pub patient: i64,
}

#[derive(Debug)]
pub(crate) struct Found {
    confirmed: [f64; 31],
    explained: [f64; 31],
    /// Until when a user's accesses to a patient count as explained.
    pairs: Bounded<(Key, i64), i64>,
}

impl Found {
    pub fn new() -> Found {
        Found {
            confirmed: [0.0; 31],
            explained: [0.0; 31],
            pairs: Bounded::new(PAIRS_MAX, PAIR_S),
        }
    }

    pub fn learn(&mut self, found: &Feedback) {
        let counts = match found.verdict {
            Verdict::Confirmed => &mut self.confirmed,
            Verdict::Explained => &mut self.explained,
        };
        for rule in &found.rules {
            counts[usize::from(rule.number())] += 1.0;
        }
        if found.verdict == Verdict::Explained && found.user != 0 && found.patient != 0 {
            let until = found.at_s.saturating_add(PAIR_S);
            self.pairs
                .put((found.user, found.patient), until, found.at_s);
        }
    }

    /// 1 without feedback; down to a half where nearly all was explained, up to a quarter more where nearly all was misuse.
    /// Fixed rules never weigh less.
    pub fn weight(&self, rule: Rule) -> f64 {
        let at = usize::from(rule.number());
        let (confirmed, explained) = (self.confirmed[at], self.explained[at]);
        // As if there had been ten findings at the rate at which alerts are expected to be right.
        let right = (confirmed + EXPECTED * PRIOR) / (confirmed + explained + PRIOR);
        let weight = match right < EXPECTED {
            true => 0.5 + 0.5 * right / EXPECTED,
            false => 1.0 + 0.25 * (right - EXPECTED) / (1.0 - EXPECTED),
        };
        match rule.is_fixed() {
            true => weight.max(1.0),
            false => weight,
        }
    }

    pub fn explains(&self, user: Key, patient: i64, at_s: i64) -> bool {
        self.pairs
            .get(&(user, patient))
            .is_some_and(|until| at_s < *until)
    }
}

const PAIRS_MAX: usize = 20_000;
const PAIR_S: i64 = 90 * 86_400;
const EXPECTED: f64 = 0.2;
const PRIOR: f64 = 10.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn feedback(verdict: Verdict, rules: &[Rule]) -> Feedback {
        Feedback {
            at_s: 100,
            verdict,
            rules: rules.to_vec(),
            user: 7,
            patient: 9,
        }
    }

    #[test]
    fn what_is_explained_weighs_less_and_what_is_confirmed_more() {
        let mut found = Found::new();
        assert_eq!(found.weight(Rule::A5), 1.0);
        for _ in 0..100 {
            found.learn(&feedback(Verdict::Explained, &[Rule::A5, Rule::A6]));
            found.learn(&feedback(Verdict::Confirmed, &[Rule::A3]));
        }
        assert!((0.5..0.6).contains(&found.weight(Rule::A5)));
        assert!((1.2..=1.25).contains(&found.weight(Rule::A3)));
        assert_eq!(found.weight(Rule::A6), 1.0, "fixed");
    }

    #[test]
    fn an_explained_pair_is_explained_for_a_while() {
        let mut found = Found::new();
        found.learn(&feedback(Verdict::Confirmed, &[Rule::A1]));
        assert!(!found.explains(7, 9, 200));
        found.learn(&feedback(Verdict::Explained, &[Rule::A1]));
        assert!(found.explains(7, 9, 200));
        assert!(!found.explains(7, 8, 200));
        assert!(!found.explains(7, 9, 100 + PAIR_S));
    }
}
