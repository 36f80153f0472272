//! Kinds of Encounter.

use super::{Code, hl7, snomed};

pub struct Visit {
    pub class: Code,
    pub code: Code,
    pub minutes: i64,
    pub cents: i64,
}

const ACT: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";

const fn visit(class: &'static str, code: Code, minutes: i64, cents: i64) -> Visit {
    Visit {
        class: hl7(ACT, class),
        code,
        minutes,
        cents,
    }
}

/// Visits without an illness.
pub const CHECK_UPS: &[Visit] = &[
    visit(
        "AMB",
        snomed("162673000", "General examination of patient (procedure)"),
        30,
        13_640,
    ),
    visit(
        "AMB",
        snomed("185349003", "Encounter for check up (procedure)"),
        15,
        12_915,
    ),
    visit("AMB", snomed("390906007", "Follow-up encounter"), 20, 8_500),
];

/// Visits because of an illness; the last one is an admission.
pub const PROBLEMS: &[Visit] = &[
    visit(
        "AMB",
        snomed("185345009", "Encounter for symptom"),
        25,
        12_915,
    ),
    visit(
        "AMB",
        snomed("185347001", "Encounter for problem (procedure)"),
        30,
        12_915,
    ),
    visit("VR", snomed("185317003", "Telephone encounter"), 10, 4_200),
    visit(
        "EMER",
        snomed("50849002", "Emergency room admission (procedure)"),
        120,
        25_500,
    ),
    visit(
        "IMP",
        snomed("32485007", "Hospital admission (procedure)"),
        4320,
        418_000,
    ),
];
