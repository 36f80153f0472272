//! What the entries of a transaction call each other, and how it is resolved. <https://hl7.org/fhir/R4/http.html#transaction>

use super::{
    about, batch, criteria, entry, identified, located, named, refused, statuses, transact,
    with_condition,
};
use crate::rest::crud::patient;
use crate::rest::{on_both, unique};
use serde_json::json;

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

/// A patch inside a Binary is opaque to whoever rewrites the Bundle; the identity in it is understood all the same.
#[test]
fn an_identity_inside_a_patch_is_rewritten() {
    on_both(|ward| {
        let pulse = ward
            .post("Observation", &about("Patient/x"))
            .expect(201)
            .id();
        let pulse = format!("Observation/{pulse}");
        let urn = "urn:uuid:6c5a1c5e-6a0b-4b1b-9a57-0000000000c7";
        let patch = |to: &str| {
            let patch = json!([{ "op": "add", "path": "/subject", "value": { "reference": to } }]);
            let data = base64(patch.to_string().as_bytes());
            let binary = json!({ "resourceType": "Binary", "contentType": "application/json-patch+json", "data": data });
            entry("PATCH", &pulse, Some(binary))
        };
        let person = || named(urn, entry("POST", "Patient", Some(patient("Patched"))));
        let response = transact(ward, vec![patch(urn), person()])
            .expect(200)
            .json();
        let read = ward.get(&pulse).expect(200).json();
        assert_eq!(read["subject"]["reference"], located(&response, 1));
        let unknown = "urn:uuid:6c5a1c5e-6a0b-4b1b-9a57-0000000000ff";
        let refused = transact(ward, vec![patch(unknown), person()]).expect(422);
        assert!(
            refused.issue().1.starts_with("Bundle.entry[0]"),
            "{}",
            refused.text()
        );
    });
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .fold(0u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for n in 0..4 {
            out.push(if n <= chunk.len() {
                DIGITS[(word >> (18 - 6 * n)) as usize & 63] as char
            } else {
                '='
            });
        }
    }
    out
}
