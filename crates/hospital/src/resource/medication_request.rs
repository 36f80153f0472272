//! MedicationRequest. <https://hl7.org/fhir/R4/medicationrequest.html>

use super::Context;
use crate::calendar::Moment;
use crate::codes::Code;
use crate::json;

pub fn write(
    id: Option<&str>,
    context: Context<'_>,
    medicine: &Code,
    at: Moment,
    active: bool,
    reason: Option<&str>,
) -> String {
    json::resource("MedicationRequest", id, |j| {
        j.text("status", if active { "active" } else { "stopped" })
            .text("intent", "order");
        j.concept("medicationCodeableConcept", medicine);
        j.reference("subject", context.patient)
            .reference("encounter", context.encounter);
        j.plain("authoredOn", at)
            .reference("requester", context.practitioner);
        if let Some(condition) = reason {
            j.references("reasonReference", &[condition]);
        }
        j.one("dosageInstruction", |j| {
            j.value("sequence", 1).text("text", "One dose each day");
            j.object("timing", |j| {
                j.object("repeat", |j| {
                    j.value("frequency", 1)
                        .value("period", 1)
                        .text("periodUnit", "d")
                        .end()
                })
                .end()
            });
            j.value("asNeededBoolean", false);
        });
    })
}
