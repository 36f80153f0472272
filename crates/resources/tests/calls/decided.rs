//! What the random hospitals with consents (`consented`) have found, each pinned.

use crate::callers::{cleared, officer};
use crate::house::{House, loader, text, type_id, user};
use crate::placement::observation;
use serde_json::{Value, json as value};
use std::time::Instant;
use ward_access::{Caller, Clearance, Identity, Purposes, Registered, Scopes};
use ward_audit::{Outcome, Record};
use ward_resources::door::ABSENT_STEP;
use ward_resources::route::Method::{Delete, Get, Post, Put};
use ward_resources::{ConsentSettings, Settings};

/// Denies the person of `user` everything.
fn denial(patient: &str) -> Value {
    value!({ "resourceType": "Consent", "id": "c", "status": "active", "patient": { "reference": patient },
        "scope": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy" }] },
        "category": [{ "coding": [{ "system": "http://loinc.org", "code": "59284-0" }] }],
        "policyRule": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTIN" }] },
        "provision": { "provision": [{ "type": "deny", "actor": [{
            "role": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP" }] },
            "reference": { "reference": "Practitioner/1" } }] }] } })
}

async fn put_observation(house: &House, id: &str, patient: &str) {
    let mut body = observation(patient);
    body["id"] = value!(id);
    house.put(&body).await;
}

async fn reads(house: &House, url: &str) -> u16 {
    house.ask(&user("user/*.rs"), Get, url, None).await.status
}

/// References may come before what they lead to, and outlive it: the patient of a Consent is whoever it names.
pub async fn a_consent_holds_for_a_patient_who_is_not_there(house: House) {
    // Patients may go before what refers to them.
    let settings = Settings {
        delete_check: false,
        ..house.engine.settings().clone()
    };
    let house = house.restarted(settings).await;
    house
        .put(&value!({ "resourceType": "Practitioner", "id": "1" }))
        .await;
    let later = "Patient/later";
    put_observation(&house, "early", later).await;
    assert_eq!(reads(&house, "Observation/early").await, 200);
    let denial = denial(later);
    let reply = house.ask(&officer(), Put, "Consent/c", Some(&denial)).await;
    assert_eq!(reply.status, 201, "{}", text(&reply));
    put_observation(&house, "after", later).await;
    let patient = value!({ "resourceType": "Patient", "id": "later" });
    for is_there in [false, true, false] {
        let reply = match is_there {
            true => house.ask(&loader(), Put, later, Some(&patient)).await,
            false => house.ask(&loader(), Delete, later, None).await,
        };
        assert!(reply.status < 300, "{}", text(&reply));
        for url in ["Observation/early", "Observation/after", later] {
            assert_eq!(reads(&house, url).await, 404, "{url} {is_there}");
        }
        // Decided anew by what is stored.
        let reply = house.ask(&officer(), Put, "Consent/c", Some(&denial)).await;
        assert_eq!(reply.status, 200, "{}", text(&reply));
        for url in ["Observation/early", "Observation/after", later] {
            assert_eq!(reads(&house, url).await, 404, "{url} {is_there}");
        }
    }
    let reply = house.ask(&officer(), Delete, "Consent/c", None).await;
    assert_eq!(reply.status, 204, "{}", text(&reply));
    for url in ["Observation/early", "Observation/after"] {
        assert_eq!(reads(&house, url).await, 200, "{url}");
    }
}

/// Whoever takes a permission back must not believe that it is done; and is told the same of a Consent that is not there.
pub async fn r23_a_service_is_told_that_it_deletes_no_consent(house: House) {
    house
        .put(&value!({ "resourceType": "Practitioner", "id": "1" }))
        .await;
    house
        .put(&value!({ "resourceType": "Patient", "id": "p" }))
        .await;
    put_observation(&house, "o", "Patient/p").await;
    let denial = denial("Patient/p");
    let reply = house.ask(&loader(), Put, "Consent/c", Some(&denial)).await;
    assert_eq!(reply.status, 201, "{}", text(&reply));
    let mut told = Vec::new();
    for url in ["Consent/c", "Consent/none", "Consent?patient=Patient/p"] {
        let reply = house.ask(&loader(), Delete, url, None).await;
        assert_eq!(reply.status, 403, "{url}: {}", text(&reply));
        told.push(text(&reply));
        let bundle = value!({ "resourceType": "Bundle", "type": "transaction",
            "entry": [{ "request": { "method": "DELETE", "url": url } }] });
        let reply = house.ask(&loader(), Post, "", Some(&bundle)).await;
        assert_eq!(reply.status, 403, "{url}: {}", text(&reply));
    }
    // Another one beside it would change nothing either.
    let mut withdrawn = denial.clone();
    withdrawn["status"] = value!("inactive");
    withdrawn.as_object_mut().unwrap().remove("id");
    let url = "Consent?patient=Patient/p";
    let reply = house.ask(&loader(), Put, url, Some(&withdrawn)).await;
    assert_eq!(reply.status, 403, "{}", text(&reply));
    told.push(text(&reply));
    let bundle = value!({ "resourceType": "Bundle", "type": "transaction",
        "entry": [{ "resource": withdrawn, "request": { "method": "PUT", "url": url } }] });
    let reply = house.ask(&loader(), Post, "", Some(&bundle)).await;
    assert_eq!(reply.status, 403, "{}", text(&reply));
    assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
    assert_eq!(reads(&house, "Observation/o").await, 404);
    let reply = house.ask(&officer(), Delete, "Consent/c", None).await;
    assert_eq!(reply.status, 204, "{}", text(&reply));
    assert_eq!(reads(&house, "Observation/o").await, 200);
    for url in ["Observation/none", "Patient?identifier=none"] {
        let reply = house.ask(&loader(), Delete, url, None).await;
        assert_eq!(reply.status, 204, "{url}: {}", text(&reply));
    }
}

