//! What is left of references to what a caller does not see, worked out by hand from what the caller may see.

use crate::party::{Held, Party};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use ward_testkit::generate::ABSENT;
use ward_testkit::naive::Question;

const BASE: &str = "http://127.0.0.1:8080/fhir/";

impl Party {
    /// An answer, as `said` tells it, whose references lead to nothing that P does not see; its members in order of their names.
    /// `reads`: what of types besides the scopes is open to P.
    pub fn referring(
        &self,
        said: &str,
        last: &BTreeMap<&str, Held<'_>>,
        reads: &dyn Fn(&str) -> bool,
    ) -> String {
        let (head, body) = said.split_once('\n').unwrap_or((said, ""));
        let Ok(mut body) = serde_json::from_str::<Value>(body) else {
            return said.to_owned();
        };
        let is_hidden = |reference: &str| self.is_hidden(reference, last).filter(|ty| reads(ty));
        let around = ["searchset", "history"].map(Value::from);
        if body["resourceType"] == "Bundle" && around.contains(&body["type"]) {
            let entries = body["entry"].as_array_mut().into_iter().flatten();
            entries
                .filter_map(|entry| entry.get_mut("resource"))
                .for_each(|resource| of_resource(resource, &is_hidden));
        } else {
            of_resource(&mut body, &is_hidden);
        }
        format!("{head}\n{body}")
    }

    /// Whether a query names what may be hidden from P and is not seen: nothing is found by it.
    pub fn asks_beyond(&self, asked: &Question, last: &BTreeMap<&str, Held<'_>>) -> bool {
        let is_unseen = |text: &str| {
            let of_id = |path: &&&str| path.split('/').nth(1) == Some(text);
            text == ABSENT
                || self.is_hidden(text, last).is_some()
                || last
                    .keys()
                    .filter(of_id)
                    .any(|path| self.is_hidden(path, last).is_some())
        };
        let words = asked
            .pairs
            .iter()
            .filter(|(name, _)| name.ends_with("_content"));
        let mut words = words.flat_map(|(_, value)| value.split(|c: char| !c.is_alphanumeric()));
        if words.any(|word| !word.is_empty() && stand_in_reference(&word.to_lowercase(), last)) {
            return true;
        }
        let values = asked.pairs.iter().map(|(_, value)| value);
        let compartment = asked.path.split('/').nth(1);
        values
            .flat_map(|value| value.split([',', '$', ' ', '(', ')', '|']))
            .chain(compartment)
            .any(is_unseen)
    }

    /// The type, of a reference to this server to what may be hidden from P and is not seen.
    fn is_hidden(&self, reference: &str, last: &BTreeMap<&str, Held<'_>>) -> Option<String> {
        let local = reference.strip_prefix(BASE).unwrap_or(reference);
        let parts: Vec<&str> = local.split('/').collect();
        let (ty, id) = match parts[..] {
            [ty, id] | [ty, id, "_history", _] => (ty, id),
            _ => return None,
        };
        let path = format!("{ty}/{id}");
        let held = last.get(path.as_str());
        let is_seen = held.is_some_and(|held| self.sees(held));
        (self.is_bound(ty) && !is_seen).then(|| ty.to_owned())
    }
}

fn of_resource(resource: &mut Value, is_hidden: &dyn Fn(&str) -> Option<String>) {
    if !without(resource, is_hidden) {
        return;
    }
    unworded(resource);
    let tag = json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED" });
    let tags = &mut resource["meta"]["tag"];
    match tags.as_array_mut() {
        Some(tags) if tags.contains(&tag) => {}
        Some(tags) => tags.push(tag),
        None => *tags = json!([tag]),
    }
}

/// Whether anything was taken.
fn without(value: &mut Value, is_hidden: &dyn Fn(&str) -> Option<String>) -> bool {
    if let Some(ty) = value
        .get("reference")
        .and_then(Value::as_str)
        .and_then(is_hidden)
    {
        *value = json!({ "type": ty });
        return true;
    }
    let mut changed = false;
    match value {
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| changed |= without(item, is_hidden)),
        Value::Object(object) => object
            .values_mut()
            .for_each(|item| changed |= without(item, is_hidden)),
        _ => {}
    }
    changed
}

fn unworded(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(unworded),
        Value::Object(object) => {
            object.retain(|_, value| value.get("div").is_none());
            object.values_mut().for_each(unworded);
        }
        _ => {}
    }
}

/// By words in references nobody finds anything who may be kept from what these lead to (0021).
fn stand_in_reference(word: &str, last: &BTreeMap<&str, Held<'_>>) -> bool {
    last.values().any(|held| is_in_reference(held.body, word))
}

fn is_in_reference(value: &Value, word: &str) -> bool {
    match value {
        Value::Object(members) if members.contains_key("reference") => {
            value.to_string().to_lowercase().contains(word)
        }
        Value::Object(members) => members.values().any(|value| is_in_reference(value, word)),
        Value::Array(items) => items.iter().any(|value| is_in_reference(value, word)),
        _ => false,
    }
}
