//! What is measured: Quantities of every kind, Ranges, Money, SampledData. <https://hl7.org/fhir/R4/datatypes.html#Quantity>

use super::Body;
use super::types::number;
use crate::generate::{AGES, LENGTHS, NUMBERS, OTHER};
use serde_json::{Value, json};

const UCUM: &str = "http://unitsofmeasure.org";
/// In the order that their ends must have.
const RANGES: [(&str, &str); 5] = [
    ("0.5", "1.5"),
    ("1", "5"),
    ("5", "10"),
    ("5.4", "5.4"),
    ("10", "100"),
];

impl Body<'_> {
    pub(super) fn quantity(&mut self) -> Value {
        let value = self.random.one_of(NUMBERS);
        let mut quantity = self.in_some_unit(value);
        self.compared(&mut quantity);
        quantity
    }

    fn in_some_unit(&mut self, value: &str) -> Value {
        match self.random.below(6) {
            0 => json!({ "value": number(value) }),
            1 => json!({ "value": number(value), "unit": "tablets" }),
            2 => {
                json!({ "value": number(value), "system": OTHER, "code": "TAB", "unit": "tablets" })
            }
            _ => measured(value, self.random.one_of(&["mg", "g", "kg", "cm"])),
        }
    }

    fn compared(&mut self, quantity: &mut Value) {
        if self.random.once_in(6) {
            quantity["comparator"] = json!(self.random.one_of(&["<", "<=", ">", ">="]));
        }
    }

    pub(super) fn age(&mut self) -> Value {
        let mut age = measured(self.random.one_of(AGES), self.random.one_of(&["a", "mo"]));
        self.compared(&mut age);
        age
    }

    pub(super) fn duration(&mut self) -> Value {
        let (length, unit) = (
            self.random.one_of(LENGTHS),
            self.random.one_of(&["min", "h", "d"]),
        );
        let mut duration = measured(length, unit);
        self.compared(&mut duration);
        duration
    }

    pub(super) fn ages(&mut self) -> Value {
        let unit = self.random.one_of(&["a", "a", "mo"]);
        self.range(&|value| measured(value, unit))
    }

    pub(super) fn percentages(&mut self) -> Value {
        self.range(&|value| measured(value, "%"))
    }

    /// Of both ends or one, in the same unit.
    fn range(&mut self, end: &dyn Fn(&str) -> Value) -> Value {
        let (low, high) = RANGES[self.random.below(RANGES.len())];
        match self.random.below(4) {
            0 => json!({ "low": end(low) }),
            1 => json!({ "high": end(high) }),
            _ => json!({ "low": end(low), "high": end(high) }),
        }
    }

    pub(super) fn money(&mut self) -> Value {
        let mut money = json!({ "value": number(self.random.one_of(NUMBERS)) });
        match self.random.below(4) {
            0 => {}
            1 => money["currency"] = json!("USD"),
            _ => money["currency"] = json!("EUR"),
        }
        if self.random.once_in(8) {
            return json!({ "currency": "EUR" });
        }
        money
    }

    /// Mostly with the limits that it is found by.
    pub(super) fn samples(&mut self) -> Value {
        let origin = self.in_some_unit("0");
        let mut samples =
            json!({ "origin": origin, "period": 10, "dimensions": 1, "data": "1 2 3" });
        let (low, high) = RANGES[self.random.below(RANGES.len())];
        if self.usually() {
            samples["lowerLimit"] = number(low);
        }
        if self.usually() {
            samples["upperLimit"] = number(high);
        }
        samples
    }

    /// What a ValueSet is for: one that is somewhere between ages, of a weight, or of a kind.
    pub(super) fn context(&mut self) -> Value {
        let mut context = json!({ "code": self.coding() });
        match self.random.below(3) {
            0 => context["valueCodeableConcept"] = self.concept(),
            1 => context["valueQuantity"] = self.quantity(),
            _ => {
                let unit = self.random.below(3);
                let code = self.random.one_of(&["mg", "g", "cm"]);
                context["valueRange"] = self.range(&|value| match unit {
                    0 => json!({ "value": number(value) }),
                    1 => json!({ "value": number(value), "unit": "tablets" }),
                    _ => measured(value, code),
                });
            }
        }
        context
    }
}

/// In a unit of UCUM.
fn measured(value: &str, code: &str) -> Value {
    json!({ "value": number(value), "system": UCUM, "code": code, "unit": code })
}
