//! Phrases and tuples that more entries of the index fit than it combines. The store names them by their place among all of the
//! filter's, as the bits of `wide`; the last bit is of all from its place on.

use super::{Split, fresh, split};
use crate::extract::Extractor;
use crate::plan::{Filter, Tuple};
use crate::shape::code;
use ward_fhir::{Failure, TypeId};

/// The filter for the index without them, and the checks by which each row decides them.
///
/// Errors: as for [`split`].
pub fn loosen(filter: Filter, wide: u64, extractor: &Extractor) -> Result<Split, Failure> {
    let mut place = 0;
    let by_row = &mut |filter: Filter, param: u16| fresh(extractor, code(param).to_owned(), filter);
    split(walk(filter, wide, &mut place, by_row), extractor)
}

fn walk(
    filter: Filter,
    wide: u64,
    place: &mut u32,
    by_row: &mut dyn FnMut(Filter, u16) -> Filter,
) -> Filter {
    match filter {
        Filter::Phrase { param, .. } | Filter::Tuple(Tuple { param, .. }) => {
            let is_wide = wide & bit(*place) != 0;
            *place += 1;
            match is_wide {
                true => by_row(filter, param),
                false => filter,
            }
        }
        other => other.with_inner(&mut |inner| walk(inner, wide, place, by_row)),
    }
}

/// Logical ids.
pub type Ids = Vec<String>;

/// Types and filters of the outermost hops that have one inside, in their order.
pub fn far_ends(filter: &Filter, wide: u64) -> Vec<(TypeId, Filter)> {
    let mut ends = Vec::new();
    hops(filter.clone(), wide, &mut 0, &mut |ty, filter| {
        ends.push((ty, filter));
        Filter::Nothing
    });
    ends
}

/// The filter with what was found to match at each of those ends.
pub fn with_far_ends(filter: Filter, wide: u64, found: Vec<Ids>) -> Filter {
    let mut found = found.into_iter();
    hops(filter, wide, &mut 0, &mut |_, _| match found.next() {
        Some(ids) if !ids.is_empty() => Filter::Ids(ids),
        _ => Filter::Nothing,
    })
}

fn hops(
    filter: Filter,
    wide: u64,
    place: &mut u32,
    take: &mut dyn FnMut(TypeId, Filter) -> Filter,
) -> Filter {
    if let Some(ty) = filter.far_type() {
        return filter.with_inner(&mut |far| {
            let from = *place;
            *place += leaves(&far);
            match (from..*place).any(|at| wide & bit(at) != 0) {
                true => take(ty, far),
                false => far,
            }
        });
    }
    *place += leaf(&filter);
    filter.with_inner(&mut |inner| hops(inner, wide, place, take))
}

/// Phrases and tuples in it.
fn leaves(filter: &Filter) -> u32 {
    match filter {
        Filter::And(list) | Filter::Or(list) => list.iter().map(leaves).sum(),
        Filter::Not(inner)
        | Filter::Chain { filter: inner, .. }
        | Filter::Has { filter: inner, .. } => leaves(inner),
        _ => leaf(filter),
    }
}

/// 1 for a phrase or a tuple.
fn leaf(filter: &Filter) -> u32 {
    u32::from(matches!(filter, Filter::Phrase { .. } | Filter::Tuple(_)))
}

fn bit(place: u32) -> u64 {
    1 << place.min(u64::BITS - 1)
}
