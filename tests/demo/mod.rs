//! The demo's callers sign in over HTTP, by `ward token` and the files that a start leaves in the data folder.

use serde_json::Value;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Output};
use ward_testkit::{Backend, Server, Start, backends, ward_binary};

fn filled(backend: Backend) -> Server {
    Server::start(Start {
        filled: true,
        ..Start::empty(backend)
    })
}

fn ward_token(data: &Path, words: &[&str]) -> Output {
    Command::new(ward_binary())
        .arg("token")
        .args(words)
        .arg("--data")
        .arg(data)
        .output()
        .unwrap()
}

/// What `ward token` complains of.
fn refused(data: &Path, words: &[&str]) -> String {
    let output = ward_token(data, words);
    assert_eq!(output.status.code(), Some(1), "{words:?}");
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

/// The claims of a token, unchecked.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&ward_seal::from_base64url(payload).unwrap()).unwrap()
}

struct Expected {
    caller: &'static str,
    client_id: &'static str,
    lives_s: i64,
    roles: &'static [&'static str],
    purpose: &'static str,
    /// Answered with 200, and with 403.
    opens: &'static str,
    closed: Option<&'static str>,
}

const CALLERS: [Expected; 7] = [
    Expected {
        caller: "lab",
        client_id: "demo-lab",
        lives_s: 300,
        roles: &[],
        purpose: "TREAT",
        opens: "Observation?_count=1",
        closed: Some("Claim?_count=1"),
    },
    Expected {
        caller: "billing",
        client_id: "demo-billing",
        lives_s: 300,
        roles: &[],
        purpose: "HPAYMT",
        opens: "Claim?_count=1",
        closed: Some("Observation?_count=1"),
    },
    Expected {
        caller: "app",
        client_id: "demo-app",
        lives_s: 3600,
        roles: &[],
        purpose: "PATRQT",
        opens: "Observation?category=laboratory",
        closed: None,
    },
    Expected {
        caller: "clinician",
        client_id: "demo-desk",
        lives_s: 3600,
        roles: &["physician"],
        purpose: "TREAT",
        opens: "Condition?_count=1",
        closed: Some("AuditEvent?_count=1"),
    },
    Expected {
        caller: "clerk",
        client_id: "demo-billing-desk",
        lives_s: 3600,
        roles: &["billing-clerk"],
        purpose: "HPAYMT",
        opens: "Condition?_count=1",
        closed: Some("Observation?_count=1"),
    },
    Expected {
        caller: "auditor",
        client_id: "demo-audit-desk",
        lives_s: 3600,
        roles: &["auditor"],
        purpose: "HCOMPL",
        opens: "AuditEvent?_count=1",
        closed: Some("Patient?_count=1"),
    },
    Expected {
        caller: "admin",
        client_id: "demo-console",
        lives_s: 3600,
        roles: &["system-administrator"],
        purpose: "HSYSADMIN",
        opens: "SearchParameter?_count=1",
        closed: Some("Patient?_count=1"),
    },
];

#[test]
fn each_caller_signs_in_as_what_it_is() {
    for backend in backends() {
        let server = filled(backend);
        for expected in &CALLERS {
            let name = expected.caller;
            let token = claims(&server.token(name));
            let lives_s = token["exp"].as_i64().unwrap() - token["iat"].as_i64().unwrap();
            assert_eq!(lives_s, expected.lives_s, "{name}");
            assert_eq!(token["client_id"], expected.client_id);
            assert_eq!(token["purpose_of_use"], expected.purpose, "{name}");
            let roles = token["roles"].as_array().cloned().unwrap_or_default();
            assert_eq!(roles, expected.roles, "{name}");
            // Whoever has a session is a person.
            assert_eq!(token["sid"].is_string(), lives_s > 300, "{name}");
            let client = server.client(name);
            client.get(expected.opens).expect(200);
            if let Some(closed) = expected.closed {
                client.get(closed).expect(403);
            }
        }
        the_app_has_its_patient(&server);
    }
}

fn the_app_has_its_patient(server: &Server) {
    let own = claims(&server.token("app"));
    let patient = own["patient"].as_str().unwrap();
    assert_eq!(own["fhirUser"], format!("Patient/{patient}"));
    let all = server.client("app").get("Patient").expect(200).json();
    let entries = all["entry"].as_array().unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["resource"]["id"], patient);
    // Another one's record is opened by the clinician, who may.
    let others = server.client("loader").get("Patient?_count=2").expect(200);
    let others = others.json();
    let others = others["entry"].as_array().unwrap().iter();
    let other = others
        .map(|entry| entry["resource"]["id"].as_str().unwrap())
        .find(|id| *id != patient)
        .unwrap();
    let seen = server.app(other).get("Patient").expect(200).json();
    assert_eq!(seen["entry"][0]["resource"]["id"], other);
    assert_eq!(seen["entry"].as_array().unwrap().len(), 1);
}

