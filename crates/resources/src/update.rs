//! update, update as create, conditional update. <https://hl7.org/fhir/R4/http.html#update>

use crate::binary::demand_open;
use crate::break_glass::demand_reviewer;
use crate::call::Interaction;
use crate::conditional::{Matches, find};
use crate::create::{document, multiple};
use crate::delete::demand_sight;
use crate::document::{read_body, validate};
use crate::engine::{Context, stored};
use crate::kept;
use crate::link;
use crate::masked;
use crate::place::{self, Literally, Placement, demand_home_of, demand_type, is_bound};
use crate::preconditions::{demand_match, demand_none_match};
use crate::read::{NO_ROW, locate, not_found};
use crate::referred;
use crate::reply::Reply;
use crate::visibility::{By, Draft, decide_one};
use crate::write::{Identity, Replaced, Written, commit, conflict};
use std::collections::HashSet;
use ward_access::{Action, Maintenance, maintenance};
use ward_fhir::issue::Result;
use ward_fhir::{Document, Failure, Kind, Node, TypeId};
use ward_storage::{CommitError, Current, Guard, Rid};

pub async fn update(cx: Context<'_>, ty: TypeId, id: &str) -> Result<Reply> {
    demand_type(cx.access, ty, Action::Update)?;
    let document = document(cx, ty, Some(id))?;
    demand_id(document.root(), id)?;
    validate(cx.engine, document.root())?;
    let mut last = CommitError::Unavailable;
    for _ in 0..cx.engine.settings.write_attempts_max {
        let target = replaced(cx, ty, id).await?;
        match put(cx, &document, ty, Some(id), target, Vec::new()).await? {
            Ok(reply) => return Ok(reply),
            Err(CommitError::Unavailable) => return Err(conflict(CommitError::Unavailable)),
            Err(error) => last = error,
        }
    }
    Err(conflict(last))
}

pub async fn conditional_update(cx: Context<'_>, ty: TypeId) -> Result<Reply> {
    demand_type(cx.access, ty, Action::Update)?;
    let document = read_body(cx.call, Some(ty))?;
    validate(cx.engine, document.root())?;
    let query = crate::search::encode_query(&cx.call.parameters);
    let mut last = CommitError::Unavailable;
    let mut access = cx.access.clone();
    for _ in 0..cx.engine.settings.write_attempts_max {
        let cx = Context {
            access: &access,
            ..cx
        };
        let outcome = match find(cx, ty, &query).await? {
            Matches::Many => return Err(multiple()),
            Matches::None(guards) => {
                demand_type(cx.access, ty, Action::Create)?;
                demand_sight(cx, ty)?;
                let id = document.root().text("id");
                let target = match id {
                    Some(id) => vacant(cx, ty, id).await?,
                    None => (None, Replaced::Nothing),
                };
                put(cx, &document, ty, id, target, guards).await?
            }
            Matches::One(rid, guards) => {
                let row = crate::read::live(stored(
                    cx.engine
                        .store
                        .read(cx.access, Action::Update, ty, rid)
                        .await,
                )?)?;
                demand_id_if_given(document.root(), &row.id)?;
                let id = row.id.clone();
                put(
                    cx,
                    &document,
                    ty,
                    Some(&id),
                    (Some(rid), Replaced::Version(row)),
                    guards,
                )
                .await?
            }
        };
        match outcome {
            Ok(reply) => return Ok(reply),
            Err(CommitError::Unavailable) => return Err(conflict(CommitError::Unavailable)),
            Err(error) => last = error,
        }
        access = cx.engine.access_anew(cx).await?;
    }
    Err(conflict(last))
}

/// What a PUT meets: the row id, when the id is known, and the version it replaces.
pub(crate) type Target = (Option<Rid>, Replaced);

/// Stores the document under the id (`None`: a new one of ours), as a new version of the target or, where nothing is, as a
/// creation.
pub(crate) async fn put(
    cx: Context<'_>,
    document: &Document,
    ty: TypeId,
    id: Option<&str>,
    (rid, replaced): Target,
    mut guards: Vec<Guard>,
) -> Result<std::result::Result<Reply, CommitError>> {
    let creating =
        !matches!(&replaced, Replaced::Version(row) if row.op != ward_storage::Op::Delete);
    let current = match &replaced {
        Replaced::Version(row) if !creating => Some(row.version),
        _ => None,
    };
    if let Replaced::Version(row) = &replaced {
        demand_open(cx, row).await?;
    }
    demand_match(&cx.call.conditions, current)?;
    demand_none_match(&cx.call.conditions, current)?;
    let merged = kept::merged(cx.access, document.root(), &replaced)?;
    let node = merged.as_ref().unwrap_or(document).root();
    let own: HashSet<String> = id.map(|id| link::identity(ty, id)).into_iter().collect();
    guards.extend(link::check(cx, document.root(), false, &own).await?);
    let destination = place::destination(cx.engine, node, rid, &Literally).await?;
    destination.demand(cx.access, node, Action::Update)?;
    if creating && matches!(cx.call.interaction, Interaction::ConditionalUpdate { .. }) {
        destination.demand(cx.access, node, Action::Create)?;
    }
    demand_home_of(&replaced, cx.access, ty, Action::Update)?;
    demand_reviewer(cx, node)?;
    // A patch has been found to leave alone what is not seen.
    if !cx.call.interaction.is_patch() {
        masked::demand_whole(cx.access, cx.call, &replaced)?;
        referred::demand_kept(cx, node, &replaced).await?;
    }
    let placement = destination.settle(cx.engine).await?;
    let identity = identify(cx, ty, id, rid, &placement, &replaced);
    let status = if creating { 201 } else { 200 };
    let draft = Draft {
        node,
        identity,
        placement,
        replaced,
        by: By::of(cx.caller, &cx.call.interaction),
    };
    let id = draft.identity.id.clone();
    let mut decided = decide_one(cx.engine, draft, &Literally).await?;
    decided.unit.guards.extend(guards);
    let followed = decided.follow(cx.engine, cx.call.prefer.lenient).await;
    followed.map_err(|(failure, _)| failure)?;
    let written = Written::first(&decided, id);
    Ok(commit(cx, status, decided)
        .await
        .map(|entities| written.reply(status, cx.call.prefer.returns, entities)))
}

