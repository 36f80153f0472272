//! Policies of patients: who sees the rows of a record is worked out by one version of its patient's policy, and by no other.

use crate::place::*;
use crate::visibility::seen_by;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use ward_access::{Maintenance, maintenance};
use ward_search::plan::{Filter, Plan, Total};
use ward_storage::{
    CommitError, Current, Guard, RecordMark, Revision, Rid, Row, Store, Turn, Unit, Write,
};

/// Whoever works out who sees a row does so by the policy of its patient, and no commit slips past a change of it.
pub async fn no_commit_slips_past_a_policy(place: Place) {
    let store = place.open().await;
    let (patient, other) = (patient(&store).await, patient(&store).await);
    let ended = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..16)
        .map(|at| {
            let (store, ended) = (store.clone(), ended.clone());
            let home = if at % 4 == 0 { other } else { patient };
            tokio::spawn(async move {
                let (mut known, mut refused) = (0, 0);
                while !ended.load(Ordering::Relaxed) {
                    let write = Write {
                        visibility: known as i32,
                        policy: Some(known),
                        ..create(ty("Observation"), store.allocate(Some(home)), home, "{}")
                    };
                    match commit(&store, &write).await {
                        Ok(()) => {}
                        Err(CommitError::Policy(0)) => {
                            refused += 1;
                            known = store.policies(&[home]).await.unwrap()[0];
                        }
                        Err(unforeseen) => panic!("{unforeseen:?}"),
                    }
                }
                refused
            })
        })
        .collect();
    let mut lines: Vec<BTreeSet<Rid>> = Vec::new();
    for version in 0..8 {
        // However busy the machine is, some commits come before each change.
        let before = rows_at(&store, patient).await.len();
        while rows_at(&store, patient).await.len() < before + 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        raise(&store, patient).await.unwrap();
        assert_eq!(
            store.policies(&[other, patient, 7]).await,
            Ok(vec![0, version + 1, 0])
        );
        let rows = rows_at(&store, patient).await.into_iter();
        let rows = rows.filter(|row| row.rid != patient);
        let older = rows.filter(|row| i64::from(row.visibility) <= version);
        lines.push(older.map(|row| row.rid).collect());
    }
    ended.store(true, Ordering::Relaxed);
    let mut refused = 0;
    for writer in writers {
        refused += writer.await.unwrap();
    }
    assert!(refused > 0);
    let mut rows = rows_at(&store, patient).await;
    rows.retain(|row| row.rid != patient);
    for (version, line) in lines.iter().enumerate() {
        let older = rows.iter().filter(|row| row.visibility <= version as i32);
        let older: BTreeSet<Rid> = older.map(|row| row.rid).collect();
        assert!(
            older == *line,
            "a commit slipped past version {}",
            version + 1
        );
    }
}

