//! The patient that an app's token was issued for is looked for every two seconds, and a deletion holds all the same.

use crate::house::{House, app, call, loader, text};
use crate::placement::{entry, observation, patient, transaction};
use serde_json::{Value, json as value};
use std::cell::Cell;
use ward_access::Caller;
use ward_resources::route::Method::{Delete, Get, Post};
use ward_resources::{PATIENT_KEPT_US, Settings};
use ward_testkit::Backend;

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(1_700_000_000_000_000) };
}

/// Rises with each look, so that no two versions share one.
fn now() -> i64 {
    later(1);
    NOW.get()
}

fn later(us: i64) {
    NOW.set(NOW.get() + us);
}

/// A patient under an id of a client, and an organization that every app may read.
async fn house(backend: Backend) -> House {
    let settings = Settings {
        delete_check: false,
        ..Settings::default()
    };
    let house = House::with(backend, settings, now).await;
    house.put(&patient("p")).await;
    let mut seen = observation("Patient/p");
    seen["id"] = "seen".into();
    house.put(&seen).await;
    house.put(&organization()).await;
    house
}

fn organization() -> Value {
    value!({ "resourceType": "Organization", "id": "shared", "name": "x" })
}

const READS: [&str; 8] = [
    "Observation/seen",
    "Observation/none",
    "Observation/seen/_history/1",
    "Observation/seen/_history",
    "Organization/shared",
    "Observation?status=final",
    "Observation?subject:Patient.active=true&_include=Observation:subject",
    "Patient/p/$everything",
];

/// Statements that an app takes, who was found and who was not: one to look for a patient, and one more for an id that a client
/// chose.
pub async fn an_apps_patient_costs_no_statement(backend: Backend) {
    let house = house(backend).await;
    let by_client = app("patient/*.rs", "Patient/p");
    let made = house.create(&value!({ "resourceType": "Patient" })).await;
    let by_server = app("patient/*.rs", &made);
    let count = async |caller: &Caller, url: &str| {
        let asking = house.ask(caller, Get, url, None);
        house.statements(asking).await.1
    };
    for (caller, looking) in [(&by_client, 2), (&by_server, 1)] {
        for url in READS {
            // For whom the app stands is read anew after this, and then known for two seconds.
            house
                .put(&value!({ "resourceType": "Group", "id": "any", "type": "person", "actual": true }))
                .await;
            // What else is remembered is then.
            count(caller, url).await;
            later(PATIENT_KEPT_US);
            let first = count(caller, url).await;
            let again = count(caller, url).await;
            assert_eq!(first - again, looking, "{url}");
            assert_eq!(count(caller, url).await, again, "{url}");
        }
        assert_eq!(count(caller, "Organization/shared").await, 2);
    }
}

pub async fn a_deletion_of_the_patient_holds_at_once(backend: Backend) {
    let house = house(backend).await;
    let app = app("patient/*.rs", "Patient/p");
    let delete = value!({ "request": { "method": "DELETE", "url": "Patient/p" } });
    let read = value!({ "request": { "method": "GET", "url": "Organization/shared" } });
    let batch = value!({ "resourceType": "Bundle", "type": "batch", "entry": [delete.clone()] });
    let deletions = [
        call(Delete, "Patient/p", None),
        call(Delete, "Patient?_id=p", None),
        call(Post, "", Some(&transaction(vec![delete.clone()]))),
        call(Post, "", Some(&transaction(vec![delete, read]))),
        call(Post, "", Some(&batch)),
    ];
    for (at, deletion) in deletions.iter().enumerate() {
        for url in READS.iter().filter(|url| !url.contains("none")) {
            let reply = house.ask(&app, Get, url, None).await;
            assert_eq!(reply.status, 200, "{at} {url}: {}", text(&reply));
        }
        let reply = house.engine.answer(&loader(), deletion).await;
        assert!(reply.status < 300, "{at}: {}", text(&reply));
        for url in READS {
            let reply = house.ask(&app, Get, url, None).await;
            assert_eq!(reply.status, 403, "{at} {url}: {}", text(&reply));
        }
        let about = entry("POST", "Observation", observation("Patient/p"));
        let written = transaction(vec![about]);
        let reply = house.ask(&app, Post, "", Some(&written)).await;
        assert_eq!(reply.status, 403, "{at}: {}", text(&reply));
        // Once the patient is there again, so are the rights.
        house.put(&patient("p")).await;
    }
}

pub async fn a_deletion_by_another_process_is_known_in_5_s(backend: Backend) {
    const { assert!(PATIENT_KEPT_US <= 5_000_000) };
    let house = house(backend).await;
    let Some(other) = house.another().await else {
        assert_eq!(
            backend,
            Backend::Sqlite,
            "one process's own store has no other"
        );
        return;
    };
    let (app, read) = (
        app("patient/*.rs", "Patient/p"),
        call(Get, "Organization/shared", None),
    );
    assert_eq!(other.answer(&app, &read).await.status, 200);
    let reply = house.ask(&loader(), Delete, "Patient/p", None).await;
    assert_eq!(reply.status, 204);
    assert_eq!(house.engine.answer(&app, &read).await.status, 403);
    later(PATIENT_KEPT_US);
    assert_eq!(other.answer(&app, &read).await.status, 403);
    house.put(&patient("p")).await;
    assert_eq!(other.answer(&app, &read).await.status, 200);
}

pub async fn a_patient_who_cannot_be_looked_for_opens_nothing(backend: Backend) {
    let house = house(backend).await;
    if house.another().await.is_none() {
        assert_eq!(
            backend,
            Backend::Sqlite,
            "an embedded store goes with its process"
        );
        return;
    }
    let app = app("patient/*.rs", "Patient/p");
    let status = async |url: &str| house.ask(&app, Get, url, None).await.status;
    assert_eq!(status("Organization/shared").await, 200);
    house.engine.store().close().await;
    for since_us in [0, PATIENT_KEPT_US] {
        later(since_us);
        assert_eq!(status("Organization/shared").await, 503);
    }
}
