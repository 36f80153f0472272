//! Orders over several types, page by page, there and back.

use crate::house::{House, app, call, json, loader, text};
use crate::placement::patient;
use serde_json::{Value, json as value};
use ward_access::Caller;
use ward_resources::route::Method::Get;

/// In the order in which they are made: of those that are equal the last made comes first.
fn made() -> Vec<Value> {
    let person = |ty: &str, id: &str, family: Option<&str>| {
        let mut body = value!({ "resourceType": ty, "id": id, "active": true });
        if let Some(family) = family {
            body["name"] = value!([{ "family": family }]);
        }
        body
    };
    let encounter = |id: &str, status: &str, period: Option<(&str, &str)>| {
        let mut body = value!({ "resourceType": "Encounter", "id": id, "status": status,
            "class": { "code": "AMB" }, "subject": { "reference": "Patient/p1" } });
        if let Some((start, end)) = period {
            body["period"] = value!({ "start": start, "end": end });
        }
        body
    };
    let observation = |id: &str, status: &str, of: &str, date: Option<&str>| {
        let mut body = value!({ "resourceType": "Observation", "id": id, "status": status, "code": { "text": "x" },
            "subject": { "reference": format!("Patient/{of}") } });
        if let Some(date) = date {
            body["effectiveDateTime"] = value!(date);
        }
        if ["o1", "o2"].contains(&id) {
            body["encounter"] = value!({ "reference": "Encounter/e1" });
        }
        body
    };
    vec![
        person("Patient", "p1", Some("Berg")),
        person("Practitioner", "d1", Some("Berg")),
        person("Patient", "p2", Some("Adams")),
        person("Practitioner", "d2", Some("Coe")),
        person("Patient", "p3", None),
        person("Practitioner", "d3", None),
        encounter("e1", "finished", Some(("2020-01-02", "2020-01-06"))),
        observation("o1", "final", "p1", Some("2020-01-04")),
        observation("o2", "final", "p1", Some("2020-01-07")),
        encounter("e2", "planned", None),
        observation("o3", "final", "p1", None),
        observation("o4", "amended", "p1", Some("2020-01-06")),
        observation("o9", "final", "p2", Some("2020-01-08")),
        value!({ "resourceType": "Condition", "id": "c1", "subject": { "reference": "Patient/p1" }, "code": { "text": "y" } }),
    ]
}

/// What everybody sees, by everybody's order.
const ASKED: &[(&str, &str)] = &[
    (
        "?_type=Patient,Practitioner&_sort=name",
        "p2 d1 p1 d2 d3 p3",
    ),
    (
        "?_type=Patient,Practitioner&_sort=-name",
        "d2 d1 p1 p2 d3 p3",
    ),
    (
        "?_type=Patient,Practitioner&_sort=name,_id",
        "p2 p1 d1 d2 p3 d3",
    ),
    (
        "?_type=Patient,Practitioner&active=true&_sort=-family",
        "d2 d1 p1 p2 d3 p3",
    ),
    (
        "?_type=Encounter,Observation&_sort=-date",
        "o9 o2 o4 e1 o1 o3 e2",
    ),
    (
        "?_type=Encounter,Observation&_sort=date",
        "e1 o1 o4 o2 o9 o3 e2",
    ),
    (
        "?_type=Encounter,Observation&_sort=-date&status:not=planned",
        "o9 o2 o4 e1 o1 o3",
    ),
    (
        "?_type=Encounter,Observation&_sort=status,-date",
        "o4 o9 o2 o1 o3 e1 e2",
    ),
    (
        "?_type=Encounter,Observation&_sort=-status,date",
        "e2 e1 o1 o2 o9 o3 o4",
    ),
    ("?_type=Encounter,Observation&_text=nothing&_sort=-date", ""),
];

