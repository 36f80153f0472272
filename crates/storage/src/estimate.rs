//! How many rows are behind a condition: by the counters for terms that are counted, by rule for the rest. What drives a
//! statement is chosen by that, not by a planner.

use crate::index::{EVERY, typed};
use crate::question::{Hop, Node, TextTest};
use std::collections::HashMap;
use ward_fhir::TypeId;
use ward_search::entries::Term;

/// Live rows behind typed terms.
pub type Counts = HashMap<i64, u64>;

/// Rows of a type behind one member of a conjunction; `None`: it is a range that only its index knows. `matching` tells the
/// rows at the other end of a hop.
pub fn rows(
    node: &Node,
    ty: TypeId,
    counts: &Counts,
    matching: &dyn Fn(&Hop) -> u64,
) -> Option<u64> {
    Some(match node {
        Node::Nothing => 0,
        Node::Rids(rids) => rids.len() as u64,
        Node::AtHome { rids, .. } => TERM_ROWS * rids.len() as u64,
        Node::Terms(terms) => {
            let rows = |term: &i64| counted(counts, typed(*term, ty)).max(TERM_ROWS);
            terms.iter().map(rows).sum()
        }
        Node::Text {
            test: TextTest::Prefix | TextTest::Equals,
            ..
        } => PREFIX_ROWS,
        Node::Among { rows, .. } => *rows,
        Node::Chain(hop) => matching(hop).saturating_mul(referring(hop, ty, counts)),
        Node::Has(hop) if hop.leads_home(hop.ty, ty) => matching(hop),
        Node::Or(list) if list.iter().all(has_range) => {
            let mut each = list.iter().map(|n| rows(n, ty, counts, matching));
            each.try_fold(0_u64, |all, one| Some(all.saturating_add(one?)))?
        }
        _ => return None,
    })
}

/// The same for terms by their counters alone: those that have none may be of no row, so a walk in page order need not meet any.
/// `None`: it is not of terms alone.
pub fn counted_rows(node: &Node, ty: TypeId, counts: &Counts) -> Option<u64> {
    match node {
        Node::Terms(terms) => {
            let rows = |term: &Term| counted(counts, typed(*term, ty));
            Some(terms.iter().map(rows).sum())
        }
        Node::Or(list) => list.iter().map(|n| counted_rows(n, ty, counts)).sum(),
        _ => None,
    }
}

/// Whether a union has its rows in one range, as those of its other members are in theirs.
fn has_range(node: &Node) -> bool {
    is_of_any_type(node) || matches!(node, Node::Chain(_))
}

/// Whether a range holds the rows of whatever type.
pub fn is_of_any_type(node: &Node) -> bool {
    matches!(node, Node::Terms(_) | Node::Rids(_) | Node::Nothing)
}

/// Rows of a type that refer to one row of a hop.
fn referring(hop: &Hop, ty: TypeId, counts: &Counts) -> u64 {
    let every = |ty: TypeId| counted(counts, typed(EVERY, ty));
    match (every(ty), every(hop.ty)) {
        (rows, others) if rows > 0 && others > 0 && hop.leads_home(ty, hop.ty) => {
            rows.div_ceil(others)
        }
        _ => REFERRING_ROWS,
    }
}

/// Parameter, test and value of a string.
pub type Name<'n> = (u16, TextTest, &'n str);

/// A string whose rows are one range of their index, whose length is worth counting.
pub fn name(node: &Node) -> Option<Name<'_>> {
    match node {
        Node::Text {
            param,
            test: test @ (TextTest::Prefix | TextTest::Equals),
            value,
        } => Some((*param, *test, value)),
        _ => None,
    }
}

/// Rows behind a counted term of a type.
pub fn counted(counts: &Counts, term: i64) -> u64 {
    counts.get(&term).copied().unwrap_or(0)
}

/// Whether every row that has one of the terms has it as its primary code, or first category: the counters of the column say
/// so.
pub fn is_column(terms: &[Term], ty: TypeId, column: i64, counts: &Counts) -> bool {
    let of = |term: Term, column: i64| counted(counts, typed(term, ty) ^ column);
    !terms.is_empty()
        && terms
            .iter()
            .all(|term| of(*term, column) > 0 && of(*term, column) == of(*term, 0))
}

/// Rows assumed behind a term that is not counted (an identifier, a reference).
const TERM_ROWS: u64 = 50;
/// Rows assumed behind a string prefix.
const PREFIX_ROWS: u64 = 300;
/// Rows assumed to refer to one row by one parameter, where the types do not tell.
const REFERRING_ROWS: u64 = 20;
/// So many rows at the other end of a hop are gathered first; more are looked up candidate by candidate where that is
/// possible.
pub const SET_ROWS_MAX: u64 = 2_000;
