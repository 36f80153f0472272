//! What drives a statement, chosen by the counters, and the rows it brings: ` from … x where …`.

use super::choice;
use super::lower::{Probe, Sql, Types};
use super::question::Question;
use super::rows::Rows;
use super::updated::Updates;
use super::walk::Bounds;
use crate::clinical::{self, Window};
use crate::estimate::{counted, counted_rows, is_of_any_type};
use crate::index::{EVERY, typed};
use crate::quantity;
use crate::question::{Hop, Node};
use std::fmt::Write as _;
use ward_fhir::TypeId;
use ward_search::entries::Term;

/// How far a statement goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// To the end of a page.
    Page,
    /// Over every match: they are counted, or sorted.
    Whole,
}

#[derive(Clone, Copy)]
pub(super) enum Driver {
    /// All live rows of the types.
    Types,
    /// The compartments that bound the caller.
    Compartment,
    /// Member of the conjunction.
    Member(usize),
    /// A term of that member.
    Term(usize, Term),
    /// Last updates.
    Updates(Updates),
}

impl Question<'_> {
    /// What drives, term by term: ranges in the order of pages, which the database merges without gathering them.
    pub(super) fn merged(&self) -> Option<Vec<Driver>> {
        let (Driver::Member(at), Some(_)) = (self.driver, self.reach.single()) else {
            return None;
        };
        match &self.members[at] {
            Node::Terms(terms) if (2..=MERGED_MAX).contains(&terms.len()) => {
                Some(terms.iter().map(|term| Driver::Term(at, *term)).collect())
            }
            _ => None,
        }
    }

    /// The smallest range wins.
    pub(super) fn choose(&self) -> Driver {
        let types = self.reach.types();
        let single = self.reach.single();
        let mut best = match single {
            Some((_, Some(keys))) => (COMPARTMENT_ROWS * keys.len() as u64, Driver::Compartment),
            _ => (u64::MAX, Driver::Types),
        };
        for (at, node) in self.members.iter().enumerate() {
            let rows = match (node, single) {
                (_, Some((ty, _))) if clinical::is_bounded(node, ty, &self.counts) => None,
                (_, Some((ty, _))) if self.is_met_soon(node, ty) => None,
                // The code's own range is no longer than this one, which has rows of all codes.
                (Node::Quantity { .. }, Some((ty, _)))
                    if quantity::primary_code(&self.members, ty, &self.counts).is_some() =>
                {
                    None
                }
                (_, Some((ty, _))) => choice::member(node, ty, &self.counts),
                // Ranges over several types hold rows of all of them only for terms and ids.
                (node, None) if is_of_any_type(node) || is_union(node) => {
                    let each = types
                        .iter()
                        .map(|ty| choice::member(node, *ty, &self.counts));
                    each.sum()
                }
                _ => None,
            };
            if let Some(rows) = rows.filter(|rows| *rows < best.0) {
                best = (rows, Driver::Member(at));
            }
        }
        best.1
    }

    /// Whether it has too many terms to be merged, and so many rows that a walk in page order, which looks each of them up for each
    /// row, has met a page of them before all are gathered. By the counters: 1,000 references to what is not there are looked up for
    /// every row of the type (28 s for 35,000 rows, 2026-12-01).
    fn is_met_soon(&self, node: &Node, ty: TypeId) -> bool {
        let (Node::Terms(terms), Some(page_rows)) = (node, self.page_rows) else {
            return false;
        };
        let every = counted(&self.counts, typed(EVERY, ty));
        let rows = counted_rows(node, ty, &self.counts).unwrap_or(0);
        let looked_up = every
            .saturating_mul(page_rows)
            .saturating_mul(terms.len() as u64);
        has_many_terms(node) && every > 0 && rows.saturating_mul(rows) >= looked_up
    }

    /// Whether quantities, and who refers to a home, are looked up for each row: what drives is smaller than a range of them, or
    /// walked to the end of a page.
    fn has_points(&self, driver: Driver, extent: Extent) -> bool {
        let driving = match driver {
            Driver::Member(at) | Driver::Term(at, _) => Some(&self.members[at]),
            Driver::Types | Driver::Compartment | Driver::Updates(_) => None,
        };
        let rows = match (driving, self.reach.single()) {
            (Some(Node::Has(hop)), Some((ty, _)))
                if self.candidates(hop, ty, extent).is_some() && self.are_asked(hop, ty) =>
            {
                return true;
            }
            (Some(Node::Quantity { .. }), _) => return false,
            (Some(Node::Among { .. }), _) => 0,
            (Some(node), Some((ty, _))) => {
                choice::member(node, ty, &self.counts).unwrap_or(u64::MAX)
            }
            _ if matches!(driver, Driver::Compartment | Driver::Updates(_)) => 0,
            _ => u64::MAX,
        };
        quantity::is_asked(&self.members) && (extent == Extent::Page || rows <= self.few)
    }

    /// `from … x where …` with filter and access.
    pub fn from(&self, sql: &mut Sql) {
        let bounds = self.bounds(sql);
        self.drive_within(sql, self.driver, &bounds, Extent::Whole);
    }

    /// The clinical dates that the filter leaves.
    pub(super) fn bounds(&self, sql: &mut Sql) -> Bounds {
        let window = match self.reach.single() {
            Some((ty, _)) => Window::of(&self.members, ty, &self.counts),
            None => Window::default(),
        };
        Bounds::of(&window, sql)
    }

    /// The same for the rows within bounds.
    pub(super) fn drive_within(
        &self,
        sql: &mut Sql,
        driver: Driver,
        bounds: &Bounds,
        extent: Extent,
    ) {
        let single = self.reach.single();
        let probe = Probe {
            points: bounds.examined.is_some() || self.has_points(driver, extent),
            term_points: single
                .is_some_and(|(ty, _)| self.members.iter().any(|node| self.is_met_soon(node, ty))),
            code: single
                .and_then(|(ty, _)| quantity::primary_code(&self.members, ty, &self.counts)),
            ..self.probe()
        };
        let members = self.members();
        match driver {
            Driver::Types => self.drive_types(sql, bounds),
            Driver::Compartment => self.drive_compartment(sql),
            Driver::Updates(updates) => self.drive_updates(sql, &updates),
            Driver::Member(at) => match (&members[at], probe.types) {
                (Node::Chain(hop), Types::One(ty)) => {
                    return self.drive_chain(sql, probe, hop, ty, |sql, probe| {
                        self.decide(sql, probe, driver, extent);
                    });
                }
                (member, _) => self.drive_member(sql, &probe, member, bounds, extent),
            },
            Driver::Term(_, term) => self.drive_terms(sql, &[term], bounds),
        }
        self.decide(sql, &probe, driver, extent);
    }

    /// The term rows that refer carry everything a page needs. Most of them do not match: those that do are taken once each.
    fn drive_chain(
        &self,
        sql: &mut Sql,
        probe: Probe,
        hop: &Hop,
        ty: TypeId,
        decide: impl FnOnce(&mut Sql, &Probe),
    ) {
        let row = sql.alias();
        let _ = write!(
            sql.text,
            " from (select distinct {row}.rid, {row}.d, {row}.c, {row}.k"
        );
        probe.referring(sql, hop, ty, &row);
        sql.push(" and ");
        decide(sql, &Probe { row, ..probe });
        sql.push(") x where 1");
    }

    /// What is asked of each row that a driver brings: access, and the members that do not hold of it already.
    fn decide(&self, sql: &mut Sql, probe: &Probe, driver: Driver, extent: Extent) {
        probe.access(sql, &self.reach);
        for (at, member) in self.members().iter().enumerate() {
            let is_driving = matches!(driver, Driver::Member(by) | Driver::Term(by, _) if by == at);
            if !is_driving || self.names_candidates(member, extent) {
                sql.push(" and ");
                match self.in_set == Some(at) {
                    true => probe.in_set(sql, member),
                    false => probe.filter(sql, member),
                }
            }
        }
    }

    fn drive_types(&self, sql: &mut Sql, bounds: &Bounds) {
        match self.reach.single() {
            Some((ty, _)) => {
                let t = sql.int(i64::from(ty.0));
                let rows = |y: &str| format!("resource {y} where {y}.typ = {t} and {y}.op <> 2");
                self.drive_walk(sql, ty, &rows, None, bounds);
            }
            None => {
                let types = sql.ints(self.reach.types().iter().map(|t| i64::from(t.0)));
                let _ = write!(
                    sql.text,
                    " from resource x where x.typ in {types} and x.op <> 2 and "
                );
            }
        }
    }

    /// Home rows and further memberships of the caller's patients, each once.
    fn drive_compartment(&self, sql: &mut Sql) {
        let Some((ty, Some(keys))) = self.reach.single() else {
            return self.drive_types(sql, &Bounds::default());
        };
        let homes = sql.ints(keys.iter().map(|k| k.rid));
        let t = sql.int(i64::from(ty.0));
        let memberships = sql.ints(keys.iter().map(|k| typed(k.membership, ty)));
        let _ = write!(
            sql.text,
            " from (select rid, d, c, k from resource where c in {homes} and c <> 0 and typ = {t} and op <> 2 \
             union select rid, d, c, k from term where h in {memberships}) x where "
        );
    }

    /// Whether a member that drives is yet to be decided for each row.
    fn names_candidates(&self, member: &Node, extent: Extent) -> bool {
        match (member, self.reach.single()) {
            (Node::Among { .. }, _) => true,
            (Node::Has(hop), Some((ty, _))) => self.candidates(hop, ty, extent).is_some(),
            _ => false,
        }
    }

    /// The term whose rows are at home with all that match a reverse chain: those homes, in the order of pages, are looked at
    /// until a page is full.
    fn candidates(&self, hop: &Hop, ty: TypeId, extent: Extent) -> Option<Term> {
        let driver = choice::driver(&hop.members, hop.ty, &self.counts)?;
        match &hop.members[driver] {
            Node::Terms(terms) if extent == Extent::Page && hop.leads_home(hop.ty, ty) => {
                <[Term; 1]>::try_from(terms.as_slice())
                    .ok()
                    .map(|[term]| term)
            }
            _ => None,
        }
    }

    fn drive_member(
        &self,
        sql: &mut Sql,
        probe: &Probe,
        member: &Node,
        bounds: &Bounds,
        extent: Extent,
    ) {
        match (member, probe.types) {
            (Node::Has(hop), Types::One(ty))
                if let Some(term) = self.candidates(hop, ty, extent) =>
            {
                return self.drive_homes(sql, typed(term, hop.ty), ty, bounds);
            }
            (Node::Terms(terms), _) => return self.drive_terms(sql, terms, bounds),
            (Node::Rids(rids), Types::Column) => {
                let packed = sql.bind(Rows::of(rids.iter().copied()).into_value());
                let _ = write!(
                    sql.text,
                    " from (select distinct a as rid from rows({packed})"
                );
            }
            (_, Types::One(ty)) => {
                sql.push(" from (");
                probe.range(sql, member, ty);
            }
            (Node::Or(list), Types::Column) => {
                sql.push(" from (select distinct rid from (");
                self.union(sql, list);
                sql.push(")");
            }
            (_, Types::Column) => sql.push(" from (select 0 as rid where 0"),
        }
        sql.push(") i cross join resource x on x.rid = i.rid where x.op <> 2 and ");
        if let Types::One(ty) = probe.types {
            let ty = sql.int(i64::from(ty.0));
            let _ = write!(sql.text, "x.typ = {ty} and ");
        }
    }

    /// The homes of a term's rows in the order of pages: those that a walk meets, or all of them sorted.
    fn drive_homes(&self, sql: &mut Sql, key: i64, ty: TypeId, bounds: &Bounds) {
        let (h, t) = (sql.int(key), sql.int(i64::from(ty.0)));
        let visible = sql.visible("t");
        let homes =
            format!("rows((select gathered(t.c) from term t where t.h = {h} and {visible}))");
        if self.meets_homes(counted(&self.counts, key), ty) {
            // An expression of the row id keeps the planner from looking the homes up one by one.
            let rows = |y: &str| {
                format!(
                    "resource {y} where {y}.typ = {t} and {y}.op <> 2 and (+{y}.rid) in (select a from {homes})"
                )
            };
            return self.drive_walk(sql, ty, &rows, None, bounds);
        }
        let _ = write!(
            sql.text,
            " from (select y.rid, y.d, y.c, y.k from {homes} i cross join resource y on y.rid = i.a \
             where y.typ = {t} and y.op <> 2 order by y.d desc, y.rid desc limit -1) x where "
        );
    }

    /// Over several types: the rows of terms and ids.
    fn union(&self, sql: &mut Sql, list: &[Node]) {
        let types = self.reach.types();
        sql.push("select 0 as rid where 0");
        for node in list {
            match node {
                Node::Terms(terms) => {
                    let list = sql.ints(
                        terms
                            .iter()
                            .flat_map(|t| types.iter().map(|ty| typed(*t, *ty))),
                    );
                    let _ = write!(
                        sql.text,
                        " union all select rid from term where h in {list}"
                    );
                }
                Node::Rids(rids) => {
                    let packed = sql.bind(Rows::of(rids.iter().copied()).into_value());
                    let _ = write!(sql.text, " union all select a as rid from rows({packed})");
                }
                _ => {}
            }
        }
    }

    fn drive_terms(&self, sql: &mut Sql, terms: &[Term], bounds: &Bounds) {
        match (self.reach.single(), terms) {
            // One range in page order.
            (Some((ty, _)), [term]) => {
                let h = sql.int(typed(*term, ty));
                let rows = |y: &str| format!("term {y} where {y}.h = {h}");
                self.drive_walk(sql, ty, &rows, Some(*term), bounds);
            }
            (Some((ty, _)), _) => {
                let list = sql.ints(terms.iter().map(|t| typed(*t, ty)));
                let _ = write!(
                    sql.text,
                    " from (select distinct rid, d, c, k from term where h in {list}) x where "
                );
            }
            (None, _) => {
                let types = self.reach.types();
                let list = sql.ints(
                    terms
                        .iter()
                        .flat_map(|t| types.iter().map(|ty| typed(*t, *ty))),
                );
                let _ = write!(
                    sql.text,
                    " from (select distinct rid from term where h in {list}) i cross join resource x on x.rid = i.rid where "
                );
            }
        }
    }
}

/// More than are merged.
pub(super) fn has_many_terms(node: &Node) -> bool {
    matches!(node, Node::Terms(terms) if terms.len() > MERGED_MAX)
}

fn is_union(node: &Node) -> bool {
    matches!(node, Node::Or(list) if list.iter().all(is_of_any_type))
}

/// Rows of one type assumed in one patient's compartment.
const COMPARTMENT_ROWS: u64 = 500;
/// Ranges that are merged.
const MERGED_MAX: usize = 16;
