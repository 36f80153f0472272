//! Starting a demo store: cut off while it is filled, and where a store is no demo store. Health, the end, keys of one's own, their exchange and
//! what is told before anything starts have their files.

mod accounts;
mod configuration;
mod health;
mod keys;
mod rotation;
mod shutdown;

use serde_json::{Value, json};
use std::collections::HashSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use ward_testkit::{Backend, Client, Home, Server, Start, backends, postgres, ward_binary};

const PATIENTS: usize = 100;
const START_TIMEOUT: Duration = Duration::from_secs(60);

fn home(backend: Backend) -> Home {
    Home {
        folder: tempfile::tempdir().unwrap(),
        database: (backend == Backend::Postgres).then(postgres::Database::create),
    }
}

fn ward(subcommand: &str, home: &Home) -> Command {
    let mut command = Command::new(ward_binary());
    command
        .arg(subcommand)
        .arg("--data")
        .arg(home.folder.path());
    if let Some(database) = &home.database {
        command.args(["--database", &database.url]);
    }
    command
}

/// A start with `--demo` that is killed `after` its store was marked.
fn cut_off(home: &Home, after: Duration) {
    let mut child = ward("serve", home)
        .args(["--demo", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for_mark(home.folder.path(), &mut child);
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
}

fn wait_for_mark(folder: &Path, child: &mut Child) {
    let begun = Instant::now();
    while !folder.join("demo.json").exists() {
        assert!(child.try_wait().unwrap().is_none(), "the server ended");
        assert!(begun.elapsed() < START_TIMEOUT, "no demo.json");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn is_filling(home: &Home) -> bool {
    let text = std::fs::read_to_string(home.folder.path().join("demo.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["filling"] == true
}

/// Medical record numbers of all patients.
fn record_numbers(ward: &Client) -> Vec<String> {
    let bundle = ward.get("Patient?_count=500").expect(200).json();
    let entries = bundle["entry"].as_array().unwrap();
    entries
        .iter()
        .map(|e| {
            e["resource"]["identifier"][0]["value"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
}

#[test]
fn a_demo_store_that_was_cut_off_while_it_was_filled_is_completed() {
    for backend in backends() {
        let home = home(backend);
        for after_ms in [0, 100, 200] {
            cut_off(&home, Duration::from_millis(after_ms));
        }
        assert!(
            is_filling(&home),
            "the hospital was stored before the last kill"
        );
        let start = Start {
            filled: true,
            ..Start::empty(backend)
        };
        let server = Server::start_in(start, home);
        assert!(!is_filling(&server.home));
        let numbers = record_numbers(&server.client("loader"));
        assert_eq!(numbers.len(), PATIENTS);
        assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), PATIENTS);
        // The mark names the patient of the demo app again.
        assert_eq!(record_numbers(&server.client("app")), ["MRN-000001"]);
        let (start, home) = server.stop();
        let server = Server::start_in(start, home);
        assert_eq!(record_numbers(&server.client("loader")).len(), PATIENTS);
    }
}

#[test]
fn a_demo_store_that_was_left_empty_is_filled_when_asked() {
    let (mut start, home) = Server::start(Start::empty(Backend::Sqlite)).stop();
    start.filled = true;
    let server = Server::start_in(start, home);
    assert_eq!(record_numbers(&server.client("loader")).len(), PATIENTS);
}

#[test]
fn a_store_with_records_of_its_own_is_not_made_a_demo() {
    for backend in backends() {
        let home = home(backend);
        let file = home.folder.path().join("own.json");
        let own = json!({ "resourceType": "Patient", "id": "own" });
        std::fs::write(&file, own.to_string()).unwrap();
        let imported = ward("import", &home).arg(&file).output().unwrap();
        assert!(imported.status.success());

        let refused = ward("serve", &home)
            .args(["--demo", "--listen", "127.0.0.1:0"])
            .output()
            .unwrap();
        let problem = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{problem}");
        assert!(problem.contains("is no demo store"), "{problem}");
        assert!(!home.folder.path().join("demo.json").exists());
        let token = ward_token(&home);
        assert!(token.contains("is not a demo store"), "{token}");

        let server = Server::start_in(Start::empty(backend), home);
        let ward = server.client("loader");
        ward.get("Patient/own").expect(200);
        let patients = ward.get("Patient?_count=500").expect(200).json();
        assert_eq!(patients["entry"].as_array().unwrap().len(), 1);
    }
}

/// What `ward token` complains of.
fn ward_token(home: &Home) -> String {
    let output = Command::new(ward_binary())
        .args(["token", "--as", "loader", "--data"])
        .arg(home.folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

/// The cause is told, and neither the password nor a guess.
#[test]
fn an_unreachable_database_says_why() {
    if !backends().contains(&Backend::Postgres) {
        return;
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let cluster = postgres::cluster();
    let (base, query) = cluster.split_once('?').unwrap_or((cluster, ""));
    let server = base.rsplit_once('/').unwrap().0;
    let unknown = format!("{server}/nowhere?{query}");
    for (url, says) in [
        (
            format!("postgres://ward:hidden@127.0.0.1:{port}/ward"),
            "onnection refused",
        ),
        (unknown.trim_end_matches('?').to_owned(), "unknown database"),
        (as_nobody(cluster), "authentication failed"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new(ward_binary())
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--database",
                &url,
                "--data",
            ])
            .arg(folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && text.contains(says),
            "{says}: {text}"
        );
        assert!(!text.contains("hidden"), "{text}");
    }
}

/// The cluster's URL as a user that it does not know.
fn as_nobody(cluster: &str) -> String {
    let (scheme, rest) = cluster.split_once("://").unwrap();
    let place = rest.split_once('@').map_or(rest, |(_, place)| place);
    format!("{scheme}://nobody_here:hidden@{place}")
}
