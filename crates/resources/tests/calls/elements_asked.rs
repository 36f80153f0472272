//! Who sees a part of a type: each way around that could tell of the rest, beside what random questions find (`parts`).

use crate::elements::{HIDDEN, READ, condition, refused};
use crate::house::{House, Policy, call, in_role, json, loader, text};
use serde_json::json as value;
use ward_fhir::Kind;
use ward_resources::route::Method::Get;

/// Each is refused whether there is something to be told or not.
pub async fn no_way_around_tells_what_is_not_seen(house: House) {
    let policies: [Policy<'_>; 7] = [
        ("Condition", &["code", "onset"], READ),
        ("List", &["title"], READ),
        ("ValueSet", &["url", "name"], READ),
        ("OperationDefinition", &["name"], READ),
        ("Observation", &["value"], READ),
        ("Practitioner", &[], READ),
        ("Patient", &[], READ),
    ];
    let clerk = in_role(&policies, "user/*.rs");
    let urls = [
        "Patient/1/Condition",
        "Patient/1/*",
        "Patient/1/$everything",
        "Patient/$everything",
        "Practitioner/dr/Condition",
        "Practitioner/dr/*",
        "Observation/$lastn?patient=Patient/1&code=http://a|old",
        "Condition?_list=l",
        "Patient?_list=l",
        "Condition?asserter=Practitioner/dr",
        "Practitioner?_has:Condition:asserter:code=http://a|old",
        "Condition?_include=Condition:asserter",
        "Practitioner?_revinclude=Condition:asserter",
    ];
    // Nobody is there yet whose record it could be.
    let is_absent = |url: &str| url == "Patient/1/$everything";
    let mut before = Vec::new();
    for url in urls {
        let reply = house.ask(&clerk, Get, url, None).await;
        let expected = if is_absent(url) {
            (404, Some(Kind::NotFound))
        } else {
            HIDDEN
        };
        assert_eq!(refused(&reply), expected, "{url}: {}", text(&reply));
        before.push(text(&reply));
    }
    house
        .put(&value!({ "resourceType": "Patient", "id": "1" }))
        .await;
    house
        .put(&value!({ "resourceType": "Practitioner", "id": "dr" }))
        .await;
    let path = house.put(&condition("c")).await;
    house
        .put(
            &value!({ "resourceType": "List", "id": "l", "status": "current", "mode": "working",
        "entry": [{ "item": { "reference": &path } }] }),
        )
        .await;
    house
        .put(
            &value!({ "resourceType": "ValueSet", "id": "v", "url": "http://v", "status": "active",
        "compose": { "include": [{ "system": "http://a", "concept": [{ "code": "old" }] }] } }),
        )
        .await;
    house.put(&value!({ "resourceType": "OperationDefinition", "id": "o", "name": "O", "status": "active", "kind": "query",
        "code": "olds", "system": false, "type": true, "instance": false, "resource": ["Condition"],
        "extension": [{ "url": "urn:ward:named-query", "valueString": "code=http://a|old" }] })).await;
    for (url, before) in urls.iter().zip(before) {
        let reply = house.ask(&clerk, Get, url, None).await;
        assert_eq!(refused(&reply), HIDDEN, "{url}: {}", text(&reply));
        assert!(is_absent(url) || text(&reply) == before, "{url}");
    }
    // What is read of a part as a whole would be: value sets, named queries.
    for url in ["Condition?code:in=http://v", "Condition?_query=olds"] {
        assert_eq!(
            house.ask(&loader(), Get, url, None).await.status,
            200,
            "{url}"
        );
        let reply = house.ask(&clerk, Get, url, None).await;
        assert!(reply.status >= 400, "{url}: {}", text(&reply));
    }
    // Types without a hidden place stay open.
    let reply = house
        .ask(&clerk, Get, "Patient/1/$everything?_type=Patient", None)
        .await;
    assert_eq!(reply.status, 200, "{}", text(&reply));
    let reply = house
        .ask(&clerk, Get, "Condition?_include=*&_revinclude=*", None)
        .await;
    let included = json(&reply)["entry"].as_array().unwrap().len();
    assert_eq!(
        included,
        2,
        "the condition and its patient: {}",
        text(&reply)
    );
}

