//! What finds Records is compared with what they say: whoever has the database hides none of them from searches unseen, and nothing is told
//! of a log that nobody has touched.

use crate::place::*;
use crate::records::{populate, sample};
use crate::removed::{expire, expiry, told};
use crate::tree::{Log, START_US, grown, unguard};
use std::time::{Duration, Instant};
use ward_audit::leaf::Class;
use ward_audit::{DETAIL_BYTES_MAX, Record};
use ward_storage::{Filed, Filing, Gap, Held, Misfiled, Recount, Unit, Walk};
use ward_testkit::Random;

const HOUR_US: i64 = 3_600_000_000;
/// Looks of a walk that goes on beside what is written.
const LOOKS: usize = 40;
const TRIES_MAX: usize = 100;

async fn walked(log: &Log) -> Option<Gap> {
    let mut walk = Walk::default();
    log.store.walk_log(&mut walk, log.now_us).await.unwrap()
}

/// Of a log of which all is looked at at once.
async fn whole(log: &Log) -> Vec<Misfiled> {
    let (mut found, mut filing, mut from) = (Vec::new(), Filing::default(), 0);
    loop {
        let entries = log.store.log_entries(from, from + 100).await.unwrap();
        let Some(last) = entries.last() else { break };
        from = last.seq + 1;
        found.extend(log.store.misfiled(&entries, &mut filing).await.unwrap());
    }
    let mut after = Some((i64::MIN, i64::MIN));
    while let Some(place) = after {
        let (foreign, next) = log.store.foreign_keys(place, 7).await.unwrap();
        found.extend(foreign);
        after = next;
    }
    found
}

async fn commit(log: &mut Log, record: &Record) {
    let records = vec![log.store.new_record(record)];
    let unit = Unit {
        records,
        ..Unit::default()
    };
    log.store.commit(unit).await.unwrap();
    log.reach(log.size + 1).await;
}

/// Takes away what guards contexts and lateness as well.
async fn unguard_all(place: &Place) {
    unguard(place).await;
    for table in ["record_context", "record_late"] {
        let sql = match place {
            Place::Sqlite(_) => format!("drop trigger {table}_u; drop trigger {table}_d"),
            Place::Postgres(_) => format!("alter table {table} disable trigger all"),
        };
        place.run(&sql).await;
    }
}

pub async fn what_hides_a_record_is_found_and_named(place: Place) {
    let log = grown(&place).await;
    unguard_all(&place).await;
    assert_eq!(walked(&log).await, None);
    // An update, entry 5: of patient 4000, and by its key of row 4001.
    let set = |what: &str| format!("update record set {what} where id = 6");
    let context = |number: &str| format!("(select {number} from record where id = 6)");
    let moved = |from: &str| {
        let number = context(from);
        format!("update record_context set id = -id where id = {number}")
    };
    let key = |of: &str| format!("insert into record_key (key, id) values ({of}, 6)");
    let cases = [
        (
            set("patient = patient + 1"),
            set("patient = patient - 1"),
            vec![Filed::Patient],
        ),
        (
            set("patient = 0"),
            set("patient = 4000"),
            vec![Filed::Patient],
        ),
        (
            set("actor = -actor"),
            set("actor = -actor"),
            vec![Filed::Actor],
        ),
        (set("ctx = -ctx"), set("ctx = -ctx"), vec![Filed::Context]),
        (
            set("events = events + 1"),
            set("events = events - 1"),
            vec![Filed::Events],
        ),
        (
            "delete from record_key where id = 6".into(),
            key("4001"),
            vec![Filed::Key],
        ),
        (
            key("4002"),
            "delete from record_key where (key, id) = (4002, 6)".into(),
            vec![Filed::ForeignKey],
        ),
        (
            "update record_key set key = 4002 where id = 6".into(),
            "update record_key set key = 4001 where id = 6".into(),
            vec![Filed::Key, Filed::ForeignKey],
        ),
        (moved("ctx"), moved("-ctx"), vec![Filed::ContextRow]),
    ];
    for (change, undo, what) in cases {
        place.run(&change).await;
        let gap = walked(&log).await.expect(&change);
        assert_eq!((gap.missing, gap.changed), (0, 0), "{change}");
        let named = gap.named.iter().filter(|one| one.entry == Some(5));
        let named: Vec<Filed> = named.map(|one| one.what).collect();
        assert_eq!(named, what, "{change}");
        let of_others = gap.misfiled - what.len() as u64;
        assert_eq!(of_others > 0, what == [Filed::ContextRow], "{change}");
        let all = whole(&log).await;
        assert_eq!(all.len() as u64, gap.misfiled, "{change}");
        place.run(&undo).await;
        assert_eq!(walked(&log).await, None, "{undo}");
    }
    // Under its number lies what another sealed.
    let other = "(select c.sealed from record_context c where c.id <> record_context.id order by c.id limit 1)";
    let number = context("ctx");
    place
        .run(&format!(
            "update record_context set sealed = {other} where id = {number}"
        ))
        .await;
    let gap = walked(&log).await.unwrap();
    let what = Misfiled {
        entry: Some(5),
        record: 6,
        what: Filed::ContextRow,
    };
    assert!(gap.named.contains(&what), "{gap:?}");
}

