//! Records that are taken out of the log, by their age or one at a time: every proof holds, and what no removal names is found.

use crate::place::*;
use crate::records::sample;
use crate::tree::{Log, ORIGIN, START_US, checked, grown, unguard};
use ward_audit::Record;
use ward_audit::checkpoint::Checkpoint;
use ward_audit::leaf::Content;
use ward_audit::note::Signer;
use ward_audit::removal::{Removal, RemovalKind};
use ward_audit::tree::proof::verify_consistency;
use ward_audit::verifier::{Problem, Report, Verdict};
use ward_seal::Ed25519Key;
use ward_storage::{Expiry, Held, RecordQuestion, StoreError, TakeError, Taken, Unit, Walk};

pub fn told(removal: &Removal) -> Record {
    Record {
        at_us: removal.time_us,
        interaction: "audit-retention".into(),
        query: format!("records={}", removal.entries.len()),
        entities: Vec::new(),
        ..sample()
    }
}

/// Of all records, or of those of one interaction, that were recorded before.
pub async fn expiry(log: &Log, interaction: Option<&str>, until_us: i64) -> Expiry {
    let contexts = log.store.record_contexts(0).await.unwrap();
    let is_meant = |context: &Record| interaction.is_none_or(|of| of == context.interaction);
    let meant = contexts
        .into_iter()
        .filter(|(_, context)| is_meant(context));
    Expiry {
        contexts: meant.map(|(number, _)| number).collect(),
        until_us,
        rule: "retention: all for 6 years".into(),
    }
}

pub async fn expire(log: &Log, expiry: &Expiry, held: &Held) -> Result<Taken, TakeError> {
    let mut all = Taken::default();
    let mut after = Some(0);
    while let Some(from) = after {
        let taken = log.store.expire(expiry, held, from, log.now_us, told);
        let taken = taken.await?;
        all.records += taken.records;
        all.entries.extend(taken.entries);
        all.removal = taken.removal.or(all.removal);
        after = taken.after;
    }
    Ok(all)
}

/// With the notes and events of so many removals.
async fn numbered(log: &mut Log, removals: u64) {
    log.reach(log.size + 2 * removals).await;
}

async fn report(log: &Log) -> Report {
    checked(&log.store, &log.policy().await).await.unwrap()
}

async fn ids(log: &Log) -> Vec<i64> {
    let question = RecordQuestion {
        limit: 100_000,
        ..RecordQuestion::default()
    };
    let all = log.store.records(&question).await.unwrap();
    all.iter().map(|stored| stored.id).collect()
}

pub async fn what_is_over_is_taken_out_and_every_proof_holds(place: Place) {
    let log = grown(&place).await;
    let (before, old) = (ids(&log).await, log.last().await);
    let old = Checkpoint::parse(old.text()).unwrap();
    let mut walk = Walk::default();
    let expiry = expiry(&log, None, START_US + 3).await;
    let (over, _) = log
        .store
        .expiring(&expiry, &Held::default(), 0)
        .await
        .unwrap();
    let taken = expire(&log, &expiry, &Held::default()).await.unwrap();
    assert!(taken.records > 6 && taken.records == over.len() as u64);
    let over: Vec<i64> = over.iter().map(|stored| stored.id).collect();
    // They are gone at once, and what tells of it is found.
    let mut left = before.clone();
    left.retain(|id| !over.contains(id));
    let now = ids(&log).await;
    assert_eq!(now[..now.len() - 1], left);
    let event = log.store.record(*now.last().unwrap()).await.unwrap();
    assert_eq!(event.unwrap().record.interaction, "audit-retention");
    assert_eq!(log.store.record(over[0]).await, Ok(None));
    assert_eq!(log.store.log_removed(left[0]).await, Ok(None));
    // By another process, as after a crash.
    let mut log = log.reopened(&place).await;
    numbered(&mut log, 1).await;
    let report = report(&log).await;
    assert_eq!(report.verdict(), Verdict::Whole, "{report}");
    assert_eq!(report.redacted, taken.entries);
    assert_eq!(log.store.walk_log(&mut walk, log.now_us).await, Ok(None));
    // What is there is proved as before, and what is not, too.
    let keys = log.store.log_keys().await.unwrap();
    let proof = log.store.log_proof(left[0]).await.unwrap().unwrap();
    assert!(proof.verify(&keys, &[]).is_ok());
    for id in over {
        let removed = log.store.log_removed(id).await.unwrap().unwrap();
        assert!(removed.proof.verify(&keys, &[]).is_ok());
        assert!(removed.removal.names(removed.proof.leaf.seq));
        assert!(removed.note.is_signed_by(&keys[0]));
        let content = &removed.proof.leaf.content;
        assert!(matches!(content, Content::Redacted { .. }));
    }
    let size = log.store.log_size().await.unwrap();
    let proof = log.store.log_consistency(old.size, size).await;
    let root = log.store.log_root(size).await.unwrap().unwrap();
    let proof = proof.unwrap().unwrap();
    assert!(verify_consistency(old.size, &old.root, size, &root, &proof));
    // A second time there is nothing to do, and followers see what tells of it only.
    let again = expire(&log, &expiry, &Held::default()).await.unwrap();
    assert_eq!(again, Taken::default());
    let (followed, _) = log
        .store
        .records_after(&Default::default(), 10_000)
        .await
        .unwrap();
    assert_eq!(followed.len(), now.len());
}

