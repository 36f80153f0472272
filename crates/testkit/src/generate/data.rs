//! Random resources, valid by the base definitions.

mod measure;
mod more;
mod people;
mod references;
mod timing;
mod types;

pub use more::fixed;

use super::{CODES, DATES, LABS, LONG_WORDS, OTHER, words};
use crate::Random;
use serde_json::{Map, Value, json};
use types::number;

/// Types in the order in which they are stored (what is referred to comes first), and how many of each.
pub const COUNTS: &[(&str, usize)] = &[
    ("Organization", 3),
    ("Practitioner", 3),
    ("Patient", 5),
    ("ValueSet", 4),
    ("Encounter", 6),
    ("Observation", 18),
    ("Condition", 6),
    ("MedicationRequest", 5),
    ("ServiceRequest", 5),
    ("DiagnosticReport", 5),
    ("RiskAssessment", 4),
];
/// The same of types that only some tests have.
pub const MORE: &[(&str, usize)] = &[
    ("Location", 4),
    ("Group", 3),
    ("ChargeItem", 4),
    ("DocumentReference", 4),
    ("MolecularSequence", 3),
    ("Bundle", 2),
    ("List", 3),
];
/// The id that nobody has.
pub const ABSENT: &str = "nobody";

/// How many of a type there are.
pub fn count(ty: &str) -> usize {
    let mut all = COUNTS.iter().chain(MORE);
    all.find(|(made, _)| *made == ty).map_or(1, |(_, n)| *n)
}

/// `Patient`, 3: `patient-3`.
pub fn id(ty: &str, at: usize) -> String {
    format!("{}-{at}", ty.to_lowercase())
}

pub fn resource(random: &mut Random, ty: &str, id: &str) -> Value {
    let mut whole = Body::new(random, ty, id);
    whole.meta();
    if ty != "Bundle" {
        whole.narrative();
    }
    whole.fill(ty);
    if !whole.contained.is_empty() {
        let contained = std::mem::take(&mut whole.contained);
        whole.set("contained", Value::Array(contained));
    }
    Value::Object(whole.body)
}

struct Body<'r> {
    random: &'r mut Random,
    body: Map<String, Value>,
    /// What it contains, or its container does.
    contained: Vec<Value>,
    /// Contained resources begun so far.
    begun: usize,
}

impl<'r> Body<'r> {
    fn new(random: &'r mut Random, ty: &str, id: &str) -> Body<'r> {
        let mut body = Map::new();
        body.insert("resourceType".into(), json!(ty));
        body.insert("id".into(), json!(id));
        Body {
            random,
            body,
            contained: Vec::new(),
            begun: 0,
        }
    }
}

impl Body<'_> {
    fn fill(&mut self, ty: &str) {
        match ty {
            "Patient" => self.patient(),
            "Practitioner" => self.practitioner(),
            "Organization" => self.organization(),
            "Encounter" => self.encounter(),
            "Observation" => self.observation(),
            "Condition" => self.condition(),
            "MedicationRequest" => self.medication_request(),
            "ServiceRequest" => self.service_request(),
            "DiagnosticReport" => self.diagnostic_report(),
            "ValueSet" => self.value_set(),
            "RiskAssessment" => self.risk_assessment(),
            "Location" => self.location(),
            "Group" => self.group(),
            "ChargeItem" => self.charge_item(),
            "DocumentReference" => self.document_reference(),
            "MolecularSequence" => self.molecular_sequence(),
            "Bundle" => self.bundle(),
            "List" => self.list(),
            other => panic!("no resources of type {other} are made"),
        }
    }

    fn set(&mut self, name: &str, value: Value) {
        self.body.insert(name.to_owned(), value);
    }

    /// Three times in four.
    fn usually(&mut self) -> bool {
        !self.random.once_in(4)
    }

    fn meta(&mut self) {
        let mut meta = Map::new();
        if self.random.once_in(3) {
            meta.insert("tag".into(), json!([self.coding()]));
        }
        if self.random.once_in(4) {
            // A purpose: a sensitivity would be carried to what belongs to the resource, and is tested with the labels.
            let mut purpose = self.coding();
            purpose["system"] = json!("http://terminology.hl7.org/CodeSystem/v3-ActReason");
            meta.insert("security".into(), json!([purpose]));
        }
        if self.random.once_in(4) {
            let version = if self.random.coin() { "|1.0" } else { "" };
            let name = self.random.one_of(&["a", "b"]);
            meta.insert(
                "profile".into(),
                json!([format!("http://example.org/profile/{name}{version}")]),
            );
        }
        if self.random.once_in(4) {
            meta.insert(
                "source".into(),
                json!(format!(
                    "http://example.org/source/{}",
                    self.random.below(2)
                )),
            );
        }
        if !meta.is_empty() {
            self.set("meta", Value::Object(meta));
        }
    }

