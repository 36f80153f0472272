//! patch in its three formats. <https://hl7.org/fhir/R4/http.html#patch>

use super::crud::patient;
use super::{on_both, unique};
use serde_json::{Value, json};
use ward_testkit::{Answer, Client, Request};

const JSON_PATCH: &str = "application/json-patch+json";
const XML_PATCH: &str = "application/xml-patch+xml";

fn new_patient(ward: &Client) -> String {
    format!(
        "Patient/{}",
        ward.post("Patient", &patient("Patched")).expect(201).id()
    )
}

fn json_patch(ward: &Client, path: &str, operations: &Value) -> Request {
    ward.request("PATCH", path)
        .body(JSON_PATCH, operations.to_string().into_bytes())
}

fn replace_gender(value: &str) -> Value {
    json!([{ "op": "replace", "path": "/gender", "value": value }])
}

fn fhirpath_replace(path: &str, value: Value) -> Value {
    let mut parts = vec![
        json!({ "name": "type", "valueCode": "replace" }),
        json!({ "name": "path", "valueString": path }),
    ];
    let mut part = json!({ "name": "value" });
    part.as_object_mut()
        .unwrap()
        .extend(value.as_object().unwrap().clone());
    parts.push(part);
    json!({ "resourceType": "Parameters", "parameter": [{ "name": "operation", "part": parts }] })
}

fn refused(answer: Answer, status: u16, code: &str) {
    assert_eq!(answer.expect(status).issue().0, code);
}

#[test]
fn json_patch_makes_a_version() {
    on_both(|ward| {
        let path = new_patient(ward);
        let operations = json!([
            { "op": "test", "path": "/gender", "value": "female" },
            { "op": "replace", "path": "/gender", "value": "male" },
            { "op": "add", "path": "/name/0/given/-", "value": "Augusta" },
            { "op": "remove", "path": "/birthDate" }
        ]);
        let patched = json_patch(ward, &path, &operations).send().expect(200);
        assert_eq!(patched.header("etag"), Some("W/\"2\""));
        let read = ward.get(&path).expect(200).json();
        assert_eq!(read, patched.json());
        assert_eq!(
            (
                &read["gender"],
                &read["name"][0]["given"],
                read.get("birthDate")
            ),
            (&json!("male"), &json!(["Ada", "Augusta"]), None)
        );
        assert_eq!(
            ward.get(&format!("{path}/_history/1")).expect(200).json()["gender"],
            "female"
        );
    });
}

#[test]
fn fhirpath_patch_in_both_forms() {
    on_both(|ward| {
        let path = new_patient(ward);
        let parameters = fhirpath_replace("Patient.gender", json!({ "valueCode": "other" }));
        assert_eq!(
            ward.request("PATCH", &path)
                .json(&parameters)
                .send()
                .expect(200)
                .json()["gender"],
            "other"
        );
        let xml = r#"<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/>
            <part><name value="type"/><valueCode value="delete"/></part>
            <part><name value="path"/><valueString value="Patient.birthDate"/></part></parameter></Parameters>"#;
        let patched = ward
            .request("PATCH", &path)
            .body("application/fhir+xml", xml.into())
            .send()
            .expect(200)
            .json();
        assert!(patched.get("birthDate").is_none());
        assert_eq!(patched["meta"]["versionId"], "3");
    });
}

#[test]
fn xml_patch() {
    on_both(|ward| {
        let path = new_patient(ward);
        let diff = r#"<diff xmlns:f="http://hl7.org/fhir"><replace sel="f:Patient/f:gender/@value">male</replace></diff>"#;
        assert_eq!(
            ward.request("PATCH", &path)
                .body(XML_PATCH, diff.into())
                .send()
                .expect(200)
                .json()["gender"],
            "male"
        );
    });
}

#[test]
fn a_patch_finds_its_resource_by_criteria() {
    on_both(|ward| {
        let value = unique("conditional-patch");
        let criteria = format!("Patient?identifier=http://example.org/patch|{value}");
        json_patch(ward, &criteria, &replace_gender("male"))
            .send()
            .expect(404);
        let mut body = patient("Found");
        body["identifier"] = json!([{ "system": "http://example.org/patch", "value": value }]);
        let id = ward.post("Patient", &body).expect(201).id();
        assert_eq!(
            json_patch(ward, &criteria, &replace_gender("male"))
                .send()
                .expect(200)
                .id(),
            id
        );
        ward.post("Patient", &body).expect(201);
        refused(
            json_patch(ward, &criteria, &replace_gender("other")).send(),
            412,
            "multiple-matches",
        );
        json_patch(ward, "Patient", &replace_gender("other"))
            .send()
            .expect(400);
    });
}

