//! C4: roles by the rota, looked at with every Call. Times are those of November 2026, whose 27th is a Friday.

use crate::house::{House, call, json, loader, text};
use crate::placement::{entry, observation, patient, transaction};
use serde_json::{Value, json as value};
use std::cell::Cell;
use std::time::{Duration, Instant};
use ward_access::{Caller, Identity, Scopes};
use ward_fhir::date::days_from_civil;
use ward_resources::route::Method::{Delete, Get, Post, Put};
use ward_resources::{DutySettings, Reply, Settings};
use ward_testkit::Backend;

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(0) };
}

/// Rises with each look, so that no two versions share one.
fn now() -> i64 {
    NOW.set(NOW.get() + 1);
    NOW.get()
}

fn set(day: u8, hour: i64, minute: i64) {
    let minutes = days_from_civil(2026, 11, day) * 1_440 + hour * 60 + minute;
    NOW.set(minutes * 60_000_000);
}

async fn house(backend: Backend, duty: DutySettings) -> House {
    set(27, 12, 0);
    let settings = Settings {
        duty,
        ..Settings::default()
    };
    let house = House::with(backend, settings, now).await;
    house
        .put(&value!({ "resourceType": "Practitioner", "id": "n" }))
        .await;
    house.put(&rota(true)).await;
    house.put(&patient("1")).await;
    let mut seen = observation("Patient/1");
    seen["id"] = "seen".into();
    house.put(&seen).await;
    house
}

fn without_grace() -> DutySettings {
    DutySettings {
        grace_s: 0,
        ..DutySettings::default()
    }
}

