//! The predicate is in every statement: what may not be seen is not there.

use crate::place::*;
use crate::plans::Maker;
use ward_access::{Access, Action};
use ward_search::entries::{DateEntry, Entries, QuantityEntry, StringEntry};
use ward_search::plan::{DateTest, Filter, NumberTest, Plan, Prefix, SortKey, Total};
use ward_storage::{Current, HistoryQuery, HistoryScope, Rid, Store, Write};

fn entries() -> Entries {
    Entries {
        strings: vec![StringEntry {
            param: 2,
            value: "smith".into(),
        }],
        dates: vec![DateEntry {
            param: 3,
            low_us: 100,
            high_us: 200,
        }],
        quantities: vec![QuantityEntry {
            term: 9,
            low: 1.0,
            high: 1.0,
            in_tuple: false,
        }],
        ..terms(&[7, 8])
    }
}

/// One plan for each way of finding rows.
fn plans(write: &Write, store: &Store) -> Vec<Plan> {
    let within = DateTest {
        prefix: Prefix::Eq,
        low_us: 0,
        high_us: i64::MAX,
    };
    let filters = [
        Filter::All,
        Filter::AnyTerm(vec![7]),
        Filter::AnyTerm(vec![7, 8]),
        Filter::And(vec![Filter::AnyTerm(vec![7]), Filter::AnyTerm(vec![8])]),
        Filter::Not(Box::new(Filter::AnyTerm(vec![99]))),
        Filter::StringPrefix {
            param: 2,
            value: "smi".into(),
        },
        Filter::StringContains {
            param: 2,
            value: "mit".into(),
        },
        Filter::Date {
            param: 3,
            test: within,
        },
        Filter::Updated(within),
        Filter::Quantity {
            term: 9,
            test: NumberTest {
                prefix: Prefix::Ge,
                low: 0.5,
                high: 0.5,
            },
        },
        Filter::Ids(vec![store.public_id(write.rid)]),
        Filter::Or(vec![Filter::AnyTerm(vec![7]), Filter::Updated(within)]),
    ];
    let sorts = [
        Vec::new(),
        vec![SortKey::Updated { descending: false }],
        vec![SortKey::Date {
            param: 3,
            descending: true,
        }],
        vec![SortKey::String {
            param: 2,
            descending: false,
        }],
    ];
    let one = |filter: &Filter, sort: &Vec<SortKey>| Plan {
        sort: sort.clone(),
        total: Total::Accurate,
        ..plan(write.ty, filter.clone())
    };
    filters
        .iter()
        .flat_map(|f| sorts.iter().map(move |s| one(f, s)))
        .collect()
}

/// Every way to a row, for a caller who sees it or does not.
async fn check(store: &Store, access: &Access, write: &Write, visible: bool) {
    let row = read(store, access, write.ty, write.rid).await;
    assert_eq!(matches!(row, Current::Live(_)), visible);
    let many = store
        .read_many(access, Action::Read, &[(write.ty, write.rid)])
        .await
        .unwrap();
    assert_eq!(matches!(many[0], Current::Live(_)), visible);
    assert_eq!(
        store
            .read_version(access, memberships(), write.ty, write.rid, 1)
            .await
            .unwrap()
            .is_some(),
        visible
    );
    for scope in [
        HistoryScope::Instance {
            ty: write.ty,
            rid: write.rid,
        },
        HistoryScope::Type(write.ty),
        HistoryScope::System,
    ] {
        let query = HistoryQuery {
            scope,
            since_us: None,
            at_us: None,
            count: 100,
            after: None,
        };
        let rows = store
            .history(access, memberships(), &query)
            .await
            .unwrap()
            .rows;
        assert_eq!(rows.iter().any(|r| r.rid == write.rid), visible);
    }
    let mut everywhere = plans(write, store);
    everywhere.push(Plan {
        types: vec![write.ty, ty("Group")],
        total: Total::Accurate,
        ..plan(write.ty, Filter::AnyTerm(vec![7]))
    });
    everywhere.push(Plan {
        types: Vec::new(),
        total: Total::Accurate,
        ..plan(write.ty, Filter::AnyTerm(vec![7]))
    });
    for plan in everywhere {
        let page = store.search(access, &plan).await.unwrap();
        assert_eq!(
            page.rows.iter().any(|r| r.rid == write.rid),
            visible,
            "{plan:?}"
        );
        assert_eq!(page.total, Some(page.rows.len() as u64), "{plan:?}");
    }
}

