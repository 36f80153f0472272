//! Asking the database once: statement counts.

use crate::oracle::entries;
use crate::place::*;
use crate::records::sample;
use ward_access::Action;
use ward_search::plan::Filter;
use ward_storage::{Store, Unit, Write};
use ward_testkit::Random;

/// Statements of a commit of `count` new rows of two types.
async fn statements(store: &Store, random: &mut Random, count: usize) -> u64 {
    let row = |i: usize, random: &mut Random| {
        let mut entries = entries(random);
        (0..3).for_each(|t| entries.add_term(term(t)));
        entries.targets = vec![5];
        Write {
            entries,
            ..create(
                ty(if i.is_multiple_of(2) {
                    "Observation"
                } else {
                    "Condition"
                }),
                store.allocate(None),
                0,
                "{}",
            )
        }
    };
    let writes: Vec<Write> = (0..count).map(|i| row(i, random)).collect();
    let before = store.statements();
    let records = vec![store.new_record(&sample())];
    let made = Unit {
        records,
        ..unit(writes.clone())
    };
    store.commit(made).await.unwrap();
    let created = store.statements() - before;
    let changes = writes
        .iter()
        .map(|w| update(w, "{\"more\":1}", entries(random)))
        .collect();
    let before = store.statements();
    store.commit(unit(changes)).await.unwrap();
    created.max(store.statements() - before)
}

pub async fn a_batch_takes_a_constant_number(place: Place) {
    let store = place.open().await;
    let mut random = Random(7);
    // The first commit makes the key of patient 0.
    statements(&store, &mut random, 2).await;
    let few = statements(&store, &mut random, 40).await;
    let many = statements(&store, &mut random, 400).await;
    assert_eq!(few, many);
    assert!(many <= 40, "{many} statements");
}

pub async fn reads_take_one(place: Place) {
    let store = place.open().await;
    let patient = patient(&store).await;
    let writes: Vec<Write> = (0..20)
        .map(|_| Write {
            entries: terms(&[7]),
            ..create(
                ty("Observation"),
                store.allocate(Some(patient)),
                patient,
                "{}",
            )
        })
        .collect();
    store.commit(unit(writes.clone())).await.unwrap();
    let keys: Vec<_> = writes.iter().map(|w| (w.ty, w.rid)).collect();
    // Keys and connections are warm after the first round.
    for _ in 0..2 {
        store.read_many(&all(), Action::Read, &keys).await.unwrap();
    }
    let before = store.statements();
    read(&store, &all(), writes[0].ty, writes[0].rid).await;
    assert_eq!(store.statements() - before, 1);
    let before = store.statements();
    store.read_many(&all(), Action::Read, &keys).await.unwrap();
    assert_eq!(store.statements() - before, 1);
    let before = store.statements();
    assert_eq!(
        found(
            &store,
            &all(),
            &plan(ty("Observation"), Filter::AnyTerm(vec![7]))
        )
        .await
        .len(),
        20
    );
    assert!(store.statements() - before <= 4, "snapshot, rids, bodies");
    let before = store.statements();
    let own = store.public_id(patient);
    store.locate(&[(ty("Patient"), &own)]).await.unwrap();
    assert_eq!(store.statements(), before);
}
