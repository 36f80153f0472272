//! Partial evaluation: all that the row and the moment decide is decided, and a [`Residual`] is left. It must say of every
//! caller what the interpreter says.

use crate::action::Action;
use crate::code::Ref;
use crate::diagram::{Diagram, FALSE, Id, Op, TRUE, TooWide};
use crate::facts::{Kind, Lookup, Row, is_there};
use crate::group::current;
use crate::level::Level;
use crate::matching::{actor_matches, broken, names, row_matches, speaks_of_custodian};
use crate::provision::{Consent, Effect, Part, Provision};
use crate::residual::{Atom, Residual};
use crate::rules::Rules;
use crate::tri::{Tri, any};
use std::collections::HashMap;
use std::sync::Arc;

/// One patient's consents at one moment, for any number of rows. Make a new one when the consents, the rules or what the
/// look-ups say has changed, and at [`crate::next_change`].
pub struct Specialiser<'a> {
    /// Groups of consents, and in each those of which none is newer (R8).
    groups: Vec<Vec<Compiled<'a>>>,
    rules: &'a Rules,
    lookup: &'a dyn Lookup,
    atoms: Vec<Atom>,
    /// Nothing where what provisions ask of callers is too wide by itself.
    diagram: Option<Diagram>,
    /// Nodes that hold what provisions ask of callers.
    kept: usize,
    /// By all that rows say to the provisions.
    known: HashMap<Vec<u8>, Arc<Residual>>,
}

struct Compiled<'a> {
    consent: &'a Consent,
    /// It cannot be evaluated (R11).
    is_broken: bool,
    counts_permits: bool,
    /// Of each provision, parents first.
    asked: Vec<CallerSide>,
}

/// What a provision asks of callers.
#[derive(Clone, Copy)]
struct CallerSide {
    in_period: bool,
    /// Purposes and actions.
    request: Id,
    /// Recipients: who surely is one, and who may be. Both false where the row alone decides.
    surely: Id,
    perhaps: Id,
}

impl<'a> Specialiser<'a> {
    /// Cost: linear in the provisions. `subjects`: the patient, and records that were merged into it.
    pub fn new(
        consents: &'a [Consent],
        subjects: &[Ref],
        now_us: i64,
        rules: &'a Rules,
        lookup: &'a dyn Lookup,
    ) -> Specialiser<'a> {
        let groups = current(consents, subjects, now_us);
        let atoms = atoms(groups.iter().flatten());
        let mut asking = Asking {
            diagram: Diagram::new(),
            atoms: &atoms,
            lookup,
            now_us,
        };
        let mut compile = |consent: &'a Consent| -> Result<Compiled<'a>, TooWide> {
            let sides = consent.root.walk().map(|p| asking.side(p));
            Ok(Compiled {
                consent,
                is_broken: !consent.faults.is_empty() || broken(consent, lookup).is_some(),
                counts_permits: consent.is_verified || !rules.verified_only,
                asked: sides.collect::<Result<_, _>>()?,
            })
        };
        let compiled: Result<Vec<Vec<_>>, TooWide> = groups
            .into_iter()
            .map(|group| group.into_iter().map(&mut compile).collect())
            .collect();
        let is_wide = compiled.is_err() || atoms.len() > ATOMS_MAX;
        let diagram = asking.diagram;
        Specialiser {
            groups: compiled.unwrap_or_default(),
            rules,
            lookup,
            kept: diagram.nodes().len(),
            diagram: (!is_wide).then_some(diagram),
            atoms,
            known: HashMap::new(),
        }
    }

    /// What is left for this row. Cost: the row's side of every provision; rows that say the same to all of them share the rest.
    pub fn residual(&mut self, row: &Row) -> Arc<Residual> {
        let key = self.key(row);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let residual = Arc::new(self.build(&key));
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        self.known.insert(key, residual.clone());
        residual
    }

    /// Everything that [`Specialiser::build`] may ask about a row: three numbers for each provision, one for each consent.
    fn key(&self, row: &Row) -> Vec<u8> {
        let mut key = Vec::new();
        for compiled in self.groups.iter().flatten() {
            if compiled.is_broken {
                continue;
            }
            let root = &compiled.consent.root;
            let is_exempting =
                root.is_opt_out && !speaks_of_custodian(compiled.consent, row, self.lookup);
            key.push(is_exempting.into());
            for p in root.walk() {
                let actors = p.criteria.actors.iter();
                let of_row = any(actors.map(|actor| actor_matches(actor, row, self.lookup)));
                key.push(row_matches(p, row, self.lookup) as u8);
                key.push(of_row as u8);
                key.push(names(p, row, self.rules, self.lookup).into());
            }
        }
        key
    }

    fn build(&mut self, key: &[u8]) -> Residual {
        let Some(diagram) = &mut self.diagram else {
            return Residual::private();
        };
        diagram.begin();
        let root = Build { diagram, key }.groups(&self.groups);
        let residual = match root {
            Ok(root) => Residual::extract(diagram, &self.atoms, root),
            Err(TooWide) => Residual::private(),
        };
        if diagram.nodes().len() > self.kept + NODES_MAX {
            diagram.forget(self.kept);
        }
        residual
    }
}

