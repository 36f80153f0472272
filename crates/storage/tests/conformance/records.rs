//! Records of the audit log: whatever a question asks for is found, in order, and nothing changes or removes one.

use crate::place::*;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use ward_audit::{Decision, Detail, Entity, Outcome, Record};
use ward_storage::audit_row::{context_of, patients};
use ward_storage::{RecordQuestion, Store, StoreError, StoredRecord, Unit};
use ward_testkit::Random;

const START_US: i64 = 1_700_000_000_000_000;
const HOUR_US: i64 = 3_600_000_000;
const USERS: usize = 6;
const PATIENTS: usize = 9;

pub fn sample() -> Record {
    Record {
        at_us: START_US,
        request_id: [7; 16],
        interaction: "read".into(),
        client_id: "lab".into(),
        user: "Practitioner/p1".into(),
        purpose: "TREAT".into(),
        source: "127.0.0.1".into(),
        outcome: Outcome::Success,
        status: 200,
        query: String::new(),
        entities: vec![entity(4_001, 4_000)],
        decision: Decision::default(),
        detail: Detail::default(),
    }
}

fn entity(rid: i64, patient: i64) -> Entity {
    Entity {
        ty: ty("Observation").0,
        rid,
        version: 1,
        patient,
        action: b'R',
    }
}

fn user(number: usize) -> String {
    match number {
        0 => String::new(),
        number => format!("Practitioner/p{number}"),
    }
}

/// Some time after `at_us`, by some person about some of a few patients.
fn random(random: &mut Random, at_us: i64) -> Record {
    let interaction = ["read", "search-type", "update", "$everything"][random.below(4)];
    let entities = (0..random.below(4))
        .map(|_| {
            let patient = 10 * random.below(PATIENTS) as i64;
            // Of a patient's own row, of a few others, of nobody's.
            let rid = [patient, patient + 1 + random.below(3) as i64, 7_000][random.below(3)];
            entity(rid, patient)
        })
        .collect();
    let mut detail = Detail::default();
    if random.below(5) == 0 {
        detail.patient = 10 * random.below(PATIENTS) as i64;
    }
    Record {
        at_us,
        interaction: interaction.into(),
        client_id: ["lab", "portal"][random.below(2)].into(),
        user: user(random.below(USERS)),
        status: [200, 404][random.below(2)],
        entities,
        detail,
        ..sample()
    }
}

async fn commit(store: &Store, record: &Record) {
    let records = vec![store.new_record(record)];
    let unit = Unit {
        records,
        ..Unit::default()
    };
    store.commit(unit).await.unwrap();
}

async fn drain(store: &Store, node: &str, from: u64, records: &[Record]) -> u64 {
    let key = store.record_key();
    let sealed: Vec<(u64, Vec<u8>)> = (from..).zip(records.iter().map(|r| key.seal(r))).collect();
    store.store_records(node, &sealed).await.unwrap()
}

async fn all_of(store: &Store) -> Vec<StoredRecord> {
    let question = RecordQuestion {
        limit: 100_000,
        ..RecordQuestion::default()
    };
    store.records(&question).await.unwrap()
}

/// In some order of ids: by units one by one, and by drains of two nodes, of which one is hours late now and then.
pub async fn populate(store: &Store, random: &mut Random, count: usize) -> Vec<Record> {
    let (mut made, mut at_us, mut next) = (Vec::new(), START_US, [1, 1]);
    while made.len() < count {
        at_us += random.below(60_000_000) as i64;
        if random.below(3) == 0 {
            let record = self::random(random, at_us);
            commit(store, &record).await;
            made.push(record);
            continue;
        }
        let node = random.below(2);
        let late = match random.below(4) {
            0 if node == 1 => random.below(5) as i64 * HOUR_US,
            _ => 0,
        };
        let some = 1 + random.below(40);
        let some: Vec<Record> = (0..some)
            .map(|n| self::random(random, at_us - late + n as i64 * 1_000))
            .collect();
        let last = drain(store, ["a", "b"][node], next[node], &some).await;
        next[node] += some.len() as u64;
        assert_eq!(last + 1, next[node]);
        made.extend(some);
    }
    made
}

struct Oracle<'s> {
    store: &'s Store,
    rows: Vec<StoredRecord>,
    /// Numbers of contexts.
    contexts: Vec<(i64, Record)>,
}

