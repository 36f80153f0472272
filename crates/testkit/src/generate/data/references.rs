//! References in each of their forms, and the contained resources that some are to. <https://hl7.org/fhir/R4/references.html>

use super::{ABSENT, Body, count, id};
use serde_json::{Value, json};

impl Body<'_> {
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