/// Actors, purposes and the like that one patient's consents ask about. Diagrams are walked as deep as this.
pub(crate) const ATOMS_MAX: usize = 2_000;
/// Residuals that are remembered for one patient.
const KNOWN_MAX: usize = 4_096;
/// Nodes that are remembered for one patient.
const NODES_MAX: usize = 100_000;

/// All that provisions ask of callers, in their order.
fn atoms<'c>(consents: impl Iterator<Item = &'c &'c Consent>) -> Vec<Atom> {
    let mut atoms: Vec<Atom> = Action::ALL.into_iter().map(Atom::Action).collect();
    for p in consents.flat_map(|consent| consent.root.walk()) {
        let purposes = p.criteria.purposes.iter().cloned();
        atoms.extend(purposes.map(Atom::Purpose));
        let recipients = p
            .criteria
            .actors
            .iter()
            .filter(|a| a.part == Part::Recipient);
        for who in recipients.filter_map(|actor| actor.who.as_ref()) {
            atoms.push(Atom::Kind(Kind::of(who)));
            atoms.push(Atom::Actor(who.clone()));
        }
    }
    atoms.sort_unstable();
    atoms.dedup();
    atoms
}

struct Asking<'s> {
    diagram: Diagram,
    atoms: &'s [Atom],
    lookup: &'s dyn Lookup,
    now_us: i64,
}

impl Asking<'_> {
    fn side(&mut self, p: &Provision) -> Result<CallerSide, TooWide> {
        self.diagram.begin();
        let (surely, perhaps) = self.recipients(p)?;
        let request = self.request(p)?;
        let period = p.criteria.period;
        Ok(CallerSide {
            in_period: period.is_none_or(|period| period.contains(self.now_us)),
            request,
            surely,
            perhaps,
        })
    }

    fn request(&mut self, p: &Provision) -> Result<Id, TooWide> {
        let purposes = p.criteria.purposes.iter().cloned().map(Atom::Purpose);
        let any_purpose = purposes
            .map(|atom| self.atom(&atom))
            .collect::<Result<_, _>>()?;
        let none = if p.criteria.purposes.is_empty() {
            TRUE
        } else {
            FALSE
        };
        let purpose = self.diagram.all(Op::Max, any_purpose, none)?;
        let listed = p.criteria.actions;
        let mut parts = Vec::new();
        let action = match p.effect {
            _ if listed.is_empty() => TRUE,
            Effect::Permit => {
                for action in Action::ALL
                    .into_iter()
                    .filter(|action| !listed.has(*action))
                {
                    let at = self.position(&Atom::Action(action))?;
                    parts.push(self.diagram.not_atom(at));
                }
                self.diagram.all(Op::Min, parts, TRUE)?
            }
            Effect::Deny => {
                for action in Action::ALL.into_iter().filter(|action| listed.has(*action)) {
                    parts.push(self.atom(&Atom::Action(action))?);
                }
                self.diagram.all(Op::Max, parts, FALSE)?
            }
        };
        self.diagram.apply(Op::Min, purpose, action)
    }

    fn recipients(&mut self, p: &Provision) -> Result<(Id, Id), TooWide> {
        let (mut surely, mut perhaps) = (Vec::new(), Vec::new());
        let recipients = p
            .criteria
            .actors
            .iter()
            .filter(|a| a.part == Part::Recipient);
        for who in recipients.filter_map(|actor| actor.who.as_ref()) {
            let is = self.atom(&Atom::Actor(who.clone()))?;
            surely.push(is);
            perhaps.push(is);
            if !is_there(who, self.lookup) {
                perhaps.push(self.atom(&Atom::Kind(Kind::of(who)))?);
            }
        }
        let surely = self.diagram.all(Op::Max, surely, FALSE)?;
        let perhaps = self.diagram.all(Op::Max, perhaps, FALSE)?;
        Ok((surely, perhaps))
    }

    fn atom(&mut self, atom: &Atom) -> Result<Id, TooWide> {
        let at = self.position(atom)?;
        Ok(self.diagram.atom(at))
    }

    /// Everything that is asked is among them, where they are not too many.
    fn position(&self, atom: &Atom) -> Result<u16, TooWide> {
        let at = self.atoms.binary_search(atom).map_err(|_| TooWide)?;
        u16::try_from(at)
            .ok()
            .filter(|at| usize::from(*at) < ATOMS_MAX)
            .ok_or(TooWide)
    }
}

