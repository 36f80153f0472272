//! A page of quantities: looked for among the next rows in page order, and only when they do not hold it among all.
//! <https://hl7.org/fhir/R4/search.html#quantity>
//!
//! A range of values that many rows have is met soon in any order. One that few rows have is told by the greatest and the
//! least quantity of each row, which are indexed; what the quantity is of is then tested on the rows.

use super::choice::Walk;
use super::lower::{Branch, Lowering, Shape, Sql, sort_key};
use super::question::Question;
use super::read::COLUMNS;
use super::search::after;
use super::statement::Value;
use super::tables::{GREATEST, LEAST};
use crate::contract::StoreError;
use crate::order::Order;
use crate::question::Node;
use std::fmt::Write as _;
use ward_fhir::TypeId;
use ward_fhir::schema::r4;
use ward_search::hot;
use ward_search::plan::{NumberTest, Plan, Prefix, SortValue};

impl Question<'_> {
    /// Whether the page is looked for in both steps.
    pub(super) fn is_near(&self, plan: &Plan) -> bool {
        self.near_part(plan).is_some()
    }

    /// The part that would be walked without end, when nothing but a quantity says where it might.
    fn near_part(&self, plan: &Plan) -> Option<Lowering<'_>> {
        let ([ty], []) = (
            self.reach.everything.as_slice(),
            self.reach.limited.as_slice(),
        ) else {
            return None;
        };
        let is_range = |node: &Node| !tests(node).is_empty();
        if !plan.sort.is_empty()
            || EXAMINED_ROWS_MAX < 4 * i64::from(plan.count)
            || !is_valued(*ty)
            || !self.members.iter().any(is_range)
        {
            return None;
        }
        let part = self.part(*ty, Branch::All, Walk::Natural);
        let is_walked = !part.shape.fenced && part.shape.driving.is_empty();
        (is_walked && part.window.long.is_none()).then_some(part)
    }

    /// Less than a page tells nothing.
    pub(super) fn near_statement(&self, plan: &Plan) -> Option<Sql> {
        let mut part = self.near_part(plan)?;
        let order = Order::new(&plan.sort, sort_key);
        let mut sql = Sql::new(self.access);
        let _ = write!(
            sql.text,
            "select {COLUMNS}, x.d from (select * from {} x where ",
            part.table
        );
        part.seen(&mut sql);
        if let Some(Node::Terms(terms)) = part.shape.code.map(|at| &self.members[at]) {
            sql.push(" and ");
            part.probe().column(&mut sql, "code", terms);
        }
        let first = plan.after.as_ref().and_then(|after| after.values.first());
        if let (Some(SortValue::Integer(d)), Some(to)) = (first, part.window.to_us) {
            part.window.to_us = Some(to.min(*d));
        }
        part.within(&mut sql);
        after(&mut sql, plan, &order).ok()?;
        let rows = sql.int(EXAMINED_ROWS_MAX);
        let _ = write!(
            sql.text,
            " order by x.d desc, x.rid desc limit {rows}) x where true"
        );
        part.probe()
            .conjunction(&mut sql, &self.members, &part.shape);
        let limit = sql.int(i64::from(plan.count) + 1);
        let _ = write!(sql.text, " order by x.d desc, x.rid desc limit {limit}");
        Some(sql)
    }

    /// All that match, by the values that some quantity of theirs must reach.
    pub(super) fn far_statement(&self, plan: &Plan) -> Result<Sql, StoreError> {
        let Some(part) = self.near_part(plan) else {
            return Err(StoreError::Integrity);
        };
        let order = Order::new(&plan.sort, sort_key).fenced();
        let mut sql = Sql::new(self.access);
        let _ = write!(
            sql.text,
            "select {COLUMNS}, {} from {} x where ",
            order.keys[0].expression, part.table
        );
        part.seen(&mut sql);
        sql.push(" and cardinality(x.qh) > 0");
        for node in &self.members {
            reaching(&mut sql, &tests(node));
        }
        part.probe()
            .conjunction(&mut sql, &self.members, &Shape::default());
        after(&mut sql, plan, &order)?;
        let limit = sql.int(i64::from(plan.count) + 1);
        let by = order.by(&order.keys);
        let _ = write!(sql.text, " order by {by} limit {limit}");
        Ok(sql)
    }
}

/// The tests of one quantity, or of a choice of quantities by the same test.
fn tests(node: &Node) -> Vec<NumberTest> {
    match node {
        Node::Quantity { test, .. } => vec![*test],
        Node::Or(list) => {
            let all: Vec<NumberTest> = list.iter().flat_map(tests).collect();
            let is_one = list.iter().all(|n| matches!(n, Node::Quantity { .. }))
                && all.windows(2).all(|pair| pair[0] == pair[1]);
            all.into_iter().take(usize::from(is_one)).collect()
        }
        _ => Vec::new(),
    }
}

/// ` and …`: what a row must reach to pass the tests. Closed at the far end too, so that the planner takes it for narrow.
fn reaching(sql: &mut Sql, tests: &[NumberTest]) {
    for test in tests {
        let (low, high) = (Value::Real(test.low), Value::Real(test.high));
        let (function, sign, value, end) = match test.prefix {
            Prefix::Gt | Prefix::Sa => (GREATEST, ">", high, "<= 'infinity'"),
            Prefix::Ge | Prefix::Eq | Prefix::Ap => (GREATEST, ">=", low, "<= 'infinity'"),
            Prefix::Lt | Prefix::Eb => (LEAST, "<", low, ">= '-infinity'"),
            Prefix::Le => (LEAST, "<=", high, ">= '-infinity'"),
            Prefix::Ne => continue,
        };
        let value = sql.bind(value);
        let _ = write!(
            sql.text,
            " and {function}(x.qv) {sign} {value} and {function}(x.qv) {end}"
        );
    }
}

/// Whether the greatest and the least quantity of a type are indexed.
fn is_valued(ty: TypeId) -> bool {
    !hot::of(r4().ty(ty).name).value.is_empty()
}

/// So many rows are looked at one by one before all are asked.
const EXAMINED_ROWS_MAX: i64 = 500;
