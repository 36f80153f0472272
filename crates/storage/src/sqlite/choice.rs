//! Which range drives: the smallest. The planner has no say.

use crate::estimate::{self, Counts};
use crate::question::{Hop, Node};
use ward_fhir::TypeId;

/// Rows behind one member of a conjunction over a type; `None`: it cannot drive.
pub fn member(node: &Node, ty: TypeId, counts: &Counts) -> Option<u64> {
    let matching = |hop: &Hop| at_hop(hop, counts);
    estimate::rows(node, ty, counts, &matching).or(match node {
        Node::Text { .. } => Some(RANGE_ROWS * 8),
        Node::Quantity { .. } => Some(RANGE_ROWS),
        Node::Date { .. } => Some(RANGE_ROWS * 4),
        _ => None,
    })
}

/// Rows at the other end of a hop, at most.
pub fn at_hop(hop: &Hop, counts: &Counts) -> u64 {
    hop.rows
        .unwrap_or_else(|| rows(&hop.members, hop.ty, counts))
}

/// Rows that match a conjunction, at most.
fn rows(members: &[Node], ty: TypeId, counts: &Counts) -> u64 {
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

/// Rows assumed behind a quantity range; a date range is wider.
const RANGE_ROWS: u64 = 5_000;
