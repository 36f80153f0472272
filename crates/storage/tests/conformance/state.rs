//! Rows with an expiry: found by their key while they live, changed by one of those who try, and never in clear.

use crate::place::*;
use ward_seal::MasterKey;
use ward_storage::state::{
    BODY_BYTES_MAX, CHANGES_MAX, KEY_BYTES_MAX, StateChange, StateError, StatePlace, StateRow,
};
use ward_storage::{OpenError, Store};

const NEVER: i64 = i64::MAX;
const NOW: i64 = 1_000;

fn insert(kind: u8, key: &str, owner: &str, expires_us: i64, body: &str) -> StateChange {
    StateChange::Insert {
        kind,
        key: key.into(),
        owner: owner.into(),
        expires_us,
        body: body.into(),
    }
}

fn replace(kind: u8, key: &str, version: u64, body: &str) -> StateChange {
    StateChange::Replace {
        kind,
        key: key.into(),
        version,
        owner: Vec::new(),
        expires_us: NEVER,
        body: body.into(),
    }
}

fn remove(kind: u8, key: &str, version: Option<u64>) -> StateChange {
    StateChange::Remove {
        kind,
        key: key.into(),
        version,
    }
}

async fn change(store: &Store, changes: Vec<StateChange>) -> Result<(), StateError> {
    store.change_state(changes, false, NOW).await
}

async fn get(store: &Store, kind: u8, key: &str) -> Option<StateRow> {
    store.state(kind, key.as_bytes(), NOW).await.unwrap()
}

async fn version(store: &Store, kind: u8, key: &str) -> u64 {
    get(store, kind, key).await.unwrap().version
}

async fn body(store: &Store, kind: u8, key: &str) -> Option<String> {
    get(store, kind, key)
        .await
        .map(|row| String::from_utf8(row.body).unwrap())
}

pub async fn a_row_is_inserted_replaced_and_removed(place: Place) {
    let store = place.open().await;
    assert_eq!(get(&store, 1, "a").await, None);
    change(&store, vec![insert(1, "a", "", 5_000, "first")])
        .await
        .unwrap();
    let first = get(&store, 1, "a").await.unwrap();
    assert_eq!((first.expires_us, &first.body[..]), (5_000, &b"first"[..]));
    assert_eq!(get(&store, 2, "a").await, None, "a row is of one kind only");
    assert_eq!(
        change(&store, vec![insert(1, "a", "", NEVER, "second")]).await,
        Err(StateError::Conflict(0))
    );
    change(&store, vec![replace(1, "a", first.version, "third")])
        .await
        .unwrap();
    let third = get(&store, 1, "a").await.unwrap();
    assert_eq!(
        (third.version, third.expires_us, &third.body[..]),
        (first.version + 1, NEVER, &b"third"[..])
    );
    for stale in [
        replace(1, "a", first.version, "x"),
        replace(1, "a", u64::MAX, "x"),
        replace(1, "b", third.version, "x"),
        remove(1, "a", Some(first.version)),
        remove(1, "b", Some(third.version)),
    ] {
        let refused = change(&store, vec![stale]).await;
        assert_eq!(refused, Err(StateError::Conflict(0)));
    }
    assert_eq!(get(&store, 1, "a").await, Some(third.clone()));
    change(&store, vec![remove(1, "a", Some(third.version))])
        .await
        .unwrap();
    assert_eq!(get(&store, 1, "a").await, None);
    change(&store, vec![remove(1, "a", None)]).await.unwrap();
    // What is made again is another row than the one that was read.
    change(&store, vec![insert(1, "a", "", NEVER, "again")])
        .await
        .unwrap();
    for version in [first.version, third.version] {
        let stale = change(&store, vec![replace(1, "a", version, "x")]).await;
        assert_eq!(stale, Err(StateError::Conflict(0)));
    }
    change(&store, vec![remove(1, "a", None)]).await.unwrap();
    assert_eq!(get(&store, 1, "a").await, None);
    change(&store, vec![insert(1, "", "", NEVER, "")])
        .await
        .unwrap();
    assert_eq!(body(&store, 1, "").await.as_deref(), Some(""));
    assert_eq!(change(&store, Vec::new()).await, Ok(()));
}

