//! AuditEvents of other systems: POST, and Bundles of them (ITI-20).

use serde_json::{Value, json};
use ward_testkit::{Client, Server, Start, backends};

/// What another system tells of one of our patients. `observer`: who has seen it.
pub fn event(observer: &str, patient: &str, note: &str) -> Value {
    json!({
        "resourceType": "AuditEvent",
        "type": { "system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110103" },
        "action": "R",
        "recorded": "2026-11-30T10:00:00.000Z",
        "outcome": "0",
        "agent": [{ "name": note, "requestor": true }],
        "source": { "observer": { "identifier": { "value": observer } } },
        "entity": [{ "what": { "reference": patient } }]
    })
}

fn patient(loader: &Client) -> String {
    let patient = json!({ "resourceType": "Patient", "name": [{ "family": "Told" }] });
    format!(
        "Patient/{}",
        loader.post("Patient", &patient).expect(201).id()
    )
}

#[test]
fn one_that_is_sent_is_kept_found_and_never_changed() {
    for backend in backends() {
        let server = Server::start(Start::empty(backend));
        let loader = server.client("loader");
        let patient = patient(&loader);
        let sent = json!({ "id": "their-own", "meta": { "versionId": "7" } });
        let mut sent = [sent, event("pacs.example", &patient, "Their Nurse")];
        let more = sent[1].clone();
        sent[0]
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let answer = loader.post("AuditEvent", &sent[0]).expect(201);
        let id = answer.id();
        assert_ne!(id, "their-own", "it gets an id of ours");
        let location = answer.header("location").unwrap();
        assert!(
            location.ends_with(&format!("/AuditEvent/{id}/_history/1")),
            "{location}"
        );
        let path = format!("AuditEvent/{id}");

        // It is durable when it is answered.
        let (start, home) = server.kill();
        let server = Server::start_in(start, home);
        let (loader, auditor) = (server.client("loader"), server.client("auditor"));
        let read = auditor.get(&path).expect(200).json();
        for member in [
            "type", "action", "recorded", "outcome", "agent", "source", "entity",
        ] {
            assert_eq!(read[member], more[member], "{member}");
        }
        let receipt = read["extension"][0].to_string();
        assert!(receipt.contains("loader"), "who sent it: {receipt}");
        for query in [
            format!("patient={patient}"),
            format!("entity={patient}"),
            "source.identifier=pacs.example".into(),
        ] {
            let found = auditor
                .get(&format!("AuditEvent?{query}&_count=50"))
                .expect(200)
                .json();
            let ids: Vec<&Value> = found["entry"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|e| &e["resource"]["id"])
                .collect();
            assert!(ids.contains(&&json!(id)), "{query}: {found}");
        }
        loader.put(&path, &read).expect(405);
        loader.delete(&path).expect(405);
    }
}

#[test]
fn what_is_no_event_or_not_to_be_taken_is_refused() {
    let server = Server::start(Start::empty(backends()[0]));
    let loader = server.client("loader");
    let good = event("pacs.example", "Patient/none", "x");
    let without = |member: &str| {
        let mut event = good.clone();
        event.as_object_mut().unwrap().remove(member);
        event
    };
    assert_eq!(
        loader
            .post("AuditEvent", &without("source"))
            .expect(422)
            .issue()
            .0,
        "required"
    );
    let mut unknown = good.clone();
    unknown["outcome"] = json!("5");
    assert_eq!(
        loader.post("AuditEvent", &unknown).expect(422).issue().1,
        "AuditEvent.outcome"
    );
    let long = event("pacs.example", "Patient/none", &"x".repeat(300_000));
    assert_eq!(
        loader.post("AuditEvent", &long).expect(413).issue(),
        ("too-long".into(), "AuditEvent".into())
    );
    let conditional = loader
        .request("POST", "AuditEvent")
        .header("If-None-Exist", "type=x");
    assert_eq!(
        conditional.json(&good).send().expect(400).issue().0,
        "not-supported"
    );
    server
        .client("clinician")
        .post("AuditEvent", &good)
        .expect(403);
    server.client("lab").post("AuditEvent", &good).expect(403);
    server
        .client("auditor")
        .post("AuditEvent", &good)
        .expect(403);
    server.anonymous().post("AuditEvent", &good).expect(401);
    let xml = r#"<AuditEvent xmlns="http://hl7.org/fhir"><type><code value="rest"/></type><recorded value="2026-11-30T10:00:00Z"/><agent><requestor value="true"/></agent><source><observer><display value="x"/></observer></source></AuditEvent>"#;
    let sent = loader
        .request("POST", "AuditEvent")
        .body("application/fhir+xml", xml.into());
    sent.send().expect(201);
}