/// A new policy decides anew over the whole record, or is told that the record is another by now.
pub async fn a_policy_meets_the_record_that_it_was_worked_out_for(place: Place) {
    let store = place.open().await;
    let patient = patient(&store).await;
    let of = |visibility: i32| Write {
        visibility,
        entries: terms(&[7]),
        ..create(
            ty("Observation"),
            store.allocate(Some(patient)),
            patient,
            "{}",
        )
    };
    let rows = [of(1), of(1), of(2)];
    store.commit(unit(rows.to_vec())).await.unwrap();
    let second = update(&rows[0], "{\"n\":2}", terms(&[7, 8]));
    commit(&store, &second).await.unwrap();
    let access = maintenance(Maintenance::Reindex);
    let superseded = store.superseded(&access, &[rows[0].rid, rows[1].rid]).await;
    let superseded = superseded.unwrap();
    assert_eq!(superseded.len(), 1);
    assert_eq!((superseded[0].rid, superseded[0].version), (rows[0].rid, 1));
    assert_eq!(
        (superseded[0].visibility, &superseded[0].body[..]),
        (1, &b"{}"[..])
    );
    let read = rows_at(&store, patient).await;
    let change = |mark: RecordMark| Unit {
        writes: vec![seen_by(&second, 3), seen_by(&rows[1], 3)],
        revisions: vec![Revision {
            rid: rows[0].rid,
            version: 1,
            visibility: -1,
        }],
        raises: vec![patient],
        guards: vec![Guard::Record { patient, mark }],
        ..Unit::default()
    };
    let mark = RecordMark::of(&read);
    let late = of(1);
    commit(&store, &late).await.unwrap();
    assert_eq!(store.commit(change(mark)).await, Err(CommitError::Guard(0)));
    assert_eq!(store.policies(&[patient]).await, Ok(vec![0]));
    commit(&store, &delete(&late)).await.unwrap();
    assert_eq!(store.commit(change(mark)).await, Ok(()));
    assert_eq!(store.policies(&[patient]).await, Ok(vec![1]));
    // By the policy before, nothing is written any more: neither versions nor who sees them.
    for (write, expected) in [
        (of(1), Err(CommitError::Policy(0))),
        (seen_by(&rows[2], 1), Err(CommitError::Policy(0))),
        (
            update(&rows[2], "{}", terms(&[7])),
            Err(CommitError::Policy(0)),
        ),
    ] {
        assert_eq!(commit(&store, &write).await, expected);
    }
    // What keeps who sees it is of no policy: an index entry, a deletion.
    let kept = |write: Write| Write {
        policy: None,
        visibility: 9,
        ..write
    };
    commit(&store, &kept(seen_by(&rows[2], 9))).await.unwrap();
    commit(&store, &kept(delete(&rows[1]))).await.unwrap();
    let visible = async |seen: &[i32]| {
        let plan = Plan {
            total: Total::Accurate,
            ..plan(ty("Observation"), Filter::AnyTerm(vec![7]))
        };
        let page = store.search(&only(seen), &plan).await.unwrap();
        let rids: Vec<Rid> = page.rows.iter().map(|row| row.rid).collect();
        assert_eq!(page.total, Some(rids.len() as u64));
        rids
    };
    assert_eq!(visible(&[3]).await, [rows[0].rid]);
    assert_eq!(visible(&[2]).await, [rows[2].rid]);
    assert!(visible(&[1, 9]).await.is_empty());
    let access = only(&[1, 3]);
    for (version, is_seen) in [(1, false), (2, true)] {
        let row = store.read_version(&access, memberships(), rows[0].ty, rows[0].rid, version);
        assert_eq!(row.await.unwrap().is_some(), is_seen, "{version}");
    }
    let tombstone = crate::place::read(&store, &only(&[3]), rows[1].ty, rows[1].rid).await;
    assert!(matches!(tombstone, Current::Deleted(_)));
}

async fn raise(store: &Store, patient: Rid) -> Result<(), CommitError> {
    let raised = Unit {
        raises: vec![patient],
        ..Unit::default()
    };
    store.commit(raised).await
}

/// All live rows of a record, page by page.
async fn rows_at(store: &Store, patient: Rid) -> Vec<Row> {
    let access = maintenance(Maintenance::Reindex);
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let page = store.at_home(&access, patient, after, 100).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.rid);
        rows.extend(page);
    }
    assert!(rows.is_sorted_by_key(|row| row.rid));
    rows
}

