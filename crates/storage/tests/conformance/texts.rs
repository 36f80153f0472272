//! Texts by which codes are found: those that nobody has any more leave.

use crate::place::{Place, all, commit, create, delete, found, master, plan, terms, ty, update};
use ward_search::entries::{Entries, PhraseEntry};
use ward_search::plan::{Filter, PhraseTest};
use ward_storage::{Store, StoreSettings, Tidied, Write};

/// A store that waits for nothing.
async fn eager(place: &Place) -> Store {
    let settings = StoreSettings {
        texts_kept_s: 0,
        ..place.settings()
    };
    Store::open(settings, master()).await.unwrap()
}

/// Of these terms, each with texts.
fn entries(of: &[(i64, &str)]) -> Entries {
    let list: Vec<i64> = of.iter().map(|(term, _)| *term).collect();
    let mut entries = terms(&list);
    entries.phrases = of
        .iter()
        .map(|(term, text)| PhraseEntry {
            param: 3,
            value: (*text).into(),
            term: *term,
        })
        .collect();
    entries.phrases.sort_unstable();
    entries
}

fn said(store: &Store, of: &[(i64, &str)]) -> Write {
    Write {
        entries: entries(of),
        ..create(ty("Observation"), store.allocate(None), 0, "{}")
    }
}

async fn with(store: &Store, text: &str) -> Vec<i64> {
    let words = Filter::Phrase {
        param: 3,
        test: PhraseTest::Words,
        value: text.into(),
    };
    found(store, &all(), &plan(ty("Observation"), words)).await
}

fn tidied(looked_at: u32, removed: u32) -> Tidied {
    Tidied { looked_at, removed }
}

pub async fn a_text_that_nobody_has_leaves(place: Place) {
    let store = eager(&place).await;
    let tidy = async || store.remove_left_phrases(100).await.unwrap();
    assert_eq!(tidy().await, tidied(0, 0));
    let first = said(&store, &[(1, "pulse"), (2, "breath")]);
    let second = said(&store, &[(1, "pulse"), (1, "beat")]);
    for write in [&first, &second] {
        commit(&store, write).await.unwrap();
    }
    assert_eq!(tidy().await, tidied(0, 0), "all are in use");
    // Of two rows with a text one goes, and of another the text alone.
    let changed = update(&second, "{}", entries(&[(1, "pulse"), (3, "rate")]));
    commit(&store, &changed).await.unwrap();
    commit(&store, &delete(&first)).await.unwrap();
    assert_eq!(
        tidy().await,
        tidied(3, 1),
        "its code is gone with 'breath' alone"
    );
    assert_eq!(tidy().await, tidied(0, 0), "what was looked at is done");
    assert_eq!(with(&store, "pulse").await, [second.rid]);
    assert_eq!(with(&store, "rate").await, [second.rid]);
    // Used again, and lost again.
    let third = said(&store, &[(2, "breath")]);
    commit(&store, &third).await.unwrap();
    assert_eq!(with(&store, "breath").await, [third.rid]);
    commit(&store, &delete(&changed)).await.unwrap();
    commit(&store, &delete(&third)).await.unwrap();
    // A few at a time, by whoever comes next.
    assert_eq!(store.remove_left_phrases(2).await, Ok(tidied(2, 2)));
    store.close().await;
    let store = eager(&place).await;
    assert_eq!(store.remove_left_phrases(2).await, Ok(tidied(1, 1)));
    assert_eq!(store.remove_left_phrases(2).await, Ok(tidied(0, 0)));
}

pub async fn a_text_stays_for_as_long_as_it_may_be_known(place: Place) {
    let store = place.open().await;
    let write = said(&store, &[(1, "pulse")]);
    commit(&store, &write).await.unwrap();
    commit(&store, &delete(&write)).await.unwrap();
    assert_eq!(store.remove_left_phrases(100).await, Ok(tidied(0, 0)));
    // It is known here, and so not sent again.
    let again = said(&store, &[(1, "pulse")]);
    commit(&store, &again).await.unwrap();
    assert_eq!(with(&store, "pulse").await, [again.rid]);
}

/// Whoever writes one again while it is being removed finds it by it, on one node and on two.
pub async fn a_text_that_is_used_again_is_found(place: Place) {
    let (store, other) = (eager(&place).await, eager(&place).await);
    for round in 0..40 {
        let text = format!("text {round}");
        let (term, second) = (1_000 + round, if round % 2 == 0 { &store } else { &other });
        let before = said(&store, &[(term, &text)]);
        commit(&store, &before).await.unwrap();
        commit(&store, &delete(&before)).await.unwrap();
        let again = said(&store, &[(term, &text)]);
        let (written, removed) =
            tokio::join!(commit(&store, &again), second.remove_left_phrases(100));
        written.unwrap();
        removed.unwrap();
        assert_eq!(with(&store, &text).await, [again.rid], "round {round}");
        assert_eq!(with(&other, &text).await, [again.rid], "round {round}");
    }
}
