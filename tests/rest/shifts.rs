//! C4 over HTTP: the same token opens something on duty, and nothing between two shifts.

use super::on_own;
use serde_json::{Value, json};

#[test]
fn at4_the_same_token_follows_the_rota() {
    let bound = [("shifts.bound_roles", "[\"physician\"]")];
    on_own(&bound, |ward, loader| {
        let desk = ward.client("clinician");
        let refused = desk.get("Patient?_count=1").expect(403);
        assert_eq!(code(&refused.json()), "access.shift-ended");
        // No other scope would do.
        assert_eq!(refused.header("WWW-Authenticate"), None);
        desk.get("metadata").expect(200);
        let mut rota = json!({ "resourceType": "PractitionerRole", "id": "desk", "active": true,
            "practitioner": { "reference": "Practitioner/demo-clinician" },
            "code": [{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/practitioner-role", "code": "doctor" }] }] });
        loader.put("PractitionerRole/desk", &rota).expect(201);
        desk.get("Patient?_count=1").expect(200);
        rota["period"] = json!({ "start": "2000-01-01", "end": "2000-12-31" });
        loader.put("PractitionerRole/desk", &rota).expect(200);
        let refused = desk.get("Patient?_count=1").expect(403);
        assert_eq!(code(&refused.json()), "access.shift-ended");
        // Who acts for nobody, and whose role is not bound, has no shift.
        ward.client("lab").get("Patient?_count=1").expect(200);
        ward.client("admin").get("ValueSet?_count=1").expect(200);
    });
}

fn code(outcome: &Value) -> &str {
    outcome["issue"][0]["details"]["coding"][0]["code"]
        .as_str()
        .unwrap_or_default()
}
