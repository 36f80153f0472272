//! The end: what was asked before it is answered, and load balancers learn of it in time.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use ward_testkit::{Server, Start, backends};

const BODY: &str = r#"{"resourceType":"Patient","id":"slow","name":[{"family":"Slow"}]}"#;
/// More than a worker takes to see the signal.
const MOMENT: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(20);

fn address(server: &Server) -> &str {
    let rest = server.base.strip_prefix("http://").unwrap();
    rest.split('/').next().unwrap()
}

fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).unwrap();
    stream.flush().unwrap();
}

#[test]
fn an_open_request_is_answered_before_the_end() {
    for backend in backends() {
        let server = Server::start(Start::empty(backend));
        let token = server.token("loader");
        let mut stream = TcpStream::connect(address(&server)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (first, rest) = BODY.split_at(20);
        let head = format!(
            "PUT /fhir/Patient/slow HTTP/1.1\r\nHost: ward\r\nAuthorization: Bearer {token}\r\nContent-Type: application/fhir+json\r\nContent-Length: {}\r\n\r\n{first}",
            BODY.len()
        );
        send(&mut stream, &head);
        std::thread::sleep(MOMENT);
        server.terminate();
        std::thread::sleep(MOMENT);
        assert!(is_closed(&server), "no new connection is answered");
        send(&mut stream, rest);
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
        assert!(answer.contains("\"family\":\"Slow\""), "{answer}");
        let begun = Instant::now();
        let (start, home) = server.stop();
        assert!(begun.elapsed() < PATIENCE, "it ends once all is answered");
        let server = Server::start_in(start, home);
        server.client("loader").get("Patient/slow").expect(200);
    }
}

/// Refused, or accepted by nobody: the request is not answered.
fn is_closed(server: &Server) -> bool {
    let Ok(mut stream) = TcpStream::connect(address(server)) else {
        return true;
    };
    stream.set_read_timeout(Some(MOMENT)).unwrap();
    let asked = stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: ward\r\n\r\n");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    asked.is_err() || answer.is_empty()
}

#[test]
fn readiness_ends_before_listening_does() {
    for backend in backends() {
        // So long that only the second signal ends it.
        let server = Server::start(Start::empty(backend).with("server.drain_s", "600"));
        let ward = server.client("loader");
        let origin = server.base.strip_suffix("/fhir").unwrap().to_owned();
        let ready = || ward.get(&format!("{origin}/health/ready"));
        ready().expect(200);
        server.terminate();
        let begun = Instant::now();
        while ready().status == 200 {
            assert!(begun.elapsed() < PATIENCE);
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(ready().expect(503).text(), "not ready\n");
        ward.get(&format!("{origin}/health/live")).expect(200);
        let body = serde_json::from_str(BODY).unwrap();
        ward.put("Patient/slow", &body).expect(201);
        let begun = Instant::now();
        server.stop();
        assert!(
            begun.elapsed() < PATIENCE * 3,
            "the second signal ends the wait"
        );
    }
}
