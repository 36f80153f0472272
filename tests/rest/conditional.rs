//! Conditional interactions, and what else may stand between a request and its effect.
//! <https://hl7.org/fhir/R4/http.html#ccreate>

use super::crud::patient;
use super::{on_both, on_own, unique};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use ward_testkit::{Answer, Client};

const SYSTEM: &str = "http://example.org/conditional";

/// Equal requests, and how many of them are on the way at once.
const RACES: u32 = 1_000;
const RACERS: u32 = 32;

fn identified(value: &str) -> Value {
    let mut body = patient("Conditional");
    body["identifier"] = json!([{ "system": SYSTEM, "value": value }]);
    body
}

fn criteria(value: &str) -> String {
    format!("identifier={SYSTEM}|{value}")
}

fn create(ward: &Client, value: &str) -> Answer {
    ward.request("POST", "Patient")
        .header("If-None-Exist", &criteria(value))
        .json(&identified(value))
        .send()
}

fn update(ward: &Client, value: &str, body: &Value) -> Answer {
    ward.put(&format!("Patient?{}", criteria(value)), body)
}

fn remove(ward: &Client, value: &str) -> Answer {
    ward.delete(&format!("Patient?{}", criteria(value)))
}

fn count(ward: &Client, value: &str) -> usize {
    ward.get(&format!("Patient?{}", criteria(value)))
        .expect(200)
        .json()["entry"]
        .as_array()
        .map_or(0, Vec::len)
}

#[test]
fn create_when_nothing_matches() {
    on_both(|ward| {
        let value = unique("create");
        let created = create(ward, &value).expect(201);
        let again = create(ward, &value).expect(200);
        assert_eq!(again.id(), created.id());
        assert_eq!(again.header("etag"), Some("W/\"1\""));
        assert!(
            again
                .header("location")
                .is_some_and(|l| l.contains(&created.id()))
        );
        ward.post("Patient", &identified(&value)).expect(201);
        assert_eq!(
            create(ward, &value).expect(412).issue().0,
            "multiple-matches"
        );
        let criteria_of_nothing = ward
            .request("POST", "Patient")
            .header("If-None-Exist", "")
            .json(&identified(&value))
            .send();
        criteria_of_nothing.expect(400);
        let by_id = ward.put("Patient", &identified(&value)).expect(400);
        assert!(
            by_id.text().contains("PUT Patient/[id]"),
            "{}",
            by_id.text()
        );
        let unknown = ward
            .request("POST", "Patient")
            .header("If-None-Exist", "frobnicate=1")
            .json(&identified(&value))
            .send();
        unknown.expect(400);
    });
}

#[test]
fn a_deleted_match_does_not_count() {
    on_both(|ward| {
        let value = unique("reborn");
        let id = create(ward, &value).expect(201).id();
        ward.delete(&format!("Patient/{id}")).expect(204);
        assert_ne!(create(ward, &value).expect(201).id(), id);
    });
}

#[test]
fn a_thousand_equal_creates_make_one() {
    on_both(|ward| {
        let value = unique("race");
        let (next, made) = (AtomicU32::new(0), AtomicU32::new(0));
        let ids = std::sync::Mutex::new(BTreeSet::new());
        std::thread::scope(|scope| {
            for _ in 0..RACERS {
                scope.spawn(|| {
                    while next.fetch_add(1, Ordering::Relaxed) < RACES {
                        let answer = create(ward, &value);
                        assert!(
                            matches!(answer.status, 200 | 201),
                            "{}: {}",
                            answer.status,
                            answer.text()
                        );
                        made.fetch_add(u32::from(answer.status == 201), Ordering::Relaxed);
                        ids.lock().unwrap().insert(answer.id());
                    }
                });
            }
        });
        assert_eq!(made.into_inner(), 1);
        assert_eq!(ids.into_inner().unwrap().len(), 1);
        assert_eq!(count(ward, &value), 1);
    });
}

