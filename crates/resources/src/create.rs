//! create and conditional create. <https://hl7.org/fhir/R4/http.html#create>

use crate::break_glass::demand_reviewer;
use crate::call::Format;
use crate::conditional::{Matches, find};
use crate::document::{read_body, validate};
use crate::engine::Context;
use crate::kept;
use crate::link;
use crate::place::{self, Literally, demand_type};
use crate::read::{live, seen};
use crate::reply::{Content, Reply};
use crate::visibility::{By, Draft, decide_one};
use crate::write::{Identity, Replaced, Written, commit, conflict};
use crate::{binary, call::Return};
use std::collections::HashSet;
use ward_access::Action;
use ward_fhir::issue::Result;
use ward_fhir::{Document, Failure, Kind, TypeId};
use ward_storage::{CommitError, Guard};

pub async fn create(cx: Context<'_>, ty: TypeId) -> Result<Reply> {
    demand_type(cx.access, ty, Action::Create)?;
    let document = document(cx, ty, None)?;
    validate(cx.engine, document.root())?;
    let mut last = CommitError::Unavailable;
    let mut access = cx.access.clone();
    for _ in 0..cx.engine.settings.write_attempts_max {
        let cx = Context {
            access: &access,
            ..cx
        };
        let condition = match &cx.call.conditions.if_none_exist {
            None => Vec::new(),
            Some(query) => match find(cx, ty, query).await? {
                Matches::None(guards) => guards,
                Matches::One(rid, _) => return existing(cx, ty, rid).await,
                Matches::Many => return Err(multiple()),
            },
        };
        match attempt(cx, &document, ty, condition).await? {
            Ok(reply) => return Ok(reply),
            Err(CommitError::Unavailable) => return Err(conflict(CommitError::Unavailable)),
            Err(error) => last = error,
        }
        access = cx.engine.access_anew(cx).await?;
    }
    Err(conflict(last))
}

/// The body as a resource; a raw body becomes a Binary, under `id` when it updates one.
pub(crate) fn document(cx: Context<'_>, ty: TypeId, id: Option<&str>) -> Result<Document> {
    match &cx.call.body {
        Some(body) if matches!(body.format, Format::Raw(_)) => binary::document(cx.call, ty, id),
        _ => read_body(cx.call, Some(ty)),
    }
}

async fn attempt(
    cx: Context<'_>,
    document: &Document,
    ty: TypeId,
    mut guards: Vec<Guard>,
) -> Result<std::result::Result<Reply, CommitError>> {
    let merged = kept::merged(cx.access, document.root(), &Replaced::Nothing)?;
    let document = merged.as_ref().unwrap_or(document);
    guards.extend(link::check(cx, document.root(), false, &HashSet::new()).await?);
    let destination = place::destination(cx.engine, document.root(), None, &Literally).await?;
    destination.demand(cx.access, document.root(), Action::Create)?;
    demand_reviewer(cx, document.root())?;
    let placement = destination.settle(cx.engine).await?;
    let rid = placement.row(cx.engine, ty);
    let id = cx.engine.store.public_id(rid);
    let identity = Identity {
        ty,
        rid,
        id: id.clone(),
        register: false,
    };
    let draft = Draft {
        node: document.root(),
        identity,
        placement,
        replaced: Replaced::Nothing,
        by: By::Body,
    };
    let mut decided = decide_one(cx.engine, draft, &Literally).await?;
    decided.unit.guards.extend(guards);
    let followed = decided.follow(cx.engine, cx.call.prefer.lenient).await;
    followed.map_err(|(failure, _)| failure)?;
    let written = Written::first(&decided, id);
    Ok(commit(cx, 201, decided)
        .await
        .map(|entities| written.reply(201, cx.call.prefer.returns, entities)))
}

/// If-None-Exist found one: it is the answer, and nothing is created.
async fn existing(cx: Context<'_>, ty: TypeId, rid: i64) -> Result<Reply> {
    let row = live(crate::engine::stored(
        cx.engine
            .store
            .read(cx.access, Action::Search, ty, rid)
            .await,
    )?)?;
    binary::demand_open(cx, &row).await?;
    let location = format!(
        "{}/{}/_history/{}",
        ward_fhir::schema::r4().ty(ty).name,
        row.id,
        row.version
    );
    let content = match cx.call.prefer.returns {
        None | Some(Return::Representation) if cx.access.may(ty, Action::Read) => {
            Content::Resource(row.body.clone())
        }
        _ => Content::Empty,
    };
    Ok(Reply {
        content,
        version: Some(row.version),
        last_modified_us: Some(row.updated_us),
        location: Some(location),
        entities: vec![seen(&row)],
        ..Reply::status(200)
    })
}

pub(crate) fn multiple() -> Failure {
    Failure::new(
        Kind::MultipleMatches,
        "the criteria match more than one resource; narrow them",
    )
}
