//! The audit log as an auditor meets it: checkpoints and proofs over HTTP, the log as a file, checkpoints kept elsewhere, and what somebody
//! with the database does to it while the server runs.

mod evidence;

use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use ward_seal::{base64, from_base64};
use ward_testkit::{Backend, Client, Server, Start, backends, postgres, ward_binary};

/// A record has its number and its signature.
const SIGNED_WITHIN: Duration = Duration::from_secs(10);
/// A deletion is an alarm (TE9).
const ALARM_WITHIN: Duration = Duration::from_secs(60);

fn ward(server: &Server, arguments: &[&str]) -> Output {
    let mut command = Command::new(ward_binary());
    command.arg("audit").args(arguments);
    command.arg("--data").arg(server.data());
    if let Some(database) = &server.home.database {
        command.args(["--database", &database.url]);
    }
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Keys of the log, as somebody at the machine reads them.
fn keys(server: &Server) -> Vec<String> {
    let output = ward(server, &["key"]);
    assert!(output.status.success(), "{output:?}");
    text(&output).lines().map(str::to_owned).collect()
}

fn checkpoint(auditor: &Client) -> (u64, String) {
    let answer = auditor.get("AuditEvent/$audit-checkpoint").expect(200);
    let answer = answer.json();
    let named = |name: &str| value(&answer, name).to_owned();
    (named("size").parse().unwrap(), named("checkpoint"))
}

fn value<'a>(parameters: &'a Value, name: &str) -> &'a str {
    let all = parameters["parameter"].as_array().unwrap();
    let found = all.iter().find(|parameter| parameter["name"] == name);
    found.unwrap()["valueString"].as_str().unwrap()
}