#[test]
fn criteria_go_with_every_format() {
    on_both(|ward| {
        let value = unique("conditional-formats");
        let criteria = format!("Patient?identifier=http://example.org/patch|{value}");
        let mut body = patient("Found");
        body["identifier"] = json!([{ "system": "http://example.org/patch", "value": value }]);
        let parameters = fhirpath_replace("Patient.gender", json!({ "valueCode": "other" }));
        let fhirpath_xml = r#"<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/>
            <part><name value="type"/><valueCode value="delete"/></part>
            <part><name value="path"/><valueString value="Patient.birthDate"/></part></parameter></Parameters>"#;
        let diff = r#"<diff xmlns:f="http://hl7.org/fhir"><replace sel="f:Patient/f:gender/@value">male</replace></diff>"#;
        let formats = [
            ("application/fhir+json", parameters.to_string()),
            ("application/fhir+xml", fhirpath_xml.to_owned()),
            (XML_PATCH, diff.to_owned()),
        ];
        let send = |(ty, body): &(&str, String)| {
            let request = ward.request("PATCH", &criteria);
            request.body(ty, body.clone().into_bytes()).send()
        };
        for format in &formats {
            refused(send(format), 404, "not-found");
        }
        let path = format!("Patient/{}", ward.post("Patient", &body).expect(201).id());
        for (at, format) in formats.iter().enumerate() {
            let patched = send(format).expect(200);
            let version = format!("W/\"{}\"", at + 2);
            assert_eq!(
                patched.header("etag"),
                Some(version.as_str()),
                "{}",
                format.0
            );
        }
        let read = ward.get(&path).expect(200).json();
        assert_eq!(
            (&read["gender"], read.get("birthDate")),
            (&json!("male"), None)
        );
        ward.post("Patient", &body).expect(201);
        for format in &formats {
            refused(send(format), 412, "multiple-matches");
        }
        assert_eq!(ward.get(&path).expect(200).header("etag"), Some("W/\"4\""));
    });
}

#[test]
fn if_match_protects_a_patch() {
    on_both(|ward| {
        let path = new_patient(ward);
        json_patch(ward, &path, &replace_gender("male"))
            .header("If-Match", "W/\"2\"")
            .send()
            .expect(412);
        json_patch(ward, &path, &replace_gender("male"))
            .header("If-Match", "W/\"1\"")
            .send()
            .expect(200);
        json_patch(ward, &path, &replace_gender("other"))
            .header("If-Match", "W/\"1\"")
            .send()
            .expect(412);
    });
}

#[test]
fn wrong_patches_change_nothing() {
    on_both(|ward| {
        let path = new_patient(ward);
        let send = |ty: &str, body: &str| {
            ward.request("PATCH", &path)
                .body(ty, body.as_bytes().to_vec())
                .send()
        };
        refused(send(JSON_PATCH, "[{"), 400, "structure");
        send(JSON_PATCH, "{}").expect(400);
        send(JSON_PATCH, r#"[{"op":"frobnicate","path":"/gender"}]"#).expect(400);
        send(JSON_PATCH, r#"[{"op":"replace","value":"male"}]"#).expect(400);
        send(JSON_PATCH, r#"[{"op":"remove","path":"/deceasedBoolean"}]"#).expect(422);
        send(
            JSON_PATCH,
            r#"[{"op":"test","path":"/gender","value":"male"}]"#,
        )
        .expect(422);
        send(
            JSON_PATCH,
            r#"[{"op":"add","path":"/familie","value":"x"}]"#,
        )
        .expect(422);
        refused(
            send(
                JSON_PATCH,
                r#"[{"op":"replace","path":"/gender","value":"purple"}]"#,
            ),
            422,
            "code-invalid",
        );
        send(XML_PATCH, "<diff>").expect(400);
        send(
            XML_PATCH,
            r#"<diff xmlns:f="http://hl7.org/fhir"><remove sel="f:Patient/f:photo"/></diff>"#,
        )
        .expect(422);
        send("application/fhir+json", r#"{"resourceType":"Patient"}"#).expect(400);
        send(
            "application/fhir+json",
            r#"{"resourceType":"Parameters","parameter":[{"name":"op"}]}"#,
        )
        .expect(400);
        refused(send("text/plain", "male"), 415, "not-supported");
        ward.request("PATCH", &path).send().expect(400);
        assert_eq!(ward.get(&path).expect(200).header("etag"), Some("W/\"1\""));
        json_patch(ward, "Patient/never-was-here", &replace_gender("male"))
            .send()
            .expect(404);
        ward.delete(&path).expect(204);
        json_patch(ward, &path, &replace_gender("male"))
            .send()
            .expect(410);
    });
}

#[test]
fn identity_is_not_patched() {
    on_both(|ward| {
        let path = new_patient(ward);
        refused(
            json_patch(
                ward,
                &path,
                &json!([{ "op": "replace", "path": "/id", "value": "other" }]),
            )
            .send(),
            422,
            "business-rule",
        );
        json_patch(ward, &path, &json!([{ "op": "remove", "path": "/id" }]))
            .send()
            .expect(422);
        json_patch(
            ward,
            &path,
            &json!([{ "op": "replace", "path": "/resourceType", "value": "Person" }]),
        )
        .send()
        .expect(422);
        let version = json_patch(
            ward,
            &path,
            &json!([{ "op": "replace", "path": "/meta/versionId", "value": "77" }]),
        )
        .send()
        .expect(200);
        assert_eq!(
            version.json()["meta"]["versionId"],
            "2",
            "the server counts versions"
        );
    });
}

#[test]
fn prefer_decides_what_a_patch_returns() {
    on_both(|ward| {
        let path = new_patient(ward);
        let patched = json_patch(ward, &path, &replace_gender("male"))
            .header("Prefer", "return=minimal")
            .send()
            .expect(200);
        assert!(patched.bytes.is_empty());
    });
}
