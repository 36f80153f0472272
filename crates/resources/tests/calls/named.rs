//! Named queries: OperationDefinitions of kind `query` become ordinary queries, for whoever may read them.

use crate::house::{House, app, json, loader, system, text};
use serde_json::{Value, json as value};
use ward_access::Caller;
use ward_resources::route::Method::{Delete, Get, Put};

fn query(id: &str, code: &str, template: &str, parameters: &[(&str, u8, &str)]) -> Value {
    let parameters: Vec<Value> = parameters
        .iter()
        .map(|(name, min, max)| {
            value!({ "name": name, "use": "in", "min": min, "max": max, "type": "string", "searchType": "string" })
        })
        .collect();
    let mut body = value!({ "resourceType": "OperationDefinition", "id": id, "name": "Test", "status": "active", "kind": "query",
        "code": code, "resource": ["Patient"], "system": false, "type": true, "instance": false,
        "extension": [{ "url": "urn:ward:named-query", "valueString": template }] });
    if !parameters.is_empty() {
        body["parameter"] = value!(parameters);
    }
    body
}

fn patient(id: &str, family: &str, born: &str) -> Value {
    value!({ "resourceType": "Patient", "id": id, "gender": "female", "birthDate": born, "name": [{ "family": family }] })
}

async fn define(house: &House, body: &Value) -> (u16, String) {
    let url = format!("OperationDefinition/{}", body["id"].as_str().unwrap());
    let reply = house.ask(&loader(), Put, &url, Some(body)).await;
    (reply.status, text(&reply))
}

async fn defined(house: &House, body: &Value) {
    let (status, said) = define(house, body).await;
    assert!(status < 300, "{said}");
}

async fn asked(house: &House, caller: &Caller, url: &str) -> (u16, Value) {
    let reply = house.ask(caller, Get, url, None).await;
    (reply.status, json(&reply))
}

fn ids(bundle: &Value) -> Vec<&str> {
    let entries = bundle["entry"].as_array().into_iter().flatten();
    entries
        .map(|e| e["resource"]["id"].as_str().unwrap())
        .collect()
}

async fn refusal(house: &House, caller: &Caller, url: &str) -> String {
    let (status, outcome) = asked(house, caller, url).await;
    assert_eq!(status, 400, "{url}: {outcome}");
    outcome["issue"][0]["diagnostics"]
        .as_str()
        .unwrap()
        .to_owned()
}

const ELDERS: &str = "gender=female&birthdate=lt{before}&family={family}&_sort=birthdate";

async fn people(house: &House) {
    for (id, family, born) in [
        ("a", "Abel", "1930-01-01"),
        ("b", "Berg", "1940-01-01"),
        ("c", "Berger", "1950-01-01"),
        ("d", "Dahl", "2000-01-01"),
    ] {
        house.put(&patient(id, family, born)).await;
    }
    let parameters = [("before", 1, "1"), ("family", 0, "*")];
    defined(house, &query("elders", "elders", ELDERS, &parameters)).await;
}

