//! Consents over two Wards: a denial holds on the node that took it with the next request and on the other within five seconds, ends by
//! time on both, and a large record is hidden on both until it is decided.

use super::{KNOWN_EVERYWHERE, Nodes, until};
use crate::apps::Place;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use ward_testkit::Answer;

/// From a consent until its end.
const HOLDS_S: u64 = 8;
/// More than one unit decides anew.
const LARGE: usize = 2_100;

#[test]
fn a_denial_holds_everywhere_and_ends_by_time_everywhere() {
    let Some(nodes) = Nodes::start(&[]) else {
        return;
    };
    let token = nodes.loader().at(&nodes.a.origin).token();
    put(&nodes.a, &token, "Patient/p", json!({}));
    put(&nodes.a, &token, "Observation/o", observation("p"));
    for place in nodes.both() {
        seen(place, &token, "Observation/o");
    }
    let end = now_s() + HOLDS_S;
    put(
        &nodes.a,
        &token,
        "Consent/c",
        no_observations("p", Some(end)),
    );
    for path in ["Observation/o", "Observation/o/_history/1"] {
        nodes.a.get(&token, path).expect(404);
        until(path, 404, KNOWN_EVERYWHERE, || nodes.b.get(&token, path));
    }
    for place in nodes.both() {
        for path in [
            "Observation?_summary=count",
            "Observation?subject=Patient/p&_total=accurate",
        ] {
            let found = place.get(&token, path).expect(200).json();
            assert_eq!(found["total"], 0, "{path}");
        }
        seen(place, &token, "Patient/p");
    }
    let left = Duration::from_secs(end.saturating_sub(now_s()) + 1);
    for (name, place) in [("a", &nodes.a), ("b", &nodes.b)] {
        until(name, 200, left + KNOWN_EVERYWHERE, || {
            place.get(&token, "Observation/o")
        });
    }
}

#[test]
fn a_large_record_is_closed_on_both_until_it_is_decided() {
    let Some(nodes) = Nodes::start(&[]) else {
        return;
    };
    let token = nodes.loader().at(&nodes.a.origin).token();
    put(&nodes.a, &token, "Patient/p", json!({}));
    for part in 0..LARGE / 700 {
        let entries: Vec<Value> = (0..700)
            .map(|at| {
                let mut resource = observation("p");
                resource["resourceType"] = "Observation".into();
                resource["id"] = format!("o{}", part * 700 + at).into();
                let url = format!("Observation/o{}", part * 700 + at);
                json!({ "resource": resource, "request": { "method": "PUT", "url": url } })
            })
            .collect();
        let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries });
        send(&nodes.a, &token, "POST", "", &bundle).expect(200);
    }
    seen(&nodes.b, &token, "Observation/o7");
    put(&nodes.a, &token, "Consent/c", no_observations("p", None));
    // Whether it is still closed or decided already.
    for place in nodes.both() {
        let found = place
            .get(&token, "Observation?_summary=count")
            .expect(200)
            .json();
        assert_eq!(found["total"], 0);
        place.get(&token, "Observation/o7").expect(404);
    }
    for (name, place) in [("a", &nodes.a), ("b", &nodes.b)] {
        until(name, 200, Duration::from_secs(60), || {
            place.get(&token, "Patient/p")
        });
        place.get(&token, "Observation/o7").expect(404);
    }
}

fn observation(patient: &str) -> Value {
    json!({ "status": "final", "code": { "text": "x" }, "subject": { "reference": format!("Patient/{patient}") } })
}

/// Everything is permitted but the Observations.
fn no_observations(patient: &str, end_s: Option<u64>) -> Value {
    let mut consent = json!({
        "status": "active",
        "scope": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy" }] },
        "category": [{ "coding": [{ "system": "http://loinc.org", "code": "59284-0" }] }],
        "patient": { "reference": format!("Patient/{patient}") },
        "policyRule": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTIN" }] },
        "provision": { "provision": [{ "type": "deny",
            "class": [{ "system": "http://hl7.org/fhir/resource-types", "code": "Observation" }] }] }
    });
    if let Some(end) = end_s {
        consent["provision"]["period"] = json!({ "end": instant_text(end) });
    }
    consent
}

#[track_caller]
fn put(place: &Place, token: &str, url: &str, mut resource: Value) {
    let (ty, id) = url.split_once('/').unwrap();
    resource["resourceType"] = ty.into();
    resource["id"] = id.into();
    let answer = send(place, token, "PUT", url, &resource);
    assert!(
        [200, 201].contains(&answer.status),
        "{url}: {}",
        answer.text()
    );
}

fn send(place: &Place, token: &str, method: &str, path: &str, resource: &Value) -> Answer {
    let url = format!("{}/fhir/{path}", place.origin);
    let url = url.trim_end_matches('/');
    let request = place.http.request(method, url);
    let request = request.header("Authorization", &format!("Bearer {token}"));
    let body = resource.to_string().into_bytes();
    request.body("application/fhir+json", body).send()
}

fn now_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// `2026-11-30T12:00:00Z`. <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>
fn instant_text(at_s: u64) -> String {
    let (days, of_day) = (at_s / 86_400 + 719_468, at_s % 86_400);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Rows of a class that is new are seen on the other node once that has learnt it.
fn seen(place: &Place, token: &str, url: &str) {
    until(
        "a row of a new class is seen",
        200,
        KNOWN_EVERYWHERE,
        || place.get(token, url),
    );
}
