//! C17: of how many patients records leave to one client within an hour.

use crate::house::{House, call, json, system, text};
use crate::placement::{entry, observation, patient, transaction};
use serde_json::{Value, json as value};
use ward_access::Caller;
use ward_resources::route::Method::{Get, Patch, Post, Put};
use ward_resources::{Call, Reply};

/// Five patients with an Observation each.
async fn ward(house: &House) {
    for n in 1..=5 {
        house.put(&patient(&n.to_string())).await;
        let mut seen = observation(&format!("Patient/{n}"));
        seen["id"] = value!(format!("o{n}"));
        house.put(&seen).await;
    }
}

fn client(name: &str) -> Caller {
    let scopes = "system/*.cruds";
    let mut identity = ward_access::Identity::clone(&system(scopes));
    identity.subject = name.into();
    identity.client_id = name.into();
    Caller::new(identity)
}

fn bounded(call: Call) -> Call {
    Call {
        patients_per_hour: Some(3),
        ..call
    }
}

async fn asked(house: &House, caller: &Caller, url: &str) -> Reply {
    let call = bounded(call(Get, url, None));
    house.engine.answer(caller, &call).await
}

async fn sent(house: &House, caller: &Caller, call: Call) -> Reply {
    house.engine.answer(caller, &bounded(call)).await
}

fn is_over(reply: &Reply) -> bool {
    let code = &json(reply)["issue"][0]["details"]["coding"][0]["code"];
    let wait = reply
        .retry_after_s
        .is_some_and(|s| (1..=3_600).contains(&s));
    reply.status == 429 && code == "limit.rate" && wait && reply.entities.is_empty()
}

pub async fn at17c_a_client_sees_as_many_patients_as_its_budget_says(house: House) {
    ward(&house).await;
    let lab = client("lab");
    for url in [
        "Observation/o1",
        "Patient/2",
        "Observation?patient=Patient/3",
    ] {
        assert_eq!(asked(&house, &lab, url).await.status, 200, "{url}");
    }
    let before = house.records().len();
    for url in [
        "Observation/o4",
        "Observation/o4/_history",
        "Observation/o4/_history/1",
        "Observation?patient=Patient/4",
        "Observation?_id=o1&_revinclude=Provenance:target&_include=Observation:subject&_id=o1",
        "Observation",
        "Patient/4/$everything",
        "_history",
    ] {
        let reply = asked(&house, &lab, url).await;
        let is_known = url.starts_with("Observation?_id=o1");
        assert_eq!(
            is_over(&reply),
            !is_known,
            "{url}: {} {}",
            reply.status,
            text(&reply)
        );
    }
    // Who was seen is seen on, counting shows nobody, and another client has a budget of its own.
    for url in [
        "Observation/o1",
        "Patient/2/$everything",
        "Observation?_summary=count",
    ] {
        assert_eq!(asked(&house, &lab, url).await.status, 200, "{url}");
    }
    assert_eq!(
        asked(&house, &client("other"), "Observation/o4")
            .await
            .status,
        200
    );
    let records = house.records();
    let notices = records[before..]
        .iter()
        .filter(|r| r.interaction == "record-budget");
    let notices: Vec<_> = notices.map(|r| (r.client_id.as_str(), r.status)).collect();
    assert_eq!(notices, [("lab", 429)]);
    let refused = records[before..].iter().filter(|r| r.status == 429);
    assert!(refused.clone().count() == 8 && refused.clone().all(|r| r.entities.is_empty()));
}

/// Processes over one database have one budget; a patient whom both have shown counts once.
pub async fn at17c_processes_share_a_budget(house: House) {
    ward(&house).await;
    let lab = client("lab");
    // Where the store is one process's own there is no other.
    let Some(other) = house.another().await else {
        return;
    };
    let status = async |engine: &ward_resources::Engine, url: &str| {
        let call = bounded(call(Get, url, None));
        engine.answer(&lab, &call).await.status
    };
    assert_eq!(status(&house.engine, "Patient/1").await, 200);
    assert_eq!(status(&other, "Patient/1").await, 200);
    assert_eq!(status(&other, "Patient/2").await, 200);
    for engine in [&house.engine, &other] {
        engine.settle_record_budgets().await.unwrap();
    }
    assert_eq!(status(&house.engine, "Patient/3").await, 200);
    assert_eq!(status(&other, "Patient/4").await, 429);
    assert_eq!(status(&house.engine, "Patient/4").await, 429);
    // What was seen through the other stays open here.
    for n in 1..=3 {
        let url = format!("Patient/{n}");
        assert_eq!(status(&house.engine, &url).await, 200, "{url}");
    }
}

