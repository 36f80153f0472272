//! AT8: a table of ClientHellos, written by hand so that no library's own limits decide, and what each is answered.

use super::{address, dev_server};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use ward_testkit::Server;

const TLS_1_0: u16 = 0x0301;
const TLS_1_1: u16 = 0x0302;
const TLS_1_2: u16 = 0x0303;
const TLS_1_3: u16 = 0x0304;

/// What the server says first.
#[derive(Debug, PartialEq)]
enum First {
    /// Version and cipher suite that were chosen.
    Hello { version: u16, suite: u16 },
    /// A fatal alert, with its description (RFC 8446 §6).
    Alert(u8),
}

const HANDSHAKE_FAILURE: u8 = 40;
const PROTOCOL_VERSION: u8 = 70;

struct ClientHello {
    /// `legacy_version`.
    version: u16,
    suites: &'static [u16],
    /// Of the extension; empty: the extension is not sent, as before TLS 1.3.
    supported: &'static [u16],
    curves: bool,
}

#[test]
fn only_modern_handshakes_come_to_an_end() {
    let server = dev_server();
    let ecdhe_cbc: &[u16] = &[
        0xc009, 0xc00a, 0xc013, 0xc014, 0xc023, 0xc024, 0xc027, 0xc028,
    ];
    let all: &[u16] = &[
        0xc02b, 0xc02c, 0xcca9, 0xc02f, 0xc030, 0xcca8, 0xc009, 0xc013, 0x009c, 0x002f,
    ];
    let old = |name, version, suites| (name, hello(version, suites, &[], true));
    let refused = [
        (old("SSL 3.0", 0x0300, all), PROTOCOL_VERSION),
        (old("TLS 1.0", TLS_1_0, all), PROTOCOL_VERSION),
        (old("TLS 1.1", TLS_1_1, all), PROTOCOL_VERSION),
        (
            (
                "TLS 1.1 by extension",
                hello(TLS_1_2, all, &[TLS_1_1, TLS_1_0], true),
            ),
            PROTOCOL_VERSION,
        ),
        (old("CBC with ECDHE", TLS_1_2, ecdhe_cbc), HANDSHAKE_FAILURE),
        (
            old("CBC with RSA", TLS_1_2, &[0x002f, 0x0035, 0x003c, 0x003d]),
            HANDSHAKE_FAILURE,
        ),
        (
            old("RC4", TLS_1_2, &[0x0004, 0x0005, 0xc007, 0xc011]),
            HANDSHAKE_FAILURE,
        ),
        (
            old("3DES", TLS_1_2, &[0x000a, 0xc008, 0xc012]),
            HANDSHAKE_FAILURE,
        ),
        (
            old("GCM with RSA, no EC", TLS_1_2, &[0x009c, 0x009d]),
            HANDSHAKE_FAILURE,
        ),
        (
            old("GCM with DHE, no EC", TLS_1_2, &[0x009e, 0x009f, 0xccaa]),
            HANDSHAKE_FAILURE,
        ),
        (
            old(
                "without encryption",
                TLS_1_2,
                &[0x0000, 0x0001, 0x0002, 0xc006, 0xc010],
            ),
            HANDSHAKE_FAILURE,
        ),
        (
            old("anonymous", TLS_1_2, &[0x0018, 0x0034, 0x00a6, 0xc018]),
            HANDSHAKE_FAILURE,
        ),
        (old("CCM", TLS_1_2, &[0xc0ac, 0xc0ae]), HANDSHAKE_FAILURE),
        (
            ("no curves", hello(TLS_1_2, all, &[], false)),
            HANDSHAKE_FAILURE,
        ),
        (
            (
                "TLS 1.3 with suites of 1.2",
                hello(TLS_1_2, all, &[TLS_1_3], true),
            ),
            HANDSHAKE_FAILURE,
        ),
        (
            (
                "TLS 1.3 CCM",
                hello(TLS_1_2, &[0x1304, 0x1305], &[TLS_1_3], true),
            ),
            HANDSHAKE_FAILURE,
        ),
    ];
    for ((name, hello), alert) in refused {
        assert_eq!(
            first(&server, &hello.bytes()),
            First::Alert(alert),
            "{name}"
        );
    }
    for suite in [0xc02b_u16, 0xc02c, 0xcca9] {
        let suites: &'static [u16] = vec![0x002f, suite].leak();
        let chosen = first(&server, &hello(TLS_1_2, suites, &[], true).bytes());
        assert_eq!(
            chosen,
            First::Hello {
                version: TLS_1_2,
                suite
            }
        );
    }
    for suite in [0x1301_u16, 0x1302, 0x1303] {
        let suites: &'static [u16] = vec![suite, 0xc02b].leak();
        let chosen = first(
            &server,
            &hello(TLS_1_2, suites, &[TLS_1_3, TLS_1_2], true).bytes(),
        );
        assert_eq!(
            chosen,
            First::Hello {
                version: TLS_1_3,
                suite
            }
        );
    }
}

