//! The server is killed under load, again and again: what it acknowledged is there afterwards, and of every transaction
//! all or nothing. <https://hl7.org/fhir/R4/http.html#transaction>

mod audit;
mod load;

use load::{Ledger, Visit};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use ward_testkit::{Backend, Client, Server, Start, backends};

/// Kills per store; `WARD_CRASH_ROUNDS` sets another number.
const ROUNDS: usize = 50;
const CLIENTS: u64 = 4;
/// Milliseconds of load before a kill, at random.
const LOAD_MS: std::ops::Range<u64> = 20..300;
/// Resources of all rounds that are looked at once more at the end.
const LAST_LOOK_MAX: usize = 2_000;

#[test]
fn nothing_acknowledged_is_lost_and_no_transaction_is_torn_on_sqlite() {
    on(Backend::Sqlite);
}

#[test]
fn nothing_acknowledged_is_lost_and_no_transaction_is_torn_on_postgres() {
    on(Backend::Postgres);
}

fn on(backend: Backend) {
    if !backends().contains(&backend) {
        return;
    }
    let rounds = number("WARD_CRASH_ROUNDS").map_or(ROUNDS, |n| n as usize);
    let seed = number("WARD_CRASH_SEED").unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64);
    println!("WARD_CRASH_SEED={seed} WARD_CRASH_ROUNDS={rounds}");
    let mut random = Random(seed);
    let mut ledger = Ledger::default();
    let mut server = Server::start(Start::empty(backend));
    let begun = Instant::now();
    for round in 0..rounds {
        let (visits, parts) = load_and_kill(server, round, &mut random, &ledger);
        server = Server::start_in(parts.0, parts.1);
        let ward = server.client("loader");
        for visit in visits {
            ledger.settle(visit, &ward);
        }
    }
    let ward = server.client("loader");
    ledger.check_again(&ward, LAST_LOOK_MAX, &mut random);
    let (_, home) = server.kill();
    audit::check_recorded(&home, &ledger.reads);
    println!(
        "{backend:?}: {rounds} kills in {} s, {} writes ({} transactions) and {} reads acknowledged",
        begun.elapsed().as_secs(),
        ledger.writes,
        ledger.transactions,
        ledger.reads.len()
    );
    assert!(ledger.transactions > rounds / 10 && ledger.writes > rounds, "too little load to show anything");
}

/// Several clients write until the server dies, at a random moment.
fn load_and_kill(server: Server, round: usize, random: &mut Random, ledger: &Ledger) -> (Vec<Visit>, (Start, ward_testkit::Home)) {
    let ward: Client = server.client("loader");
    let life = Duration::from_millis(random.between(LOAD_MS.start, LOAD_MS.end));
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|n| {
                let (ward, random) = (ward.clone(), Random(random.next()));
                let mut visit = Visit::new(format!("r{round}c{n}"), ledger.some(n, CLIENTS), random);
                scope.spawn(move || {
                    while visit.step(&ward).is_some() {}
                    visit
                })
            })
            .collect();
        std::thread::sleep(life);
        let parts = server.kill();
        (clients.into_iter().map(|c| c.join().unwrap()).collect(), parts)
    })
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// SplitMix64: repeatable from its seed.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from)
    }
}
