//! Walks in the order of the clinical date: one index range from a first to a last date, and what lies beside it.
//!
//! A sort by the latest dates is such a walk too. As many matches as the page holds, in the order of the clinical date, tell
//! a date that every row of the page reaches; no row that begins more than a reach before it does, longer ones apart.

use super::drive::{Driver, Extent};
use super::lower::{Probe, Sql};
use super::question::Question;
use crate::clinical::Window;
use crate::contract::StoreError;
use crate::estimate::counted;
use crate::index::typed;
use crate::question::Node;
use std::fmt::Write as _;
use ward_fhir::TypeId;
use ward_search::entries::Term;
use ward_search::plan::{Plan, SortKey, SortValue};

/// Bounds of a walk as they stand in a statement.
#[derive(Clone, Default)]
pub struct Bounds {
    pub from: Option<String>,
    pub to: Option<String>,
    /// Rows before `from` that have this term belong to it.
    pub long: Option<Term>,
    /// Date and id of the last row of the page before.
    pub after: Option<(String, String)>,
    /// No more rows than this are looked at.
    pub examined: Option<String>,
    /// Of them only rows among the candidates of this member go on.
    pub among: Option<usize>,
}

impl Bounds {
    pub fn of(window: &Window, sql: &mut Sql) -> Bounds {
        Bounds {
            from: window.from_us.map(|us| sql.int(us)),
            to: window.to_us.map(|us| sql.int(us)),
            long: window.long,
            after: None,
            examined: None,
            among: None,
        }
    }

    /// Not before `from` either.
    fn since(&mut self, from: String) {
        self.from = Some(match self.from.take() {
            Some(other) => format!("max({other}, {from})"),
            None => from,
        });
    }

    fn until(&mut self, to: String) {
        self.to = Some(match self.to.take() {
            Some(other) => format!("min({other}, {to})"),
            None => to,
        });
    }

    /// ` and d …`
    fn condition(&self, row: &str) -> String {
        let mut text = String::new();
        if let Some(from) = &self.from {
            let _ = write!(text, " and {row}.d >= {from}");
        }
        if let Some(to) = &self.to {
            let _ = write!(text, " and {row}.d <= {to}");
        }
        if let Some((d, rid)) = &self.after {
            let _ = write!(text, " and ({row}.d, {row}.rid) < ({d}, {rid})");
        }
        text
    }
}

