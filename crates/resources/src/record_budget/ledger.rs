//! What one process knows of a client's hour, and by which rule it may show the next patient.
//!
//! The store holds whom the client has seen in this hour, and of how many further patients each process may let records leave (its
//! *reservation*): both together are never more than the budget. Under its reservation a process shows patients without a statement,
//! and *settles* with the store when it is used up, and every second. So however many processes there are, together they never
//! show more patients than the budget. A patient whom two of them have shown counts once as soon as both have settled. What a process holds
//! and has not used is out of the others' reach for a second: at most an eighth of what was left. A process that was killed has no
//! time to settle: what it had reserved then is lost to the client until the hour ends.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The part of what is left that one process may reserve beyond what it needs at once.
const RESERVED_PART: usize = 8;

/// What an answer would show.
pub(super) struct Wanted<'a> {
    /// Rows.
    pub patients: &'a HashSet<i64>,
    /// The client's budget: patients in an hour.
    pub most: usize,
    /// Since 1970.
    pub now_s: i64,
}

/// Whether the answer may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Taken,
    /// So many patients were seen that those of the answer would be too many.
    Spent,
    /// What is left is reserved by others, who give it back within a second or use it.
    Reserved,
    /// The store must be asked first.
    Settle,
}

/// The hour as the store has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// Patients seen.
    pub seen: usize,
    /// By process. Who has reserved nothing is not in it.
    pub reserved: BTreeMap<String, usize>,
}

/// What settling comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Patients that were shown here and are not among those of the store, in the order to be kept.
    pub added: Vec<i64>,
    /// What the store is to have in the end.
    pub head: Head,
    /// Patients of the answer that nobody has seen.
    new: Vec<i64>,
    /// Of how many more this process could let records leave.
    rest: usize,
    is_spent: bool,
}

pub(super) struct Ledger {
    /// Since 1970.
    pub hour: i64,
    /// Who settles holds it.
    pub turn: tokio::sync::Mutex<()>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Those of the store in its order, as far as they were read.
    seen: Vec<i64>,
    seen_set: HashSet<i64>,
    /// Shown here since it was last settled.
    fresh: HashSet<i64>,
    /// How many of them there may be.
    reserved: usize,
    /// The store may hold a reservation of this process.
    holds: bool,
    refused: Option<Refused>,
    is_told: bool,
}

/// What was found when an answer was refused: it holds for the second.
struct Refused {
    now_s: i64,
    most: usize,
    rest: usize,
    step: Step,
}

impl Ledger {
    pub fn new(hour: i64) -> Ledger {
        Ledger {
            hour,
            turn: tokio::sync::Mutex::default(),
            known: Mutex::default(),
        }
    }

    /// Notes that these patients' records leave, where that can be said without the store.
    pub fn take(&self, wanted: &Wanted<'_>) -> Step {
        let mut known = self.known();
        let new = known.new_of(wanted.patients);
        if new.is_empty() {
            return Step::Taken;
        }
        let fresh = known.fresh.len() + new.len();
        if fresh <= known.reserved && known.seen.len() + fresh <= wanted.most {
            known.fresh.extend(new);
            return Step::Taken;
        }
        let holds = |refused: &&Refused| {
            let is_same = (refused.now_s, refused.most) == (wanted.now_s, wanted.most);
            is_same && new.len() > refused.rest
        };
        let refused = known.refused.as_ref().filter(holds);
        refused.map_or(Step::Settle, |refused| refused.step)
    }

    /// Whether there is anything to settle.
    pub fn is_open(&self) -> bool {
        let known = self.known();
        known.holds || !known.fresh.is_empty()
    }

    /// Whether it is the first time. To be asked when somebody is refused.
    pub fn tell(&self) -> bool {
        !std::mem::replace(&mut self.known().is_told, true)
    }

    /// Nothing more is shown under the reservation until [`Ledger::settled`]; how many of the store's patients are known. Where settling
    /// fails or is given up, nobody knows what the store has: so it stays until the next.
    pub fn freeze(&self) -> usize {
        let mut known = self.known();
        known.reserved = known.fresh.len();
        known.holds = true;
        known.seen.len()
    }

    /// Patients of the store that follow those that are known; how many are known then.
    pub fn learn(&self, patients: &[i64]) -> usize {
        let mut known = self.known();
        known.seen.extend(patients);
        known.seen_set.extend(patients);
        known.seen.len()
    }

    /// Of the store's patients, those from a place on.
    pub fn seen_from(&self, place: usize) -> Vec<i64> {
        self.known().seen.get(place..).unwrap_or_default().to_vec()
    }

    /// `wanted`: what is asked for; `None`: only to give back what is not used. All of the store's patients must be known.
    pub fn plan(&self, head: &Head, node: &str, wanted: Option<&Wanted<'_>>) -> Plan {
        let known = self.known();
        let is_added = |patient: &&i64| !known.seen_set.contains(*patient);
        let mut added: Vec<i64> = known.fresh.iter().filter(is_added).copied().collect();
        added.sort_unstable();
        let seen = head.seen + added.len();
        let mut reserved = head.reserved.clone();
        reserved.remove(node);
        let others: usize = reserved.values().sum();
        let new = wanted.map_or_else(Vec::new, |wanted| known.new_of(wanted.patients));
        let most = wanted.map_or(0, |wanted| wanted.most);
        let rest = most.saturating_sub(seen + others);
        let own = match new.len() {
            0 => 0,
            needed if needed > rest => 0,
            needed => needed.max(rest / RESERVED_PART),
        };
        if own > 0 {
            reserved.insert(node.to_owned(), own);
        }
        Plan {
            is_spent: seen + new.len() > most,
            head: Head { seen, reserved },
            added,
            new,
            rest,
        }
    }

    /// The store has it as planned.
    pub fn settled(&self, plan: Plan, node: &str, wanted: Option<&Wanted<'_>>) -> Step {
        let mut known = self.known();
        known.seen.extend(&plan.added);
        known.seen_set.extend(&plan.added);
        known.fresh.clear();
        known.reserved = plan.head.reserved.get(node).copied().unwrap_or(0);
        known.holds = known.reserved > 0;
        if plan.new.len() <= known.reserved {
            known.fresh.extend(plan.new);
            return Step::Taken;
        }
        let step = match plan.is_spent {
            true => Step::Spent,
            false => Step::Reserved,
        };
        known.refused = wanted.map(|wanted| Refused {
            now_s: wanted.now_s,
            most: wanted.most,
            rest: plan.rest,
            step,
        });
        step
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn new_of(&self, patients: &HashSet<i64>) -> Vec<i64> {
        let is_new =
            |patient: &&i64| !self.seen_set.contains(*patient) && !self.fresh.contains(*patient);
        patients.iter().filter(is_new).copied().collect()
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
