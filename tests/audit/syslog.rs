//! Syslog of other systems (ITI-20): over TLS with certificates on both sides.

use super::collector::{certificates, roots};
use super::received::event;
use crate::tls::cert_dev;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ward_testkit::{Backend, Home, Server, Start, backends, free_port, postgres};

const DICOM: &str = r#"<?xml version="1.0" encoding="UTF-8"?><AuditMessage><EventIdentification EventActionCode="R" EventDateTime="2026-11-30T09:59:59Z" EventOutcomeIndicator="0"><EventID csd-code="110103" codeSystemName="DCM" originalText="DICOM Instances Accessed"/></EventIdentification><ActiveParticipant UserID="radiologist" UserIsRequestor="true"/><AuditSourceIdentification AuditSourceID="pacs-7"/><ParticipantObjectIdentification ParticipantObjectID="1.2.3" ParticipantObjectTypeCode="2" ParticipantObjectTypeCodeRole="3"><ParticipantObjectIDTypeCode csd-code="110180" codeSystemName="DCM" originalText="Study Instance UID"/></ParticipantObjectIdentification></AuditMessage>"#;

type Stream = StreamOwned<ClientConnection, TcpStream>;

struct Place {
    server: Server,
    files: PathBuf,
    port: u16,
}

fn place(backend: Backend) -> Place {
    let folder = tempfile::tempdir().unwrap();
    cert_dev(folder.path(), &["--client", "pacs"]);
    let files = folder.path().join("tls");
    let port = free_port();
    let file = |name: &str| files.join(name).display().to_string();
    let start = Start::empty(backend)
        .with("tls.certificate_file", &file("server.pem"))
        .with("tls.key_file", &file("server.key"))
        .with("audit_feed.syslog_listen", &format!("127.0.0.1:{port}"))
        .with("audit_feed.syslog_clients", &file("ca.pem"))
        .with("server.metrics_listen", "127.0.0.1:0")
        .with("log.format", "json");
    let database = (backend == Backend::Postgres).then(postgres::Database::create);
    let server = Server::start_in(start, Home { folder, database });
    Place {
        server,
        files,
        port,
    }
}

