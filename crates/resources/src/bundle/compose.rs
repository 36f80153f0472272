//! The versions of a transaction as one unit, and what is said of each entry once it is committed.

use super::entry::{Entry, name};
use super::identities::{Identities, Patients, action};
use super::steps::Step;
use crate::binary::demand_open;
use crate::call::Interaction;
use crate::delete::unreferenced;
use crate::document::validate;
use crate::engine::Context;
use crate::kept;
use crate::link;
use crate::patch_interaction::apply as apply_patch;
use crate::place::{self, demand_home, demand_home_of};
use crate::preconditions::{demand_match, demand_none_match};
use crate::read::seen;
use crate::referred;
use crate::reply::Reply;
use crate::write::{Identity, Replaced, Written, compose, compose_deletion};
use std::collections::HashSet;
use ward_access::Action;
use ward_audit::Entity;
use ward_fhir::issue::Result;
use ward_fhir::tree::NodeIndex;
use ward_fhir::{Document, Failure, Kind, Node, TypeId};
use ward_storage::{Guard, Op, Rid, Row, Write};

/// How an entry is answered once the unit is committed.
pub enum Outcome {
    Written {
        written: Written,
        status: u16,
    },
    Deleted {
        version: Option<u32>,
    },
    Existing {
        written: Written,
    },
    /// To be answered from what the unit makes.
    Read,
    Answered(Box<Reply>),
}

impl Outcome {
    pub fn ty(&self) -> Option<TypeId> {
        match self {
            Outcome::Written { written, .. } | Outcome::Existing { written } => Some(written.ty),
            Outcome::Deleted { .. } | Outcome::Read | Outcome::Answered(_) => None,
        }
    }
}

/// The unit under composition.
pub struct Composed {
    pub writes: Vec<Write>,
    pub guards: Vec<Guard>,
    /// Which guards mean "still referred to".
    pub reference_guards: std::ops::Range<usize>,
    pub outcomes: Vec<Outcome>,
    /// What the answer shows and the unit does not write.
    pub seen: Vec<Entity>,
}

pub async fn compose_all(
    cx: Context<'_>,
    bundle: &Document,
    entries: &[Entry],
    steps: Vec<Step>,
    mut guards: Vec<Guard>,
    identities: Identities,
) -> Result<Composed> {
    let own: HashSet<String> = identities
        .own()
        .cloned()
        .chain(steps.iter().filter_map(step_identity))
        .collect();
    let mut unit = Unit {
        cx,
        bundle,
        own,
        writes: Vec::with_capacity(entries.len()),
        referring: Vec::new(),
        references: Vec::new(),
        deletions: Vec::new(),
        seen: Vec::new(),
    };
    let mut outcomes = Vec::with_capacity(entries.len());
    for (entry, step) in entries.iter().zip(steps) {
        let outcome = unit.add(entry, step, &identities).await;
        outcomes.push(outcome.map_err(|f| name(f, entry.at))?);
    }
    let each = unit.referring.iter();
    let nodes: Vec<_> = each.map(|(at, r)| (*at, r.node(bundle))).collect();
    let checked = link::check_all(cx, &nodes, true, &unit.own).await;
    unit.references
        .extend(checked.map_err(|(failure, at)| name(failure, at))?);
    demand_kept(&unit.references, &unit.writes)?;
    guards.extend(unit.references);
    let reference_guards = guards.len()..guards.len() + unit.deletions.len();
    guards.extend(unit.deletions);
    Ok(Composed {
        writes: unit.writes,
        guards,
        reference_guards,
        outcomes,
        seen: unit.seen,
    })
}

struct Unit<'a> {
    cx: Context<'a>,
    bundle: &'a Document,
    /// Identities that the unit itself writes or finds.
    own: HashSet<String>,
    writes: Vec<Write>,
    /// Resources whose references are still to be checked, all at once, with the places of their entries.
    referring: Vec<(usize, Referring)>,
    references: Vec<Guard>,
    deletions: Vec<Guard>,
    seen: Vec<Entity>,
}

/// What a unit writes: a resource of the Bundle, or what a patch makes of a stored one.
enum Referring {
    Entry(NodeIndex),
    Patched(Document),
}

impl Referring {
    fn node<'a>(&'a self, bundle: &'a Document) -> Node<'a> {
        match self {
            Referring::Entry(index) => bundle.node(*index),
            Referring::Patched(document) => document.root(),
        }
    }
}

