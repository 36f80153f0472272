//! batch and transaction. <https://hl7.org/fhir/R4/http.html#transaction>

use super::crud::patient;
use super::{on_both, on_own, unique};
use serde_json::{Value, json};
use ward_testkit::{Answer, Client};

const SYSTEM: &str = "http://example.org/bundles";

fn bundle(kind: &str, entries: Vec<Value>) -> Value {
    let mut bundle = json!({ "resourceType": "Bundle", "type": kind });
    if !entries.is_empty() {
        bundle["entry"] = json!(entries);
    }
    bundle
}

fn entry(method: &str, url: &str, resource: Option<Value>) -> Value {
    let mut entry = json!({ "request": { "method": method, "url": url } });
    if let Some(resource) = resource {
        entry["resource"] = resource;
    }
    entry
}

fn named(full_url: &str, mut entry: Value) -> Value {
    entry["fullUrl"] = json!(full_url);
    entry
}

fn with_condition(mut entry: Value, name: &str, value: &str) -> Value {
    entry["request"][name] = json!(value);
    entry
}

fn transact(ward: &Client, entries: Vec<Value>) -> Answer {
    ward.post("", &bundle("transaction", entries))
}

fn batch(ward: &Client, entries: Vec<Value>) -> Value {
    ward.post("", &bundle("batch", entries)).expect(200).json()
}

fn statuses(response: &Value) -> Vec<String> {
    let entries = response["entry"].as_array().cloned().unwrap_or_default();
    entries
        .iter()
        .map(|e| {
            e["response"]["status"]
                .as_str()
                .unwrap()
                .split(' ')
                .next()
                .unwrap()
                .to_owned()
        })
        .collect()
}

/// `Type/id` that an entry's answer locates.
fn located(response: &Value, at: usize) -> String {
    let location = response["entry"][at]["response"]["location"]
        .as_str()
        .unwrap();
    location
        .split("/fhir/")
        .last()
        .unwrap()
        .split("/_history/")
        .next()
        .unwrap()
        .to_owned()
}

fn identified(value: &str) -> Value {
    let mut body = patient("Bundled");
    body["identifier"] = json!([{ "system": SYSTEM, "value": value }]);
    body
}

fn criteria(value: &str) -> String {
    format!("identifier={SYSTEM}|{value}")
}

fn about(subject: &str) -> Value {
    json!({ "resourceType": "Observation", "status": "final", "code": { "text": "pulse" }, "subject": { "reference": subject } })
}

fn found(ward: &Client, value: &str) -> usize {
    ward.get(&format!("Patient?{}", criteria(value)))
        .expect(200)
        .json()["entry"]
        .as_array()
        .map_or(0, Vec::len)
}

