//! How many rows are in ranges that only their index knows, counted to where it no longer matters: one statement for a question.

use super::choice;
use super::connection::Columns;
use super::lower::{Sql, string_rids};
use super::statement::Value;
use crate::broad::Broad;
use crate::contract::StoreError;
use crate::estimate::{Counts, SET_ROWS_MAX};
use crate::quantity::{self, Range, Ranged};
use crate::question::Node;
use std::fmt::Write as _;
use ward_fhir::TypeId;

/// Ranges that are to be counted: by it is known which members of a conjunction match among few rows of quantities, and how
/// many rows names at the other end of a hop have.
pub struct Sizes {
    pub sql: Sql,
    ty: TypeId,
    ranged: Vec<Ranged>,
    few: u64,
    /// Members with a name at the other end of their hop.
    named: Vec<usize>,
}

/// What is asked of the rows: so many of them in page order, or how many there are.
#[derive(Clone, Copy)]
pub enum Asked {
    Page(u64),
    Total,
}

/// `None`: there is nothing to count, or all of it is known to be much.
pub fn of(
    members: &[Node],
    ty: TypeId,
    counts: &Counts,
    asked: Asked,
    broad: Option<&Broad>,
) -> Option<Sizes> {
    let few = few(members, ty, counts, asked);
    let mut ranged = quantity::ranged(members, ty, counts);
    ranged.retain(|member| !broad.is_some_and(|broad| broad.holds(member, ty, few)));
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
        ty,
        ranged,
        few,
        named,
    })
}

/// For a page as many rows are gathered as a walk is expected to cost, where so many match. What is gathered lies apart: a row
/// costs as much as seven that are walked over, and as three where all are looked at.
fn few(members: &[Node], ty: TypeId, counts: &Counts, asked: Asked) -> u64 {
    let walked = quantity::walked(members, ty, counts);
    let few = match asked {
        Asked::Page(rows) => (walked.saturating_mul(rows) / GATHERED_COST).isqrt(),
        Asked::Total => (walked / COUNTED_COST).min(TOTAL_ROWS),
    };
    few.max(FEW_ROWS)
}

/// Notes what is remembered of ranges and names, so that they are not counted.
pub fn recall(members: &mut Vec<Node>, ty: TypeId, counts: &Counts, asked: Asked, broad: &Broad) {
    for member in members.iter_mut() {
        if let Node::Chain(hop) | Node::Has(hop) = member
            && hop.rows.is_none()
            && let Some(name) = choice::name(hop, counts)
        {
            hop.rows = broad.rows(name, hop.ty);
        }
    }
    let few = few(members, ty, counts, asked);
    let ranged = quantity::ranged(members, ty, counts).into_iter();
    let known = ranged.filter_map(|member| {
        let rows = broad.slim(&member, ty, few)?;
        Some((member, vec![rows]))
    });
    let (ranged, rows): (Vec<Ranged>, Vec<Vec<u64>>) = known.unzip();
    quantity::mark(members, ranged, &rows, few);
}

impl Sizes {
    /// Notes what was counted; `true`: there is something further to count.
    pub fn note(
        self,
        told: &[Columns],
        members: &mut Vec<Node>,
        counts: &Counts,
        broad: Option<&Broad>,
    ) -> Result<bool, StoreError> {
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
            if let Node::Chain(hop) | Node::Has(hop) = &mut members[at] {
                if let (Some(broad), Some(name)) = (broad, choice::name(hop, counts)) {
                    broad.learn_rows(name, hop.ty, rows);
                }
                hop.rows = Some(rows);
            }
        }
        let mut rest = rows.into_iter();
        let of_each = of_each.into_iter();
        let of_each: Vec<Vec<u64>> = of_each.map(|n| rest.by_ref().take(n).collect()).collect();
        if let Some(broad) = broad {
            for (member, rows) in self.ranged.iter().zip(&of_each) {
                broad.learn(member, self.ty, rows, self.few);
            }
        }
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

/// Rows walked over in the time that one is gathered.
const GATHERED_COST: u64 = 7;
/// The same where the page is a count.
const COUNTED_COST: u64 = 3;
/// So few rows of a range are gathered without further thought.
const FEW_ROWS: u64 = 64;
/// More are not counted before a total is: that takes a tenth of the time.
const TOTAL_ROWS: u64 = 20_000;
