//! Which range drives: the smallest, by the counters for counted terms and by rule for the rest. The planner has no say.

use crate::index::typed;
use crate::question::{Node, TextTest};
use std::collections::HashMap;
use ward_fhir::TypeId;

/// Live rows behind typed terms.
pub type Counts = HashMap<i64, u64>;

/// Rows behind one member of a conjunction over a type; `None`: it cannot drive.
pub fn member(node: &Node, ty: TypeId, counts: &Counts) -> Option<u64> {
    Some(match node {
        Node::Nothing => 0,
        Node::Rids(rids) => rids.len() as u64,
        Node::Terms(terms) => terms
            .iter()
            .map(|t| {
                counts
                    .get(&typed(*t, ty))
                    .copied()
                    .unwrap_or(0)
                    .max(TERM_ROWS)
            })
            .sum(),
        Node::Text {
            test: TextTest::Prefix | TextTest::Equals,
            ..
        } => PREFIX_ROWS,
        Node::Text { .. } => RANGE_ROWS * 8,
        Node::Quantity { .. } => RANGE_ROWS,
        Node::Date { .. } => RANGE_ROWS * 4,
        Node::Chain(hop) => rows(&hop.members, hop.ty, counts).saturating_mul(REFERRING_ROWS),
        Node::Has(hop) if hop.leads_home(hop.ty, ty) => rows(&hop.members, hop.ty, counts),
        _ => return None,
    })
}

/// Rows that match a conjunction, at most.
pub fn rows(members: &[Node], ty: TypeId, counts: &Counts) -> u64 {
    let all = members.iter().filter_map(|node| member(node, ty, counts));
    all.min().unwrap_or(u64::MAX)
}

/// The member of a hop that drives it; `None`: all rows of the type.
pub fn driver(members: &[Node], ty: TypeId, counts: &Counts) -> Option<usize> {
    let each = members.iter().enumerate();
    each.filter_map(|(at, node)| Some((member(node, ty, counts)?, at)))
        .min()
        .map(|(_, at)| at)
}

/// Rows assumed behind a term that is not counted (an identifier, a reference).
const TERM_ROWS: u64 = 50;
/// Rows assumed behind a string prefix.
const PREFIX_ROWS: u64 = 300;
/// Rows assumed behind a quantity range; a date range is wider.
const RANGE_ROWS: u64 = 5_000;
/// Rows assumed to refer to one row by one parameter.
const REFERRING_ROWS: u64 = 20;
/// So many rows at the other end of a hop are gathered first; more are looked up candidate by candidate where that is
/// possible.
pub const SET_ROWS_MAX: u64 = 2_000;
