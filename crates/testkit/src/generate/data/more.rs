//! Types that are stored for what their parameters are: positions, money, members of lists, media types, pairs in one element.

use super::Body;
use super::types::number;
use crate::generate::{CODES, DATES, LABS, MEDIA, MRN, OTHER, PLACES, words};
use serde_json::{Value, json};

/// What never changes: a value set, and the code system of laboratory codes, in which c2 and c4 are below c1.
pub fn fixed() -> [Value; 2] {
    [
        json!({ "resourceType": "ValueSet", "id": "terms", "status": "active", "name": "Terms",
            "url": "http://example.org/terms", "version": "1",
            "compose": { "include": [
                { "system": LABS, "concept": [{ "code": "c1" }, { "code": "c3" }] },
                { "system": OTHER, "concept": [{ "code": "c2" }] },
            ] } }),
        json!({ "resourceType": "CodeSystem", "id": "lab", "status": "active", "url": LABS, "content": "complete",
            "concept": [{ "code": "c1", "concept": [{ "code": "c2", "concept": [{ "code": "c4" }] }] }, { "code": "c3" }] }),
    ]
}

impl Body<'_> {
    pub(super) fn location(&mut self) {
        self.identifiers();
        if self.usually() {
            let status = self.random.one_of(&["active", "inactive"]);
            self.set("status", json!(status));
        }
        if self.usually() {
            let name = words(self.random);
            self.set("name", json!(name));
        }
        if self.random.coin() {
            let kind = self.concept();
            self.set("type", json!([kind]));
        }
        if self.random.coin() {
            let address = json!({ "line": [words(self.random)], "city": words(self.random) });
            self.set("address", address);
        }
        if self.usually() {
            let (latitude, longitude) = PLACES[self.random.below(PLACES.len())];
            let position = json!({ "latitude": number(latitude), "longitude": number(longitude) });
            self.set("position", position);
        }
        if self.random.coin() {
            let owner = self.refer(&["Organization"]);
            self.set("managingOrganization", owner);
        }
        if self.random.coin() {
            let parent = self.refer(&["Location"]);
            self.set("partOf", parent);
        }
    }

    pub(super) fn group(&mut self) {
        self.identifiers();
        self.set("type", json!("person"));
        self.set("actual", json!(true));
        if self.random.coin() {
            let code = self.concept();
            self.set("code", code);
        }
        let traits: Vec<Value> = (0..self.random.below(3))
            .map(|_| self.characteristic())
            .collect();
        if !traits.is_empty() {
            self.set("characteristic", json!(traits));
        }
        let members: Vec<Value> = (0..self.random.below(3))
            .map(|_| json!({ "entity": self.refer(&["Patient", "Practitioner", "Group"]) }))
            .collect();
        if !members.is_empty() {
            self.set("member", json!(members));
        }
    }

    fn characteristic(&mut self) -> Value {
        let mut one = json!({ "code": self.concept(), "exclude": self.random.coin() });
        match self.random.coin() {
            true => one["valueBoolean"] = json!(self.random.coin()),
            false => one["valueCodeableConcept"] = self.concept(),
        }
        one
    }

    pub(super) fn charge_item(&mut self) {
        self.set("status", json!("billable"));
        let code = self.concept();
        self.set("code", code);
        self.subject(0);
        if self.random.coin() {
            let encounter = self.refer(&["Encounter"]);
            self.set("context", encounter);
        }
        match self.random.below(3) {
            0 => {
                let date = self.random.one_of(DATES);
                self.set("occurrenceDateTime", json!(date));
            }
            1 => {
                let period = self.period();
                self.set("occurrencePeriod", period);
            }
            _ => {}
        }
        if self.usually() {
            let quantity = self.quantity();
            self.set("quantity", quantity);
        }
        if self.usually() {
            let price = self.money();
            self.set("priceOverride", price);
        }
        if self.random.coin() {
            let factor = number(self.random.one_of(&["0.5", "0.8", "1", "1.5"]));
            self.set("factorOverride", factor);
        }
        if self.random.coin() {
            let service = self.refer(&["Observation", "DiagnosticReport"]);
            self.set("service", json!([service]));
        }
    }

    pub(super) fn document_reference(&mut self) {
        let status = self.random.one_of(&["current", "superseded"]);
        self.set("status", json!(status));
        self.subject(4);
        if self.random.coin() {
            let kind = self.concept();
            self.set("type", kind);
        }
        if self.random.coin() {
            let date = self.random.one_of(&DATES[6..9]);
            self.set("date", json!(date));
        }
        if self.random.coin() {
            let who = self.refer(&["Practitioner", "Organization", "Patient"]);
            self.set("author", json!([who]));
        }
        let related: Vec<Value> = (0..self.random.below(3))
            .map(|_| {
                let code = self.random.one_of(&["replaces", "appends"]);
                json!({ "code": code, "target": self.refer(&["DocumentReference"]) })
            })
            .collect();
        if !related.is_empty() {
            self.set("relatesTo", json!(related));
        }
        let url = format!("http://example.org/documents/{}", self.random.below(3));
        let mut attachment = json!({ "url": url });
        if self.usually() {
            attachment["contentType"] = json!(self.random.one_of(MEDIA));
        }
        self.set("content", json!([{ "attachment": attachment }]));
        if self.random.coin() {
            let encounter = self.refer(&["Encounter"]);
            self.set("context", json!({ "encounter": [encounter] }));
        }
    }

    /// Of one chromosome, with what differs in it.
    pub(super) fn molecular_sequence(&mut self) {
        self.set("coordinateSystem", json!(0));
        if self.usually() {
            let patient = self.refer(&["Patient"]);
            self.set("patient", patient);
        }
        if self.usually() {
            let chromosome = self.concept();
            self.set("referenceSeq", json!({ "chromosome": chromosome, "genomeBuild": "GRCh 37", "windowStart": 1, "windowEnd": 100 }));
        }
        let variants: Vec<Value> = (0..self.random.below(3))
            .map(|_| {
                let start = self.random.below(5) * 5;
                let mut variant = json!({ "start": start });
                if self.usually() {
                    variant["end"] = json!(start + self.random.below(3) * 5);
                }
                variant
            })
            .collect();
        if !variants.is_empty() {
            self.set("variant", json!(variants));
        }
    }

    /// A document, of which the Composition alone is looked at.
    pub(super) fn bundle(&mut self) {
        self.set("type", json!("document"));
        let mut identifier = self.identifier();
        identifier["system"] = json!(MRN);
        self.set("identifier", identifier);
        let at = self.random.one_of(&DATES[6..9]);
        self.set("timestamp", json!(at));
        let composition = format!("composition-{}", self.random.below(2));
        let code = self.random.one_of(CODES);
        let first = json!({ "resourceType": "Composition", "id": composition, "status": "final", "title": "Letter",
            "type": { "coding": [{ "system": LABS, "code": code }] }, "date": "2020-03-01",
            "author": [{ "reference": "Practitioner/practitioner-0" }] });
        let url = format!("http://example.org/fhir/Composition/{composition}");
        self.set("entry", json!([{ "fullUrl": url, "resource": first }]));
    }

    pub(super) fn list(&mut self) {
        self.identifiers();
        let status = self.random.one_of(&["current", "retired"]);
        self.set("status", json!(status));
        self.set("mode", json!("changes"));
        if self.random.coin() {
            let title = words(self.random);
            self.set("title", json!(title));
        }
        if self.random.coin() {
            let code = self.concept();
            self.set("code", code);
        }
        self.subject(4);
        if self.random.coin() {
            let date = self.random.one_of(DATES);
            self.set("date", json!(date));
        }
        if self.random.once_in(3) {
            let source = self.refer(&["Practitioner", "Patient"]);
            self.set("source", source);
        }
        let entries: Vec<Value> = (0..self.random.below(6))
            .map(|_| {
                let types = [
                    "Observation",
                    "Patient",
                    "Condition",
                    "Location",
                    "ChargeItem",
                ];
                let mut entry = json!({ "item": self.refer(&types) });
                if self.random.once_in(5) {
                    entry["deleted"] = json!(true);
                }
                entry
            })
            .collect();
        if !entries.is_empty() {
            self.set("entry", json!(entries));
        }
    }
}
