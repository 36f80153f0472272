//! Two Wards over one PostgreSQL, as behind a load balancer, while clients keep both at work: what is used on one is used on the other,
//! what ends on one ends on the other in time, and keys are exchanged without anybody noticing.

mod consents;
mod keys;
mod load;
mod revocation;
mod ring;
mod used_once;
mod withdrawal;

use crate::apps::{self, Place};
use crate::rest::backend_service::BackendService;
use crate::upstream::browser::Browser;
use std::sync::Barrier;
use std::time::{Duration, Instant};
use ward_testkit::postgres::Database;
use ward_testkit::{Answer, Backend, Home, Server, Start, backends, free_port};

/// How long what was changed on one node may hold on the other (S100, AT17a).
const KNOWN_EVERYWHERE: Duration = Duration::from_secs(5);
const LOOKED_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// Two processes with a data folder each; master key and database are one.
pub struct Nodes {
    pub a: Place,
    pub b: Place,
    server: Server,
    _other: Server,
}

impl Nodes {
    /// `None` when `WARD_TEST_BACKENDS` leaves PostgreSQL out: the embedded store is one process's own.
    fn start(options: &[(&str, &str)]) -> Option<Nodes> {
        if !backends().contains(&Backend::Postgres) {
            return None;
        }
        let ports = [free_port(), free_port()];
        let origins = ports.map(|port| format!("http://127.0.0.1:{port}"));
        let start = |port: u16| {
            let start = Start::empty(Backend::Postgres)
                .at(port)
                .with("server.base_url", &format!("{}/fhir", origins[0]))
                .with("smart.open_registration", "true");
            options
                .iter()
                .fold(start, |start, (name, value)| start.with(name, value))
        };
        let home = |database| Home {
            folder: tempfile::tempdir().unwrap(),
            database,
        };
        let server = Server::start_in(start(ports[0]), home(Some(Database::create())));
        let database = &server.home.database.as_ref().unwrap().url;
        let key = server.data().join("master.key");
        let other = start(ports[1])
            .with("store.database", database)
            .with("keys.master_file", key.to_str().unwrap());
        let other = Server::start_in(other, home(None));
        Some(Nodes {
            a: Place::at(&server, &origins[0]),
            b: Place::at(&other, &origins[1]),
            server,
            _other: other,
        })
    }

    fn both(&self) -> [&Place; 2] {
        [&self.a, &self.b]
    }

    /// The demo's loader.
    fn loader(&self) -> BackendService {
        BackendService::of(&self.server)
    }

    /// A person who is signed in on both, as nodes behind one name share the cookie.
    fn signed_in(&self, username: &str) -> Browser {
        let mut browser = apps::signed_in(&self.server, &self.a, username);
        self.share_cookie(&mut browser);
        browser
    }

    fn share_cookie(&self, browser: &mut Browser) {
        let cookie = browser.cookie(&self.a.origin).unwrap().to_owned();
        browser.put_cookie(&self.b.origin, &cookie);
    }

    /// Asks both at the same moment; the statuses, the smaller one first, and the answer with it.
    fn at_once(&self, ask: impl Fn(&Place) -> Answer + Sync) -> [Answer; 2] {
        let (barrier, ask) = (Barrier::new(2), &ask);
        let mut answers = std::thread::scope(|scope| {
            self.both()
                .map(|place| {
                    let barrier = &barrier;
                    scope.spawn(move || {
                        barrier.wait();
                        ask(place)
                    })
                })
                .map(|asking| asking.join().unwrap())
        });
        answers.sort_by_key(|answer| answer.status);
        answers
    }
}

/// Asks until the answer has this status; how long that took. Fails where it takes longer than `most`.
#[track_caller]
fn until(what: &str, status: u16, most: Duration, ask: impl Fn() -> Answer) -> Duration {
    let begun = Instant::now();
    loop {
        let asked = begun.elapsed();
        let answer = ask();
        if answer.status == status {
            println!("  {what}: {} ms", asked.as_millis());
            return asked;
        }
        assert!(
            asked < most,
            "{what}: still {} after {asked:?}: {}",
            answer.status,
            answer.text()
        );
        std::thread::sleep(LOOKED_AGAIN_AFTER);
    }
}

/// An access token opens nothing any more: on the node that ended it at once, on the other in time.
#[track_caller]
fn dead(what: &str, here: &Place, there: &Place, token: &str) {
    let answer = here.get(token, OPENS);
    assert_eq!(answer.status, 401, "{what}: {}", answer.text());
    until(what, 401, KNOWN_EVERYWHERE, || there.get(token, OPENS));
}

/// What is asked with a token.
const OPENS: &str = "Patient?_count=1";