impl Oracle<'_> {
    fn meets(&self, question: &RecordQuestion, row: &StoredRecord) -> bool {
        let record = &row.record;
        let is_in = |list: &Option<Vec<i64>>, of: &[i64]| {
            list.as_ref()
                .is_none_or(|list| list.iter().any(|value| of.contains(value)))
        };
        let context = context_of(record);
        let found = self.contexts.iter().find(|(_, known)| *known == context);
        let actor = match record.user.as_str() {
            "" => format!("client:{}", record.client_id),
            user => user.to_owned(),
        };
        let mut about = patients(record);
        if record.interaction != "search-type" {
            about.extend(record.entities.iter().map(|entity| entity.rid));
        }
        about.retain(|key| *key != 0);
        is_in(&question.contexts, &[found.unwrap().0])
            && is_in(&question.actors, &[self.store.actor_key(&actor)])
            && is_in(&question.patients, &about)
            && is_in(&question.keys, &about)
            && question.from_us.is_none_or(|from| record.at_us >= from)
            && question.until_us.is_none_or(|until| record.at_us < until)
            && question
                .after
                .is_none_or(|after| match question.newest_first {
                    true => row.id < after,
                    false => row.id > after,
                })
    }

    fn answer(&self, question: &RecordQuestion) -> Vec<i64> {
        let rows = self.rows.iter().filter(|row| self.meets(question, row));
        let mut ids: Vec<i64> = rows.map(|row| row.id).collect();
        if question.newest_first {
            ids.reverse();
        }
        ids.truncate(question.limit);
        ids
    }

    fn events(&self, question: &RecordQuestion) -> u64 {
        let rows = self.rows.iter().filter(|row| self.meets(question, row));
        rows.map(|row| row.record.events() as u64).sum()
    }

    fn question(&self, random: &mut Random) -> RecordQuestion {
        let list = |random: &mut Random, one: &mut dyn FnMut(&mut Random) -> i64| {
            (random.below(3) == 0).then(|| {
                let most = [1, 2, 8, 100][random.below(4)];
                (0..=random.below(most)).map(|_| one(random)).collect()
            })
        };
        let store = self.store;
        let mut actor = |random: &mut Random| match random.below(USERS) {
            0 => store.actor_key("client:lab"),
            number => store.actor_key(&user(number)),
        };
        let mut context = |random: &mut Random| {
            let at = random.below(self.contexts.len());
            self.contexts[at].0
        };
        let mut patient = |random: &mut Random| 10 * random.below(PATIENTS) as i64;
        let mut key = |random: &mut Random| random.below(10 * PATIENTS) as i64;
        let time = |random: &mut Random| {
            let at = random.below(self.rows.len());
            (random.below(4) == 0).then(|| self.rows[at].record.at_us)
        };
        let mut question = RecordQuestion {
            contexts: list(random, &mut context),
            actors: list(random, &mut actor),
            patients: list(random, &mut patient),
            keys: list(random, &mut key),
            from_us: time(random),
            until_us: time(random),
            after: None,
            newest_first: random.below(2) == 0,
            limit: 1 + random.below(60),
            bytes_max: None,
        };
        if random.below(3) == 0 {
            let at = random.below(self.rows.len());
            question.after = Some(self.rows[at].id);
        }
        question
    }
}

pub async fn random_questions_agree_with_the_oracle(place: Place) {
    let store = place.open().await;
    let seed = 20_261_130;
    println!("seed {seed}");
    let mut random = Random(seed);
    let made = populate(&store, &mut random, 1_500).await;
    let rows = all_of(&store).await;
    let records: Vec<Record> = rows.iter().map(|row| row.record.clone()).collect();
    assert_eq!(records, made, "all there, in the order of coming");
    if matches!(place, Place::Sqlite(_)) {
        assert!(rows.iter().map(|row| row.id).eq(1..=rows.len() as i64));
    }
    for row in &rows {
        let mut bytes = Vec::new();
        row.record.encode(&mut bytes);
        assert_eq!(row.bytes, bytes);
    }
    let contexts = store.record_contexts(0).await.unwrap();
    let oracle = Oracle {
        store: &store,
        rows,
        contexts,
    };
    let mut met = 0;
    for _ in 0..600 {
        let question = oracle.question(&mut random);
        let found = store.records(&question).await.unwrap();
        let found: Vec<i64> = found.iter().map(|row| row.id).collect();
        assert_eq!(found, oracle.answer(&question), "{question:?}");
        met += found.len();
        let whole = RecordQuestion {
            after: None,
            ..question.clone()
        };
        let events = oracle.events(&whole);
        let counted = store.count_records(&question, 10_000).await.unwrap();
        assert_eq!(counted, (events, true), "{question:?}");
        let (_, is_exact) = store.count_records(&question, 16).await.unwrap();
        let all = RecordQuestion {
            limit: usize::MAX,
            ..whole
        };
        assert_eq!(is_exact, oracle.answer(&all).len() < 16, "{question:?}");
    }
    assert!(met > 3_000, "{met}");
    pages_are_whole(&oracle).await;
    let row = &oracle.rows[3];
    assert_eq!(store.record(row.id).await.unwrap().as_ref(), Some(row));
    assert_eq!(store.record(i64::MAX).await.unwrap(), None);
}