pub async fn an_expired_row_is_absent(place: Place) {
    let store = place.open().await;
    change(&store, vec![insert(1, "a", "o", NOW + 10, "old")])
        .await
        .unwrap();
    let old = get(&store, 1, "a").await.unwrap();
    for (now, there) in [(NOW + 9, true), (NOW + 10, false), (NOW + 11, false)] {
        let found = store.state(1, b"a", now).await.unwrap();
        assert_eq!(found.is_some(), there, "{now}");
        for owner in [None, Some(&b"o"[..])] {
            let list = store.states(1, owner, None, 10, now).await.unwrap();
            assert_eq!(list.len(), usize::from(there), "{now}");
        }
    }
    let at = |changes, now| store.change_state(changes, false, now);
    for gone in [
        replace(1, "a", old.version, "x"),
        remove(1, "a", Some(old.version)),
    ] {
        assert_eq!(at(vec![gone], NOW + 10).await, Err(StateError::Conflict(0)));
    }
    let early = at(vec![insert(1, "a", "", NEVER, "new")], NOW + 9).await;
    assert_eq!(early, Err(StateError::Conflict(0)));
    change(&store, vec![insert(1, "b", "", NEVER, "between")])
        .await
        .unwrap();
    at(vec![insert(1, "a", "", NEVER, "new")], NOW + 10)
        .await
        .unwrap();
    let bodies = bodies(&store, 1, None, 10).await;
    assert_eq!(bodies, ["between", "new"], "the new one is the youngest");
    let new = get(&store, 1, "a").await.unwrap();
    assert_eq!((&new.body[..], new.expires_us), (&b"new"[..], NEVER));
    let of_owner = store.states(1, Some(b"o"), None, 10, NOW).await.unwrap();
    assert_eq!(of_owner, [], "the owner went with the row");
}

pub async fn expired_rows_are_forgotten_a_few_at_a_time(place: Place) {
    let store = place.open().await;
    let expiring = |n: i64| insert(1, &format!("{n}"), "", NOW + n, "x");
    change(&store, (0..10).map(expiring).collect())
        .await
        .unwrap();
    change(&store, vec![insert(1, "ever", "", NEVER, "x")])
        .await
        .unwrap();
    assert_eq!(store.expire_states(100, NOW - 1).await, Ok(0));
    assert_eq!(store.expire_states(4, NOW + 6).await, Ok(4));
    assert_eq!(store.expire_states(4, NOW + 6).await, Ok(3));
    assert_eq!(store.expire_states(4, NOW + 6).await, Ok(0));
    let left = store.states(1, None, None, 100, 0).await.unwrap();
    assert_eq!(left.len(), 4);
    assert_eq!(store.expire_states(u32::MAX, NEVER).await, Ok(3));
    assert!(get(&store, 1, "ever").await.is_some());
}

pub async fn changes_are_all_or_nothing(place: Place) {
    let store = place.open().await;
    change(&store, vec![insert(1, "there", "", NEVER, "there")])
        .await
        .unwrap();
    let there = version(&store, 1, "there").await;
    let refused = vec![
        insert(1, "new", "", NEVER, "new"),
        replace(1, "there", there, "changed"),
        remove(1, "there", None),
        insert(2, "new", "", NEVER, "new"),
        remove(1, "absent", Some(5)),
    ];
    let before = store.state_revision().await.unwrap();
    assert_eq!(
        store.change_state(refused, true, NOW).await,
        Err(StateError::Conflict(4))
    );
    assert_eq!(store.state_revision().await.unwrap(), before);
    assert_eq!(body(&store, 1, "there").await.as_deref(), Some("there"));
    assert_eq!(get(&store, 1, "new").await, None);
    assert_eq!(get(&store, 2, "new").await, None);
    // One after the other where they are of one row, and no other caller is disturbed by one that is refused.
    let several = vec![
        insert(1, "new", "", NEVER, "one"),
        replace(1, "there", there, "two"),
        replace(1, "there", there + 1, "three"),
        remove(1, "new", None),
        insert(1, "new", "", NEVER, "four"),
    ];
    let (done, refused, other) = tokio::join!(
        change(&store, several),
        change(
            &store,
            vec![insert(3, "a", "", NEVER, "a"), remove(3, "b", Some(1))]
        ),
        change(&store, vec![insert(4, "a", "", NEVER, "a")]),
    );
    assert_eq!((done, other), (Ok(()), Ok(())));
    assert_eq!(refused, Err(StateError::Conflict(1)));
    assert_eq!(body(&store, 1, "there").await.as_deref(), Some("three"));
    assert_eq!(body(&store, 1, "new").await.as_deref(), Some("four"));
    assert_eq!(get(&store, 3, "a").await, None);
    assert!(get(&store, 4, "a").await.is_some());
}

