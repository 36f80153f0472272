//! By which search parameters rows are indexed: nothing slips past a change, and bringing a row up to it changes nothing else.

use crate::place::*;
use bytes::Bytes;
use std::collections::HashSet;
use ward_search::entries::{DateEntry, Entries, QuantityEntry, StringEntry};
use ward_search::plan::{DateTest, Filter, NumberTest, Plan, Prefix, Total};
use ward_storage::{
    CommitError, Expect, Generation, HistoryQuery, HistoryScope, Rid, Store, Unit, Write,
};

/// Rows are to be indexed by the next generation.
async fn raise(store: &Store) -> u32 {
    loop {
        let now = store.load_indexing().await.unwrap();
        let next = now.generation + 1;
        let state = Bytes::from(format!("state {next}"));
        if store
            .change_indexing(now.revision, next, state)
            .await
            .unwrap()
        {
            return next;
        }
    }
}

/// The row as it is, by other entries.
fn anew(write: &Write, entries: Entries, new: u32) -> Write {
    Write {
        expect: Expect::Stays(write.version),
        body: Bytes::new(),
        alias: None,
        old_entries: write.entries.clone(),
        entries,
        generation: Generation {
            new,
            old: write.generation.new,
        },
        ..write.clone()
    }
}

fn of_generation(mut write: Write, new: u32) -> Write {
    write.generation = Generation {
        new,
        old: write.generation.new,
    };
    write
}

async fn total(store: &Store, filter: Filter) -> u64 {
    let plan = Plan {
        count: 0,
        total: Total::Accurate,
        ..plan(ty("Observation"), filter)
    };
    store.search(&all(), &plan).await.unwrap().total.unwrap()
}

/// Every row that a walk passes.
async fn walked(store: &Store) -> Vec<(Rid, u32)> {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let step = store.indexed(ty("Observation"), after, 7).await.unwrap();
        let Some(last) = step.last() else { return rows };
        after = Some(*last);
        rows.extend(step.iter().map(|row| (row.rid, row.generation)));
    }
}

pub async fn a_row_is_indexed_anew_without_a_version(place: Place) {
    let store = place.open().await;
    let patient = patient(&store).await;
    let observation = ty("Observation");
    let mut first = create(observation, store.allocate(Some(patient)), patient, "{}");
    first.entries = terms(&[1, 2]);
    commit(&store, &first).await.unwrap();
    let next = raise(&store).await;
    let known = store.load_indexing().await.unwrap();
    assert_eq!((known.generation, &known.state[..]), (1, &b"state 1"[..]));
    let mut entries = terms(&[1, 3]);
    entries.strings.push(StringEntry {
        param: 0x4001,
        value: "red".into(),
    });
    entries.dates.push(DateEntry {
        param: 0x4002,
        low_us: 10,
        high_us: 20,
    });
    entries.quantities.push(QuantityEntry {
        term: 77,
        low: 1.0,
        high: 2.0,
        in_tuple: false,
    });
    let again = anew(&first, entries, next);
    store
        .commit(Unit {
            writes: vec![again.clone()],
            ..Unit::default()
        })
        .await
        .unwrap();
    let row = live(read(&store, &all(), observation, first.rid).await);
    assert_eq!(
        (row.version, row.updated_us, row.generation, &row.body[..]),
        (1, first.updated_us, 1, &b"{}"[..])
    );
    let history = HistoryQuery {
        scope: HistoryScope::Instance {
            ty: observation,
            rid: first.rid,
        },
        since_us: None,
        at_us: None,
        count: 10,
        after: None,
    };
    assert_eq!(
        store
            .history(&all(), memberships(), &history)
            .await
            .unwrap()
            .rows
            .len(),
        1,
        "no version comes of it"
    );
    let prefix = Prefix::Eq;
    for (filter, expected) in [
        (Filter::AnyTerm(vec![1]), 1),
        (Filter::AnyTerm(vec![2]), 0),
        (Filter::AnyTerm(vec![3]), 1),
        (
            Filter::StringPrefix {
                param: 0x4001,
                value: "re".into(),
            },
            1,
        ),
        (
            Filter::Date {
                param: 0x4002,
                test: DateTest {
                    prefix,
                    low_us: 5,
                    high_us: 25,
                },
            },
            1,
        ),
        (
            Filter::Quantity {
                term: 77,
                test: NumberTest {
                    prefix,
                    low: 0.5,
                    high: 2.5,
                },
            },
            1,
        ),
        (Filter::All, 1),
    ] {
        assert_eq!(total(&store, filter.clone()).await, expected, "{filter:?}");
        let found = found(&store, &all(), &plan(observation, filter.clone())).await;
        assert_eq!(found.len() as u64, expected, "{filter:?}");
    }
    // Again to less, and the next version as always.
    let back = anew(&again, terms(&[1]), next);
    commit(&store, &back).await.unwrap();
    assert_eq!(total(&store, Filter::AnyTerm(vec![3])).await, 0);
    let updated = of_generation(update(&back, "{\"n\":2}", terms(&[4])), next);
    commit(&store, &updated).await.unwrap();
    assert_eq!(total(&store, Filter::AnyTerm(vec![1])).await, 0);
    assert_eq!(total(&store, Filter::AnyTerm(vec![4])).await, 1);
    commit(&store, &of_generation(delete(&updated), next))
        .await
        .unwrap();
    assert_eq!(total(&store, Filter::All).await, 0);
    assert_eq!(walked(&store).await, []);
    // What is deleted has no entries to write anew.
    assert_eq!(
        commit(&store, &anew(&updated, terms(&[5]), next)).await,
        Err(CommitError::Version(0))
    );
}

