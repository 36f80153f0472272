//! Where a write puts its resource, and that a refused one leaves nothing behind.

use crate::house::{House, app, json, loader, text};
use serde_json::{Value, json as value};
use ward_resources::route::Method::{Get, Patch, Post, Put};

pub fn patient(id: &str) -> Value {
    value!({ "resourceType": "Patient", "id": id, "active": true })
}

pub fn observation(subject: &str) -> Value {
    value!({ "resourceType": "Observation", "status": "final", "code": { "text": "pulse" },
        "subject": { "reference": subject } })
}

pub fn transaction(entries: Vec<Value>) -> Value {
    value!({ "resourceType": "Bundle", "type": "transaction", "entry": entries })
}

pub fn entry(method: &str, url: &str, resource: Value) -> Value {
    value!({ "resource": resource, "request": { "method": method, "url": url } })
}

pub async fn a_refused_write_reserves_nothing(house: House) {
    let own = house.put(&patient("own")).await;
    let app = app("patient/*.cruds", &own);
    let mut moved = observation("Patient/ghost");
    let id = house.create(&observation(&own)).await;
    moved["id"] = value!(id.trim_start_matches("Observation/"));
    for (method, url, body) in [
        (Post, "Observation", observation("Patient/ghost")),
        (Put, id.as_str(), moved),
        (Put, "Observation?code=x", observation("Patient/ghost")),
        (
            Patch,
            &id,
            value!({ "resourceType": "Parameters", "parameter": [{ "name": "operation", "part": [
                { "name": "type", "valueCode": "replace" },
                { "name": "path", "valueString": "Observation.subject.reference" },
                { "name": "value", "valueString": "Patient/ghost" }] }] }),
        ),
    ] {
        let reply = house.ask(&app, method, url, Some(&body)).await;
        assert_eq!(reply.status, 403, "{url}: {}", text(&reply));
        assert!(!house.is_known("Patient", "ghost").await, "{url}");
    }
    let permitted = observation("Patient/ghost");
    let reply = house
        .ask(&loader(), Post, "Observation", Some(&permitted))
        .await;
    assert_eq!(reply.status, 201);
    assert!(house.is_known("Patient", "ghost").await);
}

pub async fn a_refused_transaction_reserves_nothing(house: House) {
    let own = house.put(&patient("own")).await;
    let app = app("patient/*.cruds", &own);
    let entries = vec![
        entry("POST", "Observation", observation(&own)),
        entry("POST", "Observation", observation("Patient/ghost")),
    ];
    let reply = house.ask(&app, Post, "", Some(&transaction(entries))).await;
    assert_eq!(reply.status, 403, "{}", text(&reply));
    assert!(text(&reply).contains("Bundle.entry[1]"), "{}", text(&reply));
    assert!(!house.is_known("Patient", "ghost").await);
}

pub async fn a_relative_reference_is_the_entrys_own(house: House) {
    let there = |path: &str| format!("http://elsewhere.example.org/fhir/{path}");
    let mut person = entry("POST", "Patient", value!({ "resourceType": "Patient" }));
    person["fullUrl"] = value!(there("Patient/ghost"));
    let mut pulse = entry("POST", "Observation", observation("Patient/ghost"));
    pulse["fullUrl"] = value!(there("Observation/2"));
    let bundle = transaction(vec![pulse, person]);
    let reply = house.ask(&loader(), Post, "", Some(&bundle)).await;
    assert_eq!(reply.status, 200, "{}", text(&reply));
    assert!(!house.is_known("Patient", "ghost").await);
    let (pulse, person) = (located(&reply, 0), located(&reply, 1));
    same_shard(&house, &pulse, &person);
    let app = app("patient/*.rs", &person);
    assert_eq!(house.ask(&app, Get, &pulse, None).await.status, 200);
}

pub async fn a_home_by_condition_is_the_home(house: House) {
    let mut person = patient("by-condition");
    person["identifier"] = value!([{ "system": "http://example.org/mrn", "value": "7" }]);
    let person = house.put(&person).await;
    let by_condition = observation("Patient?identifier=http://example.org/mrn|7");
    let bundle = transaction(vec![entry("POST", "Observation", by_condition)]);
    let reply = house.ask(&loader(), Post, "", Some(&bundle)).await;
    assert_eq!(reply.status, 200, "{}", text(&reply));
    same_shard(&house, &located(&reply, 0), &person);
    // Whose it is decides whether it may be written.
    let other = house.put(&patient("other")).await;
    let app = app("patient/*.cruds", &other);
    let reply = house.ask(&app, Post, "", Some(&bundle)).await;
    assert_eq!(reply.status, 412, "{}", text(&reply));
}

pub async fn many_entries_about_unknown_patients_take_few_statements(house: House) {
    let entries = |n: usize, who: &str| {
        let mut entries = vec![entry("PUT", &format!("Patient/{who}"), patient(who))];
        let pulse = observation(&format!("Patient/{who}"));
        entries.resize(n, entry("POST", "Observation", pulse));
        transaction(entries)
    };
    let loader = loader();
    let mut counts = Vec::new();
    for (n, who) in [(5, "warm"), (5, "few"), (50, "many")] {
        let bundle = entries(n, who);
        let asking = house.ask(&loader, Post, "", Some(&bundle));
        let (reply, count) = house.statements(asking).await;
        assert_eq!(reply.status, 200, "{}", text(&reply));
        counts.push(count);
    }
    assert_eq!(counts[1], counts[2], "{counts:?}");
}

/// `Type/id` of an entry's answer.
pub fn located(reply: &ward_resources::Reply, at: usize) -> String {
    let location = json(reply)["entry"][at]["response"]["location"]
        .as_str()
        .unwrap()
        .to_owned();
    let below = location.split("/fhir/").last().unwrap();
    below.split("/_history").next().unwrap().to_owned()
}

/// Rows of one patient carry the patient's shard in their lower 12 bits.
fn same_shard(house: &House, one: &str, patient: &str) {
    let store = house.engine.store();
    let rid = |path: &str| {
        let id = path.split('/').nth(1).unwrap();
        store.decode_id(id).unwrap()
    };
    if let Some(home) = store.decode_id(patient.split('/').nth(1).unwrap()) {
        assert_eq!(rid(one) & 0xfff, home & 0xfff);
    }
}
