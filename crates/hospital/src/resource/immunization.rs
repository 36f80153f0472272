//! Immunization. <https://hl7.org/fhir/R4/immunization.html>

use super::Context;
use crate::calendar::Moment;
use crate::codes::Code;
use crate::json;

pub fn write(id: Option<&str>, context: Context<'_>, vaccine: &Code, at: Moment) -> String {
    json::resource("Immunization", id, |j| {
        j.text("status", "completed")
            .concept("vaccineCode", vaccine);
        j.reference("patient", context.patient)
            .reference("encounter", context.encounter);
        j.plain("occurrenceDateTime", at)
            .value("primarySource", true);
    })
}