/// Of more stretches than one removal can name.
pub async fn a_rule_for_some_takes_out_these_alone(place: Place) {
    let mut log = Log::open(&place).await;
    log.grow(1, 4_800).await;
    let expiry = expiry(&log, Some("read"), i64::MAX).await;
    let taken = expire(&log, &expiry, &Held::default()).await.unwrap();
    assert_eq!(taken.records, 1_201);
    numbered(&mut log, 2).await;
    let report = report(&log).await;
    assert_eq!(report.verdict(), Verdict::Whole, "{report}");
    assert_eq!(report.redactions(), 1_201);
    let mut walk = Walk::default();
    assert_eq!(log.store.walk_log(&mut walk, log.now_us).await, Ok(None));
    let question = RecordQuestion {
        limit: 10_000,
        ..RecordQuestion::default()
    };
    let left = log.store.records(&question).await.unwrap();
    assert!(
        left.iter()
            .all(|stored| stored.record.interaction != "read")
    );
    assert_eq!(left.len(), 3_602);
}

/// In many small runs, as they come in a day, of which every second has one that goes.
pub async fn what_is_scattered_over_many_runs_is_taken_out(place: Place) {
    let mut log = Log::open(&place).await;
    for _ in 0..300 {
        log.grow(0, 2).await;
    }
    let expiry = expiry(&log, Some("token"), i64::MAX).await;
    let taken = expire(&log, &expiry, &Held::default()).await.unwrap();
    assert_eq!(taken.records, 150);
    assert_eq!(taken.entries.len(), 150);
    numbered(&mut log, 1).await;
    let report = report(&log).await;
    assert_eq!(report.verdict(), Verdict::Whole, "{report}");
    assert_eq!(report.redacted, taken.entries);
}

pub async fn what_is_held_stays(place: Place) {
    let mut log = grown(&place).await;
    let other = Record {
        at_us: START_US,
        user: "Practitioner/p2".into(),
        ..sample()
    };
    let mut of_nobody = other.clone();
    of_nobody.entities.clear();
    let mut of_received = of_nobody.clone();
    of_received.user = "Practitioner/p3".into();
    of_received.detail.received = br#"{"reference":"Patient/abc"}"#.to_vec();
    for record in [&other, &of_nobody, &of_received] {
        let records = vec![log.store.new_record(record)];
        let unit = Unit {
            records,
            ..Unit::default()
        };
        log.store.commit(unit).await.unwrap();
    }
    log.reach(log.size + 3).await;
    let expiry = expiry(&log, None, i64::MAX).await;
    let all = ids(&log).await.len();
    let patient = format!("Patient/{}", log.store.public_id(4_000));
    for (hold, left) in [
        (vec![patient.clone(), "Patient/abc".into()], all - 1),
        (vec!["Practitioner/p2".into(), "Patient/abc".into()], 3),
        (vec!["client:lab".into(), "Practitioner/p1".into()], all - 3),
    ] {
        let held = log.store.held(&hold).await.unwrap();
        let (over, _) = log.store.expiring(&expiry, &held, 0).await.unwrap();
        assert_eq!(all - over.len(), left, "{hold:?}");
    }
    let bad = log.store.held(&["somebody".into()]).await;
    assert_eq!(bad, Err(StoreError::Integrity));
    let held = log.store.held(&[patient]).await.unwrap();
    let taken = expire(&log, &expiry, &held).await.unwrap();
    assert_eq!(taken.records, 2);
}

