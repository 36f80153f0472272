//! Which rows have a quantity in a range, so that few of them are gathered and not looked for.
//!
//! `quantity_term` (on SQLite `qty_code`) names candidates: the row itself decides. What is rare for a code need not be rare, so
//! a quantity stands there under its term and the row's primary code together; one of a tuple does not, since its term has the
//! code in it. On PostgreSQL it stands under its term alone as well, for which SQLite has `qty`. One that is no single value
//! stands at infinity, which belongs to every range.

use crate::contract::Rid;
use crate::estimate::{Counts, counted, is_column};
use crate::index::{CODE, EVERY, of_code, typed};
use crate::question::Node;
use std::cmp::Ordering;
use ward_fhir::TypeId;
use ward_search::entries::{Entries, Term};
use ward_search::plan::{NumberTest, Prefix};

/// Of `quantity_term` or `qty_code`: key, value and row.
pub type Row = (i64, f64, Rid);

/// Under which keys a quantity stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// Its term, and its term and code.
    All,
    /// Its term and code: its term has an index of its own.
    OfCode,
}

/// Sorted, each once.
pub fn rows(entries: &Entries, keys: Keys, ty: TypeId, rid: Rid) -> Vec<Row> {
    let mut rows = Vec::with_capacity(entries.quantities.len() * 2);
    for quantity in &entries.quantities {
        let value = if quantity.low == quantity.high {
            quantity.low
        } else {
            f64::INFINITY
        };
        let key = typed(quantity.term, ty);
        if keys == Keys::All {
            rows.push((key, value, rid));
        }
        if entries.code != 0 && !quantity.in_tuple {
            rows.push((of_code(key, entries.code), value, rid));
        }
    }
    sort(&mut rows);
    rows.dedup();
    rows
}

/// No value is NaN.
pub fn sort(rows: &mut [Row]) {
    rows.sort_unstable_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
}

/// Rows of a type that may match: those with a quantity under the term in the range, and with the primary code if there is one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub term: Term,
    pub code: Option<Term>,
    pub test: NumberTest,
}

impl Range {
    /// Key of its rows.
    pub fn key(&self, ty: TypeId) -> i64 {
        let key = typed(self.term, ty);
        self.code.map_or(key, |code| of_code(key, code))
    }
}

