//! Procedure. <https://hl7.org/fhir/R4/procedure.html>

use super::Context;
use crate::calendar::Moment;
use crate::codes::{Code, procedure::Procedure};
use crate::json;

pub fn write(
    id: Option<&str>,
    context: Context<'_>,
    procedure: &Procedure,
    start: Moment,
    reason: Option<(&str, &Code)>,
) -> String {
    json::resource("Procedure", id, |j| {
        j.text("status", "completed")
            .concept("code", &procedure.code);
        j.reference("subject", context.patient)
            .reference("encounter", context.encounter);
        j.period(
            "performedPeriod",
            start,
            start.plus_minutes(procedure.minutes),
        );
        if let Some((condition, code)) = reason {
            j.one("reasonReference", |j| {
                j.text("reference", condition)
                    .text("display", code.display)
                    .end()
            });
        }
    })
}
