//! Who gives and gets care: patients, practitioners and organizations.

use super::Body;
use super::types::unknown;
use crate::generate::{DATES, day, words};
use serde_json::{Value, json};

impl Body<'_> {
    pub(super) fn patient(&mut self) {
        self.person();
        if self.usually() {
            let date = day(self.random);
            self.set("birthDate", json!(date));
        }
        if self.random.once_in(4) {
            let date = self.random.one_of(DATES);
            self.set("deceasedDateTime", json!(date));
        } else if self.random.once_in(4) {
            let is_deceased = self.random.coin();
            self.set("deceasedBoolean", json!(is_deceased));
        }
        self.address();
        if self.usually() {
            let mut who = vec![self.refer(&["Practitioner", "Organization"])];
            if self.random.once_in(3) {
                who.push(self.refer(&["Practitioner"]));
            }
            self.set("generalPractitioner", json!(who));
        }
        if self.random.coin() {
            let organization = self.refer(&["Organization"]);
            self.set("managingOrganization", organization);
        }
        if self.random.once_in(5) {
            let other = self.refer(&["Patient"]);
            self.set("link", json!([{ "other": other, "type": "seealso" }]));
        }
    }

    pub(super) fn practitioner(&mut self) {
        self.person();
        self.address();
    }

    pub(super) fn person(&mut self) {
        self.identifiers();
        if self.random.coin() {
            let active = self.random.coin();
            self.set("active", json!(active));
        }
        if self.usually() {
            let gender = self.random.one_of(&["male", "female", "unknown"]);
            self.set("gender", json!(gender));
        } else if self.random.coin() {
            self.set("_gender", unknown());
        }
        if self.usually() {
            let names: Vec<Value> = (0..=self.random.below(2)).map(|_| self.name()).collect();
            self.set("name", json!(names));
        }
        if self.random.coin() {
            let system = self.random.one_of(&["phone", "email"]);
            let value = self
                .random
                .one_of(&["555-1", "555-2", "a@example.org", "A@Example.org"]);
            let telecom = match self.random.once_in(8) {
                true => json!([{ "system": system, "_value": unknown() }]),
                false => json!([{ "system": system, "value": value }]),
            };
            self.set("telecom", telecom);
        }
    }

    pub(super) fn name(&mut self) -> Value {
        let mut name = json!({ "family": words(self.random) });
        if self.random.coin() {
            name["given"] = json!([words(self.random), words(self.random)]);
        }
        if self.random.once_in(4) {
            name["text"] = json!(words(self.random));
        }
        name
    }

    pub(super) fn address(&mut self) {
        if self.random.coin() {
            let address = json!({ "line": [words(self.random)], "city": words(self.random) });
            self.set("address", json!([address]));
        }
    }

    pub(super) fn organization(&mut self) {
        self.identifiers();
        let name = words(self.random);
        self.set("name", json!(name));
        if self.random.once_in(3) {
            let alias = words(self.random);
            self.set("alias", json!([alias]));
        }
        if self.random.coin() {
            let kind = self.concept();
            self.set("type", json!([kind]));
        }
        self.address();
        if self.random.coin() {
            let parent = self.refer(&["Organization"]);
            self.set("partOf", parent);
        }
    }
}