/// Lower and upper end, each with its comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Values {
    pub from: Option<(&'static str, f64)>,
    pub to: Option<(&'static str, f64)>,
}

/// Between which single values the matches of a test lie: a bound, not the test. Of `ne` there is none.
pub fn values(test: &NumberTest) -> Values {
    let values = |from, to| Values { from, to };
    match test.prefix {
        Prefix::Gt | Prefix::Sa => values(Some((">", test.high)), None),
        Prefix::Ge => values(Some((">=", test.low)), None),
        Prefix::Ne => values(None, None),
        Prefix::Lt | Prefix::Eb => values(None, Some(("<", test.low))),
        Prefix::Le => values(None, Some(("<=", test.high))),
        Prefix::Eq | Prefix::Ap => values(Some((">=", test.low)), Some(("<=", test.high))),
    }
}

/// A member of a conjunction whose matches are among rows of ranges of quantities: those of each of its alternatives.
#[derive(Debug, PartialEq)]
pub struct Ranged {
    pub at: usize,
    pub alternatives: Vec<Vec<Range>>,
}

/// Whether a quantity is asked for, at whatever depth of `and` and `or`.
pub fn is_asked(members: &[Node]) -> bool {
    members.iter().any(|node| match node {
        Node::Quantity { .. } | Node::Among { .. } => true,
        Node::And(list) | Node::Or(list) => is_asked(list),
        _ => false,
    })
}

/// Those of a conjunction over a type that are worth counting.
pub fn ranged(members: &[Node], ty: TypeId, counts: &Counts) -> Vec<Ranged> {
    // A home's own rows are few, and so are ids.
    let is_small = |m: &Node| matches!(m, Node::AtHome { .. } | Node::Rids(_) | Node::Nothing);
    if members.iter().any(is_small) {
        return Vec::new();
    }
    let code = primary_code(members, ty, counts);
    let each = members.iter().enumerate();
    let of = |(at, node): (usize, &Node)| {
        let list = match node {
            Node::Or(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        let ranges = list.iter().map(|node| ranges(node, ty, counts, code));
        let alternatives = ranges.collect::<Option<Vec<_>>>()?;
        let all = alternatives.iter().map(Vec::len).sum();
        (1..=RANGES_MAX)
            .contains(&all)
            .then_some(Ranged { at, alternatives })
    };
    each.filter_map(of).take(COUNTED_MAX).collect()
}

/// `None`: matches are elsewhere too.
fn ranges(node: &Node, ty: TypeId, counts: &Counts, code: Option<Term>) -> Option<Vec<Range>> {
    match node {
        Node::Quantity {
            term,
            test,
            in_tuple,
        } => Some(vec![Range {
            term: *term,
            code: code.filter(|_| !in_tuple),
            test: *test,
        }]),
        Node::Or(list) => {
            let each = list.iter().map(|node| ranges(node, ty, counts, code));
            let all: Vec<Vec<Range>> = each.collect::<Option<_>>()?;
            Some(all.concat())
        }
        Node::And(list) => {
            let code = primary_code(list, ty, counts).or(code);
            list.iter().find_map(|node| ranges(node, ty, counts, code))
        }
        _ => None,
    }
}

/// The one primary code that every match of a conjunction has.
pub fn primary_code(members: &[Node], ty: TypeId, counts: &Counts) -> Option<Term> {
    members.iter().find_map(|member| match member {
        Node::Terms(terms) if is_column(terms, ty, CODE, counts) => match terms.as_slice() {
            [code] => Some(*code),
            _ => None,
        },
        _ => None,
    })
}

/// Rows that are walked over for what a range does not bring, at most.
pub fn walked(members: &[Node], ty: TypeId, counts: &Counts) -> u64 {
    let of_term = |member: &Node| match member {
        Node::Terms(terms) => match terms.as_slice() {
            [term] => counts.get(&typed(*term, ty)).copied(),
            _ => None,
        },
        _ => None,
    };
    let every = counted(counts, typed(EVERY, ty));
    members.iter().filter_map(of_term).min().unwrap_or(every)
}

/// Puts the members with those among few rows in their place, without the alternatives that no row is behind. `rows`: of
/// each alternative, as far as they were counted. `true`: an alternative is left alone, whose parts are members now.
pub fn mark(members: &mut Vec<Node>, ranged: Vec<Ranged>, rows: &[Vec<u64>], few: u64) -> bool {
    let mut is_changed = false;
    for (Ranged { at, alternatives }, rows) in ranged.into_iter().zip(rows) {
        let mut kept = rows.iter().map(|rows| *rows > 0);
        if let Node::Or(list) = &mut members[at] {
            list.retain(|_| kept.next().unwrap_or(true));
            match list.len() {
                0 => members[at] = Node::Nothing,
                1 => {
                    members[at] = list.remove(0);
                    is_changed = true;
                    continue;
                }
                _ => {}
            }
        }
        let all = rows
            .iter()
            .fold(0, |all: u64, rows| all.saturating_add(*rows));
        if all > few || matches!(members[at], Node::Nothing) {
            continue;
        }
        let used = alternatives.into_iter().zip(rows);
        let ranges = used.filter(|(_, rows)| **rows > 0).flat_map(|(r, _)| r);
        let ranges = ranges.collect();
        let node = Box::new(std::mem::replace(&mut members[at], Node::Nothing));
        members[at] = Node::Among {
            node,
            ranges,
            rows: all,
        };
    }
    if is_changed {
        let parts = std::mem::take(members).into_iter();
        *members = parts
            .flat_map(|node| match node {
                Node::And(inner) => inner,
                other => vec![other],
            })
            .collect();
    }
    is_changed
}

/// Members that are counted, and ranges of one.
const COUNTED_MAX: usize = 4;
const RANGES_MAX: usize = 8;