/// A Device is in no compartment, and is counted for the patient whom the version that is shown names.
pub async fn at17c_a_device_counts_for_the_patient_it_names(house: House) {
    ward(&house).await;
    let device = |id: &str, patient: Option<&str>| {
        let mut device = value!({ "resourceType": "Device", "id": id });
        if let Some(patient) = patient {
            device["patient"] = value!({ "reference": patient });
        }
        device
    };
    for n in 1..=5 {
        let patient = format!("Patient/{n}");
        house.put(&device(&format!("d{n}"), Some(&patient))).await;
    }
    house.put(&device("nobody", None)).await;
    house.put(&device("moved", Some("Patient/1"))).await;
    house.put(&device("moved", Some("Patient/4"))).await;
    let lab = client("lab");
    for url in [
        "Device/d1",
        "Device/d2",
        "Device?_id=d3,nobody&_elements=id",
    ] {
        assert_eq!(asked(&house, &lab, url).await.status, 200, "{url}");
    }
    for url in [
        "Device/d4",
        "Device/d4/_history",
        "Device/d4/_history/1",
        "Device/moved",
        "Device/moved/_history",
        "Device?_id=d4&_elements=id",
        "Device",
        "Patient/4",
    ] {
        let reply = asked(&house, &lab, url).await;
        assert!(is_over(&reply), "{url}: {} {}", reply.status, text(&reply));
    }
    // Whom it has seen by a device it has seen, and a former version tells of whom it names.
    for url in [
        "Patient/1",
        "Observation/o3",
        "Device/nobody",
        "Device/moved/_history/1",
        "Device?_summary=count",
    ] {
        assert_eq!(asked(&house, &lab, url).await.status, 200, "{url}");
    }
    // In a transaction too, by what it makes.
    let read = value!({ "request": { "method": "GET", "url": "Device/d4" } });
    let moves = entry("PUT", "Device/d1", device("d1", Some("Patient/5")));
    let shown = value!({ "request": { "method": "GET", "url": "Device/d1" } });
    let nobody = entry("PUT", "Device/nobody", device("nobody", None));
    for entries in [vec![nobody, read], vec![moves, shown]] {
        let reply = sent(&house, &lab, call(Post, "", Some(&transaction(entries)))).await;
        assert!(is_over(&reply), "{} {}", reply.status, text(&reply));
    }
    assert_eq!(
        asked(&house, &lab, "Device/d1").await.status,
        200,
        "not moved"
    );
}

/// Whose a device is takes one statement for all that are shown, and one for ids that clients chose.
pub async fn at17c_devices_take_two_statements_more(house: House) {
    ward(&house).await;
    for n in 1..=5 {
        house
            .put(&value!({ "resourceType": "Device", "id": format!("d{n}"),
                "patient": { "reference": format!("Patient/{n}") } }))
            .await;
    }
    let lab = client("lab");
    let search = async |most: Option<u32>| {
        let call = Call {
            patients_per_hour: most,
            ..call(Get, "Device", None)
        };
        let asking = house.engine.answer(&lab, &call);
        let (reply, statements) = house.statements(asking).await;
        assert_eq!(reply.status, 200);
        statements
    };
    search(None).await;
    let plain = search(None).await;
    search(Some(100)).await;
    assert_eq!(search(Some(100)).await, plain + 2, "seen already");
}

/// Most reads ask the store nothing more than without a budget.
pub async fn at17c_counting_takes_no_statement_for_each_read(house: House) {
    for n in 1..=40 {
        house.put(&patient(&n.to_string())).await;
    }
    let lab = client("lab");
    let read = async |n: u32, most: Option<u32>| {
        let call = Call {
            patients_per_hour: most,
            ..call(Get, &format!("Patient/{n}"), None)
        };
        let asking = house.engine.answer(&lab, &call);
        let (reply, statements) = house.statements(asking).await;
        assert_eq!(reply.status, 200);
        statements
    };
    let plain = read(1, None).await;
    let mut more = 0;
    for n in 1..=40 {
        more += read(n, Some(10_000)).await - plain;
    }
    // One reservation: a read, and a write with what begins and ends it.
    assert!((1..=8).contains(&more), "{more} statements for 40 patients");
    for n in 1..=40 {
        assert_eq!(read(n, Some(10_000)).await, plain, "seen already");
    }
}

pub async fn at17c_bundles_are_counted_entry_by_entry(house: House) {
    ward(&house).await;
    let lab = client("lab");
    let read =
        |n: u8| value!({ "request": { "method": "GET", "url": format!("Observation/o{n}") } });
    let batch = value!({ "resourceType": "Bundle", "type": "batch", "entry": (1..=5).map(read).collect::<Vec<_>>() });
    let reply = sent(&house, &lab, call(Post, "", Some(&batch))).await;
    let said = json(&reply);
    let said: Vec<&str> = said["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            entry["response"]["status"]
                .as_str()
                .unwrap()
                .split(' ')
                .next()
                .unwrap()
        })
        .collect();
    assert_eq!(said, ["200", "200", "200", "429", "429"]);
    // A transaction that would show too many is given up.
    let mut entries = vec![entry("PUT", "Observation/new", {
        let mut new = observation("Patient/1");
        new["id"] = "new".into();
        new
    })];
    entries.push(read(4));
    let reply = sent(&house, &lab, call(Post, "", Some(&transaction(entries)))).await;
    assert!(is_over(&reply), "{} {}", reply.status, text(&reply));
    assert_eq!(
        house
            .ask(&system("system/*.rs"), Get, "Observation/new", None)
            .await
            .status,
        404
    );
}

pub async fn at17c_what_is_written_is_stored_and_not_shown(house: House) {
    ward(&house).await;
    let lab = client("lab");
    for url in ["Patient/1", "Patient/2", "Patient/3"] {
        assert_eq!(asked(&house, &lab, url).await.status, 200);
    }
    let patch = value!({ "resourceType": "Parameters", "parameter": [{ "name": "operation", "part": [
        { "name": "type", "valueCode": "replace" }, { "name": "path", "valueString": "Observation.status" },
        { "name": "value", "valueCode": "amended" }] }] });
    let reply = sent(&house, &lab, call(Patch, "Observation/o4", Some(&patch))).await;
    assert_eq!((reply.status, reply.version), (200, Some(2)));
    let shown: Value = json(&reply);
    assert_eq!(shown["resourceType"], "OperationOutcome", "{shown}");
    let mut own = observation("Patient/1");
    own["id"] = "o1".into();
    let reply = sent(&house, &lab, call(Put, "Observation/o1", Some(&own))).await;
    assert_eq!(json(&reply)["resourceType"], "Observation");
}
