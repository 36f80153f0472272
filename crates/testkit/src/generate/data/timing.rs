//! When something is to happen: Timings, and what has them. <https://hl7.org/fhir/R4/datatypes.html#Timing>

use super::Body;
use crate::generate::{CANONICALS, DATES};
use serde_json::{Value, json};

impl Body<'_> {
    /// Events, bounds, both, or neither: of the last kind no date is known.
    pub(super) fn timing(&mut self) -> Value {
        let kind = self.random.below(6);
        let mut timing = json!({ "code": { "text": "twice a day" } });
        if [0, 1, 2].contains(&kind) {
            let events = (0..=self.random.below(3)).map(|_| self.random.one_of(DATES));
            timing["event"] = events.collect();
        }
        let repeated = json!({ "frequency": 2, "period": 1, "periodUnit": "d" });
        if [2, 3, 4, 5].contains(&kind) {
            timing["repeat"] = repeated;
        }
        match kind {
            2 | 3 => timing["repeat"]["boundsPeriod"] = self.period(),
            4 => {
                timing["repeat"]["boundsDuration"] = json!({ "value": 10, "unit": "days", "system": "http://unitsofmeasure.org", "code": "d" });
            }
            _ => {}
        }
        timing
    }

    pub(super) fn observed(&mut self) {
        match self.random.below(4) {
            0 => {
                let timing = self.timing();
                self.set("effectiveTiming", timing);
            }
            1 if self.random.coin() => {
                let instant = self.random.one_of(&DATES[6..9]);
                self.set("effectiveInstant", json!(instant));
            }
            _ => self.effective(),
        }
    }

    pub(super) fn dosages(&mut self) {
        if self.random.coin() {
            let dosages = (0..=self.random.below(2)).map(|_| json!({ "timing": self.timing() }));
            let dosages: Vec<Value> = dosages.collect();
            self.set("dosageInstruction", json!(dosages));
        }
    }

    pub(super) fn service_request(&mut self) {
        let status = self.random.one_of(&["active", "completed"]);
        self.set("status", json!(status));
        let intent = self.random.one_of(&["order", "plan"]);
        self.set("intent", json!(intent));
        if self.random.coin() {
            let protocol = self.random.one_of(CANONICALS);
            self.set("instantiatesCanonical", json!([protocol]));
        }
        if self.usually() {
            let code = self.concept();
            self.set("code", code);
        }
        self.subject(0);
        match self.random.below(4) {
            0 => {}
            1 => {
                let date = self.random.one_of(DATES);
                self.set("occurrenceDateTime", json!(date));
            }
            2 => {
                let period = self.period();
                self.set("occurrencePeriod", period);
            }
            _ => {
                let timing = self.timing();
                self.set("occurrenceTiming", timing);
            }
        }
        if self.random.coin() {
            let date = self.random.one_of(DATES);
            self.set("authoredOn", json!(date));
        }
        if self.random.coin() {
            let who = self.refer(&["Practitioner", "Organization", "Patient"]);
            self.set("requester", who);
        }
        if self.random.coin() {
            let who = self.refer(&["Practitioner", "Organization", "Patient"]);
            self.set("performer", json!([who]));
        }
        if self.random.coin() {
            self.in_encounter();
        }
    }
}
