//! Every Call leaves one record, and it says what the Call was.

use crate::house::{House, app, call, json, loader, system, text};
use crate::placement::{entry, observation, patient, transaction};
use serde_json::{Value, json as value};
use std::pin::pin;
use std::task::{Context, Waker};
use ward_access::Caller;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind};
use ward_resources::route::Method::{Delete, Get, Post};
use ward_resources::{Call, Interaction, Reply};

/// Now and then the log's writer is done before the answer looks whether it is; then it is asked again.
const TRIES: usize = 100;

pub async fn a_read_that_is_broken_off_is_recorded(house: House) {
    let path = house.put(&patient("1")).await;
    let before = house.records().len();
    for url in [
        path.as_str(),
        "Patient?_count=1",
        "_history",
        "Patient/1/$everything",
    ] {
        let caller = loader();
        let broken_off = (0..TRIES).find_map(|_| {
            let call = call(Get, url, None);
            let is_pending = {
                let mut answer = pin!(house.engine.answer(&caller, &call));
                // Polled until it waits for the first time, and dropped there.
                let first = answer
                    .as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()));
                first.is_pending()
            };
            is_pending.then_some(call)
        });
        let call = broken_off.unwrap_or_else(|| panic!("{url} never waits"));
        // An answer that is waited for is written behind the one before it.
        house.ask(&Caller::anonymous(), Get, "metadata", None).await;
        let records = house.records();
        let own: Vec<_> = records[before..]
            .iter()
            .filter(|r| r.request_id == call.request_id)
            .collect();
        assert_eq!(own.len(), 1, "{url}: {own:?}");
        assert_eq!(own[0].client_id, "client");
    }
}

pub async fn what_was_not_understood_is_recorded_as_such(house: House) {
    let call = Call::new(Interaction::Unknown, [1; 16], "test".into());
    let failure = ward_resources::route::route(Get, "Pancake").unwrap_err();
    house.engine.refuse(&loader(), &call, &failure, None).await;
    let records = house.records();
    assert_eq!(
        (records[0].interaction.as_str(), records[0].status),
        ("unknown", 404)
    );
    assert_eq!(house.engine.answer(&loader(), &call).await.status, 404);
}

pub async fn a_failed_transaction_is_recorded_as_one(house: House) {
    let lab = system("system/Observation.cruds");
    let refused = transaction(vec![entry("POST", "Patient", patient("1"))]);
    assert_eq!(house.ask(&lab, Post, "", Some(&refused)).await.status, 403);
    let invalid = transaction(vec![value!({ "request": { "method": "POST" } })]);
    assert_eq!(house.ask(&lab, Post, "", Some(&invalid)).await.status, 422);
    let said: Vec<(String, u16)> = house
        .records()
        .into_iter()
        .map(|r| (r.interaction, r.status))
        .collect();
    assert_eq!(
        said,
        [("transaction".into(), 403), ("transaction".into(), 422)]
    );
}

pub async fn each_entry_of_a_batch_has_its_record(house: House) {
    let batch = value!({ "resourceType": "Bundle", "type": "batch", "entry": [
        { "request": { "method": "GET", "url": "Patient/none" } },
        { "request": { "method": "GET", "url": "Pancake/1" } },
        { "resource": { "resourceType": "Patient" } },
        { "request": { "method": "POST", "url": "/" }, "resource": { "resourceType": "Patient" } }] });
    let reply = house.ask(&loader(), Post, "", Some(&batch)).await;
    assert_eq!(reply.status, 200, "{}", text(&reply));
    let said: Vec<(String, u16)> = house
        .records()
        .into_iter()
        .map(|r| (r.interaction, r.status))
        .collect();
    let expected = [
        ("read", 404),
        ("unknown", 404),
        ("unknown", 400),
        ("batch", 400),
        ("batch", 200),
    ];
    let expected = expected.map(|(code, status)| (code.to_owned(), status));
    assert_eq!(said, expected);
}

