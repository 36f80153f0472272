//! Versions, conflicts, atomic units and history.

use crate::place::*;
use ward_search::entries::Entries;
use ward_storage::{
    CommitError, Current, Expect, HistoryQuery, HistoryScope, Rid, Row, Store, Write,
};

pub async fn a_write_must_meet_the_version_it_expects(place: Place) {
    let store = place.open().await;
    let first = create(ty("Observation"), store.allocate(None), 0, "{}");
    commit(&store, &first).await.unwrap();
    assert_eq!(commit(&store, &first).await, Err(CommitError::Version(0)));
    let mut early = update(&first, "{}", Entries::default());
    early.expect = Expect::Version(7);
    assert_eq!(commit(&store, &early).await, Err(CommitError::Version(0)));
    let mut missing = update(&first, "{}", Entries::default());
    missing.rid = store.allocate(None);
    assert_eq!(commit(&store, &missing).await, Err(CommitError::Version(0)));
    let mut other_type = update(&first, "{}", Entries::default());
    other_type.ty = ty("Condition");
    assert_eq!(
        commit(&store, &other_type).await,
        Err(CommitError::Version(0))
    );
    commit(&store, &update(&first, "{}", Entries::default()))
        .await
        .unwrap();
}

pub async fn of_two_updates_at_once_one_wins(place: Place) {
    let store = place.open().await;
    let first = create(ty("Observation"), store.allocate(None), 0, "{}");
    commit(&store, &first).await.unwrap();
    let mut current = first;
    for _ in 0..10 {
        let rivals: Vec<Write> = (0..8)
            .map(|i| update(&current, &format!("{{\"rival\":{i}}}"), Entries::default()))
            .collect();
        let outcomes =
            futures_util::future::join_all(rivals.iter().map(|w| commit(&store, w))).await;
        let winners: Vec<&Write> = rivals
            .iter()
            .zip(&outcomes)
            .filter(|(_, o)| o.is_ok())
            .map(|(w, _)| w)
            .collect();
        assert_eq!(winners.len(), 1);
        assert!(
            outcomes
                .iter()
                .all(|o| matches!(o, Ok(()) | Err(CommitError::Version(0))))
        );
        let row = live(read(&store, &all(), current.ty, current.rid).await);
        assert_eq!(row.body, winners[0].body);
        current = winners[0].clone();
    }
}

pub async fn units_are_all_or_nothing(place: Place) {
    let store = place.open().await;
    let old = create(ty("Condition"), store.allocate(None), 0, "{}");
    commit(&store, &old).await.unwrap();
    let new = create(ty("Observation"), store.allocate(None), 0, "{}");
    let mut conflicting = update(&old, "{}", Entries::default());
    conflicting.expect = Expect::Version(2);
    assert_eq!(
        store.commit(unit(vec![new.clone(), conflicting])).await,
        Err(CommitError::Version(1))
    );
    assert!(matches!(
        read(&store, &all(), new.ty, new.rid).await,
        Current::Absent
    ));
    store
        .commit(unit(vec![
            new.clone(),
            update(&old, "{}", Entries::default()),
        ]))
        .await
        .unwrap();
    assert_eq!(live(read(&store, &all(), new.ty, new.rid).await).version, 1);
    assert_eq!(live(read(&store, &all(), old.ty, old.rid).await).version, 2);
}

pub async fn a_failing_unit_does_not_disturb_others(place: Place) {
    let store = place.open().await;
    let taken = create(ty("Observation"), store.allocate(None), 0, "{}");
    commit(&store, &taken).await.unwrap();
    let writes: Vec<Write> = (0..100)
        .map(|i| {
            if i % 3 == 0 {
                taken.clone()
            } else {
                create(ty("Observation"), store.allocate(None), 0, "{}")
            }
        })
        .collect();
    let outcomes = futures_util::future::join_all(writes.iter().map(|w| commit(&store, w))).await;
    for (write, outcome) in writes.iter().zip(outcomes) {
        assert_eq!(outcome.is_ok(), write.rid != taken.rid);
        assert_eq!(
            live(read(&store, &all(), write.ty, write.rid).await).version,
            1
        );
    }
}

type Belongs = Box<dyn Fn(&Write) -> bool + Send>;

