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
        Filter::And(list) => {
            let each = list.into_iter();
            Filter::And(each.map(|f| walk(f, wide, place, by_row)).collect())
        }
        Filter::Or(list) => {
            let each = list.into_iter();
            Filter::Or(each.map(|f| walk(f, wide, place, by_row)).collect())
        }
        Filter::Not(inner) => Filter::Not(Box::new(walk(*inner, wide, place, by_row))),
        Filter::Chain {
            param,
            target,
            filter,
        } => Filter::Chain {
            param,
            target,
            filter: Box::new(walk(*filter, wide, place, by_row)),
        },
        Filter::Has {
            source,
            param,
            filter,
        } => Filter::Has {
            source,
            param,
            filter: Box::new(walk(*filter, wide, place, by_row)),
        },
        Filter::Phrase { param, .. } | Filter::Tuple(Tuple { param, .. }) => {
            let is_wide = wide & bit(*place) != 0;
            *place += 1;
            match is_wide {
                true => by_row(filter, param),
                false => filter,
            }
        }
        other => other,
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
    let mut end = |ty: TypeId, filter: Filter, place: &mut u32| {
        let from = *place;
        *place += leaves(&filter);
        match (from..*place).any(|at| wide & bit(at) != 0) {
            true => take(ty, filter),
            false => filter,
        }
    };
    match filter {
        Filter::Chain {
            param,
            target,
            filter,
        } => Filter::Chain {
            param,
            target,
            filter: Box::new(end(target, *filter, place)),
        },
        Filter::Has {
            source,
            param,
            filter,
        } => Filter::Has {
            source,
            param,
            filter: Box::new(end(source, *filter, place)),
        },
        Filter::And(list) => {
            let each = list.into_iter();
            Filter::And(each.map(|f| hops(f, wide, place, take)).collect())
        }
        Filter::Or(list) => {
            let each = list.into_iter();
            Filter::Or(each.map(|f| hops(f, wide, place, take)).collect())
        }
        Filter::Not(inner) => Filter::Not(Box::new(hops(*inner, wide, place, take))),
        other => {
            *place += leaves(&other);
            other
        }
    }
}

/// Phrases and tuples in it.
fn leaves(filter: &Filter) -> u32 {
    match filter {
        Filter::Phrase { .. } | Filter::Tuple(_) => 1,
        Filter::And(list) | Filter::Or(list) => list.iter().map(leaves).sum(),
        Filter::Not(inner)
        | Filter::Chain { filter: inner, .. }
        | Filter::Has { filter: inner, .. } => leaves(inner),
        _ => 0,
    }
}

fn bit(place: u32) -> u64 {
    1 << place.min(u64::BITS - 1)
}
