//! Chains and reverse chains on the rows of a probe. <https://hl7.org/fhir/R4/search.html#chaining>
//!
//! Rows at the other end are tested with the Access predicate of their own type, and lie in `resource` (or in the range
//! of the reference's term). The term of a reference to a row under a parameter is `xor(self, spread)`, typed by the type
//! that refers. Two ways, chosen by the counters: the rows at the other end first (they are few), or one look-up for each
//! candidate (when the reference leads to the home patient, or comes from rows that one range names).

use super::choice;
use super::lower::{Probe, Sql, Types};
use super::rows::Rows;
use crate::estimate::SET_ROWS_MAX;
use crate::index::typed;
use crate::question::{Hop, Node};
use std::fmt::Write as _;
use ward_fhir::TypeId;

impl Probe {
    /// The row refers to a row of the hop.
    pub(super) fn chain(&self, sql: &mut Sql, hop: &Hop) {
        let row = &self.row;
        let few = choice::at_hop(hop, &self.counts) <= SET_ROWS_MAX;
        match self.types {
            Types::One(ty) if few && hop.leads_home(ty, hop.ty) => {
                let (y, q) = (sql.alias(), sql.alias());
                let _ = write!(sql.text, "{row}.c in (select {y}.rid");
                self.source(sql, hop, &y);
                let _ = write!(
                    sql.text,
                    ") and exists (select 1 from resource {q} where {q}.rid = {row}.c and "
                );
                self.point(sql, &q, hop, &typing(ty), row);
                sql.push(")");
            }
            Types::One(ty) if !hop.leads_home(ty, hop.ty) => {
                let _ = write!(sql.text, "{row}.rid in (select t.rid");
                self.referring(sql, hop, ty, "t");
                sql.push(")");
            }
            Types::One(ty) => {
                let y = sql.alias();
                let _ = write!(
                    sql.text,
                    "exists (select 1 from resource {y} where {y}.rid = {row}.c and "
                );
                self.other(sql, hop, &y);
                sql.push(" and ");
                self.point(sql, &y, hop, &typing(ty), row);
                sql.push(")");
            }
            Types::Column => {
                let y = sql.alias();
                sql.push("exists (select 1");
                self.source(sql, hop, &y);
                sql.push(" and ");
                self.point(sql, &y, hop, &format!("{row}.typ"), row);
                sql.push(")");
            }
        }
    }

    /// ` from … cross join term … where …`: the reference terms of type `ty` that lead to rows of the hop, under an alias.
    pub(super) fn referring(&self, sql: &mut Sql, hop: &Hop, ty: TypeId, row: &str) {
        let y = sql.alias();
        let spread = sql.int(typed(hop.spread, ty));
        let inner = self.inner(hop, &y);
        match choice::driver(&hop.members, hop.ty, &self.counts) {
            None => {
                let _ = write!(sql.text, " from resource {y}");
                let _ = write!(
                    sql.text,
                    " cross join term {row} on {row}.h = xor({y}.self, {spread}) where "
                );
            }
            Some(at) => {
                sql.push(" from (");
                inner.range(sql, &hop.members[at], hop.ty);
                let _ = write!(
                    sql.text,
                    ") i cross join resource {y} on {y}.rid = i.rid cross join term {row} on {row}.h = xor({y}.self, {spread}) where "
                );
            }
        }
        self.other(sql, hop, &y);
    }

    /// A row of the hop refers to the row.
    pub(super) fn has(&self, sql: &mut Sql, hop: &Hop) {
        let row = &self.row;
        if let Types::One(ty) = self.types
            && hop.leads_home(hop.ty, ty)
            && !self.points
            && choice::at_hop(hop, &self.counts) <= SET_ROWS_MAX
        {
            let _ = write!(sql.text, "{row}.rid in (");
            self.homes(sql, hop);
            sql.push(")");
            return;
        }
        let y = sql.alias();
        let spread = sql.int(typed(hop.spread, hop.ty));
        let _ = write!(
            sql.text,
            "exists (select 1 from term {y} where {y}.h = xor((select q.self from resource q where q.rid = {row}.rid), {spread}) and "
        );
        self.matching(sql, hop, &y, None);
        sql.push(")");
    }

    /// `select …`: the home patients of rows of the hop that refer to them.
    pub(super) fn homes(&self, sql: &mut Sql, hop: &Hop) {
        let y = sql.alias();
        let _ = write!(sql.text, "select {y}.c as rid");
        let driver = choice::driver(&hop.members, hop.ty, &self.counts);
        match driver.map(|at| (at, &hop.members[at])) {
            // The term's own rows carry all that is needed.
            Some((at, Node::Terms(terms))) if terms.len() == 1 => {
                let h = sql.int(typed(terms[0], hop.ty));
                let _ = write!(sql.text, " from term {y} where {y}.h = {h} and ");
                self.matching(sql, hop, &y, Some(at));
            }
            _ => self.source(sql, hop, &y),
        }
        let spread = sql.int(typed(hop.spread, hop.ty));
        let _ = write!(
            sql.text,
            " and exists (select 1 from resource q cross join term t where q.rid = {y}.c \
             and t.h = xor(q.self, {spread}) and t.d = {y}.d and t.rid = {y}.rid)"
        );
    }