/// Three types, five rows each, three versions each, the last row of each type deleted at the end.
async fn written(store: &Store) -> Vec<Write> {
    let mut log = Vec::new();
    let mut rows = Vec::new();
    for name in ["Observation", "Condition", "Encounter"] {
        for _ in 0..5 {
            rows.push(create(ty(name), store.allocate(None), 0, "{}"));
        }
    }
    for round in 0..3 {
        for (at, row) in rows.iter_mut().enumerate() {
            if round > 0 {
                *row = if round == 2 && at % 5 == 4 {
                    delete(row)
                } else {
                    update(row, &format!("{{\"round\":{round}}}"), Entries::default())
                };
            } else {
                row.updated_us = now();
            }
            commit(store, row).await.unwrap();
            log.push(row.clone());
        }
    }
    log.reverse();
    log
}

fn versions<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Vec<(Rid, u32)> {
    rows.into_iter().map(|r| (r.rid, r.version)).collect()
}

fn query(scope: HistoryScope, count: u32) -> HistoryQuery {
    HistoryQuery {
        scope,
        since_us: None,
        at_us: None,
        count,
        after: None,
    }
}

async fn pages(store: &Store, mut query: HistoryQuery) -> Vec<Row> {
    let mut rows = Vec::new();
    loop {
        let page = store.history(&all(), memberships(), &query).await.unwrap();
        assert!(page.rows.len() <= query.count as usize);
        rows.extend(page.rows);
        assert_eq!(page.more, page.next.is_some());
        match page.next {
            Some(next) => query.after = Store::history_after(&next),
            None => return rows,
        }
    }
}

pub async fn history_of_instance_type_and_system_pages_newest_first(place: Place) {
    let store = place.open().await;
    let log = written(&store).await;
    let condition = ty("Condition");
    let one = log.iter().find(|w| w.ty == condition).unwrap().rid;
    let scopes: [(HistoryScope, Belongs); 3] = [
        (
            HistoryScope::Instance {
                ty: condition,
                rid: one,
            },
            Box::new(move |w| w.rid == one),
        ),
        (
            HistoryScope::Type(condition),
            Box::new(move |w| w.ty == condition),
        ),
        (HistoryScope::System, Box::new(|_| true)),
    ];
    for (scope, belongs) in scopes {
        let expected: Vec<&Write> = log.iter().filter(|w| belongs(w)).collect();
        for count in [1, 4, 100] {
            let rows = pages(&store, query(scope.clone(), count)).await;
            assert_eq!(
                versions(&rows),
                expected
                    .iter()
                    .map(|w| (w.rid, w.version))
                    .collect::<Vec<_>>()
            );
            for (row, write) in rows.iter().zip(&expected) {
                assert_eq!(
                    (row.op, row.updated_us, &row.body),
                    (write.op, write.updated_us, &write.body)
                );
            }
        }
    }
    let none = store
        .history(
            &all(),
            memberships(),
            &query(
                HistoryScope::Instance {
                    ty: ty("Observation"),
                    rid: one,
                },
                10,
            ),
        )
        .await
        .unwrap();
    assert!(none.rows.is_empty());
}

pub async fn history_since_and_at(place: Place) {
    let store = place.open().await;
    let log = written(&store).await;
    for moment in [
        log[3].updated_us,
        log[20].updated_us + 1,
        log[44].updated_us,
        log[44].updated_us - 1,
    ] {
        let rows = pages(
            &store,
            HistoryQuery {
                since_us: Some(moment),
                ..query(HistoryScope::System, 7)
            },
        )
        .await;
        let expected: Vec<_> = log
            .iter()
            .filter(|w| w.updated_us >= moment)
            .map(|w| (w.rid, w.version))
            .collect();
        assert_eq!(versions(&rows), expected);
        for span in [0, 9_500] {
            let rows = pages(
                &store,
                HistoryQuery {
                    at_us: Some((moment, moment + span)),
                    ..query(HistoryScope::System, 7)
                },
            )
            .await;
            let until = |w: &Write| {
                log.iter()
                    .find(|n| n.rid == w.rid && n.version == w.version + 1)
                    .map_or(i64::MAX, |n| n.updated_us)
            };
            let expected: Vec<_> = log
                .iter()
                .filter(|w| w.updated_us <= moment + span && until(w) > moment)
                .map(|w| (w.rid, w.version))
                .collect();
            assert_eq!(versions(&rows), expected);
        }
    }
}
