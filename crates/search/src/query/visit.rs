//! One way through a filter for whatever replaces some of its conditions: where each stands, and in an order that depends on
//! nothing else.

use crate::plan::Filter;
use ward_fhir::TypeId;

/// Where a condition stands.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    /// Of the resources that it is asked of.
    pub types: &'p [TypeId],
    /// Hops from the resources that are asked for.
    pub hops: usize,
}

/// What becomes of a condition.
pub(super) enum Visited {
    /// This stands there now.
    Replaced(Filter),
    /// It stays; what it asks of the other end of a reference is visited too.
    Kept(Filter),
}

/// Every condition that is no conjunction, alternative or negation of others.
pub(super) type Visit<'v> = &'v mut dyn FnMut(Place<'_>, Filter) -> Visited;

/// The filter over `types` with what `visit` has made of its conditions.
pub(super) fn visited(filter: Filter, types: &[TypeId], visit: Visit<'_>) -> Filter {
    at(filter, Place { types, hops: 0 }, visit)
}

fn at(filter: Filter, place: Place<'_>, visit: Visit<'_>) -> Filter {
    match filter {
        Filter::And(members) => {
            let types = stated(&members).unwrap_or(place.types).to_vec();
            let place = Place {
                types: &types,
                ..place
            };
            Filter::And(members).with_inner(&mut |inner| at(inner, place, visit))
        }
        filter @ (Filter::Or(_) | Filter::Not(_)) => {
            filter.with_inner(&mut |inner| at(inner, place, visit))
        }
        condition => match visit(place, condition) {
            Visited::Replaced(filter) => filter,
            Visited::Kept(condition) => beyond(condition, place.hops + 1, visit),
        },
    }
}

/// The other end of a condition that has one.
fn beyond(condition: Filter, hops: usize, visit: Visit<'_>) -> Filter {
    let Some(ty) = condition.far_type() else {
        return condition;
    };
    let types = &[ty];
    condition.with_inner(&mut |far| at(far, Place { types, hops }, visit))
}

/// The types that a conjunction names.
pub(super) fn stated(members: &[Filter]) -> Option<&[TypeId]> {
    members.iter().find_map(|f| match f {
        Filter::Types(types) => Some(types.as_slice()),
        _ => None,
    })
}