impl Unit<'_> {
    async fn add(&mut self, entry: &Entry, step: Step, identities: &Identities) -> Result<Outcome> {
        Ok(match step {
            Step::Put {
                ty,
                id,
                rid,
                register,
                replaced,
            } => {
                let (Some(index), Some(rid)) = (entry.resource, rid) else {
                    return Err(Failure::new(Kind::Internal, "an entry has no row"));
                };
                self.referring.push((entry.at, Referring::Entry(index)));
                if let Replaced::Version(row) = &replaced {
                    demand_open(self.cx, row).await?;
                }
                demand_versions(entry, &replaced)?;
                let identity = Identity {
                    ty,
                    rid,
                    id,
                    register,
                };
                let node = self.bundle.node(index);
                self.stage(node, &identity, &identities.patients, &replaced, entry)
                    .await?
            }
            Step::Patch { row } => self.patch(entry, row, identities).await?,
            Step::Delete { rows } => self.delete(entry, &rows).await?,
            Step::Existing { row } => {
                demand_open(self.cx, &row).await?;
                self.seen.push(seen(&row));
                Outcome::Existing {
                    written: Written::stored(row),
                }
            }
            Step::Nothing if matches!(entry.method, crate::route::Method::Delete) => {
                Outcome::Deleted { version: None }
            }
            Step::Nothing => Outcome::Read,
        })
    }

    async fn patch(&mut self, entry: &Entry, row: Row, identities: &Identities) -> Result<Outcome> {
        demand_open(self.cx, &row).await?;
        demand_match(&entry.call.conditions, Some(row.version))?;
        let body = entry.body(self.bundle.root());
        let body = body.ok_or_else(|| Failure::new(Kind::Invalid, "a patch needs a body"))?;
        let Some(mut patched) = apply_patch(self.cx, &row, &body).await? else {
            demand_home(&row, self.cx.access, row.ty, Action::Update)?;
            self.references.push(Guard::Exists {
                ty: row.ty,
                rid: row.rid,
            });
            self.seen.push(seen(&row));
            return Ok(Outcome::Existing {
                written: Written::stored(row),
            });
        };
        identities.rewrite_patched(&row.body, &mut patched)?;
        validate(self.cx.engine, patched.root())?;
        let identity = Identity {
            ty: row.ty,
            rid: row.rid,
            id: row.id.to_string(),
            register: false,
        };
        let replaced = Replaced::Version(row);
        let root = patched.root();
        let outcome = self.stage(root, &identity, &identities.patients, &replaced, entry);
        let outcome = outcome.await?;
        self.referring.push((entry.at, Referring::Patched(patched)));
        Ok(outcome)
    }

    async fn delete(&mut self, entry: &Entry, rows: &[Row]) -> Result<Outcome> {
        for row in rows {
            demand_home(row, self.cx.access, row.ty, Action::Delete)?;
            demand_match(&entry.call.conditions, Some(row.version))?;
            self.writes
                .push(compose_deletion(self.cx.engine, row).await?);
            self.deletions
                .extend(unreferenced(self.cx, row.ty, &row.id));
        }
        Ok(Outcome::Deleted {
            version: rows.first().map(|r| r.version + 1),
        })
    }

    /// Adds the version to the unit, if the caller may write it.
    async fn stage(
        &mut self,
        node: Node<'_>,
        identity: &Identity,
        patients: &Patients,
        replaced: &Replaced,
        entry: &Entry,
    ) -> Result<Outcome> {
        let (engine, access) = (self.cx.engine, self.cx.access);
        let merged = kept::merged(access, node, replaced)?;
        let node = merged.as_ref().map_or(node, Document::root);
        let destination = place::destination(engine, node, Some(identity.rid), patients).await?;
        destination.demand(access, node, action(entry))?;
        let is_conditional = matches!(
            entry.call.interaction,
            Interaction::ConditionalUpdate { .. }
        );
        if is_conditional && matches!(replaced, Replaced::Nothing) {
            destination.demand(access, node, Action::Create)?;
        }
        demand_home_of(replaced, access, identity.ty, action(entry))?;
        if !entry.call.interaction.is_patch() {
            referred::demand_kept(self.cx, node, replaced).await?;
        }
        let placement = destination.settle(engine).await?;
        let write = compose(engine, node, identity, &placement, replaced, patients).await?;
        let status = if write.op == Op::Create { 201 } else { 200 };
        let written = Written::of(&write, &identity.id);
        self.writes.push(write);
        Ok(Outcome::Written { written, status })
    }
}

/// What an entry refers to must not be deleted by another: the guards see the state before the unit.
fn demand_kept(references: &[Guard], writes: &[Write]) -> Result<()> {
    let deleted: HashSet<Rid> = writes
        .iter()
        .filter(|w| w.op == Op::Delete)
        .map(|w| w.rid)
        .collect();
    if references
        .iter()
        .any(|g| matches!(g, Guard::Exists { rid, .. } if deleted.contains(rid)))
    {
        return Err(Failure::new(
            Kind::Reference,
            "an entry refers to a resource that this transaction deletes",
        ));
    }
    Ok(())
}

fn step_identity(step: &Step) -> Option<String> {
    match step {
        Step::Put { ty, id, .. } => Some(link::identity(*ty, id)),
        Step::Patch { row } => Some(link::identity(row.ty, &row.id)),
        Step::Delete { .. } | Step::Existing { .. } | Step::Nothing => None,
    }
}

fn demand_versions(entry: &Entry, replaced: &Replaced) -> Result<()> {
    let current = match replaced {
        Replaced::Version(row) if row.op != Op::Delete => Some(row.version),
        _ => None,
    };
    demand_match(&entry.call.conditions, current)
        .and_then(|()| demand_none_match(&entry.call.conditions, current))
}
