//! How fast records go out of the audit log whose time is over: first those of one kind in eight, scattered over the runs of a day, then all.
//! `cargo run --example retain_rate -- RECORDS [postgres://…]`; without an address on the embedded store. The database must be empty.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::time::Instant;
use ward_audit::removal::Removal;
use ward_audit::{Decision, Detail, Entity, Outcome, Record};
use ward_seal::MasterKey;
use ward_storage::{Expiry, Held, Numbering, Store, StoreSettings};

const RECORDS: u64 = 100_000;
/// What one step of a quiet server numbers.
const IN_A_RUN: u64 = 50;
const KINDS: [&str; 8] = [
    "read",
    "search-type",
    "update",
    "token",
    "vread",
    "create",
    "history-type",
    "capabilities",
];
const START_US: i64 = 1_700_000_000_000_000;

#[tokio::main]
async fn main() {
    let mut asked = std::env::args().skip(1);
    let count = asked.next().map_or(RECORDS, |n| n.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let settings = match asked.next() {
        Some(url) => StoreSettings::postgres(&url),
        None => StoreSettings::sqlite(folder.path().join("ward.db")),
    };
    let store = Store::open(settings, MasterKey::from_bytes([7; 32]));
    let store = store.await.unwrap();
    filled(&store, count).await;
    for (name, kinds) in [("scattered", &KINDS[7..]), ("all", &KINDS[..])] {
        let begun = Instant::now();
        let records = expired(&store, kinds).await;
        let took = begun.elapsed();
        let rate = records as f64 / took.as_secs_f64();
        println!("{name:<10} {records} records in {took:.1?}: {rate:.0} a second");
    }
    store.close().await;
}

async fn filled(store: &Store, count: u64) {
    let key = store.record_key();
    let mut numbering = Numbering::new("log.example/ward/audit");
    let (mut next, mut now_us) = (1, START_US);
    while next <= count {
        let some = (next..next + IN_A_RUN).map(|n| (n, key.seal(&record(n))));
        let some: Vec<(u64, Vec<u8>)> = some.collect();
        store.store_records("node", &some).await.unwrap();
        next += IN_A_RUN;
        now_us += 1_000_000;
        store.number_records(&mut numbering, now_us).await.unwrap();
    }
    // What other transactions held back, and the checkpoint.
    for _ in 0..3 {
        now_us += 1_000_000;
        store.number_records(&mut numbering, now_us).await.unwrap();
    }
}

async fn expired(store: &Store, kinds: &[&str]) -> u64 {
    let contexts = store.record_contexts(0).await.unwrap();
    let meant = contexts
        .into_iter()
        .filter(|(_, context)| kinds.contains(&context.interaction.as_str()));
    let expiry = Expiry {
        contexts: meant.map(|(number, _)| number).collect(),
        until_us: i64::MAX,
        rule: "retention: all for 6 years".into(),
    };
    let held = Held::default();
    let (mut records, mut after) = (0, Some(0));
    while let Some(from) = after {
        let now_us = START_US + 1_000_000_000_000;
        let taken = store.expire(&expiry, &held, from, now_us, told);
        let taken = taken.await.unwrap();
        records += taken.records;
        after = taken.after;
    }
    records
}

fn told(removal: &Removal) -> Record {
    Record {
        at_us: removal.time_us,
        interaction: "audit-retention".into(),
        entities: Vec::new(),
        ..record(0)
    }
}

fn record(n: u64) -> Record {
    let at = n as i64;
    Record {
        at_us: START_US + at,
        request_id: [n as u8; 16],
        interaction: KINDS[n as usize % KINDS.len()].into(),
        client_id: "lab".into(),
        user: format!("Practitioner/p{}", n % 500),
        purpose: "TREAT".into(),
        source: "10.1.2.3".into(),
        outcome: Outcome::Success,
        status: 200,
        query: String::new(),
        entities: vec![Entity {
            ty: 101,
            rid: (1 << 40) + at,
            version: 1,
            patient: (1 << 39) + at % 20_000,
            action: b'R',
        }],
        decision: Decision::default(),
        detail: Detail {
            token_id: format!("{n:032x}"),
            roles: "physician".into(),
            elapsed_us: Some(700),
            ..Detail::default()
        },
    }
}
