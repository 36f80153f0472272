//! A client that goes away takes its statement with it, and so does a deadline: nothing runs on for nobody, and what ran is
//! remembered.
//! <https://hl7.org/fhir/R4/search.html>

use super::crud::patient;
use super::on_own;
use super::search::{entries, make};
use super::search_limits::{crowd, endless};
use crate::audit::left;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use ward_testkit::{Server, Start, backends};

/// Sends a search of Patients, and does not wait.
pub fn ask(server: &Server, token: &str, body: &str) -> TcpStream {
    let address = server.base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address.split_once('/').unwrap().0).unwrap();
    let head = format!(
        "POST /fhir/Patient/_search HTTP/1.1\r\nHost: ward\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// Goes away after a while; fails when the search was answered in between.
fn leave_after(mut stream: TcpStream, wait: Duration) {
    stream.set_read_timeout(Some(wait)).unwrap();
    let mut answer = [0; 256];
    if let Ok(read) = stream.read(&mut answer) {
        let text = String::from_utf8_lossy(&answer[..read]).into_owned();
        panic!("answered before the client left: {text}");
    }
}

/// Whether the store works for somebody: statements under way in PostgreSQL, or processor time of the server itself, where
/// the store is part of it.
fn is_busy(server: &Server) -> bool {
    match &server.home.database {
        Some(database) => database.ask(ACTIVE) != "0",
        None => {
            let before = processor_ticks(server.pid());
            std::thread::sleep(Duration::from_millis(300));
            processor_ticks(server.pid()) - before > 2
        }
    }
}

const ACTIVE: &str = "select count(*) from pg_stat_activity where datname = current_database() \
    and application_name = 'ward' and state <> 'idle'";

/// Hundredths of a second in user and system mode. <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>
fn processor_ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let fields: Vec<&str> = after_name.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// Waits until nothing runs any more; how long that took.
fn rested(server: &Server) -> Duration {
    let begun = Instant::now();
    while is_busy(server) {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "a statement runs on"
        );
    }
    begun.elapsed()
}

/// What a statement may still take once nobody waits for it, a fraction of what it would take undisturbed: time in PostgreSQL,
/// and processor time of a server that has its store in it.
const END_MAX: Duration = Duration::from_secs(3);
const END_TICKS_MAX: u64 = 100;

fn demand_end(server: &Server) {
    let ticks = processor_ticks(server.pid());
    let took = rested(server);
    match &server.home.database {
        Some(_) => assert!(took < END_MAX, "it ran on for {took:?}"),
        None => {
            let used = processor_ticks(server.pid()) - ticks;
            assert!(used < END_TICKS_MAX, "it ran on for {used} ticks");
        }
    }
}

#[test]
fn a_deadline_ends_the_statement() {
    on_own(&[("store.statement_timeout_ms", "400")], |server, ward| {
        crowd(ward);
        rested(server);
        let answer = ward
            .request("POST", "Patient/_search")
            .body("application/x-www-form-urlencoded", endless().into())
            .send();
        answer.expect(503);
        demand_end(server);
    });
}

#[test]
fn a_client_that_leaves_ends_its_statement() {
    for backend in backends() {
        let server = Server::start(Start::empty(backend));
        let ward = &server.client("loader");
        crowd(ward);
        let token = server.token("loader");
        rested(&server);
        // First: a Record keeps only so many bytes of names.
        let body = format!("x-left-early=1&{}", endless());
        let stream = ask(&server, &token, &body);
        let begun = Instant::now();
        while !is_busy(&server) {
            assert!(begun.elapsed() < Duration::from_secs(10), "nothing runs");
        }
        leave_after(stream, Duration::from_millis(300));
        demand_end(&server);
        let made = make(ward, patient("After"));
        assert_eq!(ward.get(&made).status, 200);
        let (_, home) = server.stop();
        // Its Record names the parameter that no other request of this server has.
        let records = left::read(&home);
        let is_left = |r: &&ward_audit::Record| r.query.starts_with("x-left-early");
        let left: Vec<u16> = records.iter().filter(is_left).map(|r| r.status).collect();
        assert_eq!(left, [499]);
    }
}

/// More than there are connections and long reads at once: each place is given back.
#[test]
fn many_that_leave_hold_up_nobody() {
    // One whose client has left is under way until the server has noticed.
    let settings = [
        ("server.workers", "2"),
        ("limits.costly_searches_per_client_max", "64"),
    ];
    on_own(&settings, |server, ward| {
        crowd(ward);
        let (token, body) = (server.token("loader"), endless());
        std::thread::scope(|scope| {
            for client in 0..8 {
                let (token, body) = (&token, &body);
                scope.spawn(move || {
                    // Also in the moments in which one statement has ended and the next has not begun.
                    for round in 0..5 {
                        let wait = Duration::from_millis(3 + 5 * client + 37 * round);
                        leave_after(ask(server, token, body), wait);
                    }
                });
            }
        });
        let took = rested(server);
        if server.home.database.is_some() {
            assert!(took < 2 * END_MAX, "they ran on for {took:?}");
        }
        let begun = Instant::now();
        for _ in 0..10 {
            let page = ward.get("Patient?family=Crowd&_count=2").expect(200).json();
            assert_eq!(entries(&page, "match").len(), 2);
        }
        assert!(begun.elapsed() < Duration::from_secs(10));
    });
}