/// The Record knows whom a refused request was about, and the answer does not tell.
pub async fn a_refusal_names_the_patient_whom_it_was_about(house: House) {
    let own = house.put(&patient("own")).await;
    let other = house.put(&patient("other")).await;
    let hidden = house.create(&observation(&other)).await;
    let app = app("patient/*.cruds", &own);
    let mut answers = Vec::new();
    for (url, is_there) in [(hidden.as_str(), true), ("Observation/absent", false)] {
        let reply = house.ask(&app, Get, url, None).await;
        let record = house.records().pop().unwrap();
        assert_eq!((reply.status, record.status), (404, 404));
        assert_eq!(record.detail.request, url);
        assert_eq!(record.detail.patient != 0, is_there, "{url}");
        assert_eq!(record.entities, []);
        answers.push(text(&reply));
    }
    let of_patient = house.records()[house.records().len() - 2].detail.patient;
    assert_eq!(answers[0], answers[1]);
    let blind = system("system/Observation.rs");
    for (caller, url) in [(&blind, other.as_str()), (&app, other.as_str())] {
        let reply = house.ask(caller, Get, url, None).await;
        let record = house.records().pop().unwrap();
        assert!(matches!(reply.status, 403 | 404), "{}", text(&reply));
        assert_eq!(record.detail.patient, of_patient, "{url}");
        assert_eq!(reply.in_steps, reply.status == 403);
    }
    // Nor does it tell whoever has no token: the same look-ups, and in steps.
    let nobody = Caller::anonymous();
    let refused = Failure::new(Kind::Login, "no token");
    let mut costs = Vec::new();
    for (url, whose) in [
        (hidden.as_str(), of_patient),
        (other.as_str(), of_patient),
        ("Observation/absent", 0),
    ] {
        let asked = call(Get, url, None);
        let asking = house.engine.refuse(&nobody, &asked, &refused, None);
        let (reply, statements) = house.statements(asking).await;
        let record = house.records().pop().unwrap();
        assert_eq!((reply.status, record.detail.patient), (401, whose), "{url}");
        assert!(reply.in_steps && record.entities.is_empty(), "{record:?}");
        costs.push((text(&reply), statements));
    }
    assert!(costs.iter().all(|cost| *cost == costs[0]), "{costs:?}");
    // What found nothing names whom it asked for.
    let none = format!("Observation?subject={other}&code=none");
    for (caller, url) in [(&loader(), none.as_str()), (&app, none.as_str())] {
        house.ask(caller, Get, url, None).await;
        let record = house.records().pop().unwrap();
        assert_eq!((record.status, record.detail.patient), (200, of_patient));
        assert_eq!(record.detail.results, Some(0));
    }
}

pub async fn a_search_is_recorded_as_it_was_asked(house: House) {
    let own = house.put(&patient("own")).await;
    house.create(&observation(&own)).await;
    let url = format!("Observation?subject={own}&_count=5");
    let mut asked = call(Get, &url, None);
    asked.asked_by("Observation", &[&format!("subject={own}&_count=5")]);
    asked.client_request_id = Some("mine-1".into());
    let reply = house.engine.answer(&loader(), &asked).await;
    let record = house.records().pop().unwrap();
    let detail = &record.detail;
    assert_eq!(detail.request, url);
    assert_eq!(record.query, "subject&_count");
    assert_eq!(detail.client_request_id, "mine-1");
    assert_eq!(detail.results, Some(1));
    let bytes = reply.json().unwrap().len();
    assert_eq!(detail.bytes_out, Some(bytes as u64));
    assert!(detail.elapsed_us.is_some_and(|us| us > 0));
    assert_eq!(detail.patient, 0);
    for (url, subtype) in [
        ("Patient/own/Observation", "compartment"),
        ("Patient/own/$everything", "$everything"),
        ("Patient/own/$frobnicate", ""),
        ("Patient/own", ""),
    ] {
        house.ask(&loader(), Get, url, None).await;
        assert_eq!(
            house.records().pop().unwrap().detail.subtype,
            subtype,
            "{url}"
        );
    }
}

/// Type, row id, version and the body as it is read.
pub async fn a_change_is_recorded_with_its_hash(house: House) {
    let path = house.put(&patient("own")).await;
    let mut changed = patient("own");
    changed["active"] = true.into();
    house.put(&changed).await;
    let (ty, id) = path.split_once('/').unwrap();
    let ty = r4().resource_type(ty).unwrap();
    let store = house.engine.store();
    let rid = store.locate(&[(ty, id)]).await.unwrap()[0].unwrap();
    let reply = house.ask(&loader(), Get, &path, None).await;
    let read = ward_audit::version_hash("Patient", rid, 2, reply.json().unwrap());
    let first_read = house
        .ask(&loader(), Get, &format!("{path}/_history/1"), None)
        .await;
    let first = ward_audit::version_hash("Patient", rid, 1, first_read.json().unwrap());
    let written = house.stored_records().await;
    let bytes: Vec<Option<u64>> = written.iter().map(|r| r.detail.bytes_out).collect();
    let long = |reply: &Reply| Some(reply.json().unwrap().len() as u64);
    assert_eq!(bytes, [long(&first_read), long(&reply)]);
    let hashes: Vec<_> = written.iter().map(|r| r.detail.hashes.as_slice()).collect();
    assert_eq!(hashes, [[first], [read]]);
    house.ask(&loader(), Delete, &path, None).await;
    let written = house.stored_records().await;
    assert_eq!(written[2].detail.hashes, [] as [[u8; 32]; 0]);
    assert_eq!(written[2].entities[0].action, b'D');
    assert_eq!(written[2].detail.bytes_out, Some(0));
}

