//! Which questions no index bounds: what they take grows with what is stored, not with what is found.
//! <https://hl7.org/fhir/R4/search.html#errors>

use crate::plan::{Filter, Listed};

/// Whether resources, or the entries of an index from its first to its last, are looked at one by one to decide the filter.
/// Of a filter as [`crate::query::parse`] gives it.
pub fn is_costly(filter: &Filter) -> bool {
    walks(filter) || is_negative(filter)
}

fn walks(filter: &Filter) -> bool {
    match filter {
        Filter::Check(_)
        | Filter::StringContains { .. }
        | Filter::StringEnds { .. }
        | Filter::List(Listed::Hierarchy(_)) => true,
        Filter::And(list) | Filter::Or(list) => list.iter().any(walks),
        Filter::Not(inner) => walks(inner),
        Filter::Chain { filter, .. } | Filter::Has { filter, .. } => is_costly(filter),
        _ => false,
    }
}

/// Whether it only excludes: every resource of the types is a candidate.
fn is_negative(filter: &Filter) -> bool {
    match filter {
        Filter::Not(_) => true,
        Filter::And(list) => !list.is_empty() && list.iter().all(is_negative),
        Filter::Or(list) => list.iter().any(is_negative),
        _ => false,
    }
}