pub async fn a_named_query_is_the_query_it_stands_for(house: House) {
    people(&house).await;
    let all = loader();
    let (status, found) = asked(&house, &all, "Patient?_query=elders&before=1960").await;
    assert_eq!((status, ids(&found)), (200, vec!["a", "b", "c"]), "{found}");
    let link = found["link"][0]["url"].as_str().unwrap();
    assert!(
        link.ends_with("/Patient?gender=female&birthdate=lt1960&_sort=birthdate"),
        "{link}"
    );
    // What is asked beside it narrows it, and shapes the answer in its place; its pages are those of the ordinary query.
    let url = "Patient?_query=elders&before=1960&family=Ber&family=Berg,Berger&_sort=-birthdate&_count=1&_total=accurate";
    let (_, page) = asked(&house, &all, url).await;
    assert_eq!((ids(&page), &page["total"]), (vec!["c"], &value!(2)));
    let next = page["link"].as_array().unwrap();
    let next = next.iter().find(|l| l["relation"] == "next").unwrap();
    let next = next["url"].as_str().unwrap().split("/fhir/").nth(1);
    let (_, page) = asked(&house, &all, next.unwrap()).await;
    assert_eq!(ids(&page), ["b"]);
    let (_, found) = asked(&house, &all, "Patient?_query=elders&before=1960&_id=b,d").await;
    assert_eq!(ids(&found), ["b"]);
    // A value is what the caller's own would be in the ordinary query, and can be no further parameter.
    let (_, found) = asked(
        &house,
        &all,
        "Patient?_query=elders&before=1960%26_id=d&family=x",
    )
    .await;
    assert_eq!(found["resourceType"], "OperationOutcome", "{found}");
    // A change is in force with its answer, and so is an end.
    defined(
        &house,
        &query(
            "elders",
            "elders",
            "birthdate=ge{before}",
            &[("before", 1, "1")],
        ),
    )
    .await;
    let (_, found) = asked(&house, &all, "Patient?_query=elders&before=1960").await;
    assert_eq!(ids(&found), ["d"]);
    house
        .ask(&all, Delete, "OperationDefinition/elders", None)
        .await;
    refusal(&house, &all, "Patient?_query=elders&before=1960").await;
}

pub async fn what_is_no_query_is_refused(house: House) {
    people(&house).await;
    let all = loader();
    for (url, said) in [
        ("Patient?_query=elder&before=1960", "Did you mean elders?"),
        ("Patient?_query=zzzzzz", "Unknown named query 'zzzzzz'"),
        ("Patient?_query=a%20b", "Unknown named query"),
        (
            "Observation?_query=elders&before=1960",
            "Unknown named query",
        ),
        ("?_query=elders&before=1960", "Unknown named query"),
        ("Patient?_query=elders", "needs the parameter 'before'"),
        (
            "Patient?_query=elders&before=",
            "needs the parameter 'before'",
        ),
        (
            "Patient?_query=elders&before=1&before=2",
            "takes 'before' once",
        ),
        (
            "Patient?_query=elders&before=1960&famly=x",
            "Did you mean family",
        ),
        (
            "Patient?_query=elders&befor=1960&before=1960",
            "Did you mean before",
        ),
        ("Patient?_query=elders&before=1960&_sorted=x", "_sort"),
        ("Patient?_query=elders&_query=elders", "once"),
        (
            "Patient?_has:Observation:patient:_query=elders",
            "by itself",
        ),
        ("Observation?patient._query=elders", "by itself"),
    ] {
        let diagnostics = refusal(&house, &all, url).await;
        assert!(diagnostics.contains(said), "{url}: {diagnostics}");
    }
    // Of two definitions none is guessed.
    defined(&house, &query("again", "elders", "gender=male", &[])).await;
    let (status, outcome) = asked(&house, &all, "Patient?_query=elders&before=1960").await;
    assert_eq!(status, 422, "{outcome}");
    let mut draft = query("again", "elders", "gender=male", &[]);
    draft["status"] = value!("draft");
    defined(&house, &draft).await;
    let (status, _) = asked(&house, &all, "Patient?_query=elders&before=1960").await;
    assert_eq!(status, 200);
    // A condition of a write takes none.
    let reply = house
        .ask(&all, Delete, "Patient?_query=elders&before=1960", None)
        .await;
    assert_eq!(reply.status, 400, "{}", text(&reply));
}

