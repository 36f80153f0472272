//! What comes with the matches: whole where elements are asked for of the matches, and in `$everything` of the types and the time
//! that are asked for. <https://hl7.org/fhir/R4/search.html#elements>

use crate::house::{House, json, loader, text};
use serde_json::{Value, json as value};
use std::collections::BTreeSet;
use ward_resources::route::Method::Get;

async fn page(house: &House, url: &str) -> Value {
    let reply = house.ask(&loader(), Get, url, None).await;
    assert_eq!(reply.status, 200, "{url}: {}", text(&reply));
    json(&reply)
}

fn resources(page: &Value) -> Vec<Value> {
    let entries = page["entry"].as_array().cloned().unwrap_or_default();
    entries.into_iter().map(|e| e["resource"].clone()).collect()
}

/// A patient of a practice, with an encounter and an observation by a practitioner.
async fn told(house: &House) {
    let subject = value!({ "reference": "Patient/one" });
    let performer = value!({ "reference": "Practitioner/who" });
    for body in [
        value!({ "resourceType": "Practitioner", "id": "who", "name": [{ "family": "Who" }] }),
        value!({ "resourceType": "Organization", "id": "place", "name": "Place" }),
        value!({ "resourceType": "Patient", "id": "one", "name": [{ "family": "One" }], "gender": "male",
            "managingOrganization": { "reference": "Organization/place" } }),
        value!({ "resourceType": "Encounter", "id": "visit", "status": "finished", "class": { "code": "AMB" }, "subject": subject,
            "serviceProvider": { "reference": "Organization/place" } }),
        value!({ "resourceType": "Observation", "id": "seen", "status": "final", "code": { "text": "x" }, "subject": subject,
            "encounter": { "reference": "Encounter/visit" }, "performer": [performer], "valueString": "v" }),
    ] {
        house.put(&body).await;
    }
}

pub async fn elements_are_of_the_matches(house: House) {
    told(&house).await;
    let shown = async |elements: &str| {
        let include = "_include=Observation:subject&_include=Observation:performer";
        let page = page(
            &house,
            &format!("Observation?_elements={elements}&{include}"),
        )
        .await;
        let resources = resources(&page);
        let has = |ty: &str, name: &str| {
            let found = resources.iter().find(|r| r["resourceType"] == ty);
            found.unwrap().get(name).is_some()
        };
        [
            has("Observation", "valueString"),
            has("Patient", "gender"),
            has("Patient", "name"),
            has("Practitioner", "name"),
        ]
    };
    assert_eq!(shown("code").await, [false, true, true, true]);
    assert_eq!(shown("code,Patient.name").await, [false, false, true, true]);
    let page = page(
        &house,
        "Patient?_elements=id&_revinclude=Observation:subject",
    )
    .await;
    let found = resources(&page);
    let observation = found.iter().find(|r| r["resourceType"] == "Observation");
    assert_eq!(observation.unwrap()["valueString"], "v");
    assert!(observation.unwrap()["meta"].get("tag").is_none());
}

/// `Type/id` of all pages.
async fn walk(house: &House, url: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut next = Some(url.to_owned());
    while let Some(url) = next {
        let page = page(house, &url).await;
        let text = |r: &Value, name: &str| r[name].as_str().unwrap().to_owned();
        let resources = resources(&page);
        let names = resources.iter();
        let names = names.map(|r| format!("{}/{}", text(r, "resourceType"), text(r, "id")));
        found.extend(names);
        let mut links = page["link"].as_array().unwrap().iter();
        let link = links.find(|l| l["relation"] == "next");
        next = link.map(|l| {
            let url = l["url"].as_str().unwrap();
            url.rsplit_once("/fhir/").unwrap().1.to_owned()
        });
    }
    found
}

pub async fn what_is_referred_to_is_of_the_types_asked_for(house: House) {
    told(&house).await;
    let (patient, practitioner) = ("Patient/one", "Practitioner/who");
    let (encounter, observation) = ("Encounter/visit", "Observation/seen");
    let organization = "Organization/place";
    for (path, types, expected) in [
        (patient, "Observation", vec![observation]),
        (patient, "Practitioner", vec![practitioner]),
        (patient, "Organization,Patient", vec![organization, patient]),
        (patient, "Practitioner&_count=1", vec![practitioner]),
        (patient, "Location", vec![]),
        (encounter, "Observation", vec![observation]),
        (encounter, "Organization", vec![organization]),
        (
            encounter,
            "Encounter,Practitioner",
            vec![encounter, practitioner],
        ),
        ("Patient", "Organization", vec![organization]),
        ("Patient", "Encounter", vec![encounter]),
    ] {
        let url = format!("{path}/$everything?_type={types}");
        let expected = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(walk(&house, &url).await, expected, "{url}");
    }
}

pub async fn what_is_referred_to_has_changed_since(house: House) {
    told(&house).await;
    let read = page(&house, "Encounter/visit").await;
    let since = read["meta"]["lastUpdated"].as_str().unwrap().to_owned();
    let expected: BTreeSet<String> = ["Encounter/visit", "Observation/seen"]
        .map(str::to_owned)
        .into();
    for path in ["Patient/one", "Encounter/visit"] {
        let url = format!("{path}/$everything?_since={since}");
        assert_eq!(walk(&house, &url).await, expected, "{url}");
    }
    let read = page(&house, "Observation/seen").await;
    let since = read["meta"]["lastUpdated"].as_str().unwrap().to_owned();
    let url = format!("Encounter/visit/$everything?_since={since}");
    let expected: BTreeSet<String> = ["Observation/seen".to_owned()].into();
    assert_eq!(walk(&house, &url).await, expected, "{url}");
}
