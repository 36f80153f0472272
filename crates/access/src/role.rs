//! What a person may do, whatever an app was granted: `user/` scopes are cut to it (S77).
//!
//! The one place where roles meet types. The roles are the demo's; policies per site grow here.

use crate::access::Action;
use crate::compartment::DEFINITIONS;
use crate::scope::Actions;

/// A known role. Names in a token that are none of these grant nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Treats patients: everything clinical, and not the audit log.
    Clinician,
    /// Reads the audit log, and nothing else.
    Auditor,
    /// Looks after definitions; has no clinical rights (AT3a).
    Admin,
}

impl Role {
    pub fn parse(name: &str) -> Option<Role> {
        match name {
            "clinician" => Some(Role::Clinician),
            "auditor" => Some(Role::Auditor),
            "admin" => Some(Role::Admin),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Role::Clinician => "clinician",
            Role::Auditor => "auditor",
            Role::Admin => "admin",
        }
    }

    /// What the role may do with resources of a type.
    pub fn policy(self, ty: &str) -> Actions {
        match (self, ty) {
            (Role::Clinician, AUDIT_EVENT) => Actions::NONE,
            (Role::Clinician, _) => Actions::ALL,
            (Role::Auditor, AUDIT_EVENT) => Actions::of(&[Action::Read, Action::Search]),
            (Role::Auditor, _) => Actions::NONE,
            (Role::Admin, ty) if DEFINITIONS.contains(&ty) => Actions::ALL,
            (Role::Admin, _) => Actions::NONE,
        }
    }
}

pub(crate) const AUDIT_EVENT: &str = "AuditEvent";