pub async fn a_definition_that_cannot_be_answered_is_not_stored(house: House) {
    let one = [("x", 1, "1")];
    let changed = |template: &str, element: &str, to: Value| {
        let mut body = query("q", "q", template, &one);
        body[element] = to;
        body
    };
    let many = "x".repeat(4_001);
    for (body, place) in [
        (query("q", "q", "gendr={x}", &one), "extension"),
        (query("q", "q", "gender={y}", &one), "extension"),
        (query("q", "q", "gender=male", &one), "parameter"),
        (query("q", "q", "gender={x", &one), "extension"),
        (query("q", "q", "gender={x}&_sort={x}", &one), "extension"),
        (query("q", "q", "_filter=name eq {x}", &one), "extension"),
        (query("q", "q", "gender={x}&_query=q", &one), "extension"),
        (
            query("q", "q", "gender={x}&explain=true", &one),
            "extension",
        ),
        (
            query("q", "q", "gender={x}&birthdate=lt1x", &one),
            "extension",
        ),
        (
            query("q", "q", "gender={x}{x}", &[("x", 0, "*")]),
            "extension",
        ),
        (query("q", "q", &many, &one), "extension"),
        (query("q", "q", "&", &one), "extension"),
        (query("q", "_q", "gender={x}", &one), "code"),
        (
            query("q", "q", "gender={x}", &[("_x", 1, "1")]),
            "parameter[0].name",
        ),
        (changed("gender={x}", "instance", value!(true)), "instance"),
        (changed("gender={x}", "type", value!(false)), "resource"),
        (
            changed("gender={x}", "resource", value!(["Resource"])),
            "resource[0]",
        ),
        (
            changed("gender={x}", "resource", value!(["Patient", "Observation"])),
            "extension",
        ),
    ] {
        let (status, said) = define(&house, &body).await;
        assert_eq!(status, 422, "{body}: {said}");
        let outcome: Value = serde_json::from_str(&said).unwrap();
        let place = format!("OperationDefinition.{place}");
        assert_eq!(outcome["issue"][0]["expression"][0], place, "{said}");
    }
    // What is no query of this server's is stored, and means nothing.
    let mut other = query("q", "q", "nothing={known}", &[]);
    other["extension"] = value!([{ "url": "http://example.org/query", "valueString": "x" }]);
    defined(&house, &other).await;
    let said = refusal(&house, &loader(), "Patient?_query=q").await;
    assert!(said.contains("Unknown named query 'q'"), "{said}");
    // A brace is written twice; a value set may come later.
    let mut body = query(
        "q",
        "q",
        "value-quantity=5||{{score}}&code:in=http://example.org/later",
        &[],
    );
    body["resource"] = value!(["Observation"]);
    defined(&house, &body).await;
}

pub async fn a_named_query_shows_what_its_caller_may_see(house: House) {
    people(&house).await;
    let url = "Patient?_query=elders&before=1960&_total=accurate";
    let (_, found) = asked(&house, &app("patient/*.rs", "Patient/b"), url).await;
    assert_eq!((ids(&found), &found["total"]), (vec!["b"], &value!(1)));
    // Who may not read the definition has no such query, and is told of none.
    for scopes in [
        "system/Patient.rs",
        "system/Patient.rs system/OperationDefinition.s",
    ] {
        let diagnostics = refusal(&house, &system(scopes), url).await;
        assert_eq!(
            diagnostics, "Unknown named query 'elders' is not supported here.",
            "{scopes}"
        );
    }
    let caller = system("system/Patient.rs system/OperationDefinition.rs");
    assert_eq!(ids(&asked(&house, &caller, url).await.1).len(), 3);
    // The definition gives no right to what it asks for.
    let own = system("system/Observation.rs system/OperationDefinition.rs");
    let (status, _) = asked(&house, &own, url).await;
    assert_eq!(status, 403);
    // Inside a compartment, and over the system.
    let mut seen = query(
        "seen",
        "seen",
        "_lastUpdated=gt{since}",
        &[("since", 1, "1")],
    );
    seen["system"] = value!(true);
    seen["type"] = value!(false);
    seen.as_object_mut().unwrap().remove("resource");
    defined(&house, &seen).await;
    let (_, found) = asked(&house, &loader(), "Patient/b/*?_query=seen&since=2020").await;
    assert_eq!(ids(&found), ["b"]);
    let (_, found) = asked(&house, &loader(), "?_type=Patient&_query=seen&since=2020").await;
    assert_eq!(ids(&found).len(), 4);
}