/// The app's patient, who is not the first it names.
const NAMES_THE_PATIENT: &str = r#"{"resourceType":"Observation","subject":{"reference":"Patient/2"},"performer":[{"reference":"Patient/1"}]}"#;

pub async fn a_patient_sees_only_their_compartment(place: Place) {
    let store = place.open().await;
    let (mine, theirs) = (patient(&store).await, patient(&store).await);
    let home = |of: Rid| Write {
        entries: entries(),
        ..create(ty("Observation"), store.allocate(Some(of)), of, "{}")
    };
    let (own, foreign) = (home(mine), home(theirs));
    // At home elsewhere, and in this patient's compartment as well.
    let mut shared = home(theirs);
    shared.body = NAMES_THE_PATIENT.into();
    shared
        .entries
        .add_term(term(store.term_key().membership(mine)));
    let nobodys = Write {
        entries: entries(),
        ..create(ty("Observation"), store.allocate(None), 0, "{}")
    };
    for write in [&own, &foreign, &shared, &nobodys] {
        commit(&store, write).await.unwrap();
    }
    let access = app(&store, mine);
    for (write, visible) in [
        (&own, true),
        (&foreign, false),
        (&shared, true),
        (&nobodys, false),
    ] {
        check(&store, &access, write, visible).await;
        check(&store, &all(), write, true).await;
    }
    let seen = found(&store, &access, &plan(ty("Observation"), Filter::All)).await;
    assert_eq!(seen.len(), 2);
    assert_eq!(
        found(&store, &access, &plan(ty("Patient"), Filter::All)).await,
        [mine]
    );

    // Leaving the compartment hides old versions too; so does losing the membership.
    let mut moved = update(&own, "{}", entries());
    moved.patient = theirs;
    commit(&store, &moved).await.unwrap();
    commit(&store, &update(&shared, "{}", entries()))
        .await
        .unwrap();
    check(&store, &access, &own, false).await;
    check(&store, &access, &shared, false).await;
}

const LAB: &str = "category=http://c|laboratory";

/// A whole Observation, which the store indexes as it is, with the entries that the plans ask for besides.
fn observation(store: &Store, category: &str, home: Rid, subject: &str) -> Write {
    let body = format!(
        r#"{{"resourceType":"Observation","status":"final","subject":{{"reference":"{subject}"}},
        "category":[{{"coding":[{{"system":"http://c","code":"{category}"}}]}}],
        "code":{{"coding":[{{"system":"http://l","code":"{category}"}}]}},"effectiveDateTime":"2024-05-06"}}"#
    );
    let rid = store.allocate((home != 0).then_some(home));
    let mut write = Maker::new(store).make("Observation", rid, home, &body);
    let more = entries();
    more.terms
        .into_iter()
        .for_each(|term| write.entries.add_term(term));
    write.entries.strings.extend(more.strings);
    write.entries.dates.extend(more.dates);
    write.entries.quantities.extend(more.quantities);
    write.entries.dates.sort_unstable();
    write
}

