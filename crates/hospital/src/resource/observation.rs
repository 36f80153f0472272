//! Observation: laboratory results, vital signs with components, survey answers.
//! <https://hl7.org/fhir/R4/observation.html>

use super::Context;
use crate::calendar::{Instant, Moment};
use crate::codes::lab::{self, Test};
use crate::codes::{Code, hl7};
use crate::decimal::Decimal;
use crate::json::{self, Json};

#[derive(Clone, Copy)]
pub enum Value<'a> {
    /// A laboratory result, flagged against the usual range of the test.
    Result(&'a Test, Decimal),
    Vital(&'a Test, Decimal),
    /// Systolic and diastolic, mm[Hg].
    BloodPressure(Decimal, Decimal),
    Answer(&'a Code, &'a Code),
}

/// `issued_s` seconds after `at` the result was issued.
pub fn write(
    id: Option<&str>,
    context: Context<'_>,
    value: Value<'_>,
    at: Moment,
    issued_s: i64,
) -> String {
    json::resource("Observation", id, |j| {
        let (category, code) = match value {
            Value::Result(test, _) => ("laboratory", &test.code),
            Value::Vital(test, _) => ("vital-signs", &test.code),
            Value::BloodPressure(..) => ("vital-signs", &lab::BLOOD_PRESSURE),
            Value::Answer(question, _) => ("survey", question),
        };
        j.text("status", "final");
        j.one("category", |j| {
            j.one("coding", |j| {
                j.text("system", CATEGORY)
                    .text("code", category)
                    .text("display", category)
                    .end()
            })
            .end()
        });
        j.concept("code", code)
            .reference("subject", context.patient)
            .reference("encounter", context.encounter);
        j.plain("effectiveDateTime", at)
            .plain("issued", Instant(Moment(at.0 + issued_s)));
        j.references("performer", &[context.practitioner]);
        match value {
            Value::Result(test, number) => result(j, test, number),
            Value::Vital(test, number) => j.quantity("valueQuantity", number, test.unit).end(),
            Value::BloodPressure(systolic, diastolic) => j
                .array("component", |j| {
                    component(j, &lab::SYSTOLIC, systolic);
                    component(j, &lab::DIASTOLIC, diastolic);
                })
                .end(),
            Value::Answer(_, answer) => j.concept("valueCodeableConcept", answer).end(),
        }
    })
}

const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
const INTERPRETATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";

fn result(j: &mut Json, test: &Test, number: Decimal) {
    j.quantity("valueQuantity", number, test.unit);
    let flag = match number.unscaled() {
        n if n < test.low => Some("L"),
        n if n > test.high => Some("H"),
        _ => None,
    };
    let Some(flag) = flag else { return };
    j.one("interpretation", |j| {
        j.one("coding", |j| j.code(&hl7(INTERPRETATION, flag)))
            .end()
    });
    j.one("referenceRange", |j| {
        j.quantity("low", Decimal::new(test.low, test.scale), test.unit);
        j.quantity("high", Decimal::new(test.high, test.scale), test.unit);
    });
}

fn component(j: &mut Json, test: &Test, number: Decimal) {
    j.item(|j| {
        j.concept("code", &test.code)
            .quantity("valueQuantity", number, test.unit)
            .end()
    });
}
