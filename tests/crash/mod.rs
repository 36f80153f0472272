//! The server is killed under load, again and again: what it acknowledged is there afterwards, and of every transaction
//! all or nothing; and an index that was being built is whole in the end. <https://hl7.org/fhir/R4/http.html#transaction>

mod audit;
mod faults;
mod indexing;
mod ledger;
mod load;
mod words;

use ledger::Ledger;
use load::Visit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use ward_testkit::postgres::{Cluster, Database};
use ward_testkit::{Backend, Client, Home, Server, Start, backends};

/// Kills per store; `WARD_CRASH_ROUNDS` sets another number.
const ROUNDS: usize = 50;
const CLIENTS: u64 = 4;
/// Milliseconds of load before a kill, at random, counted from the first answer.
const LOAD_MS: std::ops::Range<u64> = 20..300;
const FIRST_ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// In so many rounds the clients do everything they can.
const ROUNDS_OF_EACH_KIND: usize = 25;
/// Resources of all rounds that are looked at once more at the end.
const LAST_LOOK_MAX: usize = 2_000;

#[test]
fn nothing_acknowledged_is_lost_and_no_transaction_is_torn_on_sqlite() {
    if backends().contains(&Backend::Sqlite) {
        survive(
            Server::start(Start::empty(Backend::Sqlite)),
            rounds(ROUNDS),
            || (),
        );
    }
}

#[test]
fn nothing_acknowledged_is_lost_and_no_transaction_is_torn_on_postgres() {
    if backends().contains(&Backend::Postgres) {
        survive(
            Server::start(Start::empty(Backend::Postgres)),
            rounds(ROUNDS),
            || (),
        );
    }
}

#[test]
fn nothing_is_lost_when_the_database_goes_down_too() {
    if backends().contains(&Backend::Postgres) {
        let cluster = Cluster::durable();
        let home = Home {
            folder: tempfile::tempdir().unwrap(),
            database: Some(Database::of(&cluster)),
        };
        let server = Server::start_in(Start::empty(Backend::Postgres), home);
        survive(server, rounds(ROUNDS).div_ceil(10), || cluster.crash());
    }
}

/// Load, kill, whatever else goes wrong meanwhile, restart, look.
fn survive(mut server: Server, rounds: usize, accident: impl Fn()) {
    let seed = number("WARD_CRASH_SEED").unwrap_or_else(|| {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_micros() as u64
    });
    println!("WARD_CRASH_SEED={seed} WARD_CRASH_ROUNDS={rounds}");
    let (mut random, mut ledger, begun) = (Random(seed), Ledger::default(), Instant::now());
    for round in 0..rounds {
        let (visits, (start, home)) = load_and_kill(server, round, &mut random, &ledger);
        accident();
        server = Server::start_in(start, home);
        let ward = server.client("loader");
        ledger.settle(visits, &ward);
    }
    ledger.check_again(&server.client("loader"), LAST_LOOK_MAX, &mut random);
    let backend = server.backend;
    let (_, home) = server.stop();
    audit::check_recorded(&home, &ledger.answered);
    tell(&ledger, backend, rounds, begun.elapsed());
}

/// What was shown, and whether it was enough.
fn tell(ledger: &Ledger, backend: Backend, rounds: usize, time: Duration) {
    let Ledger {
        writes,
        transactions,
        deletions,
        answered,
        ..
    } = ledger;
    let created_once = ledger.created_once();
    let seconds = time.as_secs();
    println!(
        "{backend:?}: {rounds} kills in {seconds} s; acknowledged: {writes} writes, {transactions} of them transactions, {created_once} of them \
        conditional creates; {deletions} resources found deleted; {} answers, each with its record",
        answered.len()
    );
    let of_each_kind = *transactions > 0 && created_once > 0 && *deletions > 0;
    let is_short = rounds < ROUNDS_OF_EACH_KIND;
    assert!(
        (of_each_kind || is_short) && *writes >= rounds / 2,
        "too little load to show anything"
    );
}

fn rounds(default: usize) -> usize {
    number("WARD_CRASH_ROUNDS").map_or(default, |n| n as usize)
}

/// Several clients write until the server dies, at a random moment.
fn load_and_kill(
    server: Server,
    round: usize,
    random: &mut Random,
    ledger: &Ledger,
) -> (Vec<Visit>, (Start, Home)) {
    let ward: Client = server.client("loader");
    let life = Duration::from_millis(random.between(LOAD_MS.start, LOAD_MS.end));
    let is_answered = AtomicBool::new(false);
    let is_answered = &is_answered;
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|n| {
                let (ward, random) = (ward.clone(), Random(random.next()));
                let mut visit = Visit::new(round, n, ledger.some(n, CLIENTS), random);
                scope.spawn(move || {
                    while visit.step(&ward).is_some() {
                        is_answered.store(true, Ordering::Relaxed);
                    }
                    visit
                })
            })
            .collect();
        let begun = Instant::now();
        while !is_answered.load(Ordering::Relaxed) && begun.elapsed() < FIRST_ANSWER_TIMEOUT {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(life);
        let parts = server.kill();
        (
            clients.into_iter().map(|c| c.join().unwrap()).collect(),
            parts,
        )
    })
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap())
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
