//! batch and transaction. <https://hl7.org/fhir/R4/http.html#transaction>

mod answers;
mod integrity;
mod links;
mod order;

use super::crud::patient;
use serde_json::{Value, json};
use ward_testkit::{Answer, Client};

const SYSTEM: &str = "http://example.org/bundles";

fn bundle(kind: &str, entries: Vec<Value>) -> Value {
    let mut bundle = json!({ "resourceType": "Bundle", "type": kind });
    if !entries.is_empty() {
        bundle["entry"] = json!(entries);
    }
    bundle
}

fn entry(method: &str, url: &str, resource: Option<Value>) -> Value {
    let mut entry = json!({ "request": { "method": method, "url": url } });
    if let Some(resource) = resource {
        entry["resource"] = resource;
    }
    entry
}

fn named(full_url: &str, mut entry: Value) -> Value {
    entry["fullUrl"] = json!(full_url);
    entry
}

fn with_condition(mut entry: Value, name: &str, value: &str) -> Value {
    entry["request"][name] = json!(value);
    entry
}

fn transact(ward: &Client, entries: Vec<Value>) -> Answer {
    ward.post("", &bundle("transaction", entries))
}

fn batch(ward: &Client, entries: Vec<Value>) -> Value {
    ward.post("", &bundle("batch", entries)).expect(200).json()
}

fn statuses(response: &Value) -> Vec<String> {
    let entries = response["entry"].as_array().cloned().unwrap_or_default();
    entries
        .iter()
        .map(|e| {
            e["response"]["status"]
                .as_str()
                .unwrap()
                .split(' ')
                .next()
                .unwrap()
                .to_owned()
        })
        .collect()
}

/// `Type/id` that an entry's answer locates.
fn located(response: &Value, at: usize) -> String {
    let location = response["entry"][at]["response"]["location"]
        .as_str()
        .unwrap();
    location
        .split("/fhir/")
        .last()
        .unwrap()
        .split("/_history/")
        .next()
        .unwrap()
        .to_owned()
}

fn identified(value: &str) -> Value {
    let mut body = patient("Bundled");
    body["identifier"] = json!([{ "system": SYSTEM, "value": value }]);
    body
}

fn criteria(value: &str) -> String {
    format!("identifier={SYSTEM}|{value}")
}

fn about(subject: &str) -> Value {
    json!({ "resourceType": "Observation", "status": "final", "code": { "text": "pulse" }, "subject": { "reference": subject } })
}

fn found(ward: &Client, value: &str) -> usize {
    ward.get(&format!("Patient?{}", criteria(value)))
        .expect(200)
        .json()["entry"]
        .as_array()
        .map_or(0, Vec::len)
}

/// The transaction is refused, its entry `at` is named, and nothing of it is stored.
#[track_caller]
fn refused(ward: &Client, value: &str, entries: Vec<Value>, status: u16, at: Option<usize>) {
    let before = found(ward, value);
    let answer = transact(ward, entries).expect(status);
    if let Some(at) = at {
        let expression = answer.issue().1;
        assert!(
            expression.starts_with(&format!("Bundle.entry[{at}]")),
            "{expression}: {}",
            answer.text()
        );
    }
    assert_eq!(found(ward, value), before, "nothing is stored");
}