impl Question<'_> {
    /// ` from … x where `: the rows of a range that has the order of the clinical date. `rows`: `table y where …` for the
    /// alias given; `term`: what all of them have.
    pub(super) fn drive_walk(
        &self,
        sql: &mut Sql,
        ty: TypeId,
        rows: &dyn Fn(&str) -> String,
        term: Option<Term>,
        bounds: &Bounds,
    ) {
        if let Some(limit) = &bounds.examined {
            let walked = (rows("y"), bounds.condition("y"), limit.as_str());
            return self.drive_examined(sql, ty, walked, term.is_some(), bounds.among);
        }
        let (Some(long), Some(from)) = (bounds.long, &bounds.from) else {
            let within = bounds.condition("x");
            let _ = write!(sql.text, " from {}{within} and ", rows("x"));
            return;
        };
        let (rows, within) = (rows("y"), bounds.condition("y"));
        let _ = write!(
            sql.text,
            " from (select y.rid, y.d, y.c, y.k from {rows}{within}"
        );
        let h = sql.int(typed(long, ty));
        let _ = write!(
            sql.text,
            " union all select y.rid, y.d, y.c, y.k from term y where y.h = {h} and y.d < {from}"
        );
        if let Some(term) = term {
            sql.push(" and ");
            let probe = Probe {
                row: "y".into(),
                ..self.probe()
            };
            probe.filter(sql, &Node::Terms(vec![term]));
        }
        sql.push(") x where ");
    }

    /// So many rows of a range and no more; those that are not among the candidates of a member are passed over. A range of
    /// terms has all that a page needs; of the range of a type the index alone is read until a candidate is met.
    fn drive_examined(
        &self,
        sql: &mut Sql,
        ty: TypeId,
        (rows, within, limit): (String, String, &str),
        of_term: bool,
        among: Option<usize>,
    ) {
        let columns = match among {
            Some(_) if !of_term => "y.rid",
            _ => "y.rid, y.d, y.c, y.k",
        };
        let _ = write!(
            sql.text,
            " from (select {columns} from {rows}{within} order by y.d desc, y.rid desc limit {limit}) "
        );
        let Some(Node::Among { ranges, .. }) = among.map(|at| &self.members()[at]) else {
            return sql.push("x where ");
        };
        sql.push(match of_term {
            true => "x where x.rid in (",
            false => "i cross join resource x on x.rid = i.rid where i.rid in (",
        });
        self.probe().among(sql, "s.rid", ranges, ty);
        sql.push(") and ");
    }

    /// The bounds of a page: one upper end, since an index range takes no more.
    pub(super) fn bounds_after(&self, sql: &mut Sql, plan: &Plan) -> Bounds {
        let mut bounds = self.bounds(sql);
        if let (Some(after), true) = (&plan.after, plan.sort.is_empty() && bounds.to.is_some())
            && let Some(SortValue::Integer(d)) = after.values.first()
        {
            let d = sql.int(*d);
            bounds.until(d);
        }
        bounds
    }

    /// The latest dates first: `with … ` before the statement, and the bounds of its rows. `None`: all hits are sorted.
    /// `after`: writes the condition for rows after the position.
    pub(super) fn latest(
        &self,
        sql: &mut Sql,
        plan: &Plan,
        after: &mut dyn FnMut(&mut Sql) -> Result<(), StoreError>,
    ) -> Result<Option<Bounds>, StoreError> {
        let (Some(sorted), Some((ty, _))) = (self.sorted, self.reach.single()) else {
            return Ok(None);
        };
        let Some(SortKey::Date { param, .. }) = plan.sort.first() else {
            return Ok(None);
        };
        let Some(long) = sorted
            .long(ty, &self.counts)
            .filter(|_| self.is_long_walk(ty))
        else {
            return Ok(None);
        };
        let mut bounds = self.bounds(sql);
        let mut near = Bounds {
            long: None,
            ..bounds.clone()
        };
        let last = match plan.after.as_ref().map(|position| position.values.first()) {
            None => None,
            // No row begins after its latest date, if it has one.
            Some(Some(SortValue::Integer(us))) => {
                let us = sql.int(*us);
                near.until(us.clone());
                Some(us)
            }
            // Among those without a date.
            Some(_) => return Ok(None),
        };
        let (wanted, reach) = (sql.int(i64::from(plan.count) + 1), sql.int(long.reach_us));
        let _ = write!(
            sql.text,
            "with edge (d, t) as materialized (select case when count(*) = {wanted} then min(d) - {reach} else {} end, \
             case when count(*) = {wanted} then {} else {} end from (select x.d",
            i64::MIN,
            last.as_deref().unwrap_or("null"),
            i64::MAX
        );
        self.drive_within(sql, self.driver, &near, Extent::Page);
        let p = sql.int(i64::from(crate::index::parameter(*param, ty)));
        let _ = write!(
            sql.text,
            " and exists (select 1 from date s indexed by date_r where s.rid = x.rid and s.p = {p})"
        );
        after(sql)?;
        let _ = write!(sql.text, " order by x.d desc, x.rid desc limit {wanted})) ");
        bounds.since("(select d from edge)".into());
        // Rows without a date are on the page only where the dated ones do not fill it: they lie anywhere.
        if last.is_some() {
            bounds.until("(select t from edge)".into());
        }
        bounds.long = long.rows.or(bounds.long);
        Ok(Some(bounds))
    }

    /// Whether one range in the order of the clinical date drives, too long to be sorted whole.
    fn is_long_walk(&self, ty: TypeId) -> bool {
        match self.driver {
            Driver::Types => true,
            Driver::Compartment | Driver::Term(..) | Driver::Updates(_) => false,
            Driver::Member(at) => match &self.members()[at] {
                Node::Terms(terms) => match terms.as_slice() {
                    [term] => counted(&self.counts, typed(*term, ty)) > SORTED_ROWS,
                    _ => false,
                },
                _ => false,
            },
        }
    }
}

/// So many rows are sorted without looking where they may end.
const SORTED_ROWS: u64 = 200;
