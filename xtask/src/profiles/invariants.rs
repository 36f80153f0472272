//! The invariants of the definitions, each kept once. <https://hl7.org/fhir/R4/conformance-rules.html#constraints>

use std::collections::HashMap;

use serde_json::Value;

use super::package::{items_of, text_of};

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Invariant {
    pub key: String,
    pub is_error: bool,
    pub human: String,
    pub expression: String,
}

/// Invariants numbered in order of first appearance. The same key may stand for several rules (`inv-1`).
#[derive(Default)]
pub struct Invariants {
    pub all: Vec<Invariant>,
    numbers: HashMap<Invariant, usize>,
}

impl Invariants {
    /// Numbers of the constraints of an ElementDefinition that have a FHIRPath expression.
    pub fn of(&mut self, element: &Value) -> Vec<usize> {
        let mut numbers: Vec<usize> = items_of(element, "constraint")
            .iter()
            .filter(|c| !text_of(c, "expression").is_empty())
            .map(|c| self.number(c))
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    fn number(&mut self, constraint: &Value) -> usize {
        let invariant = Invariant {
            key: text_of(constraint, "key").to_owned(),
            is_error: text_of(constraint, "severity") == "error",
            human: text_of(constraint, "human").to_owned(),
            expression: text_of(constraint, "expression").to_owned(),
        };
        if let Some(number) = self.numbers.get(&invariant) {
            return *number;
        }
        self.all.push(invariant.clone());
        self.numbers.insert(invariant, self.all.len() - 1);
        self.all.len() - 1
    }
}
