//! Chains into contained resources, which are no rows of their own: no index tells of what `#id` leads to.
//! <https://hl7.org/fhir/R4/search.html#contained>
//!
//! Resources are marked by the types of what they contain (`TermKey::contained`). Before a question is asked, those from which a
//! chain may lead inside, and which the caller may search, are looked at, and those that match are added by their ids. The
//! furthest hops come first, so that the nearer ones know of them. Where nothing is contained, nothing changes.

use super::list::held;
use super::long::is_plain;
use super::visit::{Visited, visited};
use crate::check::{first_check, needs_others};
use crate::entries::{Term, TermKey};
use crate::plan::Filter;
use ward_fhir::TypeId;
use ward_fhir::schema::r4;

/// The chains from resources that are equally many hops away from those asked for.
#[derive(Clone, Debug)]
pub struct ContainedChains {
    /// Of the resources that they lead from.
    pub types: Vec<TypeId>,
    /// Those that contain one of a type that a chain leads to, and what else is asked of them.
    pub candidates: Filter,
    /// By their place in the whole.
    pub chains: Vec<ContainedChain>,
}

#[derive(Clone, Debug)]
pub struct ContainedChain {
    /// Of the resources that it leads from.
    pub types: Vec<TypeId>,
    param: u16,
    target: TypeId,
    /// What is asked of the contained resource.
    filter: Filter,
}

/// A chain that goes on from a contained resource to one of the store.
#[derive(Clone, Debug)]
pub struct Onward {
    pub target: TypeId,
    /// What is asked of it.
    pub filter: Filter,
    param: u16,
}

/// Hops to where the last chain of a filter begins; `None`: there is no chain in it.
pub fn hops(filter: &Filter) -> Option<usize> {
    match filter {
        Filter::Chain { filter, .. } => Some(hops(filter).map_or(0, |further| further + 1)),
        Filter::Has { filter, .. } => hops(filter).map(|further| further + 1),
        Filter::And(list) | Filter::Or(list) => list.iter().filter_map(hops).max(),
        Filter::Not(inner) => hops(inner),
        _ => None,
    }
}

/// Those of a filter over `types` that begin so many hops away.
pub fn contained_chains(
    filter: &Filter,
    types: &[TypeId],
    key: &TermKey,
    hops: usize,
) -> Option<ContainedChains> {
    let mut chains = Vec::new();
    replaced(filter.clone(), types, hops, &mut |types, link| {
        chains.push(ContainedChain {
            types: types.to_vec(),
            param: link.param,
            target: link.target,
            filter: link.filter.clone(),
        });
        link.chain()
    });
    let mut types: Vec<TypeId> = chains.iter().flat_map(|c| c.types.clone()).collect();
    types.sort_unstable();
    types.dedup();
    let targets = chains.iter().map(|c| r4().ty(c.target).name);
    let mut terms: Vec<Term> = targets.map(|name| key.contained(name)).collect();
    terms.sort_unstable();
    terms.dedup();
    let mut all = vec![Filter::AnyTerm(terms)];
    if let (0, Filter::And(members)) = (hops, filter) {
        // What is asked of the same resource beside the chains narrows what is looked at.
        let decided = members.iter().filter(|f| is_plain(f) && !needs_others(f));
        all.extend(decided.cloned());
    }
    (!chains.is_empty()).then_some(ContainedChains {
        types,
        candidates: Filter::And(all),
        chains,
    })
}

/// With type and logical id of the resources that were seen to match each of them, by its place.
pub fn replace_contained_chains(
    filter: Filter,
    types: &[TypeId],
    hops: usize,
    found: &[Vec<(TypeId, String)>],
) -> Filter {
    let mut found = found.iter();
    replaced(filter, types, hops, &mut |_, link| match found.next() {
        Some(found) if !found.is_empty() => Filter::Or(vec![link.chain(), held(found)]),
        _ => link.chain(),
    })
}

impl ContainedChain {
    /// What must be known of the store before a container can decide, in the order of [`ContainedChain::with`].
    pub fn onward(&self) -> Vec<Onward> {
        let mut found = Vec::new();
        within(self.filter.clone(), &mut |onward, inner| {
            let chain = onward.chain(inner);
            found.push(onward);
            chain
        });
        found
    }

    /// The chain as [`Container::leads`](crate::contained::Container::leads) decides it, with the logical ids that each of
    /// [`ContainedChain::onward`] has come to.
    pub fn with(&self, key: &TermKey, found: &[Vec<String>]) -> Filter {
        let mut found = found.iter();
        let filter = within(self.filter.clone(), &mut |onward, inner| {
            let name = r4().ty(onward.target).name;
            let ids = found.next().into_iter().flatten();
            let terms = ids.map(|id| key.reference(onward.param, name, id));
            let terms = Filter::AnyTerm(terms.collect());
            Filter::Or(vec![terms, onward.chain(inner)])
        });
        Filter::Chain {
            param: self.param,
            target: self.target,
            filter: Box::new(filter),
        }
    }
}

impl Onward {
    fn chain(&self, inner: Filter) -> Filter {
        Filter::Chain {
            param: self.param,
            target: self.target,
            filter: Box::new(inner),
        }
    }
}

struct Link {
    param: u16,
    target: TypeId,
    filter: Filter,
}

impl Link {
    fn chain(self) -> Filter {
        Filter::Chain {
            param: self.param,
            target: self.target,
            filter: Box::new(self.filter),
        }
    }
}

/// The types that it leads from, and the chain.
type Take<'t> = &'t mut dyn FnMut(&[TypeId], Link) -> Filter;

/// Replaces the chains that begin so many hops away. One with a check in it is refused later ([`crate::check::split`]) and passed
/// over here.
fn replaced(filter: Filter, types: &[TypeId], hops: usize, take: Take<'_>) -> Filter {
    visited(filter, types, &mut |place, condition| match condition {
        Filter::Chain {
            param,
            target,
            filter,
        } if place.hops == hops && first_check(&filter).is_none() => {
            let filter = *filter;
            let link = Link {
                param,
                target,
                filter,
            };
            Visited::Replaced(take(place.types, link))
        }
        other if place.hops < hops => Visited::Kept(other),
        other => Visited::Replaced(other),
    })
}

/// What is asked of a contained resource: it has no time of its own, and its chains are replaced, the inner ones first. `take`
/// gets each chain as it is asked of the store, and what its far end must fulfil within the container.
fn within(filter: Filter, take: &mut dyn FnMut(Onward, Filter) -> Filter) -> Filter {
    match filter {
        Filter::Updated(_) => Filter::Nothing,
        Filter::And(list) => Filter::And(list.into_iter().map(|f| within(f, take)).collect()),
        Filter::Or(list) => Filter::Or(list.into_iter().map(|f| within(f, take)).collect()),
        Filter::Not(inner) => Filter::Not(Box::new(within(*inner, take))),
        Filter::Chain {
            param,
            target,
            filter,
        } => {
            let inner = within((*filter).clone(), take);
            let filter = *filter;
            take(
                Onward {
                    target,
                    filter,
                    param,
                },
                inner,
            )
        }
        Filter::Has {
            source,
            param,
            filter,
        } => Filter::Has {
            source,
            param,
            filter: Box::new(within(*filter, take)),
        },
        other => other,
    }
}