/// Of no Record, and of one that was taken out.
pub async fn keys_without_a_record_are_found(place: Place) {
    let mut log = grown(&place).await;
    let taken = log.store.redact(6, "court order", log.now_us, told).await;
    let entries = taken.unwrap().entries;
    log.reach(log.size + 2).await;
    assert_eq!(walked(&log).await, None);
    assert_eq!(whole(&log).await, []);
    unguard_all(&place).await;
    place
        .run("insert into record_key (key, id) values (4001, 6), (7, 1000000)")
        .await;
    let of = |entry, record| Misfiled {
        entry,
        record,
        what: Filed::ForeignKey,
    };
    let found = [of(None, 1_000_000), of(Some(entries[0].start), 6)];
    let gap = walked(&log).await.unwrap();
    assert_eq!(gap.named, found);
    assert_eq!((gap.entry, gap.misfiled), (Some(5), 2));
    assert_eq!(whole(&log).await.len(), 2);
}

pub async fn a_record_that_nothing_says_is_late_is_found(place: Place) {
    let mut log = Log::open(&place).await;
    log.grow(2, 20).await;
    let ahead = Record {
        at_us: START_US + 2 * HOUR_US,
        ..sample()
    };
    commit(&mut log, &ahead).await;
    log.grow(0, 3).await;
    assert_eq!(walked(&log).await, None);
    unguard_all(&place).await;
    place.run("delete from record_late").await;
    let gap = walked(&log).await.unwrap();
    let entries: Vec<Option<u64>> = gap.named.iter().map(|one| one.entry).collect();
    assert_eq!(entries, [Some(23), Some(24), Some(25)]);
    assert!(gap.named.iter().all(|one| one.what == Filed::Late));
    assert_eq!(whole(&log).await.len(), 3);
}

/// Whatever Records there are, and after some have gone.
pub async fn of_an_untouched_log_nothing_is_told(place: Place) {
    let mut log = Log::open(&place).await;
    let mut random = Random::seeded();
    let made = populate(&log.store, &mut random, 600).await;
    log.reach(made.len() as u64).await;
    let long = |of: &str| of.repeat(DETAIL_BYTES_MAX);
    let mut record = Record {
        at_us: made.iter().map(|one| one.at_us).max().unwrap(),
        status: 404,
        entities: Vec::new(),
        user: long("é"),
        client_id: long("c"),
        ..sample()
    };
    record.detail.request = format!("Observation/abc?{}", long("x"));
    commit(&mut log, &record).await;
    record.user.clear();
    record.detail.received = br#"{"reference":"Patient/abc"}"#.to_vec();
    commit(&mut log, &record).await;
    let unreadable = [(1, b"nothing that was sealed".to_vec())];
    log.store.store_records("evil", &unreadable).await.unwrap();
    log.reach(log.size + 1).await;
    log.now_us = record.at_us + HOUR_US;
    assert_eq!(walked(&log).await, None);
    assert_eq!(whole(&log).await, []);
    let expiry = expiry(&log, Some("read"), i64::MAX).await;
    let taken = expire(&log, &expiry, &Held::default()).await.unwrap();
    assert!(taken.records > 0);
    assert_eq!(walked(&log).await, None, "before the removal has a number");
    log.reach(log.size + 2).await;
    assert_eq!(walked(&log).await, None);
    assert_eq!(whole(&log).await, []);
    let log = log.reopened(&place).await;
    assert_eq!(walked(&log).await, None);
}

