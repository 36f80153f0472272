//! Goal. <https://hl7.org/fhir/R4/goal.html>

use crate::calendar::Moment;
use crate::codes::hl7;
use crate::json;

pub fn write(
    id: Option<&str>,
    patient: &str,
    description: &str,
    start: Moment,
    condition: &str,
) -> String {
    json::resource("Goal", id, |j| {
        j.text("lifecycleStatus", "active");
        j.bare_concept(
            "achievementStatus",
            &hl7(
                "http://terminology.hl7.org/CodeSystem/goal-achievement",
                "in-progress",
            ),
        );
        j.object("description", |j| j.text("text", description).end());
        j.reference("subject", patient)
            .plain("startDate", start.day());
        j.references("addresses", &[condition]);
    })
}