/// The transaction is refused, its entry `at` is named, and nothing of it is stored.
#[track_caller]
fn refused(ward: &Client, value: &str, entries: Vec<Value>, status: u16, at: Option<usize>) {
    let before = found(ward, value);
    let answer = transact(ward, entries).expect(status);
    if let Some(at) = at {
        let expression = answer.issue().1;
        assert!(
            expression.starts_with(&format!("Bundle.entry[{at}]")),
            "{expression}: {}",
            answer.text()
        );
    }
    assert_eq!(found(ward, value), before, "nothing is stored");
}

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
fn identities_are_rewritten_wherever_they_stand() {
    on_both(|ward| {
        let (one, two, three) = (
            "urn:uuid:6c5a1c5e-6a0b-4b1b-9a57-000000000001",
            "urn:uuid:6c5a1c5e-6a0b-4b1b-9a57-000000000002",
            "urn:oid:1.2.3.4",
        );
        let mut observation = about(one);
        observation["text"] = json!({ "status": "generated", "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\"><a href=\"{one}\">the patient</a> said {one}</div>") });
        observation["contained"] = json!([{ "resourceType": "Provenance", "id": "p", "target": [{ "reference": three }], "recorded": "2020-01-01T00:00:00Z",
            "agent": [{ "who": { "reference": two } }] }]);
        observation["extension"] = json!([
            { "url": "http://example.org/ref", "valueReference": { "reference": one } },
            { "url": "http://example.org/uri", "valueUri": two },
            { "url": "http://example.org/text", "valueString": one }
        ]);
        observation["hasMember"] = json!([{ "reference": three }]);
        observation["performer"] = json!([{ "reference": two }]);
        observation["derivedFrom"] = json!([{ "extension": [{ "url": "http://example.org/prov", "valueReference": { "reference": "#p" } }], "display": "none" }]);
        let response = transact(
            ward,
            vec![
                named(
                    "urn:uuid:6c5a1c5e-6a0b-4b1b-9a57-000000000004",
                    entry("POST", "Observation", Some(observation)),
                ),
                named(three, entry("POST", "Observation", Some(about(one)))),
                named(
                    two,
                    entry(
                        "POST",
                        "Organization",
                        Some(json!({ "resourceType": "Organization", "name": "Ward" })),
                    ),
                ),
                named(one, entry("POST", "Patient", Some(patient("Linked")))),
            ],
        )
        .expect(200)
        .json();
        assert_eq!(response["type"], "transaction-response");
        assert_eq!(statuses(&response), ["201", "201", "201", "201"]);
        let (observation, other, organization, patient) = (
            located(&response, 0),
            located(&response, 1),
            located(&response, 2),
            located(&response, 3),
        );
        let read = ward.get(&observation).expect(200).json();
        assert_eq!(read["subject"]["reference"], patient);
        assert_eq!(read["performer"][0]["reference"], organization);
        assert_eq!(read["hasMember"][0]["reference"], other);
        assert_eq!(read["contained"][0]["target"][0]["reference"], other);
        assert_eq!(
            read["contained"][0]["agent"][0]["who"]["reference"],
            organization
        );
        assert_eq!(read["extension"][0]["valueReference"]["reference"], patient);
        assert_eq!(read["extension"][1]["valueUri"], organization);
        assert_eq!(
            read["extension"][2]["valueString"], one,
            "a string is no link"
        );
        assert_eq!(
            read["derivedFrom"][0]["extension"][0]["valueReference"]["reference"],
            "#p"
        );
        let div = read["text"]["div"].as_str().unwrap();
        assert!(
            div.contains(&format!("<a href=\"{patient}\">"))
                && div.contains(&format!("said {one}")),
            "{div}"
        );
        let everything = ward
            .get(&format!("Observation?subject={patient}"))
            .expect(200)
            .json();
        assert_eq!(everything["entry"].as_array().map(Vec::len), Some(2));
    });
}

#[test]
fn a_reference_by_the_entrys_own_url_is_rewritten() {
    on_both(|ward| {
        let response = transact(
            ward,
            vec![
                named(
                    "http://other.example.org/fhir/Patient/77",
                    entry("POST", "Patient", Some(patient("Moved"))),
                ),
                named(
                    "http://other.example.org/fhir/Observation/1",
                    entry("POST", "Observation", Some(about("Patient/77"))),
                ),
                entry(
                    "POST",
                    "Observation",
                    Some(about("http://other.example.org/fhir/Patient/77")),
                ),
            ],
        )
        .expect(200)
        .json();
        for at in [1, 2] {
            assert_eq!(
                ward.get(&located(&response, at)).expect(200).json()["subject"]["reference"],
                located(&response, 0)
            );
        }
    });
}

#[test]
fn conditional_references_are_resolved() {
    on_both(|ward| {
        let value = unique("reference");
        let reference = format!("Patient?{}", criteria(&value));
        refused(
            ward,
            &value,
            vec![entry("POST", "Observation", Some(about(&reference)))],
            412,
            Some(0),
        );
        let id = ward.post("Patient", &identified(&value)).expect(201).id();
        let response = transact(
            ward,
            vec![entry("POST", "Observation", Some(about(&reference)))],
        )
        .expect(200)
        .json();
        assert_eq!(
            ward.get(&located(&response, 0)).expect(200).json()["subject"]["reference"],
            format!("Patient/{id}")
        );
        ward.post("Patient", &identified(&value)).expect(201);
        refused(
            ward,
            &value,
            vec![entry("POST", "Observation", Some(about(&reference)))],
            412,
            Some(0),
        );
    });
}

