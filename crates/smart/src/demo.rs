//! The callers of a demo store, as `ward token --as NAME` makes them. They are nothing special: signed tokens with scopes.

use crate::claims::{Claims, TOKEN_LIFETIME_S};
use crate::scope_ceiling::covers;
use std::fmt;

/// Names that [`demo_caller`] knows.
pub const DEMO_CALLERS: [&str; 7] = [
    "lab",
    "billing",
    "app",
    "auditor",
    "clinician",
    "admin",
    "loader",
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DemoError {
    UnknownCaller,
    /// `app` acts for one patient.
    PatientMissing,
    /// This is no scope, or more than the caller has.
    Scope(String),
}

/// What the demo caller `name` is granted. `patient` is the logical id of the app's patient; the others need none.
pub fn demo_caller(name: &str, patient: Option<&str>) -> Result<Claims, DemoError> {
    match name {
        "lab" => Ok(system("lab", LAB, "TREAT")),
        "billing" => Ok(system("billing", BILLING, "HPAYMT")),
        "loader" => Ok(system("loader", "system/*.cruds", "HSYSADMIN")),
        "app" => patient.map(app).ok_or(DemoError::PatientMissing),
        "auditor" => Ok(user(
            "auditor",
            "auditor",
            "openid fhirUser user/AuditEvent.rs",
            "HCOMPL",
        )),
        "clinician" => Ok(user(
            "clinician",
            "physician",
            "openid fhirUser user/*.cruds",
            "TREAT",
        )),
        "admin" => Ok(user("admin", "system-administrator", ADMIN, "HSYSADMIN")),
        _ => Err(DemoError::UnknownCaller),
    }
}

/// The same caller with less: the scopes asked for, in place of its own. Each must be a part of what it has.
pub fn narrowed(claims: Claims, scope: &str) -> Result<Claims, DemoError> {
    let mut asked = scope.split(' ').filter(|one| !one.is_empty());
    match asked.find(|one| !covers(&claims.scope, one)) {
        Some(one) => Err(DemoError::Scope(one.to_owned())),
        None => Ok(Claims {
            scope: scope.to_owned(),
            ..claims
        }),
    }
}

impl fmt::Display for DemoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DemoError::UnknownCaller => write!(
                f,
                "there is no such demo caller: choose one of {}",
                DEMO_CALLERS.join(", ")
            ),
            DemoError::PatientMissing => {
                f.write_str("the demo app acts for one patient: name the patient's id")
            }
            DemoError::Scope(scope) => {
                write!(f, "'{scope}' is no part of what this demo caller may do")
            }
        }
    }
}

impl std::error::Error for DemoError {}

/// A client that acts for itself.
fn system(name: &str, scope: &str, purpose: &str) -> Claims {
    Claims {
        subject: format!("demo-{name}"),
        client_id: format!("demo-{name}"),
        scope: scope.to_owned(),
        purpose: Some(purpose.to_owned()),
        lifetime_s: TOKEN_LIFETIME_S,
        ..Claims::default()
    }
}

/// A member of staff at the hospital's own application.
fn user(name: &str, role: &str, scope: &str, purpose: &str) -> Claims {
    Claims {
        subject: format!("demo-{name}"),
        client_id: "demo-desk".to_owned(),
        fhir_user: Some(format!("Practitioner/demo-{name}")),
        roles: vec![role.to_owned()],
        ..system(name, scope, purpose)
    }
}

/// A third-party app in the hands of a patient.
fn app(patient: &str) -> Claims {
    Claims {
        subject: format!("demo-patient-{patient}"),
        patient: Some(patient.to_owned()),
        fhir_user: Some(format!("Patient/{patient}")),
        ..system(
            "app",
            "openid fhirUser launch/patient patient/*.rs",
            "PATRQT",
        )
    }
}

const LAB: &str = "system/Observation.crus system/DiagnosticReport.crus system/Specimen.crus system/ServiceRequest.rs \
                   system/Patient.rs system/Encounter.rs system/Practitioner.rs system/Organization.rs";
const BILLING: &str = "system/Claim.crus system/ExplanationOfBenefit.crus system/Coverage.crus system/Patient.rs \
                       system/Encounter.rs system/Organization.rs system/Practitioner.rs";
const ADMIN: &str = "openid fhirUser user/CapabilityStatement.cruds user/SearchParameter.cruds \
                     user/StructureDefinition.cruds user/OperationDefinition.cruds user/CompartmentDefinition.cruds \
                     user/ValueSet.cruds user/CodeSystem.cruds user/ConceptMap.cruds user/NamingSystem.cruds";

#[cfg(test)]
#[path = "demo_tests.rs"]
mod tests;
