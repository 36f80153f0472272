//! One resource from its creation to its end.

use crate::place::*;
use ward_access::Action;
use ward_search::entries::Entries;
use ward_search::plan::{Filter, Plan};
use ward_storage::{Current, Op, Store, Write};

pub async fn a_resource_is_created_read_updated_and_deleted(place: Place) {
    let store = place.open().await;
    let (observation, access) = (ty("Observation"), all());
    let patient = patient(&store).await;
    let rid = store.allocate(Some(patient));
    assert!(matches!(
        read(&store, &access, observation, rid).await,
        Current::Absent
    ));

    let first = create(observation, rid, patient, r#"{"value":1.10}"#);
    commit(&store, &first).await.unwrap();
    let row = live(read(&store, &access, observation, rid).await);
    assert_eq!(
        (row.version, row.op, row.patient, row.updated_us),
        (1, Op::Create, patient, first.updated_us)
    );
    assert_eq!(&row.body[..], br#"{"value":1.10}"#);
    assert_eq!(
        (row.rid, &*row.id, row.ty),
        (rid, store.public_id(rid).as_str(), observation)
    );
    assert!(
        matches!(
            read(&store, &access, ty("Patient"), rid).await,
            Current::Absent
        ),
        "a row is of one type only"
    );

    let second = update(&first, r#"{"value":2}"#, Entries::default());
    commit(&store, &second).await.unwrap();
    assert_eq!(
        &live(read(&store, &access, observation, rid).await).body[..],
        br#"{"value":2}"#
    );

    commit(&store, &delete(&second)).await.unwrap();
    let Current::Deleted(row) = read(&store, &access, observation, rid).await else {
        panic!("not deleted")
    };
    assert_eq!((row.version, row.op, row.body.len()), (3, Op::Delete, 0));

    for (version, body) in [(1, r#"{"value":1.10}"#), (2, r#"{"value":2}"#), (3, "")] {
        let row = store
            .read_version(&access, memberships(), observation, rid, version)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((row.version, &row.body[..]), (version, body.as_bytes()));
    }
    assert!(
        store
            .read_version(&access, memberships(), observation, rid, 4)
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        store
            .read_version(&access, memberships(), ty("Patient"), rid, 1)
            .await
            .unwrap()
            .is_none()
    );

    let mut third = delete(&second);
    third.version = 3;
    let back = update(&third, r#"{"value":3}"#, Entries::default());
    commit(&store, &back).await.unwrap();
    assert_eq!(
        live(read(&store, &access, observation, rid).await).version,
        4
    );
}

/// Memory holds some thousand data keys. What it drops while a page is read is read again, and is not missing.
pub async fn more_patients_than_keys_in_memory_are_read(place: Place) {
    const PATIENTS: usize = 9_000;
    let store = place.open().await;
    let mut written = 0;
    while written < PATIENTS {
        let writes = (0..500).map(|_| {
            let rid = store.allocate(None);
            let entries = terms(&[7]);
            Write {
                entries,
                ..create(ty("Patient"), rid, rid, r#"{"resourceType":"Patient"}"#)
            }
        });
        let writes: Vec<_> = writes.collect();
        written += writes.len();
        store.commit(unit(writes)).await.unwrap();
    }
    let of_all = plan(ty("Patient"), Filter::AnyTerm(vec![7]));
    for count in [PATIENTS as u32, 1_000, PATIENTS as u32] {
        let page = store
            .search(
                &all(),
                &Plan {
                    count,
                    ..of_all.clone()
                },
            )
            .await;
        assert_eq!(page.unwrap().rows.len(), count as usize);
    }
}

pub async fn large_bodies_and_strange_text_come_back(place: Place) {
    let store = place.open().await;
    let binary = ty("Binary");
    let noise: String = (0..3_000_000u32)
        .map(|i| char::from(b' ' + (i.wrapping_mul(2_654_435_761) >> 25) as u8 % 90))
        .collect();
    for body in [
        noise.as_str(),
        "\u{0}\u{10ffff} \u{1F3E5} 'quoted' \"and\" \\",
        "{}",
        &"x".repeat(100_000),
    ] {
        let rid = store.allocate(None);
        commit(&store, &create(binary, rid, 0, body)).await.unwrap();
        assert!(live(read(&store, &all(), binary, rid).await).body == body.as_bytes());
    }
}

pub async fn reads_of_several_keep_their_order(place: Place) {
    let store = place.open().await;
    let patient = patient(&store).await;
    let types = [ty("Observation"), ty("Condition"), ty("Encounter")];
    let writes: Vec<_> = (0..30)
        .map(|i| {
            create(
                types[i % 3],
                store.allocate(Some(patient)),
                patient,
                &format!("{{\"n\":{i}}}"),
            )
        })
        .collect();
    store.commit(unit(writes.clone())).await.unwrap();
    let mut keys: Vec<_> = writes.iter().rev().map(|w| (w.ty, w.rid)).collect();
    keys.insert(3, (types[0], 12_345));
    keys.insert(7, (types[1], writes[0].rid));
    let rows = store.read_many(&all(), Action::Read, &keys).await.unwrap();
    for ((ty, rid), current) in keys.iter().zip(&rows) {
        match current {
            Current::Live(row) => assert_eq!((row.ty, row.rid), (*ty, *rid)),
            _ => assert!(*rid == 12_345 || (*ty, *rid) == (types[1], writes[0].rid)),
        }
    }
    assert_eq!(
        rows.iter()
            .filter(|r| matches!(r, Current::Live(_)))
            .count(),
        30
    );
    assert!(
        store
            .read_many(&all(), Action::Read, &[])
            .await
            .unwrap()
            .is_empty()
    );
}

pub async fn everything_survives_a_reopen(place: Place) {
    let store = place.open().await;
    let patient = patient(&store).await;
    let write = create(
        ty("Observation"),
        store.allocate(Some(patient)),
        patient,
        r#"{"kept":true}"#,
    );
    commit(&store, &write).await.unwrap();
    store.close().await;
    assert!(
        commit(&store, &delete(&write)).await.is_err(),
        "a closed store takes nothing"
    );
    drop(store);

    let store = place.open().await;
    assert_eq!(
        &live(read(&store, &all(), write.ty, write.rid).await).body[..],
        br#"{"kept":true}"#
    );
    let next = store.allocate(None);
    assert!(next >> 12 > write.rid >> 12, "row ids go on rising");
    // The data key of the patient was stored with the first row: another one can still be added.
    let more = create(
        ty("Condition"),
        store.allocate(Some(patient)),
        patient,
        "{}",
    );
    commit(&store, &more).await.unwrap();
    assert!(store.ready().await);
}

pub async fn moving_to_another_patient_reseals_and_keeps_old_versions(place: Place) {
    let store = place.open().await;
    let (from, to) = (patient(&store).await, patient(&store).await);
    let first = create(
        ty("Observation"),
        store.allocate(Some(from)),
        from,
        r#"{"at":"first"}"#,
    );
    commit(&store, &first).await.unwrap();
    let mut second = update(&first, r#"{"at":"second"}"#, Entries::default());
    second.patient = to;
    commit(&store, &second).await.unwrap();
    let row = live(read(&store, &all(), first.ty, first.rid).await);
    assert_eq!(
        (row.patient, &row.body[..]),
        (to, &br#"{"at":"second"}"#[..])
    );
    let old = store
        .read_version(&all(), memberships(), first.ty, first.rid, 1)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (old.patient, &old.body[..]),
        (from, &br#"{"at":"first"}"#[..])
    );
    assert!(matches!(
        read(&store, &app(&store, to), first.ty, first.rid).await,
        Current::Live(_)
    ));
    assert!(matches!(
        read(&store, &app(&store, from), first.ty, first.rid).await,
        Current::Absent
    ));
}

/// Two nodes of one database, neither of which has written the type before: what one makes the other finds, and both may
/// be the first.
pub async fn what_one_node_makes_another_finds(place: Place) {
    let (one, other) = (place.open().await, place.open().await);
    for name in ["Basic", "Flag", "Observation"] {
        let ty = ty(name);
        let everything = plan(ty, Filter::AnyTerm(vec![7]));
        let write = |store: &Store| Write {
            entries: terms(&[7]),
            ..create(ty, store.allocate(None), 0, "{}")
        };
        // Asked before there is anything, so that the other node has the statements prepared.
        for _ in 0..3 {
            assert!(found(&other, &all(), &everything).await.is_empty());
        }
        let (a, b) = (write(&one), write(&one));
        let before = read(&other, &all(), ty, a.rid).await;
        assert!(matches!(before, Current::Absent));
        let (first, second) = tokio::join!(commit(&one, &a), commit(&other, &b));
        first.unwrap();
        second.unwrap();
        for store in [&one, &other] {
            let mut rows = found(store, &all(), &everything).await;
            rows.sort_unstable();
            assert_eq!(rows, [a.rid, b.rid]);
            live(read(store, &all(), ty, a.rid).await);
        }
        commit(&other, &update(&a, "{}", Entries::default()))
            .await
            .unwrap();
        assert_eq!(found(&one, &all(), &everything).await, [b.rid]);
    }
}
