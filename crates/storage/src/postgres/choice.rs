//! What drives a statement: the server, not the planner, chooses, by the counters.

use super::lower::{Branch, Keys, Shape};
use crate::estimate::{self, Counts, SET_ROWS_MAX, counted, is_column};
use crate::index::{CATEGORY, CODE, EVERY, typed};
use crate::question::{Hop, Node};
use ward_fhir::TypeId;
use ward_search::entries::Term;
use ward_search::plan::{Plan, SortKey};

/// Which order an index can be walked in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Walk {
    /// Date and row id descending: every driving index has it.
    Natural,
    /// Last update descending: only whole types have it.
    Updated,
    /// The latest dates first: the natural order tells where they end.
    Latest,
    /// Everything is gathered: another sort, or a count.
    None,
}

impl Walk {
    /// `latest`: whether the plan is sorted by what the clinical date follows.
    pub fn of(plan: &Plan, latest: bool) -> Walk {
        match plan.sort.as_slice() {
            _ if latest => Walk::Latest,
            [] => Walk::Natural,
            [SortKey::Updated { descending: true }] => Walk::Updated,
            _ => Walk::None,
        }
    }
}

/// How the members of a conjunction over a type are used. `page_rows`: how many the page wants.
pub fn shape(
    members: &[Node],
    ty: TypeId,
    branch: Branch,
    walk: Walk,
    page_rows: u64,
    counts: &Counts,
) -> Shape {
    let gather = |driving| Shape {
        driving,
        fenced: true,
        ..Shape::default()
    };
    // The home's own indexes have every common order; only ids name fewer rows.
    let ordered = matches!(walk, Walk::Natural | Walk::Latest);
    let home = members.iter().find_map(|m| match m {
        Node::AtHome { rids, .. } => Some(rids.len()),
        _ => None,
    });
    let is_named = |m: &Node| matches!(m, Node::Rids(_) | Node::Nothing);
    if let (Some(homes), Branch::All | Branch::Home(_)) = (home, branch)
        && !members.iter().any(is_named)
    {
        let columns = columns(members, ty, counts);
        // What a home has of one code is sorted sooner than a walk over it is bounded.
        let is_walked = walk == Walk::Natural || (walk == Walk::Latest && columns.code.is_none());
        return Shape {
            fenced: !is_walked || homes > 1,
            ..columns
        };
    }
    if let (Some(shape), Branch::All) = (homes_of_a_code(members, ty, counts), branch) {
        let keyed = (walk == Walk::Natural).then_some(Keys::OfHomes);
        return Shape { keyed, ..shape };
    }
    if matches!(branch, Branch::All)
        && walk == Walk::Natural
        && let Some(shape) = homes_of_most(members, ty, page_rows, counts)
    {
        return shape;
    }
    let rare: Vec<usize> = (0..members.len())
        .filter(|at| rows(&members[*at], ty, counts) <= RARE_ROWS)
        .collect();
    let near = match (rare.as_slice(), branch, walk) {
        ([at], Branch::All, Walk::Natural) => near(&members[*at], ty, page_rows, counts),
        _ => None,
    };
    let least = rare
        .iter()
        .min_by_key(|at| rows(&members[**at], ty, counts));
    let is_walked = ordered && matches!(branch, Branch::All | Branch::Home(_));
    // The least may have an index in page order.
    let in_order = |at: &usize| {
        let columns = columns(members, ty, counts);
        columns.code == Some(*at) && matches!(&members[*at], Node::Terms(terms) if terms.len() == 1)
    };
    // For what is gathered it still needs no look at the rows.
    let is_whole = walk == Walk::None && matches!(branch, Branch::All);
    if (is_walked || is_whole) && least.is_some_and(in_order) {
        return Shape {
            fenced: !is_walked,
            ..columns(members, ty, counts)
        };
    }
    if !rare.is_empty() || matches!(branch, Branch::Member(_)) {
        return Shape {
            near,
            ..gather(rare)
        };
    }
    if matches!(branch, Branch::Long(_)) {
        return gather(Vec::new());
    }
    let columns = columns(members, ty, counts);
    let restricted = columns.code.is_some() || matches!(branch, Branch::Home(_));
    let columns = Shape {
        fenced: restricted && !ordered,
        ..columns
    };
    if let Branch::Home(_) = branch {
        return columns;
    }
    let walked = columns
        .code
        .map_or_else(|| every(ty, counts), |at| rows(&members[at], ty, counts));
    let smallest = (0..members.len())
        .filter(|at| Some(*at) != columns.code)
        .map(|at| (rows(&members[at], ty, counts), at))
        .min();
    match smallest {
        // A walk in page order that meets the rarest term often enough is cheaper than gathering all its rows.
        Some((rows, at)) if rows < u64::MAX => {
            // Of what is not counted all is gathered.
            let few = if walked == 0 {
                true
            } else if walk == Walk::None || (restricted && !ordered) {
                rows < walked
            } else {
                let met = surely(&members[at], ty, counts).unwrap_or(rows);
                met.saturating_mul(met) < walked.saturating_mul(page_rows)
            };
            if few { gather(vec![at]) } else { columns }
        }
        _ => columns,
    }
}

/// How many rows in page order are looked at before all that have a member are gathered: twice as many as a page is expected
/// among, where that is no more than those are.
fn near(member: &Node, ty: TypeId, page_rows: u64, counts: &Counts) -> Option<u64> {
    let is_spread = match member {
        Node::Terms(terms) => terms.len() == 1,
        Node::Has(hop) => hop.leads_home(hop.ty, ty),
        _ => false,
    };
    let (gathered, every) = (rows(member, ty, counts), every(ty, counts));
    let expected = page_rows.saturating_mul(every) / gathered.clamp(1, every.max(1));
    (is_spread && gathered > NEAR_ROWS && expected <= gathered / 2).then_some(2 * expected)
}

