//! Exchanging the master key: everything opens under the new one as before, or everything under the old one.

use crate::place::*;
use ward_access::Action;
use ward_seal::MasterKey;
use ward_search::plan::Filter;
use ward_storage::state::StateChange;
use ward_storage::{
    CommitError, Current, OpenError, Rid, RotateError, Rotation, Store, Write, rotate_master,
};

fn new_master() -> MasterKey {
    MasterKey::from_bytes([43; 32])
}

async fn rotate(place: &Place) -> Result<Rotation, RotateError> {
    rotate_master(&place.settings(), &master(), &new_master()).await
}

/// Patients with a resource each that has terms and two versions, beyond what is wrapped anew at once.
async fn fill(store: &Store, patients: usize) -> Vec<Write> {
    let mut writes = Vec::new();
    for n in 0..patients {
        let rid = store.allocate(None);
        writes.push(create(ty("Patient"), rid, rid, &format!("{{\"n\":{n}}}")));
        let mut observation = create(
            ty("Observation"),
            store.allocate(Some(rid)),
            rid,
            &format!("{{\"of\":{n}}}"),
        );
        observation.entries = terms(&[7, 100 + n as i64]);
        writes.push(observation);
    }
    for some in writes.chunks(500) {
        store.commit(unit(some.to_vec())).await.unwrap();
    }
    writes
}

/// What a caller can see of the store: ids, bodies, what searches find, state rows.
async fn seen(store: &Store, writes: &[Write]) -> Vec<String> {
    let mut seen = Vec::new();
    for some in writes.chunks(500) {
        let keys: Vec<_> = some.iter().map(|write| (write.ty, write.rid)).collect();
        for row in store.read_many(&all(), Action::Read, &keys).await.unwrap() {
            let row = live(row);
            seen.push(format!("{} {:?}", row.id, row.body));
        }
    }
    let plan = plan(ty("Observation"), Filter::AnyTerm(vec![7, 103]));
    let found: Vec<Rid> = found(store, &all(), &plan).await;
    seen.push(format!("{found:?}"));
    seen.push(format!("{:?}", store.term_key().membership(writes[0].rid)));
    let row = store.state(1, b"key", 0).await.unwrap().unwrap();
    seen.push(format!("{row:?}"));
    seen
}

async fn remember(store: &Store) {
    let row = StateChange::Insert {
        kind: 1,
        key: b"key".to_vec(),
        owner: b"owner".to_vec(),
        expires_us: i64::MAX,
        body: b"body".to_vec(),
    };
    store.change_state(vec![row], true, 0).await.unwrap();
}

pub async fn everything_is_there_under_the_new_key_and_as_it_was(place: Place) {
    let store = place.open().await;
    let writes = fill(&store, 1_200).await;
    let changed = update(&writes[1], "{\"v\":2}", terms(&[7]));
    commit(&store, &changed).await.unwrap();
    remember(&store).await;
    let before = seen(&store, &writes).await;
    store.close().await;
    drop(store);

    let done = rotate(&place).await.unwrap();
    assert_eq!((done.data_keys, done.done_before), (1_200, false));
    assert!(matches!(
        place.open_with(&master()).await,
        Err(OpenError::WrongMaster { .. })
    ));
    let store = place.open_with(&new_master()).await.unwrap();
    assert_eq!(seen(&store, &writes).await, before);
    let old = store
        .read_version(&all(), memberships(), changed.ty, changed.rid, 1)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&old.body[..], b"{\"of\":0}");
    // It goes on: for patients who have a key, and new ones.
    commit(&store, &update(&changed, "{\"v\":3}", terms(&[7])))
        .await
        .unwrap();
    fill(&store, 2).await;
    store.close().await;
    drop(store);

    let again = rotate(&place).await.unwrap();
    assert_eq!((again.data_keys, again.done_before), (0, true));
    // And on to a third key.
    let third = MasterKey::from_bytes([44; 32]);
    let done = rotate_master(&place.settings(), &new_master(), &third).await;
    assert_eq!(done.unwrap().data_keys, 1_202);
    let store = place.open_with(&third).await.unwrap();
    let row = live(read(&store, &all(), changed.ty, changed.rid).await);
    assert_eq!((row.version, &row.body[..]), (3, &b"{\"v\":3}"[..]));
}

pub async fn what_cannot_be_exchanged_is_left_as_it_is(place: Place) {
    let empty = match &place {
        Place::Sqlite(_) => Place::sqlite(),
        Place::Postgres(_) => Place::Postgres(ward_testkit::postgres::Database::create()),
    };
    assert_eq!(rotate(&empty).await, Err(RotateError::Absent));
    let store = place.open().await;
    let writes = fill(&store, 1_200).await;
    remember(&store).await;
    let before = seen(&store, &writes).await;
    if store.is_shared() {
        assert!(matches!(rotate(&place).await, Err(RotateError::InUse(_))));
    }
    store.close().await;
    drop(store);
    let settings = place.settings();
    let same = rotate_master(&settings, &master(), &master()).await;
    assert_eq!(same, Err(RotateError::SameKey));
    let third = MasterKey::from_bytes([44; 32]);
    let wrong = rotate_master(&settings, &third, &new_master()).await;
    assert!(matches!(
        wrong,
        Err(RotateError::Open(OpenError::WrongMaster { .. }))
    ));
    // A key that cannot be opened is met when most others have been wrapped anew.
    let last = writes[writes.len() - 2].rid;
    let swap = |a: Rid, b: Rid| format!("update data_key set c = {b} where c = {a}");
    place.run(&swap(last, i64::MAX)).await;
    assert_eq!(rotate(&place).await, Err(RotateError::DataKey));
    place.run(&swap(i64::MAX, last)).await;
    let store = place.open().await;
    assert_eq!(seen(&store, &writes).await, before);
}

/// Somebody exchanged the key under a process that runs: it may answer less, and must lose nothing.
pub async fn a_process_with_the_old_key_stores_nothing_that_nobody_can_open(place: Place) {
    let store = place.open().await;
    let writes = fill(&store, 3).await;
    // As `rotate` would, if it had not looked for others.
    let mark = i64::from(new_master().id()).to_le_bytes();
    let hex: String = mark.iter().map(|byte| format!("{byte:02x}")).collect();
    let value = match &place {
        Place::Sqlite(_) => format!("x'{hex}'"),
        Place::Postgres(_) => format!("'\\x{hex}'"),
    };
    place
        .run(&format!(
            "update meta set value = {value} where key = 'master'"
        ))
        .await;
    let rid = store.allocate(None);
    let newcomer = create(ty("Patient"), rid, rid, "{}");
    assert_eq!(
        commit(&store, &newcomer).await,
        Err(CommitError::Unavailable)
    );
    assert!(matches!(
        read(&store, &all(), newcomer.ty, rid).await,
        Current::Absent
    ));
    let known = update(&writes[1], "{\"v\":2}", terms(&[7]));
    commit(&store, &known).await.unwrap();
    let row = live(read(&store, &all(), known.ty, known.rid).await);
    assert_eq!(row.version, 2);
}