async fn pages_are_whole(oracle: &Oracle<'_>) {
    for newest_first in [true, false] {
        let mut question = RecordQuestion {
            patients: Some(vec![10, 20]),
            newest_first,
            limit: 7,
            ..RecordQuestion::default()
        };
        let (mut paged, mut whole) = (Vec::new(), question.clone());
        whole.limit = usize::MAX;
        loop {
            let page = oracle.store.records(&question).await.unwrap();
            let Some(last) = page.last() else { break };
            question.after = Some(last.id);
            paged.extend(page.iter().map(|row| row.id));
        }
        assert_eq!(paged, oracle.answer(&whole));
    }
}

pub async fn drained_ones_are_kept_once_and_in_order(place: Place) {
    let store = place.open().await;
    let record = |n: usize| Record {
        query: format!("n{n}"),
        ..sample()
    };
    let records: Vec<Record> = (0..=9).map(record).collect();
    assert_eq!(drain(&store, "node-a", 1, &records[1..=5]).await, 5);
    assert_eq!(drain(&store, "node-a", 3, &records[3..=9]).await, 9);
    assert_eq!(drain(&store, "node-a", 2, &records[2..=3]).await, 9);
    assert_eq!(drain(&store, "node-b", 1, &records[1..=2]).await, 2);
    assert_eq!(store.store_records("node-a", &[]).await.unwrap(), 9);
    let stored = all_of(&store).await;
    let names: Vec<&str> = stored.iter().map(|row| row.record.query.as_str()).collect();
    assert_eq!(
        names,
        [
            "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9", "n1", "n2"
        ]
    );
}

pub async fn contexts_are_stored_once_over_all_nodes(place: Place) {
    let (store, other) = (place.open().await, place.open().await);
    let record = |status| Record { status, ..sample() };
    for store in [&store, &other, &store] {
        for status in [200, 404, 200] {
            commit(store, &record(status)).await;
        }
        drain(store, "node", 1, &[record(503), record(200)]).await;
    }
    let contexts = store.record_contexts(0).await.unwrap();
    let statuses: BTreeSet<u16> = contexts.iter().map(|(_, context)| context.status).collect();
    assert_eq!((contexts.len(), statuses), (3, [200, 404, 503].into()));
    assert_eq!(other.record_contexts(3).await.unwrap(), []);
    let numbers: HashMap<u16, i64> = contexts.iter().map(|(id, c)| (c.status, *id)).collect();
    let question = RecordQuestion {
        contexts: Some(vec![numbers[&404]]),
        limit: 10,
        ..RecordQuestion::default()
    };
    assert_eq!(other.records(&question).await.unwrap().len(), 3);
    assert!(
        contexts
            .iter()
            .all(|(_, c)| c.user.is_empty() && c.at_us == 0)
    );
    // A unit that fails stores none.
    let failing = Unit {
        records: vec![store.new_record(&record(418))],
        ..unit(vec![update(
            &create(ty("Patient"), 5, 5, "{}"),
            "{}",
            terms(&[]),
        )])
    };
    assert!(store.commit(failing).await.is_err());
    assert_eq!(store.record_contexts(3).await.unwrap(), []);
    commit(&store, &record(418)).await;
    assert_eq!(store.record_contexts(3).await.unwrap().len(), 4);
}

