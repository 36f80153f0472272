//! Encounter. <https://hl7.org/fhir/R4/encounter.html>

use super::Context;
use crate::calendar::Moment;
use crate::codes::Code;
use crate::codes::visit::Visit;
use crate::json;

pub struct Facts<'a> {
    pub visit: &'a Visit,
    pub start: Moment,
    pub end: Moment,
    pub reason: Option<&'a Code>,
    pub location: &'a str,
    pub organization: &'a str,
    pub in_progress: bool,
}

/// The context's own `encounter` is not used.
pub fn write(id: Option<&str>, context: Context<'_>, facts: &Facts<'_>) -> String {
    json::resource("Encounter", id, |j| {
        j.text(
            "status",
            if facts.in_progress {
                "in-progress"
            } else {
                "finished"
            },
        );
        j.coding("class", &facts.visit.class)
            .concepts("type", &facts.visit.code);
        j.reference("subject", context.patient);
        j.one("participant", |j| {
            j.one("type", |j| {
                j.one("coding", |j| j.code(&PRIMARY))
                    .text("text", PRIMARY.display)
                    .end()
            });
            j.period("period", facts.start, facts.end)
                .reference("individual", context.practitioner)
                .end()
        });
        j.period("period", facts.start, facts.end);
        if let Some(reason) = facts.reason {
            j.one("reasonCode", |j| j.one("coding", |j| j.code(reason)).end());
        }
        if facts.visit.class.code == "IMP" {
            j.object("hospitalization", |j| {
                j.concept("dischargeDisposition", &HOME).end()
            });
        }
        j.one("location", |j| {
            j.reference("location", facts.location)
                .text("status", "completed")
                .end()
        });
        j.reference("serviceProvider", facts.organization);
    })
}

const PRIMARY: Code = Code {
    system: "http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
    code: "PPRF",
    display: "primary performer",
};
const HOME: Code = Code {
    system: "http://terminology.hl7.org/CodeSystem/discharge-disposition",
    code: "home",
    display: "Home",
};
