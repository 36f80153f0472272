//! A certificate is renewed while requests go on, and a bad one changes nothing.

use super::{cert_dev, client_config, dev_server, file};
use reqwest::blocking::Client;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use ward_testkit::Server;

const RENEWALS: usize = 4;
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(20);

#[test]
fn renewals_under_load_fail_no_request() {
    let server = dev_server();
    let stop = AtomicBool::new(false);
    let answered = AtomicUsize::new(0);
    let certificates = std::thread::scope(|scope| {
        // Also when an assertion fails: the others would go on for ever.
        let _end = End(&stop);
        for _ in 0..3 {
            scope.spawn(|| {
                let client = client(&server);
                while !stop.load(Ordering::Relaxed) {
                    certificate(&client, &server);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let client = client(&server);
        let mut seen = HashSet::from([certificate(&client, &server)]);
        for _ in 0..RENEWALS {
            cert_dev(server.data(), &[]);
            seen.insert(next(&client, &server, &seen));
        }
        seen
    });
    assert_eq!(certificates.len(), RENEWALS + 1);
    assert!(answered.load(Ordering::Relaxed) > 20);
}

#[test]
fn a_bad_renewal_is_logged_and_leaves_the_old_certificate() {
    let server = dev_server();
    let client = client(&server);
    let first = certificate(&client, &server);
    cert_dev(server.data(), &["--client", "other"]);
    let second = next(&client, &server, &HashSet::from([first]));
    let other = std::fs::read(file(&server, "client-other.key")).unwrap();
    for (bad, problem) in [
        (other, "do not go together"),
        (b"none".to_vec(), "no private key in PEM"),
    ] {
        std::fs::write(file(&server, "server.key"), bad).unwrap();
        wait_for_log(&server, problem);
        assert_eq!(certificate(&client, &server), second);
    }
    cert_dev(server.data(), &[]);
    next(&client, &server, &HashSet::from([second]));
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Each request has a connection of its own and a whole handshake: a resumed session would show the certificate of its first.
fn client(server: &Server) -> Client {
    let mut tls = client_config(server, &[b"http/1.1"]);
    tls.resumption = rustls::client::Resumption::disabled();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .tls_info(true)
        .pool_max_idle_per_host(0)
        .no_proxy()
        .build()
        .unwrap()
}

/// The certificate that a request was answered under.
fn certificate(client: &Client, server: &Server) -> Vec<u8> {
    let url = server.base.replace("/fhir", "/health/live");
    let answer = client.get(url).send().expect("an answer");
    assert_eq!(answer.status(), 200);
    let info = answer.extensions().get::<reqwest::tls::TlsInfo>().unwrap();
    info.peer_certificate().unwrap().to_vec()
}

/// The first certificate that is none of those.
fn next(client: &Client, server: &Server, seen: &HashSet<Vec<u8>>) -> Vec<u8> {
    let begun = Instant::now();
    loop {
        let certificate = certificate(client, server);
        if !seen.contains(&certificate) {
            return certificate;
        }
        assert!(begun.elapsed() < RENEWAL_TIMEOUT, "not renewed");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn wait_for_log(server: &Server, part: &str) {
    let begun = Instant::now();
    let log = server.data().join("server.log");
    while !std::fs::read_to_string(&log).unwrap().contains(part) {
        assert!(begun.elapsed() < RENEWAL_TIMEOUT, "no '{part}' in the log");
        std::thread::sleep(Duration::from_millis(50));
    }
}
