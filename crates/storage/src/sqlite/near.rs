//! A first look along the order of pages, at so many rows: where many match, a page of them is near. What it finds may be
//! too little; then everything that matches is gathered.
//!
//! How far it goes is what each row costs on either way (nanoseconds, of a store of 2.2 million resources in memory).

use super::choice;
use super::drive::Driver;
use super::lower::Sql;
use super::question::Question;
use super::walk::Bounds;
use crate::estimate::{SET_ROWS_MAX, counted};
use crate::index::{EVERY, typed};
use crate::quantity;
use crate::question::{Hop, Node};
use ward_fhir::TypeId;
use ward_search::plan::{Plan, SortValue};

/// What is walked along, and how far.
struct Near {
    driver: Driver,
    rows: u64,
    /// Rows that are not among the candidates of this member are passed over.
    among: Option<usize>,
}

impl Question<'_> {
    /// Bounds of a walk that looks at few rows and may find less than a page. `None`: all must be looked at.
    pub(super) fn near(&self, sql: &mut Sql, plan: &Plan) -> Option<(Driver, Bounds)> {
        if !plan.sort.is_empty() {
            return None;
        }
        let near = self.looked_at(u64::from(plan.count) + 1)?;
        if near.rows <= u64::from(plan.count) {
            return None;
        }
        let mut bounds = self.bounds_after(sql, plan);
        if bounds.long.is_some() {
            return None;
        }
        if let Some(position) = &plan.after {
            let Some(SortValue::Integer(d)) = position.values.first() else {
                return None;
            };
            bounds.after = Some((sql.int(*d), sql.int(position.rid)));
        }
        bounds.examined = Some(sql.int(near.rows as i64));
        bounds.among = near.among;
        Some((near.driver, bounds))
    }

    fn looked_at(&self, page_rows: u64) -> Option<Near> {
        let Driver::Member(at) = self.driver else {
            return None;
        };
        let driving = &self.members[at];
        let (ty, compartments) = self.reach.single()?;
        let rows = |at: &usize| choice::member(&self.members[*at], ty, &self.counts);
        let terms = (0..self.members.len()).filter(|at| is_term(&self.members[*at]));
        let term = terms.min_by_key(rows);
        let (rows, among) = match driving {
            // Most of what is near is not of those who bound the caller.
            Node::Among { .. } if compartments.is_some() => return None,
            Node::Among { rows, .. } => (self.passed_over(*rows, ty, page_rows)?, Some(at)),
            Node::Quantity { .. } if self.is_broad => (self.few, None),
            Node::Date { .. } => (self.few, None),
            Node::Chain(hop) if hop.leads_home(ty, hop.ty) => {
                let of_term = term.is_some();
                (self.referring(driving, hop, ty, page_rows, of_term)?, None)
            }
            // Few of those who are near lack what all have; of more, a look at each costs more than to gather the homes.
            Node::Has(hop) if hop.leads_home(hop.ty, ty) => {
                let gathered = choice::member(driving, ty, &self.counts)?;
                let are_most = gathered >= self.every(ty).max(HOP_ROWS);
                (are_most.then_some(page_rows + page_rows / 4)?, None)
            }
            _ => return None,
        };
        Some(Near {
            driver: term.map_or(Driver::Types, Driver::Member),
            rows,
            among,
        })
    }

    /// As many rows as are passed over on the way to a page of those among `candidates`; `None`: to gather the candidates is
    /// cheaper.
    fn passed_over(&self, candidates: u64, ty: TypeId, page_rows: u64) -> Option<u64> {
        let walked = quantity::walked(&self.members, ty, &self.counts);
        let expected = walked.saturating_mul(page_rows) / candidates.max(1);
        let cost = expected.saturating_mul(PASSED_NS) + candidates.saturating_mul(IN_SET_NS);
        // Fewer than fill two pages are soon gathered.
        let are_many = candidates >= page_rows.saturating_mul(2);
        let is_near = are_many && cost < candidates.saturating_mul(GATHERED_NS);
        is_near.then(|| farther(expected))
    }

    /// The same for rows that refer to few of a hop; the rows of a term know their home.
    fn referring(
        &self,
        driving: &Node,
        hop: &Hop,
        ty: TypeId,
        page_rows: u64,
        of_term: bool,
    ) -> Option<u64> {
        let gathered = choice::member(driving, ty, &self.counts)?;
        let others = choice::at_hop(hop, &self.counts);
        let expected = page_rows.saturating_mul(self.every(hop.ty)) / others.max(1);
        let passed = match of_term && others <= SET_ROWS_MAX {
            true => PASSED_NS,
            false => FETCHED_NS,
        };
        let is_near = gathered > HOP_ROWS
            && expected.saturating_mul(passed) < gathered.saturating_mul(REFERRING_NS);
        is_near.then(|| farther(expected))
    }

    /// Whether a walk in the order of pages soon meets homes of a term's rows, so many as they are.
    pub(super) fn meets_homes(&self, rows: u64, ty: TypeId) -> bool {
        let homes = rows / ROWS_OF_HOME;
        homes.saturating_mul(homes) > self.every(ty)
    }

    /// Whether to look at what refers to each home of a page costs less than to decide every row of the hop first.
    pub(super) fn are_asked(&self, hop: &Hop, ty: TypeId) -> bool {
        let references = self.every(hop.ty) / self.every(ty);
        choice::at_hop(hop, &self.counts) > references.saturating_mul(HOMES_OF_PAGE / 2)
    }

    fn every(&self, ty: TypeId) -> u64 {
        counted(&self.counts, typed(EVERY, ty)).max(1)
    }
}

fn is_term(node: &Node) -> bool {
    matches!(node, Node::Terms(terms) if terms.len() == 1)
}

/// Twice as far as the page is expected to reach: it seldom reaches farther, unless the matches are all old.
fn farther(expected: u64) -> u64 {
    expected.saturating_mul(2)
}

/// A row of an index that is passed over, since it is in no set.
const PASSED_NS: u64 = 150;
/// A row id that is put into a set.
const IN_SET_NS: u64 = 350;
/// A row that is fetched and passed over.
const FETCHED_NS: u64 = 1_500;
/// A reference that is followed and decided.
const REFERRING_NS: u64 = 600;
/// A candidate that is fetched, decided and sorted.
const GATHERED_NS: u64 = 4_000;
/// So few rows at the other end of a hop are gathered without further thought.
const HOP_ROWS: u64 = 200;
/// Homes that a page is assumed to have. To look a reference up costs half as much as to decide a row.
const HOMES_OF_PAGE: u64 = 20;
/// Rows of a code assumed in one home.
const ROWS_OF_HOME: u64 = 4;
