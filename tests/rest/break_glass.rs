//! R22 over HTTP, as a drill: a patient who is closed, a doctor who breaks the glass, what that opens and what not, and the privacy officer
//! who reviews it.

use super::on_own;
use crate::apps::{CALLBACK, Place, registered, signed_in, text};
use crate::people::{App, enrolled, invited, token};
use serde_json::{Value, json};
use ward_testkit::{Answer, Client};

const HEADER: &str = "Ward-Break-Glass";

/// Root deny, and in it breaking the glass permitted: as IHE PCF has it (T25).
fn only_in_an_emergency(patient: &str) -> Value {
    let reason = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
    json!({ "resourceType": "Consent", "id": format!("of-{patient}"), "status": "active",
        "scope": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy" }] },
        "category": [{ "coding": [{ "system": "http://loinc.org", "code": "59284-0" }] }],
        "patient": { "reference": format!("Patient/{patient}") },
        "dateTime": "2026-01-01",
        "policyRule": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTOUT" }] },
        "provision": { "type": "deny", "provision": [{ "type": "permit", "purpose": [{ "system": reason, "code": "BTG" }] }] } })
}

fn observation(id: &str, patient: &str) -> Value {
    json!({ "resourceType": "Observation", "id": id, "status": "final", "code": { "text": "pulse" },
        "subject": { "reference": format!("Patient/{patient}") } })
}

fn filled(ward: &Client) {
    for id in ["p1", "p2"] {
        let patient = json!({ "resourceType": "Patient", "id": id });
        ward.put(&format!("Patient/{id}"), &patient).expect(201);
        let (name, consent) = (format!("o-{id}"), only_in_an_emergency(id));
        ward.put(&format!("Observation/{name}"), &observation(&name, id))
            .expect(201);
        ward.put(&format!("Consent/of-{id}"), &consent).expect(201);
    }
    for id in ["demo-clinician", "officer"] {
        let person = json!({ "resourceType": "Practitioner", "id": id });
        ward.put(&format!("Practitioner/{id}"), &person);
    }
}

/// A request to the FHIR base with a token, behind the glass.
fn behind(
    place: &Place,
    token: &str,
    glass: &str,
    (method, path, body): (&str, &str, Option<&Value>),
) -> Answer {
    let url = format!("{}/fhir/{path}", place.origin);
    let mut request = place.http.request(method, &url);
    request = request
        .header("Authorization", &format!("Bearer {token}"))
        .header(HEADER, glass);
    if let Some(body) = body {
        request = request.body("application/fhir+json", body.to_string().into_bytes());
    }
    request.send()
}

