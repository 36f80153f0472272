//! C23 over HTTP on both stores: a billing clerk sees what a claim needs of a Condition, and learns the rest by no way.

use super::on_own;
use crate::apps::{self, Place};
use serde_json::{Value, json};
use ward_testkit::{Answer, Client};

const NOTE: &str = "seen in the unit for burns";

/// What a clerk's role does not show of it: who asserts it, how severe it is, the note, the narrative.
fn condition() -> Value {
    json!({ "resourceType": "Condition", "id": "c", "subject": { "reference": "Patient/p" },
        "clinicalStatus": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active" }] },
        "text": { "status": "generated", "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{NOTE}</div>") },
        "code": { "coding": [{ "system": "http://snomed.info/sct", "code": "48333001" }] },
        "severity": { "coding": [{ "system": "http://snomed.info/sct", "code": "24484000" }] },
        "encounter": { "reference": "Encounter/e" }, "onsetDateTime": "2024-02-03", "recordedDate": "2024-02-04",
        "asserter": { "reference": "Practitioner/dr" }, "note": [{ "text": NOTE }] })
}

fn fill(ward: &Client) {
    let mut note_was_another = condition();
    note_was_another["note"] = json!([{ "text": format!("{NOTE}, at first") }]);
    for body in [
        json!({ "resourceType": "Practitioner", "id": "dr", "name": [{ "family": "Burns" }] }),
        json!({ "resourceType": "Patient", "id": "p", "name": [{ "family": "Hartwell" }], "maritalStatus": { "text": NOTE } }),
        json!({ "resourceType": "Encounter", "id": "e", "status": "finished", "class": { "code": "AMB" },
            "subject": { "reference": "Patient/p" }, "period": { "start": "2024-02-03" }, "reasonCode": [{ "text": NOTE }] }),
        note_was_another,
        condition(),
    ] {
        let path = format!(
            "{}/{}",
            body["resourceType"].as_str().unwrap(),
            body["id"].as_str().unwrap()
        );
        let answer = ward.put(&path, &body);
        assert!(answer.status < 300, "{}", answer.text());
    }
}

/// The answer, which holds nothing of the rest and says that there is one.
fn seen(answer: Answer) -> String {
    let text = answer.expect(200).text();
    for hidden in [
        NOTE,
        "severity",
        "24484000",
        "asserter",
        "Practitioner/dr",
        "reasonCode",
        "maritalStatus",
    ] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
    assert!(text.contains("SUBSETTED"), "{text}");
    text
}

#[test]
fn c23_a_clerk_is_shown_a_part_whatever_is_asked() {
    on_own(&[], |server, ward| {
        fill(ward);
        let clerk = server.client("clerk");
        for url in [
            "Condition/c",
            "Condition/c?_elements=note,code",
            "Condition/c?_summary=text",
            "Condition/c?_format=xml",
            "Condition/c/_history",
            "Condition/c/_history/1",
            "Condition/_history",
            "_history?_count=2",
            "Condition?code=http://snomed.info/sct|48333001",
            "Condition?subject.name=hartwell&_sort=-onset-date",
            "Condition?encounter.status=finished",
            "Condition?_filter=code eq http://snomed.info/sct|48333001 and subject.name co hart",
            "Encounter?_has:Condition:encounter:code=http://snomed.info/sct|48333001",
            "Patient?_has:Condition:subject:clinical-status=active",
            "Condition?_include=Condition:subject&_include=Condition:encounter",
            "Condition?_include=*&_include:iterate=*",
            "Encounter?_revinclude=Condition:encounter",
            "Patient?_revinclude:iterate=*",
            "?_type=Condition,Encounter&_lastUpdated=gt2000",
            "Patient/p/Encounter",
            "Patient/p/$everything?_type=Patient,Encounter",
            "Encounter/e/$everything",
        ] {
            seen(clerk.get(url));
        }
        let read = clerk.get("Condition/c").expect(200).json();
        assert_eq!(read["code"], condition()["code"]);
        assert_eq!(read["onsetDateTime"], "2024-02-03");
        let posted = clerk.request("POST", "Condition/_search").body(
            "application/x-www-form-urlencoded",
            b"code=48333001".to_vec(),
        );
        seen(posted.send());
        let get = |url: &str| json!({ "request": { "method": "GET", "url": url } });
        for kind in ["batch", "transaction"] {
            let bundle = json!({ "resourceType": "Bundle", "type": kind, "entry": [get("Condition/c"), get("Condition?_count=1")] });
            seen(clerk.post("", &bundle));
        }
        // Versions are everybody's.
        let etag = clerk
            .get("Condition/c")
            .expect(200)
            .header("etag")
            .unwrap()
            .to_owned();
        assert_eq!(etag, "W/\"2\"");
        let again = clerk
            .request("GET", "Condition/c")
            .header("If-None-Match", &etag);
        again.send().expect(304);
        // Whoever sees all is shown all.
        assert!(ward.get("Condition/c").expect(200).text().contains(NOTE));
        assert!(
            server
                .client("clinician")
                .get("Condition/c")
                .text()
                .contains(NOTE)
        );
    });
}

