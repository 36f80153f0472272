//! Absent and forbidden look alike: same status, same body, same number of statements.

use crate::house::{House, app, json, text};
use crate::placement::{entry, observation, patient, transaction};
use serde_json::{Value, json as value};
use ward_access::Caller;
use ward_resources::route::Method::{self, Delete, Get, Patch, Post, Put};

const NOBODYS: &str = "nobodys";

fn with_id(mut body: Value, id: &str) -> Value {
    body["id"] = value!(id);
    body
}

/// Asks for one of another patient and for one that never was; the answers and the work must be equal.
async fn alike(
    house: &House,
    caller: &Caller,
    method: Method,
    url: impl Fn(&str) -> String,
    body: impl Fn(&str) -> Option<Value>,
    ids: [&str; 2],
    status: u16,
) {
    let mut answers = Vec::new();
    // The first round only fills caches.
    for id in [ids[0], ids[1], ids[0], ids[1]] {
        let (url, body) = (url(id), body(id));
        let asking = house.ask(caller, method, &url, body.as_ref());
        let (reply, statements) = house.statements(asking).await;
        assert_eq!(reply.status, status, "{url}: {}", text(&reply));
        let text = text(&reply).replace(id, "ID");
        answers.push((text, reply.version, reply.location.is_some(), statements));
    }
    assert_eq!(answers[2], answers[3], "{}", url("ID"));
}

pub async fn another_patients_id_is_as_good_as_none(house: House) {
    let own = house.put(&patient("own")).await;
    let other = house.put(&patient("other")).await;
    house.put(&with_id(observation(&other), "others")).await;
    let app = app("patient/*.cruds", &own);
    let ids = ["others", NOBODYS];
    let by_id = |id: &str| format!("Observation/{id}");
    let mine = |id: &str| Some(with_id(observation("Patient/own"), id));
    let none = |_: &str| None;
    alike(&house, &app, Put, by_id, mine, ids, 404).await;
    alike(&house, &app, Get, by_id, none, ids, 404).await;
    alike(&house, &app, Delete, by_id, none, ids, 204).await;
    let patch = |_: &str| Some(value!({ "resourceType": "Parameters" }));
    alike(&house, &app, Patch, by_id, patch, ids, 404).await;
    for below in ["_history", "_history/1", "$meta"] {
        let url = |id: &str| format!("Observation/{id}/{below}");
        alike(&house, &app, Get, url, none, ids, 404).await;
    }
    // An id of the server's own takes no look-up where it is seen.
    let path = house.create(&observation(&other)).await;
    let given = [path.trim_start_matches("Observation/"), NOBODYS];
    alike(&house, &app, Get, by_id, none, given, 404).await;
    for below in ["_history", "_history/1", "$meta"] {
        let url = |id: &str| format!("Observation/{id}/{below}");
        alike(&house, &app, Get, url, none, given, 404).await;
    }
    let compartment = |id: &str| format!("Patient/{id}/Observation");
    alike(
        &house,
        &app,
        Get,
        compartment,
        none,
        ["other", NOBODYS],
        200,
    )
    .await;
    // Without a match and with an id of the client's, a conditional update is an update of that id.
    let conditional = |_: &str| "Observation?identifier=none".to_owned();
    alike(&house, &app, Put, conditional, mine, ids, 404).await;
    let bundle = |id: &str| {
        let body = with_id(observation("Patient/own"), id);
        let put = entry("PUT", &format!("Observation/{id}"), body);
        Some(transaction(vec![put]))
    };
    let base = |_: &str| String::new();
    alike(&house, &app, Post, base, bundle, ids, 404).await;
    let refers = |id: &str| {
        let mut body = observation("Patient/own");
        body["hasMember"] = value!([{ "reference": format!("Observation/{id}") }]);
        Some(transaction(vec![entry("POST", "Observation", body)]))
    };
    alike(&house, &app, Post, base, refers, ids, 422).await;
    // What was the caller's own comes back under its id.
    house.put(&with_id(observation(&own), "mine")).await;
    let reply = house.ask(&app, Delete, "Observation/mine", None).await;
    assert_eq!(reply.status, 204);
    let back = with_id(observation(&own), "mine");
    let reply = house.ask(&app, Put, "Observation/mine", Some(&back)).await;
    assert_eq!(reply.status, 201, "{}", text(&reply));
}