fn identify(
    cx: Context<'_>,
    ty: TypeId,
    id: Option<&str>,
    rid: Option<Rid>,
    placement: &Placement,
    replaced: &Replaced,
) -> Identity {
    let rid = rid.unwrap_or_else(|| placement.row(cx.engine, ty));
    let id = id.map_or_else(|| cx.engine.store.public_id(rid), str::to_owned);
    Identity {
        ty,
        rid,
        // An id that only `reserve` knows has a row id and no version yet: its first version registers it too.
        register: matches!(replaced, Replaced::Nothing) && cx.engine.store.decode_id(&id).is_none(),
        id,
    }
}

/// The version that a PUT under this id replaces, and the row id when the id is known.
pub(crate) async fn replaced(cx: Context<'_>, ty: TypeId, id: &str) -> Result<Target> {
    let rid = locate(cx, ty, id).await?;
    let current = stored(
        cx.engine
            .store
            .read(cx.access, Action::Update, ty, rid.unwrap_or(NO_ROW))
            .await,
    )?;
    target(cx, ty, rid, current).await
}

/// 404 where a caller who is bound to compartments, or by granular scopes, sees nothing under the id. A resource that is not
/// theirs may have it, and an answer that created one only under free ids would tell (R18, S71); new resources of theirs get
/// ids of ours.
///
/// Departs: for a server that lets clients choose ids R4 has update create what is absent.
pub(crate) async fn target(
    cx: Context<'_>,
    ty: TypeId,
    rid: Option<Rid>,
    current: Current,
) -> Result<Target> {
    match current {
        Current::Absent if is_bound(cx.access, ty, Action::Update) => Err(not_found()),
        Current::Absent => {
            demand_free(cx, ty, rid).await?;
            Ok((rid, Replaced::Nothing))
        }
        Current::Live(row) | Current::Deleted(row) => Ok((rid, Replaced::Version(row))),
    }
}

/// 404 where a resource that the caller does not see has the id: by their mask, or in a closed record. One statement, and only of an id that has a row id already.
///
/// Departs: under an id that nothing has the same request creates, so who guesses an id that a client chose learns that it is
/// taken. Ids of ours cannot be guessed.
async fn demand_free(cx: Context<'_>, ty: TypeId, rid: Option<Rid>) -> Result<()> {
    let hides = cx.access.mask().closed_bits().is_some() || !cx.access.closed().is_empty();
    let Some(rid) = rid.filter(|_| hides) else {
        return Ok(());
    };
    let access = maintenance(Maintenance::TakenId);
    match stored(cx.engine.store.read(&access, Action::Read, ty, rid).await)? {
        Current::Absent => Ok(()),
        Current::Live(_) | Current::Deleted(_) => Err(not_found()),
    }
}

/// The target of a conditional update that matched nothing but names an id: what lives under that id did not match, and
/// is not overwritten.
pub(crate) async fn vacant(cx: Context<'_>, ty: TypeId, id: &str) -> Result<Target> {
    match replaced(cx, ty, id).await? {
        (_, Replaced::Version(row)) if row.op != ward_storage::Op::Delete => Err(Failure::new(
            Kind::Conflict,
            "the criteria match nothing, but there is a resource with this id",
        )
        .at(format!("{}.id", ward_fhir::schema::r4().ty(ty).name))),
        target => Ok(target),
    }
}

fn demand_id(node: Node<'_>, id: &str) -> Result<()> {
    match node.text("id") {
        Some(own) if own == id => Ok(()),
        Some(_) => Err(Failure::new(
            Kind::Invalid,
            "the id in the resource is not the id in the URL",
        )
        .at(format!("{}.id", node.type_name()))),
        None => Err(Failure::new(
            Kind::Invalid,
            "an update needs the resource's id in the body, equal to the URL's",
        )
        .at(format!("{}.id", node.type_name()))),
    }
}

fn demand_id_if_given(node: Node<'_>, id: &str) -> Result<()> {
    if node.text("id").is_some() {
        demand_id(node, id)
    } else {
        Ok(())
    }
}

#[cfg(test)]
#[path = "update_tests.rs"]
mod tests;
