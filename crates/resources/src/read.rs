//! read, vread and their conditional forms. <https://hl7.org/fhir/R4/http.html#read>

use crate::binary::{demand_open, raw_reply};
use crate::engine::{Context, stored};
use crate::labelled_output::is_noticed;
use crate::place::demand_type;
use crate::preconditions::not_modified;
use crate::reply::Reply;
use crate::shown::Shown;
use ward_access::Action;
use ward_audit::Entity;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, TypeId};
use ward_storage::{Current, Op, Row};

pub async fn read(cx: Context<'_>, ty: TypeId, id: &str) -> Result<Reply> {
    demand_type(cx.access, ty, Action::Read)?;
    let row = current(cx, Action::Read, ty, id).await?;
    let row = live(row)?;
    demand_open(cx, &row).await?;
    if not_modified(&cx.call.conditions, row.version, row.updated_us)? {
        return Ok(unchanged(&row));
    }
    answer(cx, row).await
}

pub async fn vread(cx: Context<'_>, ty: TypeId, id: &str, version: &str) -> Result<Reply> {
    demand_type(cx.access, ty, Action::Read)?;
    let number: u32 = version.parse().map_err(|_| not_found())?;
    let rid = locate(cx, ty, id).await?.unwrap_or(NO_ROW);
    let memberships = &cx.engine.compartments;
    let found = cx
        .view
        .read_version(cx.access, memberships, ty, rid, number);
    let Some(row) = stored(found.await)? else {
        as_looked_up(cx, ty, id).await?;
        return Err(not_found());
    };
    if row.op == Op::Delete {
        return Err(gone(&row));
    }
    demand_open(cx, &row).await?;
    answer(cx, row).await
}

/// Row ids are positive. An id that nobody has is looked for under this one, so that absent and forbidden take the same
/// statements.
pub(crate) const NO_ROW: i64 = -1;

/// No resource has an empty id. It is looked for in place of an id of our own, which `locate` answers without a statement.
const NO_ID: &str = "";

/// Row id of a logical id: arithmetic for our own, one look-up for a client's.
pub(crate) async fn locate(cx: Context<'_>, ty: TypeId, id: &str) -> Result<Option<i64>> {
    if let Some(rid) = cx.engine.store.decode_id(id) {
        return Ok(Some(rid));
    }
    let found = stored(cx.view.locate(&[(ty, id)]).await)?;
    Ok(found.first().copied().flatten())
}

/// To be called where nothing is shown of a logical id: where it is one of our own, a look-up like that of a client's follows, so that a
/// hidden row and an id that nobody has take the same statements.
pub(crate) async fn as_looked_up(cx: Context<'_>, ty: TypeId, id: &str) -> Result<()> {
    match cx.engine.store.decode_id(id) {
        Some(_) => stored(cx.view.locate(&[(ty, NO_ID)]).await).map(drop),
        None => Ok(()),
    }
}

/// The current state as the caller may see it for `action`.
pub(crate) async fn current(
    cx: Context<'_>,
    action: Action,
    ty: TypeId,
    id: &str,
) -> Result<Current> {
    let rid = locate(cx, ty, id).await?.unwrap_or(NO_ROW);
    let current = stored(cx.view.read(cx.access, action, ty, rid).await)?;
    if matches!(current, Current::Absent) {
        as_looked_up(cx, ty, id).await?;
    }
    Ok(current)
}

pub(crate) fn live(current: Current) -> Result<Row> {
    match current {
        Current::Live(row) => Ok(row),
        Current::Deleted(row) => Err(gone(&row)),
        Current::Absent => Err(not_found()),
    }
}

pub(crate) fn not_found() -> Failure {
    Failure::new(Kind::NotFound, "no such resource")
}

fn gone(row: &Row) -> Failure {
    Failure::new(
        Kind::Gone,
        format!("the resource was deleted; version {} says so", row.version),
    )
}

pub(crate) fn seen(row: &Row) -> Entity {
    Entity {
        ty: row.ty.0,
        rid: row.rid,
        version: row.version,
        patient: row.patient,
        action: b'R',
    }
}

fn unchanged(row: &Row) -> Reply {
    Reply {
        version: Some(row.version),
        last_modified_us: Some(row.updated_us),
        entities: vec![seen(row)],
        ..Reply::status(304)
    }
}

/// The bytes go out as stored, unless only a part is asked for; a Binary may leave in its own media type, unless a notice must go with it.
async fn answer(cx: Context<'_>, row: Row) -> Result<Reply> {
    let entities = vec![seen(&row)];
    let (version, updated_us) = (row.version, row.updated_us);
    let is_binary = r4().ty(row.ty).name == "Binary";
    let is_raw = is_binary && cx.call.raw_accepted && !is_noticed(cx, &row).await?;
    let reply = if is_raw {
        raw_reply(&row.body)?
    } else {
        Reply::resource(200, Shown::asked(cx, &[row.ty])?.body(&row.body)?)
    };
    Ok(Reply {
        version: Some(version),
        last_modified_us: Some(updated_us),
        entities,
        ..reply
    })
}
