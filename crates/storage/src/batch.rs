//! Which queued units may be committed together.
//!
//! Versions and guards of a batch are checked by reads before anything of it is written, so no unit of a batch may
//! depend on another: a later unit that touches what an earlier one touches waits for the next batch.

use crate::contract::{Guard, Op, Rid, Unit};
use crate::id::IdCipher;
use std::collections::{HashSet, VecDeque};
use ward_fhir::TypeId;
use ward_search::entries::Term;
use ward_search::evaluate::{Candidate, matches};

/// Units committed together.
pub const UNITS_MAX: usize = 128;
/// Resource versions committed together; a single larger unit goes alone.
pub const WRITES_MAX: usize = 4_096;

/// Moves the units that go together from the front of the queue, keeping the order of the others.
pub fn take<T>(queue: &mut VecDeque<T>, unit: impl Fn(&T) -> &Unit, cipher: &IdCipher) -> Vec<T> {
    let mut taken: Vec<T> = Vec::new();
    let mut waiting = VecDeque::new();
    let mut touched = Touched::default();
    let mut writes = 0;
    while let Some(next) = queue.pop_front() {
        let candidate = unit(&next);
        let full = taken.len() == UNITS_MAX || (!taken.is_empty() && writes + candidate.writes.len() > WRITES_MAX);
        let clash = touched.clashes(candidate) || taken.iter().any(|earlier| disturbs(unit(earlier), candidate, cipher));
        touched.add(candidate);
        if full || clash {
            waiting.push_back(next);
        } else {
            writes += candidate.writes.len();
            taken.push(next);
        }
        if full {
            break;
        }
    }
    waiting.append(queue);
    *queue = waiting;
    taken
}

/// What the units looked at so far, taken or waiting, touch.
#[derive(Default)]
struct Touched {
    written: HashSet<Rid>,
    required: HashSet<Rid>,
    aliases: HashSet<(TypeId, String)>,
    locks: HashSet<Term>,
}

impl Touched {
    fn clashes(&self, unit: &Unit) -> bool {
        unit.writes.iter().any(|w| {
            self.written.contains(&w.rid)
                || (w.op == Op::Delete && self.required.contains(&w.rid))
                || w.alias.as_ref().is_some_and(|id| self.aliases.contains(&(w.ty, id.clone())))
        }) || unit.guards.iter().any(|guard| match guard {
            Guard::Matches { key, .. } => self.locks.contains(key),
            Guard::Exists { rid, .. } => self.written.contains(rid),
            Guard::Unreferenced { .. } => false,
        })
    }

    fn add(&mut self, unit: &Unit) {
        for write in &unit.writes {
            self.written.insert(write.rid);
            self.aliases.extend(write.alias.clone().map(|id| (write.ty, id)));
        }
        for guard in &unit.guards {
            match guard {
                Guard::Matches { key, .. } => drop(self.locks.insert(*key)),
                Guard::Exists { rid, .. } => drop(self.required.insert(*rid)),
                Guard::Unreferenced { .. } => {}
            }
        }
    }
}

/// Whether what `earlier` writes can change the outcome of a guard of `later`.
fn disturbs(earlier: &Unit, later: &Unit, cipher: &IdCipher) -> bool {
    let conditional = earlier.guards.iter().any(|g| matches!(g, Guard::Matches { .. }));
    later.guards.iter().any(|guard| match guard {
        Guard::Unreferenced { target } => earlier.writes.iter().any(|w| w.entries.targets.binary_search(target).is_ok()),
        // An unconditional write can always be said to have come second; two conditional ones cannot both.
        Guard::Matches { plan, .. } if conditional => earlier.writes.iter().any(|w| {
            let id = w.alias.clone().unwrap_or_else(|| cipher.encode(w.rid));
            let candidate = Candidate { id: &id, updated_us: w.updated_us, entries: &w.entries };
            w.op != Op::Delete && (plan.types.is_empty() || plan.types.contains(&w.ty)) && matches(&plan.filter, candidate)
        }),
        Guard::Matches { .. } | Guard::Exists { .. } => false,
    })
}