#[test]
fn update_makes_or_changes_the_match() {
    on_both(|ward| {
        let value = unique("update");
        let created = update(ward, &value, &identified(&value)).expect(201);
        let id = created.id();
        let mut changed = identified(&value);
        changed["gender"] = json!("male");
        let updated = update(ward, &value, &changed).expect(200);
        assert_eq!(
            (updated.id(), updated.header("etag")),
            (id.clone(), Some("W/\"2\""))
        );
        changed["id"] = json!(id);
        update(ward, &value, &changed).expect(200);
        changed["id"] = json!("another");
        update(ward, &value, &changed).expect(400);
        ward.post("Patient", &identified(&value)).expect(201);
        assert_eq!(
            update(ward, &value, &identified(&value))
                .expect(412)
                .issue()
                .0,
            "multiple-matches"
        );
        ward.put("Patient", &identified(&value)).expect(400);
    });
}

#[test]
fn update_without_match_takes_the_clients_id() {
    on_both(|ward| {
        let value = unique("update-with-id");
        let mut body = identified(&value);
        body["id"] = json!(value);
        assert_eq!(update(ward, &value, &body).expect(201).id(), value);
        assert_eq!(update(ward, &value, &body).expect(200).id(), value);
        // The id is taken by a resource that the criteria do not match.
        let other = unique("update-with-taken-id");
        let mut taken = identified(&other);
        taken["id"] = json!(value);
        assert_eq!(
            update(ward, &other, &taken).expect(409).issue().0,
            "conflict"
        );
        assert_eq!(
            count(ward, &value),
            1,
            "the resource under that id is as it was"
        );
    });
}

#[test]
fn delete_one_but_not_many() {
    on_both(|ward| {
        let value = unique("delete");
        remove(ward, &value).expect(204);
        let id = ward.post("Patient", &identified(&value)).expect(201).id();
        remove(ward, &value).expect(204);
        ward.get(&format!("Patient/{id}")).expect(410);
        ward.post("Patient", &identified(&value)).expect(201);
        ward.post("Patient", &identified(&value)).expect(201);
        assert_eq!(
            remove(ward, &value).expect(412).issue().0,
            "multiple-matches"
        );
        assert_eq!(count(ward, &value), 2);
        ward.delete("Patient").expect(400);
        ward.delete("Patient?frobnicate=1").expect(400);
        ward.delete("Patient?_sort=birthdate").expect(400);
    });
}

#[test]
fn delete_many_when_the_setting_permits() {
    on_own(&[("integrity.conditional_delete_max", "3")], |_, ward| {
        for made in [2, 3, 4] {
            let value = unique("delete-many");
            for _ in 0..made {
                ward.post("Patient", &identified(&value)).expect(201);
            }
            let expected = if made <= 3 { 204 } else { 412 };
            remove(ward, &value).expect(expected);
            assert_eq!(count(ward, &value), if made <= 3 { 0 } else { made });
        }
    });
}

fn about(patient: &str) -> Value {
    json!({ "resourceType": "Observation", "status": "final", "code": { "text": "pulse" }, "subject": { "reference": patient } })
}

#[test]
fn what_is_referred_to_is_not_deleted() {
    on_both(|ward| {
        let value = unique("referred");
        let patient = format!(
            "Patient/{}",
            ward.post("Patient", &identified(&value)).expect(201).id()
        );
        let observation = format!(
            "Observation/{}",
            ward.post("Observation", &about(&patient)).expect(201).id()
        );
        assert_eq!(ward.delete(&patient).expect(409).issue().0, "conflict");
        remove(ward, &value).expect(409);
        ward.get(&patient).expect(200);
        ward.delete(&observation).expect(204);
        ward.delete(&patient).expect(204);
    });
}

