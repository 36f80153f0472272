//! What only the resource itself decides, apart from what the index answers: the plan's filter is split in two.
//! <https://hl7.org/fhir/R4/search.html>

mod wide;

pub use wide::{Ids, far_ends, loosen, with_far_ends};

use crate::evaluate::{Candidate, World, matches};
use crate::extract::Extractor;
use crate::plan::{Check, Filter};
use std::sync::Arc;
use ward_fhir::date::PartialDate;
use ward_fhir::{Failure, Kind, Node, TypeId};

/// A check that a filter without `Chain`, `Has` and `List` matches the resource, by extracting it afresh.
pub(crate) fn fresh(extractor: &Extractor, name: String, filter: Filter) -> Filter {
    let extractor = extractor.clone();
    Filter::Check(Check {
        name,
        test: Arc::new(move |node| holds(&extractor, &filter, node)),
    })
}

/// Whether a resource matches; what cannot be decided from it alone does not.
pub(crate) fn holds(extractor: &Extractor, filter: &Filter, node: Node<'_>) -> bool {
    decide(extractor, [filter], node) == [true]
}

/// Whether it matches each of the filters. Its texts are read to their end.
pub fn decide<'f>(
    extractor: &Extractor,
    filters: impl IntoIterator<Item = &'f Filter>,
    node: Node<'_>,
) -> Vec<bool> {
    let entries = extractor.extract_whole(node);
    let updated = node.get("meta").and_then(|m| m.text("lastUpdated"));
    let candidate = Candidate {
        id: node.text("id").unwrap_or_default(),
        ty: node.ty(),
        updated_us: updated
            .and_then(|text| PartialDate::parse(text, false))
            .map_or(0, |date| date.low_us()),
        entries: &entries,
        node: Some(node),
    };
    let world = World {
        key: Some(extractor.key()),
        others: None,
    };
    let filters = filters.into_iter();
    filters
        .map(|filter| matches(filter, candidate, world) == Ok(true))
        .collect()
}

/// A filter that the index answers, and the checks that its rows must pass as well.
#[derive(Clone, Debug)]
pub struct Split {
    pub index: Filter,
    pub checks: Vec<Check>,
}

/// Splits a filter: `index` without any `Check`, true of at least every match; a row is a match when all `checks` pass.
///
/// Errors: `TooCostly` for a check inside a chain or beside one under `or` or `not`, since no row decides it alone.
pub fn split(filter: Filter, extractor: &Extractor) -> Result<Split, Failure> {
    let mut split = Split {
        index: Filter::All,
        checks: Vec::new(),
    };
    let mut index = Vec::new();
    part(filter, extractor, &mut index, &mut split.checks)?;
    split.index = match index.len() {
        0 => Filter::All,
        1 => index.remove(0),
        _ => Filter::And(index),
    };
    Ok(split)
}

fn part(
    filter: Filter,
    extractor: &Extractor,
    index: &mut Vec<Filter>,
    checks: &mut Vec<Check>,
) -> Result<(), Failure> {
    // Conjunctions are flattened: each of their members is seen on its own.
    if let Filter::And(list) = filter {
        let mut list = list.into_iter();
        return list.try_for_each(|f| part(f, extractor, index, checks));
    }
    let Some(name) = first_check(&filter).map(str::to_owned) else {
        if !matches!(filter, Filter::All) {
            index.push(filter);
        }
        return Ok(());
    };
    match filter {
        Filter::Check(check) => {
            checks.push(check);
            Ok(())
        }
        other if needs_others(&other) => Err(beside_a_chain(&name)),
        other => {
            index.push(relaxed(&other, true));
            if let Filter::Check(check) = fresh(extractor, name, other) {
                checks.push(check);
            }
            Ok(())
        }
    }
}

/// The name of a check anywhere in the filter.
pub(crate) fn first_check(filter: &Filter) -> Option<&str> {
    match filter {
        Filter::Check(check) => Some(&check.name),
        Filter::And(list) | Filter::Or(list) => list.iter().find_map(first_check),
        Filter::Not(inner) => first_check(inner),
        Filter::Chain { filter, .. } | Filter::Has { filter, .. } => first_check(filter),
        _ => None,
    }
}

/// Refuses a filter that other resources decide, where only the resource at hand is looked at.
pub(crate) fn decidable(filter: &Filter, name: &str) -> Result<(), Failure> {
    if needs_others(filter) {
        return Err(beside_a_chain(name));
    }
    Ok(())
}

fn beside_a_chain(name: &str) -> Failure {
    let text = format!(
        "'{name}' cannot be combined with a chained parameter in this way; use a parameter that the index answers."
    );
    Failure::new(Kind::TooCostly, text)
}

/// Whether resources other than the one at hand decide: `Chain`, `Has` and `List`.
pub fn needs_others(filter: &Filter) -> bool {
    match filter {
        Filter::Chain { .. } | Filter::Has { .. } | Filter::List(_) => true,
        Filter::And(list) | Filter::Or(list) => list.iter().any(needs_others),
        Filter::Not(inner) => needs_others(inner),
        _ => false,
    }
}

/// Types of the resources that decide besides those at hand: the far ends of `Chain` and `Has`, at every hop.
pub fn hop_types(filter: &Filter) -> Vec<TypeId> {
    match filter {
        Filter::Chain {
            target: ty, filter, ..
        }
        | Filter::Has {
            source: ty, filter, ..
        } => {
            let mut types = hop_types(filter);
            types.push(*ty);
            types
        }
        Filter::And(list) | Filter::Or(list) => list.iter().flat_map(hop_types).collect(),
        Filter::Not(inner) => hop_types(inner),
        _ => Vec::new(),
    }
}

/// Without the checks: true of at least (`more`) or at most what the filter is true of.
fn relaxed(filter: &Filter, more: bool) -> Filter {
    let all = |list: &[Filter]| list.iter().map(|f| relaxed(f, more)).collect::<Vec<_>>();
    match filter {
        Filter::Check(_) if more => Filter::All,
        Filter::Check(_) => Filter::Nothing,
        Filter::And(list) => joined(all(list), false),
        Filter::Or(list) => joined(all(list), true),
        Filter::Not(inner) => match relaxed(inner, !more) {
            Filter::All => Filter::Nothing,
            Filter::Nothing => Filter::All,
            inner => Filter::Not(Box::new(inner)),
        },
        other => other.clone(),
    }
}

/// The union (`any`) or intersection, without the members that change nothing.
fn joined(list: Vec<Filter>, any: bool) -> Filter {
    let all = |f: &Filter| matches!(f, Filter::All);
    let nothing = |f: &Filter| matches!(f, Filter::Nothing);
    let mut kept = Vec::new();
    for filter in list {
        match (any, all(&filter), nothing(&filter)) {
            (true, true, _) => return Filter::All,
            (false, _, true) => return Filter::Nothing,
            (true, _, true) | (false, true, _) => {}
            _ => kept.push(filter),
        }
    }
    match (kept.len(), any) {
        (0, true) => Filter::Nothing,
        (0, false) => Filter::All,
        (1, _) => kept.remove(0),
        (_, true) => Filter::Or(kept),
        (_, false) => Filter::And(kept),
    }
}
