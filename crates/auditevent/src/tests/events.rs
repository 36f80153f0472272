//! What each kind of event is rendered as.

use super::kinds::{self, OTHER, PATIENT, entity, record};
use super::profile::Guide;
use super::{document, event, names};
use crate::{Event, Parts, Wanted, render};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use ward_audit::{Detail, Record};

/// A line for each kind of [`kinds::all`].
const EXPECTED: &str = include_str!("events.tsv");

#[test]
fn every_kind_is_what_the_table_says() {
    let mut lines = vec![HEAD.to_owned()];
    lines.extend(
        kinds::all()
            .iter()
            .map(|(name, record)| line(name, &event(record, 0))),
    );
    let expected: Vec<&str> = EXPECTED.lines().collect();
    let differing: Vec<&String> = lines
        .iter()
        .filter(|l| !expected.contains(&l.as_str()))
        .collect();
    assert!(
        differing.is_empty() && lines.len() == expected.len(),
        "{differing:#?}\nall:\n{}",
        lines.join("\n")
    );
}

const HEAD: &str = "kind\ttype\tsubtype\taction\toutcome\tagents\tentities\tprofiles";

fn line(name: &str, event: &Value) -> String {
    let codes = |list: &Value, at: &str| -> Vec<String> {
        let each = list.as_array().into_iter().flatten();
        each.map(|item| code(item.pointer(at).unwrap())).collect()
    };
    let agents = event["agent"].as_array().unwrap().iter();
    let agents = agents.map(|agent| codes(&agent["type"]["coding"], "").join("+"));
    let entities = event["entity"].as_array().into_iter().flatten();
    let entities = entities.map(|entity| {
        let role = entity["role"]["code"].as_str();
        let role = role.map_or(String::new(), |role| format!("/{role}"));
        format!("{}{role}", code(&entity["type"]))
    });
    let profiles = event["meta"]["profile"].as_array().into_iter().flatten();
    let profiles = profiles.map(|url| url.as_str().unwrap().rsplit('/').next().unwrap().to_owned());
    [
        name.to_owned(),
        code(&event["type"]),
        codes(&event["subtype"], "").join(" "),
        event["action"].as_str().unwrap().to_owned(),
        event["outcome"].as_str().unwrap().to_owned(),
        agents.collect::<Vec<_>>().join(" "),
        entities.collect::<Vec<_>>().join(" "),
        profiles.collect::<Vec<_>>().join(" "),
    ]
    .join("\t")
}

fn code(coding: &Value) -> String {
    coding["code"].as_str().unwrap().to_owned()
}

#[test]
fn every_kind_is_valid_r4() {
    for (name, record) in kinds::all() {
        let event = event(&record, 0);
        let document = document(&event.to_string());
        let issues = ward_validation::r4().validate(document.root());
        assert!(issues.is_empty(), "{name}: {issues:?}\n{event:#}");
    }
}

