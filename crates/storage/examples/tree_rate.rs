//! What the tree of the audit log costs: CPU of this process for each Record that is numbered, opened, hashed, put into the tree and
//! inserted, and what the tree adds to the file. `cargo run --example tree_rate -- RECORDS`, on the embedded store.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::time::Instant;
use ward_audit::verifier::{Policy, verify};
use ward_audit::{Decision, Detail, Entity, Outcome, Record};
use ward_seal::MasterKey;
use ward_storage::{Numbering, Store, StoreSettings};

const RECORDS: u64 = 200_000;
const DRAINED_AT_ONCE: u64 = 2_000;
/// Jiffies of `/proc`.
const TICK_US: u64 = 10_000;

#[tokio::main]
async fn main() {
    let count = std::env::args()
        .nth(1)
        .map_or(RECORDS, |n| n.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ward.db");
    let master = MasterKey::from_bytes([7; 32]);
    let store = Store::open(StoreSettings::sqlite(&path), master.clone());
    let store = store.await.unwrap();
    let key = store.record_key();
    let mut next = 1;
    while next <= count {
        let some = (next..next + DRAINED_AT_ONCE).map(|n| (n, key.seal(&record(n as i64))));
        let some: Vec<(u64, Vec<u8>)> = some.collect();
        store.store_records("node", &some).await.unwrap();
        next += DRAINED_AT_ONCE;
    }
    store.close().await;
    let before = std::fs::metadata(&path).unwrap().len();
    let store = Store::open(StoreSettings::sqlite(&path), master)
        .await
        .unwrap();
    let mut numbering = Numbering::new("log.example/ward/audit");
    let (mut now_us, mut size) = (1_700_000_000_000_000, 0);
    let (begun, cpu) = (Instant::now(), cpu_us());
    loop {
        now_us += 1_000_000;
        let numbered = store.number_records(&mut numbering, now_us).await.unwrap();
        size = size.max(numbered.size);
        if !numbered.more {
            break;
        }
    }
    let (took, cpu) = (begun.elapsed(), cpu_us() - cpu);
    println!(
        "numbered   {size} records in {took:?}: {:.1} us of CPU each",
        cpu as f64 / size as f64
    );
    let begun = Instant::now();
    let mut file = Vec::new();
    let mut export = store.export_log().await.unwrap();
    loop {
        let lines = export.next().await.unwrap();
        if lines.is_empty() {
            break;
        }
        lines
            .iter()
            .for_each(|line| file.extend_from_slice(format!("{}\n", line.line).as_bytes()));
    }
    println!("exported   {} bytes in {:?}", file.len(), begun.elapsed());
    let begun = Instant::now();
    let policy = Policy {
        keys: store.log_keys().await.unwrap(),
        ..Policy::default()
    };
    let report = verify(&file[..], &policy).unwrap();
    println!("verified   {:?} in {:?}", report.verdict(), begun.elapsed());
    store.close().await;
    let after = std::fs::metadata(&path).unwrap().len();
    println!(
        "file       {:.1} bytes a record before, {:.1} more with the tree",
        before as f64 / size as f64,
        (after - before) as f64 / size as f64
    );
}

fn cpu_us() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * TICK_US
}

fn record(n: i64) -> Record {
    Record {
        at_us: 1_700_000_000_000_000 + n,
        request_id: [n as u8; 16],
        interaction: "read".into(),
        client_id: "lab".into(),
        user: format!("Practitioner/p{}", n % 500),
        purpose: "TREAT".into(),
        source: "10.1.2.3".into(),
        outcome: Outcome::Success,
        status: 200,
        query: String::new(),
        entities: vec![Entity {
            ty: 101,
            rid: (1 << 40) + n,
            version: 1,
            patient: (1 << 39) + n % 20_000,
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
