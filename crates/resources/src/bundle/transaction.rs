//! transaction: all entries or none, committed as one unit. <https://hl7.org/fhir/R4/http.html#trules>

use super::batch::{demand_size, write as write_entry};
use super::compose::{Outcome, compose_all};
use super::entry::{Entry, entries, name};
use super::identities::Identities;
use super::reads;
use super::steps::{Step, resolve};
use crate::audit_events;
use crate::bundle_json::BundleWriter;
use crate::call::Return;
use crate::delete::referenced;
use crate::document::read_body;
use crate::engine::Context;
use crate::place::reads_what_it_updates;
use crate::reply::{Content, Reply};
use crate::write::conflict;
use std::collections::HashSet;
use ward_access::Action;
use ward_audit::Entity;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Document, Failure, Kind, TypeId};
use ward_storage::CommitError;

/// `first` is the Bundle as read and validated; a lost race reads it again from the body.
pub async fn transaction(cx: Context<'_>, first: Document) -> Result<Reply> {
    demand_size(cx, first.root().all("entry").count())?;
    let mut document = Some(first);
    let mut last = CommitError::Unavailable;
    let mut access = cx.access.clone();
    for _ in 0..cx.engine.settings().write_attempts_max {
        let cx = Context {
            access: &access,
            ..cx
        };
        let bundle = match document.take() {
            Some(document) => document,
            None => read_body(cx.call, r4().resource_type("Bundle"))?,
        };
        match attempt(cx, bundle).await? {
            Ok(reply) => return Ok(reply),
            Err(error @ CommitError::Unavailable) => return Err(conflict(error)),
            Err(error) => last = error,
        }
        access = cx.engine.access_anew(cx).await?;
    }
    Err(conflict(last))
}

async fn attempt(
    cx: Context<'_>,
    mut bundle: Document,
) -> Result<std::result::Result<Reply, CommitError>> {
    let entries = entries(cx, bundle.root())
        .into_iter()
        .collect::<Result<Vec<Entry>>>()?;
    demand_resources(&bundle, &entries)?;
    let (mut steps, guards) = resolve(cx, &bundle, &entries).await?;
    let identities = Identities::give(cx, &bundle, &entries, &mut steps).await?;
    demand_distinct(&entries, &steps)?;
    identities.rewrite(&mut bundle, &entries)?;
    let unit = compose_all(cx, &bundle, &entries, steps, guards, identities).await?;
    let reference_guards = unit.reference_guards.clone();
    match reads::commit(cx, &entries, unit).await? {
        Err(CommitError::Guard(n)) if reference_guards.contains(&n) => Err(referenced()),
        Err(error) => Ok(Err(error)),
        Ok((outcomes, entities)) => Ok(Ok(answer(cx, &entries, outcomes, entities))),
    }
}

/// A write needs a resource, and of the type that its url names: rights are those for that type.
fn demand_resources(bundle: &Document, entries: &[Entry]) -> Result<()> {
    use crate::call::Interaction as I;
    for entry in entries {
        let (needed, ty) = match entry.call.interaction {
            I::Create { ty } | I::Update { ty, .. } | I::ConditionalUpdate { ty } => {
                (true, Some(ty))
            }
            I::Patch { .. } | I::ConditionalPatch { .. } => (true, None),
            _ => (false, None),
        };
        if needed && entry.resource.is_none() {
            return Err(name(
                Failure::new(Kind::Invalid, "this entry needs a resource"),
                entry.at,
            ));
        }
        if let (Some(ty), Some(node)) = (ty, entry.resource.map(|index| bundle.node(index)))
            && node.ty() != ty
        {
            return Err(name(
                Failure::new(
                    Kind::Invalid,
                    format!(
                        "the url names {}, the resource is another type",
                        r4().ty(ty).name
                    ),
                ),
                entry.at,
            ));
        }
        if let I::Create { ty } = entry.call.interaction
            && audit_events::is(ty)
        {
            return Err(name(
                Failure::new(
                    Kind::NotSupported,
                    "an AuditEvent is not taken with other resources in one transaction; post it by itself, or in a Bundle of AuditEvents alone",
                ),
                entry.at,
            ));
        }
        if let I::Operation { .. } = entry.call.interaction {
            return Err(name(
                Failure::new(
                    Kind::NotSupported,
                    "operations are not taken inside a transaction; use a batch",
                ),
                entry.at,
            ));
        }
    }
    Ok(())
}

/// The same resource must not be written twice.
fn demand_distinct(entries: &[Entry], steps: &[Step]) -> Result<()> {
    let mut written: HashSet<(TypeId, &str)> = HashSet::new();
    for (entry, step) in entries.iter().zip(steps) {
        let identities: Vec<(TypeId, &str)> = match step {
            Step::Put { ty, id, .. } => vec![(*ty, id)],
            Step::Patch { row } => vec![(row.ty, &row.id)],
            Step::Delete { rows } => rows.iter().map(|r| (r.ty, &*r.id)).collect(),
            Step::Existing { .. } | Step::Nothing => Vec::new(),
        };
        for identity in identities {
            if !written.insert(identity) {
                return Err(name(
                    Failure::new(
                        Kind::Invalid,
                        "another entry of this transaction writes the same resource",
                    ),
                    entry.at,
                ));
            }
        }
    }
    Ok(())
}

/// The response Bundle, entry by entry in the order of the request.
fn answer(
    cx: Context<'_>,
    entries: &[Entry],
    outcomes: Vec<Outcome>,
    entities: Vec<Entity>,
) -> Reply {
    let mut out = BundleWriter::new("transaction-response", None, &[]);
    for (entry, outcome) in entries.iter().zip(outcomes) {
        let shown = !entry.call.interaction.is_patch()
            || outcome
                .ty()
                .is_none_or(|ty| reads_what_it_updates(cx.access, ty));
        let returns = if shown {
            cx.call.prefer.returns
        } else {
            Some(Return::Minimal)
        };
        let reply = match outcome {
            Outcome::Written { written, status } => written.reply(status, returns, Vec::new()),
            Outcome::Existing { written } if cx.access.may(written.ty, Action::Read) => {
                written.reply(200, returns, Vec::new())
            }
            Outcome::Existing { written } => Reply {
                content: Content::Empty,
                ..written.reply(200, returns, Vec::new())
            },
            Outcome::Deleted { version } => Reply {
                version,
                ..Reply::status(204)
            },
            Outcome::Answered(reply) => *reply,
            Outcome::Read => Reply::status(204),
        };
        write_entry(cx, &mut out, &reply);
    }
    Reply {
        entities,
        recorded: true,
        ..Reply::resource(200, out.finish())
    }
}
