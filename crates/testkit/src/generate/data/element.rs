//! Elements that many types have.

use super::{ABSENT, Body, count, id};
use crate::generate::{CODES, DATES, EXACT, LABS, MRN, OTHER, VALUES};
use serde_json::{Value, json};

/// Both ends of one precision: others cannot be told to be in order.
const PERIODS: [(&str, &str); 5] = [
    ("2019", "2020"),
    ("2020-02", "2020-03"),
    ("2020-02-29", "2020-03-15"),
    ("2020-03-01", "2021-01-01"),
    ("2020-02-29T23:30:00-05:00", "2020-03-01T12:00:00Z"),
];

impl Body<'_> {
    pub(super) fn effective(&mut self) {
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

    /// A Patient; once in `other` times another, where the element takes one; 0: never, and never missing.
    pub(super) fn subject(&mut self, other: usize) {
        if other > 1 && self.random.once_in(other) {
            let others: &[&str] = match self.body["resourceType"] == "DocumentReference" {
                true => &["Device/d", "Group/group-0"],
                false => &["Device/d", "Group/group-0", "Location/location-1"],
            };
            let other = self.random.one_of(others);
            self.set("subject", json!({ "reference": other }));
        } else if other == 0 || !self.random.once_in(8) {
            let subject = self.refer(&["Patient"]);
            self.set("subject", subject);
        }
    }

    pub(super) fn in_encounter(&mut self) {
        let encounter = self.refer(&["Encounter"]);
        self.set("encounter", encounter);
    }

    /// A reference to a contained resource of the type, which may contain nothing: what it refers to stands beside it.
    pub(super) fn contain(&mut self, ty: &str) -> Value {
        self.begun += 1;
        let id = format!("c{}", self.begun);
        let mut inner = Body::new(self.random, ty, &id);
        inner.contained = std::mem::take(&mut self.contained);
        inner.begun = self.begun;
        inner.fill(ty);
        let (body, mut contained, begun) = (inner.body, inner.contained, inner.begun);
        contained.push(Value::Object(body));
        (self.contained, self.begun) = (contained, begun);
        json!({ "reference": format!("#{id}") })
    }

    /// Mostly to what exists, in each of the forms of a reference.
    pub(super) fn refer(&mut self, types: &[&str]) -> Value {
        let ty = self.random.one_of(types);
        let path = format!("{ty}/{}", id(ty, self.random.below(count(ty))));
        match self.random.below(20) {
            6 if self.begun < CONTAINED_MAX => self.contain(ty),
            0 => json!({ "reference": format!("http://127.0.0.1:8080/fhir/{path}") }),
            1 => json!({ "reference": format!("http://elsewhere.example.org/fhir/{path}") }),
            2 => json!({ "type": ty, "identifier": self.identifier() }),
            3 => json!({ "reference": format!("{path}/_history/1") }),
            4 => json!({ "reference": format!("{ty}/{ABSENT}") }),
            5 => {
                json!({ "reference": path, "identifier": self.identifier(), "display": "somebody" })
            }
            _ => json!({ "reference": path }),
        }
    }
}

/// In one container.
const CONTAINED_MAX: usize = 3;