#[test]
fn every_kind_conforms_to_the_profiles_it_names() {
    let Some(guide) = Guide::balp() else { return };
    let mut named = BTreeSet::new();
    let mut faults = Vec::new();
    for (name, record) in kinds::all() {
        let event = event(&record, 0);
        for url in event["meta"]["profile"].as_array().into_iter().flatten() {
            let url = url.as_str().unwrap();
            named.insert(url.rsplit('/').next().unwrap().to_owned());
            let found = guide.faults(url, &event);
            faults.extend(found.iter().map(|fault| format!("{name}: {url}: {fault}")));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    let of_ours = [
        "IHE.BasicAudit.AuthZconsent",
        "IHE.BasicAudit.Create",
        "IHE.BasicAudit.Delete",
        "IHE.BasicAudit.OAUTHaccessTokenUse.Minimal",
        "IHE.BasicAudit.PatientCreate",
        "IHE.BasicAudit.PatientDelete",
        "IHE.BasicAudit.PatientQuery",
        "IHE.BasicAudit.PatientRead",
        "IHE.BasicAudit.PatientUpdate",
        "IHE.BasicAudit.PrivacyDisclosure.Recipient",
        "IHE.BasicAudit.PrivacyDisclosure.Source",
        "IHE.BasicAudit.Query",
        "IHE.BasicAudit.Read",
        "IHE.BasicAudit.Update",
        "IHE.IUA.71",
    ];
    assert_eq!(named, of_ours.map(str::to_owned).into());
}

/// The checker takes what the guide itself shows, with these exceptions.
#[test]
fn the_guides_own_examples_conform() {
    let Some(guide) = Guide::balp() else { return };
    assert_eq!(guide.examples.len(), 46);
    let mut faults = Vec::new();
    for example in &guide.examples {
        for url in example["meta"]["profile"].as_array().unwrap() {
            let found = guide.faults(url.as_str().unwrap(), example);
            let id = example["id"].as_str().unwrap();
            faults.extend(found.iter().map(|fault| format!("{id}: {fault}")));
        }
    }
    assert_eq!(faults, WRONG_EXAMPLES);
}

const WRONG_EXAMPLES: [&str; 0] = [];

/// And it finds what was taken away or put wrong: each agent and entity that a profile demands, each code.
#[test]
fn what_is_changed_does_not_conform() {
    let Some(guide) = Guide::balp() else { return };
    let mut tried = 0;
    for (name, record) in kinds::all() {
        let event = event(&record, 0);
        let Some(url) = event["meta"]["profile"][0].as_str() else {
            continue;
        };
        if url.contains("OAUTHaccessTokenUse") {
            continue;
        }
        for (what, broken) in broken(&event) {
            tried += 1;
            let found = guide.faults(url, &broken);
            assert!(!found.is_empty(), "{name}: {what} is not missed by {url}");
        }
    }
    assert!(tried > 100, "{tried}");
}

fn broken(event: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    let mut with = |what: &str, change: &dyn Fn(&mut Value)| {
        let mut event = event.clone();
        change(&mut event);
        all.push((what.to_owned(), event));
    };
    with("type", &|e| e["type"]["code"] = json!("other"));
    with("subtype", &|e| e["subtype"] = json!([{ "code": "other" }]));
    with("action", &|e| e["action"] = json!("X"));
    with("no client", &|e| {
        drop(e["agent"].as_array_mut().unwrap().remove(0))
    });
    with("no server", &|e| {
        drop(e["agent"].as_array_mut().unwrap().remove(1))
    });
    with("two clients", &|e| {
        let client = e["agent"][0].clone();
        e["agent"].as_array_mut().unwrap().push(client);
    });
    with("who", &|e| {
        drop(e["agent"][0].as_object_mut().unwrap().remove("who"))
    });
    with("network", &|e| {
        drop(e["agent"][0].as_object_mut().unwrap().remove("network"))
    });
    with("no entities", &|e| {
        drop(e.as_object_mut().unwrap().remove("entity"))
    });
    let entities = event["entity"].as_array().unwrap();
    if let Some(at) = entities.iter().position(|e| e["role"]["code"] == "1") {
        with("patient", &|e| {
            e["entity"][at]["what"] = json!({ "reference": "Group/g" })
        });
        with("two patients", &|e| {
            let patient = e["entity"][at].clone();
            e["entity"].as_array_mut().unwrap().push(patient);
        });
    }
    all
}

#[test]
fn one_event_for_each_patient_and_for_each_change() {
    let rows = [
        entity("Observation", 3, PATIENT, b'R'),
        entity("Organization", 4, 0, b'R'),
        entity("Patient", OTHER, OTHER, b'R'),
    ];
    let whom = |record: &Record| -> Vec<Vec<String>> {
        (0..record.events())
            .map(|n| {
                let event = event(record, n);
                let entities = event["entity"].as_array().unwrap().iter();
                entities
                    .filter_map(|entity| entity["what"]["reference"].as_str().map(str::to_owned))
                    .collect()
            })
            .collect()
    };
    assert_eq!(
        whom(&record("search-type", &rows)),
        [["Patient/p"], ["Patient/q"]]
    );
    let history = whom(&record("history-system", &rows));
    assert_eq!(
        history[0],
        ["Observation/o1", "Organization/h", "Patient/p"]
    );
    assert_eq!(history[1], ["Patient/q", "Patient/q"]);
    let deleted = rows.map(|entity| ward_audit::Entity {
        action: b'D',
        ..entity
    });
    let deleted = whom(&record("delete", &deleted));
    assert_eq!(deleted[0], ["Observation/o1/_history/3", "Patient/p"]);
    assert_eq!(deleted[1], ["Organization/h/_history/3"]);
    assert_eq!(deleted[2], ["Patient/q/_history/3", "Patient/q"]);
}

/// Each of them is rendered of its own entities alone, so that all together cost what the Record has.
#[test]
fn events_of_thousands_of_patients_share_the_record() {
    const PATIENTS: i64 = 6_000;
    let rows = |n: i64| {
        [
            entity("Observation", 1_000_000 + n, n, b'R'),
            entity("Observation", 2_000_000 + n, n, b'R'),
        ]
    };
    let of_nobody = entity("Organization", 4, 0, b'R');
    let all: Vec<_> = (1..=PATIENTS).flat_map(rows).chain([of_nobody]).collect();
    let record = record("history-system", &all);
    let parts = Parts::of(&record);
    assert_eq!(parts.events(), record.events());
    let held: usize = (0..parts.events()).map(|n| parts.event(n).len()).sum();
    assert_eq!(held, all.len(), "no entity stands in two events");
    for nth in [0, 1, 4_321, PATIENTS as usize - 1] {
        assert_eq!(parts.patient(nth), nth as i64 + 1);
        let about = parts.event(nth).iter().filter(|e| e.patient != 0);
        assert_eq!(about.count(), 2);
    }
    assert_eq!((parts.event(6_000), parts.patient(6_000)), (&[][..], 0));
    // Of what was written each version has the hash of its place.
    let mut written = record.clone();
    written.interaction = "transaction".into();
    written.entities.iter_mut().for_each(|e| e.action = b'C');
    written.detail.hashes = (0..all.len()).map(|n| [n as u8; 32]).collect();
    let parts = Parts::of(&written);
    for (n, entity) in written.entities.iter().enumerate().step_by(997) {
        assert_eq!(parts.hash(entity), Some([n as u8; 32]));
    }
}

#[test]
fn a_read_in_full() {
    let (_, mut read) = kinds::all()
        .into_iter()
        .find(|(name, _)| name == "read, by consents")
        .unwrap();
    read.detail.client_request_id = "r-1".into();
    let event = event(&read, 0);
    let expected: Value = serde_json::from_str(include_str!("read.json")).unwrap();
    assert_eq!(event, expected, "{event:#}");
}

#[test]
fn an_event_is_canonical_json() {
    for (name, record) in kinds::all() {
        let rendered = render(
            &Event {
                record: &record,
                parts: &Parts::of(&record),
                nth: 0,
                id: "e1",
                sequence: None,
                nonce: None,
            },
            &names(),
        );
        let text = String::from_utf8(rendered).unwrap();
        let mut again = Vec::new();
        ward_fhir::json::write(document(&text).root(), Default::default(), &mut again);
        assert_eq!(String::from_utf8(again).unwrap(), text, "{name}");
    }
}

#[test]
fn what_was_received_stays_as_it_was_sent() {
    let sent = |extension: &str| {
        format!(
            r#"{{"resourceType":"AuditEvent","id":"theirs","meta":{{"versionId":"9","source":"urn:x","profile":["http://x.test/p"]}},{extension}"type":{{"code":"rest"}},"recorded":"2020-01-01T00:00:00Z","agent":[{{"extension":[{{"url":"http://x.test/a","valueCode":"b"}}],"requestor":true,"name":"\"extension\":["}}],"source":{{"observer":{{"display":"x"}}}}}}"#
        )
    };
    for extension in [
        "",
        r#""extension":[{"url":"http://x.test/e","valueCode":"c"}],"#,
    ] {
        let sent = sent(extension);
        let received = Record {
            detail: Detail {
                received: sent.clone().into_bytes(),
                ..Detail::default()
            },
            ..record("create", &[])
        };
        let event = event(&received, 0);
        let issues = ward_validation::r4().validate(document(&event.to_string()).root());
        assert!(issues.is_empty(), "{issues:?}");
        assert_eq!(event["id"], "e1");
        assert_eq!(event["meta"]["versionId"], "1");
        assert_eq!(event["meta"]["source"], "urn:x");
        let receipt = &event["extension"][0];
        assert_eq!(receipt["url"], "urn:ward:audit:receipt");
        let parts = receipt["extension"].as_array().unwrap();
        let part = |url: &str| parts.iter().find(|part| part["url"] == url).unwrap();
        assert_eq!(part("received")["valueInstant"], "2023-11-14T22:13:20.123Z");
        assert_eq!(part("client")["valueString"], "growth-chart");
        let mut theirs: Value = serde_json::from_str(&sent).unwrap();
        let mut ours = event.clone();
        ours["extension"].as_array_mut().unwrap().remove(0);
        for each in [&mut theirs, &mut ours] {
            let each = each.as_object_mut().unwrap();
            each.retain(|name, value| {
                !matches!(name.as_str(), "id" | "meta") && *value != json!([])
            });
        }
        assert_eq!(ours, theirs);
    }
}

/// Nothing that a Record does not have, and what it has as text is text: no member of the answer can be made by it.
#[test]
fn texts_of_clients_stay_texts() {
    let evil = "x\",\"outcome\":\"0\u{0}\u{1b}[31m\r\n";
    let (_, read) = kinds::all()
        .into_iter()
        .find(|(name, _)| name == "read, hidden")
        .unwrap();
    let evil_record = Record {
        client_id: evil.into(),
        user: evil.into(),
        purpose: evil.into(),
        source: evil.into(),
        query: format!("{evil}={evil}&%zz=%f"),
        detail: Detail {
            client_request_id: evil.into(),
            token_id: evil.into(),
            session: evil.into(),
            workstation: evil.into(),
            roles: evil.into(),
            authenticated: evil.into(),
            subtype: evil.into(),
            request: evil.into(),
            ..read.detail.clone()
        },
        ..read
    };
    for interaction in ["read", "search-type", "token", "clients", evil] {
        let record = Record {
            interaction: interaction.into(),
            ..evil_record.clone()
        };
        let event = event(&record, 0);
        assert_eq!(event["outcome"], "4");
        let issues = ward_validation::r4().validate(document(&event.to_string()).root());
        assert!(issues.is_empty(), "{issues:?}\n{event:#}");
    }
}

#[test]
fn what_is_wanted_is_what_records_name() {
    let (_, read) = kinds::all()
        .into_iter()
        .find(|(name, _)| name == "read, by consents")
        .unwrap();
    let wanted = Wanted::by([&read]);
    let rids: Vec<i64> = wanted.rows.iter().map(|(_, rid)| *rid).collect();
    assert_eq!(BTreeSet::from_iter(rids), BTreeSet::from([1, 3, 5]));
    assert_eq!(wanted.users, BTreeSet::from(["Practitioner/p1".to_owned()]));
    assert_eq!(wanted.clients, BTreeSet::from(["growth-chart".to_owned()]));
}