/// Few homes and a hot column: an index by both has little more than the matches.
fn homes_of_a_code(members: &[Node], ty: TypeId, counts: &Counts) -> Option<Shape> {
    let columns = columns(members, ty, counts);
    let column = &members[columns.code.or(columns.category)?];
    let of_chain = |(at, member): (usize, &Node)| match member {
        Node::Chain(hop) if hop.leads_home(ty, hop.ty) => {
            Some((at, at_hop(hop, counts), every(hop.ty, counts)))
        }
        _ => None,
    };
    let (chain, homes, all) = members.iter().enumerate().find_map(of_chain)?;
    let both = rows(column, ty, counts).saturating_mul(homes) / all.max(1);
    let least = members.iter().map(|member| rows(member, ty, counts)).min();
    let is_less = least.is_some_and(|least| both < least / 2);
    (homes <= SET_ROWS_MAX && both <= RARE_ROWS && is_less).then(|| Shape {
        driving: vec![chain],
        fenced: true,
        ..columns
    })
}

/// A reverse chain whose homes may be a good part of the type. All of them are remembered, so that looking them up in page
/// order costs little where few of the first are among them; before that some are tried where many are expected. Of so many rows
/// that most of the type are homes, these are walked over.
fn homes_of_most(members: &[Node], ty: TypeId, page_rows: u64, counts: &Counts) -> Option<Shape> {
    let of_has = |(at, member): (usize, &Node)| match member {
        Node::Has(hop) if hop.leads_home(hop.ty, ty) => Some((at, at_hop(hop, counts))),
        _ => None,
    };
    let (has, gathered) = members.iter().enumerate().find_map(of_has)?;
    let every = every(ty, counts);
    let others = members.iter().enumerate().filter(|(at, _)| *at != has);
    let mut others = others.map(|(_, member)| rows(member, ty, counts));
    let is_least = others.all(|rows| rows > gathered.min(RARE_ROWS));
    if every == 0 || !is_least || every > gathered.saturating_mul(HOMES_PASSED) {
        return None;
    }
    let keys = match gathered <= every.min(HASHED_ROWS) {
        true => Keys::AmongHomes,
        false => Keys::Walked,
    };
    let tried = page_rows.saturating_mul(every) / gathered.clamp(1, every) * 4;
    let is_cheap = gathered >= every / 2 || tried.saturating_mul(TRIED_COST) <= gathered;
    let is_tried = keys == Keys::AmongHomes && is_cheap;
    Some(Shape {
        driving: vec![has],
        fenced: true,
        keyed: Some(keys),
        near: is_tried.then_some(tried),
        ..Shape::default()
    })
}

/// Members that the hot columns answer; none drives.
pub fn columns(members: &[Node], ty: TypeId, counts: &Counts) -> Shape {
    let column = |column| {
        members
            .iter()
            .position(|m| matches!(m, Node::Terms(terms) if is_column(terms, ty, column, counts)))
    };
    Shape {
        code: column(CODE),
        category: column(CATEGORY),
        ..Shape::default()
    }
}

/// Rows behind a member, as far as it can drive.
fn rows(member: &Node, ty: TypeId, counts: &Counts) -> u64 {
    let matching = |hop: &Hop| at_hop(hop, counts);
    estimate::rows(member, ty, counts, &matching).unwrap_or(u64::MAX)
}

/// Rows that a walk is to meet: of a term that no counter knows there may be none, and at the other end of a hop one, as of an
/// identifier. `None`: nothing is known of it.
fn surely(member: &Node, ty: TypeId, counts: &Counts) -> Option<u64> {
    let at_hop = |hop: &Hop| {
        let of = |member: &Node| match member {
            Node::Terms(terms) => {
                let rows = |term: &Term| counted(counts, typed(*term, hop.ty)).max(1);
                terms.iter().map(rows).sum()
            }
            other => rows(other, hop.ty, counts),
        };
        let least = || hop.members.iter().map(of).min();
        hop.rows.or_else(least).unwrap_or(u64::MAX)
    };
    match member {
        Node::Chain(_) => estimate::rows(member, ty, counts, &at_hop),
        _ => estimate::counted_rows(member, ty, counts),
    }
}

/// Rows at the other end of a hop, at most.
pub fn at_hop(hop: &Hop, counts: &Counts) -> u64 {
    hop.rows
        .unwrap_or_else(|| matching(&hop.members, hop.ty, counts))
}

/// The name that drives the other end of a hop, where nothing counted does.
pub fn name<'h>(hop: &'h Hop, counts: &Counts) -> Option<estimate::Name<'h>> {
    let least = hop.members.iter().min_by_key(|m| rows(m, hop.ty, counts))?;
    estimate::name(least)
}

/// Rows that match a conjunction, at most.
fn matching(members: &[Node], ty: TypeId, counts: &Counts) -> u64 {
    let least = members.iter().map(|node| rows(node, ty, counts)).min();
    least.unwrap_or(u64::MAX).min(every(ty, counts).max(1))
}

fn every(ty: TypeId, counts: &Counts) -> u64 {
    counted(counts, typed(EVERY, ty))
}

/// So many rows of a hop have their homes remembered, at most: 3 MB.
const HASHED_ROWS: u64 = 50_000;
/// Rows whose homes are remembered in the time that one of the type is tried.
const TRIED_COST: u64 = 12;
/// Rows of a type that are passed by in the time that one is looked up by its id and tested.
const HOMES_PASSED: u64 = 32;
/// So few rows are gathered and sorted rather than walked to.
const RARE_ROWS: u64 = 2_000;
/// So few are gathered without further thought.
const NEAR_ROWS: u64 = 100;
