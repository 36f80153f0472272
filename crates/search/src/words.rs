//! The members that extraction reads most, looked up once.

use std::sync::OnceLock;
use ward_fhir::MemberId;
use ward_fhir::schema::{Schema, r4};

pub(crate) struct Words {
    pub coding_system: MemberId,
    pub coding_code: MemberId,
    pub concept_coding: MemberId,
    pub identifier_system: MemberId,
    pub identifier_value: MemberId,
    pub identifier_type: MemberId,
    pub reference_reference: MemberId,
    pub reference_type: MemberId,
    pub reference_identifier: MemberId,
    pub coding_display: MemberId,
    pub concept_text: MemberId,
    pub period_start: MemberId,
    pub period_end: MemberId,
}

/// The words of R4.
pub(crate) fn words() -> &'static Words {
    static WORDS: OnceLock<Words> = OnceLock::new();
    WORDS.get_or_init(|| Words::read(r4()))
}

impl Words {
    fn read(schema: &Schema) -> Self {
        let member = |ty: &str, name: &str| {
            let found = schema.type_id(ty).and_then(|t| schema.find_member(t, name));
            found.expect("R4 defines the members of its data types").id
        };
        Self {
            coding_system: member("Coding", "system"),
            coding_code: member("Coding", "code"),
            concept_coding: member("CodeableConcept", "coding"),
            identifier_system: member("Identifier", "system"),
            identifier_value: member("Identifier", "value"),
            identifier_type: member("Identifier", "type"),
            reference_reference: member("Reference", "reference"),
            reference_type: member("Reference", "type"),
            reference_identifier: member("Reference", "identifier"),
            coding_display: member("Coding", "display"),
            concept_text: member("CodeableConcept", "text"),
            period_start: member("Period", "start"),
            period_end: member("Period", "end"),
        }
    }
}
