//! AllergyIntolerance. <https://hl7.org/fhir/R4/allergyintolerance.html>

use super::CONFIRMED;
use crate::calendar::Moment;
use crate::codes::{Code, hl7};
use crate::json;

/// `category` is one of food, medication, environment, biologic.
pub fn write(id: Option<&str>, patient: &str, code: &Code, category: &str, at: Moment) -> String {
    json::resource("AllergyIntolerance", id, |j| {
        j.bare_concept(
            "clinicalStatus",
            &hl7(
                "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
                "active",
            ),
        );
        j.bare_concept(
            "verificationStatus",
            &hl7(
                "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification",
                CONFIRMED,
            ),
        );
        j.text("type", "allergy")
            .texts("category", &[category])
            .text("criticality", "low");
        j.concept("code", code)
            .reference("patient", patient)
            .plain("recordedDate", at);
    })
}