/// Records come in and go while it is looked at.
pub async fn nothing_is_told_while_records_come_and_go(place: Place) {
    let mut log = grown(&place).await;
    let store = log.store.clone();
    let now_us = log.now_us;
    let walking = async {
        let mut kept = Walk::default();
        for look in 0..LOOKS {
            let mut fresh = Walk::default();
            for walk in [&mut kept, &mut fresh] {
                let gap = store.walk_log(walk, now_us + look as i64).await;
                assert_eq!(gap, Ok(None), "look {look}");
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    };
    let writing = async {
        let held = Held::default();
        for _ in 0..8 {
            log.grow(3, 40).await;
            let expiry = expiry(&log, Some("update"), i64::MAX).await;
            let taken = expire(&log, &expiry, &held).await.unwrap();
            assert!(taken.records > 0);
            log.reach(log.size + 2).await;
        }
    };
    tokio::join!(walking, writing);
    assert_eq!(walked(&log).await, None);
    assert_eq!(whole(&log).await, []);
}

/// As many statements for a few as for thousands.
pub async fn a_part_is_compared_by_a_constant_number_of_statements(place: Place) {
    let mut log = Log::open(&place).await;
    log.grow(1, 4_095).await;
    let mut taken = Vec::new();
    for count in [8, 4_096] {
        let begun = Instant::now();
        let entries = log.store.log_entries(0, count).await.unwrap();
        let (read, before) = (begun.elapsed(), log.store.statements());
        let begun = Instant::now();
        let mut filing = Filing::default();
        let misfiled = log.store.misfiled(&entries, &mut filing).await;
        assert_eq!(misfiled, Ok(Vec::new()));
        let (compared, statements) = (begun.elapsed(), log.store.statements() - before);
        taken.push(statements);
        let begun = Instant::now();
        let first = (i64::MIN, i64::MIN);
        let foreign = log.store.foreign_keys(first, count as usize).await.unwrap();
        assert_eq!(foreign.0, []);
        let keys = begun.elapsed();
        println!("{count} records: read {read:?}, compared {compared:?}, as many keys {keys:?}");
    }
    // Contexts are read once, for the first part.
    assert!(
        taken[0] <= 7 && taken[1] <= taken[0],
        "{taken:?} statements"
    );
}

/// A25: more answers have left than are recorded.
pub async fn answers_that_are_not_recorded_are_told(place: Place) {
    let mut log = grown(&place).await;
    let mut recount = Recount::default();
    let node = [(Class::of("read").0, 3)];
    log.store.add_answered("node", &node).await.unwrap();
    for _ in 0..3 {
        log.grow(1, 0).await;
        let told = log.store.recount_log(&mut recount).await;
        assert_eq!(told, Ok(None));
    }
    let node = [(Class::of("read").0, 1_000)];
    log.store.add_answered("node", &node).await.unwrap();
    for _ in 0..TRIES_MAX {
        log.grow(1, 0).await;
        let told = log.store.recount_log(&mut recount).await.unwrap();
        let Some(told) = told else { continue };
        assert_eq!((told.class, told.answers), (Class::of("read"), 1_003));
        assert!(told.recorded < told.size, "{told:?}");
        let again = log.store.recount_log(&mut Recount::default()).await;
        assert_eq!(again, Ok(Some(told)), "by a process that begins");
        return;
    }
    panic!("nothing is told");
}
