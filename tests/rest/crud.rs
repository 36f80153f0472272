//! create, read, vread, update, delete. <https://hl7.org/fhir/R4/http.html#read>

use super::on_both;
use serde_json::{Value, json};

pub fn patient(family: &str) -> Value {
    json!({ "resourceType": "Patient", "name": [{ "family": family, "given": ["Ada"] }], "gender": "female", "birthDate": "1970-05-01" })
}

#[test]
fn a_created_resource_is_read_back_with_its_version() {
    on_both(|ward| {
        let created = ward.post("Patient", &patient("Created")).expect(201);
        let id = created.id();
        assert_eq!(created.header("etag"), Some("W/\"1\""));
        assert_eq!(
            created.header("location"),
            Some(format!("{}/Patient/{id}/_history/1", ward.base).as_str())
        );
        assert!(created.header("last-modified").is_some());
        let read = ward.get(&format!("Patient/{id}")).expect(200);
        assert_eq!(read.header("etag"), Some("W/\"1\""));
        let mut body = read.json();
        assert_eq!(body["meta"]["versionId"], "1");
        assert!(
            body["meta"]["lastUpdated"]
                .as_str()
                .is_some_and(|t| t.ends_with('Z'))
        );
        body.as_object_mut().unwrap().remove("meta");
        let mut sent = patient("Created");
        sent["id"] = json!(id);
        assert_eq!(body, sent);
    });
}

#[test]
fn number_text_is_kept() {
    on_both(|ward| {
        let text = r#"{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.10,"unit":"mg"}}"#;
        let created = ward
            .request("POST", "Observation")
            .body("application/fhir+json", text.into())
            .send()
            .expect(201);
        let read = ward
            .get(&format!("Observation/{}", created.id()))
            .expect(200);
        assert!(read.text().contains("\"value\":1.10,"), "{}", read.text());
    });
}

#[test]
fn an_update_makes_a_version_and_the_old_one_stays() {
    on_both(|ward| {
        let id = ward.post("Patient", &patient("Before")).expect(201).id();
        let mut changed = patient("After");
        changed["id"] = json!(id);
        let updated = ward.put(&format!("Patient/{id}"), &changed).expect(200);
        assert_eq!(updated.header("etag"), Some("W/\"2\""));
        assert_eq!(
            ward.get(&format!("Patient/{id}")).expect(200).json()["name"][0]["family"],
            "After"
        );
        assert_eq!(
            ward.get(&format!("Patient/{id}/_history/1"))
                .expect(200)
                .json()["name"][0]["family"],
            "Before"
        );
        assert_eq!(
            ward.get(&format!("Patient/{id}/_history/2"))
                .expect(200)
                .json()["name"][0]["family"],
            "After"
        );
        ward.get(&format!("Patient/{id}/_history/3")).expect(404);
        ward.get(&format!("Patient/{id}/_history/x")).expect(404);
    });
}

#[test]
fn an_update_creates_under_the_clients_id() {
    on_both(|ward| {
        let id = format!("client-{}", ward.base.len() + std::process::id() as usize);
        let mut body = patient("Chosen");
        body["id"] = json!(id);
        let created = ward.put(&format!("Patient/{id}"), &body).expect(201);
        assert_eq!(created.id(), id);
        assert_eq!(ward.get(&format!("Patient/{id}")).expect(200).id(), id);
        ward.put(&format!("Patient/{id}"), &body).expect(200);
    });
}

#[test]
fn a_deleted_resource_is_gone_and_can_come_back() {
    on_both(|ward| {
        let id = ward.post("Patient", &patient("Mortal")).expect(201).id();
        let deleted = ward.delete(&format!("Patient/{id}")).expect(204);
        assert_eq!(deleted.header("etag"), Some("W/\"2\""));
        ward.get(&format!("Patient/{id}")).expect(410);
        ward.get(&format!("Patient/{id}/_history/1")).expect(200);
        ward.get(&format!("Patient/{id}/_history/2")).expect(410);
        ward.delete(&format!("Patient/{id}")).expect(204);
        ward.delete("Patient/never-was-here").expect(204);
        let mut body = patient("Back");
        body["id"] = json!(id);
        let restored = ward.put(&format!("Patient/{id}"), &body).expect(201);
        assert_eq!(restored.header("etag"), Some("W/\"3\""));
        ward.get(&format!("Patient/{id}")).expect(200);
    });
}

#[test]
fn absent_is_404_and_the_wrong_id_in_the_body_400() {
    on_both(|ward| {
        ward.get("Patient/never-was-here").expect(404);
        let mut body = patient("Other");
        body["id"] = json!("b");
        ward.put("Patient/a", &body).expect(400);
        ward.put("Patient/a", &patient("None")).expect(400);
    });
}

