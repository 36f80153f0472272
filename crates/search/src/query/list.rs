//! What is of a set that other resources say: `_list`, and `:above` and `:below` of references.
//! <https://hl7.org/fhir/R4/search.html#list>

use super::Reader;
use super::chain::one_or;
use super::visit::{Visited, visited};
use crate::entries::TermKey;
use crate::escape::{split, unescape};
use crate::param::{PARENTS, reference_targets};
use crate::plan::{Filter, Hierarchy, Listed};
use crate::registry::{Parameter, Registry};
use std::collections::{BTreeMap, BTreeSet};
use ward_fhir::reference::is_id;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, TypeId};

impl Reader<'_> {
    /// Ids of List resources; the plan keeps them until their members have been read.
    pub(super) fn list(&self, modifier: Option<&str>, value: &str) -> Result<Filter, Failure> {
        if modifier.is_some() {
            let text = "'_list' has no modifiers.";
            return Err(Failure::new(Kind::NotSupported, text));
        }
        let mut any = Vec::new();
        for one in split(value, b',').filter(|one| !one.is_empty()) {
            if any.len() == super::OR_VALUES_MAX {
                let text = format!("'_list' names {} Lists at most.", super::OR_VALUES_MAX);
                return Err(Failure::new(Kind::TooCostly, text));
            }
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
            any.push(Filter::List(Listed::Members(id.to_owned())));
        }
        Ok(one_or(any))
    }
}

/// The sets that a filter names.
pub fn lists(filter: &Filter) -> Vec<&Listed> {
    match filter {
        Filter::List(listed) => vec![listed],
        Filter::And(list) | Filter::Or(list) => list.iter().flat_map(lists).collect(),
        Filter::Not(inner) => lists(inner),
        Filter::Chain { filter, .. } | Filter::Has { filter, .. } => lists(filter),
        _ => Vec::new(),
    }
}

/// Replaces every set by the filter that `found` gives for it: [`held`] and [`referring`] make them.
pub fn replace_lists(filter: Filter, found: &dyn Fn(&Listed) -> Filter) -> Filter {
    visited(filter, &[], &mut |_, condition| match condition {
        Filter::List(listed) => Visited::Replaced(found(&listed)),
        other => Visited::Kept(other),
    })
}

/// The resources with these types and logical ids: the members of a List, as far as the caller may read it.
pub fn held(members: &[(TypeId, String)]) -> Filter {
    let mut by_type: BTreeMap<TypeId, Vec<String>> = BTreeMap::new();
    for (ty, id) in members {
        by_type.entry(*ty).or_default().push(id.clone());
    }
    let of_type = |(ty, ids)| Filter::And(vec![Filter::Types(vec![ty]), Filter::Ids(ids)]);
    one_or(by_type.into_iter().map(of_type).collect())
}

/// What refers to one of the resources of a hierarchy, by their logical ids.
pub fn referring(key: &TermKey, hierarchy: &Hierarchy, ids: &BTreeSet<String>) -> Filter {
    let name = r4().ty(hierarchy.ty).name;
    let params = hierarchy.params.iter();
    let terms = params.flat_map(|param| ids.iter().map(|id| key.reference(*param, name, id)));
    Filter::AnyTerm(terms.collect())
}

/// The parameter by which resources of a type are parts of others of it: `Location.partof`, `Encounter.part-of` and the like.
pub fn parent(registry: &Registry, ty: TypeId) -> Option<&Parameter> {
    let mut found = PARENTS.iter().filter_map(|code| registry.find(ty, code));
    found.find(|parameter| {
        let targets = reference_targets(registry.schema(), parameter);
        !parameter.is_custom() && parameter.is_served() && targets.contains(&ty)
    })
}
