//! Pages whose keys the indexes tell: date and row id of what may match are put in order before any row is fetched, and rows
//! are fetched and tested only until the page is full.
//!
//! Each set is bounded by what the caller sees, and each row is tested by all that is asked: keys that are too many cost time
//! and nothing else. What is to be looked up for each row or key is fenced by `offset 0`, or the planner joins all of them.

use super::lower::{Keys, Lowering, Sql, sort_key};
use super::page::after;
use super::probe::Probe;
use crate::contract::StoreError;
use crate::order::Order;
use crate::question::{Hop, Node};
use std::fmt::Write as _;
use ward_search::plan::Plan;

impl Lowering<'_> {
    /// ` from …`: keys `k` in the natural order, after the position of the plan, each with its row `x`. `Integrity`: not what
    /// drives a shape with such keys.
    pub(super) fn keyed(&self, sql: &mut Sql, keys: Keys, plan: &Plan) -> Result<(), StoreError> {
        let member = match self.shape.driving.as_slice() {
            [at] => self.members.get(*at),
            _ => None,
        };
        let visible = sql.visible("x");
        let of_type = format!("{} x where {visible} and x.op <> 2 and ", self.table);
        sql.push(" from (select x.d, x.rid from ");
        match (keys, member) {
            (Keys::OfHomes, Some(Node::Chain(hop))) => {
                sql.push("(");
                self.probe().homes(sql, hop);
                let _ = write!(
                    sql.text,
                    ") h cross join lateral (select x.d, x.rid from {of_type}x.c = h.c"
                );
                self.probe().hot(sql, self.members, &self.shape);
            }
            (Keys::AmongHomes, Some(Node::Has(hop))) => {
                sql.push(&of_type);
                self.probe().is_home(sql, hop);
            }
            (Keys::Walked, Some(Node::Has(hop))) => {
                sql.push(&of_type);
                self.probe().has_at_home(sql, hop);
            }
            _ => return Err(StoreError::Integrity),
        }
        after(sql, plan, &Order::new(&plan.sort, sort_key))?;
        sql.push(if keys == Keys::OfHomes {
            " offset 0) x"
        } else {
            ""
        });
        sql.push(" order by x.d desc, x.rid desc offset 0) k cross join lateral (select *");
        self.from(sql);
        sql.push(" and x.rid = k.rid offset 0) x");
        Ok(())
    }
}

impl Probe<'_> {
    /// The row is among the homes of all rows of the hop, which are remembered. `is true`: as a condition of its own it would
    /// become a join, for which every home is looked up. The last condition holds for all rows and is thought to hold for few: of
    /// many the planner would not remember the homes, but look through the rows for each of the type.
    fn is_home(&self, sql: &mut Sql, hop: &Hop) {
        let _ = write!(sql.text, "({}.rid in (", self.row);
        let y = self.homes_of(sql, hop);
        let _ = write!(sql.text, " and {y}.c = {y}.c + 0)) is true");
    }

    /// A row of the hop is at home there, as far as an index tells.
    fn has_at_home(&self, sql: &mut Sql, hop: &Hop) {
        let y = sql.alias();
        let _ = write!(
            sql.text,
            "exists (select 1 from {} {y} where {y}.c = {}.rid",
            self.tables.of(hop.ty),
            self.row
        );
        self.other(sql, hop, &y, false);
        sql.push(" offset 0)");
    }

    /// What is left to be tested of a member that told the key of the row.
    pub(super) fn told(&self, sql: &mut Sql, member: &Node) {
        match member {
            Node::Chain(hop) => self.refers_home(sql, hop),
            Node::Has(hop) => self.has(sql, hop),
            other => self.test(sql, other),
        }
    }
}