pub async fn a_granular_scope_bounds_every_way(place: Place) {
    let store = place.open().await;
    let (mine, theirs) = (patient(&store).await, patient(&store).await);
    let lab = observation(&store, "laboratory", mine, "Patient/1");
    let vital = observation(&store, "vital-signs", mine, "Patient/1");
    let foreign = observation(&store, "laboratory", theirs, "Patient/2");
    let other = observation(&store, "vital-signs", theirs, "Patient/2");
    let mut shared = observation(&store, "laboratory", theirs, "Patient/2");
    let named = r#""performer":[{"reference":"Patient/1"}],"category""#;
    let body = String::from_utf8(shared.body.to_vec()).unwrap();
    shared.body = body.replace(r#""category""#, named).into();
    shared
        .entries
        .add_term(term(store.term_key().membership(mine)));
    for write in [&lab, &vital, &foreign, &other, &shared] {
        commit(&store, write).await.unwrap();
    }
    let of = |scopes: &str| granular(&store, scopes, Some(mine));
    for (access, seen) in [
        (
            granular(&store, &format!("system/Observation.rs?{LAB}"), None),
            [true, false, true, false, true],
        ),
        (
            of(&format!("patient/Observation.rs?{LAB}")),
            [true, false, false, false, true],
        ),
        (
            of(&format!(
                "patient/Observation.rs?{LAB} patient/Observation.rs?category=http://c|vital-signs"
            )),
            [true, true, false, false, true],
        ),
        (
            of(&format!("patient/Observation.rs user/Observation.rs?{LAB}")),
            [true, true, true, false, true],
        ),
        (
            of("patient/Observation.rs user/Observation.rs?date=lt2024"),
            [true, true, false, false, true],
        ),
        (
            granular(
                &store,
                &format!("system/Observation.rs?{LAB}&status=final&date=ge2024"),
                None,
            ),
            [true, false, true, false, true],
        ),
        (
            granular(
                &store,
                &format!("system/Observation.rs?{LAB}&status=amended"),
                None,
            ),
            [false; 5],
        ),
    ] {
        for (write, visible) in [&lab, &vital, &foreign, &other, &shared]
            .into_iter()
            .zip(seen)
        {
            check(&store, &access, write, visible).await;
        }
    }

    // What leaves the scope takes its former versions along; of one that enters, the former ones stay outside.
    let access = of(&format!("patient/Observation.rs?{LAB}"));
    let left = Write {
        entries: vital.entries.clone(),
        ..update(
            &lab,
            std::str::from_utf8(&vital.body).unwrap(),
            Entries::default(),
        )
    };
    commit(&store, &left).await.unwrap();
    check(&store, &access, &lab, false).await;
    let entered = Write {
        entries: lab.entries.clone(),
        ..update(
            &vital,
            std::str::from_utf8(&lab.body).unwrap(),
            Entries::default(),
        )
    };
    commit(&store, &entered).await.unwrap();
    let version = async |number| {
        let read = store.read_version(&access, memberships(), vital.ty, vital.rid, number);
        read.await.unwrap().is_some()
    };
    assert!(!version(1).await && version(2).await);
    // A deleted resource matches nothing any more.
    commit(&store, &delete(&entered)).await.unwrap();
    assert!(!version(1).await && !version(2).await && !version(3).await);
    assert!(matches!(
        read(&store, &access, vital.ty, vital.rid).await,
        Current::Absent
    ));
    let plain = of(&format!("patient/Observation.rs user/Observation.rs?{LAB}"));
    assert!(matches!(
        read(&store, &plain, vital.ty, vital.rid).await,
        Current::Deleted(_)
    ));
}

/// Former versions that are not shown leave no gap: pages are whole, and say rightly whether there are more.
pub async fn pages_of_versions_are_whole(place: Place) {
    let store = place.open().await;
    let home = patient(&store).await;
    let lab = observation(&store, "laboratory", home, "Patient/1");
    let vital = observation(&store, "vital-signs", home, "Patient/1");
    let mut last = lab.clone();
    let mut expected = vec![(lab.rid, 1)];
    commit(&store, &last).await.unwrap();
    for at in 0..300 {
        let next = if at % 60 == 0 || at == 299 {
            &lab
        } else {
            &vital
        };
        let body = std::str::from_utf8(&next.body).unwrap();
        last = update(&last, body, next.entries.clone());
        commit(&store, &last).await.unwrap();
        if next.body == lab.body {
            expected.push((lab.rid, last.version));
        }
    }
    expected.reverse();
    let access = granular(&store, &format!("patient/Observation.rs?{LAB}"), Some(home));
    for scope in [
        HistoryScope::Instance {
            ty: lab.ty,
            rid: lab.rid,
        },
        HistoryScope::Type(lab.ty),
        HistoryScope::System,
    ] {
        for count in [1, 2, 7, 500] {
            let mut query = HistoryQuery {
                scope: scope.clone(),
                since_us: None,
                at_us: None,
                count,
                after: None,
            };
            let mut found = Vec::new();
            loop {
                let page = store.history(&access, memberships(), &query).await.unwrap();
                assert!(page.rows.len() <= count as usize);
                assert!(!page.more || page.rows.len() == count as usize);
                found.extend(page.rows.iter().map(|row| (row.rid, row.version)));
                match page.next {
                    Some(next) => query.after = Store::history_after(&next),
                    None => break,
                }
            }
            assert_eq!(found, expected, "{count}");
        }
    }
}

pub async fn a_mask_hides_rows_everywhere(place: Place) {
    let store = place.open().await;
    let patient = patient(&store).await;
    let mut writes = Vec::new();
    // 31 is the last bit of the mask, 32 and 40 000 lie beyond its end: unknown is hidden.
    for visibility in [1, 2, 31, 32, 40_000] {
        let write = Write {
            visibility,
            entries: entries(),
            ..create(
                ty("Observation"),
                store.allocate(Some(patient)),
                patient,
                "{}",
            )
        };
        commit(&store, &write).await.unwrap();
        writes.push(write);
    }
    let access = only(&[2, 31]);
    for write in &writes {
        check(&store, &access, write, [2, 31].contains(&write.visibility)).await;
    }
    // A row that becomes hidden takes its old versions along; one that becomes visible does not show hidden ones.
    let hidden = Write {
        visibility: 1,
        ..update(&writes[1], "{}", entries())
    };
    commit(&store, &hidden).await.unwrap();
    check(&store, &access, &writes[1], false).await;
    let shown = Write {
        visibility: 2,
        ..update(&writes[0], "{}", entries())
    };
    commit(&store, &shown).await.unwrap();
    assert!(
        store
            .read_version(&access, memberships(), shown.ty, shown.rid, 1)
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        store
            .read_version(&access, memberships(), shown.ty, shown.rid, 2)
            .await
            .unwrap()
            .is_some()
    );
    check(&store, &all(), &hidden, true).await;
}

pub async fn forbidden_types_are_absent(place: Place) {
    let store = place.open().await;
    let mine = patient(&store).await;
    // A type outside the patient compartment, even with the patient as its home.
    let write = Write {
        entries: entries(),
        ..create(
            ty("OperationOutcome"),
            store.allocate(Some(mine)),
            mine,
            "{}",
        )
    };
    commit(&store, &write).await.unwrap();
    check(&store, &app(&store, mine), &write, false).await;
    check(&store, &all(), &write, true).await;
}

/// With one type in reach a statement may be shaped for it: the types of all other rows are still out of reach.
pub async fn one_type_in_reach_is_the_only_one_in_history(place: Place) {
    let store = place.open().await;
    let mine = patient(&store).await;
    let of = |name: &str| Write {
        entries: entries(),
        ..create(ty(name), store.allocate(Some(mine)), mine, "{}")
    };
    let (pulse, claim) = (of("Observation"), of("Claim"));
    for write in [&pulse, &claim] {
        commit(&store, write).await.unwrap();
    }
    for access in [
        scoped("system/Observation.rs", None),
        scoped("patient/Observation.rs", Some((&store, mine))),
    ] {
        let query = HistoryQuery {
            scope: HistoryScope::System,
            since_us: None,
            at_us: None,
            count: 100,
            after: None,
        };
        let page = store.history(&access, memberships(), &query).await.unwrap();
        let rids: Vec<Rid> = page.rows.iter().map(|row| row.rid).collect();
        assert_eq!(rids, [pulse.rid]);
        check(&store, &access, &pulse, true).await;
        check(&store, &access, &claim, false).await;
    }
}