pub async fn a_write_stays_inside_before_and_after(house: House) {
    let own = house.put(&patient("own")).await;
    let other = house.put(&patient("other")).await;
    let app = app("patient/*.cruds", &own);
    // About another patient, although this one performed it.
    let mut about_other = observation(&other);
    about_other["performer"] = value!([{ "reference": own }]);
    let reply = house
        .ask(&app, Post, "Observation", Some(&about_other))
        .await;
    assert_eq!(reply.status, 403, "{}", text(&reply));
    let named = house.put(&with_id(about_other.clone(), "named")).await;
    assert_eq!(house.ask(&app, Get, &named, None).await.status, 200);
    let into = with_id(observation(&own), "named");
    assert_eq!(house.ask(&app, Put, &named, Some(&into)).await.status, 403);
    let reply = house.ask(&app, Delete, &named, None).await;
    assert_eq!(reply.status, 403, "{}", text(&reply));
    let mine = house.put(&with_id(observation(&own), "mine")).await;
    let away = with_id(observation(&other), "mine");
    assert_eq!(house.ask(&app, Put, &mine, Some(&away)).await.status, 403);
    let still = json(&house.ask(&app, Get, &mine, None).await);
    assert_eq!(still["meta"]["versionId"], "1");
}

/// T40: one answer, whoever refers and however many.
pub async fn hidden_referrers_are_not_told_apart(house: House) {
    let own = house.put(&patient("own")).await;
    let other = house.put(&patient("other")).await;
    let app = app("patient/*.cruds", &own);
    let mut bodies = Vec::new();
    for (target, referrers, about) in [("a", 1, &own), ("b", 1, &other), ("c", 30, &other)] {
        let path = house.put(&with_id(observation(&own), target)).await;
        for _ in 0..referrers {
            let mut member = observation(about);
            member["hasMember"] = value!([{ "reference": path }]);
            house.create(&member).await;
        }
        let reply = house.ask(&app, Delete, &path, None).await;
        assert_eq!(reply.status, 409, "{}", text(&reply));
        bodies.push(text(&reply));
        let delete = value!({ "request": { "method": "DELETE", "url": path } });
        let bundle = transaction(vec![delete]);
        let reply = house.ask(&app, Post, "", Some(&bundle)).await;
        assert_eq!(reply.status, 409, "{}", text(&reply));
        bodies.push(text(&reply));
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    assert!(!bodies[0].contains("Observation/"));
}

/// S73: `patient/` scopes of a launch patient who is not there reach nothing.
pub async fn a_patient_who_is_gone_opens_nothing(house: House) {
    let gone = house.create(&value!({ "resourceType": "Patient" })).await;
    let pulse = house.create(&observation("Patient/late")).await;
    house
        .put(&value!({ "resourceType": "Organization", "id": "shared", "name": "x" }))
        .await;
    let reply = house
        .ask(&crate::house::loader(), Delete, &gone, None)
        .await;
    assert_eq!(reply.status, 204);
    let never = house.engine.store().public_id(1 << 40);
    for launch in [
        gone.as_str(),
        &format!("Patient/{never}"),
        "Patient/late",
        "Patient/none",
    ] {
        let app = app("patient/*.cruds", launch);
        for (method, url) in [
            (Get, pulse.as_str()),
            (Get, launch),
            (Get, "Organization/shared"),
            (Get, "Observation"),
            (Get, "_history"),
        ] {
            let reply = house.ask(&app, method, url, None).await;
            assert_eq!(reply.status, 403, "{launch} {url}: {}", text(&reply));
        }
        let about = observation(launch);
        let reply = house.ask(&app, Post, "Observation", Some(&about)).await;
        assert_eq!(reply.status, 403, "{launch}: {}", text(&reply));
    }
    // Once the patient is there, so are the rights.
    house.put(&patient("late")).await;
    let app = app("patient/*.cruds", "Patient/late");
    assert_eq!(house.ask(&app, Get, &pulse, None).await.status, 200);
}
