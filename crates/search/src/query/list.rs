//! `_list`: members of a List. <https://hl7.org/fhir/R4/search.html#list>

use super::Reader;
use super::chain::one_or;
use crate::escape::{split, unescape};
use crate::plan::Filter;
use std::collections::BTreeMap;
use ward_fhir::reference::is_id;
use ward_fhir::{Failure, Kind, TypeId};

impl Reader<'_> {
    /// Ids of List resources; the plan keeps them until their members have been read.
    pub(super) fn list(&self, modifier: Option<&str>, value: &str) -> Result<Filter, Failure> {
        if modifier.is_some() {
            let text = "'_list' has no modifiers.";
            return Err(Failure::new(Kind::NotSupported, text));
        }
        let mut any = Vec::new();
        for one in split(value, b',').take(super::OR_VALUES_MAX) {
            let text = unescape(one);
            if text.starts_with('$') {
                let text =
                    "Functional lists ('$current-…') are not kept here; give the id of a List.";
                return Err(Failure::new(Kind::NotSupported, text));
            }
            let id = text.strip_prefix("List/").unwrap_or(&text);
            if !is_id(id) {
                let text = "The value of '_list' must be the id of a List.";
                return Err(Failure::new(Kind::Invalid, text));
            }
            any.push(Filter::List(id.to_owned()));
        }
        Ok(one_or(any))
    }
}

/// The ids of the Lists that a filter names.
pub fn lists(filter: &Filter) -> Vec<&str> {
    match filter {
        Filter::List(id) => vec![id],
        Filter::And(list) | Filter::Or(list) => list.iter().flat_map(lists).collect(),
        Filter::Not(inner) => lists(inner),
        Filter::Chain { filter, .. } | Filter::Has { filter, .. } => lists(filter),
        _ => Vec::new(),
    }
}

/// Replaces every List by its members: `members` gives type and logical id of what the List with an id holds for the caller
/// (nothing when they may not read it, or it does not exist).
pub fn replace_lists(filter: Filter, members: &dyn Fn(&str) -> Vec<(TypeId, String)>) -> Filter {
    let all = |list: Vec<Filter>| {
        list.into_iter()
            .map(|f| replace_lists(f, members))
            .collect()
    };
    let inner = |filter: Box<Filter>| Box::new(replace_lists(*filter, members));
    match filter {
        Filter::List(id) => held(members(&id)),
        Filter::And(list) => Filter::And(all(list)),
        Filter::Or(list) => Filter::Or(all(list)),
        Filter::Not(filter) => Filter::Not(inner(filter)),
        Filter::Chain {
            param,
            target,
            filter,
        } => Filter::Chain {
            param,
            target,
            filter: inner(filter),
        },
        Filter::Has {
            source,
            param,
            filter,
        } => Filter::Has {
            source,
            param,
            filter: inner(filter),
        },
        other => other,
    }
}

fn held(members: Vec<(TypeId, String)>) -> Filter {
    let mut by_type: BTreeMap<TypeId, Vec<String>> = BTreeMap::new();
    for (ty, id) in members {
        by_type.entry(ty).or_default().push(id);
    }
    let of_type = |(ty, ids)| Filter::And(vec![Filter::Types(vec![ty]), Filter::Ids(ids)]);
    one_or(by_type.into_iter().map(of_type).collect())
}
