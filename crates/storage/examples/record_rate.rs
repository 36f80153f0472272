//! What the audit log takes in a store: time of a drained Record, bytes of an event, and how long questions take.
//!
//! `cargo build --release -p ward-storage --examples`, then `record_rate sqlite FOLDER | postgres URL  [RECORDS]`. Eight of ten Records are
//! reads and searches of one patient, one is a page of several, one a write; of 400 persons, 20,000 patients and 4 clients.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring tool")]

use std::time::{Duration, Instant};
use ward_audit::{Decision, Detail, Entity, Outcome, Record};
use ward_seal::MasterKey;
use ward_storage::{RecordQuestion, Store, StoreSettings};

const BATCH: usize = 2_000;
const PERSONS: u64 = 400;
const PATIENTS: u64 = 20_000;
const START_US: i64 = 1_790_000_000_000_000;
const STEP_US: i64 = 50_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [kind, place, rest @ ..] = words.as_slice() else {
        return println!("sqlite FOLDER | postgres URL  [RECORDS]");
    };
    let count: usize = rest.first().map_or(1_000_000, |n| n.parse().unwrap());
    let settings = match kind.as_str() {
        "sqlite" => StoreSettings::sqlite(format!("{place}/ward.db")),
        _ => StoreSettings::postgres(place),
    };
    let store = Store::open(settings, MasterKey::from_bytes([1; 32]));
    let store = store.await.unwrap();
    let mut mix = Mix(9);
    let (mut events, mut bytes, mut spent) = (0, 0, Duration::ZERO);
    for batch in 0..count.div_ceil(BATCH) {
        let at = START_US + (batch * BATCH) as i64 * STEP_US;
        let records: Vec<Record> = (0..BATCH)
            .map(|n| mix.record(at + n as i64 * STEP_US))
            .collect();
        events += records.iter().map(Record::events).sum::<usize>();
        let key = store.record_key();
        let from = (batch * BATCH + 1) as u64;
        let sealed: Vec<(u64, Vec<u8>)> =
            (from..).zip(records.iter().map(|r| key.seal(r))).collect();
        bytes += sealed.iter().map(|s| s.1.len()).sum::<usize>();
        let begun = Instant::now();
        store.store_records("node", &sealed).await.unwrap();
        spent += begun.elapsed();
    }
    let records = count.div_ceil(BATCH) * BATCH;
    println!(
        "{records} records, {events} events, {:.1} bytes sealed each; drained in {:.1} us each",
        bytes as f64 / records as f64,
        spent.as_secs_f64() * 1e6 / records as f64
    );
    questions(&store, records).await;
    store.close().await;
    if kind == "sqlite" {
        let size = std::fs::metadata(format!("{place}/ward.db")).unwrap().len();
        println!("file: {:.1} bytes an event", size as f64 / events as f64);
    } else {
        println!(
            "sizes: select relname, pg_relation_size(oid) / {events}.0 from pg_class where relname like 'record%'"
        );
    }
}

