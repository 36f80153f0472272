//! How many rows are in ranges that only their index knows, counted to where it no longer matters: one statement for a question.

use super::choice;
use super::connection::Columns;
use super::lower::{Sql, string_rids};
use super::statement::Value;
use crate::contract::StoreError;
use crate::estimate::{Counts, SET_ROWS_MAX};
use crate::quantity::{self, Range, Ranged};
use crate::question::{Hop, Node};
use std::fmt::Write as _;
use ward_fhir::TypeId;

/// Ranges that are to be counted: by it is known which members of a conjunction match among few rows of quantities, and how
/// many rows names at the other end of a hop have.
pub struct Sizes {
    pub sql: Sql,
    ranged: Vec<Ranged>,
    few: u64,
    /// Members with a name at the other end of their hop.
    named: Vec<usize>,
}

/// `None`: there is nothing to count.
pub fn of(members: &[Node], ty: TypeId, counts: &Counts, page_rows: u64) -> Option<Sizes> {
    let ranged = quantity::ranged(members, ty, counts);
    let few = quantity::few_rows(members, ty, counts, page_rows);
    let mut sql = Sql::default();
    let mut wanted = 0;
    let mut part = |sql: &mut Sql, write: &dyn Fn(&mut Sql), limit: u64| {
        sql.push(if wanted == 0 { "" } else { " union all " });
        let _ = write!(sql.text, "select {wanted}::bigint, count(*) from (");
        write(sql);
        let limit = sql.int(limit as i64);
        let _ = write!(sql.text, " limit {limit}) s");
        wanted += 1;
    };
    for ranges in ranged.iter().flat_map(|member| &member.alternatives) {
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
    (wanted > 0).then_some(Sizes {
        sql,
        ranged,
        few,
        named,
    })
}

impl Sizes {
    /// Notes what was counted; `true`: there is something further to count.
    pub fn note(self, told: &[Columns], members: &mut Vec<Node>) -> Result<bool, StoreError> {
        let of_each: Vec<usize> = self.ranged.iter().map(|m| m.alternatives.len()).collect();
        let of_ranges: usize = of_each.iter().sum();
        let mut rows = vec![u64::MAX; of_ranges + self.named.len()];
        for row in told {
            let at = usize::try_from(row.int(0)?).unwrap_or(usize::MAX);
            if let Some(rows) = rows.get_mut(at) {
                *rows = row.int(1)?.max(0) as u64;
            }
        }
        let of_names = rows.split_off(of_ranges);
        for (at, rows) in self.named.into_iter().zip(of_names) {
            if let Node::Chain(Hop { rows: known, .. }) | Node::Has(Hop { rows: known, .. }) =
                &mut members[at]
            {
                *known = Some(rows);
            }
        }
        let mut rest = rows.into_iter();
        let of_each = of_each.into_iter();
        let of_each: Vec<Vec<u64>> = of_each.map(|n| rest.by_ref().take(n).collect()).collect();
        Ok(quantity::mark(members, self.ranged, &of_each, self.few))
    }
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