pub async fn a_redaction_leaves_the_entry(place: Place) {
    let mut log = grown(&place).await;
    let id = ids(&log).await[9];
    let redact =
        async |log: &Log, id: i64, rule: &str| log.store.redact(id, rule, log.now_us, told).await;
    let two_lines = redact(&log, id, "court\norder").await;
    assert_eq!(two_lines, Err(TakeError::Rule));
    let taken = redact(&log, id, "court order 7 (by Dr. Demo)")
        .await
        .unwrap();
    assert_eq!(taken.records, 1);
    assert_eq!(redact(&log, id, "again").await, Err(TakeError::Absent));
    // What is not signed yet has no entry.
    let event = *ids(&log).await.last().unwrap();
    assert_eq!(
        redact(&log, event, "too early").await,
        Err(TakeError::NotSigned)
    );
    assert_eq!(
        log.store.log_removed(id).await.map(|told| told.is_some()),
        Ok(true)
    );
    log.store.turn_log_key().await.unwrap();
    numbered(&mut log, 1).await;
    log.grow(1, 1).await;
    let report = report(&log).await;
    assert_eq!(report.verdict(), Verdict::Whole, "{report}");
    assert_eq!(report.redacted, taken.entries);
    let removed = log.store.log_removed(id).await.unwrap().unwrap();
    assert_eq!(removed.removal.kind, RemovalKind::Redaction);
    assert_eq!(removed.removal.rule, "court order 7 (by Dr. Demo)");
    assert_eq!(removed.removal.entries, taken.entries);
    // The removal itself stays.
    let note = taken.removal.unwrap();
    assert!(redact(&log, note, "hide it").await.is_err());
}