async fn questions(store: &Store, records: usize) {
    let contexts = store.record_contexts(0).await.unwrap();
    println!("{} contexts", contexts.len());
    let page = RecordQuestion {
        newest_first: true,
        limit: 21,
        ..RecordQuestion::default()
    };
    let of = |change: &dyn Fn(&mut RecordQuestion)| {
        let mut question = page.clone();
        change(&mut question);
        question
    };
    let actor = |n: u64| store.actor_key(&person(n));
    let with = |is: &dyn Fn(&Record) -> bool| -> Option<Vec<i64>> {
        let found = contexts.iter().filter(|(_, context)| is(context));
        Some(found.map(|(id, _)| *id).collect())
    };
    let middle = START_US + records as i64 / 2 * STEP_US;
    let hour = (Some(middle), Some(middle + 3_600_000_000));
    let asked = [
        ("newest", of(&|_| {})),
        ("an hour", of(&|q| (q.from_us, q.until_us) = hour)),
        ("a person", of(&|q| q.actors = Some(vec![actor(7)]))),
        (
            "a person in an hour",
            of(&|q| (q.actors, q.from_us, q.until_us) = (Some(vec![actor(7)]), hour.0, hour.1)),
        ),
        (
            "50 persons",
            of(&|q| q.actors = Some((0..50).map(actor).collect())),
        ),
        ("a patient", of(&|q| q.patients = Some(vec![4_096 * 77]))),
        (
            "a patient and a person",
            of(&|q| (q.patients, q.actors) = (Some(vec![4_096 * 77]), Some(vec![actor(7)]))),
        ),
        (
            "reads",
            of(&|q| q.contexts = with(&|c| c.interaction == "read")),
        ),
        (
            "what was refused",
            of(&|q| q.contexts = with(&|c| c.status == 403)),
        ),
        ("what nobody did", of(&|q| q.contexts = Some(vec![1]))),
        (
            "refused of a person",
            of(&|q| (q.contexts, q.actors) = (with(&|c| c.status == 403), Some(vec![actor(7)]))),
        ),
    ];
    for (name, question) in &asked {
        let mut times: Vec<Duration> = Vec::new();
        let mut found = 0;
        for _ in 0..40 {
            let begun = Instant::now();
            found = store.records(question).await.unwrap().len();
            times.push(begun.elapsed());
        }
        times.sort();
        let begun = Instant::now();
        let (events, is_exact) = store.count_records(question, 1_024).await.unwrap();
        let counted = begun.elapsed();
        println!(
            "{name}: {found} rows, median {:?}, longest {:?}; {}{events} events counted in {counted:?}",
            times[times.len() / 2],
            times[times.len() - 1],
            if is_exact { "" } else { "about " },
        );
    }
}

fn person(number: u64) -> String {
    format!("Practitioner/{:020}", number * 7_919)
}

struct Mix(u64);

impl Mix {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn record(&mut self, at_us: i64) -> Record {
        let (kind, patient) = (self.below(10), self.patient());
        let (interaction, action, status) = match kind {
            0 => ("update", b'U', 200),
            1..5 => ("read", b'R', 200),
            5 if self.below(20) == 0 => ("read", b'R', 403),
            _ => ("search-type", b'R', 200),
        };
        let mut entities = Vec::new();
        let rows = match (interaction, status) {
            (_, 403) => 0,
            ("search-type", _) => self.below(12),
            _ => 1,
        };
        for _ in 0..rows {
            let patient = if kind == 9 { self.patient() } else { patient };
            entities.push(Entity {
                ty: 101,
                rid: patient + 1 + (self.below(1 << 30) as i64) * 4_096,
                version: 1 + self.below(3) as u32,
                patient,
                action,
            });
        }
        let is_write = action == b'U';
        Record {
            at_us,
            request_id: [self.below(256) as u8; 16],
            interaction: interaction.into(),
            client_id: ["portal", "ward-app", "lab", "billing"][self.below(4) as usize].into(),
            user: person(self.below(PERSONS)),
            purpose: "TREAT".into(),
            source: format!("10.1.{}.{}", self.below(9), self.below(250)),
            outcome: if status == 200 {
                Outcome::Success
            } else {
                Outcome::Minor
            },
            status,
            query: if interaction == "search-type" {
                "patient&category&date".into()
            } else {
                String::new()
            },
            entities,
            decision: Decision::default(),
            detail: Detail {
                token_id: format!("{:022}", self.below(1 << 30)),
                roles: ["physician", "nurse", "physician researcher"][self.below(3) as usize]
                    .into(),
                elapsed_us: Some(self.below(3_000)),
                bytes_out: Some(self.below(9_000)),
                hashes: if is_write { vec![[7; 32]] } else { Vec::new() },
                ..Detail::default()
            },
        }
    }

    fn patient(&mut self) -> i64 {
        (1 + self.below(PATIENTS) as i64) * 4_096
    }
}
