//! A parameter without a value in conditions of writes and in searches; a count wherever it stands; and what the resources of a
//! page tell of themselves: systems of contact points, words of narratives, keys to sort by.

use crate::house::{House, call, json, loader, text};
use serde_json::{Value, json as value};
use ward_resources::Reply;
use ward_resources::route::Method::{Delete, Get, Patch, Post, Put};

fn patient(id: &str) -> Value {
    value!({ "resourceType": "Patient", "id": id, "name": [{ "family": "Blank" }] })
}

async fn get(house: &House, url: &str) -> Value {
    let reply = house.ask(&loader(), Get, url, None).await;
    assert_eq!(reply.status, 200, "{url}: {}", text(&reply));
    json(&reply)
}

/// Ids of the matches in their order.
async fn found(house: &House, url: &str) -> String {
    let bundle = get(house, url).await;
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    let matches = entries.iter().filter(|e| e["search"]["mode"] == "match");
    let ids = matches.map(|e| e["resource"]["id"].as_str().unwrap_or_default().to_owned());
    ids.collect::<Vec<_>>().join(" ")
}

/// What is said beside the matches.
async fn warning(house: &House, url: &str) -> String {
    let bundle = get(house, url).await;
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    let outcome = entries.iter().find(|e| e["search"]["mode"] == "outcome");
    let text = outcome.and_then(|e| e["resource"]["issue"][0]["diagnostics"].as_str());
    text.unwrap_or_default().to_owned()
}

/// Each would have written as if nothing matched, or everything did.
pub async fn a_condition_without_a_value_writes_nothing(house: House) {
    house.put(&patient("one")).await;
    let mut body = patient("x");
    body.as_object_mut().unwrap().remove("id");
    let patch = value!({ "resourceType": "Parameters", "parameter": [] });
    for criteria in [
        "identifier=",
        "name=%20",
        "identifier=,",
        "name=Blank&identifier=",
        "_id:not=",
        "general-practitioner.name=",
    ] {
        let on = format!("Patient?{criteria}");
        let mut create = call(Post, "Patient", Some(&body));
        create.conditions.if_none_exist = Some(criteria.to_owned());
        let calls = [
            create,
            call(Put, &on, Some(&body)),
            call(Patch, &on, Some(&patch)),
            call(Delete, &on, None),
        ];
        for asked in calls {
            let reply: Reply = house.engine.answer(&loader(), &asked).await;
            let said = text(&reply);
            assert_eq!(reply.status, 400, "{criteria} {:?}", asked.interaction);
            assert!(said.contains("it has no value"), "{criteria}: {said}");
        }
    }
    let entry = value!({ "resourceType": "Bundle", "type": "transaction", "entry": [{ "resource": body,
        "request": { "method": "POST", "url": "Patient", "ifNoneExist": "identifier=" } }] });
    let reply = house.ask(&loader(), Post, "", Some(&entry)).await;
    assert_eq!(reply.status, 400, "{}", text(&reply));
    assert_eq!(found(&house, "Patient?_count=10").await, "one");
}

pub async fn a_search_leaves_out_what_has_no_value(house: House) {
    house.put(&patient("one")).await;
    house.put(&patient("two")).await;
    for parameter in [
        "_query=",
        "identifier=",
        "name:missing=",
        "_filter=",
        "_text=",
        "_sort=",
    ] {
        let url = format!("Patient?_id=two&{parameter}");
        assert_eq!(found(&house, &url).await, "two", "{url}");
        let said = warning(&house, &url).await;
        assert!(said.ends_with("it has no value."), "{url}: {said}");
        let mut asked = call(Get, &url, None);
        asked.prefer.strict = true;
        let reply = house.engine.answer(&loader(), &asked).await;
        assert_eq!(reply.status, 400, "{url}: {}", text(&reply));
    }
    // The subject and the kind that $lastn demands are no less demanded.
    let url = "Observation/$lastn?patient=&category=laboratory";
    let reply = house.ask(&loader(), Get, url, None).await;
    assert_eq!(reply.status, 400, "{}", text(&reply));
    assert_eq!(found(&house, "Patient?_id:not=two").await, "one");
    assert_eq!(found(&house, "Patient?_id:not=two,one").await, "");
}

