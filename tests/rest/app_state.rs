//! S110, S111 over HTTP: app state has a base of its own, which discovery names, and is nothing to the FHIR base.

use super::on_own;
use serde_json::{Value, json};
use ward_testkit::Answer;

#[test]
fn s110_s111_app_state_over_http() {
    on_own(&[], |ward, loader| {
        let origin = loader.base.trim_end_matches("/fhir");
        let config = loader
            .get(".well-known/smart-configuration")
            .expect(200)
            .json();
        let named = &config["associated_endpoints"][0];
        assert_eq!(named["capabilities"], json!(["smart-app-state"]));
        let base = named["url"].as_str().unwrap_or_default().to_owned();
        assert_eq!(base, format!("{origin}/app-state"));
        let statement = ward
            .anonymous()
            .get(&format!("{base}/metadata"))
            .expect(200)
            .json();
        assert_eq!(statement["rest"][0]["resource"][0]["type"], "Basic");
        let all = format!("{base}/Basic");
        refused(&ward.anonymous().get(&all).expect(401));

        let desk = ward.client("clinician");
        let user = format!("{}/Practitioner/demo-clinician", loader.base);
        let state = |text: &str| -> Value {
            json!({ "resourceType": "Basic", "subject": { "reference": user },
                "code": { "coding": [{ "system": "https://desk.example", "code": "layout" }] },
                "extension": [{ "url": "https://desk.example/layout", "valueString": text }] })
        };
        let made = desk.post(&all, &state("wide")).expect(201);
        assert_eq!(made.header("ETag"), Some("W/\"1\""));
        let mut next = state("narrow");
        next["id"] = made.json()["id"].clone();
        let own = format!("{all}/{}", next["id"].as_str().unwrap_or_default());
        assert_eq!(made.header("Location"), Some(own.as_str()));
        refused(&desk.put(&own, &next).expect(428));
        let put = |tag: &str| {
            desk.request("PUT", &own)
                .header("If-Match", tag)
                .json(&next)
                .send()
        };
        refused(&put("W/\"7\"").expect(412));
        assert_eq!(put("W/\"1\"").expect(200).header("ETag"), Some("W/\"2\""));
        let found = desk.get(&format!(
            "{all}?code=https://desk.example|layout&subject={user}"
        ));
        let found = found.expect(200).json();
        assert_eq!(
            found["entry"][0]["resource"]["extension"],
            next["extension"]
        );
        refused(&desk.post(&all, &state(&"x".repeat(256 * 1024))).expect(413));

        // Another client of the same person, and the FHIR base, know nothing of it.
        refused(&ward.client("admin").get(&own).expect(403));
        let id = next["id"].as_str().unwrap_or_default();
        for path in [format!("Basic/{id}"), format!("Basic/{id}/_history")] {
            refused(&loader.get(&path).expect(404));
        }
        assert!(loader.get("Basic").expect(200).json()["entry"].is_null());
        for (method, path) in [
            ("GET", format!("{own}/_history")),
            ("GET", format!("{base}/Patient")),
            ("PATCH", own.clone()),
        ] {
            let answer = desk
                .request(method, &path)
                .header("Content-Type", "application/json-patch+json")
                .send();
            refused(&answer.expect(404));
        }
        let delete = |tag: &str| desk.request("DELETE", &own).header("If-Match", tag).send();
        refused(&delete("W/\"1\"").expect(412));
        delete("W/\"2\"").expect(204);
        refused(&delete("W/\"2\"").expect(412));
        refused(&desk.get(&own).expect(404));
    });
}

#[track_caller]
fn refused(answer: &Answer) {
    assert_eq!(
        answer.json()["resourceType"],
        "OperationOutcome",
        "{}",
        answer.text()
    );
}
