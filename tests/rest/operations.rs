//! The operations. <https://hl7.org/fhir/R4/operations.html>

use super::crud::patient;
use super::{on_both, server};
use serde_json::{Value, json};
use ward_testkit::{Answer, backends};

fn meta(parameters: &Answer) -> Value {
    parameters.json()["parameter"][0]["valueMeta"].clone()
}

fn tag(code: &str) -> Value {
    json!({ "resourceType": "Parameters", "parameter": [{ "name": "meta", "valueMeta": { "tag": [{ "system": "http://example.org/tags", "code": code }] } }] })
}

fn codes(meta: &Value) -> Vec<String> {
    meta["tag"]
        .as_array()
        .cloned()
        .unwrap_or_default()
        .iter()
        .map(|t| t["code"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn meta_on_three_levels() {
    on_both(|ward| {
        let code = super::unique("meta-levels");
        let mut body = json!({ "resourceType": "Basic", "code": { "text": "x" } });
        body["meta"] = json!({ "tag": [{ "system": "http://example.org/tags", "code": code }] });
        let id = ward.post("Basic", &body).expect(201).id();
        let own = ward.get(&format!("Basic/{id}/$meta")).expect(200);
        assert_eq!(own.json()["parameter"][0]["name"], "return");
        assert_eq!(codes(&meta(&own)), std::slice::from_ref(&code));
        assert_eq!(meta(&own)["versionId"], "1");
        assert!(codes(&meta(&ward.get("Basic/$meta").expect(200))).contains(&code));
        assert!(codes(&meta(&ward.get("$meta").expect(200))).contains(&code));
        assert!(!codes(&meta(&ward.get("Substance/$meta").expect(200))).contains(&code));
        ward.get("Basic/never-was-here/$meta").expect(404);
    });
}

#[test]
fn meta_is_added_and_taken_away() {
    on_both(|ward| {
        let id = ward.post("Patient", &patient("Tagged")).expect(201).id();
        let path = format!("Patient/{id}");
        let added = ward
            .post(&format!("{path}/$meta-add"), &tag("one"))
            .expect(200);
        assert_eq!(codes(&meta(&added)), ["one"]);
        ward.post(&format!("{path}/$meta-add"), &tag("two"))
            .expect(200);
        let same = ward
            .post(&format!("{path}/$meta-add"), &tag("two"))
            .expect(200);
        assert_eq!(codes(&meta(&same)), ["one", "two"]);
        let read = ward.get(&path).expect(200).json();
        assert_eq!(read["name"][0]["family"], "Tagged");
        assert_eq!(codes(&read["meta"]), ["one", "two"]);
        let left = ward
            .post(&format!("{path}/$meta-delete"), &tag("one"))
            .expect(200);
        assert_eq!(codes(&meta(&left)), ["two"]);
        ward.post(&format!("{path}/$meta-delete"), &tag("never"))
            .expect(200);
        let none = ward
            .post(&format!("{path}/$meta-delete"), &tag("two"))
            .expect(200);
        assert!(codes(&meta(&none)).is_empty());
        assert!(
            ward.get(&path).expect(200).json()["meta"]
                .get("tag")
                .is_none()
        );
        ward.post(
            &format!("{path}/$meta-add"),
            &json!({ "resourceType": "Parameters" }),
        )
        .expect(400);
        ward.post("Patient/never-was-here/$meta-add", &tag("x"))
            .expect(404);
        ward.get(&format!("{path}/$meta-add")).expect(405);
        ward.delete(&format!("{path}/$meta")).expect(405);
    });
}

fn severities(outcome: &Answer) -> Vec<String> {
    outcome.json()["issue"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["severity"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn validate_answers_200_and_names_what_is_wrong() {
    on_both(|ward| {
        let good = ward
            .post("Patient/$validate", &patient("Valid"))
            .expect(200);
        assert!(
            !severities(&good).contains(&"error".to_owned()),
            "{}",
            good.text()
        );
        let mut wrong = patient("Wrong");
        wrong["gender"] = json!("purple");
        let found = ward.post("Patient/$validate", &wrong).expect(200);
        assert_eq!(severities(&found)[0], "error");
        assert_eq!(
            found.issue(),
            ("code-invalid".into(), "Patient.gender".into())
        );
        let unknown = ward
            .post(
                "Patient/$validate",
                &json!({ "resourceType": "Patient", "familie": "x" }),
            )
            .expect(200);
        assert_eq!(unknown.issue().1, "Patient.familie");
        let other = ward
            .post(
                "Patient/$validate",
                &json!({ "resourceType": "Organization", "name": "x" }),
            )
            .expect(200);
        assert!(severities(&other).contains(&"error".to_owned()));
        assert!(
            ward.get("Patient?name=Wrong")
                .expect(200)
                .json()
                .get("entry")
                .is_none(),
            "nothing was stored"
        );
        ward.post(
            "Patient/$validate",
            &json!({ "resourceType": "Parameters" }),
        )
        .expect(400);
    });
}

#[test]
fn validate_warns_of_what_a_write_lets_pass() {
    on_both(|ward| {
        let warned = |ty: &str, resource: &Value, of: &str| {
            let answer = ward.post(&format!("{ty}/$validate"), resource).expect(200);
            let issues = answer.json()["issue"].as_array().cloned().unwrap();
            let mut warnings = issues.iter().filter(|i| i["severity"] == "warning");
            assert!(
                warnings.any(|i| i["diagnostics"].as_str().unwrap_or_default().contains(of)),
                "{}",
                answer.text()
            );
            assert!(!severities(&answer).contains(&"error".to_owned()));
            ward.post(ty, resource).expect(201);
        };
        warned("Patient", &patient("Warned"), "dom-6");
        let bundle = json!({ "resourceType": "Bundle", "type": "collection", "entry": [
            { "fullUrl": "http://example.org/fhir/Patient/2", "resource": { "resourceType": "Patient", "id": "1" } }] });
        warned("Bundle", &bundle, "fullUrl");
    });
}

#[test]
fn validate_knows_instance_and_mode() {
    on_both(|ward| {
        let id = ward.post("Patient", &patient("Stored")).expect(201).id();
        let path = format!("Patient/{id}/$validate");
        let stored = ward.get(&path).expect(200);
        assert!(!severities(&stored).contains(&"error".to_owned()));
        let with = |mode: &str, resource: Value| json!({ "resourceType": "Parameters", "parameter": [{ "name": "resource", "resource": resource }, { "name": "mode", "valueCode": mode }] });
        let mut own = patient("Stored");
        own["id"] = json!(id);
        assert!(
            !severities(&ward.post(&path, &with("update", own)).expect(200))
                .contains(&"error".to_owned())
        );
        let mut foreign = patient("Stored");
        foreign["id"] = json!("another");
        assert!(
            severities(&ward.post(&path, &with("update", foreign)).expect(200))
                .contains(&"error".to_owned())
        );
        assert!(
            !severities(
                &ward
                    .post("Patient/$validate", &with("create", patient("New")))
                    .expect(200)
            )
            .contains(&"error".to_owned())
        );
        let delete = json!({ "resourceType": "Parameters", "parameter": [{ "name": "mode", "valueCode": "delete" }] });
        ward.post(&path, &delete).expect(200);
        ward.get(&format!("Patient/{id}")).expect(200);
        ward.get("Patient/never-was-here/$validate").expect(404);
    });
}

#[test]
fn what_is_not_served_is_not_found() {
    on_both(|ward| {
        for path in [
            "$frobnicate",
            "Patient/$frobnicate",
            "Patient/1/$frobnicate",
            "$everything",
            "Observation/1/$everything",
            "$validate",
        ] {
            let answer = ward.get(path).expect(404);
            assert_eq!(answer.issue().0, "not-found", "{path}");
        }
        ward.post("$meta-add", &tag("x")).expect(404);
    });
}

#[test]
fn what_changes_something_is_posted() {
    on_both(|ward| {
        let id = ward.post("Patient", &patient("Marked")).expect(201).id();
        for operation in ["$meta-add", "$meta-delete"] {
            let path = format!("Patient/{id}/{operation}");
            for method in ["GET", "HEAD", "PUT", "DELETE"] {
                let refused = ward.request(method, &path).send().expect(405);
                assert_eq!(refused.header("allow"), Some("POST"), "{method}");
            }
        }
        let read = ward.get(&format!("Patient/{id}")).expect(200);
        assert_eq!(read.header("etag"), Some("W/\"1\""));
    });
}

/// There is no export: nobody gets one, whatever they may read, and nothing says that there is one.
#[test]
fn s81_nobody_is_given_an_export() {
    for backend in backends() {
        let ward = server(backend);
        let statement = ward.anonymous().get("metadata").expect(200).text();
        assert!(!statement.contains("export"));
        for caller in ["loader", "lab", "clinician", "admin"] {
            let client = ward.client(caller);
            for path in [
                "$export",
                "Patient/$export",
                "Group/any/$export",
                "$export?_type=Patient",
            ] {
                for method in ["GET", "POST"] {
                    let request = client.request(method, path);
                    let request = request.header("Prefer", "respond-async");
                    let refused = request.header("Accept", "application/fhir+json").send();
                    assert_eq!(
                        refused.status,
                        404,
                        "{caller}: {method} {path}: {}",
                        refused.text()
                    );
                    assert_eq!(refused.header("Content-Location"), None);
                }
            }
        }
    }
}
