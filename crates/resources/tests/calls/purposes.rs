//! C23: a person whose roles act for other purposes than the token's gets nothing but what is published, and is told why.

use crate::house::{House, json, text};
use crate::placement::{observation, patient};
use serde_json::{Value, json as value};
use ward_access::{Caller, Identity, Purposes, Scopes};
use ward_resources::Reply;
use ward_resources::route::Method::Get;

/// A person of these roles, or of the rota's, who asserts these purposes with one token.
fn person(roles: &[&str], purposes: &str) -> Caller {
    Caller::new(Identity {
        subject: "someone".into(),
        client_id: "desk".into(),
        fhir_user: Some("Practitioner/n".into()),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        scopes: Scopes::parse("user/*.rs").unwrap(),
        purposes: Purposes::parse(purposes).unwrap(),
        ..Identity::default()
    })
}

fn code(reply: &Reply) -> Value {
    json(reply)["issue"][0]["details"]["coding"][0]["code"].clone()
}

fn is_out_of_purpose(reply: &Reply) -> bool {
    reply.status == 403 && code(reply) == "access.purpose"
}

async fn filled(house: &House) {
    house
        .put(&value!({ "resourceType": "Practitioner", "id": "n" }))
        .await;
    house.put(&patient("1")).await;
    let mut seen = observation("Patient/1");
    seen["id"] = "seen".into();
    house.put(&seen).await;
}

pub async fn c23_no_role_is_left_for_another_purpose(house: House) {
    filled(&house).await;
    let payer = person(&["nurse", "physician"], "HPAYMT");
    let mut said = Vec::new();
    for url in [
        "Observation/seen",
        "Observation/none",
        "Observation",
        "StructureDefinition",
        "_history",
    ] {
        let (reply, statements) = house.statements(house.ask(&payer, Get, url, None)).await;
        assert!(is_out_of_purpose(&reply), "{url}: {}", text(&reply));
        // Whose record it was about, which the Record alone is told, takes as much whether it is there or not.
        let most = if url.starts_with("Observation/") {
            2
        } else {
            0
        };
        assert_eq!(statements, most, "{url}");
        said.push(text(&reply));
    }
    said.dedup();
    assert_eq!(said.len(), 1, "what is there and what is not look alike");
    assert!(said[0].contains("nurse, physician") && said[0].contains("HPAYMT"));
    let record = house.records().pop().unwrap();
    assert_eq!((&*record.purpose, record.status), ("HPAYMT", 403));
    assert_eq!(house.ask(&payer, Get, "metadata", None).await.status, 200);
    // With one role that is left it is the scope or the role that permits or not.
    let both = person(&["nurse", "billing-clerk"], "HPAYMT");
    assert_eq!(house.ask(&both, Get, "Claim", None).await.status, 200);
    let reply = house.ask(&both, Get, "Observation/seen", None).await;
    assert_eq!(
        (reply.status, code(&reply)),
        (403, value!("access.forbidden"))
    );
    for (purposes, recorded) in [
        ("", "TREAT"),
        ("ETREAT", "ETREAT"),
        ("HRESCH TREAT", "HRESCH TREAT"),
    ] {
        let nurse = person(&["nurse"], purposes);
        let reply = house.ask(&nurse, Get, "Observation/seen", None).await;
        assert_eq!(reply.status, 200, "{purposes}: {}", text(&reply));
        assert_eq!(house.records().pop().unwrap().purpose, recorded);
    }
}

/// R21: what a token of the rota's comes to is kept by all that it says, its purposes too.
pub async fn r21_what_is_kept_of_a_token_is_kept_for_its_purpose(house: House) {
    filled(&house).await;
    house
        .put(&value!({ "resourceType": "PractitionerRole", "id": "r", "active": true,
            "practitioner": { "reference": "Practitioner/n" },
            "code": [{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/practitioner-role", "code": "nurse" }] }] }))
        .await;
    for (purposes, status) in [
        ("TREAT", 200),
        ("HPAYMT", 403),
        ("TREAT", 200),
        ("", 200),
        ("HPAYMT", 403),
        ("ETREAT", 200),
    ] {
        let nurse = person(&[], purposes);
        let reply = house.ask(&nurse, Get, "Observation/seen", None).await;
        assert_eq!(reply.status, status, "{purposes}: {}", text(&reply));
        assert_eq!(is_out_of_purpose(&reply), status == 403);
        let expected = if purposes.is_empty() {
            "TREAT"
        } else {
            purposes
        };
        assert_eq!(house.records().pop().unwrap().purpose, expected);
    }
}
