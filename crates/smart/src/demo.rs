//! The callers of a demo store: registered clients and people like any others, whose secrets are random and lie with the store.

mod registrations;
mod secrets;

pub use registrations::{DemoPatient, Registered, register};

use crate::scope_ceiling::covers;

/// A caller of the demo, by the name that `ward token --as` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DemoCaller {
    Lab,
    Billing,
    Loader,
    /// A patient with an app of somebody else's.
    App,
    Clinician,
    /// Sees of clinical records what claims need.
    Clerk,
    Auditor,
    Admin,
}

/// Path of the demo's sample app below the server's origin; also where it is sent back to.
pub const APP_PATH: &str = "/demo/app/";
/// User name of the demo's patient.
pub const PATIENT: &str = "patient";
/// Where the desks of the demo's people are sent back to. Nothing listens there: who signs in without a browser reads the address.
const DESK_REDIRECT: &str = "http://127.0.0.1/demo/desk";

impl DemoCaller {
    pub const ALL: [DemoCaller; 8] = [
        DemoCaller::Clinician,
        DemoCaller::Lab,
        DemoCaller::Billing,
        DemoCaller::App,
        DemoCaller::Clerk,
        DemoCaller::Auditor,
        DemoCaller::Admin,
        DemoCaller::Loader,
    ];

    pub fn of(name: &str) -> Option<DemoCaller> {
        DemoCaller::ALL
            .into_iter()
            .find(|caller| caller.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            DemoCaller::Lab => "lab",
            DemoCaller::Billing => "billing",
            DemoCaller::Loader => "loader",
            DemoCaller::App => "app",
            DemoCaller::Clinician => "clinician",
            DemoCaller::Clerk => "clerk",
            DemoCaller::Auditor => "auditor",
            DemoCaller::Admin => "admin",
        }
    }

    /// The client that it is, or at which the person sits.
    pub fn client_id(self) -> &'static str {
        match self {
            DemoCaller::Lab => "demo-lab",
            DemoCaller::Billing => "demo-billing",
            DemoCaller::Loader => "demo-loader",
            DemoCaller::App => "demo-app",
            DemoCaller::Clinician => "demo-desk",
            DemoCaller::Clerk => "demo-billing-desk",
            DemoCaller::Auditor => "demo-audit-desk",
            DemoCaller::Admin => "demo-console",
        }
    }

    /// User name of the person; `None`: a backend service.
    pub fn username(self) -> Option<&'static str> {
        match self {
            DemoCaller::Lab | DemoCaller::Billing | DemoCaller::Loader => None,
            DemoCaller::App => Some(PATIENT),
            DemoCaller::Clinician => Some("clinician"),
            DemoCaller::Clerk => Some("clerk"),
            DemoCaller::Auditor => Some("auditor"),
            DemoCaller::Admin => Some("admin"),
        }
    }

    /// Roles of the person.
    pub fn roles(self) -> &'static [&'static str] {
        match self {
            DemoCaller::Clinician => &["physician"],
            DemoCaller::Clerk => &["billing-clerk"],
            DemoCaller::Auditor => &["auditor"],
            DemoCaller::Admin => &["system-administrator"],
            _ => &[],
        }
    }

    /// What it asks for, and with that what its client can be granted of resources.
    pub fn scope(self) -> &'static str {
        match self {
            DemoCaller::Lab => LAB,
            DemoCaller::Billing => BILLING,
            DemoCaller::Loader => "system/*.cruds",
            DemoCaller::App => "launch/patient patient/*.rs",
            DemoCaller::Clinician | DemoCaller::Clerk => "user/*.cruds",
            DemoCaller::Auditor => "user/AuditEvent.rs",
            DemoCaller::Admin => ADMIN,
        }
    }

    /// The most that its client can be granted.
    pub fn ceiling(self) -> String {
        match self.username() {
            None => self.scope().to_owned(),
            Some(_) => format!("openid fhirUser launch {}", self.scope()),
        }
    }

    /// Whether a scope is a part of that.
    pub fn may_ask(self, scope: &str) -> bool {
        covers(&self.ceiling(), scope)
    }

    /// Where a person who signs in is sent back to, at the server of this origin.
    pub fn redirect_uri(self, issuer: &str) -> String {
        match self {
            DemoCaller::App => format!("{issuer}{APP_PATH}"),
            _ => DESK_REDIRECT.to_owned(),
        }
    }

    /// A code of `v3-PurposeOfUse`. `None`: what the person is there for.
    fn purpose(self) -> Option<&'static str> {
        match self {
            DemoCaller::Lab | DemoCaller::Clinician => Some("TREAT"),
            DemoCaller::Billing | DemoCaller::Clerk => Some("HPAYMT"),
            DemoCaller::Auditor => Some("HCOMPL"),
            DemoCaller::Loader | DemoCaller::Admin => Some("HSYSADMIN"),
            DemoCaller::App => None,
        }
    }
}

const LAB: &str = "system/Observation.crus system/DiagnosticReport.crus system/Specimen.crus system/ServiceRequest.rs \
                   system/Patient.rs system/Encounter.rs system/Practitioner.rs system/Organization.rs";
const BILLING: &str = "system/Claim.crus system/ExplanationOfBenefit.crus system/Coverage.crus system/Patient.rs \
                       system/Encounter.rs system/Organization.rs system/Practitioner.rs";
const ADMIN: &str = "user/CapabilityStatement.cruds user/SearchParameter.cruds user/StructureDefinition.cruds \
                     user/OperationDefinition.cruds user/CompartmentDefinition.cruds user/ValueSet.cruds \
                     user/CodeSystem.cruds user/ConceptMap.cruds user/NamingSystem.cruds";

#[cfg(test)]
#[path = "demo_tests.rs"]
mod tests;
