//! What must still hold inside the commit.

use crate::hops::{param, refer};
use crate::place::*;
use futures_util::future::join_all;
use ward_search::entries::{Entries, Term};
use ward_search::plan::Filter;
use ward_storage::{CommitError, Guard, Rid, Store, Unit, Write};

/// A conditional create of a Patient with these terms, unless one matches `condition`.
fn conditional(store: &Store, lock: Term, condition: &[Term], of: &[Term]) -> (Rid, Unit) {
    let rid = store.allocate(None);
    let mut write = create(ty("Patient"), rid, rid, "{}");
    write.entries = terms(of);
    let filter = Filter::And(
        condition
            .iter()
            .map(|t| Filter::AnyTerm(vec![*t]))
            .collect(),
    );
    let guard = Guard::Matches {
        key: lock,
        plan: plan(ty("Patient"), filter),
        access: all(),
        rids: Vec::new(),
    };
    (
        rid,
        Unit {
            writes: vec![write],
            guards: vec![guard],
            ..Unit::default()
        },
    )
}

pub async fn a_thousand_equal_conditional_creates_make_one(place: Place) {
    let store = place.open().await;
    let units: Vec<(Rid, Unit)> = (0..1_000)
        .map(|_| conditional(&store, 99, &[7], &[7]))
        .collect();
    let tasks: Vec<_> = units
        .into_iter()
        .map(|(rid, unit)| {
            let store = store.clone();
            tokio::spawn(async move { (rid, store.commit(unit).await) })
        })
        .collect();
    let outcomes: Vec<_> = join_all(tasks)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let winners: Vec<Rid> = outcomes
        .iter()
        .filter(|(_, o)| o.is_ok())
        .map(|(rid, _)| *rid)
        .collect();
    assert_eq!(winners.len(), 1);
    assert!(
        outcomes
            .iter()
            .all(|(_, o)| matches!(o, Ok(()) | Err(CommitError::Guard(0))))
    );
    assert_eq!(
        found(
            &store,
            &all(),
            &plan(ty("Patient"), Filter::AnyTerm(vec![7]))
        )
        .await,
        winners
    );
    // A guard that names what is there passes.
    let (_, mut unit) = conditional(&store, 99, &[7], &[8]);
    let Guard::Matches { rids, .. } = &mut unit.guards[0] else {
        panic!()
    };
    *rids = winners;
    store.commit(unit).await.unwrap();
}

/// With one store, and with two on one database as two nodes would be.
pub async fn conditional_creates_that_overlap_never_both_pass(place: Place) {
    let (store, other) = (place.open().await, place.open().await);
    for round in 0..60 {
        let (a, b) = (round * 2 + 1_000, round * 2 + 1_001);
        let second = if round % 2 == 0 { &store } else { &other };
        // Either row answers both questions, and the questions have nothing in common but that.
        let (_, one) = conditional(&store, a, &[a], &[a, b]);
        let (_, two) = conditional(second, b, &[b], &[a, b]);
        let outcomes = join_all([spawned(&store, one), spawned(second, two)]).await;
        assert_eq!(
            outcomes.iter().filter(|o| o.is_ok()).count(),
            1,
            "round {round}: {outcomes:?}"
        );
    }
}

