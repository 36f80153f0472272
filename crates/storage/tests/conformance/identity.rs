//! Ids: given by the store, chosen by clients, reserved for what comes later; and whose store it is.

use crate::place::*;
use std::collections::HashSet;
use ward_seal::MasterKey;
use ward_search::entries::Entries;
use ward_search::plan::Filter;
use ward_storage::{CommitError, Current, OpenError, Store};

pub async fn client_ids_are_kept_and_found(place: Place) {
    let store = place.open().await;
    let patient_type = ty("Patient");
    let mut write = create(patient_type, store.allocate(None), 0, "{}");
    write.alias = Some("example".into());
    write.patient = write.rid;
    commit(&store, &write).await.unwrap();
    let own = store.public_id(write.rid);
    let located = store
        .locate(&[
            (patient_type, "example"),
            (patient_type, "nobody"),
            (patient_type, &own),
            (ty("Group"), "example"),
        ])
        .await
        .unwrap();
    assert_eq!(located, [Some(write.rid), None, Some(write.rid), None]);
    commit(&store, &update(&write, "{\"v\":2}", Entries::default()))
        .await
        .unwrap();
    for version in [1, 2] {
        assert_eq!(
            &*store
                .read_version(&all(), memberships(), patient_type, write.rid, version)
                .await
                .unwrap()
                .unwrap()
                .id,
            "example"
        );
    }
    assert_eq!(
        &*live(read(&store, &all(), patient_type, write.rid).await).id,
        "example"
    );
    let ids = |list: &[&str]| Filter::Ids(list.iter().map(|s| (*s).to_owned()).collect());
    assert_eq!(
        found(
            &store,
            &all(),
            &plan(patient_type, ids(&["example", "nobody"]))
        )
        .await,
        [write.rid]
    );
    assert_eq!(
        found(&store, &all(), &plan(patient_type, ids(&["nobody"]))).await,
        [0; 0]
    );
}

pub async fn reserved_ids_belong_to_what_comes_later(place: Place) {
    let store = place.open().await;
    let patient = ty("Patient");
    let reserved = store
        .reserve(&[(patient, "p1"), (patient, "p2"), (patient, "p1")])
        .await
        .unwrap();
    assert_eq!(reserved[0], reserved[2]);
    assert_ne!(reserved[0], reserved[1]);
    assert_eq!(
        store.reserve(&[(patient, "p2")]).await.unwrap(),
        reserved[1..2]
    );
    assert_eq!(
        store.locate(&[(patient, "p2")]).await.unwrap(),
        [Some(reserved[1])]
    );
    assert!(matches!(
        read(&store, &all(), patient, reserved[1]).await,
        Current::Absent
    ));
    let observation = create(
        ty("Observation"),
        store.allocate(Some(reserved[1])),
        reserved[1],
        "{}",
    );
    commit(&store, &observation).await.unwrap();
    let mut write = create(patient, reserved[1], reserved[1], "{}");
    write.alias = Some("p2".into());
    commit(&store, &write).await.unwrap();
    assert_eq!(
        &*live(read(&store, &all(), patient, reserved[1]).await).id,
        "p2"
    );
    let race = [(patient, "race")];
    let both = futures_util::future::join_all((0..20).map(|_| store.reserve(&race))).await;
    let rids: HashSet<i64> = both.into_iter().map(|r| r.unwrap()[0]).collect();
    assert_eq!(rids.len(), 1);
}

pub async fn of_two_creates_of_one_id_one_wins(place: Place) {
    let store = place.open().await;
    let writes: Vec<_> = (0..40)
        .map(|i| {
            let mut write = create(
                ty("Patient"),
                store.allocate(None),
                0,
                &format!("{{\"n\":{i}}}"),
            );
            write.alias = Some("same".into());
            write
        })
        .collect();
    let outcomes = futures_util::future::join_all(writes.iter().map(|w| commit(&store, w))).await;
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1);
    assert!(
        outcomes
            .iter()
            .all(|o| matches!(o, Ok(()) | Err(CommitError::Version(0))))
    );
    let winner = &writes[outcomes.iter().position(Result::is_ok).unwrap()];
    assert_eq!(
        store.locate(&[(ty("Patient"), "same")]).await.unwrap(),
        [Some(winner.rid)]
    );
    assert_eq!(
        found(&store, &all(), &plan(ty("Patient"), Filter::All)).await,
        [winner.rid]
    );
}

pub async fn another_master_key_is_refused(place: Place) {
    let store = place.open().await;
    patient(&store).await;
    store.close().await;
    drop(store);
    let other = MasterKey::from_bytes([43; 32]);
    let given = other.id();
    let refused = Store::open(place.settings(), other).await.err().unwrap();
    assert_eq!(
        refused,
        OpenError::WrongMaster {
            store: master().id(),
            given
        }
    );
    assert!(refused.to_string().contains("master key"));
    place.open().await;
}

pub async fn row_ids_are_never_given_twice(place: Place) {
    let mut seen = HashSet::new();
    for _ in 0..3 {
        let store = place.open().await;
        for _ in 0..1_000 {
            assert!(seen.insert(store.allocate(None)));
        }
        store.close().await;
    }
}
