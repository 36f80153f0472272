//! The tree of the audit log over real stores (TE1 to TE9): what anybody with the database does to it shows.

use crate::place::*;
use crate::records::sample;
use diesel::connection::Connection as _;
use diesel::dsl::sql as sql_text;
use diesel::query_dsl::RunQueryDsl as _;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;
use std::collections::{BTreeMap, BTreeSet};
use ward_audit::checkpoint::Checkpoint;
use ward_audit::issuer::IssueError;
use ward_audit::note::{Note, Signer, VerifierKey};
use ward_audit::tlog_proof::TlogProof;
use ward_audit::tree::proof::verify_consistency;
use ward_audit::verifier::{Policy, Report, Verdict, verify};
use ward_audit::witness::{Refusal, Seen, Witness};
use ward_audit::{Record, RecordKey};
use ward_seal::Ed25519Key;
use ward_storage::{NumberError, Numbering, Store, Unit, Walk};
use ward_testkit::Random;

pub const START_US: i64 = 1_700_000_000_000_000;
const SECOND_US: i64 = 1_000_000;
const TRIES_MAX: usize = 1_000;
pub const ORIGIN: &str = "hospital.example/ward/audit";

/// A log that grows: each round some records by units and by a drain, and a step a second later.
pub struct Log {
    pub store: Store,
    numbering: Numbering,
    pub key: RecordKey,
    pub now_us: i64,
    pub drained: u64,
    pub size: u64,
}

impl Log {
    pub async fn open(place: &Place) -> Log {
        let store = place.open().await;
        let key = store.record_key();
        Log {
            store,
            numbering: Numbering::new(ORIGIN),
            key,
            now_us: START_US,
            drained: 0,
            size: 0,
        }
    }

    /// By another process.
    pub async fn reopened(self, place: &Place) -> Log {
        self.store.close().await;
        Log {
            now_us: self.now_us,
            drained: self.drained,
            size: self.size,
            ..Log::open(place).await
        }
    }

    pub async fn grow(&mut self, by_units: usize, by_drain: u64) {
        let record = |n: u64| Record {
            at_us: START_US + n as i64,
            interaction: ["read", "search-type", "update", "token"][n as usize % 4].into(),
            ..sample()
        };
        for n in 0..by_units as u64 {
            let records = vec![self.store.new_record(&record(n))];
            let unit = Unit {
                records,
                ..Unit::default()
            };
            self.store.commit(unit).await.unwrap();
        }
        let next = self.drained + 1;
        let sealed = (next..next + by_drain).map(|n| (n, self.key.seal(&record(n))));
        let sealed: Vec<(u64, Vec<u8>)> = sealed.collect();
        if !sealed.is_empty() {
            self.store.store_records("node", &sealed).await.unwrap();
            self.drained += by_drain;
        }
        self.reach(self.size + by_units as u64 + by_drain).await;
    }

