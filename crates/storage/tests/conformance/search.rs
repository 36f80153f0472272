//! Search: every kind of filter against the naive evaluator, paging, sorting and totals.

use crate::oracle::{expected, filter, populate, some_terms};
use crate::place::*;
use std::collections::HashSet;
use std::time::Duration;
use ward_access::Access;
use ward_search::entries::{DateEntry, FormEntry, StringEntry};
use ward_search::plan::{Filter, Plan, SortKey, SortValue, Total};
use ward_storage::{Rid, Store, StoreError, StoreSettings, Write};
use ward_testkit::Random;

pub async fn random_filters_agree_with_the_oracle(place: Place) {
    let store = place.open().await;
    let mut random = Random::seeded();
    let (rows, dates) = populate(&store, &mut random, "Observation", 120).await;
    let (others, _) = populate(&store, &mut random, "Condition", 40).await;
    for _ in 0..300 {
        let filter = filter(&mut random, 3, &rows, &store);
        let expected = expected(&store, &rows, &filter, &|w| dates[&w.rid]);
        let plan = Plan {
            count: 500,
            total: Total::Accurate,
            ..plan(ty("Observation"), filter)
        };
        let page = store.search(&all(), &plan).await.unwrap();
        assert_eq!(
            page.rows.iter().map(|r| r.rid).collect::<Vec<_>>(),
            expected,
            "{:?}",
            plan.filter
        );
        assert_eq!(page.total, Some(expected.len() as u64), "{:?}", plan.filter);
        assert!(!page.more);
    }
    assert!(others.len() == 40);
}

/// All rows of a plan, page by page.
async fn paged(store: &Store, plan: &Plan) -> Vec<Rid> {
    paged_for(store, &all(), plan).await
}

pub async fn paged_for(store: &Store, access: &Access, plan: &Plan) -> Vec<Rid> {
    let mut plan = plan.clone();
    let mut rids = Vec::new();
    loop {
        let page = store.search(access, &plan).await.unwrap();
        assert!(page.rows.len() <= plan.count as usize);
        rids.extend(page.rows.iter().map(|r| r.rid));
        match page.next {
            Some(next) => {
                assert!(page.more && page.rows.last().unwrap().rid == next.rid);
                plan.after = Some(next);
            }
            None => return rids,
        }
    }
}

pub async fn pages_are_whole_and_without_repeats(place: Place) {
    let store = place.open().await;
    let mut random = Random::seeded();
    let (rows, dates) = populate(&store, &mut random, "Observation", 90).await;
    let sorts = [
        vec![],
        vec![SortKey::Updated { descending: true }],
        vec![SortKey::Id { descending: false }],
        vec![SortKey::Date {
            param: 10,
            descending: true,
        }],
        vec![
            SortKey::Date {
                param: 11,
                descending: false,
            },
            SortKey::String {
                param: 10,
                descending: true,
            },
        ],
        vec![
            SortKey::String {
                param: 10,
                descending: false,
            },
            SortKey::Updated { descending: false },
        ],
    ];
    for round in 0..24 {
        let filter = if round < 6 {
            Filter::All
        } else {
            filter(&mut random, 2, &rows, &store)
        };
        let mut whole = expected(&store, &rows, &filter, &|w| dates[&w.rid]);
        let plan = Plan {
            count: 1 + random.below(9) as u32,
            sort: sorts[round % 6].clone(),
            ..plan(ty("Observation"), filter)
        };
        let mut rids = paged(&store, &plan).await;
        if round % 6 != 0 {
            let once: HashSet<Rid> = rids.iter().copied().collect();
            assert_eq!(once.len(), rids.len(), "{plan:?}");
            whole.sort_unstable();
            rids.sort_unstable();
        }
        assert_eq!(rids, whole, "{plan:?}");
    }
}

