//! Condition. <https://hl7.org/fhir/R4/condition.html>

use super::{CONFIRMED, Context};
use crate::calendar::Moment;
use crate::codes::{Code, hl7};
use crate::json;

/// Resolved where it has an end, else active (con-4).
pub fn write(
    id: Option<&str>,
    context: Context<'_>,
    code: &Code,
    onset: Moment,
    abatement: Option<Moment>,
) -> String {
    json::resource("Condition", id, |j| {
        let status = if abatement.is_some() {
            "resolved"
        } else {
            "active"
        };
        j.bare_concept(
            "clinicalStatus",
            &hl7(
                "http://terminology.hl7.org/CodeSystem/condition-clinical",
                status,
            ),
        );
        j.bare_concept(
            "verificationStatus",
            &hl7(
                "http://terminology.hl7.org/CodeSystem/condition-ver-status",
                CONFIRMED,
            ),
        );
        j.one("category", |j| {
            j.one("coding", |j| j.code(&DIAGNOSIS)).end()
        });
        j.concept("code", code)
            .reference("subject", context.patient)
            .reference("encounter", context.encounter);
        j.plain("onsetDateTime", onset);
        if let Some(end) = abatement {
            j.plain("abatementDateTime", end);
        }
        j.plain("recordedDate", onset);
    })
}

const DIAGNOSIS: Code = Code {
    system: "http://terminology.hl7.org/CodeSystem/condition-category",
    code: "encounter-diagnosis",
    display: "Encounter Diagnosis",
};
