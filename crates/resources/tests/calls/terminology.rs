//! Value sets and code systems that are stored, under every spelling that a query may give them.
//! <https://hl7.org/fhir/R4/search.html#modifiers>

use crate::house::{House, loader, system, text};
use serde_json::{Value, json as value};
use ward_resources::route::Method::Get;

const SYSTEM: &str = "http://my.example.org/cs";

fn encoded(url: &str) -> String {
    url.replace(' ', "%20").replace('"', "%22")
}

fn value_set(id: &str, url: &str, version: &str, code: &str) -> Value {
    value!({ "resourceType": "ValueSet", "id": id, "status": "active", "url": url, "version": version,
        "compose": { "include": [{ "system": SYSTEM, "concept": [{ "code": code }] }] } })
}

fn coded(ty: &str, id: &str, code: &str) -> Value {
    let code = value!({ "coding": [{ "system": SYSTEM, "code": code }] });
    match ty {
        "Condition" => {
            value!({ "resourceType": ty, "id": id, "subject": { "display": "x" }, "code": code })
        }
        _ => value!({ "resourceType": ty, "id": id, "status": "final", "code": code }),
    }
}

async fn terms(house: &House) {
    for body in [
        value_set("v", "http://my.example.org/vs", "1", "A1"),
        value_set("comma", "http://my.example.org/v,s", "1", "A1"),
        value!({ "resourceType": "CodeSystem", "status": "active", "id": "cs", "url": SYSTEM, "content": "complete",
            "concept": [{ "code": "A", "concept": [{ "code": "A1" }] }, { "code": "B" }] }),
        coded("Observation", "a1", "A1"),
        coded("Observation", "b", "B"),
        coded("Condition", "c", "A1"),
        value!({ "resourceType": "Encounter", "id": "e", "status": "finished", "class": { "code": "AMB" },
            "diagnosis": [{ "condition": { "reference": "Condition/c" } }] }),
    ] {
        house.put(&body).await;
    }
}

pub async fn a_stored_value_set_is_found_however_it_is_written(house: House) {
    terms(&house).await;
    for query in [
        "Observation?code:in=http://my.example.org/vs",
        "Observation?code:in=http://my.example.org/vs|1",
        "Observation?code:in=ValueSet/v",
        "Observation?code:in=http://my.example.org/v\\,s",
        "Observation?code:below=http://my.example.org/cs|A",
        "Observation?_filter=code in http://my.example.org/vs",
        "Observation?_filter=code in \"http://my.example.org/vs\"",
        "Observation?_filter=code in \"http://my.example.org/v,s\"",
        "Observation?_filter=code  in   http://my.example.org/vs",
        "Observation?_filter=(code in http://my.example.org/vs)",
        "Observation?_filter=not (code ni \"http://my.example.org/vs\")",
        "Observation?_filter=code ss \"http://my.example.org/cs|A\"",
        "Observation?_filter=code ss http://my.example.org/cs|A",
        "Observation?_filter=code sb \"http://my.example.org/cs|A1\"",
    ] {
        assert_eq!(
            house.found(&loader(), &encoded(query)).await,
            ["a1"],
            "{query}"
        );
    }
    for query in [
        "Encounter?diagnosis:Condition._filter=code in http://my.example.org/vs",
        "Encounter?diagnosis:Condition.code:in=http://my.example.org/vs",
        "Encounter?_filter=diagnosis:Condition.code in \"http://my.example.org/vs\"",
    ] {
        assert_eq!(
            house.found(&loader(), &encoded(query)).await,
            ["e"],
            "{query}"
        );
    }
    // Who may not read value sets is told no more than of one that there is not.
    let some = system("system/Observation.rs");
    let [stored, absent] = ["http://my.example.org/vs", "http://my.example.org/no"]
        .map(|url| encoded(&format!("Observation?_filter=code in \"{url}\"")));
    let (stored, absent) = (
        house.ask(&some, Get, &stored, None).await,
        house.ask(&some, Get, &absent, None).await,
    );
    assert_eq!((stored.status, text(&stored)), (400, text(&absent)));
}

pub async fn a_stored_value_set_is_expanded_from_what_is_held(house: House) {
    let gender = "http://hl7.org/fhir/administrative-gender";
    let filtered = value!([{ "system": "http://elsewhere.example.org",
        "filter": [{ "property": "weight", "op": "=", "value": "7" }] }]);
    let contains = value!([{ "system": gender, "code": "male", "abstract": true,
        "contains": [{ "system": gender, "code": "other" }] }]);
    let set = |id: &str, more: Value| {
        let mut set = value!({ "resourceType": "ValueSet", "id": id, "status": "active",
            "url": format!("http://my.example.org/{id}") });
        set.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        set
    };
    for body in [
        set(
            "whole",
            value!({ "compose": { "include": [{ "system": gender }] } }),
        ),
        set(
            "expanded",
            value!({ "compose": { "include": filtered },
                "expansion": { "timestamp": "2020-01-01", "total": 2, "contains": contains } }),
        ),
        set(
            "page",
            value!({ "compose": { "include": filtered },
                "expansion": { "timestamp": "2020-01-01", "total": 9, "contains": contains } }),
        ),
        value!({ "resourceType": "Patient", "id": "m", "gender": "male" }),
        value!({ "resourceType": "Patient", "id": "o", "gender": "other" }),
        value!({ "resourceType": "Patient", "id": "none" }),
    ] {
        house.put(&body).await;
    }
    let base = house.engine.settings().base.clone();
    for (set, expected) in [
        ("http://my.example.org/whole".to_owned(), &["m", "o"][..]),
        ("ValueSet/expanded".to_owned(), &["o"]),
        (format!("{base}/ValueSet/expanded"), &["o"]),
    ] {
        let query = format!("Patient?gender:in={set}");
        assert_eq!(house.found(&loader(), &query).await, expected, "{query}");
    }
    for set in [
        "ValueSet/page".to_owned(),
        format!("{base}/ValueSet/no"),
        "http://hl7.org/fhir/ValueSet/administrative-gender|9.9".to_owned(),
    ] {
        let query = format!("Patient?gender:in={set}");
        let reply = house.ask(&loader(), Get, &query, None).await;
        assert_eq!(reply.status, 400, "{query}: {}", text(&reply));
    }
}

pub async fn of_many_versions_the_one_asked_for_is_found(house: House) {
    terms(&house).await;
    let url = "http://my.example.org/many";
    for version in 0..110 {
        let code = if version == 0 { "A1" } else { "B" };
        house
            .put(&value_set(
                &format!("m{version}"),
                url,
                &format!("{version}"),
                code,
            ))
            .await;
    }
    for (query, expected) in [
        (format!("Observation?code:in={url}|0"), "a1"),
        (format!("Observation?code:in={url}|109"), "b"),
        (format!("Observation?code:in={url}"), "b"),
    ] {
        assert_eq!(
            house.found(&loader(), &encoded(&query)).await,
            [expected],
            "{query}"
        );
    }
}
