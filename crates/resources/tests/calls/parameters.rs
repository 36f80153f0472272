//! SearchParameters that clients define: served from the moment they are stored, and no longer when they are gone.

use crate::house::{House, app, json, loader, system, text};
use crate::placement::{entry, transaction};
use serde_json::{Value, json as value};
use ward_resources::Engine;
use ward_resources::route::Method::{Delete, Get, Post, Put};

pub fn parameter(id: &str, code: &str, expression: &str) -> Value {
    value!({ "resourceType": "SearchParameter", "id": id, "url": format!("http://example.org/{id}"), "name": "Test",
        "status": "active", "description": "test", "code": code, "base": ["Patient"], "type": "token", "expression": expression })
}

fn patient(id: &str, colour: &str) -> Value {
    value!({ "resourceType": "Patient", "id": id, "extension": [
        { "url": "http://example.org/colour", "valueCode": colour }, { "url": "http://example.org/other", "valueCode": "blue" } ] })
}

pub const COLOUR: &str = "Patient.extension('http://example.org/colour').value";
const OTHER: &str = "Patient.extension.where(url = 'http://example.org/other').value.ofType(code)";

/// Ids of the matches, sorted; 400 where the parameter is unknown.
async fn found(house: &House, query: &str) -> Result<Vec<String>, u16> {
    ids(&house.engine, query).await
}

