//! Labels over HTTP: what is written carries them, and no client takes them away. `docs/guide/labels.md`

use super::on_both;
use serde_json::{Value, json};
use ward_testkit::Client;

const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const HIV_TEST: &str = "20447-9";
const GLUCOSE: &str = "2339-0";

fn lab(code: &str, patient: &str) -> Value {
    json!({ "resourceType": "Observation", "status": "final", "subject": { "reference": patient },
        "code": { "coding": [{ "system": "http://loinc.org", "code": code }] } })
}

/// `meta.security` in short: `HIV R`.
fn labels(resource: &Value) -> String {
    let codings = resource["meta"]["security"].as_array();
    let codes = codings.into_iter().flatten();
    let mut codes: Vec<&str> = codes.map(|c| c["code"].as_str().unwrap()).collect();
    codes.sort_unstable();
    codes.join(" ")
}

fn create(ward: &Client, body: &Value) -> String {
    let ty = body["resourceType"].as_str().unwrap();
    format!("{ty}/{}", ward.post(ty, body).expect(201).id())
}

fn labels_of(ward: &Client, path: &str) -> String {
    labels(&ward.get(path).expect(200).json())
}

#[test]
fn a_laboratory_result_and_the_report_of_it_are_labelled() {
    on_both(|ward| {
        let patient = create(ward, &json!({ "resourceType": "Patient" }));
        let answer = ward
            .post("Observation", &lab(HIV_TEST, &patient))
            .expect(201);
        assert_eq!(labels(&answer.json()), "HIV R");
        let hiv = format!("Observation/{}", answer.id());
        assert_eq!(labels_of(ward, &hiv), "HIV R");
        let report = json!({ "resourceType": "DiagnosticReport", "status": "final", "subject": { "reference": patient },
            "code": { "text": "results" }, "result": [{ "reference": hiv }] });
        let report = create(ward, &report);
        assert_eq!(labels_of(ward, &report), "HIV R");
        let glucose = create(ward, &lab(GLUCOSE, &patient));
        assert_eq!(labels_of(ward, &glucose), "");
    });
}

#[test]
fn what_belongs_to_a_resource_follows_its_labels() {
    on_both(|ward| {
        let patient = create(ward, &json!({ "resourceType": "Patient" }));
        let visit = json!({ "resourceType": "Encounter", "status": "in-progress", "subject": { "reference": patient },
            "class": { "system": ACT_CODE, "code": "IMP" } });
        let encounter = create(ward, &visit);
        let mut body = lab(GLUCOSE, &patient);
        body["encounter"] = json!({ "reference": encounter });
        let during = create(ward, &body);
        assert_eq!(labels_of(ward, &during), "");
        let mut labelled = visit.clone();
        labelled["meta"] = json!({ "security": [{ "system": ACT_CODE, "code": "SUD" }] });
        labelled["id"] = json!(encounter.split('/').next_back());
        ward.put(&encounter, &labelled).expect(200);
        // Before the answer to the change, with a version of its own.
        let seen = labels_of(ward, &encounter);
        assert!(seen.contains("SUD"), "{seen}");
        assert_eq!(labels_of(ward, &during), seen);
        let history = ward.get(&format!("{during}/_history")).expect(200).json();
        assert_eq!(history["entry"].as_array().unwrap().len(), 2);
        // And what is written from now on.
        let after = create(ward, &body);
        assert_eq!(labels_of(ward, &after), seen);
    });
}

#[test]
fn t56_t57_t58_no_client_loses_a_label_or_a_part() {
    on_both(|ward| {
        let patient = create(ward, &json!({ "resourceType": "Patient" }));
        let path = create(ward, &lab(HIV_TEST, &patient));
        let mut body = lab(GLUCOSE, &patient);
        body["id"] = json!(path.split('/').next_back());
        assert_eq!(labels(&ward.put(&path, &body).expect(200).json()), "HIV R");
        let before = ward.get(&path).expect(200).json();
        let remove = json!([{ "op": "remove", "path": "/meta/security/0" }]).to_string();
        let patch = ward.request("PATCH", &path);
        let patch = patch.body("application/json-patch+json", remove.into_bytes());
        let refused = patch.send().expect(403);
        let details = refused.json()["issue"][0]["details"]["coding"][0]["code"].clone();
        assert_eq!(details, "access.label-removal");
        let part = ward
            .get(&format!("{path}?_elements=code"))
            .expect(200)
            .json();
        ward.put(&path, &part).expect(422);
        assert_eq!(ward.get(&path).expect(200).json(), before);
    });
}