    /// Transactions of other tests on the same cluster hold the numbering back for a moment.
    pub async fn reach(&mut self, size: u64) {
        for _ in 0..TRIES_MAX {
            self.size = self.step().await.unwrap();
            if self.size >= size {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("{} of {size} records have a number", self.size);
    }

    pub async fn step(&mut self) -> Result<u64, NumberError> {
        self.now_us += SECOND_US;
        loop {
            let step = self.store.number_records(&mut self.numbering, self.now_us);
            let numbered = step.await?;
            if !numbered.more {
                return Ok(numbered.size);
            }
        }
    }

    pub async fn policy(&self) -> Policy {
        Policy {
            keys: self.store.log_keys().await.unwrap(),
            ..Policy::default()
        }
    }

    pub async fn last(&self) -> Note {
        self.store.log_checkpoint(None).await.unwrap().unwrap()
    }
}

pub async fn grown(place: &Place) -> Log {
    let mut log = Log::open(place).await;
    for round in 0..6 {
        log.grow(2, 7 * round).await;
    }
    log
}

/// `None`: a row of it cannot even be read.
pub async fn exported(store: &Store) -> Option<String> {
    let mut export = store.export_log().await.ok()?;
    let mut text = String::new();
    loop {
        let lines = export.next().await.ok()?;
        if lines.is_empty() {
            return Some(text);
        }
        for line in lines {
            text.push_str(&format!("{}\n", line.line));
        }
    }
}

pub async fn checked(store: &Store, policy: &Policy) -> Option<Report> {
    let text = exported(store).await?;
    Some(verify(text.as_bytes(), policy).unwrap())
}

/// Whether somebody who checks finds something wrong.
pub async fn is_found(store: &Store, policy: &Policy) -> bool {
    match checked(store, policy).await {
        Some(report) => report.verdict() == Verdict::Broken,
        None => true,
    }
}

/// Takes the guards away, as whoever owns the database can.
pub async fn unguard(place: &Place) {
    let guarded = [
        "record",
        "record_key",
        "leaf_run",
        "tile",
        "checkpoint",
        "cosignature",
        "log_key",
    ];
    for table in guarded {
        place
            .run(&match place {
                Place::Sqlite(_) => format!("drop trigger {table}_u; drop trigger {table}_d"),
                Place::Postgres(_) => format!("alter table {table} disable trigger all"),
            })
            .await;
    }
}

pub async fn a_log_is_numbered_exported_and_whole(place: Place) {
    let mut log = Log::open(&place).await;
    assert_eq!(
        log.step().await,
        Ok(0),
        "the first checkpoint is of nothing"
    );
    log.grow(3, 40).await;
    log.grow(0, 300).await;
    log.store
        .add_answered("node", &[(1, 80), (2, 60)])
        .await
        .unwrap();
    log.store.add_answered("node", &[(1, 2)]).await.unwrap();
    log.grow(1, 0).await;
    log.grow(1, 0).await;
    // The counts of the step before are signed with the next checkpoint at the latest.
    log.grow(1, 0).await;
    let last = Checkpoint::parse(log.last().await.text()).unwrap();
    assert_eq!(
        (last.size, last.counted.to_string()),
        (346, "1=82 2=60".into())
    );
    // Another process goes on from the rows.
    let mut log = log.reopened(&place).await;
    log.grow(4, 4).await;
    assert_eq!(log.step().await, Ok(354));
    log.store.turn_log_key().await.unwrap();
    log.grow(1, 1).await;
    log.grow(1, 1).await;
    log.now_us += SECOND_US;
    let stop = log.store.stop_numbering(&mut log.numbering, log.now_us);
    assert!(stop.await.unwrap().checkpoint.is_some());
    let report = checked(&log.store, &log.policy().await).await.unwrap();
    assert_eq!(report.verdict(), Verdict::Whole, "{report}");
    assert_eq!(log.store.log_keys().await.unwrap().len(), 2);
    log.store.close().await;
}

/// Every record has its proof, every two sizes theirs, across tiles of two levels.
pub async fn proofs_hold_for_every_entry_and_size(place: Place) {
    let mut log = Log::open(&place).await;
    log.grow(1, 300).await;
    log.grow(2, 65_600).await;
    log.grow(0, 213).await;
    let keys = log.store.log_keys().await.unwrap();
    let last = Checkpoint::parse(log.last().await.text()).unwrap();
    assert_eq!(last.size, 66_116);
    let entries = log.store.log_entries(0, 400).await.unwrap();
    let ids: Vec<i64> = entries.iter().map(|entry| entry.id).collect();
    let late = log.store.log_entries(66_000, 66_116).await.unwrap();
    let ids = ids.into_iter().chain(late.iter().map(|entry| entry.id));
    for id in ids.step_by(97) {
        let proof = log.store.log_proof(id).await.unwrap().unwrap();
        let again = TlogProof::parse(&proof.to_string()).unwrap();
        assert_eq!(again.verify(&keys, &[]), Ok(last.clone()));
    }
    assert_eq!(log.store.log_proof(1 << 40).await, Ok(None));
    let numbered: BTreeMap<i64, u64> = entries
        .iter()
        .chain(&late)
        .map(|entry| (entry.id, entry.seq))
        .collect();
    let asked: BTreeSet<i64> = numbered.keys().copied().chain([1 << 40, 0]).collect();
    let places = log.store.log_places(&asked).await.unwrap();
    assert_eq!(BTreeMap::from_iter(places), numbered);
    let horizon = log.store.log_horizon().await.unwrap();
    assert!(
        horizon.is_none_or(|now| now.oldest <= now.next),
        "{horizon:?}"
    );
    for (old, new) in [
        (0, 1),
        (1, 301),
        (301, 65_903),
        (65_536, 66_116),
        (66_115, 66_116),
    ] {
        let proof = log.store.log_consistency(old, new).await.unwrap().unwrap();
        let root = async |size| log.store.log_root(size).await.unwrap().unwrap();
        let (before, after) = (root(old).await, root(new).await);
        assert!(
            verify_consistency(old, &before, new, &after, &proof),
            "{old} to {new}"
        );
    }
    assert_eq!(log.store.log_consistency(1, 66_117).await, Ok(None));
    // A process that starts reads its place from tiles.
    let mut log = log.reopened(&place).await;
    log.grow(1, 0).await;
    // A flipped tile makes no proof and no signature.
    unguard(&place).await;
    let flip = match &place {
        Place::Sqlite(_) => "update tile set hashes = zeroblob(8192)",
        Place::Postgres(_) => "update tile set hashes = sha256('') || substr(hashes, 33)",
    };
    place.run(flip).await;
    let proof = log.store.log_proof(65_900).await.unwrap().unwrap();
    assert!(proof.verify(&keys, &[]).is_err());
    let mut log = log.reopened(&place).await;
    assert_eq!(log.step().await, Err(NumberError::Differs { size: 66_117 }));
}

pub async fn rows_of_the_log_are_not_changed(place: Place) {
    let log = grown(&place).await;
    for table in ["leaf_run", "checkpoint", "log_key"] {
        let column = match table {
            "leaf_run" => "last",
            "checkpoint" => "size",
            _ => "origin",
        };
        let update = format!("update {table} set {column} = {column}");
        assert!(!place.can_run(&update).await, "{update}");
        assert!(
            !place.can_run(&format!("delete from {table}")).await,
            "{table}"
        );
    }
    log.store.close().await;
}

/// TE1: one bit of a row.
pub async fn a_flipped_bit_is_found(place: Place) {
    let log = grown(&place).await;
    let policy = log.policy().await;
    unguard(&place).await;
    let mut random = Random::seeded();
    let columns = [
        ("record", "id", "sealed"),
        ("leaf_run", "first", "hashes"),
        ("leaf_run", "first", "records"),
        ("checkpoint", "n", "note"),
    ];
    for round in 0..60 {
        let (table, key, column) = columns[round % columns.len()];
        let (at, bit) = (random.below(1_000) as i64, 1 << random.below(7));
        let before = held(&place, table, key, column, at).await;
        let mut after = before.1.clone();
        let byte = random.below(after.len());
        after[byte] ^= bit;
        put(&place, table, key, column, before.0, &after).await;
        assert!(
            is_found(&log.store, &policy).await,
            "round {round}: byte {byte} of {column} of {table}"
        );
        put(&place, table, key, column, before.0, &before.1).await;
    }
    // The time stands beside the record.
    place
        .run("update record set at_us = at_us + 1 where id = 5")
        .await;
    assert!(is_found(&log.store, &policy).await);
    place
        .run("update record set at_us = at_us - 1 where id = 5")
        .await;
    let report = checked(&log.store, &policy).await.unwrap();
    assert_eq!(report.verdict(), Verdict::Whole, "{report}");
}

/// TE2, TE8: the end is gone, or all is as it was before; the tree fits.
pub async fn a_log_that_is_cut_or_restored_is_found(place: Place) {
    let mut log = grown(&place).await;
    let (policy, early) = (log.policy().await, log.last().await);
    let size = Checkpoint::parse(early.text()).unwrap().size as i64;
    log.grow(3, 10).await;
    let late = log.last().await;
    unguard(&place).await;
    let cut = format!(
        "delete from checkpoint where size > {size}; delete from leaf_run where first >= {size}; \
         delete from record where id > (select max(last) from leaf_run); \
         delete from record_key where id > (select max(last) from leaf_run)"
    );
    place.run(&cut).await;
    // The process that runs knows better, and signs nothing.
    let smaller = IssueError::Smaller {
        signed: size as u64 + 13,
        now: size as u64,
    };
    assert_eq!(log.step().await, Err(NumberError::Issue(smaller)));
    let report = checked(&log.store, &policy).await.unwrap();
    assert_eq!(report.verdict(), Verdict::Whole, "nothing in it says so");
    let anchored = |note: &Note| Policy {
        anchors: vec![note.clone()],
        ..policy.clone()
    };
    assert!(is_found(&log.store, &anchored(&late)).await);
    assert!(!is_found(&log.store, &anchored(&early)).await);
    // One that starts goes on from there: a fork, against what was kept.
    let mut restored = log.reopened(&place).await;
    restored.drained += 100;
    restored.size = size as u64;
    restored.grow(8, 30).await;
    let found = checked(&restored.store, &anchored(&late)).await.unwrap();
    assert_eq!(found.verdict(), Verdict::Broken, "{found}");
    // TE5: whoever has signed the one signs no other.
    let mut witness = Witness::new(cosigner());
    witness.follow(Seen::nothing_of(policy.keys[0].clone()));
    assert!(witness.cosign(&late, 0, &[], 1).is_ok());
    let other = restored.last().await;
    let old = Checkpoint::parse(late.text()).unwrap().size;
    let new = Checkpoint::parse(other.text()).unwrap().size;
    let proof = restored
        .store
        .log_consistency(old, new)
        .await
        .unwrap()
        .unwrap();
    let refused = witness.cosign(&other, old, &proof, 2);
    assert_eq!(refused, Err(Refusal::NotConsistent { seen: old }));
}

/// TE3: two records change places. TE1: one is gone, one is put in.
pub async fn swapped_deleted_and_inserted_records_are_found(place: Place) {
    let log = grown(&place).await;
    let policy = log.policy().await;
    unguard(&place).await;
    let swap = "update record set id = -5 where id = 5; update record set id = 5 where id = 9; update record set id = 9 where id = -5";
    place.run(swap).await;
    assert!(is_found(&log.store, &policy).await);
    place.run(swap).await;
    assert!(!is_found(&log.store, &policy).await);
    place.run("delete from record where id = 7").await;
    let report = checked(&log.store, &policy).await.unwrap();
    assert_eq!(report.verdict(), Verdict::Broken);
    assert!(
        report.to_string().contains('6'),
        "the entry is named: {report}"
    );
}

/// TE4: signed anew with a key that no other introduced.
pub async fn a_foreign_key_is_found(place: Place) {
    let log = grown(&place).await;
    let policy = log.policy().await;
    unguard(&place).await;
    place
        .run("delete from checkpoint; delete from log_key")
        .await;
    let mut forged = log.reopened(&place).await;
    forged.step().await.unwrap();
    assert!(is_found(&forged.store, &policy).await);
    let own = forged.policy().await;
    assert!(!is_found(&forged.store, &own).await, "to who believes it");
}

/// TE7.
pub async fn a_clock_that_is_set_back_signs_nothing(place: Place) {
    let mut log = grown(&place).await;
    let before = log.last().await;
    log.now_us -= 3_600 * SECOND_US;
    log.store
        .store_records("other", &[(1, log.key.seal(&sample()))])
        .await
        .unwrap();
    let refused = log.step().await;
    assert!(matches!(
        refused,
        Err(NumberError::Issue(IssueError::ClockBack { .. }))
    ));
    assert_eq!(log.last().await, before);
    log.now_us += 3_601 * SECOND_US;
    log.reach(log.size + 1).await;
    let last = Checkpoint::parse(log.last().await.text()).unwrap();
    let old = Checkpoint::parse(before.text()).unwrap();
    assert_eq!(last.size, old.size + 1, "it is not lost");
}

/// TE9: while the server runs.
pub async fn a_walk_finds_what_was_deleted_or_changed(place: Place) {
    let mut log = grown(&place).await;
    let mut walk = Walk::default();
    let store = log.store.clone();
    assert_eq!(store.walk_log(&mut walk, log.now_us).await, Ok(None));
    log.grow(5, 50).await;
    assert_eq!(store.walk_log(&mut walk, log.now_us).await, Ok(None));
    unguard(&place).await;
    place.run("delete from record where id in (4, 12)").await;
    let gap = store
        .walk_log(&mut walk, log.now_us)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((gap.entry, gap.missing, gap.changed), (Some(3), 2, 0));
    place.run("update record set at_us = 7 where id = 3").await;
    let gap = store
        .walk_log(&mut walk, log.now_us)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((gap.entry, gap.missing, gap.changed), (Some(2), 2, 1));
}

fn cosigner() -> Signer {
    Signer::cosigner("witness.example/w1", Ed25519Key::from_seed(&[9; 32])).unwrap()
}

/// Names of the witness's keys are read back as they were given.
pub async fn cosignatures_stand_below_their_checkpoint(place: Place) {
    let mut log = grown(&place).await;
    let (n, note) = log.store.last_numbered_checkpoint().await.unwrap().unwrap();
    let witness = cosigner();
    let key: &VerifierKey = witness.public();
    let signature = witness.cosign(note.text(), 1_700_000_000);
    log.store.add_cosignature(n, key, &signature).await.unwrap();
    log.store.add_cosignature(n, key, &signature).await.unwrap();
    assert!(log.last().await.is_signed_by(key));
    log.grow(1, 0).await;
    assert!(!log.last().await.is_signed_by(key));
    let policy = Policy {
        witnesses: vec![key.clone()],
        witness_lag_s: 60,
        ..log.policy().await
    };
    let report = checked(&log.store, &policy).await.unwrap();
    assert_eq!(report.verdict(), Verdict::Whole, "{report}");
    assert_eq!(
        log.store.witness_key("w").await.unwrap().public().name(),
        "w"
    );
    let again = log.store.witness_key("other").await.unwrap();
    assert_eq!(again.public().name(), "w", "one key, made once");
    assert_eq!(log.store.log_keys().await.unwrap().len(), 1);
    let mut seen = Seen::nothing_of(policy.keys[0].clone());
    assert_eq!(log.store.witness(None, &seen).await, Ok(true));
    assert_eq!(log.store.witness(None, &seen).await, Ok(false));
    let before = seen.clone();
    seen.size = 5;
    assert_eq!(log.store.witness(Some(&before), &seen).await, Ok(true));
    assert_eq!(log.store.witness(Some(&before), &seen).await, Ok(false));
    assert_eq!(log.store.witnessed().await, Ok(vec![seen]));
}

/// A value of the row that comes `at` rows after the first, and its key.
async fn held(place: &Place, table: &str, key: &str, column: &str, at: i64) -> (i64, Vec<u8>) {
    let hex = match place {
        Place::Sqlite(_) => format!("hex({column})"),
        Place::Postgres(_) => format!("encode({column}, 'hex')"),
    };
    let rows = format!("(select count(*) from {table})");
    let sql = format!(
        "select {key} || ' ' || {hex} from {table} order by {key} limit 1 offset {at} % {rows}"
    );
    match place {
        Place::Sqlite(folder) => {
            let path = folder.path().join("ward.db");
            let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
            let asked = diesel::select(sql_text::<Text>(&format!("({sql})")));
            parsed(&asked.get_result::<String>(&mut connection).unwrap())
        }
        Place::Postgres(database) => parsed(&database.ask(&sql)),
    }
}

async fn put(place: &Place, table: &str, key: &str, column: &str, row: i64, bytes: &[u8]) {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let value = match place {
        Place::Sqlite(_) => format!("x'{hex}'"),
        Place::Postgres(_) => format!("'\\x{hex}'"),
    };
    let sql = format!("update {table} set {column} = {value} where {key} = {row}");
    place.run(&sql).await;
}

fn parsed(text: &str) -> (i64, Vec<u8>) {
    let (key, hex) = text.trim().split_once(' ').unwrap();
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (
        key.parse().unwrap(),
        (0..hex.len()).step_by(2).map(byte).collect(),
    )
}