/// Bodies of a whole list, by pages of `most`.
async fn bodies(store: &Store, kind: u8, owner: Option<&str>, most: u32) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), None::<StatePlace>);
    loop {
        let owner = owner.map(str::as_bytes);
        let page = store.states(kind, owner, after, most, NOW).await.unwrap();
        assert!(page.len() <= most as usize);
        let Some((last, _)) = page.last() else {
            return all;
        };
        assert!(after.is_none_or(|after| after < *last));
        after = Some(*last);
        all.extend(
            page.into_iter()
                .map(|(_, row)| String::from_utf8(row.body).unwrap()),
        );
    }
}

pub async fn lists_of_a_kind_and_of_an_owner_page_oldest_first(place: Place) {
    let store = place.open().await;
    let name = |n: usize| format!("{n:02}");
    for n in 0..20 {
        let owner = ["ann", "bob", ""][n % 3];
        let expires = if n == 4 { NOW } else { NEVER };
        let row = insert(1, &name(n), owner, expires, &name(n));
        change(
            &store,
            vec![row, insert(2, &name(n), owner, NEVER, "other")],
        )
        .await
        .unwrap();
    }
    let live = |owner: Option<usize>| -> Vec<String> {
        let mine = |n: &usize| owner.is_none_or(|owner| n % 3 == owner) && *n != 4;
        (0..20).filter(mine).map(name).collect()
    };
    for most in [1, 3, 100] {
        assert_eq!(bodies(&store, 1, None, most).await, live(None));
        for (at, owner) in ["ann", "bob"].into_iter().enumerate() {
            assert_eq!(bodies(&store, 1, Some(owner), most).await, live(Some(at)));
        }
        let nobody = bodies(&store, 1, Some("eve"), most).await;
        assert_eq!(nobody, Vec::<String>::new());
    }
    assert_eq!(bodies(&store, 2, None, 7).await.len(), 20);
    assert_eq!(bodies(&store, 3, None, 7).await.len(), 0);
    assert_eq!(store.states(1, None, None, 0, NOW).await.unwrap(), []);
    // A replaced row keeps its place, and its owner may be another.
    let moved = StateChange::Replace {
        kind: 1,
        key: "00".into(),
        version: version(&store, 1, "00").await,
        owner: "bob".into(),
        expires_us: NEVER,
        body: "00 moved".into(),
    };
    change(&store, vec![moved, remove(1, "01", None)])
        .await
        .unwrap();
    assert_eq!(
        bodies(&store, 1, Some("bob"), 1).await[..2],
        ["00 moved", "07"]
    );
    assert_eq!(bodies(&store, 1, Some("ann"), 1).await[0], "03");
    assert_eq!(bodies(&store, 1, None, 1).await[..2], ["00 moved", "02"]);
}

pub async fn the_revision_rises_with_announced_changes_only(place: Place) {
    let (store, other) = (place.open().await, place.open().await);
    let first = store.state_revision().await.unwrap();
    change(&store, vec![insert(1, "a", "", NEVER, "")])
        .await
        .unwrap();
    assert_eq!(other.state_revision().await, Ok(first));
    let announced = |key: &str| vec![insert(1, key, "", NEVER, "")];
    store.change_state(announced("b"), true, NOW).await.unwrap();
    let second = other.state_revision().await.unwrap();
    assert!(second > first);
    assert_eq!(
        other.change_state(announced("b"), true, NOW).await,
        Err(StateError::Conflict(0))
    );
    assert_eq!(store.state_revision().await, Ok(second));
    // Whoever has seen a revision sees all that was announced by then.
    let keys: Vec<String> = (0..40).map(|n| format!("many {n}")).collect();
    let writers: Vec<_> = keys
        .iter()
        .map(|key| {
            let (store, changes) = (store.clone(), announced(key));
            tokio::spawn(async move { store.change_state(changes, true, NOW).await })
        })
        .collect();
    let mut seen = second;
    while seen < second + 40 {
        seen = other.state_revision().await.unwrap();
        let rows = other.states(1, None, None, 100, NOW).await.unwrap();
        assert!(rows.len() as i64 >= 2 + seen - second);
    }
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(store.state_revision().await, Ok(second + 40));
}

