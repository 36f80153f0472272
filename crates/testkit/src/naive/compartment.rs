//! Which resources belong to a Patient's or an Encounter's compartment. <https://hl7.org/fhir/R4/compartmentdefinition.html>

use super::criterion::targets;
use super::parameters::find;
use serde_json::Value;

/// `owner`: `Patient/1`, `Encounter/1`.
pub fn is_in(body: &Value, owner: &str) -> bool {
    let ty = body["resourceType"].as_str().unwrap_or_default();
    let id = body["id"].as_str().unwrap_or_default();
    let compartment = owner.split('/').next().unwrap_or_default();
    if format!("{ty}/{id}") == owner {
        return true;
    }
    let rows = MEMBERS
        .iter()
        .filter(|row| row.0 == compartment && row.1 == ty);
    let parameters = rows.flat_map(|row| row.2).filter_map(|code| find(ty, code));
    parameters
        .flat_map(|p| targets(body, p))
        .any(|target| target == owner)
}

/// Compartment, type, parameters. Departs as Ward does: a Patient's `link` opens nothing.
const MEMBERS: &[(&str, &str, &[&str])] = &[
    ("Patient", "Encounter", &["patient"]),
    ("Patient", "Observation", &["subject", "performer"]),
    ("Patient", "Condition", &["patient", "asserter"]),
    ("Patient", "MedicationRequest", &["subject"]),
    ("Patient", "DiagnosticReport", &["subject"]),
    ("Patient", "RiskAssessment", &["subject"]),
    ("Encounter", "Observation", &["encounter"]),
    ("Encounter", "Condition", &["encounter"]),
    ("Encounter", "MedicationRequest", &["encounter"]),
    ("Encounter", "DiagnosticReport", &["encounter"]),
];
