//! DiagnosticReport of a laboratory panel. <https://hl7.org/fhir/R4/diagnosticreport.html>

use super::Context;
use crate::calendar::{Instant, Moment};
use crate::codes::Code;
use crate::codes::lab::Panel;
use crate::json;

/// `results` are the panel's Observations in the order of its tests.
pub fn write(
    id: Option<&str>,
    context: Context<'_>,
    panel: &Panel,
    results: &[String],
    at: Moment,
    issued_s: i64,
) -> String {
    json::resource("DiagnosticReport", id, |j| {
        j.text("status", "final").one("category", |j| {
            j.one("coding", |j| j.code(&LABORATORY)).end()
        });
        j.concept("code", &panel.code)
            .reference("subject", context.patient)
            .reference("encounter", context.encounter);
        j.plain("effectiveDateTime", at)
            .plain("issued", Instant(Moment(at.0 + issued_s)));
        j.references("performer", &[context.practitioner]);
        j.array("result", |j| {
            for (reference, test) in results.iter().zip(panel.tests) {
                j.item(|j| {
                    j.text("reference", reference)
                        .text("display", test.code.display)
                        .end()
                });
            }
        });
    })
}

const LABORATORY: Code = Code {
    system: "http://terminology.hl7.org/CodeSystem/v2-0074",
    code: "LAB",
    display: "Laboratory",
};
