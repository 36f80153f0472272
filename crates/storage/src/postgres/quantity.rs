//! `quantity_term`: which rows have a quantity in a range, so that few of them are gathered and not looked for.
//!
//! A row's own array decides; the table names candidates. A quantity stands under its term, and again under its term and the
//! row's primary code: what is rare for a code need not be rare. One that is no single value stands at infinity, which
//! belongs to every range.

use super::choice;
use super::connection::{Connection, Failure};
use super::lower::Sql;
use super::statement::Value;
use crate::contract::Rid;
use crate::estimate::Counts;
use crate::index::{of_code, typed};
use crate::question::{Few, Node};
use std::cmp::Ordering;
use std::fmt::Write as _;
use ward_fhir::TypeId;
use ward_search::entries::{Entries, Term};
use ward_search::plan::{NumberTest, Prefix};

/// Key, value and row.
pub type Row = (i64, f64, Rid);

/// Sorted, each once.
pub fn rows(entries: &Entries, ty: TypeId, rid: Rid) -> Vec<Row> {
    let mut rows = Vec::with_capacity(entries.quantities.len() * 2);
    for quantity in &entries.quantities {
        let value = if quantity.low == quantity.high {
            quantity.low
        } else {
            f64::INFINITY
        };
        let key = typed(quantity.term, ty);
        rows.push((key, value, rid));
        if entries.code != 0 {
            rows.push((of_code(key, entries.code), value, rid));
        }
    }
    sort(&mut rows);
    rows.dedup();
    rows
}

/// No value is NaN.
pub fn sort(rows: &mut [Row]) {
    rows.sort_unstable_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
}

pub fn values(rows: &[Row]) -> Vec<Value> {
    vec![
        Value::Ints(rows.iter().map(|row| row.0).collect()),
        Value::Reals(rows.iter().map(|row| Some(row.1)).collect()),
        Value::Ints(rows.iter().map(|row| row.2).collect()),
    ]
}

/// Notes at each quantity of a conjunction whether few rows are in its range.
pub async fn count(
    connection: &Connection,
    members: &mut [Node],
    ty: TypeId,
    counts: &Counts,
) -> Result<(), Failure> {
    // A home's own rows are few, and so are ids.
    let is_small = |m: &Node| matches!(m, Node::AtHome { .. } | Node::Rids(_) | Node::Nothing);
    if members.iter().any(is_small) {
        return Ok(());
    }
    let code = code(members, ty, counts);
    let mut sql = Sql::default();
    let mut keys: Vec<(usize, i64)> = Vec::new();
    for (at, member) in members.iter().enumerate() {
        let Node::Quantity { term, test, .. } = member else {
            continue;
        };
        let key = typed(*term, ty);
        let key = code.map_or(key, |code| of_code(key, code));
        sql.push(if keys.is_empty() { "" } else { " union all " });
        let _ = write!(sql.text, "select {at}::bigint, count(*) from (");
        rids(&mut sql, key, test);
        let _ = write!(sql.text, " limit {}) s", FEW_ROWS + 1);
        keys.push((at, key));
        if keys.len() == RANGES_COUNTED_MAX {
            break;
        }
    }
    if keys.is_empty() {
        return Ok(());
    }
    for row in connection.rows(&sql.text, &sql.values).await? {
        let (at, rows) = (row.int(0)?, row.int(1)?.max(0) as u64);
        let key = keys.iter().find(|(member, _)| *member as i64 == at);
        if let (Some((at, key)), true) = (key, rows <= FEW_ROWS)
            && let Node::Quantity { few, .. } = &mut members[*at]
        {
            *few = Some(Few { key: *key, rows });
        }
    }
    Ok(())
}

/// The one primary code that every match has.
fn code(members: &[Node], ty: TypeId, counts: &Counts) -> Option<Term> {
    match &members[choice::columns(members, ty, counts).code?] {
        Node::Terms(terms) => match terms.as_slice() {
            [code] => Some(*code),
            _ => None,
        },
        _ => None,
    }
}

/// `select …`: the rows that may be in a range, once or twice.
pub fn rids(sql: &mut Sql, key: i64, test: &NumberTest) {
    let h = sql.int(key);
    let mut end = |sign: &str, v: f64| {
        let v = sql.bind(Value::Real(v));
        format!(" and s.v {sign} {v}")
    };
    let (low, high) = (test.low, test.high);
    // Infinity is above every lower end.
    let (range, is_open) = match test.prefix {
        Prefix::Gt | Prefix::Sa => (end(">", high), true),
        Prefix::Ge => (end(">=", low), true),
        Prefix::Ne => (String::new(), true),
        Prefix::Lt | Prefix::Eb => (end("<", low), false),
        Prefix::Le => (end("<=", high), false),
        Prefix::Eq | Prefix::Ap => (end(">=", low) + &end("<=", high), false),
    };
    let _ = write!(
        sql.text,
        "select s.rid from quantity_term s where s.h = {h}{range}"
    );
    if !is_open {
        let _ = write!(
            sql.text,
            " union all select s.rid from quantity_term s where s.h = {h} and s.v = 'Infinity'"
        );
    }
}

pub const DROP: &str = "delete from quantity_term s using unnest($1, $2, $3) u (h, v, rid) where s.h = u.h and s.v = u.v and s.rid = u.rid";
pub const PUT: &str = "insert into quantity_term (h, v, rid) select h, v, rid from unnest($1, $2, $3) u (h, v, rid) on conflict do nothing";

/// So few rows are gathered and sorted: about what a walk in page order looks at to fill a page from one row in fifty.
const FEW_ROWS: u64 = 1_000;
/// Ranges that are counted.
const RANGES_COUNTED_MAX: usize = 4;
