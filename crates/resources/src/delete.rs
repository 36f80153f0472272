//! delete and conditional delete. <https://hl7.org/fhir/R4/http.html#delete>

use crate::binary::is_open;
use crate::conditional::find_all;
use crate::create::multiple;
use crate::engine::Context;
use crate::place::{demand_home, demand_type};
use crate::preconditions::demand_match;
use crate::read::current;
use crate::reply::Reply;
use crate::visibility::{Decided, Spread};
use crate::write::{commit, compose_deletion, conflict};
use ward_access::Action;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, TypeId};
use ward_storage::{CommitError, Current, Guard, Row};

/// Deleting what is absent or already deleted succeeds: the state asked for is there.
pub async fn delete(cx: Context<'_>, ty: TypeId, id: &str) -> Result<Reply> {
    demand_type(cx.access, ty, Action::Delete)?;
    let mut last = CommitError::Unavailable;
    for _ in 0..cx.engine.settings.write_attempts_max {
        let row = match current(cx, Action::Delete, ty, id).await? {
            Current::Live(row) if !is_open(cx, &row).await? => return Ok(Reply::status(204)),
            Current::Live(row) => row,
            Current::Deleted(row) => {
                return Ok(Reply {
                    version: Some(row.version),
                    ..Reply::status(204)
                });
            }
            Current::Absent => return nothing(cx, ty),
        };
        demand_match(&cx.call.conditions, Some(row.version))?;
        match remove(cx, std::slice::from_ref(&row), Vec::new()).await? {
            Ok(mut reply) => {
                reply.version = Some(row.version + 1);
                return Ok(reply);
            }
            Err(error) => last = refuse_or_retry(error, 0, 1)?,
        }
    }
    Err(conflict(last))
}

pub async fn conditional_delete(cx: Context<'_>, ty: TypeId) -> Result<Reply> {
    demand_type(cx.access, ty, Action::Delete)?;
    let most = cx.engine.settings.conditional_delete_max;
    let query = crate::search::encode_query(&cx.call.parameters);
    let mut last = CommitError::Unavailable;
    for _ in 0..cx.engine.settings.write_attempts_max {
        let (rows, more, guards) = find_all(cx, ty, &query, most).await?;
        if more {
            return Err(multiple());
        }
        if rows.is_empty() {
            return nothing(cx, ty);
        }
        let conditions = guards.len();
        match remove(cx, &rows, guards).await? {
            Ok(reply) => return Ok(reply),
            Err(error) => last = refuse_or_retry(error, conditions, rows.len())?,
        }
    }
    Err(conflict(last))
}

fn nothing(cx: Context<'_>, ty: TypeId) -> Result<Reply> {
    demand_sight(cx, ty)?;
    Ok(Reply::status(204))
}

/// Where there is nothing that the caller sees to delete, or to change by criteria. Services see no Consents (R23): whoever takes a permission
/// back must not believe that it is done. The same whether there is one or not.
pub(crate) fn demand_sight(cx: Context<'_>, ty: TypeId) -> Result<()> {
    if !cx.caller.is_system() || r4().ty(ty).name != "Consent" {
        return Ok(());
    }
    Err(Failure::new(
        Kind::Forbidden,
        "services are not shown Consents, and nothing was changed or deleted; the patient withdraws one, or a privacy officer",
    ))
}

/// Commits the deletion of rows; each must be unreferenced when the setting asks for it.
async fn remove(
    cx: Context<'_>,
    rows: &[Row],
    mut guards: Vec<Guard>,
) -> Result<std::result::Result<Reply, CommitError>> {
    let (mut writes, mut spreads) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        demand_home(row, cx.access, row.ty, Action::Delete)?;
        writes.push(compose_deletion(cx.engine, row).await?);
        spreads.extend(Spread::of_deletion(cx.engine, row)?);
    }
    guards.extend(
        rows.iter()
            .filter_map(|row| unreferenced(cx, row.ty, &row.id)),
    );
    let mut decided = Decided::of(writes, guards, spreads);
    let followed = decided.follow(cx.engine, cx.call.prefer.lenient).await;
    followed.map_err(|(failure, _)| failure)?;
    Ok(commit(cx, 204, decided).await.map(|entities| Reply {
        entities,
        recorded: true,
        ..Reply::status(204)
    }))
}

pub(crate) fn unreferenced(cx: Context<'_>, ty: TypeId, id: &str) -> Option<Guard> {
    cx.engine
        .settings
        .delete_check
        .then(|| Guard::Unreferenced {
            target: cx.engine.store.term_key().target(r4().ty(ty).name, id),
        })
}

/// A broken `Unreferenced` guard is an answer, a lost race is another attempt.
fn refuse_or_retry(
    error: CommitError,
    first_reference_guard: usize,
    count: usize,
) -> Result<CommitError> {
    match error {
        CommitError::Guard(n)
            if (first_reference_guard..first_reference_guard + count).contains(&n) =>
        {
            Err(referenced())
        }
        CommitError::Unavailable => Err(conflict(error)),
        other => Ok(other),
    }
}

/// The same for one referrer and for many, visible to the caller or not (T40). That there is any is told: integrity holds for
/// everybody, and a deletion that broke a hidden reference would change what its readers see.
pub(crate) fn referenced() -> Failure {
    Failure::new(
        Kind::Conflict,
        "other resources, not all of which you need to see, refer to this one; it cannot be deleted while they do",
    )
}
