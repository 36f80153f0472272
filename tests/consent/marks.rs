//! T56 to T58 and L1 to L6: labels on the way in, what takes them away, how they look on the way out.

use super::data::within_5_s;
use super::hospital::{OFFICER, created, on_each};
use super::seen::{hides, shows};
use super::words::{deny, label, opt_in};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use ward_testkit::{Server, Start, backends};

/// The labels of a resource that are stored, as who sees all of them is shown them.
fn codes(resource: &Value) -> Vec<String> {
    let labels = resource["meta"]["security"].as_array();
    let codes = labels
        .into_iter()
        .flatten()
        .map(|label| label["code"].as_str().unwrap().to_owned());
    codes.collect()
}

#[test]
fn t56_l1_l2_a_body_without_labels_takes_none_away() {
    on_each(|ward| {
        let chart =
            ward.patient_with(&[opt_in().but(deny().label("HIV").actor("Practitioner/dro"))]);
        let o2 = chart.viral_load();
        let stated = chart.observation(
            "2345-7",
            &json!({ "meta": { "security": [label("HIV"), label("R")] } }),
        );
        for path in [&o2, &stated] {
            let mut body = ward.dr_x().get(path).expect(200).json();
            body["meta"]["security"] = json!([]);
            body["meta"].as_object_mut().unwrap().remove("security");
            body["status"] = json!("amended");
            let answer = ward.dr_x().put(path, &body).expect(200).json();
            assert_eq!(answer["status"], "amended");
            hides(ward.dr_o(), path);
            let stored = ward.person(OFFICER).get(path);
            if stored.status == 200 {
                assert!(
                    codes(&stored.json()).contains(&"HIV".to_owned()),
                    "{}",
                    stored.text()
                );
            }
        }
        // Nor does another code take away what a client has stated.
        let mut body = ward.dr_x().get(&stated).expect(200).json();
        body["meta"] = json!({ "security": [label("N")] });
        ward.dr_x().put(&stated, &body).expect(200);
        hides(ward.dr_o(), &stated);
    });
}

#[test]
fn t57_l1_l4_a_patch_takes_no_label_away() {
    on_each(|ward| {
        let chart = ward.patient();
        let path = chart.observation(
            "2345-7",
            &json!({ "meta": { "security": [label("R"), label("HIV")] } }),
        );
        let before = ward.loader.get(&path).expect(200);
        for patch in [
            json!([{ "op": "remove", "path": "/meta/security/0" }]),
            json!([{ "op": "remove", "path": "/meta/security" }]),
            json!([{ "op": "replace", "path": "/meta/security/0/code", "value": "N" }]),
            json!([{ "op": "remove", "path": "/meta" }]),
        ] {
            for who in [ward.dr_x(), &ward.loader] {
                let request = who.request("PATCH", &path);
                let answer = request
                    .body(
                        "application/json-patch+json",
                        patch.to_string().into_bytes(),
                    )
                    .send();
                let text = answer.text();
                // Who is not shown a label has none at that place.
                assert!(
                    matches!(answer.status, 400 | 403 | 422),
                    "{patch}: {} {text}",
                    answer.status
                );
                assert!(
                    answer.status != 403 || text.contains("label-removal"),
                    "{patch}: {text}"
                );
            }
        }
        let meta = json!({ "resourceType": "Parameters", "parameter": [{ "name": "meta", "valueMeta": { "security": [label("HIV")] } }] });
        let deleted = ward.loader.post(&format!("{path}/$meta-delete"), &meta);
        assert_eq!(deleted.status, 403, "L4: {}", deleted.text());
        let after = ward.loader.get(&path).expect(200);
        assert_eq!(after.text(), before.text(), "nothing has changed");
    });
}

#[test]
fn t58_r15_a_body_that_is_not_whole_is_not_stored() {
    on_each(|ward| {
        let o1 = ward.patient().glucose();
        let whole = ward.dr_t().get(&o1).expect(200).json();
        let mut part = ward
            .dr_t()
            .get(&format!("{o1}?_elements=status,code"))
            .expect(200)
            .json();
        assert!(part.to_string().contains("SUBSETTED"), "{part}");
        part["status"] = json!("amended");
        for who in [ward.dr_t(), &ward.loader] {
            who.put(&o1, &part).expect(422);
            let mut new = part.clone();
            new.as_object_mut().unwrap().remove("id");
            who.post("Observation", &new).expect(422);
        }
        assert_eq!(ward.dr_t().get(&o1).expect(200).json(), whole);
    });
}

#[test]
fn l2_a_client_may_add_labels() {
    on_each(|ward| {
        let chart =
            ward.patient_with(&[opt_in().but(deny().label("PSY").actor("Practitioner/drx"))]);
        let path = chart.glucose();
        shows(ward.dr_x(), &path);
        let meta = json!({ "resourceType": "Parameters", "parameter": [{ "name": "meta", "valueMeta": { "security": [label("PSY")] } }] });
        ward.loader
            .post(&format!("{path}/$meta-add"), &meta)
            .expect(200);
        hides(ward.dr_x(), &path);
        shows(ward.dr_t(), &path);
    });
}