/// A nurse from 07:00 to 19:00, Monday to Friday.
fn rota(active: bool) -> Value {
    value!({ "resourceType": "PractitionerRole", "id": "r", "active": active,
        "practitioner": { "reference": "Practitioner/n" },
        "code": [{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/practitioner-role", "code": "nurse" }] }],
        "availableTime": [{ "daysOfWeek": ["mon", "tue", "wed", "thu", "fri"],
            "availableStartTime": "07:00:00", "availableEndTime": "19:00:00" }] })
}

/// The person of the rota, whose account names these roles.
fn person(roles: &[&str], scopes: &str) -> Caller {
    Caller::new(Identity {
        subject: "someone".into(),
        client_id: "desk".into(),
        fhir_user: Some("Practitioner/n".into()),
        patient: Some("1".into()),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        scopes: Scopes::parse(scopes).unwrap(),
        ..Identity::default()
    })
}

fn nurse() -> Caller {
    person(&[], "user/*.cruds patient/*.rs")
}

const READS: [&str; 8] = [
    "Observation/seen",
    "Observation/none",
    "Observation",
    "Observation/seen/_history",
    "Patient/1/$everything",
    "Patient?_has:Observation:patient:status=final",
    "StructureDefinition",
    "_history",
];

fn code(reply: &Reply) -> Value {
    json(reply)["issue"][0]["details"]["coding"][0]["code"].clone()
}

fn ended(reply: &Reply) -> bool {
    reply.status == 403 && code(reply) == "access.shift-ended"
}

pub async fn at4_a_token_opens_nothing_between_two_shifts(backend: Backend) {
    let house = house(backend, without_grace()).await;
    let nurse = nurse();
    set(27, 18, 50);
    for url in ["Observation/seen", "Observation", "Patient/1/$everything"] {
        let reply = house.ask(&nurse, Get, url, None).await;
        assert_eq!(reply.status, 200, "{url}: {}", text(&reply));
    }
    set(27, 19, 1);
    let mut said = Vec::new();
    for url in READS {
        let (reply, statements) = house.statements(house.ask(&nurse, Get, url, None)).await;
        assert!(ended(&reply), "{url}: {} {}", reply.status, text(&reply));
        // Whose record it was about, for the Record alone.
        assert!(statements <= 2, "{url}: {statements}");
        said.push(text(&reply));
    }
    said.dedup();
    assert_eq!(said.len(), 1);
    assert!(
        said[0].contains("your next shift begins: 2026-11-30 07:00 (UTC)"),
        "{}",
        said[0]
    );
    let record = house.records().pop().unwrap();
    assert_eq!(
        (record.user.as_str(), record.status),
        ("Practitioner/n", 403)
    );
    let written = transaction(vec![entry("POST", "Observation", observation("Patient/1"))]);
    let batch = value!({ "resourceType": "Bundle", "type": "batch", "entry": [{ "request": { "method": "GET", "url": "Patient/1" } }] });
    for bundle in [&written, &batch] {
        assert!(ended(&house.ask(&nurse, Post, "", Some(bundle)).await));
    }
    assert!(ended(
        &house
            .ask(&nurse, Post, "Observation", Some(&observation("Patient/1")))
            .await
    ));
    assert_eq!(house.ask(&nurse, Get, "metadata", None).await.status, 200);
    set(30, 7, 0);
    let reply = house.ask(&nurse, Get, "Observation/seen", None).await;
    assert_eq!(reply.status, 200, "{}", text(&reply));
}

pub async fn at4_grace_is_for_handing_over(backend: Backend) {
    let house = house(backend, DutySettings::default()).await;
    for (hour, minute, status) in [(6, 59, 403), (7, 0, 200), (19, 14, 200), (19, 15, 403)] {
        set(27, hour, minute);
        let reply = house.ask(&nurse(), Get, "Observation/seen", None).await;
        assert_eq!(reply.status, status, "{hour}:{minute}");
    }
}

pub async fn at4_a_change_of_the_rota_holds_at_once(backend: Backend) {
    let house = house(backend, without_grace()).await;
    let nurse = nurse();
    let status = async || {
        house
            .ask(&nurse, Get, "Observation/seen", None)
            .await
            .status
    };
    assert_eq!(status().await, 200);
    house.put(&rota(false)).await;
    assert_eq!(status().await, 403);
    house.put(&rota(true)).await;
    assert_eq!(status().await, 200);
    let mut leave = rota(true);
    leave["notAvailable"] =
        value!([{ "description": "leave", "during": { "start": "2026-11-27" } }]);
    let bundle = transaction(vec![entry("PUT", "PractitionerRole/r", leave)]);
    assert_eq!(
        house.ask(&loader(), Post, "", Some(&bundle)).await.status,
        200
    );
    let reply = house.ask(&nurse, Get, "Observation/seen", None).await;
    assert!(ended(&reply) && text(&reply).contains("no shift for you in the next 28 days"));
    house.put(&rota(true)).await;
    assert_eq!(status().await, 200);
    house
        .ask(&loader(), Delete, "PractitionerRole/r", None)
        .await;
    let reply = house.ask(&nurse, Get, "Observation/seen", None).await;
    assert!(ended(&reply) && text(&reply).contains("neither your account nor the rota"));
}

pub async fn at4_a_change_of_the_rota_is_known_everywhere_in_5_s(backend: Backend) {
    let house = house(backend, without_grace()).await;
    let Some(other) = house.another().await else {
        assert_eq!(
            backend,
            Backend::Sqlite,
            "one process's own store has no other"
        );
        return;
    };
    let (nurse, read) = (nurse(), call(Get, "Observation/seen", None));
    for (active, status) in [(true, 200), (false, 403), (true, 200)] {
        house.put(&rota(active)).await;
        assert_eq!(house.engine.answer(&nurse, &read).await.status, status);
        let since = Instant::now();
        while other.answer(&nurse, &read).await.status != status {
            assert!(since.elapsed() < Duration::from_secs(5), "{active}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

pub async fn roles_of_an_account_have_no_shift_unless_they_are_bound(backend: Backend) {
    let bound = DutySettings {
        bound_roles: vec!["nurse".into()],
        ..without_grace()
    };
    let house = house(backend, bound).await;
    let status = async |caller: &Caller, url: &str| house.ask(caller, Get, url, None).await.status;
    let scopes = "user/*.rs patient/*.rs";
    for (hour, on_duty) in [(12, true), (22, false)] {
        set(27, hour, 0);
        let nurse = person(&["nurse"], scopes);
        assert_eq!(status(&nurse, "Observation/seen").await == 200, on_duty);
        assert_eq!(
            ended(&house.ask(&nurse, Get, "Observation", None).await),
            !on_duty
        );
        let physician = person(&["physician"], scopes);
        assert_eq!(status(&physician, "Observation/seen").await, 200);
        // What the rota says adds nothing to an account's roles.
        let admin = person(&["system-administrator"], "user/*.rs");
        assert_eq!(status(&admin, "Observation/seen").await, 403);
        assert_eq!(status(&admin, "Practitioner/n").await, 200);
        // A role that is not in force takes with it what an app may read of the patient it was launched for.
        let both = person(&["nurse", "system-administrator"], scopes);
        let expected = if on_duty { 200 } else { 403 };
        assert_eq!(status(&both, "Observation/seen").await, expected);
        assert_eq!(status(&both, "Practitioner/n").await, 200);
    }
}

pub async fn only_practitioners_have_a_rota(backend: Backend) {
    let house = house(backend, without_grace()).await;
    set(27, 22, 0);
    let patient = crate::house::app("patient/*.rs", "Patient/1");
    for caller in [patient, loader()] {
        let reply = house.ask(&caller, Get, "Observation/seen", None).await;
        assert_eq!(reply.status, 200, "{}", text(&reply));
    }
}

pub async fn a_rota_that_is_known_costs_no_statement(backend: Backend) {
    let house = house(backend, without_grace()).await;
    let (nurse, physician) = (
        person(&[], "user/*.rs"),
        person(&["physician"], "user/*.rs"),
    );
    let asked = async |caller: &Caller| {
        let reply = house.ask(caller, Get, "Observation/seen", None);
        house.statements(reply).await.1
    };
    asked(&physician).await;
    asked(&nurse).await;
    assert_eq!(asked(&nurse).await, asked(&physician).await);
}

pub async fn a_rota_that_cannot_be_read_opens_nothing(backend: Backend) {
    let house = house(backend, without_grace()).await;
    if house.another().await.is_none() {
        assert_eq!(
            backend,
            Backend::Sqlite,
            "an embedded store goes with its process"
        );
        return;
    }
    house.engine.store().close().await;
    let reply = house.ask(&nurse(), Get, "Observation/seen", None).await;
    assert_eq!(reply.status, 503, "{}", text(&reply));
    let reply = house
        .ask(
            &nurse(),
            Put,
            "Observation/seen",
            Some(&observation("Patient/1")),
        )
        .await;
    assert_eq!(reply.status, 503, "{}", text(&reply));
}
