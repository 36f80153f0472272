//! History of an instance, a type or the whole store, newest first. <https://hl7.org/fhir/R4/http.html#history>
//!
//! Each version is kept once: the current one in its type's table, superseded ones in `history`. A version is shown when
//! the caller sees both it and the current version of its row.

use super::connection::{Connection, Failure};
use super::lower::Sql;
use super::question::used_types;
use super::read::{self, COLUMNS, NO_GENERATION, bound};
use crate::contract::{HistoryQuery, HistoryScope, StoreError};
use crate::core::{Core, StoredRow};
use crate::store::resource_types;
use futures_util::future::try_join_all;
use std::fmt::Write as _;
use ward_access::{Access, Action, Sight};
use ward_fhir::TypeId;

/// At most `count + 1` versions.
pub async fn history(
    connection: &Connection,
    core: &Core,
    access: &Access,
    query: &HistoryQuery,
) -> Result<Vec<StoredRow>, Failure> {
    connection
        .batch("begin isolation level repeatable read read only")
        .await?;
    let rows = within(connection, core, access, query).await;
    if !matches!(rows, Err(Failure::Broken)) {
        connection.batch("commit").await?;
    }
    rows
}

/// The same inside a transaction that is open already.
pub async fn within(
    connection: &Connection,
    core: &Core,
    access: &Access,
    query: &HistoryQuery,
) -> Result<Vec<StoredRow>, Failure> {
    let (types, action) = match &query.scope {
        HistoryScope::Instance { ty, .. } => (std::slice::from_ref(ty), Action::Read),
        HistoryScope::Type(ty) => (std::slice::from_ref(ty), Action::Search),
        HistoryScope::System => (resource_types(), Action::Search),
    };
    inside(connection, core, access, query, (types, action)).await
}

async fn inside(
    connection: &Connection,
    core: &Core,
    access: &Access,
    query: &HistoryQuery,
    (types, action): (&[TypeId], Action),
) -> Result<Vec<StoredRow>, Failure> {
    let used;
    let types = if types.len() > 1 {
        used = used_types(connection, types).await?;
        &used
    } else {
        types
    };
    let statements = types
        .iter()
        .filter(|ty| *access.sight(**ty, action) != Sight::Nothing)
        .flat_map(|ty| {
            let place = (*ty, action);
            [true, false].map(|current| half(connection, core, access, query, place, current))
        })
        .collect::<Result<Vec<Sql>, StoreError>>()?;
    let results = try_join_all(
        statements
            .iter()
            .map(|sql| connection.rows(&sql.text, &sql.values)),
    )
    .await?;
    let mut rows = results
        .iter()
        .flatten()
        .map(read::stored)
        .collect::<Result<Vec<StoredRow>, _>>()?;
    rows.sort_by_key(|row| std::cmp::Reverse((row.updated_us, row.rid, row.version)));
    rows.truncate(query.count as usize + 1);
    Ok(rows)
}

/// Current (`y` is `x`) or superseded versions of a type.
fn half(
    connection: &Connection,
    core: &Core,
    access: &Access,
    query: &HistoryQuery,
    (ty, action): (TypeId, Action),
    current: bool,
) -> Result<Sql, StoreError> {
    let mut sql = Sql::new(access);
    let y = if current { "x" } else { "y" };
    let _ = write!(
        sql.text,
        "select {} from {} x",
        COLUMNS
            .replace("x.", &format!("{y}."))
            .replace("y.g", NO_GENERATION),
        connection.tables.of(ty)
    );
    if !current {
        let number = sql.int(i64::from(ty.0));
        let visible = sql.visible("y");
        let _ = write!(
            sql.text,
            " join history y on y.rid = x.rid and y.typ = {number}::smallint and {visible}"
        );
    }
    let visible = sql.visible("x");
    let _ = write!(sql.text, " where {visible}");
    if let HistoryScope::Instance { rid, .. } = &query.scope {
        let rid = sql.int(*rid);
        let _ = write!(sql.text, " and {y}.rid = {rid}");
    }
    if let Some(since) = query.since_us {
        let since = sql.int(since);
        let _ = write!(sql.text, " and {y}.upd >= {since}");
    }
    if let Some((low, high)) = query.at_us {
        let high = sql.int(high);
        let _ = write!(sql.text, " and {y}.upd <= {high}");
        if !current {
            let low = sql.int(low);
            let _ = write!(sql.text, " and y.til > {low}");
        }
    }
    if let Some((updated, rid, version)) = query.after {
        let (u, r, v) = (sql.int(updated), sql.int(rid), sql.int(i64::from(version)));
        let _ = write!(
            sql.text,
            " and ({y}.upd, {y}.rid, {y}.ver) < ({u}, {r}, {v})"
        );
    }
    bound(&mut sql, connection, core, access, (ty, action))?;
    let limit = sql.int(i64::from(query.count) + 1);
    let _ = write!(
        sql.text,
        " order by {y}.upd desc, {y}.rid desc, {y}.ver desc limit {limit}"
    );
    Ok(sql)
}
