//! The policies that a person's scopes are cut to (C2): those of their roles, and in their own record the one of patients. A role
//! that does not act for what the person asks for is silent (C23).

use crate::access::Action;
use crate::caller::Identity;
use crate::clearance::Clearance;
use crate::compartment::Compartments;
use crate::grid::Reach;
use crate::purpose::Purposes;
use crate::role::{RolePolicy, Roles};
use crate::scope::{Actions, Context};
use ward_fhir::TypeId;

pub(crate) struct Policies<'a> {
    identity: &'a Identity,
    /// Names that are no roles of the site grant nothing.
    roles: Vec<&'a RolePolicy>,
    /// There are roles, and none of them acts for a purpose that is asserted.
    is_out_of_purpose: bool,
    /// What patients may do, where the launch patient's record is the person's own.
    own: Option<&'a RolePolicy>,
}

impl<'a> Policies<'a> {
    pub fn of(identity: &'a Identity, known: &'a Roles) -> Policies<'a> {
        let roles = identity.roles.iter().filter_map(|name| known.get(name));
        let named: Vec<&RolePolicy> = roles.map(|policy| &**policy).collect();
        let roles: Vec<&RolePolicy> = named
            .iter()
            .copied()
            .filter(|role| acts_for(role, &identity.purposes))
            .collect();
        let own = identity.is_at_own_record().then(|| known.patients());
        Policies {
            is_out_of_purpose: roles.is_empty() && !named.is_empty() && own.is_none(),
            roles,
            own,
            identity,
        }
    }

    /// What the person is cleared for: by each role that acts for the purpose, and in their own record by the policy of patients.
    /// `None`: by none.
    pub fn clearance(&self) -> Option<Clearance> {
        let all = self.own.iter().chain(&self.roles);
        let all = all.map(|policy| policy.clearance.clone());
        all.reduce(|all, one| all.and(&one))
    }

    /// Whether one of them is shown every label (R16).
    pub fn see_labels(&self) -> bool {
        let mut all = self.own.iter().chain(&self.roles);
        all.any(|policy| policy.sees_labels)
    }

    /// Whether the person acts in this role, for what is asserted.
    pub fn has(&self, role: &str) -> bool {
        self.roles.iter().any(|policy| policy.name == role)
    }

    /// Whether one of the roles that act for what is asserted may break the glass.
    pub fn may_break_glass(&self) -> bool {
        self.roles.iter().any(|role| role.may_break_glass())
    }

    /// Whether a person has roles, all of which are silent for what is asserted, and is not at their own record.
    pub fn are_out_of_purpose(&self) -> bool {
        self.is_out_of_purpose
    }

    /// Whether one permits it through scopes of this context. `in_part`: what the person sees of the type is a part.
    pub fn permit(&self, context: Context, ty: TypeId, action: Action, in_part: bool) -> bool {
        let permits = |policy: &RolePolicy| {
            let shows = in_part || policy.elements(ty).is_none();
            shows && policy.actions(ty).contains(action)
        };
        let own = self.own.filter(|_| context == Context::Patient);
        own.is_some_and(permits) || self.roles_of(ty).any(permits)
    }

    /// Those that decide what is seen of a type.
    pub fn of_type(&self, ty: TypeId) -> Vec<&'a RolePolicy> {
        let own = self.own.filter(|own| self.opens(own, ty));
        own.into_iter().chain(self.roles_of(ty)).collect()
    }

    /// The types of which one of them sees a part. A type may come more than once.
    pub fn parts(&self) -> impl Iterator<Item = TypeId> {
        let all = self.own.iter().chain(&self.roles);
        all.flat_map(|policy| policy.parts())
    }

    /// What the person's scopes ask for of the type, granular ones included.
    pub fn asked(&self, ty: TypeId) -> Actions {
        let scopes = self.identity.scopes.resources();
        let of_type = scopes.filter(|s| s.context != Context::System && s.target.covers(ty));
        let actions: Vec<Action> = of_type.flat_map(|s| s.actions.iter()).collect();
        Actions::of(&actions)
    }

    /// The roles that say something of a type. What is seen of a type is one set: so that a role which sees a part takes nothing
    /// from the person's own record, and their own record shows nothing more of others', such a role is silent where the token
    /// opens the type in their own record.
    fn roles_of(&self, ty: TypeId) -> impl Iterator<Item = &'a RolePolicy> {
        let is_heard = move |role: &&RolePolicy| {
            role.elements(ty).is_none() || !self.own.is_some_and(|own| self.opens(own, ty))
        };
        self.roles.iter().copied().filter(is_heard)
    }

    /// Whether the token's `patient/` scopes open the type by the policy of patients.
    fn opens(&self, own: &RolePolicy, ty: TypeId) -> bool {
        let scopes = self.identity.scopes.resources();
        let of_type = scopes.filter(|s| s.context == Context::Patient && s.target.covers(ty));
        let mut asked = of_type.flat_map(|scope| scope.actions.iter());
        asked.any(|action| {
            let reach = Compartments::r4().reach(ty, action);
            own.actions(ty).contains(action) && reach != Reach::Nothing
        })
    }
}

/// Where nothing is asserted each role acts for what it is for.
fn acts_for(role: &RolePolicy, asserted: &Purposes) -> bool {
    asserted.is_empty() || asserted.iter().any(|purpose| role.acts_for(purpose))
}

#[cfg(test)]
#[path = "policies_tests.rs"]
mod tests;