    fn narrative(&mut self) {
        if !self.random.once_in(3) {
            return;
        }
        let (first, second) = (words(self.random), words(self.random));
        let third = self.random.one_of(LONG_WORDS);
        let div = format!(
            "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>{first}<b>ly</b> {third}</p><p>{second}</p></div>"
        );
        self.set("text", json!({ "status": "generated", "div": div }));
    }

    fn encounter(&mut self) {
        self.identifiers();
        let status = self.random.one_of(&["planned", "in-progress", "finished"]);
        self.set("status", json!(status));
        let class = self.coding();
        self.set("class", class);
        if self.random.coin() {
            let kind = self.concept();
            self.set("type", json!([kind]));
        }
        if self.usually() {
            let period = self.period();
            self.set("period", period);
        }
        if self.random.once_in(3) {
            let length = self.duration();
            self.set("length", length);
        }
        self.subject(1);
        if self.random.coin() {
            let who = self.refer(&["Practitioner"]);
            self.set("participant", json!([{ "individual": who }]));
        }
        if self.random.coin() {
            let provider = self.refer(&["Organization"]);
            self.set("serviceProvider", provider);
        }
        if self.random.once_in(4) {
            let parent = self.refer(&["Encounter"]);
            self.set("partOf", parent);
        }
    }

    fn observation(&mut self) {
        if self.random.once_in(3) {
            self.identifiers();
        }
        let status = self.random.one_of(&["final", "preliminary", "amended"]);
        self.set("status", json!(status));
        let code = self.concept();
        self.set("code", code);
        if self.usually() {
            let category = self.concept();
            self.set("category", json!([category]));
        }
        self.subject(8);
        self.observed();
        if self.random.coin() {
            self.in_encounter();
        }
        if self.random.once_in(3) {
            let who = self.refer(&["Practitioner", "Organization", "Patient"]);
            self.set("performer", json!([who]));
        }
        if self.random.once_in(6) {
            let member = self.refer(&["Observation"]);
            self.set("hasMember", json!([member]));
        }
        match self.random.below(9) {
            0 | 1 => {
                let value = self.quantity();
                self.set("valueQuantity", value);
            }
            2 => {
                let value = self.concept();
                self.set("valueCodeableConcept", value);
            }
            3 => {
                let value = words(self.random);
                self.set("valueString", json!(value));
            }
            4 => {
                let value = self.random.one_of(&DATES[3..]);
                self.set("valueDateTime", json!(value));
            }
            5 => {
                let parts: Vec<Value> = (0..=self.random.below(2))
                    .map(|_| self.component())
                    .collect();
                self.set("component", json!(parts));
            }
            6 => {
                let value = self.period();
                self.set("valuePeriod", value);
            }
            7 => {
                let value = self.samples();
                self.set("valueSampledData", value);
            }
            _ => {}
        }
    }

    fn component(&mut self) -> Value {
        let mut part = json!({ "code": self.concept() });
        match self.random.below(5) {
            4 => part["valueSampledData"] = self.samples(),
            0 => part["valueCodeableConcept"] = self.concept(),
            1 | 2 => part["valueQuantity"] = self.quantity(),
            _ => {}
        }
        part
    }

    fn condition(&mut self) {
        let status = self.random.one_of(&["active", "inactive", "resolved"]);
        let system = "http://terminology.hl7.org/CodeSystem/condition-clinical";
        self.set(
            "clinicalStatus",
            json!({ "coding": [{ "system": system, "code": status }] }),
        );
        if self.usually() {
            let code = self.concept();
            self.set("code", code);
        }
        if self.random.coin() {
            let category = self.concept();
            self.set("category", json!([category]));
        }
        self.subject(0);
        match self.random.below(5) {
            2 => {
                let onset = self.age();
                self.set("onsetAge", onset);
            }
            3 => {
                let onset = self.ages();
                self.set("onsetRange", onset);
            }
            0 => {
                let onset = self.period();
                self.set("onsetPeriod", onset);
            }
            1 => {
                let onset = self.random.one_of(DATES);
                self.set("onsetDateTime", json!(onset));
            }
            _ => {}
        }
        // What has ended is not active.
        match self.random.below(4) {
            0 if status != "active" => {
                let abatement = self.age();
                self.set("abatementAge", abatement);
            }
            1 if status != "active" => {
                let abatement = self.ages();
                self.set("abatementRange", abatement);
            }
            _ => {}
        }
        if self.random.coin() {
            let date = self.random.one_of(DATES);
            self.set("recordedDate", json!(date));
        }
        if self.random.coin() {
            self.in_encounter();
        }
        if self.random.once_in(3) {
            let who = self.refer(&["Practitioner", "Patient"]);
            self.set("asserter", who);
        }
    }