pub async fn a_writer_of_another_generation_is_refused(place: Place) {
    let store = place.open().await;
    let patient = patient(&store).await;
    let observation = |generation| {
        let rid = store.allocate(Some(patient));
        of_generation(create(ty("Observation"), rid, patient, "{}"), generation)
    };
    let before = observation(0);
    commit(&store, &before).await.unwrap();
    assert_eq!(raise(&store).await, 1);
    for stale in [
        observation(0),
        observation(2),
        update(&before, "{}", Entries::default()),
    ] {
        assert_eq!(
            commit(&store, &stale).await,
            Err(CommitError::Generation),
            "{:?}",
            stale.expect
        );
    }
    let mixed = unit(vec![observation(1), observation(0)]);
    assert_eq!(store.commit(mixed).await, Err(CommitError::Generation));
    assert!(matches!(
        store.stage(unit(vec![observation(0)])).await,
        Err(CommitError::Generation)
    ));
    assert_eq!(walked(&store).await, [(before.rid, 0)]);
    commit(&store, &observation(1)).await.unwrap();
    // Whoever took away entries of another generation would take away what was never there.
    let mut wrong = of_generation(update(&before, "{}", Entries::default()), 1);
    wrong.generation.old = 1;
    assert_eq!(commit(&store, &wrong).await, Err(CommitError::Version(0)));
    wrong.generation.old = 0;
    commit(&store, &wrong).await.unwrap();
    assert!(walked(&store).await.iter().all(|(_, g)| *g == 1));
    let now = store.load_indexing().await.unwrap();
    assert!(
        !store
            .change_indexing(now.revision - 1, 9, Bytes::new())
            .await
            .unwrap(),
        "a change of what is no longer so"
    );
    let counted = store.counted(&[ty("Observation"), ty("Basic")]).await;
    assert_eq!(counted.unwrap(), [2, 0]);
}