pub async fn nothing_changes_or_removes_one(place: Place) {
    let store = place.open().await;
    let late = Record {
        at_us: START_US - 5 * HOUR_US,
        entities: vec![entity(1, 2), entity(3, 4)],
        ..sample()
    };
    drain(&store, "node", 1, &[sample(), late]).await;
    let before = all_of(&store).await;
    let mut refused = vec![
        "update record set at_us = 1".to_owned(),
        "update record_key set key = 1".into(),
        "update record_context set sealed = sealed".into(),
        "update record_late set late_us = 1".into(),
    ];
    let tables = ["record", "record_key", "record_context", "record_late"];
    refused.extend(tables.map(|table| format!("delete from {table}")));
    match &place {
        Place::Sqlite(_) => refused.extend([
            "insert into record (id, at_us, ctx, actor, patient, events, sealed) select id + 9, at_us, ctx, actor, patient, events, sealed from record".into(),
            "insert or replace into record (id, at_us, ctx, actor, patient, events, sealed) select 1, at_us, ctx, actor, patient, events, sealed from record".into(),
            "insert into record (at_us, ctx, actor, patient, events, sealed) select at_us, ctx, actor, patient, events, sealed from record where id = 1".into(),
        ]),
        Place::Postgres(_) => {
            refused.extend(tables.map(|table| format!("truncate {table}")));
            refused.push("set session_replication_role = replica; delete from record".into());
            owners_have_no_right(&place).await;
        }
    }
    for sql in refused {
        assert!(!place.can_run(&sql).await, "{sql}");
    }
    assert_eq!(all_of(&store).await, before);
    assert!(
        place
            .can_run("insert into record_late (late_us) values (5)")
            .await
    );
}

/// Beside the triggers: of `user=arxt/user`, what stands for update, delete and truncate is not there.
async fn owners_have_no_right(place: &Place) {
    let sql = "select convert_to(relacl::text || ' ', 'UTF8') from pg_class where relname in ('record', 'record_key', 'record_context', 'record_late')";
    let rights = String::from_utf8(place.stored(sql).await).unwrap();
    let each: Vec<&str> = rights
        .split('=')
        .skip(1)
        .filter_map(|right| right.split('/').next())
        .collect();
    assert_eq!(each.len(), 4, "{rights}");
    assert!(!each.concat().contains(['w', 'd', 'D']), "{rights}");
}

pub async fn nothing_of_one_stands_in_clear(place: Place) {
    let store = place.open().await;
    let mut record = Record {
        client_id: "a-client-of-that-name".into(),
        user: "Practitioner/somebody-of-that-name".into(),
        ..sample()
    };
    record.detail.roles = "a-role-of-that-name".into();
    commit(&store, &record).await;
    drain(&store, "node", 1, &[record]).await;
    let sql = "select sealed from record union all select sealed from record_context union all \
        select convert_to(r::text, 'UTF8') from record r union all select convert_to(c::text, 'UTF8') from record_context c";
    let stored = place.stored(sql).await;
    assert!(stored.len() > 300);
    let name = b"of-that-name";
    assert!(!stored.windows(name.len()).any(|bytes| bytes == name));
}

/// A torn or foreign entry, and one from before entries were sealed.
pub async fn what_cannot_be_read_is_kept_and_hides_nothing(place: Place) {
    let store = place.open().await;
    let mut clear = Vec::new();
    sample().encode(&mut clear);
    let sealed = store.record_key().seal(&sample());
    let entries = [(1, b"nothing".to_vec()), (2, clear), (3, sealed)];
    assert_eq!(store.store_records("node", &entries).await.unwrap(), 3);
    let stored = all_of(&store).await;
    assert_eq!(stored.len(), 2);
    assert!(stored.iter().all(|row| row.record == sample()));
    let first = stored[0].id - 1;
    assert_eq!(store.record(first).await, Err(StoreError::Integrity));
    let question = RecordQuestion {
        from_us: Some(START_US),
        limit: 5,
        ..RecordQuestion::default()
    };
    assert_eq!(store.records(&question).await.unwrap(), stored);
}

pub async fn a_changed_one_is_refused(place: Place) {
    let store = place.open().await;
    commit(&store, &sample()).await;
    commit(&store, &sample()).await;
    let stored = all_of(&store).await;
    match place {
        Place::Sqlite(_) => {
            place
                .run("drop trigger record_u; update record set sealed = zeroblob(60) where id = 2")
                .await
        }
        Place::Postgres(_) => place.run("alter table record disable trigger record_stays; update record set sealed = decode(repeat('00', 60), 'hex') where id = (select max(id) from record)").await,
    }
    let question = RecordQuestion {
        limit: 5,
        ..RecordQuestion::default()
    };
    assert_eq!(store.records(&question).await, Err(StoreError::Integrity));
    let first = store.record(stored[0].id).await.unwrap();
    assert_eq!(first.as_ref(), Some(&stored[0]));
}

