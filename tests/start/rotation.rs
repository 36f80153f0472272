//! `ward rotate-key`: ids, records and tokens are there under the new master key, whenever the exchange was cut off.

use super::{home, ward};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;
use ward_testkit::{Client, Home, Server, Start, backends};

/// With the key in a file of the data folder.
fn keyed(start: Start, home: &Home, name: &str) -> Start {
    start.with(
        "keys.master_file",
        home.folder.path().join(name).to_str().unwrap(),
    )
}

fn rotate(home: &Home, from: &str, to: &str) -> Command {
    let folder = home.folder.path();
    let mut command = ward("rotate-key", home);
    command
        .env("WARD_KEYS_MASTER_FILE", folder.join(from))
        .arg("--to-file")
        .arg(folder.join(to));
    command
}

fn said(output: &Output) -> String {
    [&output.stdout[..], &output.stderr[..]]
        .map(String::from_utf8_lossy)
        .concat()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}

/// Patients with a resource each; their logical ids were given by the store.
fn fill(ward: &Client, patients: usize) -> Vec<String> {
    let entry = |n: usize| {
        json!({ "resource": { "resourceType": "Patient", "birthDate": format!("19{:02}", n % 100) },
                "request": { "method": "POST", "url": "Patient" } })
    };
    let mut ids = Vec::new();
    for some in (0..patients).collect::<Vec<_>>().chunks(50) {
        let entries: Vec<Value> = some.iter().map(|n| entry(*n)).collect();
        let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries });
        let answer = ward.post("", &bundle).expect(200).json();
        for entry in answer["entry"].as_array().unwrap() {
            let location = entry["response"]["location"].as_str().unwrap();
            let id = location.split("Patient/").nth(1).unwrap();
            ids.push(id.split('/').next().unwrap().to_owned());
        }
    }
    ids
}

#[test]
fn everything_is_there_under_the_new_key_and_tokens_hold() {
    for backend in backends() {
        let server = Server::start_in(Start::empty(backend), home(backend));
        let token = server.token("loader");
        let loader = server.client("loader");
        let ids = fill(&loader, 60);
        let running = rotate(&server.home, "master.key", "next.key")
            .output()
            .unwrap();
        assert_eq!(running.status.code(), Some(1));
        assert!(said(&running).contains("running"), "{}", said(&running));
        let (_, home) = server.stop();

        let done = rotate(&home, "master.key", "next.key").output().unwrap();
        assert!(done.status.success(), "{}", said(&done));
        assert!(said(&done).contains("keys.master_file"), "{}", said(&done));
        let again = rotate(&home, "master.key", "next.key").output().unwrap();
        assert!(said(&again).contains("already"), "{}", said(&again));
        let same = rotate(&home, "next.key", "next.key").output().unwrap();
        assert_eq!(same.status.code(), Some(1), "{}", said(&same));

        let refused = ward("serve", &home)
            .args(["--demo", "--empty", "--listen", "127.0.0.1:0"])
            .output()
            .unwrap();
        assert_eq!(
            refused.status.code(),
            Some(1),
            "the old key: {}",
            said(&refused)
        );
        // As the operator is told: the new key takes the place of the old one.
        let folder = home.folder.path();
        std::fs::rename(folder.join("next.key"), folder.join("master.key")).unwrap();
        let server = Server::start_in(Start::empty(backend), home);
        let loader = server.client("loader");
        for id in &ids {
            let read = loader.get(&format!("Patient/{id}")).expect(200).json();
            assert_eq!(read["id"], *id);
        }
        let found = loader
            .get("Patient?birthdate=1907&_summary=count")
            .expect(200);
        assert_eq!(found.json()["total"], 1);
        // The header names the signing key.
        let header = |token: &str| token.split('.').next().map(str::to_owned);
        assert_eq!(header(&server.token("loader")), header(&token));
        fill(&loader, 2);
        assert!(!names(server.data()).iter().any(|n| n.ends_with(".rotated")));
    }
}

const ROUNDS: u32 = 24;

/// Killed at many moments: exactly one of the two keys opens store and signing key afterwards.
#[test]
fn one_of_the_two_keys_opens_everything_after_a_crash() {
    for backend in backends() {
        let server = Server::start_in(Start::empty(backend), home(backend));
        let ids = fill(&server.client("loader"), 400);
        let (_, home) = server.stop();
        let folder: PathBuf = home.folder.path().into();
        std::fs::rename(folder.join("master.key"), folder.join("0.key")).unwrap();
        // One to its end, so that the others are cut off at all of its moments, and a little after it.
        let begun = Instant::now();
        let first = rotate(&home, "0.key", "1.key").output().unwrap();
        assert!(first.status.success(), "{}", said(&first));
        let whole = begun.elapsed();
        let (mut current, mut cut_off, mut done) = (1, 0, 0);
        for round in 0..ROUNDS {
            let (from, to) = (format!("{current}.key"), format!("{}.key", current + 1));
            let mut child = rotate(&home, &from, &to)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(whole * round * 5 / (ROUNDS * 4));
            let _ = child.kill();
            child.wait().unwrap();
            // Given again, it says how far it had come.
            let again = rotate(&home, &from, &to).output().unwrap();
            assert!(again.status.success(), "{}", said(&again));
            match said(&again).contains("already") {
                true => done += 1,
                false => cut_off += 1,
            }
            current += 1;
        }
        println!("{backend:?}: {cut_off} cut off before, {done} after the exchange");
        let start = keyed(Start::empty(backend), &home, &format!("{current}.key"));
        let old = folder.join(format!("{}.key", current - 1));
        let refused = ward("serve", &home)
            .args(["--demo", "--empty", "--listen", "127.0.0.1:0"])
            .env("WARD_KEYS_MASTER_FILE", old)
            .output()
            .unwrap();
        assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
        std::fs::copy(
            folder.join(format!("{current}.key")),
            folder.join("master.key"),
        )
        .unwrap();
        let server = Server::start_in(start, home);
        let ward = server.client("loader");
        for id in ids.iter().step_by(7) {
            ward.get(&format!("Patient/{id}")).expect(200);
        }
    }
}
