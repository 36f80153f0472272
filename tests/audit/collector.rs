//! Collectors of the tests' own: syslog over TLS, and OpenTelemetry over HTTP. They know none of the server's code.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Listens until it is dropped.
pub struct Collector {
    /// Ids of the events in the order in which they came, and each as it came.
    pub events: Arc<Mutex<Vec<(String, Value)>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Collector {
    /// Syslog on this port, with a certificate of the folder and for clients of its authority.
    pub fn syslog(port: u16, files: &Path) -> Collector {
        let config = Arc::new(config(files));
        Collector::start(port, move |tcp, events| syslog(tcp, config.clone(), events))
    }

    pub fn otlp(port: u16) -> Collector {
        Collector::start(port, otlp)
    }

    fn start(
        port: u16,
        serve: impl Fn(TcpStream, &Mutex<Vec<(String, Value)>>) + Send + Sync + 'static,
    ) -> Collector {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (events, stop) = (
            Arc::new(Mutex::new(Vec::new())),
            Arc::new(AtomicBool::new(false)),
        );
        let (kept, stops) = (events.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            while !stops.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((tcp, _)) => {
                        tcp.set_nonblocking(false).unwrap();
                        tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                        serve(tcp, &kept);
                    }
                    Err(_) => std::thread::sleep(Duration::from_millis(10)),
                }
            }
        });
        Collector {
            events,
            stop,
            thread: Some(thread),
        }
    }

    /// Waits until all of these have come.
    #[track_caller]
    pub fn wait_for(&self, ids: &[String], patience: Duration) {
        let begun = Instant::now();
        loop {
            let missing = {
                let events = self.events.lock().unwrap();
                let come: std::collections::HashSet<&String> =
                    events.iter().map(|(id, _)| id).collect();
                ids.iter().filter(|id| !come.contains(id)).count()
            };
            if missing == 0 {
                return;
            }
            assert!(
                begun.elapsed() < patience,
                "{missing} of {} events are missing",
                ids.len()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// In the order in which each came first.
    pub fn ids(&self) -> Vec<String> {
        let mut seen = std::collections::HashSet::new();
        let events = self.events.lock().unwrap();
        events
            .iter()
            .map(|(id, _)| id.clone())
            .filter(|id| seen.insert(id.clone()))
            .collect()
    }

    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.end();
    }
}

pub fn certificates(path: &Path) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(path)
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

pub fn roots(files: &Path) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for authority in certificates(&files.join("ca.pem")) {
        roots.add(authority).unwrap();
    }
    roots
}

fn config(files: &Path) -> ServerConfig {
    ward_testkit::install_provider();
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots(files)))
        .build()
        .unwrap();
    ServerConfig::builder()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            certificates(&files.join("server.pem")),
            PrivateKeyDer::from_pem_file(files.join("server.key")).unwrap(),
        )
        .unwrap()
}

/// Reads messages to the end of the connection, and answers that it has.
fn syslog(tcp: TcpStream, config: Arc<ServerConfig>, events: &Mutex<Vec<(String, Value)>>) {
    let connection = ServerConnection::new(config).unwrap();
    let mut stream = BufReader::new(StreamOwned::new(connection, tcp));
    loop {
        let mut head = Vec::new();
        match stream.read_until(b' ', &mut head) {
            Ok(0) => break,
            Ok(_) => {}
            Err(_) => return,
        }
        let length: usize = std::str::from_utf8(&head)
            .unwrap()
            .trim_end()
            .parse()
            .unwrap();
        let mut message = vec![0; length];
        if stream.read_exact(&mut message).is_err() {
            return;
        }
        let message = String::from_utf8(message).unwrap();
        let (header, body) = message.split_once('\u{feff}').unwrap();
        let fields: Vec<&str> = header.split(' ').collect();
        assert!(
            fields[0].ends_with(">1") && fields[3] == "ward" && fields[6] == "-",
            "{header}"
        );
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["id"], fields[5], "the message is called as the event");
        events.lock().unwrap().push((fields[5].to_owned(), body));
    }
    let mut stream = stream.into_inner();
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

/// One connection of HTTP/1.1, request by request.
fn otlp(tcp: TcpStream, events: &Mutex<Vec<(String, Value)>>) {
    let mut stream = BufReader::new(tcp);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        if stream.read_exact(&mut body).is_err() {
            return;
        }
        let body: Value = serde_json::from_slice(&body).unwrap();
        let records = &body["resourceLogs"][0]["scopeLogs"][0]["logRecords"];
        for record in records.as_array().unwrap() {
            let event = record["body"]["stringValue"].as_str().unwrap();
            let event: Value = serde_json::from_str(event).unwrap();
            let id = record["attributes"][0]["value"]["stringValue"]
                .as_str()
                .unwrap();
            assert_eq!(event["id"], id);
            events.lock().unwrap().push((id.to_owned(), event));
        }
        let answer =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        if stream.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}
