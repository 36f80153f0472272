//! The elements a caller sees of a type, where not all (C2, C23): `user/` and `patient/` scopes of people whose roles show a part of it.
//!
//! One set for each type, whatever is done with it: what leaves is cut to it, what is asked is read by it, what is written
//! leaves the rest as it is. Where some rows would be whole and others not (one's own record beside), all are seen in part.

use crate::access::Action;
use crate::caller::Identity;
use crate::compartment::Compartments;
use crate::role::RolePolicy;
use crate::scope::{Actions, Context, Target};
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
    /// Types of which it lies in elements that are not seen whose record a resource belongs to: no right that is bound to a
    /// record reaches them.
    unplaced: Vec<TypeId>,
}

impl Part {
    /// `None`: whatever type the caller sees they see whole.
    pub fn of(identity: &Identity, roles: &[&RolePolicy]) -> Option<Arc<Part>> {
        if !identity.is_user() {
            return None;
        }
        let types: BTreeSet<TypeId> = roles.iter().flat_map(|role| role.parts()).collect();
        let part = |ty: TypeId| Some((ty, elements(identity, roles, ty)?));
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
/// permitted ones may touch, so that no role's elements come under another's interaction. `None`: a role that sees the type whole
/// may read or search it, or no scope reaches it by a role that sees a part.
fn elements(identity: &Identity, roles: &[&RolePolicy], ty: TypeId) -> Option<Elements> {
    let whole = || roles.iter().filter(|role| role.elements(ty).is_none());
    let reads = |role: &&&RolePolicy| {
        let actions = role.actions(ty);
        actions.contains(Action::Read) || actions.contains(Action::Search)
    };
    if is_wrapper(ty) || whole().any(|role| reads(&role)) {
        return None;
    }
    let of_whole = |action| whole().any(|role| role.actions(ty).contains(action));
    let mut sets: Vec<BTreeSet<&str>> = Vec::new();
    for action in granted(identity, ty).iter().filter(|a| !of_whole(*a)) {
        let permitting = roles
            .iter()
            .filter(|role| role.actions(ty).contains(action));
        let named = permitting.filter_map(|role| role.elements(ty));
        let named: BTreeSet<&str> = named.flatten().map(String::as_str).collect();
        if !named.is_empty() {
            sets.push(named);
        }
    }
    let (first, rest) = sets.split_first()?;
    let is_named = |name: &str| first.contains(name) && rest.iter().all(|set| set.contains(name));
    Some(Elements::of(r4(), ty, is_named))
}

/// What the person's scopes ask for of the type, granular ones included: `patient/` scopes are cut to the role, too.
fn granted(identity: &Identity, ty: TypeId) -> Actions {
    let covers = |target: Target| match target {
        Target::Every => true,
        Target::Type(own) => own == ty,
    };
    let scopes = identity.scopes.resources();
    let of_type = scopes.filter(|s| s.context != Context::System && covers(s.target));
    let actions: Vec<Action> = of_type.flat_map(|s| s.actions.iter()).collect();
    Actions::of(&actions)
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