/// Follows the interpreter step by step, with diagrams for what depends on the caller.
struct Build<'s> {
    diagram: &'s mut Diagram,
    key: &'s [u8],
}

/// What is the same for all provisions of one consent.
struct Within<'s> {
    asked: std::slice::Iter<'s, CallerSide>,
    counts_permits: bool,
    is_exempting: bool,
}

impl Build<'_> {
    fn groups(&mut self, groups: &[Vec<Compiled<'_>>]) -> Result<Id, TooWide> {
        let mut all = Vec::new();
        for group in groups {
            let consents = group.iter().map(|compiled| self.consent(compiled));
            let consents = consents.collect::<Result<Vec<_>, _>>()?;
            all.push(self.diagram.all(Op::Min, consents, SILENT)?);
        }
        self.diagram.all(Op::Join, all, SILENT)
    }

    fn consent(&mut self, compiled: &Compiled<'_>) -> Result<Id, TooWide> {
        if compiled.is_broken {
            return Ok(Level::Refused as Id);
        }
        let mut within = Within {
            asked: compiled.asked.iter(),
            counts_permits: compiled.counts_permits,
            is_exempting: self.next() != 0,
        };
        self.provision(&compiled.consent.root, false, &mut within)
    }

    fn provision(
        &mut self,
        p: &Provision,
        is_named: bool,
        within: &mut Within<'_>,
    ) -> Result<Id, TooWide> {
        let side = within.asked.next().copied();
        let (of_row, actors, names) = (self.next(), self.next(), self.next() != 0);
        let here = is_named || names;
        let inherited = if p.is_open { is_named } else { here };
        let mut inner = Vec::new();
        for child in &p.children {
            inner.push(self.provision(child, inherited, within)?);
        }
        let inner = self.diagram.all(Op::Join, inner, SILENT)?;
        let is_exempting = within.is_exempting && p.is_opt_out;
        let own = Level::of(p.effect, is_exempting, here, within.counts_permits) as Id;
        let matched = self.diagram.apply(Op::Or, inner, own)?;
        let unmatched = if p.is_open { inner } else { SILENT };
        let Some(side) = side.filter(|side| side.in_period) else {
            return Ok(unmatched);
        };
        let surely = self.condition(p, side, side.surely, (of_row, actors), Tri::Yes)?;
        let perhaps = self.condition(p, side, side.perhaps, (of_row, actors), Tri::Unknown)?;
        let lower = self.diagram.apply(Op::Min, matched, unmatched)?;
        let else_ = self.diagram.choose(perhaps, lower, unmatched)?;
        self.diagram.choose(surely, matched, else_)
    }

    /// Whether the provision matches, at least as `least` says.
    fn condition(
        &mut self,
        p: &Provision,
        side: CallerSide,
        recipients: Id,
        (of_row, actors): (u8, u8),
        least: Tri,
    ) -> Result<Id, TooWide> {
        if of_row < least as u8 {
            return Ok(FALSE);
        }
        let is_free = p.criteria.actors.is_empty() || actors >= least as u8;
        let who = if is_free { TRUE } else { recipients };
        self.diagram.apply(Op::Min, side.request, who)
    }

    /// The next number of the key, which was made by the same walk.
    fn next(&mut self) -> u8 {
        let (first, rest) = self.key.split_first().unwrap_or((&0, &[]));
        self.key = rest;
        *first
    }
}

const SILENT: Id = Level::Silent as Id;

#[cfg(test)]
#[path = "specialise_tests.rs"]
mod tests;
