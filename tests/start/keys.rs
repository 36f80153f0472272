//! The master key from a file, the environment and a command: the same key opens the same store, whichever way it comes, and
//! a command wins over the environment, the environment over a file.

use super::{home, ward};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use ward_testkit::{Home, Server, Start, backends};

/// 32 bytes 0x01 and 32 bytes 0x02.
const KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const OTHER_KEY: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

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
