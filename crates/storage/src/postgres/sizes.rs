//! How many rows are in ranges that only their index knows, counted to where it no longer matters: one statement for a question.

use super::choice;
use super::connection::{Connection, Failure};
use super::lower::{Sql, string_rids};
use super::statement::Value;
use crate::estimate::{Counts, SET_ROWS_MAX};
use crate::quantity::{self, Range};
use crate::question::{Hop, Node};
use std::fmt::Write as _;
use ward_fhir::TypeId;

/// Notes which members of a conjunction match among few rows of quantities, and how many rows names at the other end of a
/// hop have.
pub async fn count(
    connection: &Connection,
    members: &mut Vec<Node>,
    ty: TypeId,
    counts: &Counts,
    page_rows: u64,
) -> Result<(), Failure> {
    // Once more for what an alternative that is left alone brings.
    if count_once(connection, members, ty, counts, page_rows).await? {
        count_once(connection, members, ty, counts, page_rows).await?;
    }
    Ok(())
}

async fn count_once(
    connection: &Connection,
    members: &mut Vec<Node>,
    ty: TypeId,
    counts: &Counts,
    page_rows: u64,
) -> Result<bool, Failure> {
    let ranged = quantity::ranged(members, ty, counts);
    let few = quantity::few_rows(members, ty, counts, page_rows);
    let mut sql = Sql::default();
    let mut wanted = 0;
    let mut part = |sql: &mut Sql, write: &dyn Fn(&mut Sql), limit: u64| {
        sql.push(if wanted == 0 { "" } else { " union all " });
        let _ = write!(sql.text, "select {wanted}::bigint, count(*) from (");
        write(sql);
        let _ = write!(sql.text, " limit {limit}) s");
        wanted += 1;
    };
    let alternatives = || ranged.iter().flat_map(|member| &member.alternatives);
    for ranges in alternatives() {
        part(&mut sql, &|sql| rids(sql, ranges, ty), few + 1);
    }
    let mut named = Vec::new();
    for (at, member) in members.iter().enumerate() {
        if let Node::Chain(hop) | Node::Has(hop) = member
            && hop.rows.is_none()
            && let Some((param, test, value)) = choice::name(hop, counts)
        {
            let write = |sql: &mut Sql| string_rids(sql, (hop.ty, param), test, value);
            part(&mut sql, &write, SET_ROWS_MAX + 1);
            named.push(at);
        }
    }
    if sql.text.is_empty() {
        return Ok(false);
    }
    let of_ranges = alternatives().count();
    let mut rows = vec![u64::MAX; of_ranges + named.len()];
    for row in connection.rows(&sql.text, &sql.values).await? {
        let at = usize::try_from(row.int(0)?).unwrap_or(usize::MAX);
        if let Some(rows) = rows.get_mut(at) {
            *rows = row.int(1)?.max(0) as u64;
        }
    }
    let of_names = rows.split_off(of_ranges);
    for (at, rows) in named.into_iter().zip(of_names) {
        if let Node::Chain(Hop { rows: known, .. }) | Node::Has(Hop { rows: known, .. }) =
            &mut members[at]
        {
            *known = Some(rows);
        }
    }
    let mut rest = rows.into_iter();
    let of_each = ranged.iter().map(|member| member.alternatives.len());
    let of_each: Vec<Vec<u64>> = of_each.map(|n| rest.by_ref().take(n).collect()).collect();
    Ok(quantity::mark(members, ranged, &of_each, few))
}

/// `select …`: the rows of `quantity_term` that may be in one of the ranges, some twice.
pub fn rids(sql: &mut Sql, ranges: &[Range], ty: TypeId) {
    if ranges.is_empty() {
        sql.push("select 0::bigint where false");
    }
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
