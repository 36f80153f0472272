//! `quantity_term` as PostgreSQL is asked for it.

use super::connection::{Connection, Failure};
use super::lower::Sql;
use super::statement::Value;
use crate::estimate::Counts;
use crate::quantity::{self, Range, Row};
use crate::question::Node;
use std::fmt::Write as _;
use ward_fhir::TypeId;

pub fn values(rows: &[Row]) -> Vec<Value> {
    vec![
        Value::Ints(rows.iter().map(|row| row.0).collect()),
        Value::Reals(rows.iter().map(|row| Some(row.1)).collect()),
        Value::Ints(rows.iter().map(|row| row.2).collect()),
    ]
}

/// Notes which members of a conjunction match among few rows.
pub async fn count(
    connection: &Connection,
    members: &mut [Node],
    ty: TypeId,
    counts: &Counts,
    page_rows: u64,
) -> Result<(), Failure> {
    let ranged = quantity::ranged(members, ty, counts);
    if ranged.is_empty() {
        return Ok(());
    }
    let few = quantity::few_rows(members, ty, counts, page_rows);
    let mut sql = Sql::default();
    for (at, member) in ranged.iter().enumerate() {
        sql.push(if at == 0 { "" } else { " union all " });
        let _ = write!(sql.text, "select {at}::bigint, count(*) from (");
        rids(&mut sql, &member.ranges, ty);
        let _ = write!(sql.text, " limit {}) s", few + 1);
    }
    let mut rows = vec![u64::MAX; ranged.len()];
    for row in connection.rows(&sql.text, &sql.values).await? {
        let at = usize::try_from(row.int(0)?).unwrap_or(usize::MAX);
        if let Some(rows) = rows.get_mut(at) {
            *rows = row.int(1)?.max(0) as u64;
        }
    }
    quantity::mark(members, ranged, &rows, few);
    Ok(())
}

/// `select …`: the rows that may be in one of the ranges, some twice.
pub fn rids(sql: &mut Sql, ranges: &[Range], ty: TypeId) {
    for (at, range) in ranges.iter().enumerate() {
        sql.push(if at == 0 { "" } else { " union all " });
        let h = sql.int(range.key(ty));
        let _ = write!(
            sql.text,
            "select s.rid from quantity_term s where s.h = {h}"
        );
        let values = quantity::values(&range.test);
        for (sign, v) in values.from.into_iter().chain(values.to) {
            let v = sql.bind(Value::Real(v));
            let _ = write!(sql.text, " and s.v {sign} {v}");
        }
        // Infinity is above every lower end.
        if values.to.is_some() {
            let _ = write!(
                sql.text,
                " union all select s.rid from quantity_term s where s.h = {h} and s.v = 'Infinity'"
            );
        }
    }
}

pub const DROP: &str = "delete from quantity_term s using unnest($1, $2, $3) u (h, v, rid) where s.h = u.h and s.v = u.v and s.rid = u.rid";
pub const PUT: &str = "insert into quantity_term (h, v, rid) select h, v, rid from unnest($1, $2, $3) u (h, v, rid) on conflict do nothing";