#[test]
fn entries_are_processed_in_the_order_of_the_specification() {
    on_both(|ward| {
        let value = unique("order");
        let old = format!(
            "Patient/{}",
            ward.post("Patient", &identified(&value)).expect(201).id()
        );
        let kept = unique("order-kept");
        let path = format!(
            "Patient/{}",
            ward.post("Patient", &identified(&kept)).expect(201).id()
        );
        let mut changed = identified(&kept);
        changed["id"] = json!(path.trim_start_matches("Patient/"));
        changed["gender"] = json!("male");
        // Written backwards: reads see what the writes made, and the creation what the deletion left.
        let response = transact(
            ward,
            vec![
                entry("GET", &path, None),
                entry("GET", &format!("Patient?{}", criteria(&value)), None),
                entry("PUT", &path, Some(changed)),
                with_condition(
                    entry("POST", "Patient", Some(identified(&value))),
                    "ifNoneExist",
                    &criteria(&value),
                ),
                entry("DELETE", &old, None),
            ],
        )
        .expect(200)
        .json();
        assert_eq!(statuses(&response), ["200", "200", "200", "201", "204"]);
        assert_eq!(response["entry"][0]["resource"]["gender"], "male");
        assert_ne!(located(&response, 3), old);
        assert_eq!(
            response["entry"][1]["resource"]["entry"]
                .as_array()
                .map(Vec::len),
            Some(1)
        );
        ward.get(&old).expect(410);
    });
}

#[test]
fn the_same_resource_is_written_once() {
    on_both(|ward| {
        let value = unique("twice");
        let path = format!(
            "Patient/{}",
            ward.post("Patient", &identified(&value)).expect(201).id()
        );
        let mut body = identified(&value);
        body["id"] = json!(path.trim_start_matches("Patient/"));
        let put = || entry("PUT", &path, Some(body.clone()));
        refused(ward, &value, vec![put(), put()], 400, Some(1));
        refused(
            ward,
            &value,
            vec![put(), entry("DELETE", &path, None)],
            400,
            Some(1),
        );
        refused(
            ward,
            &value,
            vec![
                put(),
                entry(
                    "PUT",
                    &format!("Patient?{}", criteria(&value)),
                    Some(identified(&value)),
                ),
            ],
            400,
            Some(1),
        );
        let same = "urn:uuid:6c5a1c5e-6a0b-4b1b-9a57-0000000000aa";
        let create = || named(same, entry("POST", "Patient", Some(identified(&value))));
        refused(ward, &value, vec![create(), create()], 422, None);
        assert_eq!(ward.get(&path).expect(200).header("etag"), Some("W/\"1\""));
    });
}