pub async fn no_chain_leads_into_what_is_not_seen(house: House) {
    house.put(&value!({ "resourceType": "Condition", "id": "c", "subject": { "reference": "Patient/1" },
        "asserter": { "reference": "#p" },
        "contained": [{ "resourceType": "Practitioner", "id": "p", "name": [{ "family": "Inside" }] }] })).await;
    let found = async |elements: &[&str]| {
        let policies: [Policy<'_>; 2] =
            [("Condition", elements, READ), ("Practitioner", &[], READ)];
        let clerk = in_role(&policies, "user/*.rs");
        let url = "Condition?asserter:Practitioner.family=Inside&_total=accurate";
        let reply = house.ask(&clerk, Get, url, None).await;
        assert_eq!(reply.status, 200, "{}", text(&reply));
        json(&reply)["total"].as_u64().unwrap()
    };
    assert_eq!(found(&["asserter"]).await, 0);
    assert_eq!(found(&["asserter", "contained"]).await, 1);
}

pub async fn rows_do_not_come_in_the_order_of_a_hidden_date(house: House) {
    for (id, date) in [("b", "2021"), ("c", "2019"), ("a", "2020")] {
        let mut body = condition(id);
        body["onsetDateTime"] = value!(date);
        house.put(&body).await;
    }
    let ids = async |elements: &[&str], url: &str| {
        let policies: [Policy<'_>; 2] = [("Condition", elements, READ), ("Patient", &[], READ)];
        let reply = house
            .ask(&in_role(&policies, "user/*.rs"), Get, url, None)
            .await;
        let bundle = json(&reply);
        let entries = bundle["entry"].as_array().unwrap().clone();
        let of = entries
            .iter()
            .filter(|e| e["resource"]["resourceType"] == "Condition");
        let ids: Vec<String> = of
            .map(|e| e["resource"]["id"].as_str().unwrap().to_owned())
            .collect();
        ids.concat()
    };
    house
        .put(&value!({ "resourceType": "Patient", "id": "1" }))
        .await;
    for url in [
        "Condition",
        "?_type=Condition,Patient&_lastUpdated=gt2000",
        "Patient?_revinclude=Condition:subject",
    ] {
        assert_eq!(ids(&["code", "onset"], url).await, "bac", "{url}");
        assert_eq!(
            ids(&["code"], url).await,
            "acb",
            "the last change first: {url}"
        );
    }
    // Page by page.
    let clerk = in_role(&[("Condition", &["code"], READ)], "user/*.rs");
    let first = call(Get, "Condition?_count=1", None);
    let pages = crate::pinned::pages(&house, &clerk, first, true).await;
    let ids = pages
        .iter()
        .map(|page| json(page)["entry"][0]["resource"]["id"].clone());
    assert_eq!(ids.collect::<Vec<_>>(), ["a", "c", "b"]);
}

pub async fn scopes_by_what_is_not_seen_grant_nothing(house: House) {
    house.put(&condition("c")).await;
    for (scope, status) in [
        ("user/Condition.rs?code=http://a|old", 200),
        ("user/Condition.rs?asserter=Practitioner/dr", 403),
        ("user/Condition.rs?onset-date=2020-01-02", 403),
    ] {
        let policy: [Policy<'_>; 1] = [("Condition", &["code"], READ)];
        let clerk = in_role(&policy, scope);
        let reply = house.ask(&clerk, Get, "Condition/c", None).await;
        assert_eq!(reply.status, status, "{scope}: {}", text(&reply));
        let whole: [Policy<'_>; 1] = [("Condition", &[], READ)];
        let reply = house
            .ask(&in_role(&whole, scope), Get, "Condition/c", None)
            .await;
        assert_eq!(reply.status, 200, "{scope}: {}", text(&reply));
    }
}
