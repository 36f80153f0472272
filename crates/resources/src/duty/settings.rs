//! What a site decides about roles that people have by the rota.

use super::clock::WallClock;
use ward_access::{Caller, RoleCodes};

#[derive(Clone, Debug)]
pub struct DutySettings {
    /// Whether PractitionerRole resources give roles at all.
    pub from_practitioner_role: bool,
    /// Seconds after a shift for which its role still holds, to hand over.
    pub grace_s: u32,
    /// What hours of the rota are told in.
    pub clock: WallClock,
    pub codes: RoleCodes,
    /// Roles that hold on duty only, also when an account names them.
    pub bound_roles: Vec<String>,
}

impl Default for DutySettings {
    fn default() -> DutySettings {
        DutySettings {
            from_practitioner_role: true,
            grace_s: 15 * 60,
            clock: WallClock::default(),
            codes: RoleCodes::shipped(),
            bound_roles: Vec::new(),
        }
    }
}

impl DutySettings {
    /// Whose rota decides: `Practitioner/id`. `None`: the roles of the token hold at all times. An account that names roles is not
    /// given others by a rota, which more people write than accounts.
    pub(super) fn practitioner<'c>(&self, caller: &'c Caller) -> Option<&'c str> {
        let user = caller.fhir_user.as_deref().filter(|_| caller.is_user())?;
        let is_by_rota = caller.roles.is_empty() || caller.roles.iter().any(|r| self.binds(r));
        let is_practitioner = user.strip_prefix("Practitioner/").is_some();
        (self.from_practitioner_role && is_practitioner && is_by_rota).then_some(user)
    }

    /// The roles that are in force, where the rota gives `on_duty`.
    pub(super) fn in_force(&self, named: &[String], on_duty: Vec<String>) -> Vec<String> {
        if named.is_empty() {
            return on_duty;
        }
        let holds = |role: &&String| !self.binds(role) || on_duty.contains(role);
        named.iter().filter(holds).cloned().collect()
    }

    fn binds(&self, role: &str) -> bool {
        self.bound_roles.iter().any(|bound| bound == role)
    }
}
