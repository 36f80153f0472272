//! A search parameter as the metadata defines it: what it sees, and with what it is asked.

use super::naive::{Kind, at, kind, meets, values};
use serde_json::Value;

pub struct Parameter {
    pub name: String,
    pub kind: Kind,
    pub paths: Vec<String>,
    pub comparators: Vec<String>,
}

impl Parameter {
    pub fn of(group: &Value, name: &str) -> Parameter {
        let definition = &group["search_definitions"][name];
        let list = |value: &Value| -> Vec<String> {
            let items = value.as_array().into_iter().flatten();
            items.map(|v| v.as_str().unwrap().to_owned()).collect()
        };
        let comparators = definition["comparators"].as_object().into_iter().flatten();
        Parameter {
            name: name.to_owned(),
            kind: kind(name, definition["type"].as_str().unwrap_or_default()),
            paths: list(&definition["full_paths"]),
            // What is about the same depends on the day.
            comparators: comparators
                .map(|(c, _)| c.clone())
                .filter(|c| c != "ap")
                .collect(),
        }
    }

    pub fn elements<'a>(&self, resource: &'a Value) -> Vec<&'a Value> {
        self.paths
            .iter()
            .flat_map(|path| at(resource, path))
            .collect()
    }

    /// Values by which the resource is found, its own first; of a date with each comparator.
    pub fn values(&self, resource: &Value) -> Vec<String> {
        let own = self
            .elements(resource)
            .into_iter()
            .flat_map(|e| values(self.kind, e));
        let own: Vec<String> = own.collect();
        match (self.kind, own.first()) {
            (Kind::Date, Some(date)) => {
                let year: i64 = date[..4].parse().unwrap();
                let compared = self.comparators.iter().map(|c| match c.as_str() {
                    "gt" | "sa" => format!("{c}{:04}", year - 1),
                    "lt" | "eb" => format!("{c}{:04}-06", year + 1),
                    "ne" => format!("{c}{:04}", year - 2),
                    "eq" => date.clone(),
                    _ => format!("{c}{}", &date[..date.len().min(10)]),
                });
                compared.chain([date.clone()]).collect()
            }
            // By the id alone too, which R4 allows where the type is clear.
            (Kind::Reference, Some(reference)) if self.name == "patient" => {
                let id = reference
                    .rsplit_once('/')
                    .map_or(reference.as_str(), |(_, id)| id);
                vec![reference.clone(), id.to_owned()]
            }
            _ => own,
        }
    }

    pub fn absent(&self) -> &'static str {
        match self.kind {
            Kind::Id => "none-has-this-id",
            Kind::Token => "http://example.org/none|none",
            Kind::Text => "nonehasthistext",
            Kind::Date => "lt1066-10-14",
            Kind::Reference if self.name == "patient" => "Patient/none-has-this-id",
            Kind::Reference => "http://example.org/none",
        }
    }

    /// Any of the values, parted by commas.
    pub fn holds(&self, resource: &Value, asked: &[&str]) -> bool {
        let elements = self.elements(resource);
        asked
            .iter()
            .any(|one| elements.iter().any(|e| meets(self.kind, e, one)))
    }
}

/// <https://hl7.org/fhir/R4/search.html#escaping>
pub fn escaped(kind: Kind, value: &str) -> String {
    let mut text = String::new();
    for c in value.chars() {
        if matches!(c, ',' | '$' | '\\') || (c == '|' && kind == Kind::Text) {
            text.push('\\');
        }
        text.push(c);
    }
    text
}
