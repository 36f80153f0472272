//! `:in`, `:not-in`, `:above` and `:below` of tokens. <https://hl7.org/fhir/R4/search.html#token>
//!
//! Value sets and code systems that are stored, and the two of R4 that are asked for.

use super::criterion::plain;
use super::reference::BASE;
use super::{World, token, walk};
use serde_json::Value;

/// `value`: the URL of a value set, with a version or without, or where it is stored.
pub fn is_in(world: &World, element: &Value, value: &str, implied: &str) -> bool {
    let codes = match plain(value).as_str() {
        GENDERS => ["male", "female", "other", "unknown"]
            .map(|code| format!("http://hl7.org/fhir/administrative-gender|{code}"))
            .to_vec(),
        other => stored_set(world, other),
    };
    has_one_of(element, &codes, implied)
}

/// `value`: `system|code`, or a code whose system the element implies.
pub fn is_around(world: &World, element: &Value, value: &str, implied: &str, above: bool) -> bool {
    let (system, code) = value.split_once('|').unwrap_or((implied, value));
    let parents: Vec<(String, String)> = match system {
        CLINICAL => {
            let pairs = ABOVE.iter();
            pairs
                .map(|(code, parent)| ((*code).to_owned(), (*parent).to_owned()))
                .collect()
        }
        other => stored_parents(world, other),
    };
    let mut around = vec![code.to_owned()];
    let mut at = 0;
    while let Some(one) = around.get(at).cloned() {
        let next = parents.iter().filter_map(|(code, parent)| match above {
            true => (*code == one).then_some(parent),
            false => (*parent == one).then_some(code),
        });
        around.extend(next.cloned());
        at += 1;
    }
    let codes: Vec<String> = around
        .iter()
        .map(|code| format!("{system}|{code}"))
        .collect();
    has_one_of(element, &codes, implied)
}

fn has_one_of(element: &Value, codes: &[String], implied: &str) -> bool {
    codes
        .iter()
        .any(|code| token::matches(element, code, implied))
}

/// What the `compose` of a stored value set lists.
fn stored_set(world: &World, name: &str) -> Vec<String> {
    let set = world.resources.iter().find(|stored| {
        let versioned = format!(
            "{}|{}",
            text(&stored.body["url"]),
            text(&stored.body["version"])
        );
        let is_named = stored.body["url"] == name || versioned == name;
        stored.ty() == "ValueSet" && (is_named || stored.path() == name.trim_start_matches(BASE))
    });
    let includes = set.map(|set| walk::elements(&set.body, "compose.include"));
    let mut codes = Vec::new();
    for include in includes.unwrap_or_default() {
        let system = text(&include["system"]);
        let own = walk::elements(include, "concept.code").into_iter();
        codes.extend(own.map(|code| format!("{system}|{}", text(code))));
    }
    codes
}

/// Each code of a stored code system that has one above it, with that.
fn stored_parents(world: &World, system: &str) -> Vec<(String, String)> {
    let is_it = |body: &Value| body["resourceType"] == "CodeSystem" && body["url"] == system;
    let found = world.resources.iter().find(|stored| is_it(&stored.body));
    let mut parents = Vec::new();
    let mut open: Vec<&Value> = found
        .map(|s| walk::elements(&s.body, "concept"))
        .unwrap_or_default();
    while let Some(concept) = open.pop() {
        for child in walk::elements(concept, "concept") {
            parents.push((
                text(&child["code"]).to_owned(),
                text(&concept["code"]).to_owned(),
            ));
            open.push(child);
        }
    }
    parents
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

const GENDERS: &str = "http://hl7.org/fhir/ValueSet/administrative-gender";
const CLINICAL: &str = "http://terminology.hl7.org/CodeSystem/condition-clinical";
/// Each of its codes that has one above it, with that.
const ABOVE: [(&str, &str); 4] = [
    ("recurrence", "active"),
    ("relapse", "active"),
    ("remission", "inactive"),
    ("resolved", "inactive"),
];
