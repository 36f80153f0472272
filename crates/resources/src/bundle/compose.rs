//! The versions of a transaction as one unit, and what is said of each entry once it is committed.

use super::entry::{Entry, name};
use super::identities::{Identities, Patients, action};
use super::steps::Step;
use crate::binary::demand_open;
use crate::break_glass::demand_reviewer;
use crate::call::Interaction;
use crate::delete::unreferenced;
use crate::document::validate;
use crate::engine::Context;
use crate::kept;
use crate::link;
use crate::masked;
use crate::patch_interaction::apply as apply_patch;
use crate::place::{self, Placement, demand_home, demand_home_of};
use crate::preconditions::{demand_match, demand_none_match};
use crate::read::seen;
use crate::referred;
use crate::reply::Reply;
use crate::visibility::{By, Decided, Draft, Spread, decide};
use crate::write::{Identity, Replaced, Written, compose_deletion};
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
    pub decided: Decided,
    /// Which guards mean "still referred to".
    pub reference_guards: std::ops::Range<usize>,
    pub outcomes: Vec<Outcome>,
    /// Position of the entry of each write.
    pub places: Vec<usize>,
    /// What the answer shows and the unit does not write, each with the position of its entry.
    pub seen: Vec<(usize, Entity)>,
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
        staged: Vec::with_capacity(entries.len()),
        deleted: Vec::new(),
        references: Vec::new(),
        deletions: Vec::new(),
        seen: Vec::new(),
    };
    let mut done = Vec::with_capacity(entries.len());
    for (entry, step) in entries.iter().zip(steps) {
        let outcome = unit.add(entry, step, &identities).await;
        done.push(outcome.map_err(|f| name(f, entry.at))?);
    }
    let each = unit.staged.iter();
    let nodes: Vec<_> = each.map(|one| (one.at, one.sent.node(bundle))).collect();
    let checked = link::check_all(cx, &nodes, true, &unit.own).await;
    unit.references
        .extend(checked.map_err(|(failure, at)| name(failure, at))?);
    demand_kept(&unit.references, &unit.deleted)?;
    guards.extend(unit.references);
    let reference_guards = guards.len()..guards.len() + unit.deletions.len();
    guards.extend(unit.deletions);
    let mut decided = written(cx, bundle, &unit.staged, &identities.patients).await?;
    let mut writes = std::mem::take(&mut decided.unit.writes).into_iter();
    let mut outcomes = Vec::with_capacity(done.len());
    // Whose entry each write is.
    let mut places = Vec::with_capacity(done.len());
    let mut staged = unit.staged.into_iter();
    for (done, entry) in done.into_iter().zip(entries) {
        outcomes.push(match done {
            Done::Outcome(outcome) => outcome,
            Done::Staged => {
                let (Some(write), Some(one)) = (writes.next(), staged.next()) else {
                    return Err(Failure::new(Kind::Internal, "an entry has no version"));
                };
                let status = if write.op == Op::Create { 201 } else { 200 };
                let written = Written::of(&write, one.identity.id);
                decided.unit.writes.push(write);
                Outcome::Written { written, status }
            }
            Done::Deleted {
                version,
                deletions,
                spreads,
            } => {
                decided.unit.writes.extend(deletions);
                decided.spreads.extend(spreads);
                Outcome::Deleted { version }
            }
        });
        places.resize(decided.unit.writes.len(), entry.at);
    }
    guards.append(&mut decided.unit.guards);
    decided.unit.guards = guards;
    let followed = decided.follow(cx.engine, cx.call.prefer.lenient).await;
    followed.map_err(|(failure, at)| name(failure, places.get(at).copied().unwrap_or(0)))?;
    Ok(Composed {
        decided,
        reference_guards,
        outcomes,
        places,
        seen: unit.seen,
    })
}

/// Labels and composes all that is written, in one.
async fn written(
    cx: Context<'_>,
    bundle: &Document,
    staged: &[Staged],
    patients: &Patients,
) -> Result<Decided> {
    let drafts: Vec<Draft<'_>> = staged.iter().map(|one| one.draft(bundle)).collect();
    let decided = decide(cx.engine, &drafts, patients).await;
    decided.map_err(|(failure, at)| name(failure, staged[at].at))
}

struct Unit<'a> {
    cx: Context<'a>,
    bundle: &'a Document,
    /// Identities that the unit itself writes or finds.
    own: HashSet<String>,
    staged: Vec<Staged>,
    deleted: Vec<Rid>,
    references: Vec<Guard>,
    deletions: Vec<Guard>,
    seen: Vec<(usize, Entity)>,
}

