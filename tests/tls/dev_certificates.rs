//! `ward cert dev`: one authority, new certificates, private files.

use super::{cert_dev, cert_dev_output};
use std::os::unix::fs::MetadataExt;

#[test]
fn the_authority_stays_and_certificates_are_new() {
    let data = tempfile::tempdir().unwrap();
    let read = |name: &str| std::fs::read(data.path().join("tls").join(name)).unwrap();
    let said = cert_dev(
        data.path(),
        &[
            "--host",
            "ward.test",
            "--host",
            "10.0.0.5",
            "--client",
            "lab",
        ],
    );
    let said = String::from_utf8(said.stdout).unwrap();
    for part in [
        "tls/ca.pem",
        "ward.test",
        "10.0.0.5",
        "--tls dev",
        "--cacert",
        "--cert",
        "client-lab.pem",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let (authority, certificate) = (read("ca.pem"), read("server.pem"));
    for name in [
        "ca.pem",
        "ca.key",
        "server.pem",
        "server.key",
        "client-lab.pem",
        "client-lab.key",
    ] {
        let known = std::fs::metadata(data.path().join("tls").join(name)).unwrap();
        assert_eq!(known.mode() & 0o777, 0o600, "{name}");
    }
    let folder = std::fs::metadata(data.path().join("tls")).unwrap();
    assert_eq!(folder.mode() & 0o777, 0o700);
    cert_dev(data.path(), &[]);
    assert_eq!(read("ca.pem"), authority);
    assert_ne!(read("server.pem"), certificate);
}

#[test]
fn names_that_are_none_are_refused() {
    let data = tempfile::tempdir().unwrap();
    for more in [
        ["--host", "not a name"],
        ["--host", "-x.example"],
        ["--host", ""],
        ["--host", "*.example"],
        ["--client", "../x"],
        ["--client", ""],
    ] {
        let output = cert_dev_output(data.path(), &[&more.join("=")]);
        let problem = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{more:?}: {problem}");
        assert!(problem.contains(&format!("'{}' is", more[1])), "{problem}");
    }
}