    fn medication_request(&mut self) {
        let status = self.random.one_of(&["active", "completed"]);
        self.set("status", json!(status));
        let intent = self.random.one_of(&["order", "plan"]);
        self.set("intent", json!(intent));
        let code = self.concept();
        self.set("medicationCodeableConcept", code);
        self.subject(0);
        if self.usually() {
            let date = self.random.one_of(DATES);
            self.set("authoredOn", json!(date));
        }
        self.dosages();
        if self.random.coin() {
            let who = self.refer(&["Practitioner", "Organization"]);
            self.set("requester", who);
        }
        if self.random.coin() {
            self.in_encounter();
        }
    }

    fn diagnostic_report(&mut self) {
        let status = self.random.one_of(&["final", "partial"]);
        self.set("status", json!(status));
        let code = self.concept();
        self.set("code", code);
        self.subject(4);
        self.effective();
        if self.random.coin() {
            let issued = self.random.one_of(&DATES[6..9]);
            self.set("issued", json!(issued));
        }
        if self.usually() {
            let results: Vec<Value> = (0..=self.random.below(2))
                .map(|_| self.refer(&["Observation"]))
                .collect();
            self.set("result", json!(results));
        }
        if self.random.coin() {
            let who = self.refer(&["Practitioner", "Organization"]);
            self.set("performer", json!([who]));
        }
        if self.random.coin() {
            self.in_encounter();
        }
    }

    fn value_set(&mut self) {
        let status = self.random.one_of(&["draft", "active"]);
        self.set("status", json!(status));
        let url = self.random.one_of(super::query::URLS);
        self.set("url", json!(url));
        if self.random.coin() {
            let version = self.random.one_of(&["1", "2-A", "2-a"]);
            self.set("version", json!(version));
        }
        let name = self.random.one_of(&["Abc", "Abd", "Xyz"]);
        self.set("name", json!(name));
        let contexts: Vec<Value> = (0..self.random.below(3)).map(|_| self.context()).collect();
        if !contexts.is_empty() {
            self.set("useContext", json!(contexts));
        }
        if self.random.coin() {
            let system = self.random.one_of(&[LABS, OTHER]);
            let code = self.random.one_of(CODES);
            let include = json!({ "system": system, "concept": [{ "code": code }] });
            self.set("compose", json!({ "include": [include] }));
        }
        if self.random.coin() {
            let title = words(self.random);
            self.set("title", json!(title));
        }
        if self.random.coin() {
            let date = self.random.one_of(DATES);
            self.set("date", json!(date));
        }
    }

    fn risk_assessment(&mut self) {
        self.set("status", json!("final"));
        self.subject(0);
        if self.usually() {
            let date = self.random.one_of(DATES);
            self.set("occurrenceDateTime", json!(date));
        }
        let mut predictions = Vec::new();
        for _ in 0..self.random.below(3) {
            let mut prediction = json!({ "qualitativeRisk": self.concept() });
            match self.random.below(4) {
                0 => {}
                1 => prediction["probabilityRange"] = self.percentages(),
                _ => {
                    prediction["probabilityDecimal"] =
                        number(self.random.one_of(&["0", "0.5", "0.25", "1", "0.2"]));
                }
            }
            predictions.push(prediction);
        }
        if !predictions.is_empty() {
            self.set("prediction", json!(predictions));
        }
    }

    fn effective(&mut self) {
        match self.random.below(5) {
            0 => {}
            1 => {
                let period = self.period();
                self.set("effectivePeriod", period);
            }
            _ => {
                let date = self.random.one_of(DATES);
                self.set("effectiveDateTime", json!(date));
            }
        }
    }
}