/// One of the whole, one for each kind of change, one for each read; all with one request id.
pub async fn a_transaction_leaves_a_record_for_each_kind_of_entry(house: House) {
    let there = house.put(&patient("there")).await;
    let gone = house.put(&patient("gone")).await;
    let before = house.stored_records().await.len();
    let mut changed = patient("there");
    changed["active"] = true.into();
    let entries = vec![
        entry("POST", "Patient", patient("1")),
        entry("POST", "Observation", observation(&there)),
        entry("PUT", &there, changed),
        value!({ "request": { "method": "DELETE", "url": gone } }),
        value!({ "request": { "method": "GET", "url": "Patient?_id=there" } }),
        value!({ "request": { "method": "GET", "url": there } }),
    ];
    let reply = house
        .ask(&loader(), Post, "", Some(&transaction(entries)))
        .await;
    assert_eq!(reply.status, 200, "{}", text(&reply));
    let records = house.stored_records().await.split_off(before);
    let said: Vec<_> = records
        .iter()
        .map(|r| {
            (
                r.interaction.as_str(),
                r.status,
                r.events(),
                r.detail.hashes.len(),
            )
        })
        .collect();
    let expected = [
        ("transaction", 200, 1, 0),
        ("create", 201, 2, 2),
        ("delete", 204, 1, 0),
        ("update", 200, 1, 1),
        ("search-type", 200, 1, 0),
        ("read", 200, 1, 0),
    ];
    assert_eq!(said, expected);
    assert!(
        records
            .iter()
            .all(|r| r.request_id == records[0].request_id)
    );
    assert_eq!(records[0].detail.results, Some(6));
    assert_eq!(records[0].entities, []);
    assert_eq!(records[4].detail.results, Some(1));
}

pub async fn meta_of_many_names_whose_marks_it_shows(house: House) {
    let mut marked = patient("marked");
    marked["meta"] = value!({ "tag": [{ "code": "b" }, { "code": "a" }] });
    house.put(&marked).await;
    house.put(&patient("plain")).await;
    for url in ["Patient/$meta", "$meta"] {
        let reply = house.ask(&loader(), Get, url, None).await;
        assert_eq!(reply.status, 200, "{}", text(&reply));
        assert_eq!(codes(&json(&reply)), ["b", "a"]);
        let record = house.records().pop().unwrap();
        assert_eq!(record.interaction, "operation");
        let entities: Vec<u16> = record.entities.iter().map(|e| e.ty).collect();
        assert_eq!(entities, [r4().resource_type("Patient").unwrap().0]);
    }
}

pub async fn marks_stay_in_their_order(house: House) {
    let mut marked = observation("Patient/1");
    let tags =
        ["z", "m", "a"].map(|code| value!({ "system": "http://example.org/t", "code": code }));
    marked["meta"] = value!({ "profile": ["http://z", "http://a"], "tag": tags });
    let path = house.create(&marked).await;
    let asked = |code: &str| {
        value!({ "resourceType": "Parameters", "parameter": [{ "name": "meta",
            "valueMeta": { "tag": [{ "system": "http://example.org/t", "code": code }] } }] })
    };
    let url = format!("{path}/$meta-add");
    let reply = house.ask(&loader(), Post, &url, Some(&asked("k"))).await;
    assert_eq!(codes(&json(&reply)), ["z", "m", "a", "k"]);
    let meta = &json(&reply)["parameter"][0]["valueMeta"];
    assert_eq!(meta["profile"], value!(["http://z", "http://a"]));
    let url = format!("{path}/$meta-delete");
    let reply = house.ask(&loader(), Post, &url, Some(&asked("m"))).await;
    assert_eq!(codes(&json(&reply)), ["z", "a", "k"]);
    assert_eq!(json(&reply)["parameter"][0]["valueMeta"]["versionId"], "3");
    // Nothing to change makes no version, and who may only update is shown nothing.
    let writer = system("system/Observation.u");
    for (code, version) in [("m", 3), ("z", 4)] {
        let reply = house.ask(&writer, Post, &url, Some(&asked(code))).await;
        assert_eq!((reply.status, reply.version), (200, Some(version)));
        assert_eq!(text(&reply), "");
    }
}

fn codes(parameters: &Value) -> Vec<&str> {
    let tags = &parameters["parameter"][0]["valueMeta"]["tag"];
    let tags = tags.as_array().unwrap();
    tags.iter()
        .map(|tag| tag["code"].as_str().unwrap())
        .collect()
}