pub async fn a_count_is_a_count_wherever_it_stands(house: House) {
    for id in ["one", "two", "three"] {
        house.put(&patient(id)).await;
    }
    for query in [
        "_summary=count",
        "_summary=count&_count=1",
        "_count=1&_summary=count",
        "_summary=count&_total=none",
        "_count=0&_total=none",
        "_total=none&_count=0",
    ] {
        let bundle = get(&house, &format!("Patient?{query}")).await;
        assert_eq!(bundle["total"], 3, "{query}");
        assert!(bundle.get("entry").is_none(), "{query}: {bundle}");
        let links = bundle["link"].as_array().unwrap();
        let next = links.iter().any(|link| link["relation"] == "next");
        assert!(!next, "{query}");
    }
}

pub async fn resources_tell_what_no_index_holds(house: House) {
    let told = |id: &str, div: &str, more: Value| {
        let mut body = value!({ "resourceType": "Patient", "id": id, "text": { "status": "generated",
            "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{div}</div>") } });
        let more = more.as_object().cloned().unwrap_or_default();
        body.as_object_mut().unwrap().extend(more);
        body
    };
    let mail = |system: &str| value!([{ "system": system, "value": "a@b.example" }]);
    for body in [
        told(
            "a",
            "caf&#233; &amp; bar",
            value!({ "telecom": mail("email"), "deceasedDateTime": "2020-01-01" }),
        ),
        told(
            "b",
            "meta<b>stases</b>",
            value!({ "telecom": mail("url"), "deceasedBoolean": false }),
        ),
        told("c", "<p>meta</p><p>stases</p>", value!({})),
    ] {
        house.put(&body).await;
    }
    for (url, expected) in [
        ("Patient?_text=caf%C3%A9", "a"),
        ("Patient?_content=cafe", "a"),
        ("Patient?_text=metastases", "b"),
        ("Patient?_text=stases", "c"),
        ("Patient?_filter=_text eq metastases", "b"),
        ("Patient?_filter=not (_text eq cafe)&_sort=_id", "b c"),
        ("Patient?telecom=email|a@b.example", "a"),
        ("Patient?telecom=url|a@b.example", "b"),
        ("Patient?telecom=phone|a@b.example", ""),
        ("Patient?telecom:not=email|a@b.example&_sort=_id", "b c"),
        ("Patient?_sort=-deceased,_id", "a b c"),
        ("Patient?_sort=deceased,-_id", "c b a"),
    ] {
        assert_eq!(found(&house, url).await, expected, "{url}");
    }
}

pub async fn quantities_are_in_order_across_units(house: House) {
    for (id, number, unit) in [
        ("big", 0.2, "g"),
        ("small", 5400.0, "ug"),
        ("middle", 100.0, "mg"),
    ] {
        house
            .put(&value!({ "resourceType": "Observation", "id": id, "status": "final", "code": { "text": "x" },
                "valueQuantity": { "value": number, "system": "http://unitsofmeasure.org", "code": unit } }))
            .await;
    }
    for (url, expected) in [
        ("Observation?_sort=value-quantity", "small middle big"),
        ("Observation?_sort=-value-quantity", "big middle small"),
        ("Observation?_sort=combo-value-quantity", "small middle big"),
    ] {
        assert_eq!(found(&house, url).await, expected, "{url}");
    }
    // And page by page.
    let page = get(&house, "Observation?_sort=value-quantity&_count=2").await;
    let next = crate::pinned::follow(&page, "next").unwrap();
    let rest = json(&house.engine.answer(&loader(), &next).await);
    assert_eq!(rest["entry"][0]["resource"]["id"], "big");
}