/// What is carried: an Encounter's labels to its data, a result's to the report, a reason's to the order.
#[test]
fn l2_labels_go_with_references() {
    on_each(|ward| {
        let chart = ward.patient();
        let e1 = chart.in_substance_unit();
        let within = chart.observation("2345-7", &json!({ "encounter": { "reference": e1 } }));
        let c1 = chart.alcohol(&json!({}));
        let m1 = chart.naltrexone(&c1);
        for path in [&e1, &within, &c1, &m1] {
            // Part 2: nothing of it is disclosed without consent (R9).
            hides(ward.dr_o(), path);
            shows(ward.dr_t(), path);
        }
        // What becomes sensitive later takes its report along.
        let result = chart.glucose();
        let report = chart.report(&[&result]);
        shows(ward.dr_o(), &report);
        let mut body = ward.loader.get(&result).expect(200).json();
        body["code"] = json!({ "coding": [{ "system": "http://loinc.org", "code": "5640-8" }] });
        ward.loader.put(&result, &body).expect(200);
        hides(ward.dr_o(), &result);
        within_5_s(|| ward.dr_o().get(&report).status == 404);
        hides(ward.dr_o(), &report);
    });
}

/// Above the clearance of their role nobody sees anything (L3): a biller is cleared for restricted data, and not for very restricted.
#[test]
fn l3_a_clearance_is_not_exceeded() {
    on_each(|ward| {
        let chart = ward.patient();
        let restricted =
            chart.observation("2345-7", &json!({ "meta": { "security": [label("R")] } }));
        let very = chart.observation("2345-7", &json!({ "meta": { "security": [label("V")] } }));
        let billing = ward.service("billing at H1");
        shows(&billing, &restricted);
        hides(&billing, &very);
        shows(ward.dr_t(), &very);
    });
}

#[test]
fn l5_what_has_no_label_is_normal() {
    on_each(|ward| {
        let chart = ward.patient_with(&[opt_in().but(deny().label("R"))]);
        shows(ward.dr_t(), &chart.glucose());
        let chart = ward.patient_with(&[opt_in().but(deny().label("N"))]);
        hides(ward.dr_t(), &chart.glucose());
    });
}

/// Rules that were not there when it was written: until all of it is labelled they count as well, and afterwards nothing else does.
#[test]
fn l6_new_rules_hold_for_what_is_stored() {
    for backend in backends() {
        let server = Server::start(Start::empty(backend));
        let loader = server.client("loader");
        let patient = created(loader.post(
            "Patient",
            &json!({ "resourceType": "Patient", "active": true }),
        ));
        let observed = |code: &str| {
            let body = json!({ "resourceType": "Observation", "status": "final", "subject": { "reference": patient },
                "code": { "coding": [{ "system": "http://loinc.org", "code": code }] } });
            created(loader.post("Observation", &body))
        };
        let (glucose, height) = (observed("2345-7"), observed("8302-2"));
        let consent = opt_in().but(deny().label("HIV")).for_patient(&patient);
        created(loader.post("Consent", &consent));
        shows(&server.client("lab"), &glucose);
        let (start, home) = server.stop();
        let file = home.folder.path().join("labels.txt");
        let rules = "ward-labels 1\nsystem loinc http://loinc.org\nrule ours HIV\n  about what this hospital tests for it\n  code loinc 2345-7 Glucose\n";
        std::fs::write(&file, rules).unwrap();
        let files = format!("[{:?}]", file.to_str().unwrap());
        let server = Server::start_in(start.with("consent.label_files", &files), home);
        let lab = server.client("lab");
        // At once, labelled or not.
        hides(&lab, &glucose);
        let begun = Instant::now();
        while lab.get(&height).status != 200 {
            assert!(begun.elapsed().as_secs() < 60, "it is never labelled");
            std::thread::sleep(Duration::from_millis(100));
        }
        shows(&lab, &height);
        hides(&lab, &glucose);
    }
}

/// Who is not to see labels gets the level, and nothing of what a resource is labelled with.
#[test]
fn r16_what_a_resource_is_labelled_with_is_for_who_sees_labels() {
    on_each(|ward| {
        let o2 = ward.patient().viral_load();
        let stored = ward.loader.get(&o2).expect(200).json();
        assert_eq!(codes(&stored), ["R", "HIV"]);
        for path in [
            o2.clone(),
            format!("{o2}/_history"),
            format!("{o2}/$meta"),
            format!("Observation?_id={}", o2.split('/').nth(1).unwrap()),
        ] {
            for who in [ward.dr_t(), &ward.service("treatment at H1")] {
                let text = who.get(&path).expect(200).text();
                assert!(
                    !text.contains("\"HIV\"") && text.contains("\"R\""),
                    "{text}"
                );
            }
        }
        // What was read so may be written back: nothing is lost.
        let mut read = ward.dr_t().get(&o2).expect(200).json();
        read["status"] = json!("amended");
        ward.dr_t().put(&o2, &read).expect(200);
        let after = ward.loader.get(&o2).expect(200).json();
        assert_eq!(codes(&after), ["R", "HIV"]);
        assert_eq!(after["meta"]["security"], stored["meta"]["security"]);
    });
}
