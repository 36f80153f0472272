//! Chains and reverse chains. <https://hl7.org/fhir/R4/search.html#chaining>
//!
//! The term of a reference to a row under a parameter is `self # spread`. Rows at the other end are tested with the Access
//! predicate of their own type. A subquery that gathers them runs once, before the rows it is compared with; one that
//! is looked up for each candidate is fenced by `offset 0`, or the planner joins all hits (94 ms instead of 2.3).

use super::choice::{self, Walk};
use super::lower::{Branch, Sql};
use super::probe::Probe;
use super::statement::Value;
use crate::estimate::SET_ROWS_MAX;
use crate::question::Hop;
use std::fmt::Write as _;

impl Probe<'_> {
    fn few(&self, hop: &Hop) -> bool {
        choice::at_hop(hop, self.counts) <= SET_ROWS_MAX
    }

    /// The row refers to a row of the hop.
    pub(super) fn chain(&self, sql: &mut Sql, hop: &Hop) {
        let row = &self.row;
        let leads_home = hop.leads_home(self.ty, hop.ty);
        if self.few(hop) || !leads_home {
            if leads_home {
                let _ = write!(sql.text, "({row}.c + 0) = any(array(");
                self.homes(sql, hop);
                sql.push(")) and ");
                return self.refers_home(sql, hop);
            }
            let _ = write!(sql.text, "({row}.terms || '{{}}'::bigint[]) && ");
            return self.references(sql, hop);
        }
        let y = sql.alias();
        let spread = sql.int(hop.spread);
        let _ = write!(
            sql.text,
            "exists (select 1 from {} {y} where {y}.rid = {row}.c and ({y}.self # {spread}) = any({row}.terms)",
            self.tables.of(hop.ty)
        );
        self.other(sql, hop, &y, false);
        sql.push(" offset 0)");
    }

    pub(super) fn drive_chain(&self, sql: &mut Sql, hop: &Hop) {
        let row = &self.row;
        if !hop.leads_home(self.ty, hop.ty) {
            let _ = write!(sql.text, "{row}.terms && ");
            return self.references(sql, hop);
        }
        // The compartment index is far smaller than a posting list for each patient; the term is tested all the same.
        let _ = write!(sql.text, "{row}.c = any(array(");
        self.homes(sql, hop);
        sql.push(")) and ");
        self.refers_home(sql, hop);
    }

    /// The row has the term of a reference to its home, which is a row of the hop: one look-up, where each row's terms would be
    /// compared with those of all homes.
    pub(super) fn refers_home(&self, sql: &mut Sql, hop: &Hop) {
        let row = &self.row;
        let y = sql.alias();
        let spread = sql.int(hop.spread);
        let _ = write!(
            sql.text,
            "(select {y}.self # {spread} from {} {y} where {y}.rid = {row}.c) = any({row}.terms)",
            self.tables.of(hop.ty)
        );
    }

    /// `select …`: the rows of the hop, `c`.
    pub(super) fn homes(&self, sql: &mut Sql, hop: &Hop) {
        let y = sql.alias();
        let table = self.tables.of(hop.ty);
        let _ = write!(sql.text, "select {y}.rid as c from {table} {y} where true");
        self.other(sql, hop, &y, true);
    }

    /// `select …`: the homes of the rows of the hop, some many times. The alias of the rows.
    pub(super) fn homes_of(&self, sql: &mut Sql, hop: &Hop) -> String {
        let y = sql.alias();
        let table = self.tables.of(hop.ty);
        let _ = write!(sql.text, "select {y}.c from {table} {y} where true");
        self.other(sql, hop, &y, true);
        y
    }

    /// `array(…)` of the reference terms that lead to rows of the hop.
    fn references(&self, sql: &mut Sql, hop: &Hop) {
        let y = sql.alias();
        let spread = sql.int(hop.spread);
        let _ = write!(
            sql.text,
            "array(select {y}.self # {spread} from {} {y} where true",
            self.tables.of(hop.ty)
        );
        self.other(sql, hop, &y, true);
        sql.push(")");
    }

    /// A row of the hop refers to the row.
    pub(super) fn has(&self, sql: &mut Sql, hop: &Hop) {
        let row = &self.row;
        let y = sql.alias();
        let spread = sql.int(hop.spread);
        let _ = write!(
            sql.text,
            "exists (select 1 from {} {y} where ",
            self.tables.of(hop.ty)
        );
        let _ = if hop.leads_home(hop.ty, self.ty) {
            write!(
                sql.text,
                "{y}.c = {row}.rid and ({row}.self # {spread}) = any({y}.terms)"
            )
        } else {
            write!(sql.text, "{y}.terms @> array[{row}.self # {spread}]")
        };
        self.other(sql, hop, &y, false);
        sql.push(" offset 0)");
    }

    pub(super) fn drive_has(&self, sql: &mut Sql, hop: &Hop) {
        let row = &self.row;
        if hop.leads_home(hop.ty, self.ty) {
            let _ = write!(sql.text, "{row}.rid = any(array(select distinct h.c from (");
            self.homes_of(sql, hop);
            sql.push(") h)) and ");
        }
        self.has(sql, hop);
    }

    /// ` and …`: mask, compartments and filter on a row `y` of the hop. `gathering`: its own smallest member drives.
    pub(super) fn other(&self, sql: &mut Sql, hop: &Hop, y: &str, gathering: bool) {
        let visible = sql.visible(y);
        let _ = write!(sql.text, " and {visible} and {y}.op <> 2");
        if let Some(keys) = &hop.patients {
            let homes = sql.bind(Value::Ints(keys.iter().map(|k| k.rid).collect()));
            let terms = sql.bind(Value::Ints(keys.iter().map(|k| k.membership).collect()));
            let _ = write!(
                sql.text,
                " and ({y}.c = any({homes}) or {y}.terms && {terms})"
            );
        }
        let inner = Probe {
            row: y.to_owned(),
            ty: hop.ty,
            counts: self.counts,
            tables: self.tables,
        };
        let shape = if gathering {
            choice::shape(
                &hop.members,
                hop.ty,
                Branch::All,
                Walk::None,
                0,
                self.counts,
            )
        } else {
            choice::columns(&hop.members, hop.ty, self.counts)
        };
        inner.conjunction(sql, &hop.members, &shape);
    }
}
