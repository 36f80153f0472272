//! `Observation/$lastn`: the latest are those of the latest time. <https://hl7.org/fhir/R4/observation-operation-lastn.html>

use crate::house::{House, json, loader, text};
use serde_json::{Value, json as value};
use ward_resources::route::Method::Get;

async fn last(house: &House, further: &str) -> Vec<String> {
    let url = format!("Observation/$lastn?subject=Patient/one&code=http://example.org|{further}");
    let reply = house.ask(&loader(), Get, &url, None).await;
    assert_eq!(reply.status, 200, "{url}: {}", text(&reply));
    let page = json(&reply);
    let own = page["link"][0]["url"].as_str().unwrap();
    assert!(!own.contains("_sort"), "{own}");
    let entries = page["entry"].as_array().unwrap().iter();
    let ids = entries.map(|e| e["resource"]["id"].as_str().unwrap().to_owned());
    ids.collect()
}

/// With a time or without one.
async fn observe(house: &House, id: &str, code: &str, time: Option<&str>) {
    let mut body = value!({ "resourceType": "Observation", "id": id, "status": "final",
        "code": { "coding": [{ "system": "http://example.org", "code": code }] },
        "subject": { "reference": "Patient/one" } });
    if let Some(time) = time {
        body["effectiveDateTime"] = Value::from(time);
    }
    house.put(&body).await;
}

pub async fn what_has_no_time_is_not_the_latest(house: House) {
    house
        .put(&value!({ "resourceType": "Patient", "id": "one" }))
        .await;
    observe(&house, "a-2001", "a", Some("2001-01-01")).await;
    observe(&house, "a-2003", "a", Some("2003-01-01")).await;
    observe(&house, "a-undated", "a", None).await;
    observe(&house, "a-2002", "a", Some("2002-01-01")).await;
    observe(&house, "b-undated", "b", None).await;
    observe(&house, "c-2004", "c", Some("2004-01-01")).await;
    assert_eq!(last(&house, "").await, ["c-2004", "a-2003", "b-undated"]);
    assert_eq!(
        last(&house, "&max=3").await,
        ["c-2004", "a-2003", "a-2002", "a-2001", "b-undated"]
    );
    assert_eq!(
        last(&house, "&max=4").await,
        [
            "c-2004",
            "a-2003",
            "a-2002",
            "a-2001",
            "a-undated",
            "b-undated"
        ]
    );
    // An update gives it no time either.
    observe(&house, "a-undated", "a", None).await;
    assert_eq!(last(&house, "").await, ["c-2004", "a-2003", "b-undated"]);
    let url = "Observation/$lastn?subject=Patient/one&code=a&_sort=date";
    let refused = house.ask(&loader(), Get, url, None).await;
    assert_eq!(refused.status, 400, "{}", text(&refused));
}
