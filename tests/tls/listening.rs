//! Where and how the server listens: beyond loopback with TLS only, and what it then tells browsers.

use super::{dev_server, server_with_files};
use std::process::Command;
use ward_testkit::{Backend, Server, Start, ward_binary};

const MAX_AGE: &str = "max-age=31536000";

/// AT8: in clear on a public address the process ends with a message that says what to do.
#[test]
fn in_clear_beyond_loopback_nothing_is_served() {
    for (listen, more, parts) in [
        (
            "0.0.0.0:0",
            &[][..],
            &["beyond loopback", "tls.certificate_file", "tls.key_file"][..],
        ),
        ("[::]:0", &[], &["beyond loopback"]),
        (
            "192.0.2.1:8080",
            &[],
            &["192.0.2.1:8080 is beyond loopback"],
        ),
        (
            "0.0.0.0:0",
            &["--tls", "dev"],
            &["server.base_url must say"],
        ),
    ] {
        let data = tempfile::tempdir().unwrap();
        let output = Command::new(ward_binary())
            .args(["serve", "--listen", listen, "--data"])
            .arg(data.path())
            .args(more)
            .output()
            .unwrap();
        let problem = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{problem}");
        for part in parts {
            assert!(problem.contains(part), "{problem}");
        }
        assert!(!data.path().join("ward.db").exists(), "nothing was begun");
    }
}

#[test]
fn files_that_cannot_be_used_end_the_start() {
    let data = tempfile::tempdir().unwrap();
    let output = Command::new(ward_binary())
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data.path())
        .env("WARD_TLS_CERTIFICATE_FILE", "/nowhere/server.pem")
        .env("WARD_TLS_KEY_FILE", "/nowhere/server.key")
        .output()
        .unwrap();
    let problem = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        problem.contains("tls.certificate_file /nowhere/server.pem"),
        "{problem}"
    );
}

#[test]
fn answers_over_tls_tell_browsers_to_stay_there() {
    let server = server_with_files(&[]);
    let ward = server.anonymous();
    let root = server.base.replace("/fhir", "");
    for (method, path, status) in [
        ("GET", "metadata".to_owned(), 200),
        ("GET", "Patient".to_owned(), 401),
        ("OPTIONS", "Patient".to_owned(), 204),
        ("GET", format!("{root}/health/live"), 200),
        ("GET", format!("{root}/nowhere"), 404),
        ("GET", format!("{root}/"), 200),
    ] {
        let answer = ward.request(method, &path).send().expect(status);
        assert_eq!(
            answer.header("strict-transport-security"),
            Some(MAX_AGE),
            "{path}"
        );
    }
    let none = |server: Server| {
        let answer = server.anonymous().get("metadata").expect(200);
        assert_eq!(answer.header("strict-transport-security"), None);
    };
    // A browser would keep to https for everything else on this machine.
    none(dev_server());
    none(Server::start(Start::empty(Backend::Sqlite)));
    none(server_with_files(&[("tls.hsts_max_age_s", "0")]));
}

/// The base URL, the links made from it, and tokens all say https.
#[test]
fn the_demo_over_tls_works_as_in_clear() {
    let server = Server::start(Start {
        filled: true,
        ..Start::empty(Backend::Sqlite).with("tls.development", "true")
    });
    assert!(
        server.base.starts_with("https://127.0.0.1:"),
        "{}",
        server.base
    );
    let page = server
        .client("clinician")
        .get("Patient?_count=2")
        .expect(200)
        .json();
    let link = page["link"][0]["url"].as_str().unwrap();
    assert!(link.starts_with(&server.base), "{link}");
    imported(&server);
}

/// `ward import` finds the authority where the demo has put it.
fn imported(server: &Server) {
    let file = server.data().join("own.json");
    std::fs::write(&file, r#"{"resourceType":"Patient","id":"imported"}"#).unwrap();
    let output = Command::new(ward_binary())
        .arg("import")
        .arg(&file)
        .args(["--to", &server.base, "--as", "loader", "--data"])
        .arg(server.data())
        .arg("--journal")
        .arg(server.data().join("journal"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    server.client("loader").get("Patient/imported").expect(200);
}

/// Nobody may say who he is, how he came or which certificate he has by a header.
#[test]
fn headers_of_proxies_change_nothing() {
    let server = server_with_files(&[("tls.client_ca_file", "TLS/ca.pem")]);
    let lines = [
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-For", "203.0.113.7"),
        ("Forwarded", "host=evil.example;proto=http;for=203.0.113.7"),
        ("X-SSL-Client-Cert", "MIIB"),
        ("Client-Cert", ":MIIB:"),
    ];
    let ward = server.client("loader");
    let mut request = ward.request("GET", "Patient?_count=1");
    for (name, value) in lines {
        request = request.header(name, value);
    }
    let answer = request.send().expect(200);
    let text = answer.text();
    assert!(
        !text.contains("evil.example") && !text.contains("http://127"),
        "{text}"
    );
    assert_eq!(answer.header("strict-transport-security"), Some(MAX_AGE));
}