/// What lies at the far end of a chain is part of the question. An observation is made unless one is about a patient with
/// `mark`; the patient gets `mark` unless an observation with `code` is about one: each would keep the other from passing.
pub async fn conditions_over_hops_never_both_pass(place: Place) {
    let (store, other) = (place.open().await, place.open().await);
    let subject = param("Observation", "subject");
    for round in 0..40 {
        let (mark, code) = (round * 2 + 9_000, round * 2 + 9_001);
        let second = if round % 2 == 0 { &store } else { &other };
        let rid = store.allocate(None);
        let patient = create(ty("Patient"), rid, rid, "{}");
        commit(&store, &patient).await.unwrap();
        let about = |of: &[Term]| {
            let own = store.allocate(Some(patient.rid));
            let mut write = create(ty("Observation"), own, patient.rid, "{}");
            write.entries = terms(of);
            refer(
                &store,
                &mut write.entries,
                "Observation",
                "subject",
                &patient,
            );
            write
        };
        commit(&store, &about(&[])).await.unwrap();
        let unless = |write: Write, filter: Filter| Unit {
            guards: vec![Guard::Matches {
                key: write.rid,
                plan: plan(write.ty, filter),
                access: all(),
                rids: Vec::new(),
            }],
            writes: vec![write],
            ..Unit::default()
        };
        let having = |term: Term| Box::new(Filter::AnyTerm(vec![term]));
        let observed = unless(
            about(&[code]),
            Filter::Chain {
                param: subject,
                target: ty("Patient"),
                filter: having(mark),
            },
        );
        let marked = unless(
            update(&patient, "{}", terms(&[mark])),
            Filter::Has {
                source: ty("Observation"),
                param: subject,
                filter: having(code),
            },
        );
        let outcomes = join_all([spawned(&store, observed), spawned(second, marked)]).await;
        let passed = outcomes.iter().filter(|o| o.is_ok()).count();
        assert_eq!(passed, 1, "round {round}: {outcomes:?}");
    }
}

/// What is asked by the members of a List is asked of it as it was read: a row is made by what a List says, unless the List is
/// changed, which is done unless there is such a row.
pub async fn a_condition_by_a_list_and_its_change_never_both_pass(place: Place) {
    let (store, other) = (place.open().await, place.open().await);
    for round in 0..40 {
        let second = if round % 2 == 0 { &store } else { &other };
        let (made, never) = (round * 2 + 20_000, round * 2 + 20_001);
        let list = create(ty("List"), store.allocate(None), 0, "{}");
        commit(&store, &list).await.unwrap();
        let unless = |term: Term| Guard::Matches {
            key: term,
            plan: plan(ty("Patient"), Filter::AnyTerm(vec![term])),
            access: all(),
            rids: Vec::new(),
        };
        let kept = Guard::Unchanged {
            ty: list.ty,
            rid: list.rid,
            version: 1,
        };
        let rid = store.allocate(None);
        let by_list = Unit {
            writes: vec![Write {
                entries: terms(&[made]),
                ..create(ty("Patient"), rid, rid, "{}")
            }],
            guards: vec![unless(never), kept],
            ..Unit::default()
        };
        let changed = Unit {
            writes: vec![update(&list, "{}", Entries::default())],
            guards: vec![unless(made)],
            ..Unit::default()
        };
        let outcomes = join_all([spawned(&store, by_list), spawned(second, changed)]).await;
        let passed = outcomes.iter().filter(|o| o.is_ok()).count();
        assert_eq!(passed, 1, "round {round}: {outcomes:?}");
    }
}

pub async fn what_is_to_stay_is_as_it_was_read(place: Place) {
    let store = place.open().await;
    let list = create(ty("List"), store.allocate(None), 0, "{}");
    let by = |version| Unit {
        writes: vec![create(ty("Observation"), store.allocate(None), 0, "{}")],
        guards: vec![Guard::Unchanged {
            ty: list.ty,
            rid: list.rid,
            version,
        }],
        ..Unit::default()
    };
    let lost = Err(CommitError::Guard(0));
    assert_eq!(store.commit(by(1)).await, lost, "there is none");
    commit(&store, &list).await.unwrap();
    assert_eq!(store.commit(by(1)).await, Ok(()));
    let second = update(&list, "{}", Entries::default());
    commit(&store, &second).await.unwrap();
    assert_eq!(store.commit(by(1)).await, lost);
    assert_eq!(store.commit(by(2)).await, Ok(()));
    commit(&store, &delete(&second)).await.unwrap();
    assert_eq!(store.commit(by(3)).await, lost, "it is deleted");
}

/// Committed on a task of its own, so that two run side by side.
async fn spawned(store: &Store, unit: Unit) -> Result<(), CommitError> {
    let store = store.clone();
    tokio::spawn(async move { store.commit(unit).await })
        .await
        .unwrap()
}