/// The same from a client library, to the end and with a request.
#[test]
fn both_versions_carry_requests() {
    let server = dev_server();
    use reqwest::tls::Version;
    for version in [Version::TLS_1_2, Version::TLS_1_3] {
        ward_testkit::install_provider();
        let authorities = reqwest::Certificate::from_pem_bundle(&server.authority()).unwrap();
        let client = reqwest::blocking::Client::builder()
            .tls_certs_only(authorities)
            .tls_version_min(version)
            .tls_version_max(version)
            .no_proxy()
            .build()
            .unwrap();
        let answer = client
            .get(format!("{}/metadata", server.base))
            .send()
            .unwrap();
        assert_eq!(answer.status(), 200, "{version:?}");
    }
}

#[test]
fn who_says_nothing_or_speaks_in_clear_is_not_listened_to() {
    let server = dev_server();
    let mut plain = connect(&server);
    plain
        .write_all(b"GET /fhir/metadata HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(
        !answer.starts_with(b"HTTP"),
        "{}",
        String::from_utf8_lossy(&answer)
    );

    let mut silent = connect(&server);
    let begun = Instant::now();
    let mut answer = Vec::new();
    let _ = silent.read_to_end(&mut answer);
    let waited = begun.elapsed();
    assert!(answer.is_empty());
    assert!((4..9).contains(&waited.as_secs()), "{waited:?}");
    server.anonymous().get("metadata").expect(200);
}

fn hello(
    version: u16,
    suites: &'static [u16],
    supported: &'static [u16],
    curves: bool,
) -> ClientHello {
    ClientHello {
        version,
        suites,
        supported,
        curves,
    }
}

impl ClientHello {
    /// The record (RFC 8446 §4.1.2, §5.1).
    fn bytes(&self) -> Vec<u8> {
        let suites: Vec<u8> = self.suites.iter().flat_map(|s| s.to_be_bytes()).collect();
        let mut extensions = Vec::new();
        extension(
            &mut extensions,
            0,
            &counted2(&[&[0][..], &counted2(b"localhost")].concat()),
        );
        if self.curves {
            extension(&mut extensions, 10, &counted2(&[0, 29, 0, 23]));
            extension(&mut extensions, 11, &[1, 0]);
        }
        extension(&mut extensions, 13, &counted2(&[4, 3, 8, 4, 4, 1]));
        if !self.supported.is_empty() {
            let versions: Vec<u8> = self
                .supported
                .iter()
                .flat_map(|v| v.to_be_bytes())
                .collect();
            extension(&mut extensions, 43, &counted1(&versions));
            // X25519, with its base point as the share.
            let mut point = [0; 32];
            point[0] = 9;
            let share = [&[0, 29][..], &counted2(&point)].concat();
            extension(&mut extensions, 51, &counted2(&share));
        }
        let body = [
            &self.version.to_be_bytes()[..],
            &[7; 32],
            &[0],
            &counted2(&suites),
            &[1, 0],
            &counted2(&extensions),
        ]
        .concat();
        let length = (body.len() as u32).to_be_bytes();
        let message = [&[1], &length[1..], &body].concat();
        [&[22, 3, 1][..], &counted2(&message)].concat()
    }
}

fn extension(out: &mut Vec<u8>, kind: u16, body: &[u8]) {
    out.extend(kind.to_be_bytes());
    out.extend(counted2(body));
}

fn counted1(bytes: &[u8]) -> Vec<u8> {
    [&[bytes.len() as u8], bytes].concat()
}

fn counted2(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(address(server)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
}

fn first(server: &Server, hello: &[u8]) -> First {
    let mut stream = connect(server);
    stream.write_all(hello).unwrap();
    let mut head = [0; 5];
    stream.read_exact(&mut head).unwrap();
    let mut body = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
    stream.read_exact(&mut body).unwrap();
    match head[0] {
        21 => {
            assert_eq!(body[0], 2, "fatal");
            First::Alert(body[1])
        }
        22 => server_hello(&body),
        other => panic!("a record of type {other}"),
    }
}

/// RFC 8446 §4.1.3: in 1.3 the version stands in an extension.
fn server_hello(body: &[u8]) -> First {
    assert_eq!(body[0], 2, "a ServerHello");
    let word = |at: usize| u16::from_be_bytes([body[at], body[at + 1]]);
    let session = usize::from(body[38]);
    let suite = word(39 + session);
    let mut version = word(4);
    let mut at = 44 + session;
    let length = u32::from_be_bytes([0, body[1], body[2], body[3]]) as usize;
    while at + 4 <= 4 + length {
        if word(at) == 43 {
            version = word(at + 4);
        }
        at += 4 + usize::from(word(at + 2));
    }
    First::Hello { version, suite }
}