/// One of each kind of question that the rest would answer, before there is anything and after.
#[test]
fn c23_by_what_a_clerk_is_not_shown_nothing_is_asked() {
    on_own(&[], |server, ward| {
        let clerk = server.client("clerk");
        let urls = [
            "Condition?severity=http://snomed.info/sct|24484000",
            "Condition?asserter:missing=false",
            "Condition?asserter.name=burns",
            "Condition?_sort=severity",
            "Condition?_text=burns",
            "Condition?_content=burns",
            "Claim?_content=burns",
            "Condition?_filter=severity eq http://snomed.info/sct|24484000",
            "Condition?_include=Condition:asserter",
            "Practitioner?_revinclude=Condition:asserter",
            "Practitioner?_has:Condition:asserter:code=48333001",
            "Condition?_contained=true&code=48333001",
            "Encounter?reason-code=a",
            "Patient/p/Condition",
            "Patient/p/*",
            "Practitioner/dr/Condition",
        ];
        let said = |url: &str| {
            let answer = clerk.get(url).expect(403);
            // No other scope would do.
            assert_eq!(answer.header("WWW-Authenticate"), None, "{url}");
            let outcome = answer.json();
            let code = &outcome["issue"][0]["details"]["coding"][0]["code"];
            assert_eq!(code, "access.hidden-element", "{url}");
            outcome.to_string()
        };
        let before: Vec<String> = urls.iter().map(|url| said(url)).collect();
        fill(ward);
        for (url, before) in urls.iter().zip(before) {
            assert_eq!(said(url), before, "{url}");
        }
        assert!(said(urls[0]).contains("'severity' of Condition"));
        said("Patient/p/$everything");
        // In a Bundle each entry is told for itself, and a transaction is refused for one.
        let entry = json!([{ "request": { "method": "GET", "url": urls[0] } }]);
        let bundle = |kind: &str| json!({ "resourceType": "Bundle", "type": kind, "entry": entry });
        let answer = clerk.post("", &bundle("batch")).expect(200).json();
        assert_eq!(answer["entry"][0]["response"]["status"], "403 Forbidden");
        clerk.post("", &bundle("transaction")).expect(403);
        // Nor does a condition of a write: the role sees Conditions and writes claims.
        let criteria = "Condition?asserter=Practitioner/dr";
        clerk.put(criteria, &condition()).expect(403);
        let claim = json!({ "resourceType": "Claim", "status": "draft", "use": "claim", "created": "2024-02-05",
            "type": { "text": "t" }, "patient": { "reference": "Patient/p" }, "provider": { "reference": "Practitioner/dr" },
            "priority": { "text": "n" }, "insurance": [{ "sequence": 1, "focal": true, "coverage": { "display": "c" } }] });
        let unless = clerk
            .request("POST", "Claim")
            .header("If-None-Exist", "patient.marital-status=a");
        assert!(unless.json(&claim).send().status >= 400);
        clerk.post("Claim", &claim).expect(201);
        // What is of no role to change.
        clerk.put("Condition/c", &condition()).expect(403);
        let test = json!([{ "op": "test", "path": "/note/0/text", "value": NOTE }]);
        let patch = clerk.request("PATCH", "Condition/c");
        let patch = patch.body("application/json-patch+json", test.to_string().into_bytes());
        patch.send().expect(403);
    });
}

/// C2: through an app that is launched for a patient, too, and of that patient alone.
#[test]
fn c2_c23_an_app_shows_a_clerk_of_a_record_what_the_desk_does() {
    on_own(&[("smart.open_registration", "true")], |server, ward| {
        fill(ward);
        let other =
            json!({ "resourceType": "Patient", "id": "q", "name": [{ "family": "Quill" }] });
        ward.put("Patient/q", &other).expect(201);
        let mut of_other = condition();
        of_other["id"] = json!("d");
        of_other["subject"] = json!({ "reference": "Patient/q" });
        ward.put("Condition/d", &of_other).expect(201);
        let place = Place::of(server);
        let mut admin = apps::signed_in(server, &place, "admin");
        let metadata = json!({ "client_name": "Claims", "redirect_uris": [apps::CALLBACK], "scope": "launch/patient patient/*.cruds" });
        let made = apps::registered(&place, &mut admin, metadata);
        let id = apps::text(&made, "client_id");
        let mut browser = apps::signed_in(server, &place, "clerk");
        let scope = ("scope", Some("launch/patient patient/*.cruds"));
        let page = browser.get(&apps::request(&place, &id, &[scope]));
        assert_eq!(page.path(), "/auth/patient", "{page:?}");
        let page = browser.submit(&page, &[("patient", "p")]);
        let end = apps::approved(&mut browser, &page.url);
        let code = apps::parameter(&end, "code").unwrap();
        let token = apps::redeem(&place, &id, &code).expect(200).json();
        assert_eq!(token["patient"], "p");
        let token = apps::text(&token, "access_token");
        let app = |url: &str| place.get(&token, url);
        let desk = server.client("clerk");
        for url in [
            "Condition/c",
            "Condition?subject=Patient/p",
            "Condition/c/_history/1",
            "Encounter/e",
        ] {
            assert_eq!(seen(app(url)), seen(desk.get(url)), "{url}");
        }
        assert_eq!(app("Condition?_total=accurate").json()["total"], 1);
        app("Condition/d").expect(404);
        app("Patient/q").expect(404);
        for url in [
            "Condition?severity=a",
            "Patient/p/Condition",
            "Patient/p/$everything",
        ] {
            app(url).expect(403);
        }
        app("Observation").expect(403);
    });
}
