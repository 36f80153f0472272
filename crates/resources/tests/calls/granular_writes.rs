//! S71: what is written under a granular scope lies in it before and after.

use crate::granular::{LAB, VITALS, observation, seen, status, ward};
use crate::house::{House, app, call, json, loader, system, text};
use crate::placement::{entry, transaction};
use serde_json::{Value, json as value};
use ward_resources::route::Method::{Delete, Get, Patch, Post, Put};

pub async fn s71_what_is_written_stays_inside(house: House) {
    ward(&house).await;
    let caller = app(&format!("patient/Observation.cruds?{LAB}"), "Patient/one");
    let lab = |id: &str| observation(id, "laboratory", "Patient/one");
    let vital = |id: &str| observation(id, "vital-signs", "Patient/one");
    let without_id = |mut body: Value| {
        body.as_object_mut().unwrap().remove("id");
        body
    };
    let category = |code: &str| {
        value!({ "resourceType": "Parameters", "parameter": [{ "name": "operation", "part": [
            { "name": "type", "valueCode": "replace" }, { "name": "path", "valueString": "Observation.category[0].coding[0].code" },
            { "name": "value", "valueCode": code }] }] })
    };
    let none = Value::Null;
    let by_code = |id: &str| format!("Observation?code=http://loinc.org|{id}");
    for (method, url, body, expected) in [
        (Post, "Observation".to_owned(), vital("new"), 403),
        (
            Post,
            "Observation".to_owned(),
            observation("new", "laboratory", "Patient/two"),
            403,
        ),
        (Post, "Observation".to_owned(), lab("new"), 201),
        // To a state outside.
        (
            Put,
            "Observation/laboratory-one".to_owned(),
            vital("laboratory-one"),
            403,
        ),
        (
            Patch,
            "Observation/laboratory-one".to_owned(),
            category("vital-signs"),
            403,
        ),
        (
            Put,
            by_code("laboratory-one"),
            without_id(vital("laboratory-one")),
            403,
        ),
        (
            Patch,
            by_code("laboratory-one"),
            category("vital-signs"),
            403,
        ),
        // From outside, wherever to.
        (
            Put,
            "Observation/vital-signs-one".to_owned(),
            lab("vital-signs-one"),
            404,
        ),
        (
            Put,
            "Observation/vital-signs-one".to_owned(),
            vital("vital-signs-one"),
            404,
        ),
        (
            Patch,
            "Observation/vital-signs-one".to_owned(),
            category("laboratory"),
            404,
        ),
        (
            Put,
            "Observation/laboratory-two".to_owned(),
            lab("laboratory-two"),
            404,
        ),
        (Put, "Observation/nobody".to_owned(), lab("nobody"), 404),
        (
            Patch,
            by_code("vital-signs-one"),
            category("laboratory"),
            404,
        ),
        (
            Delete,
            "Observation/vital-signs-one".to_owned(),
            none.clone(),
            204,
        ),
        (Delete, by_code("vital-signs-one"), none.clone(), 204),
        // Inside.
        (
            Put,
            "Observation/laboratory-one".to_owned(),
            lab("laboratory-one"),
            200,
        ),
        (
            Patch,
            "Observation/panel".to_owned(),
            category("laboratory"),
            200,
        ),
    ] {
        let reply = house
            .ask(&caller, method, &url, (!body.is_null()).then_some(&body))
            .await;
        assert_eq!(reply.status, expected, "{method:?} {url}: {}", text(&reply));
    }
    // Nothing was removed that is not theirs.
    assert_eq!(
        status(&house, &loader(), Get, "Observation/vital-signs-one", &none).await,
        200
    );
    // A condition meets what matches among what is seen: this one creates beside what it does not see.
    let mut new = without_id(lab("x"));
    new["code"] = vital("vital-signs-one")["code"].clone();
    let reply = house
        .ask(&caller, Put, &by_code("vital-signs-one"), Some(&new))
        .await;
    assert_eq!(reply.status, 201, "{}", text(&reply));
    let mut conditional = call(Post, "Observation", Some(&new));
    conditional.conditions.if_none_exist = Some("code=http://loinc.org|social-history-one".into());
    let reply = house.engine.answer(&caller, &conditional).await;
    assert_eq!(reply.status, 201, "{}", text(&reply));
    conditional.conditions.if_none_exist = Some("code=http://loinc.org|laboratory-one".into());
    assert_eq!(house.engine.answer(&caller, &conditional).await.status, 200);
    let removed = status(&house, &caller, Delete, "Observation/panel", &none).await;
    assert_eq!(removed, 204);
    for below in ["", "/_history", "/_history/1"] {
        // What is deleted matches no scope any more.
        let url = format!("Observation/panel{below}");
        assert_eq!(
            status(&house, &caller, Get, &url, &none).await,
            404,
            "{url}"
        );
    }
    assert_eq!(
        status(&house, &loader(), Get, "Observation/panel", &none).await,
        410
    );
}

