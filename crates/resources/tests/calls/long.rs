//! Texts longer than the index keeps: what is asked of their end is answered as for any other.

use crate::house::{House, app, call, json, loader, text};
use serde_json::{Value, json as value};
use std::collections::BTreeMap;
use ward_resources::route::Method::{Delete, Get, Post};

/// A hundred characters.
fn start() -> String {
    "abcdefghi ".repeat(9) + "abcdefghij"
}

fn patient(id: &str, family: &str) -> Value {
    value!({ "resourceType": "Patient", "id": id, "name": [{ "family": family }] })
}

async fn people(house: &House) {
    let (start, other) = (start(), "z".repeat(150));
    for (id, family) in [
        ("zebra", format!("{start} Zebra")),
        ("horse", format!("{start} Horse")),
        ("full", start.clone()),
        ("short", "Zebra".to_owned()),
        ("other", other),
    ] {
        house.put(&patient(id, &family)).await;
        house
            .put(&value!({ "resourceType": "Observation", "id": id, "status": "final", "code": { "text": "x" },
                "subject": { "reference": format!("Patient/{id}") } }))
            .await;
    }
}

pub async fn a_part_of_a_long_text_is_found(house: House) {
    people(&house).await;
    let (start, all) = (start(), loader());
    let whole = format!("{start} zebra");
    let of = |name: &str, value: &str| format!("Patient?{name}={}", value.replace(' ', "%20"));
    let filter = |text: &str| of("_filter", text);
    for (url, expected) in [
        (of("family:contains", "zebra"), vec!["short", "zebra"]),
        (of("name:contains", "j zeb"), vec!["zebra"]),
        (of("family:contains", &whole), vec!["zebra"]),
        (of("family:contains", &"z".repeat(120)), vec!["other"]),
        (
            of("family:contains", "zebra,horse"),
            vec!["horse", "short", "zebra"],
        ),
        (of("family:text", "zebra"), vec!["short", "zebra"]),
        (of("family:text", "ebra"), vec![]),
        (of("family", &start), vec!["full", "horse", "zebra"]),
        (of("family", &format!("{start} ho")), vec!["horse"]),
        (of("family:exact", &format!("{start} Horse")), vec!["horse"]),
        (filter(&format!("family eq \"{start}\"")), vec!["full"]),
        (filter(&format!("family eq \"{whole}\"")), vec!["zebra"]),
        (filter("family ew \"ghij\""), vec!["full"]),
        (filter("family ew \"ebra\""), vec!["short", "zebra"]),
        (filter("family co \"horse\""), vec!["horse"]),
        (filter(&format!("family sw \"{whole}\"")), vec!["zebra"]),
        (
            filter("not (family co \"zebra\")"),
            vec!["full", "horse", "other"],
        ),
        (
            filter("family co \"horse\" or family ew \"ghij\""),
            vec!["full", "horse"],
        ),
        (
            "Patient?family:contains=zebra&_id=short,horse".to_owned(),
            vec!["short"],
        ),
        (
            "Observation?subject:Patient.name:contains=zebra".to_owned(),
            vec!["short", "zebra"],
        ),
        (
            "Observation?patient.family:contains=horse&status=final".to_owned(),
            vec!["horse"],
        ),
        (
            "Patient?_has:Observation:patient:status=final&family:contains=horse".to_owned(),
            vec!["horse"],
        ),
        (
            "Patient/zebra/Observation?subject:Patient.name:contains=zebra".to_owned(),
            vec!["zebra"],
        ),
    ] {
        assert_eq!(house.found(&all, &url).await, expected, "{url}");
    }
    // Totals and pages are of the same matches.
    let url = "Patient?family:contains=zebra&_total=accurate&_count=1";
    let page = json(&house.ask(&all, Get, url, None).await);
    assert_eq!(page["total"], 2);
    // A change takes the mark away, and a deletion the resource.
    house.put(&patient("zebra", "Lion")).await;
    house.ask(&all, Delete, "Observation/horse", None).await;
    house.ask(&all, Delete, "Patient/horse", None).await;
    let url = "Patient?family:contains=zebra";
    assert_eq!(house.found(&all, url).await, ["short"]);
}

pub async fn who_may_not_see_a_long_text_is_not_told_by_it(house: House) {
    people(&house).await;
    let own = app("patient/*.rs", "Patient/horse");
    for (url, expected) in [
        ("Patient?name:contains=zebra", vec![]),
        ("Patient?name:contains=horse", vec!["horse"]),
        ("Observation?subject:Patient.name:contains=zebra", vec![]),
        (
            "Observation?subject:Patient.name:contains=horse",
            vec!["horse"],
        ),
    ] {
        assert_eq!(house.found(&own, url).await, expected, "{url}");
    }
}

pub async fn long_displays_and_uris_are_found_to_their_end(house: House) {
    let display = "word ".repeat(90) + "walrus";
    let url = format!("http://example.org/{}/end", "a".repeat(1_100));
    let coded = |id: &str, display: &str| {
        value!({ "resourceType": "Condition", "id": id, "subject": { "reference": "Patient/p" },
            "code": { "coding": [{ "system": "http://example.org", "code": "1", "display": display }] } })
    };
    house.put(&patient("p", "x")).await;
    house.put(&coded("long", &display)).await;
    house.put(&coded("short", "walrus")).await;
    house.put(&coded("none", "word")).await;
    house
        .put(&value!({ "resourceType": "ValueSet", "id": "v", "status": "active", "url": url }))
        .await;
    let all = loader();
    assert_eq!(
        house.found(&all, "Condition?code:text=walrus").await,
        ["long", "short"]
    );
    assert_eq!(
        house
            .found(&all, "Condition?_filter=code%20co%20%22rd%20walrus%22")
            .await,
        ["long"]
    );
    let cut = url.len() - 3;
    for (query, expected) in [
        (format!("ValueSet?url:below={}", &url[..cut]), vec!["v"]),
        (format!("ValueSet?url:below={}x", &url[..cut]), vec![]),
        (format!("ValueSet?url:above={url}/more"), vec!["v"]),
    ] {
        assert_eq!(house.found(&all, &query).await, expected, "{query}");
    }
}

pub async fn a_condition_of_a_write_looks_at_no_long_text(house: House) {
    people(&house).await;
    let all = loader();
    let refused = house
        .ask(&all, Delete, "Patient?name:contains=horse", None)
        .await;
    assert_eq!(refused.status, 400, "{}", text(&refused));
    assert!(text(&refused).contains("texts longer than the index keeps"));
    // Where there is none any more, it is a criterion like others.
    for id in ["zebra", "horse", "other"] {
        house.put(&patient(id, "only")).await;
    }
    let reply = house
        .ask(&all, Delete, "Patient?name:contains=zebra", None)
        .await;
    assert_eq!(reply.status, 409, "{}", text(&reply));
}

/// Each of them looks at no text that is too long, until the first has stored one.
pub async fn a_long_text_that_comes_meanwhile_ends_a_condition(house: House) {
    let body =
        value!({ "resourceType": "Patient", "name": [{ "family": format!("{} Zebra", start()) }] });
    let mut create = call(Post, "Patient", Some(&body));
    create.conditions.if_none_exist = Some("family:contains=zebra".to_owned());
    assert_eq!(
        house.at_once(&create, 8).await,
        BTreeMap::from([(201, 1), (400, 7)])
    );
    let all = house.found(&loader(), "Patient?_count=100").await;
    assert_eq!(all.len(), 1);
}