async fn ids(engine: &Engine, query: &str) -> Result<Vec<String>, u16> {
    let mut call = crate::house::call(Get, query, None);
    call.prefer.strict = true;
    let reply = engine.answer(&loader(), &call).await;
    if reply.status != 200 {
        return Err(reply.status);
    }
    let entries = json(&reply)["entry"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let matches = entries.iter().filter(|e| e["search"]["mode"] == "match");
    let mut ids: Vec<String> = matches
        .map(|e| e["resource"]["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    Ok(ids)
}

pub async fn define(house: &House, body: &Value) -> u16 {
    let url = format!("SearchParameter/{}", body["id"].as_str().unwrap());
    let reply = house.ask(&loader(), Put, &url, Some(body)).await;
    reply.status
}

pub async fn a_definition_answers_at_once_and_until_it_ends(house: House) {
    for (id, colour) in [("a", "red"), ("b", "blue"), ("c", "red")] {
        house.put(&patient(id, colour)).await;
    }
    assert_eq!(found(&house, "Patient?colour=red").await, Err(400));
    assert_eq!(
        define(&house, &parameter("colour", "colour", COLOUR)).await,
        201
    );
    assert_eq!(
        found(&house, "Patient?colour=red").await.unwrap(),
        ["a", "c"]
    );
    assert_eq!(
        found(&house, "Patient?colour=red&_id=c").await.unwrap(),
        ["c"]
    );
    assert_eq!(
        found(&house, "Patient?colour:not=red").await.unwrap(),
        ["b"]
    );
    // What others write meanwhile is in it.
    house.put(&patient("b", "red")).await;
    house.ask(&loader(), Delete, "Patient/a", None).await;
    house.put(&patient("d", "red")).await;
    assert_eq!(
        found(&house, "Patient?colour=red").await.unwrap(),
        ["b", "c", "d"]
    );
    let total = house
        .ask(
            &loader(),
            Get,
            "Patient?colour=red&_total=accurate&_count=1",
            None,
        )
        .await;
    assert_eq!(json(&total)["total"], 3);
    // Another expression under the same name, then another name, then none.
    assert_eq!(
        define(&house, &parameter("colour", "colour", OTHER)).await,
        200
    );
    assert_eq!(found(&house, "Patient?colour=red").await.unwrap(), [""; 0]);
    assert_eq!(
        found(&house, "Patient?colour=blue").await.unwrap(),
        ["b", "c", "d"]
    );
    assert_eq!(
        define(&house, &parameter("colour", "tone", COLOUR)).await,
        200
    );
    assert_eq!(found(&house, "Patient?colour=blue").await, Err(400));
    assert_eq!(
        found(&house, "Patient?tone=red").await.unwrap(),
        ["b", "c", "d"]
    );
    let mut retired = parameter("colour", "tone", COLOUR);
    retired["status"] = value!("retired");
    assert_eq!(define(&house, &retired).await, 200);
    assert_eq!(found(&house, "Patient?tone=red").await, Err(400));
    assert_eq!(
        define(&house, &parameter("colour", "tone", COLOUR)).await,
        200
    );
    assert_eq!(found(&house, "Patient?tone=red").await.unwrap().len(), 3);
    house
        .ask(&loader(), Delete, "SearchParameter/colour", None)
        .await;
    assert_eq!(found(&house, "Patient?tone=red").await, Err(400));
}

pub async fn what_cannot_be_served_is_not_stored(house: House) {
    let refused = house
        .ask(
            &loader(),
            Put,
            "SearchParameter/x",
            Some(&parameter("x", "x", "Patient.name.first()")),
        )
        .await;
    assert_eq!(refused.status, 422, "{}", text(&refused));
    let issue = &json(&refused)["issue"][0];
    assert_eq!(issue["expression"][0], "SearchParameter.expression");
    assert!(
        issue["diagnostics"]
            .as_str()
            .unwrap()
            .contains("'first()' (from character 14)")
    );
    assert_eq!(
        house
            .ask(&loader(), Get, "SearchParameter/x", None)
            .await
            .status,
        404
    );
    // A draft need not be finished.
    let mut draft = parameter("x", "x", "Patient.name.first()");
    draft["status"] = value!("draft");
    assert_eq!(define(&house, &draft).await, 201);
    assert_eq!(found(&house, "Patient?x=1").await, Err(400));
    // A name is defined once; the same elements under a name of R4 are R4's.
    assert_eq!(
        define(&house, &parameter("one", "colour", COLOUR)).await,
        201
    );
    assert_eq!(
        define(&house, &parameter("two", "colour", OTHER)).await,
        422
    );
    assert_eq!(
        define(&house, &parameter("one", "colour", OTHER)).await,
        200
    );
    assert_eq!(
        define(&house, &parameter("three", "gender", "Patient.gender")).await,
        201
    );
    assert_eq!(
        define(&house, &parameter("four", "gender", COLOUR)).await,
        422
    );
    // Inside a transaction the same holds.
    let bundle = transaction(vec![entry(
        "PUT",
        "SearchParameter/five",
        parameter("five", "five", "Patient.repeat(contact)"),
    )]);
    assert_eq!(
        house.ask(&loader(), Post, "", Some(&bundle)).await.status,
        422
    );
    let bundle = transaction(vec![
        entry(
            "PUT",
            "SearchParameter/six",
            parameter("six", "six", COLOUR),
        ),
        value!({ "request": { "method": "GET", "url": "Patient?_id=none" } }),
    ]);
    assert_eq!(
        house.ask(&loader(), Post, "", Some(&bundle)).await.status,
        200
    );
    assert_eq!(found(&house, "Patient?six=red").await.unwrap(), [""; 0]);
}

pub async fn who_is_bound_to_a_patient_defines_nothing(house: House) {
    house.put(&patient("own", "red")).await;
    let caller = app("patient/*.cruds", "Patient/own");
    let body = parameter("mine", "mine", COLOUR);
    let reply = house
        .ask(&caller, Put, "SearchParameter/mine", Some(&body))
        .await;
    assert!(
        reply.status == 403 || reply.status == 404,
        "{}",
        reply.status
    );
    let reply = house
        .ask(&caller, Post, "SearchParameter", Some(&body))
        .await;
    assert_eq!(reply.status, 403, "{}", text(&reply));
    let reply = house
        .ask(
            &system("system/Patient.cruds"),
            Put,
            "SearchParameter/mine",
            Some(&body),
        )
        .await;
    assert_eq!(reply.status, 403);
    assert_eq!(found(&house, "Patient?mine=red").await, Err(400));
    // What others define is answered of what they may see.
    house.put(&patient("other", "red")).await;
    assert_eq!(
        define(&house, &parameter("colour", "colour", COLOUR)).await,
        201
    );
    let seen = house
        .ask(&caller, Get, "Patient?colour=red&_total=accurate", None)
        .await;
    assert_eq!(json(&seen)["total"], 1, "{}", text(&seen));
}

pub async fn definitions_are_told(house: House) {
    define(&house, &parameter("colour", "colour", COLOUR)).await;
    let statement = json(&house.ask(&loader(), Get, "metadata", None).await);
    let patient = statement["rest"][0]["resource"]
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["type"] == "Patient");
    let listed = patient.unwrap()["searchParam"]
        .as_array()
        .unwrap()
        .iter()
        .find(|p| p["name"] == "colour")
        .cloned();
    assert_eq!(listed.unwrap()["definition"], "http://example.org/colour");
    house
        .ask(&loader(), Delete, "SearchParameter/colour", None)
        .await;
    let statement = text(&house.ask(&loader(), Get, "metadata", None).await);
    assert!(!statement.contains("http://example.org/colour"));
    define(&house, &parameter("colour", "colour", COLOUR)).await;
    let wrong = house.ask(&loader(), Get, "Patient?colours=red", None).await;
    assert!(
        text(&wrong).contains("Did you mean colour"),
        "{}",
        text(&wrong)
    );
    let explained = house
        .ask(&loader(), Get, "Patient?colour=red&explain=true", None)
        .await;
    assert!(
        text(&explained).contains("looking at each resource: colour"),
        "{}",
        text(&explained)
    );
    let conditional = house
        .ask(&loader(), Delete, "Patient?colour=red", None)
        .await;
    assert_eq!(conditional.status, 400, "{}", text(&conditional));
}

/// Another process over the same database learns of it when it looks.
pub async fn another_process_learns_of_it(house: House) {
    house.put(&patient("a", "red")).await;
    define(&house, &parameter("colour", "colour", COLOUR)).await;
    let Some(other) = house.another().await else {
        return;
    };
    // What was committed before it started.
    assert_eq!(ids(&other, "Patient?colour=red").await.unwrap(), ["a"]);
    define(&house, &parameter("colour", "tone", COLOUR)).await;
    other.watch_search_parameters().await;
    assert_eq!(ids(&other, "Patient?colour=red").await, Err(400));
    assert_eq!(ids(&other, "Patient?tone=red").await.unwrap(), ["a"]);
    house
        .ask(&loader(), Delete, "SearchParameter/colour", None)
        .await;
    other.watch_search_parameters().await;
    assert_eq!(ids(&other, "Patient?tone=red").await, Err(400));
}
