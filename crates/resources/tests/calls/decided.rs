//! What the random hospitals with consents (`consented`) have found, each pinned.

use crate::callers::officer;
use crate::house::{House, loader, text, user};
use crate::placement::observation;
use serde_json::{Value, json as value};
use std::time::Instant;
use ward_resources::Settings;
use ward_resources::door::ABSENT_STEP;
use ward_resources::route::Method::{Delete, Get, Put};

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

/// T49: what is hidden and what never was take as long.
pub async fn t49_what_is_not_found_is_answered_in_steps(house: House) {
    for _ in 0..20 {
        let begun = Instant::now();
        let reply = house.ask(&loader(), Get, "Observation/none", None).await;
        assert_eq!(reply.status, 404);
        assert!(begun.elapsed() >= ABSENT_STEP);
    }
}