pub async fn s71_a_transaction_is_refused_as_a_whole(house: House) {
    ward(&house).await;
    let caller = app(&format!("patient/Observation.cruds?{LAB}"), "Patient/one");
    let post = |category: &str| {
        let mut body = observation("x", category, "Patient/one");
        body.as_object_mut().unwrap().remove("id");
        entry("POST", "Observation", body)
    };
    let put = |id: &str, category: &str| {
        let body = observation(id, category, "Patient/one");
        entry("PUT", &format!("Observation/{id}"), body)
    };
    let before = seen(&house, &loader(), "Observation").await;
    for (second, expected) in [
        (post("vital-signs"), 403),
        (put("laboratory-one", "vital-signs"), 403),
        (put("vital-signs-one", "laboratory"), 404),
    ] {
        let bundle = transaction(vec![post("laboratory"), second]);
        let reply = house.ask(&caller, Post, "", Some(&bundle)).await;
        assert_eq!(reply.status, expected, "{}", text(&reply));
        assert!(text(&reply).contains("Bundle.entry[1]"), "{}", text(&reply));
    }
    assert_eq!(seen(&house, &loader(), "Observation").await, before);
    let bundle = transaction(vec![
        post("laboratory"),
        put("laboratory-one", "laboratory"),
    ]);
    let reply = house.ask(&caller, Post, "", Some(&bundle)).await;
    assert_eq!(reply.status, 200, "{}", text(&reply));
    // Reads among the entries see what the transaction makes, as far as it is theirs.
    let get = |url: &str| value!({ "request": { "method": "GET", "url": url } });
    let bundle = transaction(vec![post("laboratory"), get("Observation?_summary=count")]);
    let reply = json(&house.ask(&caller, Post, "", Some(&bundle)).await);
    assert_eq!(reply["entry"][1]["resource"]["total"], 4);
}

/// A reference may mean something else once the transaction has given its identities: the scope looks at what is stored.
pub async fn s71_a_reference_is_judged_as_it_is_stored(house: House) {
    ward(&house).await;
    let caller =
        system("system/Observation.cruds?encounter=Encounter/visit-one system/Encounter.cruds");
    let there = |path: &str| format!("http://elsewhere.example.org/fhir/{path}");
    let mut visit = entry(
        "POST",
        "Encounter",
        value!({ "resourceType": "Encounter", "status": "finished", "class": { "code": "AMB" } }),
    );
    visit["fullUrl"] = value!(there("Encounter/visit-one"));
    let mut body = observation("x", "laboratory", "Patient/one");
    body.as_object_mut().unwrap().remove("id");
    body["encounter"] = value!({ "reference": "Encounter/visit-one" });
    let mut pulse = entry("POST", "Observation", body.clone());
    pulse["fullUrl"] = value!(there("Observation/2"));
    let reply = house
        .ask(&caller, Post, "", Some(&transaction(vec![visit, pulse])))
        .await;
    assert_eq!(reply.status, 403, "{}", text(&reply));
    let alone = transaction(vec![entry("POST", "Observation", body)]);
    let reply = house.ask(&caller, Post, "", Some(&alone)).await;
    assert_eq!(reply.status, 200, "{}", text(&reply));
}

/// What a conditional update creates must be the caller's to create, not only to update.
pub async fn s71_to_create_by_condition_takes_both_rights(house: House) {
    ward(&house).await;
    let caller = system(&format!(
        "system/Observation.c?{LAB} system/Observation.us?{VITALS}"
    ));
    let body = |category: &str| {
        let mut body = observation("x", category, "Patient/one");
        body.as_object_mut().unwrap().remove("id");
        body
    };
    for url in ["Observation?code=http://loinc.org|none"] {
        for category in ["laboratory", "vital-signs"] {
            let alone = status(&house, &caller, Put, url, &body(category)).await;
            assert_eq!(alone, 403, "{category}");
            let bundle = transaction(vec![entry("PUT", url, body(category))]);
            assert_eq!(
                status(&house, &caller, Post, "", &bundle).await,
                403,
                "{category}"
            );
        }
    }
}