/// Two nodes, many rounds.
pub async fn of_two_inserts_at_once_one_wins(place: Place) {
    let (one, other) = (place.open().await, place.open().await);
    for round in 0..100 {
        let key = format!("round {round}");
        // Every third key has an expired row.
        if round % 3 == 0 {
            change(&one, vec![insert(1, &key, "", NOW, "expired")])
                .await
                .unwrap();
        }
        let attempt = |store: &Store, name: &str| {
            let (store, row) = (store.clone(), insert(1, &key, "", NEVER, name));
            tokio::spawn(async move { change(&store, vec![row]).await })
        };
        let (a, b) = (attempt(&one, "one"), attempt(&other, "other"));
        let (a, b) = (a.await.unwrap(), b.await.unwrap());
        let winner = match (a, b) {
            (Ok(()), Err(StateError::Conflict(0))) => "one",
            (Err(StateError::Conflict(0)), Ok(())) => "other",
            both => panic!("round {round}: {both:?}"),
        };
        for store in [&one, &other] {
            assert_eq!(body(store, 1, &key).await.as_deref(), Some(winner));
        }
    }
}

pub async fn of_two_changes_of_a_version_one_wins(place: Place) {
    let (one, other) = (place.open().await, place.open().await);
    change(&one, vec![insert(1, "a", "", NEVER, "begin")])
        .await
        .unwrap();
    for round in 0..100 {
        let read = version(&one, 1, "a").await;
        let attempt = |store: &Store, change: StateChange| {
            let store = store.clone();
            tokio::spawn(async move { store.change_state(vec![change], round % 2 == 0, NOW).await })
        };
        let a = attempt(&one, replace(1, "a", read, "one"));
        let b = match round % 4 {
            3 => attempt(&other, remove(1, "a", Some(read))),
            _ => attempt(&other, replace(1, "a", read, "other")),
        };
        let found = match (a.await.unwrap(), b.await.unwrap()) {
            (Ok(()), Err(StateError::Conflict(0))) => Some("one"),
            (Err(StateError::Conflict(0)), Ok(())) if round % 4 == 3 => None,
            (Err(StateError::Conflict(0)), Ok(())) => Some("other"),
            both => panic!("round {round}: {both:?}"),
        };
        assert_eq!(body(&one, 1, "a").await.as_deref(), found);
        if found.is_none() {
            change(&one, vec![insert(1, "a", "", NEVER, "begin")])
                .await
                .unwrap();
        }
    }
}

/// Callers that take the same rows in opposite orders, while expired ones are forgotten.
pub async fn lists_of_changes_in_any_order_do_not_stand_in_each_others_way(place: Place) {
    let (one, other) = (place.open().await, place.open().await);
    let keys: Vec<String> = (0..12).map(|n| format!("key {n}")).collect();
    for _ in 0..30 {
        let attempt = |store: &Store, mut keys: Vec<String>, backwards: bool| {
            if backwards {
                keys.reverse();
            }
            let store = store.clone();
            tokio::spawn(async move {
                let rows = keys.iter().map(|key| insert(1, key, "", NOW + 1, "x"));
                store.change_state(rows.collect(), true, NOW).await
            })
        };
        let a = attempt(&one, keys.clone(), false);
        let b = attempt(&other, keys.clone(), true);
        let forgetting = one.expire_states(5, NOW + 1).await;
        assert!(forgetting.is_ok());
        let (a, b) = (a.await.unwrap(), b.await.unwrap());
        assert!(a.is_ok() || b.is_ok(), "{a:?} {b:?}");
        for done in [a, b] {
            assert!(matches!(done, Ok(()) | Err(StateError::Conflict(_))));
        }
        while one.expire_states(100, NOW + 1).await.unwrap() > 0 {}
    }
}