/// Whoever comes second sees the first, on one node and on two: no reference to a deleted resource.
pub async fn a_deletion_and_a_new_reference_never_both_pass(place: Place) {
    let (store, other) = (place.open().await, place.open().await);
    let mut passed = [0, 0];
    for round in 0..60 {
        let second = if round % 2 == 0 { &store } else { &other };
        let target = 5_000 + round;
        let patient = create(ty("Patient"), store.allocate(None), 0, "{}");
        commit(&store, &patient).await.unwrap();
        let deletion = Unit {
            writes: vec![delete(&patient)],
            guards: vec![Guard::Unreferenced { target }],
            ..Unit::default()
        };
        let mut referring = create(ty("Observation"), second.allocate(None), 0, "{}");
        referring.entries.targets = vec![target];
        let reference = Unit {
            writes: vec![referring],
            guards: vec![Guard::Exists {
                ty: patient.ty,
                rid: patient.rid,
            }],
            ..Unit::default()
        };
        let outcomes = if round % 3 == 0 {
            join_all([spawned(&store, deletion), spawned(second, reference)]).await
        } else {
            let mut outcomes =
                join_all([spawned(second, reference), spawned(&store, deletion)]).await;
            outcomes.reverse();
            outcomes
        };
        match outcomes.as_slice() {
            [Ok(()), Err(CommitError::Guard(0))] => passed[0] += 1,
            [Err(CommitError::Guard(0)), Ok(())] => passed[1] += 1,
            _ => panic!("round {round}: {outcomes:?}"),
        }
    }
    println!("deletions {}, references {}", passed[0], passed[1]);
}

pub async fn what_is_referenced_cannot_be_deleted(place: Place) {
    let store = place.open().await;
    let patient = create(ty("Patient"), store.allocate(None), 0, "{}");
    commit(&store, &patient).await.unwrap();
    let mut referring = create(ty("Observation"), store.allocate(None), 0, "{}");
    referring.entries.targets = vec![555];
    commit(&store, &referring).await.unwrap();
    let guarded = |writes| Unit {
        writes,
        guards: vec![Guard::Unreferenced { target: 555 }],
        ..Unit::default()
    };
    assert_eq!(
        store.commit(guarded(vec![delete(&patient)])).await,
        Err(CommitError::Guard(0))
    );
    // Deleted together with what refers to it.
    store
        .commit(guarded(vec![delete(&patient), delete(&referring)]))
        .await
        .unwrap();

    let patient = create(ty("Patient"), store.allocate(None), 0, "{}");
    commit(&store, &patient).await.unwrap();
    let mut referring = create(ty("Observation"), store.allocate(None), 0, "{}");
    referring.entries.targets = vec![555];
    commit(&store, &referring).await.unwrap();
    commit(&store, &update(&referring, "{}", Entries::default()))
        .await
        .unwrap();
    store.commit(guarded(vec![delete(&patient)])).await.unwrap();
}

pub async fn what_is_required_must_exist(place: Place) {
    let store = place.open().await;
    let (patient, observation) = (ty("Patient"), ty("Observation"));
    let requiring = |rid| Unit {
        writes: vec![create(observation, store.allocate(None), 0, "{}")],
        guards: vec![Guard::Exists { ty: patient, rid }],
        ..Unit::default()
    };
    assert_eq!(
        store.commit(requiring(4_096)).await,
        Err(CommitError::Guard(0))
    );
    let write = create(patient, store.allocate(None), 0, "{}");
    commit(&store, &write).await.unwrap();
    store.commit(requiring(write.rid)).await.unwrap();
    // Whichever comes first, no reference to a deleted patient is committed after the deletion.
    let deletion = delete(&write);
    let (deleted, created) = tokio::join!(
        commit(&store, &deletion),
        store.commit(requiring(write.rid))
    );
    deleted.unwrap();
    assert!(matches!(created, Ok(()) | Err(CommitError::Guard(0))));
    assert_eq!(
        store.commit(requiring(write.rid)).await,
        Err(CommitError::Guard(0))
    );
}
