//! Which parameter of a type fills which hot column, and which parameters are usually present.
//!
//! Both tables are part of the index format: a change needs a reindex of the type.

use crate::registry::Marks;

/// The hot parameters of one type, by code; empty where it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hot {
    pub date: &'static str,
    pub code: &'static str,
    pub category: &'static str,
    pub value: &'static str,
}

/// What a parameter fills beside its own entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    None,
    Date,
    Code,
    Category,
    Value,
}

/// The hot parameters of a type; most of the administrative ones have none.
pub fn of(ty: &str) -> Hot {
    HOT.iter().find(|row| row.0 == ty).map_or(NONE, |row| Hot {
        date: row.1,
        code: row.2,
        category: row.3,
        value: row.4,
    })
}

impl Hot {
    pub fn role(&self, code: &str) -> Role {
        match code {
            "" => Role::None,
            _ if code == self.date => Role::Date,
            _ if code == self.code => Role::Code,
            _ if code == self.category => Role::Category,
            _ if code == self.value => Role::Value,
            _ => Role::None,
        }
    }
}

const NONE: Hot = Hot {
    date: "",
    code: "",
    category: "",
    value: "",
};

/// Type, date, code, category, value. Chosen from what US Core requires (`patient` + category/code + date).
const HOT: &[(&str, &str, &str, &str, &str)] = &[
    ("AllergyIntolerance", "date", "code", "category", ""),
    (
        "Appointment",
        "date",
        "service-type",
        "service-category",
        "",
    ),
    ("AuditEvent", "date", "type", "subtype", ""),
    ("CarePlan", "date", "", "category", ""),
    ("CareTeam", "date", "", "category", ""),
    ("ChargeItem", "occurrence", "code", "", ""),
    ("Claim", "created", "", "", ""),
    ("ClaimResponse", "created", "", "", ""),
    ("ClinicalImpression", "date", "", "", ""),
    ("Communication", "sent", "", "category", ""),
    ("CommunicationRequest", "authored", "", "category", ""),
    ("Composition", "date", "type", "category", ""),
    ("Condition", "onset-date", "code", "category", ""),
    ("Consent", "date", "", "category", ""),
    ("Coverage", "", "type", "", ""),
    ("DetectedIssue", "identified", "code", "", ""),
    ("Device", "", "type", "", ""),
    ("DeviceRequest", "authored-on", "code", "", ""),
    ("DiagnosticReport", "date", "code", "category", ""),
    ("DocumentReference", "date", "type", "category", ""),
    ("Encounter", "date", "type", "class", ""),
    ("EpisodeOfCare", "date", "type", "", ""),
    ("ExplanationOfBenefit", "created", "", "", ""),
    ("FamilyMemberHistory", "date", "code", "", ""),
    ("Flag", "date", "", "", ""),
    ("Goal", "start-date", "", "category", ""),
    ("ImagingStudy", "started", "modality", "", ""),
    ("Immunization", "date", "vaccine-code", "", ""),
    ("Invoice", "date", "type", "", ""),
    ("List", "date", "code", "", ""),
    ("MeasureReport", "date", "", "", ""),
    ("Media", "created", "type", "", ""),
    ("Medication", "", "code", "", ""),
    ("MedicationAdministration", "effective-time", "code", "", ""),
    ("MedicationDispense", "whenhandedover", "code", "", ""),
    ("MedicationRequest", "authoredon", "code", "category", ""),
    ("MedicationStatement", "effective", "code", "category", ""),
    ("NutritionOrder", "datetime", "", "", ""),
    ("Observation", "date", "code", "category", "value-quantity"),
    ("Patient", "birthdate", "", "", ""),
    ("Procedure", "date", "code", "category", ""),
    ("Provenance", "recorded", "", "", ""),
    ("QuestionnaireResponse", "authored", "", "", ""),
    ("RiskAssessment", "date", "", "", ""),
    ("ServiceRequest", "authored", "code", "category", ""),
    ("Specimen", "collected", "type", "", ""),
    ("SupplyRequest", "date", "", "category", ""),
    ("Task", "authored-on", "code", "", ""),
    ("VisionPrescription", "datewritten", "", "", ""),
];

/// Codes of parameters that most resources have, sorted: their *absence* leaves the marker for `:missing`, for all others
/// their presence does. A wrong guess costs a row, never an answer. Taken from the Synthea patients and the required elements.
const USUALLY_PRESENT: &[&str] = &[
    "active",
    "address",
    "address-city",
    "address-country",
    "address-postalcode",
    "address-state",
    "authored",
    "authored-on",
    "authoredon",
    "beneficiary",
    "birthdate",
    "category",
    "claim",
    "class",
    "clinical-status",
    "code",
    "coverage",
    "created",
    "criticality",
    "date",
    "effective",
    "encounter",
    "family",
    "gender",
    "given",
    "intent",
    "issued",
    "language",
    "lifecycle-status",
    "modality",
    "name",
    "onset-date",
    "outcome",
    "participant",
    "patient",
    "period",
    "phone",
    "practitioner",
    "priority",
    "provider",
    "recorded-date",
    "requester",
    "result",
    "service-provider",
    "started",
    "status",
    "subject",
    "target",
    "telecom",
    "type",
    "url",
    "use",
    "vaccine-code",
    "value-quantity",
    "verification-status",
];

/// Types for which one of the guesses above is usually wrong, sorted.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("ExplanationOfBenefit", "care-team"),
    ("ExplanationOfBenefit", "identifier"),
    ("MedicationRequest", "category"),
    ("MedicationRequest", "date"),
    ("MedicationRequest", "priority"),
    ("Organization", "identifier"),
    ("Patient", "active"),
    ("Patient", "identifier"),
    ("Practitioner", "identifier"),
    ("Practitioner", "phone"),
    ("Practitioner", "telecom"),
    ("Procedure", "category"),
];

/// Parameters of few distinct values on many resources: the vocabulary lists every value, and `:missing` asks for all of them.
const LISTED: &[&str] = &["_profile", "_security", "_tag"];

/// What `:missing` is answered from.
pub(crate) fn marks(ty: &str, code: &str) -> Marks {
    if LISTED.contains(&code) {
        return Marks::Listed;
    }
    let exception = EXCEPTIONS.binary_search(&(ty, code)).is_ok();
    if USUALLY_PRESENT.binary_search(&code).is_ok() != exception {
        Marks::Missing
    } else {
        Marks::Present
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn tables_are_sorted() {
        assert!(super::USUALLY_PRESENT.is_sorted());
        assert!(super::EXCEPTIONS.is_sorted());
        assert!(super::HOT.is_sorted_by_key(|row| row.0));
    }
}