pub async fn rows_survive_a_reopen_under_their_master_key_only(place: Place) {
    let store = place.open().await;
    let rows = vec![
        insert(1, "a", "owner", NEVER, "kept"),
        insert(1, "b", "", NOW, "expired"),
    ];
    store.change_state(rows, true, NOW).await.unwrap();
    let (kept, revision) = (get(&store, 1, "a").await, store.state_revision().await);
    store.close().await;
    assert_eq!(
        change(&store, vec![insert(1, "c", "", NEVER, "late")]).await,
        Err(StateError::Unavailable)
    );
    drop(store);
    let refused = Store::open(place.settings(), MasterKey::from_bytes([43; 32])).await;
    assert!(matches!(refused, Err(OpenError::WrongMaster { .. })));
    let store = place.open().await;
    assert!(kept.is_some());
    assert_eq!(get(&store, 1, "a").await, kept);
    assert_eq!(get(&store, 1, "b").await, None);
    assert_eq!(store.state_revision().await, revision);
    assert_eq!(bodies(&store, 1, Some("owner"), 10).await, ["kept"]);
    let again = change(&store, vec![insert(1, "a", "", NEVER, "x")]).await;
    assert_eq!(again, Err(StateError::Conflict(0)));
}

pub async fn nothing_stands_in_clear(place: Place) {
    let store = place.open().await;
    let words = [
        "a-key-nobody-may-read",
        "an-owner-nobody-may-read",
        "a-body-nobody-may-read",
    ];
    let row = insert(1, words[0], words[1], NEVER, words[2]);
    change(&store, vec![row]).await.unwrap();
    let stored = place.stored_state().await;
    assert!(stored.len() > 32 + words[2].len(), "this is where rows are");
    let found = |word: &[u8]| stored.windows(word.len()).any(|some| some == word);
    for word in words {
        assert!(!found(word.as_bytes()), "{word}");
        // Nor a hash without a key, by which whoever guesses could find a row.
        assert!(!found(&ward_seal::hash::sha256(word.as_bytes())[..16]));
    }
}

pub async fn whatever_is_too_large_is_refused(place: Place) {
    let store = place.open().await;
    let largest = "x".repeat(BODY_BYTES_MAX);
    let key = "k".repeat(KEY_BYTES_MAX);
    change(&store, vec![insert(1, &key, &key, NEVER, &largest)])
        .await
        .unwrap();
    assert_eq!(body(&store, 1, &key).await, Some(largest.clone()));
    for large in [
        vec![insert(1, &(key.clone() + "k"), "", NEVER, "")],
        vec![insert(1, "a", &(key.clone() + "k"), NEVER, "")],
        vec![insert(1, "a", "", NEVER, &(largest.clone() + "x"))],
        vec![remove(1, &(key.clone() + "k"), None)],
        vec![remove(1, "a", None); CHANGES_MAX + 1],
    ] {
        assert_eq!(change(&store, large).await, Err(StateError::TooLarge));
    }
    let many = (0..CHANGES_MAX).map(|n| insert(2, &format!("{n}"), "", NEVER, ""));
    change(&store, many.collect()).await.unwrap();
}

pub async fn questions_and_changes_take_few_statements(place: Place) {
    let store = place.open().await;
    let rows = (0..20).map(|n| insert(1, &format!("{n}"), "o", NEVER, ""));
    change(&store, rows.collect()).await.unwrap();
    let before = store.statements();
    get(&store, 1, "3").await.unwrap();
    assert_eq!(store.statements() - before, 1);
    let before = store.statements();
    let list = store.states(1, Some(b"o"), None, 100, NOW).await.unwrap();
    assert_eq!((list.len(), store.statements() - before), (20, 1));
    let before = store.statements();
    store.state_revision().await.unwrap();
    assert_eq!(store.statements() - before, 1);
    let before = store.statements();
    let several = vec![remove(1, "3", None), remove(1, "4", None)];
    store.change_state(several, true, NOW).await.unwrap();
    let used = store.statements() - before;
    assert!((3..=7).contains(&used), "{used} statements");
}
