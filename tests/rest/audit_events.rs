//! An auditor's questions to the audit log. <https://hl7.org/fhir/R4/auditevent.html> <https://profiles.ihe.net/ITI/TF/Volume2/ITI-81.html>

use super::{on_both, on_own, unique};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use ward_testkit::Client;

fn events(page: &Value) -> Vec<&Value> {
    let entries = page["entry"].as_array().into_iter().flatten();
    let matches = entries.filter(|entry| entry["search"]["mode"] == "match");
    matches.map(|entry| &entry["resource"]).collect()
}

/// Asks until there are so many, for a second at most.
fn within_a_second(auditor: &Client, url: &str, least: usize) -> Value {
    let begun = Instant::now();
    loop {
        let page = auditor.get(url).expect(200).json();
        if events(&page).len() >= least {
            return page;
        }
        assert!(begun.elapsed() < Duration::from_secs(1), "{url}: {page}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Asks until each has its number in the tree, which comes within a second or two: from then on it is shown the same.
fn numbered(auditor: &Client, url: &str) -> Value {
    let begun = Instant::now();
    loop {
        let page = auditor.get(url).expect(200).json();
        let is_numbered = |event: &&Value| {
            let extensions = event["extension"].as_array().into_iter().flatten();
            let mut urls = extensions.map(|extension| &extension["url"]);
            urls.any(|url| url == "urn:ward:audit:sequence")
        };
        if events(&page).iter().all(is_numbered) {
            return page;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{url}: {page}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_auditor_finds_who_read_a_patient_within_a_second() {
    on_own(&[], |server, loader| {
        let patient = json!({ "resourceType": "Patient", "name": [{ "family": unique("Read") }] });
        let path = format!(
            "Patient/{}",
            loader.post("Patient", &patient).expect(201).id()
        );
        let physician = server.client("clinician");
        physician.get(&path).expect(200);
        let auditor = server.client("auditor");
        let url = format!("AuditEvent?patient={path}&subtype=read&_sort=-date");
        within_a_second(&auditor, &url, 1);
        let page = numbered(&auditor, &url);
        let found = events(&page);
        assert_eq!(found.len(), 1, "{page}");
        let event = found[0];
        assert_eq!(
            (&event["action"], &event["outcome"]),
            (&json!("R"), &json!("0"))
        );
        let agents = event["agent"].as_array().unwrap();
        let user = agents.iter().find(|a| a["requestor"] == true).unwrap();
        let who = user["who"]["reference"].as_str().unwrap();
        assert!(who.starts_with("Practitioner/"), "{event}");
        let entities = event["entity"].as_array().unwrap();
        assert!(
            entities.iter().any(|e| e["what"]["reference"] == path),
            "{event}"
        );
        // By whom, by which resource, and that it was made.
        for url in [
            format!("AuditEvent?agent={who}&patient={path}&subtype=read"),
            format!("AuditEvent?entity={path}&action=R&subtype=read"),
            format!("AuditEvent?patient={path}&action=R&date=ge2020&purpose=TREAT&subtype=read"),
            format!(
                "Patient/{}/AuditEvent?type=rest&action=R",
                path.trim_start_matches("Patient/")
            ),
        ] {
            let page = auditor.get(&url).expect(200).json();
            assert_eq!(events(&page), [event], "{url}: {page}");
        }
        let made = auditor
            .get(&format!("AuditEvent?entity={path}&action=C"))
            .expect(200)
            .json();
        assert_eq!(events(&made).len(), 1, "{made}");
        let id = event["id"].as_str().unwrap();
        assert_eq!(
            auditor.get(&format!("AuditEvent/{id}")).expect(200).json(),
            *event
        );
        // The same as a form, and as XML.
        let form = format!("patient={path}&subtype=read");
        let posted = auditor
            .request("POST", "AuditEvent/_search")
            .body("application/x-www-form-urlencoded", form.into());
        assert_eq!(events(&posted.send().expect(200).json()), [event]);
        let xml = auditor
            .request("GET", &format!("AuditEvent/{id}"))
            .header("Accept", "application/fhir+xml");
        assert!(
            xml.send().expect(200).text().contains("<AuditEvent"),
            "{id}"
        );
        // Who reads the log is in it.
        let used = within_a_second(&auditor, "AuditEvent?type=110101&_count=1", 1);
        assert_eq!(events(&used)[0]["type"]["code"], "110101");
    });
}

#[test]
fn nobody_but_who_may_reads_the_log() {
    on_own(&[], |server, loader| {
        let patient = json!({ "resourceType": "Patient", "name": [{ "family": unique("Own") }] });
        let path = |name: &str| format!("Patient/{name}");
        let own = path(&loader.post("Patient", &patient).expect(201).id());
        let other = path(&loader.post("Patient", &patient).expect(201).id());
        for caller in ["clinician", "lab", "billing", "clerk", "admin"] {
            server.client(caller).get("AuditEvent").expect(403);
        }
        let auditor = server.client("auditor");
        for url in [&own, &other] {
            within_a_second(&auditor, &format!("AuditEvent?entity={url}&action=C"), 1);
        }
        let theirs = events(
            &auditor
                .get(&format!("AuditEvent?patient={other}"))
                .expect(200)
                .json(),
        )[0]["id"]
            .clone();
        for path in [
            format!("AuditEvent/{}", theirs.as_str().unwrap()),
            "AuditEvent/absent".into(),
        ] {
            loader
                .put(&path, &json!({ "resourceType": "AuditEvent" }))
                .expect(405);
            loader.delete(&path).expect(405);
        }
    });
}

#[test]
fn a_wrong_question_is_told_what_is_wrong() {
    on_both(|ward| {
        for (url, status, words) in [
            ("AuditEvent?date=yesterday", 400, "date"),
            ("AuditEvent?agent:Pancake=1", 400, "agent"),
            ("AuditEvent/_history", 400, "one version"),
            ("Encounter/1/AuditEvent", 400, "compartment"),
            (
                "Patient?_revinclude=AuditEvent:patient",
                400,
                "AuditEvent?entity=",
            ),
            ("AuditEvent?_cursor=abc", 400, "page link"),
            ("AuditEvent/absent", 404, "no such resource"),
        ] {
            let answer = ward.get(url).expect(status);
            assert!(answer.text().contains(words), "{url}: {}", answer.text());
        }
        let said = ward.get("metadata").expect(200).json();
        let all = said["rest"][0]["resource"].as_array().unwrap().clone();
        let entry = all.iter().find(|r| r["type"] == "AuditEvent").unwrap();
        let codes: Vec<&str> = entry["interaction"]
            .as_array()
            .unwrap()
            .iter()
            .map(|i| i["code"].as_str().unwrap())
            .collect();
        assert!(
            ["read", "vread", "search-type", "history-instance"]
                .iter()
                .all(|c| codes.contains(c)),
            "{codes:?}"
        );
        assert!(
            ["update", "patch", "delete"]
                .iter()
                .all(|c| !codes.contains(c)),
            "{codes:?}"
        );
        let names: Vec<&str> = entry["searchParam"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p["name"].as_str().unwrap())
            .collect();
        for name in [
            "action",
            "address",
            "agent",
            "agent-name",
            "agent-role",
            "altid",
            "date",
            "entity",
            "entity-name",
            "entity-role",
            "entity-type",
            "outcome",
            "patient",
            "policy",
            "purpose",
            "site",
            "source",
            "subtype",
            "type",
        ] {
            assert!(names.contains(&name), "{name}: {names:?}");
        }
    });
}
