//! Which resources belong to a Patient's or an Encounter's compartment. <https://hl7.org/fhir/R4/compartmentdefinition.html>

use super::criterion::targets;
use super::parameters::find;
use serde_json::Value;

/// `owner`: `Patient/1`, `Encounter/1`.
pub fn is_in(body: &Value, owner: &str) -> bool {
    let ty = body["resourceType"].as_str().unwrap_or_default();
    let id = body["id"].as_str().unwrap_or_default();
    let compartment = owner.split('/').next().unwrap_or_default();
    format!("{ty}/{id}") == owner || named(body, compartment).any(|target| target == owner)
}

/// The patient in whose record a resource is kept: the first that it names, `Patient/1`. What is deleted is in no other's
/// compartment any more.
pub fn home(body: &Value) -> Option<String> {
    let is_stored = |target: &String| target.starts_with("Patient/") && !target.contains('#');
    named(body, "Patient").find(is_stored)
}

/// What the parameters of the compartment refer to, in their order.
fn named(body: &Value, compartment: &str) -> impl Iterator<Item = String> {
    let ty = body["resourceType"].as_str().unwrap_or_default();
    let rows = MEMBERS
        .iter()
        .filter(move |row| row.0 == compartment && row.1 == ty);
    let parameters = rows.flat_map(|row| row.2).filter_map(|code| find(ty, code));
    let all: Vec<String> = parameters.flat_map(|p| targets(body, p)).collect();
    all.into_iter()
}

/// Compartment, type, parameters. Departs as Ward does: a Patient's `link` opens nothing.
const MEMBERS: &[(&str, &str, &[&str])] = &[
    ("Patient", "Encounter", &["patient"]),
    ("Patient", "Observation", &["subject", "performer"]),
    ("Patient", "Condition", &["patient", "asserter"]),
    ("Patient", "MedicationRequest", &["subject"]),
    ("Patient", "ServiceRequest", &["subject", "performer"]),
    ("Patient", "DiagnosticReport", &["subject"]),
    ("Patient", "RiskAssessment", &["subject"]),
    ("Patient", "ChargeItem", &["subject"]),
    ("Patient", "DocumentReference", &["subject", "author"]),
    ("Patient", "Group", &["member"]),
    ("Patient", "List", &["subject", "source"]),
    ("Patient", "MolecularSequence", &["patient"]),
    ("Encounter", "Observation", &["encounter"]),
    ("Encounter", "ChargeItem", &["context"]),
    ("Encounter", "DocumentReference", &["encounter"]),
    ("Encounter", "Condition", &["encounter"]),
    ("Encounter", "MedicationRequest", &["encounter"]),
    ("Encounter", "ServiceRequest", &["encounter"]),
    ("Encounter", "DiagnosticReport", &["encounter"]),
];
