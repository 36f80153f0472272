//! The stream out (AT15): a collector that is away misses nothing, and what it gets is in order.

use super::collector::Collector;
use super::received::event;
use crate::tls::cert_dev;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

use ward_testkit::{Backend, Client, Home, Server, Start, backends, free_port, postgres};

const PATIENCE: Duration = Duration::from_secs(120);
const EVENTS: usize = 5_000;
const AT_ONCE: usize = 250;

fn home(backend: Backend) -> (Home, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    cert_dev(folder.path(), &["--client", "ward"]);
    let files = folder.path().join("tls");
    let database = (backend == Backend::Postgres).then(postgres::Database::create);
    (Home { folder, database }, files)
}

/// As many events of another system; their ids in order.
fn sent(loader: &Client, count: usize) -> Vec<String> {
    let request = json!({ "method": "POST", "url": "AuditEvent" });
    let mut ids = Vec::new();
    for first in (0..count).step_by(AT_ONCE) {
        let entries: Vec<Value> = (first..first + AT_ONCE)
            .map(|n| json!({ "resource": event("pacs.example", "Patient/none", &format!("n{n}")), "request": request }))
            .collect();
        let batch = json!({ "resourceType": "Bundle", "type": "batch", "entry": entries });
        let answer = loader.post("", &batch).expect(200).json();
        ids.extend(answer["entry"].as_array().unwrap().iter().map(|entry| {
            let location = entry["response"]["location"].as_str().unwrap();
            location.rsplit('/').nth(2).unwrap().to_owned()
        }));
    }
    ids
}

#[test]
fn a_collector_that_was_away_gets_what_it_missed() {
    for backend in backends() {
        let (home, files) = home(backend);
        let (syslog, otlp) = (free_port(), free_port());
        let file = |name: &str| files.join(name).display().to_string();
        let start = Start::empty(backend)
            .with("audit_feed.syslog_to", &format!("[\"127.0.0.1:{syslog}\"]"))
            .with(
                "audit_feed.otlp_to",
                &format!("[\"http://127.0.0.1:{otlp}/v1/logs\"]"),
            )
            .with("audit_feed.authorities", &file("ca.pem"))
            .with("audit_feed.certificate_file", &file("client-ward.pem"))
            .with("audit_feed.key_file", &file("client-ward.key"));
        let server = Server::start_in(start, home);
        let loader = server.client("loader");
        // While they are there.
        let collectors = (Collector::syslog(syslog, &files), Collector::otlp(otlp));
        let before = sent(&loader, AT_ONCE);
        collectors.0.wait_for(&before, PATIENCE);
        collectors.1.wait_for(&before, PATIENCE);
        // Both go, many events come, and the server is killed and started again meanwhile.
        collectors.0.stop();
        collectors.1.stop();
        let mut missed = sent(&loader, EVENTS / 2);
        let (start, home) = server.kill();
        let server = Server::start_in(start, home);
        missed.extend(sent(&server.client("loader"), EVENTS / 2));
        let collectors = (Collector::syslog(syslog, &files), Collector::otlp(otlp));
        for collector in [&collectors.0, &collectors.1] {
            collector.wait_for(&missed, PATIENCE);
            let come = collector.ids();
            let in_order: Vec<&String> = come.iter().filter(|id| missed.contains(id)).collect();
            assert!(
                in_order.iter().copied().eq(missed.iter()),
                "in the order of the log"
            );
        }
        // What this server records of its own goes there, too: rendered as it is read.
        let answer = server
            .client("auditor")
            .get("AuditEvent?_count=1")
            .expect(200);
        let newest = answer.json()["entry"][0]["resource"].clone();
        let id = newest["id"].as_str().unwrap().to_owned();
        collectors.1.wait_for(std::slice::from_ref(&id), PATIENCE);
        let events = collectors.1.events.lock().unwrap();
        let (_, told) = events.iter().find(|(own, _)| *own == id).unwrap();
        for member in ["type", "agent", "source", "entity", "recorded"] {
            assert_eq!(told[member], newest[member], "{member}");
        }
    }
}