pub async fn sorting_puts_missing_values_last(place: Place) {
    let store = place.open().await;
    let day = |d: i64| d * 86_400_000_000;
    let mut rids = Vec::new();
    for (dates, strings) in [
        (vec![(1, 5)], vec!["b"]),
        (vec![], vec!["a", "z"]),
        (vec![(2, 2), (3, 3)], vec![]),
        (vec![], vec!["c"]),
    ] {
        let mut write = create(ty("Patient"), store.allocate(None), 0, "{}");
        write.entries.dates = dates
            .iter()
            .map(|(l, h)| DateEntry {
                param: 10,
                low_us: day(*l),
                high_us: day(*h),
            })
            .collect();
        write.entries.strings = strings
            .iter()
            .map(|s| StringEntry {
                param: 11,
                value: (*s).into(),
            })
            .collect();
        commit(&store, &write).await.unwrap();
        rids.push(write.rid);
    }
    let sorted = async |sort: SortKey| {
        let plan = Plan {
            sort: vec![sort],
            count: 3,
            ..plan(ty("Patient"), Filter::All)
        };
        let page = store.search(&all(), &plan).await.unwrap();
        let next = page.next.clone().unwrap();
        let rows = paged(
            &store,
            &Plan {
                count: 1,
                ..plan.clone()
            },
        )
        .await;
        assert_eq!(
            page.rows.iter().map(|r| r.rid).collect::<Vec<_>>(),
            rows[..3]
        );
        (
            rows.iter()
                .map(|r| rids.iter().position(|x| x == r).unwrap())
                .collect::<Vec<_>>(),
            next.values,
        )
    };
    // Ascending by the lowest start, descending by the highest end.
    assert_eq!(
        sorted(SortKey::Date {
            param: 10,
            descending: false
        })
        .await,
        (vec![0, 2, 3, 1], vec![SortValue::Missing])
    );
    assert_eq!(
        sorted(SortKey::Date {
            param: 10,
            descending: true
        })
        .await
        .0,
        [0, 2, 3, 1]
    );
    assert_eq!(
        sorted(SortKey::String {
            param: 11,
            descending: false
        })
        .await,
        (vec![1, 0, 3, 2], vec![SortValue::Text("c".into())])
    );
    assert_eq!(
        sorted(SortKey::String {
            param: 11,
            descending: true
        })
        .await
        .0,
        [1, 3, 0, 2]
    );
    assert_eq!(
        sorted(SortKey::Updated { descending: true }).await.0,
        [3, 2, 1, 0]
    );
    // A position of another order is refused, not guessed at.
    let plan = Plan {
        sort: vec![SortKey::Id { descending: true }],
        after: Some(ward_search::plan::Position {
            values: vec![],
            rid: 1,
            part: 0,
        }),
        ..plan(ty("Patient"), Filter::All)
    };
    assert_eq!(
        store.search(&all(), &plan).await.unwrap_err(),
        StoreError::Integrity
    );
}

pub async fn several_types_at_once(place: Place) {
    let store = place.open().await;
    let mut random = Random::seeded();
    let (mut rows, mut dates) = populate(&store, &mut random, "Observation", 50).await;
    let (more, more_dates) = populate(&store, &mut random, "Condition", 50).await;
    let (alien, _) = populate(&store, &mut random, "Encounter", 20).await;
    rows.extend(more);
    dates.extend(more_dates);
    for _ in 0..80 {
        let filter = filter(&mut random, 2, &rows, &store);
        let expected = expected(&store, &rows, &filter, &|w| dates[&w.rid]);
        let plan = Plan {
            types: vec![ty("Observation"), ty("Condition")],
            count: 7,
            total: Total::Accurate,
            ..plan(ty("Observation"), filter)
        };
        assert_eq!(paged(&store, &plan).await, expected, "{:?}", plan.filter);
        assert_eq!(
            store.search(&all(), &plan).await.unwrap().total,
            Some(expected.len() as u64)
        );
    }
    let everything = Plan {
        types: Vec::new(),
        total: Total::Accurate,
        ..plan(ty("Observation"), Filter::All)
    };
    let live = |w: &&Write| w.op != ward_storage::Op::Delete;
    assert_eq!(
        paged(&store, &everything).await.len(),
        rows.iter().chain(&alien).filter(live).count()
    );
}

/// Of one type alone a page of a term that many rows have is looked for among the latest rows first.
pub async fn many_rows_of_several_types_at_once(place: Place) {
    let store = place.open().await;
    let mut random = Random::seeded();
    let (mut rows, mut dates) = populate(&store, &mut random, "Observation", 2_500).await;
    let (more, more_dates) = populate(&store, &mut random, "Condition", 50).await;
    rows.extend(more);
    dates.extend(more_dates);
    for term in some_terms() {
        let filter = Filter::AnyTerm(vec![term]);
        let expected = expected(&store, &rows, &filter, &|w| dates[&w.rid]);
        for types in [vec![ty("Observation"), ty("Condition")], Vec::new()] {
            let plan = Plan {
                types,
                count: 7,
                total: Total::Accurate,
                ..plan(ty("Observation"), filter.clone())
            };
            let page = store.search(&all(), &plan).await.unwrap();
            let rids: Vec<Rid> = page.rows.iter().map(|r| r.rid).collect();
            assert_eq!(rids, expected[..expected.len().min(7)], "{term}");
            assert_eq!(page.total, Some(expected.len() as u64), "{term}");
        }
    }
}