#[test]
fn or_is_when_the_setting_is_off() {
    on_own(&[("integrity.delete_check", "false")], |_, ward| {
        let patient = format!(
            "Patient/{}",
            ward.post("Patient", &patient("Referred")).expect(201).id()
        );
        let observation = format!(
            "Observation/{}",
            ward.post("Observation", &about(&patient)).expect(201).id()
        );
        ward.delete(&patient).expect(204);
        ward.get(&patient).expect(410);
        ward.get(&observation).expect(200);
    });
}

#[test]
fn references_resolve_always_when_the_setting_says_so() {
    on_both(|ward| {
        ward.post("Observation", &about("Patient/never-was-here"))
            .expect(201);
    });
    on_own(&[("integrity.reference_check", "always")], |_, ward| {
        let refused = ward
            .post("Observation", &about("Patient/never-was-here"))
            .expect(422);
        assert_eq!(
            refused.issue(),
            ("value".into(), "Observation.subject.reference".into())
        );
        let patient = format!(
            "Patient/{}",
            ward.post("Patient", &patient("Referred")).expect(201).id()
        );
        let id = ward.post("Observation", &about(&patient)).expect(201).id();
        let mut moved = about("Patient/never-was-here");
        moved["id"] = json!(id);
        ward.put(&format!("Observation/{id}"), &moved).expect(422);
        ward.delete(&format!("Observation/{id}")).expect(204);
        ward.delete(&patient).expect(204);
        ward.post("Observation", &about(&patient)).expect(422);
        ward.post(
            "Observation",
            &about("http://elsewhere.example.org/fhir/Patient/1"),
        )
        .expect(201);
    });
}

#[test]
fn references_need_not_resolve_when_the_setting_is_never() {
    on_own(&[("integrity.reference_check", "never")], |_, ward| {
        let entry = json!({ "resource": about("Patient/never-was-here"), "request": { "method": "POST", "url": "Observation" } });
        ward.post(
            "",
            &json!({ "resourceType": "Bundle", "type": "transaction", "entry": [entry] }),
        )
        .expect(200);
    });
}

#[test]
fn criteria_may_be_in_any_script() {
    on_both(|ward| {
        let value = unique("Grüße-Ω");
        // As UTF-8 bytes, and percent-encoded.
        let encoded: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
        assert_eq!(create(ward, &value).status, 201);
        assert_eq!(create(ward, &value).status, 200);
        let condition = format!("identifier={SYSTEM}|{encoded}");
        let again = ward
            .request("POST", "Patient")
            .header("If-None-Exist", &condition)
            .json(&identified(&value))
            .send();
        assert_eq!(again.expect(200).header("etag"), Some("W/\"1\""));
    });
}

#[test]
fn a_reference_may_come_before_its_target() {
    on_both(|ward| {
        let id = unique("late");
        let path = format!("Patient/{id}");
        let pulse = ward.post("Observation", &about(&path)).expect(201).id();
        ward.get(&path).expect(404);
        ward.delete(&path).expect(204);
        ward.get(&format!("{path}/_history")).expect(404);
        let gender = |value: &str| {
            let patch = json!([{ "op": "add", "path": "/gender", "value": value }]);
            ward.request("PATCH", &path)
                .body("application/json-patch+json", patch.to_string().into())
                .send()
        };
        gender("male").expect(404);
        let mut body = crate::rest::crud::patient("Late");
        body["id"] = json!(id);
        let created = ward.put(&path, &body).expect(201);
        assert_eq!(created.header("etag"), Some("W/\"1\""));
        gender("male").expect(200);
        for search in [
            format!("Observation?subject={path}"),
            format!("{path}/Observation"),
        ] {
            let found = ward.get(&search).expect(200).json();
            assert_eq!(found["entry"][0]["resource"]["id"], pulse, "{search}");
        }
        let found = ward.get(&format!("Patient?_id={id}")).expect(200).json();
        assert_eq!(found["entry"][0]["resource"]["gender"], "male");
        ward.delete(&path).expect(409);
        ward.delete(&format!("Observation/{pulse}")).expect(204);
        ward.delete(&path).expect(204);
        ward.get(&path).expect(410);
    });
}
