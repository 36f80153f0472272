//! batch, and how Bundles are taken and answered. <https://hl7.org/fhir/R4/http.html#transaction>

use super::{batch, bundle, entry, located, statuses, transact};
use crate::rest::crud::patient;
use crate::rest::{on_both, on_own, unique};
use serde_json::json;

#[test]
fn batch_entries_stand_alone() {
    on_both(|ward| {
        let path = format!(
            "Patient/{}",
            ward.post("Patient", &patient("Batch")).expect(201).id()
        );
        let mut wrong = patient("Wrong");
        wrong["gender"] = json!("purple");
        let response = batch(
            ward,
            vec![
                entry("POST", "Patient", Some(patient("New"))),
                entry("POST", "Patient", Some(wrong)),
                entry("GET", &path, None),
                entry("GET", "Patient/never-was-here", None),
                entry("GET", "Patient?_id=never-was-here", None),
                entry("DELETE", &path, None),
                entry("GET", &path, None),
                entry("GET", "Pancake/1", None),
                entry("GET", "Patient/$meta", None),
                entry("POST", "/", Some(bundle("batch", vec![]))),
            ],
        );
        assert_eq!(response["type"], "batch-response");
        assert_eq!(
            statuses(&response),
            [
                "201", "422", "200", "404", "200", "204", "410", "404", "200", "400"
            ]
        );
        assert_eq!(
            response["entry"][2]["resource"]["name"][0]["family"],
            "Batch"
        );
        assert_eq!(
            response["entry"][1]["response"]["outcome"]["issue"][0]["expression"][0],
            "Patient.gender"
        );
        assert_eq!(response["entry"][4]["resource"]["type"], "searchset");
        assert_eq!(response["entry"][0]["response"]["etag"], "W/\"1\"");
        ward.get(&located(&response, 0)).expect(200);
    });
}

#[test]
fn prefer_holds_for_every_entry() {
    on_both(|ward| {
        for kind in ["batch", "transaction"] {
            let send = |prefer: &str| {
                let entries = vec![entry("POST", "Patient", Some(patient("Preferred")))];
                ward.request("POST", "")
                    .header("Prefer", prefer)
                    .json(&bundle(kind, entries))
                    .send()
                    .expect(200)
                    .json()
            };
            assert_eq!(
                send("return=representation")["entry"][0]["resource"]["resourceType"],
                "Patient",
                "{kind}"
            );
            assert!(
                send("return=minimal")["entry"][0].get("resource").is_none(),
                "{kind}"
            );
            assert_eq!(
                send("return=OperationOutcome")["entry"][0]["response"]["outcome"]["resourceType"],
                "OperationOutcome",
                "{kind}"
            );
        }
    });
}

#[test]
fn prefer_holds_for_every_way_of_writing() {
    on_both(|ward| {
        let replace = json!({ "resourceType": "Parameters", "parameter": [{ "name": "operation", "part": [
            { "name": "type", "valueCode": "replace" }, { "name": "path", "valueString": "Patient.gender" }, { "name": "value", "valueCode": "other" }] }] });
        for kind in ["batch", "transaction"] {
            let path = || {
                let id = ward.post("Patient", &patient("Preferred")).expect(201).id();
                format!("Patient/{id}")
            };
            let put = |path: &str| {
                let mut body = patient("Put");
                body["id"] = json!(path.split('/').next_back());
                entry("PUT", path, Some(body))
            };
            // An update, one that creates, a patch and a deletion.
            let send = |prefer: &str| {
                let new = format!("Patient/{}", unique("preferred"));
                let entries = vec![
                    put(&path()),
                    put(&new),
                    entry("PATCH", &path(), Some(replace.clone())),
                    entry("DELETE", &path(), None),
                ];
                let request = ward.request("POST", "").header("Prefer", prefer);
                let answer = request
                    .json(&bundle(kind, entries))
                    .send()
                    .expect(200)
                    .json();
                let expected = ["200", "201", "200", "204"];
                assert_eq!(statuses(&answer), expected, "{kind} {prefer}");
                answer["entry"].as_array().cloned().unwrap()
            };
            for (prefer, resource, outcome) in [
                ("return=representation", true, false),
                ("return=minimal", false, false),
                ("return=OperationOutcome", false, true),
            ] {
                for (at, answered) in send(prefer).iter().enumerate() {
                    // A deletion has nothing to show.
                    let written = at < 3;
                    let shown = answered["resource"]["resourceType"] == "Patient";
                    let told =
                        answered["response"]["outcome"]["resourceType"] == "OperationOutcome";
                    assert_eq!(
                        (shown, told),
                        (written && resource, written && outcome),
                        "{kind} {prefer} {at}"
                    );
                }
            }
        }
    });
}

#[test]
fn only_batches_and_transactions_are_processed() {
    on_both(|ward| {
        assert_eq!(
            ward.post("", &bundle("collection", vec![]))
                .expect(400)
                .issue()
                .1,
            "Bundle.type"
        );
        ward.post("", &patient("Alone")).expect(400);
        assert!(transact(ward, vec![]).status < 500);
        assert_eq!(
            transact(ward, vec![json!({ "resource": patient("x") })]).status / 100,
            4
        );
        let collection = json!({ "resourceType": "Bundle", "type": "collection" });
        ward.post("Bundle", &collection).expect(201);
    });
}

#[test]
fn size_is_limited() {
    on_own(&[("limits.bundle_entries_max", "3")], |_, ward| {
        let entries = |n: usize| vec![entry("GET", "Patient?_id=x", None); n];
        ward.post("", &bundle("batch", entries(3))).expect(200);
        assert_eq!(
            ward.post("", &bundle("batch", entries(4)))
                .expect(413)
                .issue()
                .0,
            "too-long"
        );
        assert_eq!(
            ward.post("", &bundle("transaction", entries(4)))
                .expect(413)
                .issue()
                .0,
            "too-long"
        );
    });
}

#[test]
fn a_bundle_comes_as_xml_too() {
    on_both(|ward| {
        let xml = r#"<Bundle xmlns="http://hl7.org/fhir"><type value="transaction"/><entry><resource><Patient><gender value="male"/></Patient></resource>
            <request><method value="POST"/><url value="Patient"/></request></entry></Bundle>"#;
        let response = ward
            .request("POST", "")
            .body("application/fhir+xml", xml.into())
            .send()
            .expect(200)
            .json();
        assert_eq!(statuses(&response), ["201"]);
        assert_eq!(
            ward.get(&located(&response, 0)).expect(200).json()["gender"],
            "male"
        );
    });
}
