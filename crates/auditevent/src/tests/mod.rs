//! Every kind of event is valid R4, conforms to the profiles it names, and is what a file in review says.

mod contexts;
mod events;
mod kinds;
mod profile;

use crate::{Event, Label, Names, Organization, Parts, User, render};
use serde_json::Value;
use ward_audit::Record;
use ward_fhir::tree::Limits;
use ward_fhir::{Document, json};

fn document(text: &str) -> Document {
    json::read(text.as_bytes(), None, &Limits::default())
        .unwrap_or_else(|failure| panic!("{:?} in {text}", failure.issues))
}

fn names() -> Names {
    let rows = [
        (1, "Patient/p"),
        (2, "Patient/q"),
        (3, "Observation/o1"),
        (4, "Organization/h"),
        (5, "Consent/c1"),
        (6, "Task/t1"),
        (-77, "AuditEvent/e1"),
    ];
    let doctor = User {
        name: "Dr. Ada".into(),
        organization: Some(Organization {
            reference: "Organization/h".into(),
            name: "House".into(),
        }),
    };
    let label = Label {
        system: "http://terminology.hl7.org/CodeSystem/v3-Confidentiality".into(),
        code: "R".into(),
    };
    Names {
        base: "https://ward.test/fhir".into(),
        issuer: "https://ward.test".into(),
        node: "node-1".into(),
        site: "ward.test".into(),
        references: rows.map(|(rid, name)| (rid, name.to_owned())).into(),
        users: [("Practitioner/p1".to_owned(), doctor)].into(),
        clients: [("growth-chart".to_owned(), "Growth chart".to_owned())].into(),
        labels: [((3, 3), vec![label])].into(),
    }
}

fn event(record: &Record, nth: usize) -> Value {
    let event = Event {
        record,
        parts: &Parts::of(record),
        nth,
        id: "e1",
        sequence: Some(41),
        nonce: Some(&[5; 16]),
    };
    serde_json::from_slice(&render(&event, &names())).unwrap()
}