#[test]
fn preconditions_protect_updates_and_shorten_reads() {
    on_both(|ward| {
        let id = ward.post("Patient", &patient("Locked")).expect(201).id();
        let path = format!("Patient/{id}");
        let mut body = patient("Changed");
        body["id"] = json!(id);
        ward.request("PUT", &path)
            .header("If-Match", "W/\"7\"")
            .json(&body)
            .send()
            .expect(412);
        ward.request("PUT", &path)
            .header("If-Match", "W/\"1\"")
            .json(&body)
            .send()
            .expect(200);
        ward.request("DELETE", &path)
            .header("If-Match", "W/\"1\"")
            .send()
            .expect(412);
        ward.request("PUT", &path)
            .header("If-None-Match", "*")
            .json(&body)
            .send()
            .expect(412);
        let read = ward.get(&path).expect(200);
        let unchanged = ward
            .request("GET", &path)
            .header("If-None-Match", read.header("etag").unwrap())
            .send()
            .expect(304);
        assert!(unchanged.bytes.is_empty());
        // The tag is the version's: what was kept in another form is not what is asked for.
        let other = ward
            .request("GET", &path)
            .header("Accept", "application/fhir+xml")
            .header("If-None-Match", read.header("etag").unwrap())
            .header("If-Modified-Since", read.header("last-modified").unwrap())
            .send()
            .expect(200);
        assert!(other.text().contains("<Patient"));
        assert_eq!(other.header("etag"), read.header("etag"));
        assert_eq!(other.header("cache-control"), Some("no-store"));
        assert!(read.header("vary").unwrap().contains("Accept,"));
        ward.request("GET", &path)
            .header("If-None-Match", "W/\"1\"")
            .send()
            .expect(200);
        ward.request("GET", &path)
            .header("If-Modified-Since", read.header("last-modified").unwrap())
            .send()
            .expect(304);
        ward.request("GET", &path)
            .header("If-Modified-Since", "Mon, 01 Jan 2001 00:00:00 GMT")
            .send()
            .expect(200);
    });
}

#[test]
fn prefer_decides_what_a_write_returns() {
    on_both(|ward| {
        let create = |prefer: &str| {
            ward.request("POST", "Patient")
                .header("Prefer", prefer)
                .json(&patient("Preferred"))
                .send()
                .expect(201)
        };
        let minimal = create("return=minimal");
        assert!(minimal.bytes.is_empty());
        assert!(minimal.header("location").is_some());
        assert_eq!(
            create("return=representation").json()["resourceType"],
            "Patient"
        );
        assert_eq!(
            create("return=OperationOutcome").json()["resourceType"],
            "OperationOutcome"
        );
    });
}

#[test]
fn prefer_decides_what_an_update_returns() {
    on_both(|ward| {
        let id = super::unique("preferred");
        let mut body = patient("Preferred");
        body["id"] = json!(id);
        let path = format!("Patient/{id}");
        let put = |path: &str, prefer: &str, status: u16| {
            let request = ward.request("PUT", path).header("Prefer", prefer);
            let answer = request.json(&body).send().expect(status);
            assert!(answer.header("etag").is_some() && answer.header("location").is_some());
            answer
        };
        assert!(put(&path, "return=minimal", 201).bytes.is_empty());
        let whole = put(&path, "return=representation", 200).json();
        assert_eq!(whole["name"][0]["family"], "Preferred");
        let told = put(&path, "handling=lenient; return=OperationOutcome", 200).json();
        assert_eq!(told["issue"][0]["severity"], "information");
        let criteria = format!("Patient?_id={id}");
        assert!(put(&criteria, "return=minimal", 200).bytes.is_empty());
        let whole = put(&criteria, "return=unheard-of", 200).json();
        assert_eq!(
            whole["resourceType"], "Patient",
            "what is not understood is ignored"
        );
    });
}

/// R4 gives it a meaning for create, update, patch and transaction alone.
#[test]
fn prefer_changes_nothing_of_a_deletion() {
    on_both(|ward| {
        for prefer in [
            "return=minimal",
            "return=representation",
            "return=OperationOutcome",
        ] {
            let id = ward.post("Patient", &patient("Deleted")).expect(201).id();
            for path in [format!("Patient/{id}"), format!("Patient?_id={id}")] {
                let delete = ward.request("DELETE", &path).header("Prefer", prefer);
                assert!(delete.send().expect(204).bytes.is_empty(), "{prefer}");
            }
            ward.get(&format!("Patient/{id}")).expect(410);
        }
    });
}

#[test]
fn head_has_the_headers_of_get_and_no_body() {
    on_both(|ward| {
        let id = ward.post("Patient", &patient("Head")).expect(201).id();
        let head = ward
            .request("HEAD", &format!("Patient/{id}"))
            .send()
            .expect(200);
        assert!(head.bytes.is_empty());
        assert_eq!(head.header("etag"), Some("W/\"1\""));
        ward.request("HEAD", "Patient/never-was-here")
            .send()
            .expect(404);
    });
}