#[test]
fn r22_the_whole_drill() {
    on_own(&[("smart.open_registration", "true")], |server, ward| {
        filled(ward);
        let place = Place::of(server);
        let mut admin = signed_in(server, &place, "admin");
        let scope = "openid fhirUser online_access user/*.cruds";
        let desk = json!({ "client_name": "Ward round", "redirect_uris": [CALLBACK], "scope": scope,
            "purpose_of_use": "TREAT BTG" });
        let desk = text(&registered(&place, &mut admin, desk), "client_id");
        let desk = App {
            client_id: &desk,
            redirect_uri: CALLBACK,
            scope,
        };
        let mut doctor = signed_in(server, &place, "clinician");
        let token_of = token(&place, &mut doctor, &desk);
        // Closed, as if it were not there.
        let closed = place.get(&token_of, "Observation/o-p1").expect(404);
        assert_eq!(closed.header(HEADER), None);

        // Who breaks the glass says for whom and why.
        let declare = |token: &str, fields: &[(&str, &str)]| {
            let url = format!("{}/auth/break-glass/grants", place.origin);
            let body: Value = fields
                .iter()
                .map(|(n, v)| ((*n).to_owned(), json!(v)))
                .collect();
            let request = place.http.request("POST", &url);
            let request = request.header("Authorization", &format!("Bearer {token}"));
            request
                .body("application/json", body.to_string().into_bytes())
                .send()
        };
        declare(&token_of, &[("patient", "p1"), ("reason", "hm")]).expect(400);
        let whole = [("patient", "p1"), ("reason", "brought in unconscious")];
        let made = declare(&token_of, &whole).expect(201).json();
        let glass = text(&made, "grant");
        assert_eq!(
            (&made["patient"], &made["expires_in"]),
            (&json!("p1"), &json!(3600))
        );

        let ask = |asked| behind(&place, &token_of, &glass, asked);
        let open = ask(("GET", "Observation/o-p1", None)).expect(200);
        let banner = open.header(HEADER).unwrap().to_owned();
        assert!(banner.starts_with(&format!("{glass}; until=2")), "{banner}");
        let found = ask(("GET", "Observation?_total=accurate", None))
            .expect(200)
            .json();
        assert_eq!(found["total"], 1, "{found}");
        // T26: another patient is as if there were none. Nothing is written.
        ask(("GET", "Observation/o-p2", None)).expect(404);
        let own = observation("o-p1", "p1");
        let refused = ask(("PUT", "Observation/o-p1", Some(&own))).expect(403);
        assert_eq!(refused.header("WWW-Authenticate"), None);
        assert!(refused.header(HEADER).is_some());
        // Without the header all is as before.
        place.get(&token_of, "Observation/o-p1").expect(404);

        // The privacy officer has it at once, and nobody else.
        let add = [
            ("role", "privacy-officer"),
            ("fhir_user", "Practitioner/officer"),
        ];
        let invitation = invited(&place, &mut admin, "officer", &add);
        let mut officer = enrolled(&place, &invitation).browser;
        let reviews =
            json!({ "client_name": "Reviews", "redirect_uris": [CALLBACK], "scope": scope });
        let reviews = text(&registered(&place, &mut admin, reviews), "client_id");
        let reviews = App {
            client_id: &reviews,
            redirect_uri: CALLBACK,
            scope,
        };
        let officer = token(&place, &mut officer, &reviews);
        const WAITING: &str =
            "Task?code=urn:ward:task%7Cbreak-glass-review&status=requested&_total=accurate";
        let waiting = place.get(&officer, WAITING).expect(200).json();
        assert_eq!(waiting["total"], 1, "{waiting}");
        let task = &waiting["entry"][0]["resource"];
        // The patient is hidden from the officer too, and told beside (R17).
        assert_eq!(task["for"]["type"], "Patient");
        assert_eq!(task["input"][0]["valueId"], "p1");
        assert_eq!(
            task["requester"]["reference"],
            "Practitioner/demo-clinician"
        );
        assert_eq!(task["reasonCode"]["text"], "brought in unconscious");
        let path = format!("Task/{}", text(task, "id"));
        assert_eq!(made["review"], path);
        let close = |token: &str| {
            let url = format!("{}/fhir/{path}", place.origin);
            let patch = json!([{ "op": "replace", "path": "/status", "value": "completed" }]);
            let request = place.http.request("PATCH", &url);
            let request = request.header("Authorization", &format!("Bearer {token}"));
            let patch = patch.to_string().into_bytes();
            request.body("application/json-patch+json", patch).send()
        };
        // Whoever broke the glass neither sees nor closes it.
        place.get(&token_of, &path).expect(404);
        close(&token_of).expect(404);
        close(&officer).expect(200);
        let waiting = place.get(&officer, WAITING).expect(200).json();
        assert_eq!(waiting["total"], 0, "{waiting}");
        let closed = place.get(&officer, &path).expect(200).json();
        assert_eq!(closed["status"], "completed");
        // Nobody else is told of it: also no service that sees the other records.
        ward.get(&path).expect(404);

        // T25: the officer has no right to break it, and no use of somebody else's.
        declare(&officer, &whole).expect(403);
        behind(&place, &officer, &glass, ("GET", "Observation/o-p1", None)).expect(404);
        // T27: when it is over it is closed.
        declare(&token_of, &[("decision", "end"), ("grant", &glass)]).expect(200);
        let over = ask(("GET", "Observation/o-p1", None)).expect(404);
        assert_eq!(over.header(HEADER), None);
    });
}
