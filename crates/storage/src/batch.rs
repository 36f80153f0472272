//! Which queued units may be committed together.
//!
//! Versions and guards of a batch are checked by reads before anything of it is written, so no unit of a batch may
//! depend on another: a later unit that touches what an earlier one touches waits for the next batch.

use crate::contract::{Guard, Op, Rid, Unit};
use crate::id::IdCipher;
use std::collections::{HashSet, VecDeque};
use ward_fhir::TypeId;
use ward_search::check::needs_others;
use ward_search::entries::Term;
use ward_search::evaluate::{Candidate, World, matches};

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
        let full = taken.len() == UNITS_MAX
            || (!taken.is_empty() && writes + candidate.writes.len() > WRITES_MAX);
        let clash = touched.clashes(candidate)
            || taken
                .iter()
                .any(|earlier| disturbs(unit(earlier), candidate, cipher));
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
    /// Patients whose records are written to, and those whose policies are raised.
    homes: HashSet<Rid>,
    raised: HashSet<Rid>,
}

impl Touched {
    fn clashes(&self, unit: &Unit) -> bool {
        unit.writes.iter().any(|w| {
            self.written.contains(&w.rid)
                || self.raised.contains(&w.patient)
                || (w.op == Op::Delete && self.required.contains(&w.rid))
                || w.alias
                    .as_ref()
                    .is_some_and(|id| self.aliases.contains(&(w.ty, id.clone())))
        }) || unit.guards.iter().any(|guard| match guard {
            Guard::Matches { key, .. } => self.locks.contains(key),
            Guard::Exists { rid, .. } | Guard::Unchanged { rid, .. } => self.written.contains(rid),
            Guard::Record { patient, .. } => self.homes.contains(patient),
            Guard::Unreferenced { .. } => false,
        }) || unit
            .raises
            .iter()
            .any(|patient| self.homes.contains(patient) || self.raised.contains(patient))
    }

    fn add(&mut self, unit: &Unit) {
        for write in &unit.writes {
            self.written.insert(write.rid);
            self.homes.insert(write.patient);
            self.aliases
                .extend(write.alias.clone().map(|id| (write.ty, id)));
        }
        for guard in &unit.guards {
            match guard {
                Guard::Matches { key, .. } => drop(self.locks.insert(*key)),
                Guard::Exists { rid, .. } => drop(self.required.insert(*rid)),
                // Who writes it later comes second.
                Guard::Unchanged { .. } | Guard::Unreferenced { .. } | Guard::Record { .. } => {}
            }
        }
        self.raised.extend(&unit.raises);
    }
}

