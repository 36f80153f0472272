//! History of an instance, a type or the whole store, newest first. <https://hl7.org/fhir/R4/http.html#history>
//!
//! Each version is kept once: the current one in `resource`, superseded ones in `history`. A version is shown when the
//! caller sees both it and the current version of its row.

use super::connection::Connection;
use super::lower::{Probe, Sql};
use super::read;
use crate::contract::{HistoryQuery, HistoryScope, StoreError};
use crate::core::{Core, StoredRow};
use crate::reach::Reach;
use std::fmt::Write as _;
use ward_access::{Access, Action};
use ward_fhir::TypeId;

/// At most `count + 1` versions.
pub fn history(
    connection: &mut Connection,
    core: &Core,
    access: &Access,
    query: &HistoryQuery,
) -> Result<Vec<StoredRow>, StoreError> {
    let types: &[TypeId] = match &query.scope {
        HistoryScope::Instance { ty, .. } | HistoryScope::Type(ty) => std::slice::from_ref(ty),
        HistoryScope::System => &[],
    };
    let action = if matches!(query.scope, HistoryScope::Instance { .. }) {
        Action::Read
    } else {
        Action::Search
    };
    let reach = Reach::new(&core.term_key, access, action, types)?;
    let mut rows = Vec::new();
    if reach.is_empty() {
        return Ok(rows);
    }
    let mut sql = Sql::new(access);
    sql.push("select v.rid, v.typ, v.ver, v.upd, v.op, v.c, v.alias, v.body, v.g, v.k from (");
    half(&mut sql, &reach, query, true);
    sql.push(" union all ");
    half(&mut sql, &reach, query, false);
    let limit = sql.int(i64::from(query.count) + 1);
    let _ = write!(
        sql.text,
        " order by 2 desc, 1 desc, 3 desc limit {limit}) v"
    );
    connection.each(&sql.text, &sql.values, |row| {
        rows.push(read::stored(row)?);
        Ok(())
    })?;
    Ok(rows)
}

/// Current (`y` is `x`) or superseded versions.
fn half(sql: &mut Sql, reach: &Reach, query: &HistoryQuery, current: bool) {
    let (from, y, generation) = if current {
        ("resource x", "x", "x.g")
    } else {
        ("history y cross join resource x on x.rid = y.rid", "y", "0")
    };
    let _ = write!(
        sql.text,
        "select {y}.rid as rid, {y}.upd as upd, {y}.ver as ver, {y}.typ as typ, {y}.op as op, {y}.c as c, {y}.alias as alias, {y}.body as body, {generation} as g, {y}.k as k from {from} where "
    );
    match &query.scope {
        HistoryScope::Instance { ty, rid } => {
            let (rid, ty) = (sql.int(*rid), sql.int(i64::from(ty.0)));
            let _ = write!(sql.text, "{y}.rid = {rid} and {y}.typ = {ty}");
        }
        HistoryScope::Type(ty) => {
            let ty = sql.int(i64::from(ty.0));
            let _ = write!(sql.text, "{y}.typ = {ty}");
        }
        HistoryScope::System => match reach.single() {
            // The condition of access names no type when only one is in reach.
            Some((ty, _)) => {
                let ty = sql.int(i64::from(ty.0));
                let _ = write!(sql.text, "{y}.typ = {ty}");
            }
            None => sql.push("1"),
        },
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
            let _ = write!(sql.text, " and {y}.til > {low}");
        }
    }
    if let Some((updated, rid, version)) = query.after {
        let (u, r, v) = (sql.int(updated), sql.int(rid), sql.int(i64::from(version)));
        let _ = write!(
            sql.text,
            " and ({y}.upd, {y}.rid, {y}.ver) < ({u}, {r}, {v})"
        );
    }
    let visible = sql.visible(y);
    let _ = write!(sql.text, " and {visible} and ");
    Probe::new(reach.single().map(|(ty, _)| ty)).access(sql, reach);
}
