//! How long an auditor's questions take over a log of many Records: `audit_search sqlite FOLDER | postgres URL [RECORDS]`.
//!
//! 20,000 patients and 400 persons of whom nothing else is stored; eight of ten Records are reads of one patient, one is a page of five, one a write.
//! A store that has Records already is asked as it is.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring tool")]

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use ward_access::{Caller, Identity, Scopes};
use ward_audit::{Decision, Detail, Entity, Outcome, Record};
use ward_fhir::schema::r4;
use ward_resources::route::{Method, route};
use ward_resources::search::decode_query;
use ward_resources::{Call, Engine, Settings};
use ward_seal::MasterKey;
use ward_storage::{RecordQuestion, Store, StoreSettings};

const BATCH: usize = 5_000;
const PERSONS: usize = 400;
const PATIENTS: usize = 20_000;
const FROM_US: i64 = 1_790_000_000_000_000;
const STEP_US: i64 = 50_000;
const TIMES: usize = 100;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [kind, place, rest @ ..] = words.as_slice() else {
        return println!("sqlite FOLDER | postgres URL [RECORDS]");
    };
    let count = rest.first().map_or(1_000_000, |n| n.parse().unwrap());
    let settings = match kind.as_str() {
        "sqlite" => StoreSettings::sqlite(format!("{place}/ward.db")),
        _ => StoreSettings::postgres(place),
    };
    let store = Store::open(settings, MasterKey::from_bytes([1; 32]))
        .await
        .unwrap();
    fill(&store, count).await;
    let folder = std::env::temp_dir().join(format!("ward-audit-search-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let log = ward_audit::Log::open(&folder, store.record_key()).unwrap();
    let engine = Engine::new(store, log, Settings::default(), now_us, [9; 32]);
    for (name, url) in questions(&engine, count) {
        ask(&engine, name, &url).await;
    }
    engine.store().close().await;
    std::fs::remove_dir_all(&folder).unwrap();
}

async fn fill(store: &Store, count: usize) {
    let newest = RecordQuestion {
        newest_first: true,
        limit: 1,
        ..RecordQuestion::default()
    };
    let there = store.records(&newest).await.unwrap();
    let from = there.first().map_or(0, |record| record.id as usize);
    let key = store.record_key();
    for batch in from / BATCH..count.div_ceil(BATCH) {
        let first = batch * BATCH;
        let sealed: Vec<(u64, Vec<u8>)> = (first..first + BATCH)
            .map(|n| (n as u64 + 1, key.seal(&record(n))))
            .collect();
        store.store_records("node", &sealed).await.unwrap();
    }
}

fn row(patient: usize) -> i64 {
    (patient as i64 + 1) << 12
}

fn record(n: usize) -> Record {
    let mixed = (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
    let ty = r4().resource_type("Observation").unwrap().0;
    let patient = mixed as usize % PATIENTS;
    let (interaction, action, many) = match mixed % 10 {
        0 => ("search-type", b'R', 5),
        1 => ("update", b'U', 1),
        _ => ("read", b'R', 1),
    };
    let entity = |k: usize| Entity {
        ty,
        rid: (1 << 40) + (n as i64 * 8 + k as i64),
        version: 1,
        patient: row((patient + k * 7) % PATIENTS),
        action,
    };
    let is_refused = mixed.is_multiple_of(97);
    Record {
        at_us: FROM_US + n as i64 * STEP_US,
        request_id: (n as u128).to_be_bytes(),
        interaction: interaction.into(),
        client_id: format!("client-{}", mixed % 4),
        user: format!("Practitioner/p{}", mixed / 7 % PERSONS as u64),
        purpose: ["TREAT", "HPAYMT", "ETREAT"][(mixed / 11 % 3) as usize].into(),
        source: "10.0.0.1".into(),
        outcome: if is_refused {
            Outcome::Minor
        } else {
            Outcome::Success
        },
        status: if is_refused { 403 } else { 200 },
        query: String::new(),
        entities: if is_refused {
            Vec::new()
        } else {
            (0..many).map(entity).collect()
        },
        decision: Decision::default(),
        detail: Detail {
            roles: ["nurse", "physician"][(mixed / 13 % 2) as usize].into(),
            token_id: "3f1c2a9e-jti".into(),
            ..Detail::default()
        },
    }
}

fn questions(engine: &Engine, count: usize) -> Vec<(&'static str, String)> {
    let patient = format!("Patient/{}", engine.store().public_id(row(77)));
    let middle = FROM_US + count as i64 / 2 * STEP_US;
    let hour = |at_us: i64| ward_fhir::date::instant_text(at_us);
    let within = format!(
        "date=ge{}&date=lt{}",
        hour(middle),
        hour(middle + 3_600_000_000)
    );
    vec![
        ("newest", "AuditEvent?_count=20".into()),
        ("newest by date", "AuditEvent?_sort=-date&_count=20".into()),
        (
            "a patient",
            format!("AuditEvent?patient={patient}&_count=20"),
        ),
        (
            "a patient by date",
            format!("AuditEvent?patient={patient}&_sort=-date&_count=20"),
        ),
        (
            "a patient, changes",
            format!("AuditEvent?patient={patient}&action=C,U,D&_count=20"),
        ),
        (
            "a person",
            "AuditEvent?agent=Practitioner/p7&_count=20".into(),
        ),
        (
            "a person, refused",
            "AuditEvent?agent=Practitioner/p7&outcome=4&_count=20".into(),
        ),
        ("an hour", format!("AuditEvent?{within}&_count=20")),
        (
            "an hour, counted",
            format!("AuditEvent?{within}&_count=20&_total=accurate"),
        ),
        (
            "an hour of a purpose",
            format!("AuditEvent?{within}&purpose=ETREAT&_count=20"),
        ),
        (
            "a kind",
            "AuditEvent?type=rest&subtype=update&_count=20".into(),
        ),
        ("refused", "AuditEvent?outcome=4&_count=20".into()),
        (
            "a client",
            "AuditEvent?agent:identifier=|client-2&_count=20".into(),
        ),
        (
            "about how many",
            "AuditEvent?outcome=0&_count=0&_total=estimate".into(),
        ),
    ]
}

async fn ask(engine: &Engine, name: &str, url: &str) {
    let caller = Caller::new(Identity {
        subject: "auditor".into(),
        client_id: "audit-desk".into(),
        fhir_user: Some("Practitioner/auditor".into()),
        roles: vec!["auditor".into()],
        scopes: Scopes::parse("user/AuditEvent.rs").unwrap(),
        ..Identity::default()
    });
    let (path, query) = url.split_once('?').unwrap();
    let mut call = Call::new(
        route(Method::Get, path).unwrap(),
        [7; 16],
        Arc::from("test"),
    );
    call.parameters = decode_query(query).unwrap();
    let mut times: Vec<Duration> = Vec::new();
    let (mut bytes, mut statements) = (0, 0);
    for _ in 0..TIMES {
        let before = engine.store().statements();
        let begun = Instant::now();
        let reply = engine.answer(&caller, &call).await;
        times.push(begun.elapsed());
        let text = String::from_utf8_lossy(reply.json().unwrap_or_default());
        assert_eq!(reply.status, 200, "{url}: {text}");
        (bytes, statements) = (text.len(), engine.store().statements() - before);
    }
    times.sort_unstable();
    let ms = |at: usize| times[at].as_secs_f64() * 1e3;
    println!(
        "{name}: p50 {:.2} ms, p99 {:.2} ms, {statements} statements, {bytes} bytes",
        ms(TIMES / 2),
        ms(TIMES - 1)
    );
}

fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |time| time.as_micros() as i64)
}