/// Somebody with the database deletes a record, and says that it was taken out.
pub async fn what_no_removal_names_is_found(place: Place) {
    let mut log = grown(&place).await;
    let all = ids(&log).await;
    let expiry = expiry(&log, None, START_US + 2).await;
    let taken = expire(&log, &expiry, &Held::default()).await.unwrap();
    numbered(&mut log, 1).await;
    // A removal that the log's key has not signed.
    let forged = Removal {
        origin: ORIGIN.into(),
        time_us: log.now_us,
        kind: RemovalKind::Expiry,
        entries: std::iter::once(0..20).collect(),
        rule: "nobody's".into(),
    };
    let foreign = Signer::new(ORIGIN, Ed25519Key::from_seed(&[7; 32])).unwrap();
    let note = forged.signed(&foreign).unwrap();
    let sealed = log.key.seal_encoded(note.to_string().as_bytes());
    log.store
        .store_records("evil", &[(1, sealed)])
        .await
        .unwrap();
    log.reach(log.size + 1).await;
    unguard(&place).await;
    let entries = log.store.log_entries(0, log.size).await.unwrap();
    let victim = entries.iter().find(|entry| {
        entry.removal.is_none() && entry.seq > 5 && entry.seq < 20 && all.contains(&entry.id)
    });
    let victim = victim.unwrap();
    let leaf = victim.leaf.as_ref().unwrap();
    let commitment = leaf.content.commitment().0;
    let hex: String = commitment
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let bytes = match place {
        Place::Sqlite(_) => format!("x'{hex}'"),
        Place::Postgres(_) => format!("decode('{hex}', 'hex')"),
    };
    let evil = entries.last().unwrap().id;
    let (id, seq, at_us) = (victim.id, victim.seq, leaf.at_us);
    let (honest, policy) = (taken.removal.unwrap(), log.policy().await);
    place
        .run(&format!(
            "insert into removed (id, seq, removal, at_us, commitment) values ({id}, {seq}, {honest}, {at_us}, {bytes}); \
             delete from record where id = {id}"
        ))
        .await;
    for removal in [honest, evil] {
        let guarded = match place {
            Place::Sqlite(_) => "drop trigger if exists removed_u; ",
            Place::Postgres(_) => "alter table removed disable trigger all; ",
        };
        let sql = format!("{guarded} update removed set removal = {removal} where id = {id}");
        place.run(&sql).await;
        let report = checked(&log.store, &policy).await.unwrap();
        assert_eq!(report.verdict(), Verdict::Broken, "{report}");
        let mut named = report.findings.iter();
        assert!(named.any(|f| f.problem == Problem::NotRemoved), "{report}");
        let mut walk = Walk::default();
        let gap = log.store.walk_log(&mut walk, log.now_us).await.unwrap();
        assert_eq!(
            gap.map(|gap| (gap.entry, gap.missing)),
            Some((Some(seq), 1))
        );
        assert_eq!(log.store.log_removed(id).await, Err(StoreError::Integrity));
    }
    // Whoever writes another commitment is found, too.
    place.run("update removed set at_us = at_us + 1").await;
    let report = checked(&log.store, &policy).await.unwrap();
    let mut named = report.findings.iter();
    assert!(named.any(|f| f.problem == Problem::Changed), "{report}");
}

pub async fn records_go_within_a_removal_only(place: Place) {
    let mut log = grown(&place).await;
    let all = ids(&log).await;
    let fake = format!(
        "insert into removed (id, seq, removal, at_us, commitment) select {}, 0, 1, 1, sealed from record where id = {}",
        all[0], all[0]
    );
    let mut refused = vec![format!("delete from record where id = {}", all[1])];
    if let Place::Postgres(_) = place {
        // What another transaction has put there does not do.
        assert!(place.can_run(&fake).await);
        refused.push(format!("delete from record where id = {}", all[0]));
        refused.push("truncate removed".into());
    }
    refuses(&place, &refused).await;
    assert_eq!(ids(&log).await, all);
    let expiry = expiry(&log, None, START_US + 2).await;
    if let Place::Postgres(_) = place {
        let busy = expire(&log, &expiry, &Held::default()).await;
        assert_eq!(busy, Err(TakeError::Busy));
        place
            .run(
                "alter table removed disable trigger all; delete from removed; \
                 alter table removed enable always trigger removed_stays",
            )
            .await;
    }
    assert!(expire(&log, &expiry, &Held::default()).await.is_ok());
    numbered(&mut log, 1).await;
    let refused = ["update removed set seq = 1", "delete from removed"];
    refuses(&place, &refused.map(String::from)).await;
}

async fn refuses(place: &Place, all: &[String]) {
    for sql in all {
        assert!(!place.can_run(sql).await, "{sql}");
    }
}

