//! Who AuditEvents say took part, by name: clients as they are registered, organizations of decisions, services that act for somebody.

use crate::audited::{entity, row_of, store};
use crate::house::{House, json, system, text};
use serde_json::{Value, json as value};
use std::sync::Arc;
use ward_audit::{Decision, Detail, Outcome, Record};
use ward_resources::ClientNames;
use ward_resources::route::Method::Get;

struct Clients;

impl ClientNames for Clients {
    fn name(&self, client_id: &str) -> Option<String> {
        (client_id == "growth").then(|| "Growth chart".to_owned())
    }
}

fn record(house: &House, user: &str, interaction: &str) -> Record {
    Record {
        at_us: house.engine.now_us(),
        request_id: [3; 16],
        interaction: interaction.into(),
        client_id: "growth".into(),
        user: user.into(),
        purpose: "TREAT".into(),
        source: "192.0.2.7".into(),
        outcome: Outcome::Success,
        status: 200,
        query: String::new(),
        entities: Vec::new(),
        decision: Decision::default(),
        detail: Detail {
            token_id: "t1".into(),
            ..Detail::default()
        },
    }
}

pub async fn clients_organizations_and_delegates_are_named(house: House) {
    house.engine.name_clients(Arc::new(Clients));
    for body in [
        value!({ "resourceType": "Organization", "id": "h", "name": "House" }),
        value!({ "resourceType": "Practitioner", "id": "p1", "name": [{ "text": "Dr. Ada" }] }),
        value!({ "resourceType": "Practitioner", "id": "p2", "name": [{ "text": "Dr. Bo" }] }),
        value!({ "resourceType": "PractitionerRole", "id": "r", "practitioner": { "reference": "Practitioner/p1" },
            "organization": { "reference": "Organization/h" } }),
        value!({ "resourceType": "Patient", "id": "a" }),
    ] {
        house.put(&body).await;
    }
    let own = row_of(&house, "Patient/a").await;
    let about = entity("Patient", own, own);
    let mut decided = record(&house, "Practitioner/p1", "consent-decision");
    decided.entities = vec![about];
    decided.detail.subtype = "AuthZ-Consent".into();
    let mut nowhere = decided.clone();
    nowhere.user = "Practitioner/p2".into();
    let mut delegated = record(&house, "Practitioner/p1", "read");
    delegated.entities = vec![about];
    delegated.detail.is_delegate = true;
    let mut unknown = record(&house, "", "read");
    unknown.client_id = "gone".into();
    store(&house, "one", &[decided, nowhere, delegated, unknown]).await;
    let reply = house
        .ask(&system("system/*.rs"), Get, "AuditEvent?_count=100", None)
        .await;
    assert_eq!(reply.status, 200, "{}", text(&reply));
    let bundle = json(&reply);
    let events = bundle["entry"].as_array().unwrap().iter();
    let events: Vec<&Value> = events.map(|entry| &entry["resource"]).collect();
    let by = |subtype: &str, user: &str| {
        let mut found = events.iter().filter(|event| {
            let agents = event["agent"].as_array().unwrap();
            event["subtype"][0]["code"] == subtype
                && agents.iter().any(|agent| agent["who"]["reference"] == user)
        });
        found.next().unwrap()["agent"].clone()
    };
    let agents = by("AuthZ-Consent", "Practitioner/p1");
    assert_eq!(agents[0]["who"]["display"], "Growth chart", "{agents}");
    let organization = |agents: &Value| agents[3]["who"].clone();
    assert_eq!(
        organization(&agents),
        value!({ "reference": "Organization/h", "display": "House" })
    );
    // Of whom it is not known, they act for whoever runs the server.
    let agents = by("AuthZ-Consent", "Practitioner/p2");
    assert!(organization(&agents)["reference"].is_null(), "{agents}");
    assert!(organization(&agents)["display"].is_string(), "{agents}");
    let agents = by("read", "Practitioner/p1");
    assert_eq!(agents[2]["name"], "Dr. Ada");
    let delegate = &agents[3];
    assert_eq!(delegate["type"]["coding"][0]["code"], "DELEGATEE");
    assert_eq!(delegate["who"]["identifier"]["value"], "growth");
    assert_eq!(
        (&delegate["name"], &delegate["requestor"]),
        (&value!("Growth chart"), &value!(false))
    );
    let unnamed = events
        .iter()
        .find(|event| event["agent"][0]["who"]["identifier"]["value"] == "gone");
    assert!(unnamed.unwrap()["agent"][0]["who"]["display"].is_null());
}
