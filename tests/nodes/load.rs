//! Clients that fetch tokens, create, read and search on both nodes without pause, and count what goes wrong.

use super::{KNOWN_EVERYWHERE, Nodes, until};
use crate::apps::Place;
use crate::rest::backend_service::BackendService;
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use ward_testkit::Answer;

const CLIENTS: usize = 4;
/// Rounds of a client with one token.
const ROUNDS_PER_TOKEN: u32 = 4;
/// Least number of requests that shows anything.
const REQUESTS_MIN: u64 = 100;
const FAILURES_SHOWN_MAX: usize = 5;

/// Ends when it is dropped; [`Load::end`] says how it went.
pub struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
    begun: Instant,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// Tokens may die under the hands of their clients, who then ask for another.
    may_lose_tokens: AtomicBool,
    /// Rises when that is over: what was fetched before is not shown any more.
    era: AtomicU64,
    requests: AtomicU64,
    lost: AtomicU64,
    failures: Mutex<Vec<String>>,
}

impl Load {
    pub fn begin(nodes: &Nodes) -> Load {
        // What is stored first is of a class of visibility that the other node has yet to learn.
        let token = nodes.loader().at(&nodes.a.origin).token();
        let first = nodes
            .a
            .http
            .request("POST", &format!("{}/fhir/Patient", nodes.a.origin))
            .header("Authorization", &format!("Bearer {token}"))
            .json(&json!({ "resourceType": "Patient" }))
            .send()
            .expect(201);
        let path = format!("Patient/{}", first.id());
        until(
            "a row of a new class is seen",
            200,
            KNOWN_EVERYWHERE,
            || nodes.b.get(&token, &path),
        );
        let shared = Arc::new(Shared::default());
        let clients = (0..CLIENTS).map(|n| {
            let mut visitor = Visitor {
                places: [nodes.a.clone(), nodes.b.clone()],
                service: nodes.loader(),
                shared: shared.clone(),
                token: String::new(),
                round: n as u32,
                is_lenient: false,
            };
            std::thread::spawn(move || visitor.work())
        });
        let load = Load {
            clients: clients.collect(),
            begun: Instant::now(),
            shared,
        };
        load.more(REQUESTS_MIN);
        load
    }

    /// Waits until so many requests more were answered.
    pub fn more(&self, requests: u64) {
        let wanted = self.shared.requests.load(Ordering::Relaxed) + requests;
        while self.shared.requests.load(Ordering::Relaxed) < wanted {
            assert!(
                !self.clients.iter().all(JoinHandle::is_finished),
                "the load has ended: {:?}",
                self.shared.failures.lock().unwrap()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// From now on a token may be refused, and is exchanged for another.
    pub fn tokens_may_die(&self) {
        self.shared.may_lose_tokens.store(true, Ordering::SeqCst);
    }

    /// From now on none may be.
    pub fn tokens_hold_again(&self) {
        self.shared.era.fetch_add(1, Ordering::SeqCst);
        self.shared.may_lose_tokens.store(false, Ordering::SeqCst);
    }

    /// Ends the load, says how much there was of it, and demands that nothing failed.
    pub fn end(mut self) {
        self.stop();
        let requests = self.shared.requests.load(Ordering::Relaxed);
        let lost = self.shared.lost.load(Ordering::Relaxed);
        let failures = self.shared.failures.lock().unwrap().clone();
        println!(
            "  load: {requests} requests of {CLIENTS} clients in {} ms, {lost} tokens refused where that was expected, {} failures",
            self.begun.elapsed().as_millis(),
            failures.len()
        );
        let shown = &failures[..failures.len().min(FAILURES_SHOWN_MAX)];
        assert!(failures.is_empty(), "{shown:#?}");
        assert!(requests >= REQUESTS_MIN, "too little load to show anything");
    }

    fn stop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        for client in self.clients.drain(..) {
            if client.join().is_err() {
                let why = "a client was left without an answer".to_owned();
                self.shared.failures.lock().unwrap().push(why);
            }
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop();
    }
}

/// One client.
struct Visitor {
    places: [Place; 2],
    service: BackendService,
    shared: Arc<Shared>,
    token: String,
    round: u32,
    /// Whether tokens might die when this round began.
    is_lenient: bool,
}

impl Visitor {
    fn work(&mut self) {
        let mut era = u64::MAX;
        while !self.shared.stop.load(Ordering::SeqCst) {
            self.round += 1;
            // Before the era: a round that is not lenient shows no token of an era that is over.
            self.is_lenient = self.shared.may_lose_tokens.load(Ordering::SeqCst);
            let now = self.shared.era.load(Ordering::SeqCst);
            if era != now || self.round.is_multiple_of(ROUNDS_PER_TOKEN) {
                era = now;
                self.fetch_token();
            }
            self.visit();
        }
    }

    /// Both nodes in turn: what one gave or stored is shown to the other.
    fn places(&self) -> (&Place, &Place) {
        match (self.round / ROUNDS_PER_TOKEN).is_multiple_of(2) {
            true => (&self.places[0], &self.places[1]),
            false => (&self.places[1], &self.places[0]),
        }
    }

    fn fetch_token(&mut self) {
        let (here, _) = self.places();
        let answer = self.service.at(&here.origin).ask_token(None);
        if let Some(answer) = self.noted("token", answer, 200) {
            self.token = answer.json()["access_token"].as_str().unwrap().to_owned();
        }
    }

    fn visit(&mut self) {
        let (here, there) = self.places();
        let body = json!({ "resourceType": "Patient", "active": true,
            "identifier": [{ "system": "urn:ward:nodes", "value": ward_seal::random::uuid() }] });
        let value = body["identifier"][0]["value"].as_str().unwrap();
        let created = here
            .http
            .request("POST", &format!("{}/fhir/Patient", here.origin))
            .header("Authorization", &format!("Bearer {}", self.token))
            .json(&body)
            .send();
        let Some(created) = self.noted("create", created, 201) else {
            return self.fetch_token();
        };
        let path = format!("Patient/{}", created.id());
        for (what, place) in [("read", there), ("read", here)] {
            let read = place.get(&self.token, &path);
            self.noted(what, read, 200);
        }
        let query = format!("Patient?identifier=urn:ward:nodes%7C{value}");
        let found = self.noted("search", there.get(&self.token, &query), 200);
        let found = found.map(|page| page.json()["entry"].as_array().map_or(0, Vec::len));
        if found.is_some_and(|entries| entries != 1) {
            self.failed(format!("search: {found:?} entries in place of one"));
        }
    }

    /// The answer, when it is the expected one.
    fn noted(&self, what: &str, answer: Answer, status: u16) -> Option<Answer> {
        // Also looked at now: tokens may have begun to die within the round.
        let may_lose = self.is_lenient || self.shared.may_lose_tokens.load(Ordering::SeqCst);
        self.shared.requests.fetch_add(1, Ordering::Relaxed);
        match answer.status {
            ok if ok == status => Some(answer),
            401 if may_lose => {
                self.shared.lost.fetch_add(1, Ordering::Relaxed);
                None
            }
            _ => {
                self.failed(format!("{what}: {} {}", answer.status, answer.text()));
                None
            }
        }
    }

    fn failed(&self, why: String) {
        self.shared.failures.lock().unwrap().push(why);
    }
}
