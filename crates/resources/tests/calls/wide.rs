//! How many texts, URIs and codes others have stored changes no answer, also where they are more than the index combines.

use crate::cursors::with_lengths;
use crate::house::{House, app, call, json, loader, text};
use crate::pinned::pages;
use crate::placement::patient;
use serde_json::{Value, json as value};
use ward_access::Caller;
use ward_resources::route::Method::{Delete, Get, Post};
use ward_resources::{Reply, Settings};

/// More than the index combines of phrases.
const PHRASES: usize = 4_100;
/// The same of codes with a quantity.
const CODES: usize = 300;

const ASKED: &[(&str, u64)] = &[
    ("Observation?code:text=qqww", 2),
    ("Observation?code:text=qqww&_count=1&_total=accurate", 2),
    ("Observation?code:text=qqww&_summary=count", 2),
    ("Observation?patient=Patient/1&code:text=qqww", 2),
    ("Observation?_filter=code%20co%20%22qqw%22", 2),
    (
        "Observation?_filter=code%20co%20%22qqw%22%20and%20status%20eq%20final",
        2,
    ),
    ("Observation?_filter=not%20(code%20co%20%22qqw%22)", 1),
    (
        "Observation?_filter=code%20co%20%22qqw%22%20or%20code%20co%20%22other%22",
        3,
    ),
    ("Observation?code:text=qqww&_sort=code", 2),
    ("CarePlan?instantiates-uri:below=http://qq.example/a", 1),
    (
        "CarePlan?instantiates-uri:below=http://qq.example/nothing",
        0,
    ),
    (
        "CarePlan?_filter=instantiates-uri%20co%20%22qq.example%22",
        1,
    ),
    ("Observation?component-code-value-quantity=urn:many|$gt4", 1),
    ("Observation?component-code-value-quantity=urn:many|$gt6", 0),
    (
        "Observation?component-code-value-quantity=urn:many|$gt4&code:text=qqww",
        1,
    ),
    (
        "ServiceRequest?based-on:CarePlan.instantiates-uri:below=http://qq.example/a",
        1,
    ),
    (
        "ServiceRequest?based-on:CarePlan.instantiates-uri:below=http://qq.example/b",
        0,
    ),
    (
        "ServiceRequest?_filter=based-on.instantiates-uri%20co%20%22qq.example%22",
        1,
    ),
];

pub async fn what_others_store_is_never_too_much(house: House) {
    for id in ["1", "2"] {
        house.put(&patient(id)).await;
    }
    house
        .put(&observation(
            "first",
            "1",
            value!({ "text": "qqww mine" }),
            1,
        ))
        .await;
    house
        .put(&observation(
            "second",
            "1",
            value!({ "text": "as qqww" }),
            0,
        ))
        .await;
    house
        .put(&observation("third", "1", value!({ "text": "other" }), 0))
        .await;
    house.put(&plan("mine", "1", 1)).await;
    let request = value!({ "resourceType": "ServiceRequest", "id": "mine", "status": "active", "intent": "order",
        "subject": { "reference": "Patient/1" }, "basedOn": [{ "reference": "CarePlan/mine" }] });
    house.put(&request).await;
    let own = app("patient/*.rs", "Patient/1");
    let before = answers(&house, &own).await;
    let codings: Vec<Value> = (0..PHRASES)
        .map(|n| value!({ "system": "urn:c", "code": format!("c{n}"), "display": format!("qqww {n}") }))
        .collect();
    let hidden = [
        observation("hidden", "2", value!({ "coding": codings }), CODES),
        plan("hidden", "2", PHRASES),
    ];
    for body in &hidden {
        house.put(body).await;
    }
    assert_same(&before, &answers(&house, &own).await, "stored");
    for url in ["Observation/hidden", "CarePlan/hidden"] {
        let reply = house.ask(&loader(), Delete, url, None).await;
        assert_eq!(reply.status, 204, "{}", text(&reply));
    }
    assert_same(&before, &answers(&house, &own).await, "deleted");
}

/// What is beyond the index is told by the explanation too.
pub async fn a_wide_question_is_explained_and_whole(house: House) {
    house.put(&patient("2")).await;
    let codings: Vec<Value> = (0..PHRASES)
        .map(|n| value!({ "system": "urn:c", "code": format!("c{n}"), "display": format!("qqww {n}") }))
        .collect();
    house
        .put(&observation(
            "many",
            "2",
            value!({ "coding": codings }),
            CODES,
        ))
        .await;
    for url in [
        "Observation?code:text=qqww&explain=true",
        "Observation?component-code-value-quantity=urn:many|$gt4&explain=true",
    ] {
        let reply = house.ask(&loader(), Get, url, None).await;
        assert_eq!(reply.status, 200, "{url}: {}", text(&reply));
        let said = text(&reply);
        assert!(said.contains("Observation/many"), "{url}");
        assert!(
            !said.contains("decided by looking at each resource: nothing"),
            "{url}"
        );
    }
}

/// Beyond the gate of rows to look at, behind two hops, and in conditions of writes.
const BEYOND: &[&str] = &[
    "Observation?code:text=qqww&_total=accurate",
    "Observation?code:text=qqww&status=final&_sort=-date",
    "Observation?component-code-value-quantity=urn:many|$gt4",
    "Patient?_has:Observation:subject:component-code-value-quantity=urn:many|$gt4",
    "ServiceRequest?based-on:CarePlan.instantiates-uri:below=http://qq.example/a",
    "Observation?based-on:ServiceRequest.based-on:CarePlan.instantiates-uri:below=http://qq.example/a",
    "Observation?based-on:ServiceRequest.based-on:CarePlan.instantiates-uri:below=http://qq.example/b",
    "Observation?_filter=based-on:ServiceRequest.based-on.instantiates-uri%20co%20%22qq.example%22",
];