/// Whoever could write events in this server's name could hide what they did among them.
#[test]
fn nobody_else_writes_in_this_servers_name() {
    let server = Server::start(Start::empty(backends()[0]));
    let loader = server.client("loader");
    for name in [
        server.base.clone(),
        format!("{}/", server.base.to_uppercase()),
    ] {
        let answer = loader
            .post("AuditEvent", &event(&name, "Patient/none", "x"))
            .expect(403);
        assert_eq!(answer.issue().1, "AuditEvent.source.observer");
    }
    // Each of them is an alert.
    let auditor = server.client("auditor");
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    let found = auditor
        .get("AuditEvent?outcome=4&_count=50")
        .expect(200)
        .text();
    assert_eq!(found.matches("alert-A25").count(), 2, "{found}");
}

fn bundle(kind: &str, events: &[Value]) -> Value {
    let request = json!({ "method": "POST", "url": "AuditEvent" });
    let entries: Vec<Value> = events
        .iter()
        .map(|event| match kind {
            "collection" => json!({ "resource": event }),
            _ => json!({ "resource": event, "request": request }),
        })
        .collect();
    json!({ "resourceType": "Bundle", "type": kind, "entry": entries })
}

fn statuses(answer: &Value) -> Vec<&str> {
    let entries = answer["entry"].as_array().unwrap().iter();
    entries
        .map(|e| &e["response"]["status"].as_str().unwrap()[..3])
        .collect()
}

#[test]
fn bundles_of_them_are_taken_together() {
    for backend in backends() {
        let server = Server::start(Start::empty(backend));
        let loader = server.client("loader");
        let good = |n: usize| event("pacs.example", "Patient/none", &format!("n{n}"));
        let mut bad = good(0);
        bad["outcome"] = json!("5");
        let ours = event(&server.base, "Patient/none", "x");
        let batch = bundle("batch", &[good(1), bad.clone(), ours.clone(), good(2)]);
        let answer = loader.post("", &batch).expect(200).json();
        assert_eq!(statuses(&answer), ["201", "422", "403", "201"]);
        assert_eq!(answer["type"], "batch-response");
        for kind in ["transaction", "collection"] {
            loader
                .post("", &bundle(kind, &[good(3), bad.clone()]))
                .expect(422);
            loader
                .post("", &bundle(kind, &[good(3), ours.clone()]))
                .expect(403);
            let answer = loader
                .post("", &bundle(kind, &[good(4), good(5)]))
                .expect(200)
                .json();
            assert_eq!(statuses(&answer), ["201", "201"]);
        }
        let found = server
            .client("auditor")
            .get("AuditEvent?source.identifier=pacs.example&_count=50");
        let found = found.expect(200).json();
        let mut names: Vec<&str> = found["entry"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["resource"]["agent"][0]["name"].as_str().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(
            names,
            ["n1", "n2", "n4", "n4", "n5", "n5"],
            "all of it or nothing"
        );
        // With others in one transaction: not.
        let mut mixed = bundle("transaction", &[good(6)]);
        let patient = json!({ "resource": { "resourceType": "Patient" }, "request": { "method": "POST", "url": "Patient" } });
        mixed["entry"].as_array_mut().unwrap().push(patient);
        let refused = loader.post("", &mixed).expect(400).json();
        assert!(refused.to_string().contains("Bundle.entry[0]"), "{refused}");
        let mut collection = bundle("collection", &[good(7)]);
        collection["entry"][0]["resource"] = json!({ "resourceType": "Patient" });
        loader.post("", &collection).expect(400);
        server
            .client("clinician")
            .post("", &bundle("collection", &[good(8)]))
            .expect(403);
    }
}