/// In PostgreSQL. Ids run through partitions that are made ahead, through the last one where none was, and what is empty goes.
pub async fn records_lie_in_partitions(place: Place) {
    let Place::Postgres(database) = &place else {
        return;
    };
    let parts = || database.ask("select string_agg(n::text, ' ' order by n) from record_part");
    let used = || database.ask("select count(distinct tableoid) from record");
    let far_us = START_US + 90 * 86_400_000_000;
    let mut log = Log::open(&place).await;
    log.grow(2, 30).await;
    log.store.tend_records(far_us, 100).await.unwrap();
    assert_eq!(parts(), "1 2");
    place
        .run("select setval('record_id', (select max(low) from record_part) - 20)")
        .await;
    log.grow(1, 5).await;
    log.store.tend_records(far_us, 100).await.unwrap();
    assert_eq!(parts(), "1 2 3");
    // Over an end, and into the last one, which is cut with rows in it.
    log.grow(1, 40).await;
    assert_eq!((used(), parts()), ("2".into(), "1 2 3".into()));
    log.grow(1, 200).await;
    assert_eq!((used(), parts()), ("3".into(), "1 2 3".into()));
    log.store.tend_records(far_us, 100).await.unwrap();
    log.store.tend_records(far_us, 100).await.unwrap();
    assert_eq!((used(), parts()), ("3".into(), "1 2 3 4".into()));
    log.grow(1, 150).await;
    let forwards = ids(&log).await;
    assert_eq!((forwards.len(), used()), (431, "4".into()));
    let mut question = RecordQuestion {
        newest_first: true,
        limit: 60,
        ..RecordQuestion::default()
    };
    let mut backwards = Vec::new();
    loop {
        let page = log.store.records(&question).await.unwrap();
        let Some(last) = page.last() else { break };
        question.after = Some(last.id);
        backwards.extend(page.iter().map(|stored| stored.id));
    }
    backwards.reverse();
    assert_eq!(backwards, forwards);
    let whole = report(&log).await;
    assert_eq!(whole.verdict(), Verdict::Whole, "{whole}");
    // All that is over goes, and with it the partitions that no id comes into any more.
    let expiry = expiry(&log, None, i64::MAX).await;
    let taken = expire(&log, &expiry, &Held::default()).await.unwrap();
    assert_eq!(taken.records, 431);
    log.store.tend_records(far_us, 100).await.unwrap();
    assert!(parts().starts_with("4 "), "{}", parts());
    let mut log = log.reopened(&place).await;
    numbered(&mut log, 1).await;
    log.grow(2, 20).await;
    let whole = report(&log).await;
    assert_eq!(whole.verdict(), Verdict::Whole, "{whole}");
    for sql in ["truncate record_4", "delete from record_4"] {
        assert!(!place.can_run(sql).await, "{sql}");
    }
}

/// What fails on its way leaves everything, and two who try at once take out each record once.
pub async fn a_removal_is_done_whole_or_not_at_all(place: Place) {
    let mut log = grown(&place).await;
    let all = ids(&log).await;
    let expiry = expiry(&log, None, START_US + 2).await;
    let refuse = match place {
        Place::Sqlite(_) => format!(
            "create trigger refuse before delete on record when old.id = {} begin select raise(abort, 'no'); end",
            all[1]
        ),
        Place::Postgres(_) => "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$; \
            create trigger zz_refuse before delete on record for each row execute function refuse()".into(),
    };
    place.run(&refuse).await;
    assert!(expire(&log, &expiry, &Held::default()).await.is_err());
    assert_eq!(ids(&log).await, all);
    log.grow(1, 1).await;
    let report = report(&log).await;
    assert_eq!((report.verdict(), report.redactions()), (Verdict::Whole, 0));
    let allow = match place {
        Place::Sqlite(_) => "drop trigger refuse",
        Place::Postgres(_) => "drop trigger zz_refuse on record",
    };
    place.run(allow).await;
    let other = place.open().await;
    let held = Held::default();
    let (one, two) = tokio::join!(
        log.store.expire(&expiry, &held, 0, log.now_us, told),
        other.expire(&expiry, &held, 0, log.now_us, told)
    );
    let is_fine =
        |taken: &Result<Taken, TakeError>| taken.is_ok() || *taken == Err(TakeError::Busy);
    assert!(is_fine(&one) && is_fine(&two), "{one:?} {two:?}");
    let done = [one, two].into_iter().flatten();
    let removals: Vec<u64> = done.map(|taken| taken.records).filter(|n| *n > 0).collect();
    assert_eq!(removals.len(), 1);
    other.close().await;
    numbered(&mut log, 1).await;
    let report = self::report(&log).await;
    assert_eq!(report.verdict(), Verdict::Whole, "{report}");
    assert_eq!(report.redactions(), removals[0]);
}