/// Rows that may be looked at, and what the caller sees of each type beyond them.
const LOOKED_AT: usize = 20;
const SEEN: usize = 30;

pub async fn what_others_store_opens_and_closes_no_gate(house: House) {
    let settings = Settings {
        rows_examined_max: LOOKED_AT,
        ..Settings::default()
    };
    let house = house.restarted(settings).await;
    for id in ["1", "2"] {
        house.put(&patient(id)).await;
    }
    for n in 0..SEEN {
        let text = if n % 10 == 0 { "qqww mine" } else { "other" };
        let components = usize::from(n == 3);
        let body = observation(&format!("o{n}"), "1", value!({ "text": text }), components);
        house.put(&body).await;
        house
            .put(&plan(&format!("c{n}"), "1", usize::from(n == 7)))
            .await;
    }
    let request = value!({ "resourceType": "ServiceRequest", "id": "r", "status": "active", "intent": "order",
        "subject": { "reference": "Patient/1" }, "basedOn": [{ "reference": "CarePlan/c7" }] });
    house.put(&request).await;
    let mut result = observation("result", "1", value!({ "text": "other" }), 0);
    result["basedOn"] = value!([{ "reference": "ServiceRequest/r" }]);
    house.put(&result).await;
    let own = app("patient/*.cruds", "Patient/1");
    let before = beyond(&house, &own).await;
    for (url, said) in BEYOND.iter().zip(&before) {
        assert!(said[0].starts_with("200"), "{url}: {}", said[0]);
    }
    let codings: Vec<Value> = (0..PHRASES)
        .map(|n| value!({ "system": "urn:c", "code": format!("c{n}"), "display": format!("qqww {n}") }))
        .collect();
    let hidden = observation("hidden", "2", value!({ "coding": codings }), CODES);
    for body in [&hidden, &plan("hidden", "2", PHRASES)] {
        house.put(body).await;
    }
    assert_eq!(before, beyond(&house, &own).await, "stored");
    for url in ["Observation/hidden", "CarePlan/hidden"] {
        let reply = house.ask(&loader(), Delete, url, None).await;
        assert_eq!(reply.status, 204, "{}", text(&reply));
    }
    assert_eq!(before, beyond(&house, &own).await, "deleted");
}

/// Status and body of each page, and what a condition of a write comes to.
async fn beyond(house: &House, caller: &Caller) -> Vec<Vec<String>> {
    let said = |reply: &Reply| format!("{} {}", reply.status, with_lengths(&text(reply)));
    let mut answers = Vec::new();
    for url in BEYOND {
        let pages = pages(house, caller, call(Get, url, None), true).await;
        answers.push(pages.iter().map(said).collect());
    }
    for (ty, criterion) in [
        ("CarePlan", "instantiates-uri:below=http://qq.example/a"),
        ("Observation", "component-code-value-quantity=urn:many|$gt4"),
    ] {
        let body = match ty {
            "CarePlan" => plan("x", "1", 0),
            _ => observation("x", "1", value!({ "text": "x" }), 0),
        };
        let mut create = call(Post, ty, Some(&body));
        create.conditions.if_none_exist = Some(criterion.to_owned());
        answers.push(vec![said(&house.engine.answer(caller, &create).await)]);
    }
    answers
}

fn assert_same(before: &[Vec<String>], after: &[Vec<String>], what: &str) {
    for (((url, _), before), after) in ASKED.iter().zip(before).zip(after) {
        assert_eq!(before, after, "{what}: {url}");
    }
}

async fn answers(house: &House, caller: &Caller) -> Vec<Vec<String>> {
    let mut answers = Vec::new();
    for (url, found) in ASKED {
        let pages = pages(house, caller, call(Get, url, None), true).await;
        let said: Vec<String> = pages
            .iter()
            .map(|reply| with_lengths(&text(reply)))
            .collect();
        assert_eq!(pages[0].status, 200, "{url}: {}", said[0]);
        let is_counted = url.contains("_summary");
        let seen: usize = pages
            .iter()
            .map(|page| json(page)["entry"].as_array().map_or(0, Vec::len))
            .sum();
        let seen = if is_counted {
            json(&pages[0])["total"].as_u64()
        } else {
            Some(seen as u64)
        };
        assert_eq!(seen, Some(*found), "{url}: {}", said[0]);
        answers.push(said);
    }
    answers
}

/// With as many components, each of a code of its own.
fn observation(id: &str, person: &str, code: Value, components: usize) -> Value {
    let mut body = value!({ "resourceType": "Observation", "id": id, "status": "final", "code": code,
        "subject": { "reference": format!("Patient/{person}") } });
    let component = |n: usize| {
        value!({ "code": { "coding": [{ "system": "urn:many", "code": format!("m{n}") }] },
            "valueQuantity": { "value": 5, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg" } })
    };
    if components > 0 {
        body["component"] = (0..components).map(component).collect();
    }
    body
}

fn plan(id: &str, person: &str, uris: usize) -> Value {
    let uris: Vec<String> = (0..uris)
        .map(|n| format!("http://qq.example/a/{n}"))
        .collect();
    let mut body = value!({ "resourceType": "CarePlan", "id": id, "status": "active", "intent": "plan",
        "subject": { "reference": format!("Patient/{person}") } });
    if !uris.is_empty() {
        body["instantiatesUri"] = value!(uris);
    }
    body
}