/// More contexts than are merged at once, of which all but the newest rows are the rare ones.
pub async fn many_contexts_are_found_however_rare(place: Place) {
    let store = place.open().await;
    let of = |status: usize| Record {
        status: status as u16,
        ..sample()
    };
    let rare: Vec<Record> = (0..150).map(|n| of(1_000 + n)).collect();
    drain(&store, "node", 1, &rare).await;
    let common = vec![of(200); 5_000];
    for some in 0..5 {
        let from = 1 + rare.len() as u64 + some * common.len() as u64;
        drain(&store, "node", from, &common).await;
    }
    let contexts = store.record_contexts(0).await.unwrap();
    let ids = contexts.iter().filter(|(_, c)| c.status >= 1_000);
    let mut question = RecordQuestion {
        contexts: Some(ids.map(|(id, _)| *id).collect()),
        newest_first: true,
        limit: 20,
        ..RecordQuestion::default()
    };
    let statuses = |rows: Vec<StoredRecord>| -> Vec<u16> {
        rows.iter().map(|row| row.record.status).collect()
    };
    let expected: Vec<u16> = (1_130..1_150).rev().collect();
    assert_eq!(statuses(store.records(&question).await.unwrap()), expected);
    let counted = store.count_records(&question, 1_000).await.unwrap();
    assert_eq!(counted, (150, true));
    question.newest_first = false;
    let expected: Vec<u16> = (1_000..1_020).collect();
    assert_eq!(statuses(store.records(&question).await.unwrap()), expected);
    question.contexts = Some(contexts.iter().map(|(id, _)| *id).collect());
    let (events, is_exact) = store.count_records(&question, 100).await.unwrap();
    assert!(!is_exact && (20_000..30_000).contains(&events), "{events}");
}

pub async fn their_statements_and_steps_are_as_reviewed(place: Place) {
    let store = place.open().await;
    let mut random = Random(5);
    let mut made = Vec::new();
    for n in 0..20_000 {
        made.push(self::random(&mut random, START_US + n * 1_000_000));
    }
    for (at, some) in made.chunks(4_000).enumerate() {
        drain(&store, "node", 1 + at as u64 * 4_000, some).await;
    }
    place.analyse().await;
    let contexts = store.record_contexts(0).await.unwrap();
    let contexts: Vec<i64> = contexts.iter().map(|(id, _)| *id).collect();
    let actor = store.actor_key("Practitioner/p1");
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
    let asked = [
        ("everything", of(&|_| {})),
        ("oldest first", of(&|q| q.newest_first = false)),
        (
            "a time",
            of(&|q| (q.from_us, q.until_us) = (Some(START_US), Some(START_US + HOUR_US))),
        ),
        ("a person", of(&|q| q.actors = Some(vec![actor]))),
        (
            "a person since",
            of(&|q| (q.actors, q.from_us) = (Some(vec![actor]), Some(START_US))),
        ),
        (
            "a context",
            of(&|q| q.contexts = Some(contexts[..1].to_vec())),
        ),
        (
            "several contexts",
            of(&|q| q.contexts = Some(contexts[..9].to_vec())),
        ),
        (
            "many contexts",
            of(&|q| q.contexts = Some((0..100).collect())),
        ),
        ("a patient", of(&|q| q.patients = Some(vec![10]))),
        ("a resource", of(&|q| q.keys = Some(vec![11]))),
        (
            "a person and a patient",
            of(&|q| (q.actors, q.patients) = (Some(vec![actor]), Some(vec![10]))),
        ),
        (
            "a patient and many contexts",
            of(&|q| (q.contexts, q.patients) = (Some((0..100).collect()), Some(vec![10]))),
        ),
    ];
    let mut text = String::from(
        "Checked by `tests/conformance/records.rs`; `WARD_BLESS=1` writes it anew. A question on Records, how many statements a page takes,\n\
         and each statement with its steps.\n",
    );
    for (name, question) in &asked {
        let mut run = 0;
        for _ in 0..2 {
            let before = store.statements();
            store.records(question).await.unwrap();
            run = store.statements() - before;
        }
        let _ = write!(text, "\n# {name}\nstatements: {run}\n");
        let explanation = store.explain_records(question).await.unwrap();
        for statement in explanation.statements {
            let _ = writeln!(text, "{}: {}", statement.purpose, statement.sql);
            for step in &statement.steps {
                let _ = writeln!(text, "    {step}");
                let is_whole = step.contains("Seq Scan on record") || step.trim() == "SCAN y";
                assert!(!is_whole, "{name}: {step}");
            }
        }
    }
    place.golden("records", &text);
}
