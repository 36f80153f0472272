//! The elements a caller sees of a type, where not all (C2, C23): `user/` and `patient/` scopes of people whose policies show a part
//! of it.
//!
//! One set for each type, whatever is done with it: what leaves is cut to it, what is asked is read by it, what is written
//! leaves the rest as it is. Where a person's own record would be whole and others' not, the token opens one of them
//! (`policies`).

use crate::access::Action;
use crate::caller::Identity;
use crate::compartment::Compartments;
use crate::policies::Policies;
use crate::role::RolePolicy;
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use ward_fhir::TypeId;
use ward_fhir::schema::r4;
use ward_search::registry::Registry;
use ward_search::seen::{Elements, Seen};

/// What is worked out once for a Caller.
#[derive(Debug)]
pub(crate) struct Part {
    pub seen: Arc<Seen>,
    /// Types of which it lies in elements that are not seen whose record a resource belongs to: nobody is told by asking for what
    /// is in a record.
    unplaced: Vec<TypeId>,
}

impl Part {
    /// `None`: whatever type the caller sees they see whole.
    pub fn of(identity: &Identity, policies: &Policies<'_>) -> Option<Arc<Part>> {
        if !identity.is_user() {
            return None;
        }
        let types: BTreeSet<TypeId> = policies.parts().collect();
        let part = |ty: TypeId| Some((ty, elements(policies, ty)?));
        let seen: Seen = types.into_iter().filter_map(part).collect();
        if seen.is_empty() {
            return None;
        }
        let seen = Arc::new(seen);
        Some(Arc::new(Part {
            unplaced: unplaced(&seen),
            seen,
        }))
    }

    pub fn elements(&self, ty: TypeId) -> Option<&Elements> {
        self.seen.elements(ty)
    }

    /// Whether it is seen of resources of the type whose record they belong to.
    pub fn places(&self, ty: TypeId) -> bool {
        !self.unplaced.contains(&ty)
    }
}

/// Those of one type. Of several roles each adds its elements to the interactions that it permits; what is seen is what all of the
/// permitted ones may touch, so that no role's elements come under another's interaction. `None`: a policy that sees the type whole
/// may read or search it, or no scope reaches it by one that sees a part.
fn elements(policies: &Policies<'_>, ty: TypeId) -> Option<Elements> {
    let of_type = policies.of_type(ty);
    let whole = || {
        of_type
            .iter()
            .filter(|policy| policy.elements(ty).is_none())
    };
    let reads = |policy: &RolePolicy| {
        let actions = policy.actions(ty);
        actions.contains(Action::Read) || actions.contains(Action::Search)
    };
    if is_wrapper(ty) || whole().any(|policy| reads(policy)) {
        return None;
    }
    let of_whole = |action| whole().any(|policy| policy.actions(ty).contains(action));
    let mut sets: Vec<BTreeSet<&str>> = Vec::new();
    for action in policies.asked(ty).iter().filter(|a| !of_whole(*a)) {
        let permitting = of_type
            .iter()
            .filter(|policy| policy.actions(ty).contains(action));
        let named = permitting.filter_map(|policy| policy.elements(ty));
        let named: BTreeSet<&str> = named.flatten().map(String::as_str).collect();
        if !named.is_empty() {
            sets.push(named);
        }
    }
    let (first, rest) = sets.split_first()?;
    let is_named = |name: &str| first.contains(name) && rest.iter().all(|set| set.contains(name));
    Some(Elements::of(r4(), ty, is_named))
}

/// Answers themselves are of these types: one that is stored cannot be told from one that holds what was asked for, so of a
/// part of them nothing is seen.
pub(crate) fn is_wrapper(ty: TypeId) -> bool {
    ["Bundle", "Parameters", "OperationOutcome"].contains(&r4().ty(ty).name)
}

fn unplaced(seen: &Arc<Seen>) -> Vec<TypeId> {
    static PACKAGE: OnceLock<Arc<Registry>> = OnceLock::new();
    let package = PACKAGE.get_or_init(|| Arc::new(Registry::new(r4())));
    let registry = Registry::within(package, seen.clone());
    let hides = |ty: TypeId| {
        let mut codes = Compartments::r4().parameters(ty).iter();
        codes.any(|code| registry.of(ty).hides(code))
    };
    let types = seen.types().map(|(ty, _)| ty);
    types.filter(|ty| hides(*ty)).collect()
}

#[cfg(test)]
#[path = "part_tests.rs"]
mod tests;