#[test]
fn all_or_nothing_and_the_failing_entry_is_named() {
    on_both(|ward| {
        let value = unique("all-or-nothing");
        let path = format!(
            "Patient/{}",
            ward.post("Patient", &patient("Untouched")).expect(201).id()
        );
        let deleted = format!(
            "Patient/{}",
            ward.post("Patient", &patient("Still here"))
                .expect(201)
                .id()
        );
        let good = || entry("POST", "Patient", Some(identified(&value)));
        let mut wrong = patient("Wrong");
        wrong["gender"] = json!("purple");
        let mut changed = patient("Changed");
        changed["id"] = json!(path.trim_start_matches("Patient/"));
        let bad: Vec<(&str, Value, u16)> = vec![
            ("binding", entry("POST", "Patient", Some(wrong)), 422),
            (
                "type",
                entry("POST", "Patient", Some(about("Patient/1"))),
                400,
            ),
            ("no resource", entry("POST", "Patient", None), 400),
            ("url", entry("POST", "Pancake", Some(patient("x"))), 404),
            (
                "id",
                entry("PUT", "Patient/other", Some(changed.clone())),
                400,
            ),
            (
                "If-Match",
                with_condition(
                    entry("PUT", &path, Some(changed.clone())),
                    "ifMatch",
                    "W/\"9\"",
                ),
                412,
            ),
            (
                "If-None-Match",
                with_condition(entry("PUT", &path, Some(changed)), "ifNoneMatch", "*"),
                412,
            ),
            (
                "reference",
                entry("POST", "Observation", Some(about("Patient/never-was-here"))),
                422,
            ),
            (
                "urn",
                entry(
                    "POST",
                    "Observation",
                    Some(about("urn:uuid:6c5a1c5e-6a0b-4b1b-9a57-0000000000ff")),
                ),
                422,
            ),
            (
                "criteria",
                entry("PUT", "Patient?frobnicate=1", Some(patient("x"))),
                400,
            ),
            (
                "patch of nothing",
                entry(
                    "PATCH",
                    "Patient/never-was-here",
                    Some(json!({ "resourceType": "Parameters" })),
                ),
                404,
            ),
            (
                "bundle",
                entry("POST", "/", Some(bundle("batch", vec![]))),
                400,
            ),
            (
                "operation",
                entry(
                    "POST",
                    &format!("{path}/$meta-add"),
                    Some(json!({ "resourceType": "Parameters" })),
                ),
                400,
            ),
        ];
        for (name, bad, status) in bad {
            println!("{name}");
            refused(
                ward,
                &value,
                vec![good(), entry("DELETE", &deleted, None), good(), bad],
                status,
                Some(3),
            );
            for path in [&path, &deleted] {
                assert_eq!(
                    ward.get(path).expect(200).header("etag"),
                    Some("W/\"1\""),
                    "{name}"
                );
            }
        }
    });
}

#[test]
fn a_conditional_create_inside_finds_or_makes() {
    on_both(|ward| {
        let value = unique("inside");
        let urn = "urn:uuid:6c5a1c5e-6a0b-4b1b-9a57-0000000000bb";
        let send = || {
            let create = with_condition(
                named(urn, entry("POST", "Patient", Some(identified(&value)))),
                "ifNoneExist",
                &criteria(&value),
            );
            transact(
                ward,
                vec![create, entry("POST", "Observation", Some(about(urn)))],
            )
            .expect(200)
            .json()
        };
        let (first, second) = (send(), send());
        assert_eq!(
            (statuses(&first), statuses(&second)),
            (
                vec!["201".into(), "201".into()],
                vec!["200".into(), "201".into()]
            )
        );
        assert_eq!(located(&first, 0), located(&second, 0));
        assert_eq!(
            ward.get(&located(&second, 1)).expect(200).json()["subject"]["reference"],
            located(&first, 0)
        );
        assert_eq!(found(ward, &value), 1);
        // The resource under the identity decides, not the entry's order.
        let update = entry(
            "PUT",
            &format!("Patient?{}", criteria(&value)),
            Some(identified(&value)),
        );
        assert_eq!(
            statuses(&transact(ward, vec![update]).expect(200).json()),
            ["200"]
        );
    });
}

#[test]
fn clients_choose_ids_within_a_transaction() {
    on_both(|ward| {
        let (patient_id, observation_id) = (unique("chosen-patient"), unique("chosen-observation"));
        let mut person = patient("Chosen");
        person["id"] = json!(patient_id);
        let mut observation = about(&format!("Patient/{patient_id}"));
        observation["id"] = json!(observation_id);
        let entries = || {
            vec![
                entry(
                    "PUT",
                    &format!("Observation/{observation_id}"),
                    Some(observation.clone()),
                ),
                entry(
                    "PUT",
                    &format!("Patient/{patient_id}"),
                    Some(person.clone()),
                ),
            ]
        };
        assert_eq!(
            statuses(&transact(ward, entries()).expect(200).json()),
            ["201", "201"]
        );
        assert_eq!(
            statuses(&transact(ward, entries()).expect(200).json()),
            ["200", "200"]
        );
        assert_eq!(
            ward.get(&format!("Observation/{observation_id}"))
                .expect(200)
                .header("etag"),
            Some("W/\"2\"")
        );
        let compartment = ward
            .get(&format!("Patient/{patient_id}/Observation"))
            .expect(200)
            .json();
        assert_eq!(compartment["entry"][0]["resource"]["id"], observation_id);
    });
}