    /// ` from … y where …`: the rows of the hop, by their own smallest range.
    fn source(&self, sql: &mut Sql, hop: &Hop, y: &str) {
        match choice::driver(&hop.members, hop.ty, &self.counts) {
            None => {
                let _ = write!(sql.text, " from resource {y} where ");
            }
            Some(at) => {
                sql.push(" from (");
                self.inner(hop, y).range(sql, &hop.members[at], hop.ty);
                let _ = write!(
                    sql.text,
                    ") i cross join resource {y} on {y}.rid = i.rid where "
                );
            }
        }
        self.other(sql, hop, y);
    }

    /// Conditions on a row `y` of `resource`.
    fn other(&self, sql: &mut Sql, hop: &Hop, y: &str) {
        let ty = sql.int(i64::from(hop.ty.0));
        let _ = write!(sql.text, "{y}.typ = {ty} and {y}.op <> 2 and ");
        self.matching(sql, hop, y, None);
    }

    /// Mask, compartments and filter on a row `y` of the hop's type, without a member that holds of it already.
    fn matching(&self, sql: &mut Sql, hop: &Hop, y: &str, known: Option<usize>) {
        let inner = self.inner(hop, y);
        let visible = sql.visible(y);
        sql.push(&visible);
        if let Some(keys) = &hop.patients {
            sql.push(" and ");
            inner.compartment(sql, keys);
        }
        for (at, member) in hop.members.iter().enumerate() {
            if known != Some(at) {
                sql.push(" and ");
                inner.filter(sql, member);
            }
        }
    }

    pub(super) fn inner(&self, hop: &Hop, y: &str) -> Probe {
        Probe {
            row: y.to_owned(),
            types: Types::One(hop.ty),
            counts: self.counts.clone(),
            points: false,
            term_points: false,
            code: None,
        }
    }

    /// The row has the term of a reference to `y`.
    fn point(&self, sql: &mut Sql, y: &str, hop: &Hop, ty: &str, row: &str) {
        let spread = sql.int(hop.spread);
        let _ = write!(
            sql.text,
            "exists (select 1 from term t where t.h = typed(xor({y}.self, {spread}), {ty}) and t.d = {row}.d and t.rid = {row}.rid)"
        );
    }

    /// `select … as rid`, each row of a member's range once.
    pub(super) fn range(&self, sql: &mut Sql, member: &Node, ty: TypeId) {
        match member {
            Node::Rids(rids) => {
                let packed = sql.bind(Rows::of(rids.iter().copied()).into_value());
                let _ = write!(sql.text, "select distinct a as rid from rows({packed})");
            }
            Node::Terms(terms) => {
                let list = sql.ints(terms.iter().map(|t| typed(*t, ty)));
                let distinct = if terms.len() == 1 { "" } else { "distinct " };
                let _ = write!(sql.text, "select {distinct}rid from term where h in {list}");
            }
            Node::Text { param, test, value } => {
                let condition = self.text(sql, *param, *test, value);
                let _ = write!(
                    sql.text,
                    "select distinct s.rid from str s where {condition}"
                );
            }
            Node::Date { param, test, .. } => {
                let condition = self.date(sql, *param, test);
                let _ = write!(
                    sql.text,
                    "select distinct s.rid from date s where {condition}"
                );
            }
            Node::Quantity { term, test, .. } => {
                sql.push("select distinct rid from (");
                self.quantities(sql, "s.rid as rid", *term, test);
                sql.push(")");
            }
            Node::Among { ranges, .. } => {
                sql.push("select distinct rid from (");
                self.among(sql, "s.rid as rid", ranges, ty);
                sql.push(")");
            }
            Node::Chain(hop) => {
                sql.push("select distinct t.rid");
                self.referring(sql, hop, ty, "t");
            }
            Node::Or(list) => {
                sql.push("select distinct rid from (select 0 as rid where 0");
                for node in list {
                    sql.push(" union all select rid from (");
                    self.range(sql, node, ty);
                    sql.push(")");
                }
                sql.push(")");
            }
            Node::Has(hop) if hop.leads_home(hop.ty, ty) => {
                sql.push("select distinct rid from (");
                self.homes(sql, hop);
                sql.push(")");
            }
            // Never chosen to drive.
            _ => sql.push("select 0 as rid where 0"),
        }
    }
}

fn typing(ty: TypeId) -> String {
    ty.0.to_string()
}
