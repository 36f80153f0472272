//! transaction: all entries or none, committed as one unit. <https://hl7.org/fhir/R4/http.html#trules>

use super::batch::{demand_size, write as write_entry};
use super::entry::{Entry, entries, name};
use super::identities::{Resolved, Step, resolve};
use crate::bundle_json::BundleWriter;
use crate::call::{Interaction, Return};
use crate::conditional::{Matches, find};
use crate::create::multiple;
use crate::delete::{referenced, unreferenced};
use crate::document::{read_body, validate};
use crate::engine::Context;
use crate::link;
use crate::patch_interaction::apply as apply_patch;
use crate::place::{self, demand, demand_home, demand_home_of, reads_what_it_updates};
use crate::preconditions::{demand_match, demand_none_match};
use crate::read::seen;
use crate::reply::{Content, Reply};
use crate::write::{
    Identity, Replaced, Written, commit_seeing, compose, compose_deletion, conflict,
};
use std::collections::{HashMap, HashSet};
use ward_access::Action;
use ward_audit::Entity;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Document, Failure, Kind, TypeId};
use ward_storage::{CommitError, Guard, Op, Rid, Write};

/// `first` is the Bundle as read and validated; a lost race reads it again from the body.
pub async fn transaction(cx: Context<'_>, first: Document) -> Result<Reply> {
    demand_size(cx, first.root().all("entry").count())?;
    let mut document = Some(first);
    let mut last = CommitError::Unavailable;
    for _ in 0..cx.engine.settings().write_attempts_max {
        let bundle = match document.take() {
            Some(document) => document,
            None => read_body(cx.call, r4().resource_type("Bundle"))?,
        };
        match attempt(cx, bundle).await? {
            Ok(reply) => return Ok(reply),
            Err(error @ CommitError::Unavailable) => return Err(conflict(error)),
            Err(error) => last = error,
        }
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
    let resolved = resolve(cx, &bundle, &entries).await?;
    demand_distinct(&entries, &resolved)?;
    rewrite(cx, &mut bundle, &entries, &resolved).await?;
    let unit = compose_all(cx, &bundle, &entries, resolved).await?;
    let reference_guards = unit.reference_guards.clone();
    match commit_seeing(cx, 200, unit.writes, unit.guards, unit.seen).await {
        Err(CommitError::Guard(n)) if reference_guards.contains(&n) => Err(referenced()),
        Err(error) => Ok(Err(error)),
        Ok(entities) => answer(cx, &entries, unit.outcomes, entities).await.map(Ok),
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
fn demand_distinct(entries: &[Entry], resolved: &Resolved) -> Result<()> {
    let mut written: HashSet<(TypeId, &str)> = HashSet::new();
    for (entry, step) in entries.iter().zip(&resolved.steps) {
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

/// Own identities and conditional references become literal ones.
async fn rewrite(
    cx: Context<'_>,
    bundle: &mut Document,
    entries: &[Entry],
    resolved: &Resolved,
) -> Result<()> {
    let mut replacements = Vec::new();
    let mut answered: HashMap<(TypeId, String), String> = HashMap::new();
    for entry in entries {
        let Some(index) = entry.resource else {
            continue;
        };
        let node = bundle.node(index);
        let base = entry.full_url.as_deref().and_then(base_of);
        replacements.extend(link::replacements(node, &resolved.links, base));
        for (at, ty, query) in link::conditional(node) {
            let key = (ty, query.to_owned());
            if let Some(reference) = answered.get(&key) {
                replacements.push((at, reference.clone()));
                continue;
            }
            let reference = conditional_reference(cx, ty, query)
                .await
                .map_err(|f| name(f.at(bundle.node(at).expression()), entry.at))?;
            replacements.push((at, reference.clone()));
            answered.insert(key, reference);
        }
    }
    link::apply(bundle, replacements);
    for entry in entries {
        if let Some(node) = entry.resource.and_then(|i| link::dangling(bundle.node(i))) {
            return Err(Failure::new(
                Kind::Reference,
                "the reference names no entry of this transaction",
            )
            .at(node.expression()));
        }
    }
    Ok(())
}

/// `http://a/fhir` of `http://a/fhir/Patient/1`.
fn base_of(full_url: &str) -> Option<&str> {
    if !full_url.starts_with("http") {
        return None;
    }
    let (rest, _) = full_url.rsplit_once('/')?;
    let (base, ty) = rest.rsplit_once('/')?;
    r4().resource_type(ty).map(|_| base)
}

async fn conditional_reference(cx: Context<'_>, ty: TypeId, query: &str) -> Result<String> {
    match find(cx, ty, query).await? {
        Matches::One(rid, _) => {
            let row = crate::read::live(crate::engine::stored(
                cx.engine
                    .store()
                    .read(cx.access, Action::Search, ty, rid)
                    .await,
            )?)?;
            Ok(link::identity(ty, &row.id))
        }
        Matches::None(_) => Err(Failure::new(
            Kind::Precondition,
            "the conditional reference matches no resource",
        )),
        Matches::Many => Err(multiple()),
    }
}

/// How an entry is answered once the unit is committed.
enum Outcome {
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
    /// Run after the commit.
    Read,
}

impl Outcome {
    fn ty(&self) -> Option<TypeId> {
        match self {
            Outcome::Written { written, .. } | Outcome::Existing { written } => Some(written.ty),
            Outcome::Deleted { .. } | Outcome::Read => None,
        }
    }
}

fn is_patch(entry: &Entry) -> bool {
    matches!(
        entry.call.interaction,
        Interaction::Patch { .. } | Interaction::ConditionalPatch { .. }
    )
}

struct Composed {
    writes: Vec<Write>,
    guards: Vec<Guard>,
    /// Which guards mean "still referred to".
    reference_guards: std::ops::Range<usize>,
    outcomes: Vec<Outcome>,
    seen: Vec<Entity>,
}

async fn compose_all(
    cx: Context<'_>,
    bundle: &Document,
    entries: &[Entry],
    resolved: Resolved,
) -> Result<Composed> {
    let own: HashSet<String> = resolved
        .links
        .values()
        .cloned()
        .chain(resolved.steps.iter().filter_map(step_identity))
        .collect();
    let mut writes = Vec::with_capacity(entries.len());
    let mut outcomes = Vec::with_capacity(entries.len());
    let mut seen_rows = Vec::new();
    let mut deletions = Vec::new();
    let mut nodes = Vec::new();
    let mut references = Vec::new();
    for (entry, step) in entries.iter().zip(resolved.steps) {
        let outcome = match step {
            Step::Put {
                ty,
                id,
                rid,
                register,
                replaced,
            } => {
                let Some(index) = entry.resource else {
                    continue;
                };
                let node = bundle.node(index);
                nodes.push(node);
                demand_versions(entry, &replaced)?;
                let rid = rid.ok_or_else(|| Failure::new(Kind::Internal, "an entry has no row"))?;
                let identity = Identity {
                    ty,
                    rid,
                    id,
                    register,
                };
                stage(
                    cx,
                    node,
                    &identity,
                    &resolved.patients,
                    &replaced,
                    entry,
                    &mut writes,
                )
                .await
                .map_err(|f| name(f, entry.at))?
            }
            Step::Patch { row } => {
                demand_match(&entry.call.conditions, Some(row.version))
                    .map_err(|f| name(f, entry.at))?;
                let Some(body) = entry.body(bundle.root()) else {
                    continue;
                };
                let patched = apply_patch(&row, &body).map_err(|f| name(f, entry.at))?;
                validate(cx.engine, patched.root()).map_err(|f| name(f, entry.at))?;
                references.extend(
                    link::check(cx, patched.root(), true, &own)
                        .await
                        .map_err(|f| name(f, entry.at))?,
                );
                let identity = Identity {
                    ty: row.ty,
                    rid: row.rid,
                    id: row.id.to_string(),
                    register: false,
                };
                stage(
                    cx,
                    patched.root(),
                    &identity,
                    &resolved.patients,
                    &Replaced::Version(row),
                    entry,
                    &mut writes,
                )
                .await
                .map_err(|f| name(f, entry.at))?
            }
            Step::Delete { rows } => {
                for row in &rows {
                    demand_home(row, cx.access, row.ty, Action::Delete)
                        .map_err(|f| name(f, entry.at))?;
                    demand_match(&entry.call.conditions, Some(row.version))
                        .map_err(|f| name(f, entry.at))?;
                    writes.push(compose_deletion(cx.engine, row).await?);
                    deletions.extend(unreferenced(cx, row.ty, &row.id));
                }
                Outcome::Deleted {
                    version: rows.first().map(|r| r.version + 1),
                }
            }
            Step::Existing { row } => {
                seen_rows.push(seen(&row));
                Outcome::Existing {
                    written: Written {
                        ty: row.ty,
                        id: row.id.to_string(),
                        version: row.version,
                        updated_us: row.updated_us,
                        body: row.body,
                    },
                }
            }
            Step::Nothing if matches!(entry.method, crate::route::Method::Delete) => {
                Outcome::Deleted { version: None }
            }
            Step::Nothing => Outcome::Read,
        };
        outcomes.push(outcome);
    }
    references.extend(link::check_all(cx, &nodes, true, &own).await?);
    demand_kept(&references, &writes)?;
    let mut guards = resolved.guards;
    guards.extend(references);
    let reference_guards = guards.len()..guards.len() + deletions.len();
    guards.extend(deletions);
    Ok(Composed {
        writes,
        guards,
        reference_guards,
        outcomes,
        seen: seen_rows,
    })
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
        .map_err(|f| name(f, entry.at))
}

/// Adds the version to the unit, if the caller may write it.
async fn stage(
    cx: Context<'_>,
    node: ward_fhir::Node<'_>,
    identity: &Identity,
    patients: &HashMap<String, Rid>,
    replaced: &Replaced,
    entry: &Entry,
    writes: &mut Vec<Write>,
) -> Result<Outcome> {
    let placement = place::place(cx.engine, node, Some(identity.rid), patients).await?;
    let action = if matches!(entry.method, crate::route::Method::Post) {
        Action::Create
    } else {
        Action::Update
    };
    demand(&placement, cx.access, identity.ty, action)?;
    demand_home_of(replaced, cx.access, identity.ty, action)?;
    let write = compose(cx.engine, node, identity, &placement, replaced).await?;
    let status = if write.op == Op::Create { 201 } else { 200 };
    let written = Written::of(&write, &identity.id);
    writes.push(write);
    Ok(Outcome::Written { written, status })
}

/// The response Bundle, entry by entry in the order of the request; reads see the committed state.
async fn answer(
    cx: Context<'_>,
    entries: &[Entry],
    outcomes: Vec<Outcome>,
    entities: Vec<Entity>,
) -> Result<Reply> {
    let mut out = BundleWriter::new("transaction-response", None, &[]);
    for (entry, outcome) in entries.iter().zip(outcomes) {
        let shown = !is_patch(entry)
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
            Outcome::Read => {
                cx.engine
                    .answer_within(cx.caller, cx.access, &entry.call, true)
                    .await
            }
        };
        write_entry(cx, &mut out, &reply);
    }
    Ok(Reply {
        entities,
        recorded: true,
        ..Reply::resource(200, out.finish())
    })
}
