//! What is remembered of users, peers, apps and addresses. Everything has a bound.

use crate::access::Key;
use crate::baseline::Baseline;
use crate::facts::Point;
use crate::window::{Burst, Distinct, Evidence};

/// Of one user: about 4 KiB, and up to 20 KiB more for who is in several bursts at once.
#[derive(Debug, Default)]
pub(crate) struct User {
    /// 0: not seen yet.
    pub last_s: i64,
    pub hour: Count,
    pub day: Count,
    pub unexplained: Count,
    pub sensitive: Distinct,
    pub documents: u32,
    pub own_documents: Baseline,
    pub opened: Option<Opened>,
    pub quick: Burst,
    pub probes: Burst,
    pub refused: Burst,
    pub glasses: Burst,
    /// Of those that nothing explained yet, the last.
    pub glass_open: Option<(i64, i64, i64)>,
    pub switches: Burst,
    pub workstation: Key,
    pub granted_s: Option<i64>,
    pub after_grant: Burst,
    pub changes: Minute,
    pub deletions: Minute,
    pub place: Option<(Point, i64)>,
    pub sources: Sources,
    pub woke: bool,
}

/// The record that is open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opened {
    pub patient: i64,
    pub at_s: i64,
    pub seq: i64,
    pub is_unexplained: bool,
}

/// Of people of one role and department.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    pub hour: Baseline,
    pub day: Baseline,
    pub unexplained: Baseline,
    pub documents: Baseline,
    pub changes: Baseline,
    pub deletions: Baseline,
    /// Records opened, and those of them that nothing explained.
    pub opened: f64,
    pub opened_unexplained: f64,
    /// Patients of whole days, and those of them of whom sensitive entries were read.
    pub patients: f64,
    pub sensitive: f64,
}

impl Peers {
    /// Share of records that are opened without a reason; between what is usual everywhere and what was seen.
    pub fn unexplained_share(&self, usual: f64) -> f64 {
        (self.opened_unexplained + usual * PRIOR) / (self.opened + PRIOR)
    }

    pub fn sensitive_share(&self) -> f64 {
        (self.sensitive + 1.0) / (self.patients + PRIOR)
    }

    pub fn open(&mut self, is_unexplained: bool) {
        self.opened += 1.0;
        self.opened_unexplained += f64::from(u8::from(is_unexplained));
        if self.opened > FORGOTTEN_AT {
            self.opened /= 2.0;
            self.opened_unexplained /= 2.0;
        }
    }
}

/// Different patients in the hour or day that runs.
#[derive(Debug, Default)]
pub(crate) struct Count {
    pub period: i64,
    pub seen: Distinct,
    pub usual: Baseline,
    pub last: Evidence,
}

impl Count {
    /// Begins another period; what the one before counted is learnt here, and returned.
    pub fn turn(&mut self, period: i64) -> Option<f64> {
        // What comes late belongs to the period that runs.
        if period <= self.period {
            return None;
        }
        self.period = period;
        let count = self.seen.count();
        self.seen.clear();
        self.last.clear();
        (count > 0.0).then(|| {
            self.usual.add(count);
            count
        })
    }
}

/// How often something was done in the minute that runs.
#[derive(Debug, Default)]
pub(crate) struct Minute {
    minute: i64,
    pub count: u32,
    pub usual: Baseline,
    pub last: Evidence,
}

impl Minute {
    /// Counts one; what the minute before counted is learnt, and returned.
    pub fn add(&mut self, at_s: i64, seq: i64) -> Option<f64> {
        let minute = at_s.div_euclid(60);
        let before = f64::from(self.count);
        let turned = minute > self.minute;
        if turned {
            self.minute = minute;
            self.count = 0;
            self.last.clear();
        }
        self.count += 1;
        self.last.add(seq, at_s);
        (turned && before > 0.0).then(|| {
            self.usual.add(before);
            before
        })
    }
}

/// Addresses that a user comes from, those used last: on how many days each.
#[derive(Debug, Default)]
pub(crate) struct Sources(Vec<(Key, i64, u32)>);

impl Sources {
    const MAX: usize = 12;

    /// On how many days before this one.
    pub fn days_before(&mut self, source: Key, day: i64) -> u32 {
        if let Some(at) = self.0.iter().position(|known| known.0 == source) {
            let mut known = self.0.remove(at);
            let before = match known.1 == day {
                true => known.2 - 1,
                false => known.2,
            };
            if known.1 != day {
                known = (source, day, known.2 + 1);
            }
            self.0.push(known);
            return before;
        }
        if self.0.len() >= Self::MAX {
            self.0.remove(0);
        }
        self.0.push((source, day, 1));
        0
    }
}

/// Of an app or service.
#[derive(Debug, Default)]
pub(crate) struct Client {
    pub since_s: i64,
    pub hour: Count,
    pub accesses: u64,
    pub types: [u64; 4],
    pub exports: Baseline,
    pub export_shapes: Vec<Key>,
    pub exports_at_weekends: u32,
    pub changes: Minute,
    pub deletions: Minute,
}

/// Of a network address.
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub users: Distinct,
    pub failures: Burst,
    pub refused: Burst,
    pub hour: i64,
    pub sign_ins: u32,
}

/// Of an account that somebody signs in to.
#[derive(Debug, Default)]
pub(crate) struct Account {
    pub failures: Burst,
    pub factors: Burst,
}

const PRIOR: f64 = 200.0;
const FORGOTTEN_AT: f64 = 200_000.0;
