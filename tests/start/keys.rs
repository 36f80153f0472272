//! The master key from a file, the environment and a command: the same key opens the same store, whichever way it comes, and
//! a command wins over the environment, the environment over a file.

use super::{home, ward};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use ward_testkit::{Backend, Home, Server, Start, backends};

/// Drawn for this test.
const KEY: &str = "SpZtvqiqY9Dru+vTziBQueV+pEDhUsa3NoJldeVHfig=";
const OTHER_KEY: &str = "XpeDv8++trciD5t4Qv5R4Pu/8jtmbvF0c/fERjy7FOo=";

#[test]
fn a_store_opens_with_its_key_whichever_way_it_comes() {
    for backend in backends() {
        let keys = tempfile::tempdir().unwrap();
        let (right, wrong) = (
            key_file(keys.path(), "right", KEY),
            key_file(keys.path(), "wrong", OTHER_KEY),
        );
        let file =
            |path: &Path| Start::empty(backend).with("keys.master_file", path.to_str().unwrap());
        let variable = |start: Start, key: &str| {
            let start = start.with("keys.master_environment", "THE_HOSPITALS_KEY");
            start.variable("THE_HOSPITALS_KEY", key)
        };
        let command = |start: Start, path: &Path| {
            let words = format!("[\"cat\", \"{}\"]", path.display());
            start.with("keys.master_command", &words)
        };

        let server = Server::start_in(file(&right), home(backend));
        let body = json!({ "resourceType": "Patient", "id": "sealed", "gender": "female" });
        let ward = server.client("loader");
        ward.put("Patient/sealed", &body).expect(201);
        let (_, mut home) = server.stop();
        assert!(
            !home.folder.path().join("master.key").exists(),
            "a key of its own"
        );
        for start in [
            variable(Start::empty(backend), KEY),
            variable(file(&wrong), KEY),
            command(Start::empty(backend), &right),
            command(variable(file(&wrong), OTHER_KEY), &right),
            file(&right),
        ] {
            let server = Server::start_in(start, home);
            let read = server.client("loader").get("Patient/sealed").expect(200);
            assert_eq!(read.json()["gender"], "female");
            home = server.stop().1;
        }
        for start in [
            file(&wrong),
            variable(file(&right), OTHER_KEY),
            command(variable(file(&right), KEY), &wrong),
            Start::empty(backend),
        ] {
            let refused = serve(&home, &start);
            let said = String::from_utf8(refused.stderr).unwrap();
            assert_eq!(refused.status.code(), Some(1), "{said}");
            assert!(said.contains("key"), "{said}");
            assert!(!said.contains(KEY) && !said.contains(OTHER_KEY), "{said}");
        }
    }
}

/// X62: a key that everybody can guess is none, and a start says what to do.
#[test]
fn x62_a_start_refuses_a_key_that_somebody_made_up() {
    let keys = tempfile::tempdir().unwrap();
    for bytes in [[0; 32], *b"the hospital's very secret key!!"] {
        let key = ward_seal::base64(&bytes);
        let file = key_file(keys.path(), "made-up", &key);
        let start = Start::empty(Backend::Sqlite);
        for start in [
            start
                .clone()
                .with("keys.master_file", file.to_str().unwrap()),
            start
                .with("keys.master_environment", "THE_HOSPITALS_KEY")
                .variable("THE_HOSPITALS_KEY", &key),
        ] {
            let home = home(Backend::Sqlite);
            let refused = serve(&home, &start);
            let said = String::from_utf8(refused.stderr).unwrap();
            assert_eq!(refused.status.code(), Some(1), "{said}");
            assert!(
                said.contains("/dev/urandom") && !said.contains(&key),
                "{said}"
            );
            assert!(!home.folder.path().join("ward.db").exists());
        }
    }
}

fn key_file(folder: &Path, name: &str, key: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, format!("{key}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// A start that is expected to end by itself.
fn serve(home: &Home, start: &Start) -> Output {
    ward("serve", home)
        .args(["--demo", "--empty", "--listen", "127.0.0.1:0"])
        .envs(start.environment.iter().map(|(name, value)| (name, value)))
        .output()
        .unwrap()
}

/// X61: a process that crashes leaves nothing of its memory, however core files are permitted.
#[test]
fn x61_no_memory_goes_into_a_core_file() {
    let server = Server::start(Start::empty(Backend::Sqlite));
    let filter = format!("/proc/{}/coredump_filter", server.pid());
    let filter = std::fs::read_to_string(filter).unwrap();
    assert_eq!(u32::from_str_radix(filter.trim(), 16), Ok(0), "{filter}");
}
