//! The search parameters the evaluator knows, written by hand from the specification. <https://hl7.org/fhir/R4/searchparameter-registry.html>

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Token,
    /// Always true or false: whether there is an element, and it is not `false`.
    Truth,
    /// A token parameter over ContactPoints.
    Contact,
    String,
    Date,
    Number,
    Quantity,
    Reference,
    Uri,
    Composite,
}

#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    pub ty: &'static str,
    pub code: &'static str,
    pub kind: Kind,
    /// See `walk::elements`. Of a composite: where its parts are read, empty for the resource itself.
    pub paths: &'static [&'static str],
    /// Token over `code` elements: the system they imply. Reference: the types it may refer to. Composite: its parts.
    pub more: &'static str,
}

impl Parameter {
    /// It reads names of people, whose parts are searched independently.
    pub fn is_of_names(&self) -> bool {
        let is_person = matches!(self.ty, "Patient" | "Practitioner");
        is_person && self.paths.iter().all(|path| path.starts_with("name"))
    }
}

/// The parameter of a type, or of every type.
pub fn find(ty: &str, code: &str) -> Option<&'static Parameter> {
    let here = |p: &&Parameter| (p.ty == ty || p.ty == "*") && p.code == code;
    PARAMETERS.iter().find(here)
}

const fn p(
    ty: &'static str,
    code: &'static str,
    kind: Kind,
    paths: &'static [&'static str],
    more: &'static str,
) -> Parameter {
    Parameter {
        ty,
        code,
        kind,
        paths,
        more,
    }
}

use Kind::{Composite, Contact, Date, Number, Quantity, Reference, String, Token, Truth, Uri};

const GENDER: &str = "http://hl7.org/fhir/administrative-gender";
const WHO: &str = "CareTeam,Organization,Patient,Practitioner,PractitionerRole,RelatedPerson";