/// Who is due is told to one asker at a time, and who is late or closed to everybody.
pub async fn a_turn_is_taken_once_and_closes_what_is_late(place: Place) {
    let store = place.open().await;
    let patients = [patient(&store).await, patient(&store).await];
    let turn = |at: usize, due_us, is_closed| Turn {
        patient: patients[at],
        due_us,
        is_closed,
    };
    let told = |turns: &[Turn]| Unit {
        turns: turns.to_vec(),
        raises: vec![patients[0], patients[0]],
        ..Unit::default()
    };
    let first = told(&[turn(0, Some(100), false), turn(1, Some(200), true)]);
    store.commit(first).await.unwrap();
    assert_eq!(store.policies(&patients).await, Ok(vec![1, 0]));
    assert_eq!(store.take_due(99, 1_000, 10).await, Ok(vec![]));
    assert_eq!(store.closed(100).await, Ok(vec![patients[1]]));
    assert_eq!(store.closed(101).await.unwrap().len(), 2);
    assert_eq!(store.take_due(150, 1_000, 10).await, Ok(vec![patients[0]]));
    if store.is_shared() {
        assert_eq!(store.take_due(150, 1_000, 10).await, Ok(vec![]));
        assert_eq!(store.take_due(150, 1_000, 10).await, Ok(vec![]));
    }
    assert_eq!(store.take_due(1_000, 2_000, 1).await, Ok(vec![patients[0]]));
    let done = told(&[turn(0, None, false), turn(1, Some(5_000), false)]);
    store.commit(done).await.unwrap();
    assert_eq!(store.policies(&patients).await, Ok(vec![2, 0]));
    assert_eq!(store.closed(4_000).await, Ok(vec![]));
    assert_eq!(store.take_due(4_000, 5_000, 10).await, Ok(vec![]));
    let gone = create(
        ty("Observation"),
        store.allocate(Some(patients[0])),
        patients[0],
        "{}",
    );
    let gone = Write {
        policy: Some(2),
        ..gone
    };
    commit(&store, &gone).await.unwrap();
    commit(&store, &delete(&gone)).await.unwrap();
    let access = maintenance(Maintenance::Policies);
    let deleted = store
        .deleted_at_home(&access, patients[0], 10)
        .await
        .unwrap();
    let deleted: Vec<(Rid, u32)> = deleted.iter().map(|row| (row.rid, row.version)).collect();
    assert_eq!(deleted, [(gone.rid, 2)]);
    // The number of Consent stands in a step of the tables.
    assert_eq!(ty("Consent").0, 89);
}

/// Whatever refers to a resource is found by its target, wherever in it that stands.
pub async fn what_refers_to_targets_is_found_with_its_home(place: Place) {
    let store = place.open().await;
    let patient = patient(&store).await;
    let access = maintenance(Maintenance::Policies);
    let key = store.term_key();
    let [x, y, z] = ["x", "y", "z"].map(|id| key.target("Practitioner", id));
    let mut written = Vec::new();
    for (name, targets) in [
        ("Consent", vec![x]),
        ("Consent", vec![x, y]),
        ("Consent", vec![z]),
        ("Observation", vec![x]),
    ] {
        let mut write = create(ty(name), store.allocate(Some(patient)), patient, "{}");
        write.entries.targets = targets;
        write.entries.targets.sort_unstable();
        commit(&store, &write).await.unwrap();
        written.push(write);
    }
    let found = async |targets: &[i64], after: Option<Rid>, most: u32| {
        let rows = store.referrers(&access, ty("Consent"), targets, after, most);
        rows.await.unwrap()
    };
    let mut both = vec![(written[0].rid, patient), (written[1].rid, patient)];
    both.sort_unstable();
    assert_eq!(found(&[x, y], None, 10).await, both);
    assert_eq!(found(&[x], None, 1).await, both[..1]);
    assert_eq!(found(&[x], Some(both[0].0), 10).await, both[1..]);
    assert_eq!(found(&[y], None, 10).await, [(written[1].rid, patient)]);
    assert_eq!(found(&[], None, 10).await, []);
    let named = [x];
    let other = store.referrers(&access, ty("Observation"), &named, None, 10);
    assert_eq!(other.await.unwrap(), [(written[3].rid, patient)]);
    commit(&store, &delete(&written[1])).await.unwrap();
    assert_eq!(found(&[x, y], None, 10).await, [(written[0].rid, patient)]);
}