/// Seed 1002: who sees what follows from the policies of a caller, not from the token alone.
pub async fn an_account_sees_by_the_policies_that_it_comes_with(house: House) {
    let report = value!({ "resourceType": "DiagnosticReport", "id": "r", "status": "final", "code": { "text": "x" },
        "meta": { "security": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "V" }] } });
    house.put(&report).await;
    for (level, status) in [("N", 404), ("V *", 200), ("R *", 404), ("V *", 200)] {
        let reply = house
            .ask(&cleared(level), Get, "DiagnosticReport/r", None)
            .await;
        assert_eq!(reply.status, status, "{level}");
    }
}

/// Seed 2013: a batch that tells what it has written only where somebody else has such a row tells of that row.
pub async fn a_batch_sees_what_it_has_written(house: House) {
    house
        .put(&value!({ "resourceType": "Patient", "id": "p" }))
        .await;
    let condition = value!({ "resourceType": "Condition", "subject": { "reference": "Patient/p" }, "code": { "text": "x" },
        "meta": { "security": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VIO" }] } });
    let batch = value!({ "resourceType": "Bundle", "type": "batch", "entry": [
        { "resource": condition, "request": { "method": "POST", "url": "Condition" } },
        { "request": { "method": "GET", "url": "Condition?_summary=count" } }] });
    for total in 1..3 {
        let reply = house.ask(&loader(), Post, "", Some(&batch)).await;
        assert_eq!(reply.status, 200, "{}", text(&reply));
        let told: Value = serde_json::from_str(&text(&reply)).unwrap();
        assert_eq!(told["entry"][1]["resource"]["total"], total, "{told}");
    }
}

/// T34: an explanation tells no more than the search does, by whose total it is 0.
pub async fn t34_r14_an_explanation_counts_nothing_that_is_hidden(house: House) {
    for body in [
        value!({ "resourceType": "Practitioner", "id": "1" }),
        value!({ "resourceType": "Patient", "id": "p" }),
    ] {
        house.put(&body).await;
    }
    let mut body = observation("Patient/p");
    body["id"] = "o".into();
    body["code"] = value!({ "coding": [{ "system": "urn:s", "code": "a" }] });
    house.put(&body).await;
    let url = "Observation?code=urn:s|a&status=final&explain=true&_total=accurate";
    let told = async || {
        let reply = house.ask(&loader(), Get, url, None).await;
        assert_eq!(reply.status, 200, "{}", text(&reply));
        text(&reply)
    };
    let counted = told().await;
    assert!(counted.contains("rows behind each term"), "{counted}");
    let mut denial = denial("Patient/p");
    let everybody = value!([{ "type": "deny" }]);
    denial["provision"]["provision"] = everybody;
    let reply = house.ask(&officer(), Put, "Consent/c", Some(&denial)).await;
    assert_eq!(reply.status, 201, "{}", text(&reply));
    let told = told().await;
    assert!(told.contains(r#""total":0"#), "{told}");
    assert!(told.contains("page by: "), "{told}");
    assert!(!told.contains("rows behind each term"), "{told}");
}

/// T49: what is hidden and what never was take as long.
pub async fn t49_what_is_not_found_is_answered_in_steps(house: House) {
    for _ in 0..20 {
        let begun = Instant::now();
        let reply = house.ask(&loader(), Get, "Observation/none", None).await;
        assert_eq!(reply.status, 404);
        assert!(begun.elapsed() >= ABSENT_STEP);
    }
    const ENTRIES: u32 = 50;
    let read = value!({ "request": { "method": "GET", "url": "Observation/none" } });
    let batch = value!({ "resourceType": "Bundle", "type": "batch", "entry": vec![read; ENTRIES as usize] });
    let begun = Instant::now();
    let reply = house.ask(&loader(), Post, "", Some(&batch)).await;
    assert_eq!(reply.status, 200, "{}", text(&reply));
    assert!(begun.elapsed() >= ABSENT_STEP * ENTRIES);
}

/// Treats at another organization than the one that keeps the records.
fn elsewhere() -> Caller {
    Caller::new(Identity {
        subject: "client".into(),
        client_id: "client".into(),
        scopes: Scopes::parse("system/*.rs").unwrap(),
        purposes: Purposes::parse("TREAT").unwrap(),
        client: Registered {
            organization: Some("Organization/h2".into()),
            clearance: Some(Clearance::parse("N").unwrap()),
            ..Registered::default()
        },
        ..Identity::default()
    })
}

/// The Record of what is disclosed under 42 CFR Part 2 names the consents, each in its version.
pub async fn t63_a_disclosure_is_recorded_with_its_consents(house: House) {
    let settings = Settings {
        consent: ConsentSettings {
            organization: "Organization/h1".into(),
            ..ConsentSettings::default()
        },
        ..house.engine.settings().clone()
    };
    let house = house.restarted(settings).await;
    for body in [
        value!({ "resourceType": "Organization", "id": "h1", "name": "One" }),
        value!({ "resourceType": "Organization", "id": "h2", "name": "Two" }),
        value!({ "resourceType": "Patient", "id": "p" }),
        value!({ "resourceType": "Condition", "id": "sud", "subject": { "reference": "Patient/p" },
            "code": { "coding": [{ "system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "F10.20" }] } }),
        value!({ "resourceType": "Condition", "id": "plain", "subject": { "reference": "Patient/p" }, "code": { "text": "x" } }),
    ] {
        house.put(&body).await;
    }
    let mut consent = denial("Patient/p");
    consent.as_object_mut().unwrap().remove("policyRule");
    consent["policy"] = value!([{ "uri": "http://example.org/privacy" }]);
    consent["provision"] = value!({ "type": "permit",
        "purpose": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT" }],
        "actor": [{ "role": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP" }] },
            "reference": { "reference": "Organization/h2" } }] });
    for _ in 0..2 {
        let reply = house
            .ask(&officer(), Put, "Consent/c", Some(&consent))
            .await;
        assert!(reply.status < 300, "{}", text(&reply));
        consent["dateTime"] = value!("2026-01-01");
    }
    let rid = house
        .engine
        .store()
        .locate(&[(type_id("Consent"), "c")])
        .await;
    let rid = rid.unwrap()[0].unwrap();
    for url in ["Condition/sud", "Condition?patient=p", "Condition/plain"] {
        let reply = house.ask(&elsewhere(), Get, url, None).await;
        assert_eq!(reply.status, 200, "{url}: {}", text(&reply));
        let record: Record = house.records().pop().unwrap();
        let named: Vec<(i64, u32)> = record
            .decision
            .consents
            .iter()
            .map(|consent| (consent.rid, consent.version))
            .collect();
        match url {
            "Condition/plain" => assert_eq!(named, []),
            _ => assert_eq!(named, [(rid, 2)], "{url}"),
        }
    }
}

/// A search from which consents kept something answers as if it were not there; who reads the log finds a deny of its own.
pub async fn a_search_from_which_consents_kept_something_is_a_deny(house: House) {
    house
        .put(&value!({ "resourceType": "Practitioner", "id": "1" }))
        .await;
    for id in ["p", "q"] {
        house
            .put(&value!({ "resourceType": "Patient", "id": id }))
            .await;
        put_observation(&house, &format!("of-{id}"), &format!("Patient/{id}")).await;
    }
    let denial = denial("Patient/p");
    let reply = house.ask(&officer(), Put, "Consent/c", Some(&denial)).await;
    assert_eq!(reply.status, 201, "{}", text(&reply));
    let denied = async |caller: &Caller, url: &str| {
        while house.engine.record_decisions().await.unwrap() {}
        let before = house.records().len();
        let reply = house.ask(caller, Get, url, None).await;
        assert_eq!(reply.status, 200, "{url}: {}", text(&reply));
        while house.engine.record_decisions().await.unwrap() {}
        let records: Vec<Record> = house.records().split_off(before);
        let decided = records.into_iter().filter(|record| {
            record.interaction == "consent-decision" && record.outcome == Outcome::Minor
        });
        decided.collect::<Vec<_>>()
    };
    let doctor = user("user/*.rs");
    for url in [
        "Observation?patient=p",
        "Observation?subject=Patient/p",
        "Patient?_id=p",
    ] {
        let found = denied(&doctor, url).await;
        let [record] = found.as_slice() else {
            panic!("{url}: {found:?}")
        };
        assert!(record.detail.patient != 0 && record.entities.is_empty());
        assert_eq!(record.detail.subtype, "AuthZ-Consent", "{record:?}");
        assert_eq!(record.decision.consents.len(), 1, "{record:?}");
        assert_eq!(record.user, "Practitioner/1");
    }
    // Nothing was kept from these.
    for (caller, url) in [
        (&doctor, "Observation?patient=q"),
        (&doctor, "Observation?patient=p&code=elsewhere|1"),
    ] {
        assert_eq!(denied(caller, url).await, [], "{url}");
    }
}
