//! T46 to T48, T55 and R20: what leaves later than it was asked for. Ward has no subscriptions and no bulk data: these tests hold that
//! nothing begins one, whoever asks and whatever is hidden, and that what takes their place tells of nothing hidden: asking again by
//! `_lastUpdated`, history since a moment, `$everything`, and the pages of one answer, each of which is decided when it leaves. Whoever adds
//! subscriptions or `$export` has their own rows of the table to show here.

use super::data::id_of;
use super::hospital::{Hospital, created, on_each};
use super::seen::{alike, found, hides, next_of, pages, shows, told};
use super::words::{Provisions, deny, opt_in};
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::time::{Duration, Instant};
use ward_testkit::Client;

/// Of answers that name no resource.
const NO_ID: &str = "nobody-is-here";

/// What is of HIV is denied to drX.
fn without_hiv() -> Provisions {
    opt_in().but(deny().label("HIV").actor("Practitioner/drx"))
}

/// A Subscription is a resource like others, whoever owns it: nothing is sent, it does not become active, and no operation tells of events.
#[test]
fn t46_r20_no_subscription_tells_of_what_is_hidden() {
    on_each(|ward| {
        let chart = ward.patient_with(&[without_hiv()]);
        let told_to = TcpListener::bind("127.0.0.1:0").unwrap();
        told_to.set_nonblocking(true).unwrap();
        let criteria = format!(
            "Observation?code=http://loinc.org|20447-9&patient={}",
            chart.patient
        );
        let endpoint = format!("http://{}/told", told_to.local_addr().unwrap());
        let wanted = json!({ "resourceType": "Subscription", "status": "requested", "reason": "new results", "criteria": criteria,
            "channel": { "type": "rest-hook", "endpoint": endpoint, "payload": "application/fhir+json" } });
        let service = ward.service("treatment at H1");
        let owned = [&ward.loader, &service].map(|who| created(who.post("Subscription", &wanted)));
        // Who may not write one by their role gets none by asking for it.
        assert_eq!(ward.dr_x().post("Subscription", &wanted).status, 403);
        let since = updated(&ward.loader, &owned[0]);
        let polled = format!("{criteria}&_lastUpdated=ge{since}&_total=accurate");
        let before = told(&ward.dr_x().get(&polled), NO_ID);
        let o2 = chart.viral_load();
        hides(ward.dr_x(), &o2);
        assert_eq!(told(&ward.dr_x().get(&polled), NO_ID), before);
        assert_eq!(found(ward.dr_t(), &polled), [o2]);
        let until = Instant::now() + Duration::from_secs(1);
        while Instant::now() < until {
            let nobody = told_to.accept().map_err(|error| error.kind());
            assert_eq!(
                nobody.err(),
                Some(ErrorKind::WouldBlock),
                "something is sent"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        for path in &owned {
            let kept = ward.loader.get(path).expect(200).json();
            assert_eq!(kept["status"], "requested");
            assert_eq!(kept["meta"]["versionId"], "1");
            for operation in ["$status", "$events", "$get-ws-binding-token"] {
                begins_nothing(ward, &format!("{path}/{operation}"));
            }
        }
    });
}

/// What changed since a moment, and what was deleted: neither is told of a resource that is hidden.
#[test]
fn t47_r20_what_has_changed_or_is_gone_since_a_moment_tells_of_nothing_hidden() {
    on_each(|ward| {
        let since = updated(&ward.loader, &ward.patient().patient);
        let (with, without) = (
            ward.patient_with(&[without_hiv()]),
            ward.patient_with(&[without_hiv()]),
        );
        let (hidden, gone) = (with.viral_load(), with.viral_load());
        ward.loader.delete(&gone).expect(204);
        for path in [&hidden, &gone] {
            hides(ward.dr_x(), path);
        }
        for query in [
            "PATIENT/$everything?_since=SINCE",
            "PATIENT/$everything?_since=SINCE&_type=Observation",
            "Observation?patient=PATIENT&_lastUpdated=geSINCE&_total=accurate",
            "PATIENT/Observation?_lastUpdated=geSINCE&_summary=count",
        ] {
            let query = query.replace("SINCE", &since);
            alike(ward.dr_x(), &query, [&with, &without]);
        }
        let open = with.glucose();
        ward.loader.delete(&open).expect(204);
        for history in ["_history", "Observation/_history"] {
            let pages = pages(ward.dr_x(), &format!("{history}?_since={since}&_count=200"));
            let text = Value::from(pages).to_string();
            assert!(text.contains(id_of(&open)), "{history}");
            for path in [&hidden, &gone] {
                assert!(!text.contains(id_of(path)), "{history} tells of {path}");
            }
        }
        for export in ["$export", "Patient/$export"] {
            begins_nothing(ward, export);
            begins_nothing(ward, &format!("{export}?_since={since}&_type=Observation"));
        }
    });
}

/// Who denies everything is in no answer about a Group, and a Group that names them among others is nobody's to see.
#[test]
fn t48_r20_a_group_tells_of_no_member_who_denies_everything() {
    on_each(|ward| {
        let elsewhere = ward.service("treatment at H2");
        let denied = ward.patient_with(&[opt_in().but(deny().actor("Organization/h2"))]);
        let (one, other) = (ward.patient(), ward.patient());
        let since = updated(&ward.loader, &denied.patient);
        let (kept, seen) = (denied.glucose(), one.glucose());
        hides(&elsewhere, &denied.patient);
        let group = |members: &[&String]| {
            let members = members
                .iter()
                .map(|member| json!({ "entity": { "reference": member } }));
            let body = json!({ "resourceType": "Group", "type": "person", "actual": true,
                "member": members.collect::<Vec<Value>>() });
            ward.create(&body)
        };
        let own = group(&[&denied.patient]);
        let mixed = group(&[&one.patient, &denied.patient]);
        let open = group(&[&one.patient, &other.patient]);
        for path in [&own, &mixed] {
            hides(&elsewhere, path);
        }
        shows(&elsewhere, &open);
        shows(&ward.service("treatment at H1"), &own);
        let members = |group: &str| {
            let query = format!("Patient?_has:Group:member:_id={}", id_of(group));
            found(&elsewhere, &query)
        };
        assert!(members(&own).is_empty() && members(&mixed).is_empty());
        assert_eq!(members(&open).len(), 2);
        let query = format!("Patient/$everything?_type=Observation&_since={since}&_count=200");
        let all = found(&elsewhere, &query);
        assert!(all.contains(&seen) && !all.contains(&kept), "{all:?}");
        for path in [&own, &mixed, &open] {
            begins_nothing(ward, &format!("{path}/$export"));
        }
    });
}

/// What is withdrawn while a record leaves page by page is on no further page, and on none that is asked for again.
#[test]
fn t55_r20_r21_what_is_withdrawn_while_a_record_leaves_is_on_no_further_page() {
    on_each(|ward| {
        for query in [
            "PATIENT/$everything?_type=Observation&_count=2",
            "Observation?patient=PATIENT&_count=2",
        ] {
            let chart = ward.patient_with(&[opt_in()]);
            for _ in 0..6 {
                chart.glucose();
            }
            let query = query.replace("PATIENT", &chart.patient);
            let first = ward.dr_x().get(&query).expect(200).json();
            let second = next_of(&first).unwrap();
            let again = ward.dr_x().get(&second).expect(200).json();
            assert!(observations(&first) > 0 && observations(&again) > 0);
            let withdrawn = deny().class("Observation").actor("Practitioner/drx");
            chart.gives(&opt_in().but(withdrawn).written("2025-07-01T12:00:00Z"));
            for url in [&query, &second] {
                for page in pages(ward.dr_x(), url) {
                    assert_eq!(observations(&page), 0, "{url}: {page}");
                }
            }
            assert_eq!(found(ward.dr_t(), &query).len(), 6);
        }
        begins_nothing(ward, "$export?_type=Observation");
    });
}

fn observations(page: &Value) -> usize {
    let entries = page["entry"].as_array().into_iter().flatten();
    let types = entries.map(|entry| &entry["resource"]["resourceType"]);
    types.filter(|ty| *ty == "Observation").count()
}

fn updated(who: &Client, path: &str) -> String {
    let body = who.get(path).expect(200).json();
    body["meta"]["lastUpdated"].as_str().unwrap().to_owned()
}

/// There is no such operation, for whoever sees all and for whom something is hidden: in the same words, and no answer says where to ask
/// later.
#[track_caller]
fn begins_nothing(ward: &Hospital, path: &str) {
    let elsewhere = ward.service("treatment at H2");
    let mut answers = Vec::new();
    for who in [&ward.loader, ward.dr_x(), &elsewhere] {
        for method in ["GET", "POST"] {
            let request = who.request(method, path);
            let request = request.header("Prefer", "respond-async");
            let answer = match method {
                "POST" => request
                    .json(&json!({ "resourceType": "Parameters" }))
                    .send(),
                _ => request.send(),
            };
            assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
            answers.push(told(&answer, NO_ID).to_lowercase());
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{path}: {answers:?}");
    assert!(answers[0].contains("content-location: none"), "{path}");
}