#[test]
fn a_patch_travels_in_a_binary_or_in_parameters() {
    on_both(|ward| {
        let path = format!(
            "Patient/{}",
            ward.post("Patient", &patient("Patched")).expect(201).id()
        );
        // [{"op":"replace","path":"/gender","value":"male"}]
        let binary = json!({ "resourceType": "Binary", "contentType": "application/json-patch+json",
            "data": "W3sib3AiOiJyZXBsYWNlIiwicGF0aCI6Ii9nZW5kZXIiLCJ2YWx1ZSI6Im1hbGUifV0=" });
        let response = transact(ward, vec![entry("PATCH", &path, Some(binary.clone()))])
            .expect(200)
            .json();
        assert_eq!(statuses(&response), ["200"]);
        assert_eq!(ward.get(&path).expect(200).json()["gender"], "male");
        let parameters = json!({ "resourceType": "Parameters", "parameter": [{ "name": "operation", "part": [
            { "name": "type", "valueCode": "replace" }, { "name": "path", "valueString": "Patient.gender" }, { "name": "value", "valueCode": "other" }] }] });
        assert_eq!(
            statuses(&batch(ward, vec![entry("PATCH", &path, Some(parameters))])),
            ["200"]
        );
        assert_eq!(ward.get(&path).expect(200).json()["gender"], "other");
        let guarded = with_condition(entry("PATCH", &path, Some(binary)), "ifMatch", "W/\"1\"");
        assert_eq!(
            transact(ward, vec![guarded]).expect(412).issue().1,
            "Bundle.entry[0]"
        );
        assert_eq!(ward.get(&path).expect(200).header("etag"), Some("W/\"3\""));
    });
}

#[test]
fn deletions_inside_look_at_the_whole() {
    on_both(|ward| {
        let patient = format!(
            "Patient/{}",
            ward.post("Patient", &patient("Deleted")).expect(201).id()
        );
        let observation = format!(
            "Observation/{}",
            ward.post("Observation", &about(&patient)).expect(201).id()
        );
        transact(ward, vec![entry("DELETE", &patient, None)]).expect(409);
        let both = vec![
            entry("DELETE", &patient, None),
            entry("DELETE", &observation, None),
            entry("DELETE", "Patient/never-was-here", None),
        ];
        assert_eq!(
            statuses(&transact(ward, both).expect(200).json()),
            ["204", "204", "204"]
        );
        ward.get(&patient).expect(410);
        ward.get(&observation).expect(410);
    });
}

#[test]
fn conditions_hold_inside() {
    on_both(|ward| {
        let id = ward.post("Patient", &patient("Guarded")).expect(201).id();
        let path = format!("Patient/{id}");
        let mut body = patient("Changed");
        body["id"] = json!(id);
        let put =
            |etag: &str| with_condition(entry("PUT", &path, Some(body.clone())), "ifMatch", etag);
        assert_eq!(
            statuses(&batch(ward, vec![put("W/\"2\""), put("W/\"1\"")])),
            ["412", "200"]
        );
        assert_eq!(
            statuses(&transact(ward, vec![put("W/\"2\"")]).expect(200).json()),
            ["200"]
        );
        transact(
            ward,
            vec![with_condition(
                entry("DELETE", &path, None),
                "ifMatch",
                "W/\"1\"",
            )],
        )
        .expect(412);
        let unchanged = with_condition(entry("GET", &path, None), "ifNoneMatch", "W/\"3\"");
        assert_eq!(statuses(&batch(ward, vec![unchanged])), ["304"]);
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