/// A connection; `client`: the files of its certificate.
fn connect(place: &Place, client: Option<&Path>) -> Stream {
    ward_testkit::install_provider();
    let builder = ClientConfig::builder().with_root_certificates(roots(&place.files));
    let config = match client {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let key = PrivateKeyDer::from_pem_file(path.with_extension("key")).unwrap();
            let chain = certificates(&path.with_extension("pem"));
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let tcp = TcpStream::connect(("127.0.0.1", place.port)).unwrap();
    tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    StreamOwned::new(connection, tcp)
}

fn framed(body: &str) -> String {
    let message = format!("<85>1 2026-11-30T10:00:00Z pacs app 1 IHE+DICOM - \u{feff}{body}");
    format!("{} {message}", message.len())
}

/// Says that it closes, and waits until the server has read all.
fn closed(mut stream: Stream) -> bool {
    stream.conn.send_close_notify();
    let _ = stream.flush();
    stream.sock.shutdown(std::net::Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).is_ok()
}

fn found(server: &Server, query: &str) -> Vec<Value> {
    let answer = server
        .client("auditor")
        .get(&format!("AuditEvent?{query}&_count=100"));
    let bundle = answer.expect(200).json();
    let entries = bundle["entry"].as_array().into_iter().flatten();
    entries.map(|entry| entry["resource"].clone()).collect()
}

#[test]
fn messages_of_dicom_and_of_fhir_become_audit_events() {
    for backend in backends() {
        let place = place(backend);
        let pacs = place.files.join("client-pacs");
        let mut stream = connect(&place, Some(&pacs));
        let fhir = event("ris-3", "Patient/none", "Their Clerk").to_string();
        let xml = r#"<AuditEvent xmlns="http://hl7.org/fhir"><type><code value="rest"/></type><recorded value="2026-11-30T10:00:00Z"/><agent><requestor value="true"/></agent><source><observer><identifier><value value="lis-1"/></identifier></observer></source></AuditEvent>"#;
        for body in [DICOM, &fhir, xml] {
            stream.write_all(framed(body).as_bytes()).unwrap();
        }
        stream.flush().unwrap();
        assert!(closed(stream), "the end is answered");
        // When that is answered they are there.
        let (start, home) = place.server.kill();
        let place = Place {
            server: Server::start_in(start, home),
            ..place
        };
        let dicom = found(&place.server, "source.identifier=pacs-7");
        assert_eq!(dicom.len(), 1, "{dicom:?}");
        assert_eq!(dicom[0]["type"]["code"], "110103");
        assert_eq!(
            dicom[0]["agent"][0]["who"]["identifier"]["value"],
            "radiologist"
        );
        assert_eq!(
            dicom[0]["entity"][0]["what"]["identifier"]["value"],
            "1.2.3"
        );
        let receipt = dicom[0]["extension"][0].to_string();
        assert!(receipt.contains("syslog:"), "whose certificate: {receipt}");
        assert_eq!(found(&place.server, "source.identifier=ris-3").len(), 1);
        assert_eq!(found(&place.server, "source.identifier=lis-1").len(), 1);
    }
}

#[test]
fn what_is_no_message_hurts_nobody_else() {
    let place = place(backends()[0]);
    let pacs = place.files.join("client-pacs");
    let mut good = connect(&place, Some(&pacs));
    good.write_all(framed(DICOM).as_bytes()).unwrap();
    good.flush().unwrap();
    let ours = event(&place.server.base, "Patient/none", "x").to_string();
    let mut bad = connect(&place, Some(&pacs));
    for body in [
        "told to nobody",
        "<AuditMessage/>",
        "{\"resourceType\":\"Patient\"}",
        "{",
        &ours,
    ] {
        bad.write_all(framed(body).as_bytes()).unwrap();
    }
    bad.write_all(b"6 <85>1 ").unwrap();
    // After each of these the connection still takes what is one.
    bad.write_all(framed(&DICOM.replace("pacs-7", "pacs-8")).as_bytes())
        .unwrap();
    // Nothing says where the next message begins: this one is closed.
    bad.write_all(b"no length").unwrap();
    bad.flush().unwrap();
    let mut rest = Vec::new();
    let _ = bad.read_to_end(&mut rest);
    good.write_all(framed(&DICOM.replace("pacs-7", "pacs-9")).as_bytes())
        .unwrap();
    assert!(closed(good));
    for source in ["pacs-7", "pacs-8", "pacs-9"] {
        assert_eq!(
            found(&place.server, &format!("source.identifier={source}")).len(),
            1,
            "{source}"
        );
    }
    let metrics = place.server.metrics();
    let count = |name: &str| {
        let line = metrics
            .lines()
            .find(|line| line.starts_with(&format!("{name}_total ")));
        line.and_then(|line| line.rsplit(' ').next())
            .unwrap_or("none")
            .to_owned()
    };
    assert_eq!(count("ward_syslog_messages_taken"), "3", "{metrics}");
    assert_eq!(count("ward_syslog_messages_refused"), "7", "{metrics}");
    // Each left a Record, and nothing of it went into the log.
    std::thread::sleep(Duration::from_millis(1_500));
    let refused = found(&place.server, "action=C&outcome=4");
    assert!(refused.len() >= 7, "{}", refused.len());
    let log = std::fs::read_to_string(place.server.data().join("server.log")).unwrap();
    assert!(
        !log.contains("told to nobody") && !log.contains("radiologist"),
        "{log}"
    );
}

#[test]
fn nobody_is_taken_without_a_certificate_of_the_authority() {
    let place = place(backends()[0]);
    let stranger = tempfile::tempdir().unwrap();
    cert_dev(stranger.path(), &["--client", "pacs"]);
    let foreign = stranger.path().join("tls/client-pacs");
    for client in [None, Some(foreign.as_path())] {
        let mut stream = connect(&place, client);
        let begun = Instant::now();
        let sent = stream
            .write_all(framed(DICOM).as_bytes())
            .and_then(|()| stream.flush());
        let mut rest = Vec::new();
        let refused = sent.is_err() || stream.read_to_end(&mut rest).is_err();
        assert!(refused, "{client:?}");
        assert!(begun.elapsed() < Duration::from_secs(15));
    }
    assert_eq!(found(&place.server, "source.identifier=pacs-7").len(), 0);
}
