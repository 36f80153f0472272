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
    /// A reference parameter over canonical URLs.
    Canonical,
    /// A reference parameter over a resource that stands inside of this one.
    Inline,
    Uri,
    Composite,
    /// A token parameter over strings.
    Caseless,
    /// A token parameter over media types.
    Media,
    /// Latitude and longitude.
    Position,
}

#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    pub ty: &'static str,
    pub code: &'static str,
    pub kind: Kind,
    /// See `walk::elements`. Of a composite: where its parts are read, empty for the resource itself.
    pub paths: &'static [&'static str],
    /// Token over `code` elements: the system they imply. Reference: the types it may refer to. Composite: its parts, see there.
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

use Kind::{
    Canonical, Caseless, Composite, Contact, Date, Inline, Media, Number, Position, Quantity,
    Reference, String, Token, Truth, Uri,
};

const GENDER: &str = "http://hl7.org/fhir/administrative-gender";
const WHO: &str = "CareTeam,Organization,Patient,Practitioner,PractitionerRole,RelatedPerson";
/// Any type; those that there are in the tests.
const ITEMS: &str = "Bundle,ChargeItem,Condition,DiagnosticReport,DocumentReference,Encounter,Group,List,Location,MedicationRequest,MolecularSequence,Observation,Organization,Patient,Practitioner,RiskAssessment,ServiceRequest,ValueSet";

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
    p("Encounter", "length", Quantity, &["length"], ""),
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
    p("Observation", "value-quantity", Quantity, &["valueQuantity", "valueSampledData"], ""),
    p("Observation", "value-concept", Token, &["valueCodeableConcept"], ""),
    p("Observation", "value-string", String, &["valueString", "valueCodeableConcept.text"], ""),
    p("Observation", "value-date", Date, &["valueDateTime", "valuePeriod"], ""),
    p("Observation", "component-code", Token, &["component.code"], ""),
    p("Observation", "component-value-quantity", Quantity, &["component.valueQuantity", "component.valueSampledData"], ""),
    p("Observation", "component-value-concept", Token, &["component.valueCodeableConcept"], ""),
    p("Observation", "combo-code", Token, &["code", "component.code"], ""),
    p("Observation", "combo-value-quantity", Quantity, &["valueQuantity", "valueSampledData", "component.valueQuantity", "component.valueSampledData"], ""),
    p("Observation", "combo-value-concept", Token, &["valueCodeableConcept", "component.valueCodeableConcept"], ""),
    // Departs as Ward does: of the resource itself, each part is read as the parameter that the part names reads it.
    p("Observation", "code-value-quantity", Composite, &[""], "code$valueQuantity,valueSampledData"),
    p("Observation", "code-value-date", Composite, &[""], "code$valueDateTime,valuePeriod"),
    p("Observation", "code-value-string", Composite, &[""], "code$valueString,valueCodeableConcept.text"),
    p("Observation", "code-value-concept", Composite, &[""], "code$valueCodeableConcept"),
    p("Observation", "component-code-value-quantity", Composite, &["component"], "code$valueQuantity"),
    p("Observation", "component-code-value-concept", Composite, &["component"], "code$valueCodeableConcept"),
    p("Observation", "combo-code-value-quantity", Composite, &["", "component"], "code$valueQuantity,^valueSampledData"),
    p("Observation", "combo-code-value-concept", Composite, &["", "component"], "code$valueCodeableConcept"),

    p("Condition", "clinical-status", Token, &["clinicalStatus"], ""),
    p("Condition", "code", Token, &["code"], ""),
    p("Condition", "category", Token, &["category"], ""),
    p("Condition", "onset-date", Date, &["onsetDateTime", "onsetPeriod"], ""),
    p("Condition", "onset-age", Quantity, &["onsetAge", "onsetRange"], ""),
    p("Condition", "abatement-age", Quantity, &["abatementAge", "abatementRange"], ""),
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
    p("ServiceRequest", "instantiates-canonical", Canonical, &["instantiatesCanonical"], ""),
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
    p("ValueSet", "version", Caseless, &["version"], ""),
    p("ValueSet", "code", Token, &["compose.include.concept.code"], ""),
    p("ValueSet", "reference", Uri, &["compose.include.system"], ""),
    p("ValueSet", "context", Token, &["useContext.valueCodeableConcept"], ""),
    p("ValueSet", "context-type", Token, &["useContext.code"], ""),
    p("ValueSet", "context-quantity", Quantity, &["useContext.valueQuantity", "useContext.valueRange"], ""),
    p("ValueSet", "context-type-value", Composite, &["useContext"], "code$valueCodeableConcept"),
    p("ValueSet", "context-type-quantity", Composite, &["useContext"], "code$valueQuantity,valueRange"),

    p("RiskAssessment", "probability", Number, &["prediction.probabilityDecimal", "prediction.probabilityRange"], ""),
    p("RiskAssessment", "risk", Token, &["prediction.qualitativeRisk"], ""),
    p("RiskAssessment", "date", Date, &["occurrenceDateTime"], ""),
    p("RiskAssessment", "subject", Reference, &["subject"], "Group,Patient"),
    p("RiskAssessment", "patient", Reference, &["subject>Patient"], "Patient"),
    p("RiskAssessment", "encounter", Reference, &["encounter"], "Encounter"),

    p("Location", "identifier", Token, &["identifier"], ""),
    p("Location", "status", Token, &["status"], "http://hl7.org/fhir/location-status"),
    p("Location", "name", String, &["name", "alias"], ""),
    p("Location", "type", Token, &["type"], ""),
    p("Location", "address", String, &["address"], ""),
    p("Location", "address-city", String, &["address.city"], ""),
    p("Location", "near", Position, &["position"], ""),
    p("Location", "organization", Reference, &["managingOrganization"], "Organization"),
    p("Location", "partof", Reference, &["partOf"], "Location"),

    p("Group", "identifier", Token, &["identifier"], ""),
    p("Group", "type", Token, &["type"], "http://hl7.org/fhir/group-type"),
    p("Group", "actual", Token, &["actual"], ""),
    p("Group", "code", Token, &["code"], ""),
    p("Group", "characteristic", Token, &["characteristic.code"], ""),
    p("Group", "exclude", Token, &["characteristic.exclude"], ""),
    p("Group", "value", Token, &["characteristic.valueCodeableConcept", "characteristic.valueBoolean"], ""),
    p("Group", "characteristic-value", Composite, &["characteristic"], "code$valueCodeableConcept,valueBoolean"),
    p("Group", "member", Reference, &["member.entity"], "Device,Group,Medication,Patient,Practitioner,PractitionerRole,Substance"),

    p("ChargeItem", "code", Token, &["code"], ""),
    p("ChargeItem", "occurrence", Date, &["occurrenceDateTime", "occurrencePeriod"], ""),
    p("ChargeItem", "quantity", Quantity, &["quantity"], ""),
    p("ChargeItem", "price-override", Quantity, &["priceOverride"], ""),
    p("ChargeItem", "factor-override", Number, &["factorOverride"], ""),
    p("ChargeItem", "subject", Reference, &["subject"], "Group,Patient"),
    p("ChargeItem", "patient", Reference, &["subject>Patient"], "Patient"),
    p("ChargeItem", "context", Reference, &["context"], "Encounter,EpisodeOfCare"),
    p("ChargeItem", "service", Reference, &["service"], "DiagnosticReport,ImagingStudy,Immunization,MedicationAdministration,MedicationDispense,Observation,Procedure,SupplyDelivery"),

    p("DocumentReference", "status", Token, &["status"], "http://hl7.org/fhir/document-reference-status"),
    p("DocumentReference", "type", Token, &["type"], ""),
    p("DocumentReference", "date", Date, &["date"], ""),
    p("DocumentReference", "contenttype", Media, &["content.attachment.contentType"], ""),
    p("DocumentReference", "location", Uri, &["content.attachment.url"], ""),
    p("DocumentReference", "relation", Token, &["relatesTo.code"], "http://hl7.org/fhir/document-relationship-type"),
    p("DocumentReference", "relatesto", Reference, &["relatesTo.target"], "DocumentReference"),
    p("DocumentReference", "relationship", Composite, &["relatesTo"], "code$target"),
    p("DocumentReference", "subject", Reference, &["subject"], "Device,Group,Patient,Practitioner"),
    p("DocumentReference", "patient", Reference, &["subject>Patient"], "Patient"),
    p("DocumentReference", "author", Reference, &["author"], "Device,Organization,Patient,Practitioner,PractitionerRole,RelatedPerson"),
    p("DocumentReference", "encounter", Reference, &["context.encounter"], "Encounter"),

    p("MolecularSequence", "chromosome", Token, &["referenceSeq.chromosome"], ""),
    p("MolecularSequence", "patient", Reference, &["patient"], "Patient"),
    p("MolecularSequence", "variant-start", Number, &["variant.start"], ""),
    p("MolecularSequence", "variant-end", Number, &["variant.end"], ""),
    p("MolecularSequence", "window-start", Number, &["referenceSeq.windowStart"], ""),
    p("MolecularSequence", "chromosome-variant-coordinate", Composite, &["variant"], "/referenceSeq.chromosome$start$end"),
    p("MolecularSequence", "chromosome-window-coordinate", Composite, &["referenceSeq"], "chromosome$windowStart$windowEnd"),

    p("Bundle", "identifier", Token, &["identifier"], ""),
    p("Bundle", "type", Token, &["type"], "http://hl7.org/fhir/bundle-type"),
    p("Bundle", "timestamp", Date, &["timestamp"], ""),
    p("Bundle", "composition", Inline, &["entry.resource"], ""),

    p("List", "identifier", Token, &["identifier"], ""),
    p("List", "status", Token, &["status"], "http://hl7.org/fhir/list-status"),
    p("List", "title", String, &["title"], ""),
    p("List", "code", Token, &["code"], ""),
    p("List", "date", Date, &["date"], ""),
    p("List", "subject", Reference, &["subject"], "Device,Group,Location,Patient"),
    p("List", "patient", Reference, &["subject>Patient"], "Patient"),
    p("List", "source", Reference, &["source"], "Device,Patient,Practitioner,PractitionerRole"),
    p("List", "item", Reference, &["entry.item"], ITEMS),
];