/// Until a checkpoint covers so many entries more.
fn grown(auditor: &Client, from: u64) -> (u64, String) {
    let begun = Instant::now();
    loop {
        let (size, note) = checkpoint(auditor);
        if size > from {
            return (size, note);
        }
        assert!(
            begun.elapsed() < SIGNED_WITHIN,
            "no checkpoint beyond {from}"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn run(server: &Server, sql: &str) {
    let output = match &server.home.database {
        Some(database) => Command::new(postgres::programs().join("psql"))
            .args(["--no-psqlrc", "--set", "ON_ERROR_STOP=1", &database.url])
            .args(["--command", sql])
            .output(),
        None => Command::new("python3")
            .args([
                "-c",
                SQLITE,
                server.data().join("ward.db").to_str().unwrap(),
                sql,
            ])
            .output(),
    };
    let output = output.unwrap();
    assert!(output.status.success(), "{output:?}");
}

const SQLITE: &str = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=20); c.executescript(sys.argv[2]); c.commit()";

#[test]
fn the_log_of_a_server_is_checked_without_it() {
    for backend in backends() {
        let server = Server::start(Start::empty(backend));
        let (auditor, loader) = (server.client("auditor"), server.client("loader"));
        let (before, _) = checkpoint(&auditor);
        let patient = json!({ "resourceType": "Patient", "name": [{ "family": "Okafor" }] });
        let created = loader.post("Patient", &patient).expect(201);
        let id = created.json()["id"].as_str().unwrap().to_owned();
        for _ in 0..5 {
            loader.get(&format!("Patient/{id}")).expect(200);
        }
        let (size, note) = grown(&auditor, before + 6);
        let old = auditor.get(&format!("AuditEvent/$audit-checkpoint?size={size}"));
        assert_eq!(value(&old.expect(200).json(), "size"), size.to_string());
        auditor
            .get("AuditEvent/$audit-checkpoint?size=999999")
            .expect(404);
        auditor
            .get("AuditEvent/$audit-checkpoint?size=-1")
            .expect(400);
        let asked = format!("AuditEvent/$audit-consistency?from=1&to={size}");
        let proof = auditor.get(&asked).expect(200).json();
        let hashes = proof["parameter"].as_array().unwrap().iter();
        assert!(
            hashes
                .filter(|parameter| parameter["name"] == "hash")
                .count()
                > 0
        );
        auditor.get("AuditEvent/$audit-consistency").expect(400);
        server
            .client("clinician")
            .get("AuditEvent/$audit-checkpoint")
            .expect(403);
        // Of one event.
        let events = auditor
            .get("AuditEvent?subtype=read&_count=1")
            .expect(200)
            .json();
        let event = events["entry"][0]["resource"]["id"].as_str().unwrap();
        let asked = format!("AuditEvent/{event}/$proof");
        let begun = Instant::now();
        let proof = loop {
            let answer = auditor.get(&asked);
            if answer.status == 200 {
                break answer;
            }
            let told = (answer.status, answer.header("retry-after"));
            assert_eq!(told, (503, Some("1")));
            assert!(begun.elapsed() < SIGNED_WITHIN);
            std::thread::sleep(Duration::from_millis(500));
        };
        let kept_proof = server.data().join("proof.json");
        std::fs::write(&kept_proof, &proof.bytes).unwrap();
        let held = Command::new(ward_binary())
            .args(["audit", "verify-proof", kept_proof.to_str().unwrap()])
            .args(["--key", &keys(&server)[0]])
            .output()
            .unwrap();
        assert_eq!(held.status.code(), Some(0), "{}", text(&held));
        shows_its_number(&auditor, event, &proof.json());
        without_the_record(&server, &asked);
        // As a file, against what was kept.
        let key = keys(&server).remove(0);
        let kept = server.data().join("kept.txt");
        std::fs::write(&kept, &note).unwrap();
        let file = server.data().join("log.ndjson");
        let exported = ward(&server, &["export", "--to", file.to_str().unwrap()]);
        assert!(exported.status.success(), "{exported:?}");
        let check = |file: &Path| {
            Command::new(ward_binary())
                .args(["audit", "verify", file.to_str().unwrap(), "--key", &key])
                .args(["--anchor", kept.to_str().unwrap()])
                .output()
                .unwrap()
        };
        let checked = check(&file);
        assert_eq!(checked.status.code(), Some(0), "{}", text(&checked));
        // Without one of its lines.
        let lines = std::fs::read_to_string(&file).unwrap();
        let cut: Vec<&str> = lines
            .lines()
            .filter(|line| !line.starts_with("{\"leaf\":3,"))
            .collect();
        std::fs::write(&file, cut.join("\n") + "\n").unwrap();
        let checked = check(&file);
        assert_eq!(checked.status.code(), Some(3), "{}", text(&checked));
        // Another key, introduced by the first.
        assert!(ward(&server, &["key", "--turn"]).status.success());
        assert_eq!(keys(&server).len(), 2);
        let (size, _) = grown(&auditor, size);
        grown(&auditor, size);
        let whole = ward(&server, &["verify", "--key", &key]);
        assert_eq!(whole.status.code(), Some(0), "{}", text(&whole));
    }
}

/// An AuditEvent says which entry it is, and the nonce with which the proof's Record gives the commitment.
fn shows_its_number(auditor: &Client, event: &str, proof: &Value) {
    let shown = auditor.get(&format!("AuditEvent/{event}")).expect(200);
    let shown = shown.json();
    let extension = |url: &str| {
        let extensions = shown["extension"].as_array().into_iter().flatten();
        let mut extensions = extensions.filter(|extension| extension["url"] == url);
        extensions.next().cloned().unwrap_or_default()
    };
    let lines: Vec<&str> = value(proof, "proof").lines().collect();
    let told = |word: &str| {
        let mut lines = lines.iter().filter_map(|line| line.strip_prefix(word));
        lines.next().unwrap().to_owned()
    };
    let number = extension("urn:ward:audit:sequence")["valueDecimal"].to_string();
    assert_eq!(number, told("index "), "{shown}");
    let nonce = extension("urn:ward:audit:leaf-nonce");
    let nonce = from_base64(nonce["valueBase64Binary"].as_str().unwrap());
    let entry = from_base64(&told("extra ")).unwrap();
    // Behind the 50 bytes of the entry.
    assert_eq!(entry[50..66], nonce.unwrap(), "{shown}");
}

/// Whose scope has a filter gets the proof without nonce and Record, and no number; what is left holds.
fn without_the_record(server: &Server, asked: &str) {
    let filter =
        "user/AuditEvent.rs?type=http://terminology.hl7.org/CodeSystem/audit-event-type|rest";
    let filtered = server.client_within("auditor", None, filter);
    let proof = filtered.get(asked).expect(200);
    let told = proof.json();
    let extra = value(&told, "proof").lines();
    let extra = extra.filter_map(|line| line.strip_prefix("extra ")).next();
    let extra = from_base64(extra.unwrap()).unwrap();
    assert_eq!(extra.len(), 50, "the entry alone");
    let event = asked.trim_end_matches("/$proof");
    let shown = filtered.get(event).expect(200).text();
    assert!(!shown.contains("leaf-nonce"), "{shown}");
    assert!(!shown.contains("urn:ward:audit:sequence"), "{shown}");
    let kept = server.data().join("redacted.json");
    std::fs::write(&kept, &proof.bytes).unwrap();
    let check = |file: &Path| {
        Command::new(ward_binary())
            .args(["audit", "verify-proof", file.to_str().unwrap()])
            .args(["--key", &keys(server)[0]])
            .output()
            .unwrap()
    };
    let held = check(&kept);
    assert_eq!(held.status.code(), Some(0), "{}", text(&held));
    // And an entry that is another does not.
    let mut other = extra.clone();
    other[20] ^= 1;
    let other = value(&told, "proof").replace(&base64(&extra), &base64(&other));
    let changed = server.data().join("changed.tlog-proof");
    std::fs::write(&changed, other).unwrap();
    assert_eq!(check(&changed).status.code(), Some(3));
}

#[test]
fn what_is_deleted_while_the_server_runs_is_an_alarm() {
    for backend in backends() {
        let server = Server::start(Start::empty(backend));
        let (auditor, loader) = (server.client("auditor"), server.client("loader"));
        for _ in 0..5 {
            loader.get("Patient").expect(200);
        }
        grown(&auditor, 5);
        run(
            &server,
            match backend {
                Backend::Sqlite => "drop trigger record_d; delete from record where id = 4",
                Backend::Postgres => {
                    "alter table record disable trigger all; delete from record where id = (select min(id) from record)"
                }
            },
        );
        let begun = Instant::now();
        let told = || std::fs::read_to_string(server.data().join("server.log")).unwrap();
        while !told().contains("audit entries are not as they were recorded: 1 deleted") {
            assert!(begun.elapsed() < ALARM_WITHIN, "{}", told());
            std::thread::sleep(Duration::from_millis(500));
        }
        println!("told after {:?}", begun.elapsed());
    }
}

/// The record stays in the log, and no search for its patient finds it.
#[test]
fn a_record_that_is_hidden_from_searches_is_told_and_named() {
    for backend in backends() {
        let server = Server::start(Start::empty(backend));
        let (auditor, loader) = (server.client("auditor"), server.client("loader"));
        let patient = json!({ "resourceType": "Patient" });
        loader.post("Patient", &patient).expect(201);
        grown(&auditor, 5);
        let before = ward(&server, &["verify"]);
        assert!(text(&before).contains(", 0 faults in what finds them"));
        run(
            &server,
            match backend {
                Backend::Sqlite => {
                    "drop trigger record_u; update record set patient = 0 where patient <> 0"
                }
                Backend::Postgres => {
                    "alter table record disable trigger all; update record set patient = 0 where patient <> 0"
                }
            },
        );
        let verified = ward(&server, &["verify"]);
        assert_eq!(verified.status.code(), Some(3), "{}", text(&verified));
        let told = text(&verified);
        assert!(!told.contains(", 0 faults in what finds them"), "{told}");
        assert!(told.contains(": another patient\n"), "{told}");
        let begun = Instant::now();
        let told = || std::fs::read_to_string(server.data().join("server.log")).unwrap();
        while !told().contains(": another patient") {
            assert!(begun.elapsed() < ALARM_WITHIN, "{}", told());
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

/// An event that must not stay goes while the server runs; its entry stays, and every proof.
#[test]
fn a_redacted_event_is_proved_and_the_log_is_whole() {
    for backend in backends() {
        let server = Server::start(Start::empty(backend));
        let (auditor, loader) = (server.client("auditor"), server.client("loader"));
        let (before, _) = checkpoint(&auditor);
        let patient = json!({ "resourceType": "Patient", "name": [{ "family": "Okafor" }] });
        loader.post("Patient", &patient).expect(201);
        let (size, _) = grown(&auditor, before + 1);
        let found = auditor.get("AuditEvent?action=C&_count=1").expect(200);
        let found = found.json();
        let event = found["entry"][0]["resource"]["id"].as_str().unwrap();
        let path = format!("AuditEvent/{event}");
        auditor.get(&path).expect(200);
        grown(&auditor, size);
        let over = ward(&server, &["retain", "--dry-run"]);
        let told = text(&over);
        assert!(told.contains(" 0  before ") && told.contains("retention: all for 6 years"));
        assert_eq!(
            text(&ward(&server, &["retain"])),
            "0 records were taken out\n"
        );
        let order = ["--by", "Dr. Demo", "--reason", "court order 7"];
        let redact = [&["redact", &path][..], &order].concat();
        let redacted = ward(&server, &redact);
        assert!(redacted.status.success(), "{redacted:?}");
        assert!(!ward(&server, &redact).status.success(), "it is gone");
        auditor.get(&path).expect(404);
        let (size, _) = checkpoint(&auditor);
        grown(&auditor, size);
        let proof = auditor.get(&format!("{path}/$proof")).expect(200);
        assert_eq!(value(&proof.json(), "rule"), "court order 7 (by Dr. Demo)");
        assert!(value(&proof.json(), "removal").contains("kind redaction"));
        let clinician = server.client("clinician");
        clinician.get(&format!("{path}/$proof")).expect(403);
        let key = keys(&server).remove(0);
        let kept = server.data().join("proof.json");
        std::fs::write(&kept, &proof.bytes).unwrap();
        let held = Command::new(ward_binary())
            .args(["audit", "verify-proof", kept.to_str().unwrap()])
            .args(["--key", &key])
            .output()
            .unwrap();
        assert_eq!(held.status.code(), Some(0), "{}", text(&held));
        let whole = ward(&server, &["verify", "--key", &key]);
        assert_eq!(whole.status.code(), Some(0), "{}", text(&whole));
        // Who has done it is an event, too.
        let told = auditor.get("AuditEvent?action=D&subtype=audit-redaction");
        assert_eq!(
            told.expect(200).json()["entry"].as_array().unwrap().len(),
            1
        );
    }
}

#[test]
fn checkpoints_are_kept_in_a_file_and_signed_by_a_witness() {
    for backend in backends() {
        let folder = tempfile::tempdir().unwrap();
        let log = Server::start(
            Start::empty(backend)
                .with("audit.origin", "log.example/ward/audit")
                .with("audit.anchor_folder", folder.path().to_str().unwrap())
                .with("audit.anchor_interval_s", "1"),
        );
        let key = keys(&log).remove(0);
        let witness = Server::start(
            Start::empty(backend)
                .with("audit.origin", "witness.example/ward/audit")
                .with("audit.witnessed_logs", &format!("[{key:?}]")),
        );
        let origin = witness.base.trim_end_matches("/fhir").to_owned();
        let url = format!("{origin}/witness/add-checkpoint");
        let named = witness.anonymous().get(&format!("{origin}/witness/key"));
        let witness_key = named.expect(200).text().trim().to_owned();
        let nonsense = witness.anonymous().request("POST", &url);
        nonsense
            .body("text/plain", b"nonsense\n".to_vec())
            .send()
            .expect(400);
        let (start, home) = log.stop();
        let log = Server::start_in(
            start
                .with(
                    "audit.witnesses",
                    &format!("[\"{witness_key} {origin}/witness\"]"),
                )
                .with("audit.witness_interval_s", "1")
                .with("egress.loopback_http", "true"),
            home,
        );
        let auditor = log.client("auditor");
        let begun = Instant::now();
        let name = witness_key.split('+').next().unwrap().to_owned();
        loop {
            auditor.get("Patient").expect(403);
            let verified = ward(&log, &["verify", "--key", &key, "--witness", &witness_key]);
            if verified.status.code() == Some(0) {
                break;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(40),
                "{}",
                text(&verified)
            );
            std::thread::sleep(Duration::from_secs(1));
        }
        let export = text(&ward(&log, &["export"]));
        assert!(export.contains(&name), "its signatures stand in the log");
        let day = std::fs::read_dir(folder.path())
            .unwrap()
            .next()
            .unwrap()
            .unwrap();
        let file = day.path();
        let anchored = ["verify", "--key", &key, "--anchor", file.to_str().unwrap()];
        let verified = ward(&log, &anchored);
        assert_eq!(verified.status.code(), Some(0), "{}", text(&verified));
    }
}

#[test]
fn a_version_that_was_changed_in_the_database_is_named_and_not_read() {
    for backend in backends() {
        let server = Server::start(Start::empty(backend));
        let loader = server.client("loader");
        let patient = json!({ "resourceType": "Patient", "name": [{ "family": "Brandt" }] });
        let id = loader.post("Patient", &patient).expect(201).json()["id"].clone();
        let id = id.as_str().unwrap().to_owned();
        let begun = Instant::now();
        loop {
            let told = text(&ward(&server, &["verify"]));
            if told.contains("1 compared, 0 not as recorded") {
                break;
            }
            assert!(begun.elapsed() < SIGNED_WITHIN, "{told}");
            std::thread::sleep(Duration::from_millis(300));
        }
        run(
            &server,
            match backend {
                Backend::Sqlite => {
                    "update resource set body = substr(body, 1, length(body) - 1) || x'00' where typ = (select max(typ) from resource)"
                }
                Backend::Postgres => {
                    "update resource set body = substr(body, 1, length(body) - 1) || '\\x00'::bytea"
                }
            },
        );
        loader.get(&format!("Patient/{id}")).expect(500);
        let broken = ward(&server, &["verify"]);
        assert_eq!(broken.status.code(), Some(3), "{}", text(&broken));
        let named = format!("Patient/{id}");
        assert!(text(&broken).contains(&named), "{}", text(&broken));
    }
}