/// While others write, each change of the generation draws a line that nobody crosses.
pub async fn no_commit_slips_past_a_change(place: Place) {
    let store = place.open().await;
    let patient = patient(&store).await;
    let ended = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writers: Vec<_> = (0..24)
        .map(|_| {
            let (store, ended) = (store.clone(), ended.clone());
            tokio::spawn(async move {
                let mut refused = 0;
                while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                    let rid = store.allocate(Some(patient));
                    let write = create(ty("Observation"), rid, patient, "{}");
                    let known = store.indexing().generation;
                    match commit(&store, &of_generation(write, known)).await {
                        Ok(()) => {}
                        Err(CommitError::Generation) => {
                            refused += 1;
                            store.load_indexing().await.unwrap();
                        }
                        Err(other) => panic!("{other:?}"),
                    }
                }
                refused
            })
        })
        .collect();
    let mut lines: Vec<(u32, HashSet<Rid>)> = Vec::new();
    let mut committed = 0;
    for _ in 0..12 {
        // However busy the machine is, some commits come before each change.
        let before = committed;
        while committed < before + 2 {
            tokio::time::sleep(std::time::Duration::from_millis(15)).await;
            committed = store.counted(&[ty("Observation")]).await.unwrap()[0];
        }
        let generation = raise(&store).await;
        let older = walked(&store).await.into_iter();
        let older = older.filter(|(_, g)| *g < generation).map(|(rid, _)| rid);
        lines.push((generation, older.collect()));
    }
    ended.store(true, std::sync::atomic::Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    let rows = walked(&store).await;
    assert!(rows.len() > 12);
    for (generation, older) in lines {
        let now: HashSet<Rid> = rows
            .iter()
            .filter(|(_, g)| *g < generation)
            .map(|(rid, _)| *rid)
            .collect();
        assert!(now == older, "a commit crossed the line of {generation}");
    }
}

/// A job that indexes anew meets updates and deletions of the same rows: entries and counters are exact in the end.
pub async fn indexing_anew_and_writing_do_not_disturb_each_other(place: Place) {
    let store = place.open().await;
    let patient = patient(&store).await;
    let firsts: Vec<Write> = (0..40)
        .map(|_| {
            let rid = store.allocate(Some(patient));
            let mut write = create(ty("Observation"), rid, patient, "{}");
            write.entries = terms(&[1, 2]);
            write
        })
        .collect();
    store.commit(unit(firsts.clone())).await.unwrap();
    let next = raise(&store).await;
    let job = {
        let (store, firsts) = (store.clone(), firsts.clone());
        tokio::spawn(async move {
            let mut lost = 0;
            for some in firsts.chunks(3) {
                let writes = some.iter().map(|w| anew(w, terms(&[1, 3]), next)).collect();
                match store.commit(unit(writes)).await {
                    Ok(()) => {}
                    Err(CommitError::Version(_)) => lost += 1,
                    Err(other) => panic!("{other:?}"),
                }
            }
            lost
        })
    };
    let writer = {
        let (store, firsts) = (store.clone(), firsts.clone());
        tokio::spawn(async move {
            for (at, first) in firsts.iter().enumerate().rev().step_by(2) {
                let row = live(read(&store, &all(), first.ty, first.rid).await);
                let mut before = first.clone();
                before.generation.new = row.generation;
                if row.generation == next {
                    before.entries = terms(&[1, 3]);
                }
                let change = match at % 4 {
                    1 => delete(&before),
                    _ => update(&before, "{\"n\":1}", terms(&[4])),
                };
                // The job may have come between; then it is evaluated again, as an interaction would.
                let done = commit(&store, &of_generation(change, next)).await;
                if done.is_err() {
                    before.entries = terms(&[1, 3]);
                    before.generation.new = next;
                    let again = of_generation(update(&before, "{\"n\":1}", terms(&[4])), next);
                    commit(&store, &again).await.unwrap();
                }
            }
        })
    };
    writer.await.unwrap();
    job.await.unwrap();
    for term in [1, 2, 3, 4] {
        let filter = Filter::AnyTerm(vec![term]);
        let found = found(&store, &all(), &plan(ty("Observation"), filter.clone())).await;
        assert_eq!(total(&store, filter).await, found.len() as u64, "{term}");
    }
    let live = walked(&store).await.len() as u64;
    assert_eq!(total(&store, Filter::All).await, live);
}
