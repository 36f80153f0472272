//! `ward import`: outcome per file, exit codes, and going on where a call stopped.

use super::home;
use super::json::Json;
use serde_json::json;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use ward_testkit::{Client, Home, Server, Start, backends, ward_binary};

/// Where documents go.
pub struct Import {
    arguments: Vec<String>,
}

pub struct Outcome {
    pub code: Option<i32>,
    pub text: String,
    pub errors: String,
}

impl Import {
    /// Into the store itself.
    pub fn into(home: &Home) -> Import {
        let mut arguments = vec![
            "--data".to_owned(),
            home.folder.path().display().to_string(),
        ];
        if let Some(database) = &home.database {
            arguments.extend(["--database".to_owned(), database.url.clone()]);
        }
        Import { arguments }
    }

    /// To a running server, signed in by the command itself.
    fn to(server: &Server, journal: &Path) -> Import {
        let arguments = [
            "--to",
            &server.base,
            "--as",
            "loader",
            "--data",
            server.data().to_str().unwrap(),
            "--journal",
            journal.to_str().unwrap(),
        ];
        Import {
            arguments: arguments.map(str::to_owned).to_vec(),
        }
    }
}

pub fn import(paths: &[&str], target: &Import) -> Outcome {
    let output = Command::new(ward_binary())
        .arg("import")
        .args(paths)
        .args(&target.arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Outcome {
        code: output.status.code(),
        text: text(output.stdout),
        errors: text(output.stderr),
    }
}

fn patient(id: &str, gender: &str) -> String {
    json!({ "resourceType": "Patient", "id": id, "gender": gender }).to_string()
}

/// Three files: one resource, two lines of which one is wrong, one empty of meaning.
fn write_files(folder: &Path) {
    std::fs::write(folder.join("a.json"), patient("import-a", "female")).unwrap();
    std::fs::write(
        folder.join("b.ndjson"),
        [patient("import-b", "male"), patient("import-c", "purple")].join("\n"),
    )
    .unwrap();
    std::fs::write(folder.join("c.json"), "{\"resourceType\":").unwrap();
    std::fs::write(folder.join("readme.txt"), "not a resource").unwrap();
}

fn check_stored(ward: &Client) {
    for (id, gender, version) in [("import-a", "female", "1"), ("import-b", "male", "1")] {
        let stored = Json::parse(&ward.get(&format!("Patient/{id}")).expect(200).text());
        assert_eq!(stored.text("gender"), gender);
        assert_eq!(
            stored.member("meta").unwrap().text("versionId"),
            version,
            "stored twice"
        );
    }
    ward.get("Patient/import-c").expect(404);
}

/// Twice the same call: the second stores nothing again, and says again what failed.
fn import_twice(source: &Path, target: &Import) {
    let path = source.to_str().unwrap();
    let first = import(&[path], target);
    assert_eq!(first.code, Some(2), "{}{}", first.text, first.errors);
    let line = |text: &str, file: &str| {
        text.lines()
            .find(|l| l.contains(file))
            .unwrap_or_default()
            .to_owned()
    };
    assert!(
        line(&first.text, "a.json").ends_with("a.json: 1 stored"),
        "{}",
        first.text
    );
    assert!(
        line(&first.text, "b.ndjson").ends_with("b.ndjson: 1 stored, 1 documents failed"),
        "{}",
        first.text
    );
    assert!(
        line(&first.text, "c.json").ends_with("c.json: 0 stored, 1 documents failed"),
        "{}",
        first.text
    );
    assert!(
        first.text.contains("document 2: 422: ") && first.text.contains("Patient.gender"),
        "{}",
        first.text
    );
    assert!(!first.text.contains("readme"), "{}", first.text);
    assert!(
        first
            .text
            .contains("2 resources stored, 2 documents failed"),
        "{}",
        first.text
    );

    let second = import(&[path], target);
    assert_eq!(second.code, Some(2));
    assert!(
        second
            .text
            .contains("a.json: 0 stored, 1 documents were stored before"),
        "{}",
        second.text
    );
    assert!(
        second
            .text
            .contains("b.ndjson: 0 stored, 1 documents were stored before, 1 documents failed"),
        "{}",
        second.text
    );

    let only_good = source.join("a.json");
    assert_eq!(import(&[only_good.to_str().unwrap()], target).code, Some(0));
}

#[test]
fn an_import_reports_each_file_and_goes_on_where_it_stopped() {
    for backend in backends() {
        let source = tempfile::tempdir().unwrap();
        write_files(source.path());
        let home = home(backend);
        import_twice(source.path(), &Import::into(&home));
        let server = Server::start_in(Start::empty(backend), home);
        check_stored(&server.client("loader"));
    }
}

#[test]
fn an_import_to_a_server_goes_through_its_door() {
    for backend in backends() {
        let source = tempfile::tempdir().unwrap();
        write_files(source.path());
        let server = Server::start(Start::empty(backend));
        let journal = source.path().join("journal.log");
        import_twice(source.path(), &Import::to(&server, &journal));
        check_stored(&server.client("loader"));

        let mut stranger = Import::to(&server, &source.path().join("stranger.log"));
        stranger.arguments[2] = "--token".into();
        stranger.arguments[3] = "not-a-token".into();
        let refused = import(&[source.path().join("a.json").to_str().unwrap()], &stranger);
        assert_eq!(refused.code, Some(2));
        assert!(refused.text.contains("401"), "{}", refused.text);
    }
}

#[test]
fn an_import_waits_where_the_server_says_that_it_asks_for_too_much() {
    let source = tempfile::tempdir().unwrap();
    let file = source.path().join("many.ndjson");
    // Each costs 5: a minute's worth is gone after 120 of them, the rest has to wait for 10 units a second.
    let documents: Vec<String> = (0..140)
        .map(|n| patient(&format!("w{n}"), "male"))
        .collect();
    std::fs::write(&file, documents.join("\n")).unwrap();
    let start = Start::empty(ward_testkit::Backend::Sqlite)
        .with("rates.client_per_minute", "600")
        .with("server.metrics_listen", "127.0.0.1:0")
        .with("log.format", "json");
    let server = Server::start(start);
    let target = Import::to(&server, &source.path().join("journal.log"));
    let outcome = import(&[file.to_str().unwrap()], &target);
    assert_eq!(outcome.code, Some(0), "{}", outcome.text);
    assert!(
        outcome.text.contains("many.ndjson: 140 stored"),
        "{}",
        outcome.text
    );
    assert!(
        server.metrics().contains("status=\"429\""),
        "some were asked for again"
    );
}

#[test]
fn an_import_of_nothing_is_an_error() {
    let empty = tempfile::tempdir().unwrap();
    let home = home(ward_testkit::Backend::Sqlite);
    for path in [empty.path().to_path_buf(), empty.path().join("absent")] {
        let outcome = import(&[path.to_str().unwrap()], &Import::into(&home));
        assert_eq!(outcome.code, Some(1), "{}", outcome.text);
        assert!(!outcome.errors.is_empty());
    }
}

/// Runs what follows with a terminal of its own, and prints what came out of it.
const WITH_TERMINAL: &str =
    "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

#[test]
fn a_terminal_sees_a_bar_and_a_file_plain_lines_only() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("many.ndjson");
    // The first document takes longer than a bar waits before it is drawn.
    let mut text: Vec<String> = vec![many(5_000)];
    text.extend((0..20).map(|n| patient(&format!("m{n}"), "male")));
    std::fs::write(&source, text.join("\n")).unwrap();

    let home_of_bar = home(ward_testkit::Backend::Sqlite);
    let output = Command::new("python3")
        .args(["-c", WITH_TERMINAL])
        .arg(ward_binary())
        .arg("import")
        .arg(&source)
        .args(&Import::into(&home_of_bar).arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let seen = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{seen}");
    let bar = "\r\x1b[K[1/1] many.ndjson [##############] 100 % ";
    assert!(seen.contains(bar), "{seen}");
    assert!(seen.contains("many.ndjson: 5020 stored\r\n"), "{seen}");

    let home = home(ward_testkit::Backend::Sqlite);
    let outcome = import(&[source.to_str().unwrap()], &Import::into(&home));
    assert_eq!(outcome.code, Some(0), "{}", outcome.errors);
    assert!(outcome.text.contains("many.ndjson: 5020 stored\n"));
    let all = outcome.text + &outcome.errors;
    assert!(!all.contains(['\r', '\x1b']), "{all}");
}

/// A transaction of so many patients.
fn many(patients: usize) -> String {
    let request = json!({ "method": "POST", "url": "Patient" });
    let resource = json!({ "resourceType": "Patient", "active": true });
    let entry = json!({ "resource": resource, "request": request });
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": vec![entry; patients] })
        .to_string()
}

/// A store that holds a record is not made a demo.
#[test]
fn a_store_with_resources_is_not_filled_as_a_demo() {
    for backend in backends() {
        let home = home(backend);
        let file = home.folder.path().join("one.ndjson");
        std::fs::write(&file, "{\"resourceType\":\"Patient\",\"active\":true}\n").unwrap();
        let outcome = import(&[file.to_str().unwrap()], &Import::into(&home));
        assert_eq!(outcome.code, Some(0), "{}", outcome.text);
        let mut command = Command::new(ward_binary());
        command.args(["serve", "--demo", "--listen", "127.0.0.1:0"]);
        command.args(&Import::into(&home).arguments);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if begun.elapsed() > Duration::from_secs(60) {
                child.kill().unwrap();
                panic!("it serves");
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let mut said = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        assert!(!status.success() && said.contains("--demo"), "{said}");
        // As it is, it is served all the same.
        let server = Server::start_in(Start::empty(backend), home);
        let found = server.client("loader").get("Patient?_total=accurate");
        assert_eq!(found.expect(200).json()["total"], 1);
    }
}