/// Whether what `earlier` writes can change the outcome of a guard of `later`.
fn disturbs(earlier: &Unit, later: &Unit, cipher: &IdCipher) -> bool {
    let conditional = earlier.is_conditional();
    later.guards.iter().any(|guard| match guard {
        Guard::Unreferenced { target } => earlier
            .writes
            .iter()
            .any(|w| w.entries.targets.binary_search(target).is_ok()),
        // An unconditional write can always be said to have come second; two conditional ones cannot both.
        // What lies at the other end of a chain may be what was written.
        Guard::Matches { plan, .. } if conditional && needs_others(&plan.filter) => true,
        Guard::Matches { plan, .. } if conditional => earlier.writes.iter().any(|w| {
            let id = w.alias.clone().unwrap_or_else(|| cipher.encode(w.rid));
            let candidate = Candidate {
                id: &id,
                ty: w.ty,
                updated_us: w.updated_us,
                entries: &w.entries,
                node: None,
            };
            // What the entries alone do not decide may be disturbed.
            w.op != Op::Delete
                && (plan.types.is_empty() || plan.types.contains(&w.ty))
                && matches(&plan.filter, candidate, World::default()).unwrap_or(true)
        }),
        Guard::Matches { .. }
        | Guard::Exists { .. }
        | Guard::Unchanged { .. }
        | Guard::Record { .. } => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Expect, Generation, Write};
    use ward_access::{Maintenance, maintenance};
    use ward_search::entries::{Entries, TermEntry};
    use ward_search::plan::{Filter, Plan, Total};

    fn write(rid: Rid, op: Op, term: Term) -> Write {
        let mut entries = Entries {
            targets: vec![term],
            ..Entries::default()
        };
        entries.add_term(TermEntry {
            term,
            param: 0,
            counted: false,
        });
        Write {
            ty: TypeId(1),
            rid,
            alias: None,
            expect: Expect::Absent,
            version: 1,
            updated_us: 0,
            op,
            patient: 0,
            visibility: 0,
            policy: None,
            body: "{}".into(),
            entries,
            old_entries: Entries::default(),
            generation: Generation::default(),
        }
    }

    fn unit(rid: Rid, guards: Vec<Guard>) -> Unit {
        Unit {
            writes: vec![write(rid, Op::Create, rid)],
            guards,
            ..Unit::default()
        }
    }

    fn unless(key: Term, term: Term) -> Guard {
        let plan = Plan {
            types: vec![TypeId(1)],
            filter: Filter::AnyTerm(vec![term]),
            sort: Vec::new(),
            count: 1,
            total: Total::None,
            after: None,
        };
        Guard::Matches {
            key,
            plan,
            access: maintenance(Maintenance::ReferenceCheck),
            rids: Vec::new(),
        }
    }

    /// Which of the units go together, by position; the rest must keep its order.
    fn together(units: Vec<Unit>) -> Vec<usize> {
        let cipher = IdCipher::new(&[0; 32]);
        let mut queue: VecDeque<(usize, Unit)> = units.into_iter().enumerate().collect();
        let taken: Vec<usize> = take(&mut queue, |(_, unit)| unit, &cipher)
            .into_iter()
            .map(|(at, _)| at)
            .collect();
        assert!(queue.iter().is_sorted_by_key(|(at, _)| *at));
        taken
    }

    #[test]
    fn strangers_go_together_and_rivals_wait() {
        assert_eq!(
            together(vec![
                unit(1, vec![]),
                unit(2, vec![]),
                unit(1, vec![]),
                unit(3, vec![])
            ]),
            [0, 1, 3]
        );
        let mut aliased = [unit(1, vec![]), unit(2, vec![])];
        aliased
            .iter_mut()
            .for_each(|u| u.writes[0].alias = Some("same".into()));
        assert_eq!(together(aliased.into()), [0]);
    }

    #[test]
    fn a_requirement_and_its_deletion_wait_for_each_other() {
        let requires = || {
            unit(
                1,
                vec![Guard::Exists {
                    ty: TypeId(1),
                    rid: 9,
                }],
            )
        };
        let deletes = || Unit {
            writes: vec![write(9, Op::Delete, 9)],
            ..Unit::default()
        };
        assert_eq!(together(vec![requires(), deletes()]), [0]);
        assert_eq!(together(vec![deletes(), requires()]), [0]);
        assert_eq!(
            together(vec![
                requires(),
                unit(
                    2,
                    vec![Guard::Exists {
                        ty: TypeId(1),
                        rid: 9
                    }]
                )
            ]),
            [0, 1]
        );
        assert_eq!(
            together(vec![
                unit(5, vec![]),
                unit(6, vec![Guard::Unreferenced { target: 5 }])
            ]),
            [0]
        );
        let kept = |rid| {
            let ty = TypeId(1);
            unit(
                rid,
                vec![Guard::Unchanged {
                    ty,
                    rid: 9,
                    version: 1,
                }],
            )
        };
        assert_eq!(together(vec![unit(9, vec![]), kept(7)]), [0]);
        assert_eq!(together(vec![kept(7), kept(8), unit(9, vec![])]), [0, 1, 2]);
    }

    #[test]
    fn conditions_wait_for_their_own_kind_only() {
        assert_eq!(
            together(vec![
                unit(1, vec![unless(7, 70)]),
                unit(2, vec![unless(7, 70)])
            ]),
            [0]
        );
        assert_eq!(
            together(vec![
                unit(1, vec![unless(7, 70)]),
                unit(2, vec![unless(8, 80)])
            ]),
            [0, 1]
        );
        // What the first writes would answer the question of the second.
        assert_eq!(
            together(vec![
                unit(1, vec![unless(7, 70)]),
                unit(2, vec![unless(8, 1)])
            ]),
            [0]
        );
        assert_eq!(
            together(vec![unit(1, vec![]), unit(2, vec![unless(8, 1)])]),
            [0, 1]
        );
    }

    #[test]
    fn batches_are_bounded() {
        assert_eq!(
            together((1..300).map(|rid| unit(rid, vec![])).collect()).len(),
            UNITS_MAX
        );
        let large = |from: i64| Unit {
            writes: (from..from + 3_000)
                .map(|rid| write(rid, Op::Create, rid))
                .collect(),
            ..Unit::default()
        };
        assert_eq!(together(vec![large(0), large(10_000)]), [0]);
        assert_eq!(
            together(vec![Unit {
                writes: (0..9_000).map(|rid| write(rid, Op::Create, rid)).collect(),
                ..Unit::default()
            }]),
            [0]
        );
    }
}
