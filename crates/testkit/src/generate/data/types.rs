//! Values of data types. <https://hl7.org/fhir/R4/datatypes.html>

use super::Body;
use crate::generate::{CODES, EXACT, LABS, MRN, OTHER, VALUES};
use serde_json::{Value, json};

impl Body<'_> {
    pub(super) fn period(&mut self) -> Value {
        let (start, end) = PERIODS[self.random.below(PERIODS.len())];
        match self.random.below(4) {
            0 => json!({ "start": start }),
            1 => json!({ "end": end }),
            _ => json!({ "start": start, "end": end }),
        }
    }

    pub(super) fn identifiers(&mut self) {
        if self.random.coin() {
            let identifier = self.identifier();
            self.set("identifier", json!([identifier]));
        }
    }

    pub(super) fn identifier(&mut self) -> Value {
        let mut identifier = json!({ "value": self.random.one_of(VALUES) });
        if self.usually() {
            identifier["system"] = json!(MRN);
        }
        if self.random.once_in(3) {
            identifier["type"] =
                json!({ "coding": [{ "system": LABS, "code": "MR" }], "text": "Medical record" });
        }
        identifier
    }

    pub(super) fn coding(&mut self) -> Value {
        let mut coding = json!({ "code": self.random.one_of(CODES) });
        match self.random.below(5) {
            0 => coding["system"] = json!(OTHER),
            1 | 2 => coding["system"] = json!(LABS),
            3 => coding["system"] = json!(EXACT),
            _ => {}
        }
        if self.random.once_in(3) {
            coding["display"] = json!(self.random.one_of(&["Body height", "Heart rate"]));
        }
        coding
    }

    pub(super) fn concept(&mut self) -> Value {
        match self.random.below(6) {
            0 => json!({ "text": self.random.one_of(&["Height of body", "(Pulse) rate"]) }),
            1 => json!({ "coding": [self.coding(), self.coding()], "text": "Pulse rate" }),
            _ => json!({ "coding": [self.coding()] }),
        }
    }
}

pub(super) fn number(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// What an element has whose value nobody knows.
pub(super) fn unknown() -> Value {
    json!({ "extension": [{ "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown" }] })
}

/// Both ends of one precision: others cannot be told to be in order.
const PERIODS: [(&str, &str); 5] = [
    ("2019", "2020"),
    ("2020-02", "2020-03"),
    ("2020-02-29", "2020-03-15"),
    ("2020-03-01", "2021-01-01"),
    ("2020-02-29T23:30:00-05:00", "2020-03-01T12:00:00Z"),
];