/// What an entry comes to, before its version is composed.
enum Done {
    Outcome(Outcome),
    Staged,
    Deleted {
        version: Option<u32>,
        deletions: Vec<Write>,
        spreads: Vec<Spread>,
    },
}

/// A resource that its entry may write.
struct Staged {
    /// Position of the entry.
    at: usize,
    /// Whose references are still to be checked, all at once.
    sent: Referring,
    /// With what its writer does not see.
    merged: Option<Document>,
    identity: Identity,
    placement: Placement,
    replaced: Replaced,
    by: By,
}

impl Staged {
    fn draft<'a>(&'a self, bundle: &'a Document) -> Draft<'a> {
        let sent = self.sent.node(bundle);
        Draft {
            node: self.merged.as_ref().map_or(sent, Document::root),
            identity: self.identity.clone(),
            placement: self.placement.clone(),
            replaced: self.replaced.clone(),
            by: self.by,
        }
    }
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
    async fn add(&mut self, entry: &Entry, step: Step, identities: &Identities) -> Result<Done> {
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
                let sent = Referring::Entry(index);
                self.stage(sent, identity, &identities.patients, replaced, entry)
                    .await?
            }
            Step::Patch { row } => self.patch(entry, row, identities).await?,
            Step::Delete { rows } => self.delete(entry, &rows).await?,
            Step::Existing { row } => {
                demand_open(self.cx, &row).await?;
                self.seen.push((entry.at, seen(&row)));
                Done::Outcome(Outcome::Existing {
                    written: Written::stored(row),
                })
            }
            Step::Nothing if matches!(entry.method, crate::route::Method::Delete) => {
                Done::Outcome(Outcome::Deleted { version: None })
            }
            Step::Nothing => Done::Outcome(Outcome::Read),
        })
    }

    async fn patch(&mut self, entry: &Entry, row: Row, identities: &Identities) -> Result<Done> {
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
            self.seen.push((entry.at, seen(&row)));
            return Ok(Done::Outcome(Outcome::Existing {
                written: Written::stored(row),
            }));
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
        let sent = Referring::Patched(patched);
        self.stage(sent, identity, &identities.patients, replaced, entry)
            .await
    }

    async fn delete(&mut self, entry: &Entry, rows: &[Row]) -> Result<Done> {
        let (mut deletions, mut spreads) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in rows {
            demand_home(row, self.cx.access, row.ty, Action::Delete)?;
            demand_match(&entry.call.conditions, Some(row.version))?;
            deletions.push(compose_deletion(self.cx.engine, row).await?);
            spreads.extend(Spread::of_deletion(self.cx.engine, row)?);
            self.deleted.push(row.rid);
            self.deletions
                .extend(unreferenced(self.cx, row.ty, &row.id));
        }
        Ok(Done::Deleted {
            version: rows.first().map(|r| r.version + 1),
            deletions,
            spreads,
        })
    }

    /// Adds the version to the unit, if the caller may write it.
    async fn stage(
        &mut self,
        sent: Referring,
        identity: Identity,
        patients: &Patients,
        replaced: Replaced,
        entry: &Entry,
    ) -> Result<Done> {
        let (engine, access) = (self.cx.engine, self.cx.access);
        let merged = kept::merged(access, sent.node(self.bundle), &replaced)?;
        let node = merged
            .as_ref()
            .map_or(sent.node(self.bundle), Document::root);
        let destination = place::destination(engine, node, Some(identity.rid), patients).await?;
        destination.demand(access, node, action(entry))?;
        let is_conditional = matches!(
            entry.call.interaction,
            Interaction::ConditionalUpdate { .. }
        );
        if is_conditional && matches!(replaced, Replaced::Nothing) {
            destination.demand(access, node, Action::Create)?;
        }
        demand_home_of(&replaced, access, identity.ty, action(entry))?;
        demand_reviewer(self.cx, node)?;
        if !entry.call.interaction.is_patch() {
            masked::demand_whole(self.cx.access, &entry.call, &replaced)?;
            referred::demand_kept(self.cx, node, &replaced).await?;
        }
        let placement = destination.settle(engine).await?;
        self.staged.push(Staged {
            at: entry.at,
            merged,
            sent,
            identity,
            placement,
            replaced,
            by: By::of(self.cx.caller, &entry.call.interaction),
        });
        Ok(Done::Staged)
    }
}

/// What an entry refers to must not be deleted by another: the guards see the state before the unit.
fn demand_kept(references: &[Guard], deleted: &[Rid]) -> Result<()> {
    let deleted: HashSet<Rid> = deleted.iter().copied().collect();
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