#[rustfmt::skip]
pub const PARAMETERS: &[Parameter] = &[
    p("*", "_tag", Token, &["meta.tag"], ""),
    p("*", "_security", Token, &["meta.security"], ""),
    p("*", "_profile", Uri, &["meta.profile"], ""),
    p("*", "_source", Uri, &["meta.source"], ""),

    p("Patient", "active", Token, &["active"], ""),
    p("Patient", "gender", Token, &["gender"], GENDER),
    p("Patient", "identifier", Token, &["identifier"], ""),
    p("Patient", "telecom", Contact, &["telecom"], ""),
    p("Patient", "phone", Contact, &["telecom[phone]"], ""),
    p("Patient", "email", Contact, &["telecom[email]"], ""),
    p("Patient", "name", String, &["name"], ""),
    p("Patient", "family", String, &["name.family"], ""),
    p("Patient", "given", String, &["name.given"], ""),
    p("Patient", "address", String, &["address"], ""),
    p("Patient", "address-city", String, &["address.city"], ""),
    p("Patient", "birthdate", Date, &["birthDate"], ""),
    p("Patient", "death-date", Date, &["deceasedDateTime"], ""),
    p("Patient", "deceased", Truth, &["deceasedBoolean", "deceasedDateTime"], ""),
    p("Patient", "general-practitioner", Reference, &["generalPractitioner"], "Organization,Practitioner,PractitionerRole"),
    p("Patient", "organization", Reference, &["managingOrganization"], "Organization"),
    p("Patient", "link", Reference, &["link.other"], "Patient,RelatedPerson"),

    p("Practitioner", "active", Token, &["active"], ""),
    p("Practitioner", "gender", Token, &["gender"], GENDER),
    p("Practitioner", "identifier", Token, &["identifier"], ""),
    p("Practitioner", "telecom", Contact, &["telecom"], ""),
    p("Practitioner", "phone", Contact, &["telecom[phone]"], ""),
    p("Practitioner", "email", Contact, &["telecom[email]"], ""),
    p("Practitioner", "name", String, &["name"], ""),
    p("Practitioner", "family", String, &["name.family"], ""),
    p("Practitioner", "given", String, &["name.given"], ""),
    p("Practitioner", "address", String, &["address"], ""),
    p("Practitioner", "address-city", String, &["address.city"], ""),

    p("Organization", "active", Token, &["active"], ""),
    p("Organization", "identifier", Token, &["identifier"], ""),
    p("Organization", "name", String, &["name", "alias"], ""),
    p("Organization", "type", Token, &["type"], ""),
    p("Organization", "address", String, &["address"], ""),
    p("Organization", "address-city", String, &["address.city"], ""),
    p("Organization", "partof", Reference, &["partOf"], "Organization"),

    p("Encounter", "status", Token, &["status"], "http://hl7.org/fhir/encounter-status"),
    p("Encounter", "class", Token, &["class"], ""),
    p("Encounter", "type", Token, &["type"], ""),
    p("Encounter", "identifier", Token, &["identifier"], ""),
    p("Encounter", "date", Date, &["period"], ""),
    p("Encounter", "subject", Reference, &["subject"], "Group,Patient"),
    p("Encounter", "patient", Reference, &["subject>Patient"], "Patient"),
    p("Encounter", "participant", Reference, &["participant.individual"], "Practitioner,PractitionerRole,RelatedPerson"),
    p("Encounter", "practitioner", Reference, &["participant.individual>Practitioner"], "Practitioner"),
    p("Encounter", "service-provider", Reference, &["serviceProvider"], "Organization"),
    p("Encounter", "part-of", Reference, &["partOf"], "Encounter"),

    p("Observation", "status", Token, &["status"], "http://hl7.org/fhir/observation-status"),
    p("Observation", "code", Token, &["code"], ""),
    p("Observation", "category", Token, &["category"], ""),
    p("Observation", "identifier", Token, &["identifier"], ""),
    p("Observation", "date", Date, &["effectiveDateTime", "effectivePeriod", "effectiveTiming", "effectiveInstant"], ""),
    p("Observation", "subject", Reference, &["subject"], "Device,Group,Location,Patient"),
    p("Observation", "patient", Reference, &["subject>Patient"], "Patient"),
    p("Observation", "encounter", Reference, &["encounter"], "Encounter"),
    p("Observation", "performer", Reference, &["performer"], WHO),
    p("Observation", "has-member", Reference, &["hasMember"], "MolecularSequence,Observation,QuestionnaireResponse"),
    p("Observation", "value-quantity", Quantity, &["valueQuantity"], ""),
    p("Observation", "value-concept", Token, &["valueCodeableConcept"], ""),
    p("Observation", "value-string", String, &["valueString", "valueCodeableConcept.text"], ""),
    p("Observation", "value-date", Date, &["valueDateTime", "valuePeriod"], ""),
    p("Observation", "component-code", Token, &["component.code"], ""),
    p("Observation", "component-value-quantity", Quantity, &["component.valueQuantity"], ""),
    p("Observation", "component-value-concept", Token, &["component.valueCodeableConcept"], ""),
    p("Observation", "combo-code", Token, &["code", "component.code"], ""),
    p("Observation", "combo-value-quantity", Quantity, &["valueQuantity", "component.valueQuantity"], ""),
    p("Observation", "combo-value-concept", Token, &["valueCodeableConcept", "component.valueCodeableConcept"], ""),
    p("Observation", "code-value-quantity", Composite, &[""], "code$valueQuantity"),
    p("Observation", "code-value-concept", Composite, &[""], "code$valueCodeableConcept"),
    p("Observation", "component-code-value-quantity", Composite, &["component"], "code$valueQuantity"),
    p("Observation", "component-code-value-concept", Composite, &["component"], "code$valueCodeableConcept"),
    p("Observation", "combo-code-value-quantity", Composite, &["", "component"], "code$valueQuantity"),
    p("Observation", "combo-code-value-concept", Composite, &["", "component"], "code$valueCodeableConcept"),

    p("Condition", "clinical-status", Token, &["clinicalStatus"], ""),
    p("Condition", "code", Token, &["code"], ""),
    p("Condition", "category", Token, &["category"], ""),
    p("Condition", "onset-date", Date, &["onsetDateTime", "onsetPeriod"], ""),
    p("Condition", "recorded-date", Date, &["recordedDate"], ""),
    p("Condition", "subject", Reference, &["subject"], "Group,Patient"),
    p("Condition", "patient", Reference, &["subject>Patient"], "Patient"),
    p("Condition", "encounter", Reference, &["encounter"], "Encounter"),
    p("Condition", "asserter", Reference, &["asserter"], "Patient,Practitioner,PractitionerRole,RelatedPerson"),

    p("MedicationRequest", "status", Token, &["status"], "http://hl7.org/fhir/CodeSystem/medicationrequest-status"),
    p("MedicationRequest", "intent", Token, &["intent"], "http://hl7.org/fhir/CodeSystem/medicationrequest-intent"),
    p("MedicationRequest", "code", Token, &["medicationCodeableConcept"], ""),
    p("MedicationRequest", "authoredon", Date, &["authoredOn"], ""),
    p("MedicationRequest", "date", Date, &["dosageInstruction.timing.event"], ""),
    p("MedicationRequest", "subject", Reference, &["subject"], "Group,Patient"),
    p("MedicationRequest", "patient", Reference, &["subject>Patient"], "Patient"),
    p("MedicationRequest", "encounter", Reference, &["encounter"], "Encounter"),
    p("MedicationRequest", "requester", Reference, &["requester"], "Device,Organization,Patient,Practitioner,PractitionerRole,RelatedPerson"),

    p("ServiceRequest", "status", Token, &["status"], "http://hl7.org/fhir/request-status"),
    p("ServiceRequest", "intent", Token, &["intent"], "http://hl7.org/fhir/request-intent"),
    p("ServiceRequest", "code", Token, &["code"], ""),
    p("ServiceRequest", "occurrence", Date, &["occurrenceDateTime", "occurrencePeriod", "occurrenceTiming"], ""),
    p("ServiceRequest", "authored", Date, &["authoredOn"], ""),
    p("ServiceRequest", "subject", Reference, &["subject"], "Device,Group,Location,Patient"),
    p("ServiceRequest", "patient", Reference, &["subject>Patient"], "Patient"),
    p("ServiceRequest", "encounter", Reference, &["encounter"], "Encounter"),
    p("ServiceRequest", "requester", Reference, &["requester"], "Device,Organization,Patient,Practitioner,PractitionerRole,RelatedPerson"),
    p("ServiceRequest", "performer", Reference, &["performer"], "CareTeam,Device,HealthcareService,Organization,Patient,Practitioner,PractitionerRole,RelatedPerson"),

    p("DiagnosticReport", "status", Token, &["status"], "http://hl7.org/fhir/diagnostic-report-status"),
    p("DiagnosticReport", "code", Token, &["code"], ""),
    p("DiagnosticReport", "category", Token, &["category"], ""),
    p("DiagnosticReport", "date", Date, &["effectiveDateTime", "effectivePeriod"], ""),
    p("DiagnosticReport", "issued", Date, &["issued"], ""),
    p("DiagnosticReport", "subject", Reference, &["subject"], "Device,Group,Location,Patient"),
    p("DiagnosticReport", "patient", Reference, &["subject>Patient"], "Patient"),
    p("DiagnosticReport", "encounter", Reference, &["encounter"], "Encounter"),
    p("DiagnosticReport", "result", Reference, &["result"], "Observation"),
    p("DiagnosticReport", "performer", Reference, &["performer"], "CareTeam,Organization,Practitioner,PractitionerRole"),

    p("ValueSet", "url", Uri, &["url"], ""),
    p("ValueSet", "status", Token, &["status"], "http://hl7.org/fhir/publication-status"),
    p("ValueSet", "name", String, &["name"], ""),
    p("ValueSet", "title", String, &["title"], ""),
    p("ValueSet", "date", Date, &["date"], ""),

    p("RiskAssessment", "probability", Number, &["prediction.probabilityDecimal"], ""),
    p("RiskAssessment", "risk", Token, &["prediction.qualitativeRisk"], ""),
    p("RiskAssessment", "date", Date, &["occurrenceDateTime"], ""),
    p("RiskAssessment", "subject", Reference, &["subject"], "Group,Patient"),
    p("RiskAssessment", "patient", Reference, &["subject>Patient"], "Patient"),
    p("RiskAssessment", "encounter", Reference, &["encounter"], "Encounter"),
];
