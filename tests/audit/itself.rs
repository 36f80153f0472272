//! What the server does of itself: starts and stops, a new configuration, new keys, an import, decisions by consents, labels.

use super::left;
use serde_json::json;
use std::process::Command;
use ward_audit::{Outcome, Record};
use ward_testkit::{Backend, Home, Server, Start, backends, ward_binary};

fn named<'a>(records: &'a [Record], interaction: &str) -> Vec<&'a Record> {
    let of = |record: &&Record| record.interaction == interaction;
    records.iter().filter(of).collect()
}

#[test]
fn starts_stops_and_what_was_none_are_recorded() {
    for backend in backends() {
        let (start, home) = Server::start(Start::empty(backend)).stop();
        let told = |home: &Home| -> Vec<String> {
            let own = left::read(home).into_iter();
            let own = own.filter(|record| record.client_id == "ward");
            own.map(|record| record.interaction).collect()
        };
        assert_eq!(told(&home), ["start", "stop"]);
        let (start, home) = Server::start_in(start, home).kill();
        let other = start.with("limits.page_entries_default", "21");
        let (start, home) = Server::start_in(other, home).stop();
        let all = [
            "start",
            "stop",
            "start",
            "unclean-end",
            "configuration",
            "start",
            "stop",
        ];
        assert_eq!(told(&home), all);
        let (_, home) = Server::start_in(start, home).stop();
        assert_eq!(told(&home)[all.len()..], ["start", "stop"]);
        let records = left::read(&home);
        let changed = named(&records, "configuration")[0];
        assert!(changed.query.starts_with("before="), "{changed:?}");
        let unclean = named(&records, "unclean-end")[0];
        assert_eq!(unclean.outcome, Outcome::Serious);
    }
}

#[test]
fn commands_are_recorded() {
    let (_, home) = Server::start(Start::empty(Backend::Sqlite)).stop();
    let data = home.folder.path();
    let file = data.join("one.ndjson");
    let person = json!({ "resourceType": "Patient", "active": true });
    std::fs::write(&file, format!("{person}\n")).unwrap();
    run(Command::new(ward_binary())
        .arg("import")
        .arg("--data")
        .arg(data)
        .arg(&file));
    let next = data.join("next.key");
    let rotate = Command::new(ward_binary())
        .args(["rotate-key", "--data"])
        .arg(data)
        .arg("--to-file")
        .arg(&next)
        .status();
    assert!(rotate.unwrap().success());
    std::fs::rename(&next, data.join("master.key")).unwrap();
    // What waits in the local log is drained by the next start.
    let (_, home) = Server::start_in(Start::empty(Backend::Sqlite), home).stop();
    let records = left::read(&home);
    assert_eq!(named(&records, "import")[0].query, "resources=1&failed=0");
    assert!(
        named(&records, "rotate-key")[0]
            .query
            .starts_with("before=")
    );
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A deny by consent is an event of its own, and so is the first permit, with the consent in its version.
#[test]
fn decisions_by_consents_are_recorded() {
    for backend in backends() {
        let server = Server::start(Start::empty(backend));
        let loader = server.client("loader");
        let create = |body: serde_json::Value| {
            let ty = body["resourceType"].as_str().unwrap().to_owned();
            format!("{ty}/{}", loader.post(&ty, &body).expect(201).id())
        };
        let patient = create(json!({ "resourceType": "Patient" }));
        let other = create(json!({ "resourceType": "Patient" }));
        let observation = |patient: &str| {
            create(
                json!({ "resourceType": "Observation", "status": "final", "code": { "text": "pulse" },
                "subject": { "reference": patient } }),
            )
        };
        let (hidden, open) = (observation(&patient), observation(&other));
        let coded =
            |system: &str, code: &str| json!({ "coding": [{ "system": system, "code": code }] });
        let consent = create(
            json!({ "resourceType": "Consent", "status": "active", "patient": { "reference": patient },
            "scope": coded("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
            "category": [coded("http://loinc.org", "59284-0")], "policy": [{ "uri": "urn:example:audit" }],
            "provision": { "type": "permit", "provision": [{ "type": "deny", "class": [{ "system": "http://hl7.org/fhir/resource-types", "code": "Observation" }] }] } }),
        );
        let desk = server.client("clinician");
        for _ in 0..2 {
            desk.get(&hidden).expect(404);
            desk.get(&patient).expect(200);
            desk.get(&open).expect(200);
        }
        let (_, home) = server.stop();
        let records = left::read(&home);
        let decisions = named(&records, "consent-decision");
        let of = |outcome: Outcome| -> Vec<&&Record> {
            let of =
                |record: &&&Record| record.outcome == outcome && record.client_id != "demo-loader";
            decisions.iter().filter(of).collect()
        };
        let denied = of(Outcome::Minor);
        assert_eq!(denied.len(), 2, "{decisions:#?}");
        assert!(
            denied
                .iter()
                .all(|deny| deny.detail.patient != 0 && deny.entities.is_empty())
        );
        let permitted: Vec<_> = of(Outcome::Success)
            .into_iter()
            .filter(|permit| !permit.user.is_empty())
            .collect();
        assert_eq!(permitted.len(), 1, "{decisions:#?}");
        for decision in denied.iter().chain(&permitted) {
            assert_eq!(
                decision.detail.subtype, "AuthZ-Consent",
                "{consent}: {decision:?}"
            );
            assert_eq!(decision.decision.consents.len(), 1, "{decision:?}");
            assert_eq!(decision.decision.consents[0].version, 1);
        }
    }
}

/// What takes its labels from another resource changes when that does: by whom, and which versions, is recorded apart from who wrote that.
#[test]
fn labels_that_follow_are_recorded() {
    for backend in backends() {
        let server = Server::start(Start::empty(backend));
        let loader = server.client("loader");
        let create = |body: &serde_json::Value| {
            let ty = body["resourceType"].as_str().unwrap().to_owned();
            format!("{ty}/{}", loader.post(&ty, body).expect(201).id())
        };
        let patient = create(&json!({ "resourceType": "Patient" }));
        let act_code = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
        let mut visit = json!({ "resourceType": "Encounter", "status": "in-progress", "subject": { "reference": patient },
            "class": { "system": act_code, "code": "IMP" } });
        let encounter = create(&visit);
        create(
            &json!({ "resourceType": "Observation", "status": "final", "code": { "text": "pulse" },
            "subject": { "reference": patient }, "encounter": { "reference": encounter } }),
        );
        visit["id"] = json!(encounter.split('/').next_back());
        visit["meta"] = json!({ "security": [{ "system": act_code, "code": "SUD" }] });
        loader.put(&encounter, &visit).expect(200);
        let (_, home) = server.stop();
        let records = left::read(&home);
        let followed: Vec<&Record> = records
            .iter()
            .filter(|record| record.detail.subtype == "label-change")
            .collect();
        assert_eq!(followed.len(), 1, "{backend:?} {followed:#?}");
        let record = followed[0];
        assert_eq!(
            (&*record.client_id, &*record.interaction),
            ("urn:ward:labelling", "update")
        );
        let [entity] = record.entities.as_slice() else {
            panic!("{record:?}")
        };
        assert_eq!((entity.version, entity.action), (2, b'U'));
        assert!(entity.patient != 0 && record.detail.hashes.len() == 1);
    }
}