#[test]
fn a_person_signs_in_once_and_again_in_the_same_moment() {
    for backend in backends() {
        let server = Server::start(Start::empty(backend));
        let session = server.data().join("demo/clinician.session");
        let first = claims(&server.token("clinician"));
        let cookie = std::fs::read_to_string(&session).unwrap();
        let second = claims(&server.token("clinician"));
        assert_eq!(first["sid"], second["sid"], "the session goes on");
        assert_ne!(first["jti"], second["jti"]);
        assert_eq!(std::fs::read_to_string(&session).unwrap(), cookie);
        // A code passes once: the next sign-in takes the one after it.
        std::fs::remove_file(&session).unwrap();
        let third = claims(&server.token("clinician"));
        assert_ne!(first["sid"], third["sid"]);
        // Three at once are one after the other.
        std::thread::scope(|scope| {
            let tokens = [(); 3].map(|()| scope.spawn(|| claims(&server.token("auditor"))));
            let sids = tokens.map(|token| token.join().unwrap()["sid"].clone());
            assert!(sids[0] == sids[1] && sids[1] == sids[2]);
        });
    }
}

#[test]
fn secrets_are_private_and_stay_the_same() {
    for backend in backends() {
        let server = Server::start(Start::empty(backend));
        let read = |server: &Server, name: &str| {
            let path = server.data().join("demo").join(name);
            let mode = std::fs::metadata(&path).unwrap().mode() & 0o777;
            assert_eq!(mode, 0o600, "{name}");
            std::fs::read_to_string(path).unwrap()
        };
        let key = read(&server, "lab.pem");
        assert!(key.starts_with("-----BEGIN PRIVATE KEY-----\n"));
        let person = read(&server, "clinician.json");
        server.token("clinician");
        read(&server, "clinician.session");
        let (start, home) = server.stop();
        let data = home.folder.path();
        let problem = refused(data, &["--as", "lab"]);
        assert!(
            problem.contains("no server answers at http://127.0.0.1:"),
            "{problem}"
        );
        assert!(problem.contains("ward serve --demo"), "{problem}");
        // A folder that lost them gets them back.
        std::fs::remove_dir_all(data.join("demo")).unwrap();
        let server = Server::start_in(start, home);
        assert_eq!(read(&server, "lab.pem"), key);
        assert_eq!(read(&server, "clinician.json"), person);
        server.client("lab").get("Patient").expect(200);
    }
}

#[test]
fn what_is_wrong_is_said() {
    let server = Server::start(Start::empty(Backend::Sqlite));
    let data = server.data();
    for (words, why) in [
        (vec!["--as", "root"], "there are: clinician, lab, billing"),
        (vec!["--as", "app"], "give --patient"),
        (vec!["--as", "lab", "--patient", "x"], "leave --patient out"),
        (
            vec!["--as", "lab", "--scope", "system/Claim.rs"],
            "'system/Claim.rs' is no part of what 'lab' may do",
        ),
        (
            vec!["--as", "app", "--patient", "nobody"],
            "There is no such patient among those whose records you may see.",
        ),
    ] {
        let problem = refused(data, &words);
        assert!(problem.contains(why), "{problem}");
    }
    let path = data.join("demo/auditor.json");
    let person = std::fs::read_to_string(&path).unwrap();
    let mut changed: Value = serde_json::from_str(&person).unwrap();
    changed["password"] = "another one's password".into();
    std::fs::write(&path, changed.to_string()).unwrap();
    let problem = refused(data, &["--as", "auditor"]);
    assert!(
        problem.contains("The user name or the password is wrong."),
        "{problem}"
    );
    let nowhere = tempfile::tempdir().unwrap();
    let problem = refused(nowhere.path(), &["--as", "lab"]);
    assert!(problem.contains("is not a demo store"), "{problem}");
}

#[test]
fn what_the_root_names_is_there() {
    let server = Server::start(Start::empty(Backend::Sqlite));
    let origin = server.base.strip_suffix("/fhir").unwrap();
    let root = server.anonymous().get(&format!("{origin}/")).expect(200);
    let text = root.text();
    let named: Vec<_> = text
        .split_whitespace()
        .filter(|word| word.starts_with(origin))
        .collect();
    assert_eq!(named.len(), 8, "{text}");
    for url in named {
        // The base itself is for those who have a token; pages for people lead to the sign-in.
        let status = if url == server.base { 401 } else { 200 };
        server.anonymous().get(url).expect(status);
    }
}

#[test]
fn the_sample_app_is_a_page_that_speaks_to_its_server_only() {
    let server = Server::start(Start::empty(Backend::Sqlite));
    let origin = server.base.strip_suffix("/fhir").unwrap();
    let anonymous = server.anonymous();
    for (name, content_type) in [
        ("", "text/html; charset=utf-8"),
        ("my-labs.js", "text/javascript; charset=utf-8"),
        ("my-labs.css", "text/css; charset=utf-8"),
    ] {
        let answer = anonymous.get(&format!("{origin}/demo/app/{name}"));
        let answer = answer.expect(200);
        assert_eq!(answer.header("content-type"), Some(content_type));
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(policy.contains("connect-src 'self'"), "{policy}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    }
    anonymous.get(&format!("{origin}/demo/app/x")).expect(404);
    // Where the hospital sends people back to is the page itself.
    let asked = format!(
        "{origin}/auth/authorize?response_type=code&client_id=demo-app&redirect_uri={origin}/demo/app/&scope=patient/Patient.rs&state=s&aud={}&code_challenge={}&code_challenge_method=S256",
        server.base,
        "A".repeat(43)
    );
    let page = anonymous.get(&asked).expect(200).text();
    assert!(
        page.contains("<h1>Sign in</h1>") && page.contains("My Labs"),
        "{page}"
    );
    let elsewhere = asked.replace("/demo/app/&", "/demo/other/&");
    anonymous.get(&elsewhere).expect(400);
}