pub async fn totals_follow_updates_and_deletes(place: Place) {
    let store = place.open().await;
    let total = async |filter: Filter, access: &ward_access::Access| {
        let plan = Plan {
            total: Total::Accurate,
            count: 0,
            ..plan(ty("Observation"), filter)
        };
        let page = store.search(access, &plan).await.unwrap();
        assert!(page.rows.is_empty() && !page.more);
        page.total.unwrap()
    };
    let (seven, every) = (Filter::AnyTerm(vec![7]), Filter::All);
    assert_eq!(total(seven.clone(), &all()).await, 0);
    let mut rows = Vec::new();
    for visibility in [0, 0, 3] {
        let write = Write {
            visibility,
            entries: terms(&[7]),
            ..create(ty("Observation"), store.allocate(None), 0, "{}")
        };
        commit(&store, &write).await.unwrap();
        rows.push(write);
    }
    assert_eq!(
        (
            total(seven.clone(), &all()).await,
            total(every.clone(), &all()).await
        ),
        (3, 3)
    );
    assert_eq!(
        (
            total(seven.clone(), &only(&[3])).await,
            total(every.clone(), &only(&[0])).await
        ),
        (1, 2)
    );
    let moved = Write {
        visibility: 3,
        ..update(&rows[0], "{}", terms(&[7]))
    };
    commit(&store, &moved).await.unwrap();
    let changed = update(&rows[1], "{}", terms(&[8]));
    commit(&store, &changed).await.unwrap();
    assert_eq!(
        (
            total(seven.clone(), &only(&[3])).await,
            total(every.clone(), &only(&[0])).await
        ),
        (2, 1)
    );
    commit(&store, &delete(&moved)).await.unwrap();
    assert_eq!(
        (
            total(seven.clone(), &all()).await,
            total(every, &all()).await
        ),
        (1, 2)
    );
    let mut deleted = delete(&moved);
    deleted.version = 3;
    commit(&store, &update(&deleted, "{}", terms(&[7])))
        .await
        .unwrap();
    assert_eq!(total(seven, &all()).await, 2);
}

pub async fn wide_forms_find_every_code(place: Place) {
    let store = place.open().await;
    let mut rids = Vec::new();
    for (term, form) in [(101, 500), (102, 500), (103, 501)] {
        let mut write = Write {
            entries: terms(&[term]),
            ..create(ty("Observation"), store.allocate(None), 0, "{}")
        };
        write.entries.vocabulary = vec![FormEntry { form, term }];
        commit(&store, &write).await.unwrap();
        rids.push(write.rid);
    }
    let search = async |forms: Vec<i64>| {
        found(
            &store,
            &all(),
            &plan(ty("Observation"), Filter::AnyForm(forms)),
        )
        .await
    };
    assert_eq!(search(vec![500]).await, [rids[1], rids[0]]);
    assert_eq!(search(vec![501, 502]).await, [rids[2]]);
    assert_eq!(search(vec![502]).await, [0; 0]);
}

/// Before any page has told that there is another.
pub async fn a_code_that_is_new_is_counted_at_once(place: Place) {
    let store = place.open().await;
    let form = 500;
    let wanted = plan(ty("Observation"), Filter::AnyForm(vec![form]));
    let counted = Plan {
        count: 0,
        total: Total::Accurate,
        ..wanted.clone()
    };
    for (known, term) in [101, 102, 103].into_iter().enumerate() {
        assert_eq!(found(&store, &all(), &wanted).await.len(), known);
        let mut write = Write {
            entries: terms(&[term]),
            ..create(ty("Observation"), store.allocate(None), 0, "{}")
        };
        write
            .entries
            .terms
            .iter_mut()
            .for_each(|t| t.counted = true);
        write.entries.vocabulary = vec![FormEntry { form, term }];
        commit(&store, &write).await.unwrap();
        let total = store.search(&all(), &counted).await.unwrap().total;
        assert_eq!(total, Some(known as u64 + 1), "{term}");
    }
}

pub async fn endless_searches_are_cut_off(place: Place) {
    let store = place.open().await;
    let mut random = Random::seeded();
    for _ in 0..8 {
        populate(&store, &mut random, "Observation", 500).await;
    }
    store.close().await;
    let store = Store::open(
        StoreSettings {
            statement_timeout_ms: 25,
            ..place.settings()
        },
        master(),
    )
    .await
    .unwrap();
    // Tests every string of every row, many times over.
    let slow = Filter::And(
        (0..200)
            .map(|i| {
                Filter::Not(Box::new(Filter::StringContains {
                    param: 10,
                    value: format!("x{i}"),
                }))
            })
            .collect(),
    );
    let plan = Plan {
        total: Total::Accurate,
        ..plan(ty("Observation"), slow)
    };
    let begun = std::time::Instant::now();
    assert_eq!(
        store.search(&all(), &plan).await.unwrap_err(),
        StoreError::Timeout
    );
    assert!(begun.elapsed() < Duration::from_secs(5));
    // The connection is good for the next one (which a busy machine may hold up as well).
    let next = crate::place::plan(ty("Group"), Filter::All);
    let mut answered = false;
    for _ in 0..50 {
        answered |= store
            .search(&all(), &next)
            .await
            .is_ok_and(|page| page.rows.is_empty());
    }
    assert!(answered);
}