/// What is in reach of the app of the first patient, too.
const OF_ONE: &[(&str, &str)] = &[
    (
        "?_type=Encounter,Observation&patient=p1&_sort=-date",
        "o2 o4 e1 o1 o3 e2",
    ),
    (
        "Patient/p1/*?_type=Encounter,Observation&_sort=-date",
        "o2 o4 e1 o1 o3 e2",
    ),
    ("Patient/p1/*?_sort=-date", "o2 o4 e1 o1 c1 o3 e2 p1"),
    ("Patient/p1/*?_sort=date", "e1 o1 o4 o2 c1 o3 e2 p1"),
    ("Patient/p1/*?_sort=-date,_id", "o2 e1 o4 o1 p1 e2 o3 c1"),
    ("Encounter/e1/*?_sort=-date", "o2 e1 o1"),
];

pub async fn several_types_are_sorted_together(house: House) {
    for body in made() {
        house.put(&body).await;
    }
    let own = app("patient/*.rs", "Patient/p1");
    for (url, expected) in ASKED {
        walk(&house, &loader(), url, expected).await;
    }
    for (url, expected) in OF_ONE {
        walk(&house, &loader(), url, expected).await;
        walk(&house, &own, url, expected).await;
    }
    walk(
        &house,
        &own,
        "?_type=Encounter,Observation&_sort=-date",
        "o2 o4 e1 o1 o3 e2",
    )
    .await;
}

/// What no two types have in common orders nothing, and says so.
pub async fn what_is_not_shared_is_told(house: House) {
    house.put(&patient("p1")).await;
    let url = "?_type=Patient,Observation&_sort=-date";
    let reply = house.ask(&loader(), Get, url, None).await;
    let said = text(&reply);
    assert_eq!(reply.status, 200, "{said}");
    assert!(
        said.contains("'date' was ignored: Patient has none."),
        "{said}"
    );
    let mut strict = call(Get, url, None);
    strict.prefer.strict = true;
    let reply = house.engine.answer(&loader(), &strict).await;
    assert_eq!(reply.status, 400, "{}", text(&reply));
    let url = "?_type=DocumentReference,Encounter&_sort=location";
    let reply = house.ask(&loader(), Get, url, None).await;
    assert!(
        text(&reply).contains("a reference of Encounter"),
        "{}",
        text(&reply)
    );
    assert_eq!(reply.status, 400);
}

async fn walk(house: &House, caller: &Caller, url: &str, expected: &str) {
    let expected: Vec<&str> = expected.split_whitespace().collect();
    let total = format!("{url}&_total=accurate");
    let whole = get(house, caller, &total).await;
    assert_eq!(ids(&whole), expected, "{url}");
    assert_eq!(whole["total"], expected.len(), "{url}");
    let mut page = get(house, caller, &format!("{url}&_count=2")).await;
    let mut seen = ids(&page);
    let mut before = vec![ids(&page)];
    while let Some(next) = link(&page, "next") {
        page = get(house, caller, &next).await;
        seen.extend(ids(&page));
        before.push(ids(&page));
    }
    assert_eq!(seen, expected, "{url}, in pages");
    before.pop();
    while let Some(previous) = link(&page, "previous") {
        page = get(house, caller, &previous).await;
        assert_eq!(Some(ids(&page)), before.pop(), "{url}, back");
    }
    assert_eq!(
        before,
        Vec::<Vec<String>>::new(),
        "{url}, back to the first"
    );
}

async fn get(house: &House, caller: &Caller, url: &str) -> Value {
    let reply = house.ask(caller, Get, url, None).await;
    assert_eq!(reply.status, 200, "{url}: {}", text(&reply));
    json(&reply)
}

fn link(page: &Value, relation: &str) -> Option<String> {
    let links = page["link"].as_array()?;
    let found = links.iter().find(|l| l["relation"] == relation)?;
    let url = found["url"].as_str()?;
    url.split_once("/fhir")
        .map(|(_, rest)| rest.trim_start_matches('/').to_owned())
}

fn ids(bundle: &Value) -> Vec<String> {
    let entries = bundle["entry"].as_array().into_iter().flatten();
    let matches = entries.filter(|e| e["search"]["mode"] == "match");
    matches
        .map(|e| e["resource"]["id"].as_str().unwrap().to_owned())
        .collect()
}
