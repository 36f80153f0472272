//! Reads among the entries of a transaction see what it makes, and one that fails fails it.

use crate::house::{House, app, json, loader, text};
use crate::placement::{entry, observation, patient, transaction};
use serde_json::{Value, json as value};
use ward_resources::route::Method::{Delete, Get, Post};

fn get(url: &str) -> Value {
    value!({ "request": { "method": "GET", "url": url } })
}

pub async fn a_read_sees_what_its_transaction_makes(house: House) {
    let doomed = house.put(&patient("doomed")).await;
    let mut pulse = observation("Patient/new");
    pulse["id"] = value!("pulse");
    let bundle = transaction(vec![
        get("Patient/new"),
        get("Observation?subject=Patient/new"),
        get("Patient/new/_history"),
        get("Patient/new/Observation"),
        get("Observation/pulse/_history/1"),
        get("Patient?_id=doomed"),
        entry("PUT", "Observation/pulse", pulse),
        entry("PUT", "Patient/new", patient("new")),
        value!({ "request": { "method": "DELETE", "url": doomed } }),
    ]);
    let reply = house.ask(&loader(), Post, "", Some(&bundle)).await;
    assert_eq!(reply.status, 200, "{}", text(&reply));
    let answers = json(&reply);
    let resource = |at: usize| answers["entry"][at]["resource"].clone();
    assert_eq!(resource(0)["id"], "new");
    for at in [1, 3] {
        assert_eq!(resource(at)["entry"][0]["resource"]["id"], "pulse", "{at}");
    }
    assert_eq!(
        resource(2)["entry"][0]["resource"]["meta"]["versionId"],
        "1"
    );
    assert_eq!(resource(4)["id"], "pulse");
    assert!(resource(5).get("entry").is_none());
    // And so does everybody afterwards.
    for (url, status) in [
        ("Patient/new", 200),
        ("Observation/pulse", 200),
        ("Patient/doomed", 410),
    ] {
        assert_eq!(
            house.ask(&loader(), Get, url, None).await.status,
            status,
            "{url}"
        );
    }
    // Written again with the key of the patient that came with the first.
    let mut again = observation("Patient/new");
    again["id"] = value!("again");
    house.put(&again).await;
    assert_eq!(
        house
            .ask(&loader(), Get, "Observation/again", None)
            .await
            .status,
        200
    );
}

pub async fn a_read_that_fails_fails_the_transaction(house: House) {
    let own = house.put(&patient("own")).await;
    let other = house.put(&patient("other")).await;
    let app = app("patient/*.cruds", &own);
    let mut newborn = patient("newborn");
    newborn["active"] = value!(false);
    for (caller, url, status) in [
        (&loader(), "Patient/none", 404),
        (&loader(), "Observation?frobnicate=1&_count=x", 400),
        (&loader(), "Patient/newborn/_history/2", 404),
        (&app, other.as_str(), 404),
        (&app, "Patient/none", 404),
        (&app, "Group", 403),
    ] {
        let bundle = transaction(vec![
            entry("POST", "Observation", observation(&own)),
            get(url),
        ]);
        let reply = house.ask(caller, Post, "", Some(&bundle)).await;
        assert_eq!(reply.status, status, "{url}: {}", text(&reply));
        assert!(text(&reply).contains("Bundle.entry[1]"), "{}", text(&reply));
        let found = house
            .ask(&loader(), Get, "Observation?_total=accurate", None)
            .await;
        assert_eq!(json(&found)["total"], 0, "{url}");
    }
    // A new patient's key that was never committed is not used again.
    let bundle = transaction(vec![
        entry("PUT", "Patient/newborn", newborn.clone()),
        get("Patient/newborn"),
        get("Patient/none"),
    ]);
    assert_eq!(
        house.ask(&loader(), Post, "", Some(&bundle)).await.status,
        404
    );
    house.put(&newborn).await;
    let pulse = house.create(&observation("Patient/newborn")).await;
    for url in ["Patient/newborn", &pulse] {
        assert_eq!(
            house.ask(&loader(), Get, url, None).await.status,
            200,
            "{url}"
        );
    }
    assert_eq!(house.ask(&loader(), Delete, &pulse, None).await.status, 204);
}

pub async fn reads_of_a_transaction_are_bounded(house: House) {
    let mut reads = vec![get("Patient?_count=1"); 101];
    let alone = house
        .ask(&loader(), Post, "", Some(&transaction(reads.clone())))
        .await;
    assert_eq!(alone.status, 200, "{}", text(&alone));
    reads.push(entry(
        "POST",
        "Patient",
        value!({ "resourceType": "Patient" }),
    ));
    let reply = house
        .ask(&loader(), Post, "", Some(&transaction(reads)))
        .await;
    assert_eq!(reply.status, 413, "{}", text(&reply));
    let found = house
        .ask(&loader(), Get, "Patient?_total=accurate", None)
        .await;
    assert_eq!(json(&found)["total"], 0);
}
