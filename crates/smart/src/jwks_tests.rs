use super::*;
use crate::fetch::{FetchError, Fetched, Fetching, Posted};
use std::sync::atomic::{AtomicUsize, Ordering};
use ward_seal::SigningKey;

/// Answers what the test has put there, and counts.
#[derive(Default)]
struct Shelf {
    answer: Mutex<Option<Fetched>>,
    fetches: AtomicUsize,
}

impl Fetch for Shelf {
    fn get<'a>(&'a self, _: &'a str, _: usize) -> Fetching<'a> {
        self.fetches.fetch_add(1, Ordering::Relaxed);
        let answer = self.answer.lock().unwrap().clone();
        Box::pin(std::future::ready(answer.ok_or(FetchError::Unreachable)))
    }

    fn post<'a>(&'a self, _: Posted<'a>, _: usize) -> Fetching<'a> {
        panic!("a key set is fetched, not asked for by a form")
    }
}

impl Shelf {
    fn put(&self, keys: &[&SigningKey], max_age_s: Option<u32>) {
        let keys: Vec<_> = keys.iter().map(|key| key.public_jwk()).collect();
        let age = max_age_s.map(|age| ("cache-control".to_owned(), format!("max-age={age}")));
        *self.answer.lock().unwrap() = Some(Fetched {
            status: 200,
            headers: age.into_iter().collect(),
            body: format!(r#"{{"keys":[{}]}}"#, keys.join(",")).into_bytes(),
        });
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::Relaxed)
    }
}

struct Asked {
    shelf: Arc<Shelf>,
    sets: KeySets,
}

impl Asked {
    fn new() -> Asked {
        let shelf = Arc::new(Shelf::default());
        Asked {
            sets: KeySets::new(shelf.clone()),
            shelf,
        }
    }

    async fn knows(&self, key: &SigningKey, now_s: i64) -> bool {
        let url = KeysAt::Url("https://app.example/jwks".into());
        let found = self
            .sets
            .find(&url, Some(key.kid()), Algorithm::Es256, now_s)
            .await;
        found.is_some()
    }
}

#[tokio::test]
async fn s58_a_set_is_kept_as_long_as_its_header_says() {
    let key = SigningKey::generate();
    for (max_age_s, kept_s) in [
        (Some(600), 600),
        (Some(0), 1),
        (None, SET_AGE_S),
        (Some(u32::MAX), SET_AGE_S_MAX),
    ] {
        let asked = Asked::new();
        asked.shelf.put(&[&key], max_age_s);
        assert!(asked.knows(&key, 0).await);
        assert!(asked.knows(&key, kept_s - 1).await);
        assert_eq!(asked.shelf.fetches(), 1, "{max_age_s:?}");
        assert!(asked.knows(&key, kept_s).await);
        assert_eq!(asked.shelf.fetches(), 2, "{max_age_s:?}");
    }
}

#[tokio::test]
async fn s56_an_unknown_kid_is_asked_for_once_a_minute() {
    let (old, new) = (SigningKey::generate(), SigningKey::generate());
    let asked = Asked::new();
    asked.shelf.put(&[&old], Some(3600));
    assert!(asked.knows(&old, 0).await);
    asked.shelf.put(&[&old, &new], Some(3600));
    for second in 1..REFETCH_PERIOD_S {
        assert!(!asked.knows(&new, second).await);
    }
    assert_eq!(asked.shelf.fetches(), 1);
    assert!(asked.knows(&new, REFETCH_PERIOD_S).await);
    assert_eq!(asked.shelf.fetches(), 2);
    asked.shelf.put(&[&new, &new], Some(3600));
    assert!(!asked.knows(&new, 7200).await, "two keys of one kid");
}

#[tokio::test]
async fn s59_what_cannot_be_fetched_leaves_the_last_set_while_it_is_fresh() {
    let key = SigningKey::generate();
    let asked = Asked::new();
    assert!(!asked.knows(&key, 0).await);
    asked.shelf.put(&[&key], Some(100));
    assert!(asked.knows(&key, 60).await);
    *asked.shelf.answer.lock().unwrap() = None;
    assert!(asked.knows(&key, 159).await);
    assert!(!asked.knows(&key, 160).await);
    let nothing = Fetched {
        status: 200,
        headers: Vec::new(),
        body: b"<html>".to_vec(),
    };
    *asked.shelf.answer.lock().unwrap() = Some(nothing);
    assert!(!asked.knows(&key, 300).await);
}

#[tokio::test]
async fn s58_a_set_by_value_needs_no_fetch() {
    let key = SigningKey::generate();
    let asked = Asked::new();
    let here = KeysAt::Here(format!(r#"{{"keys":[{}]}}"#, key.public_jwk()));
    let found = asked.sets.find(&here, Some(key.kid()), Algorithm::Es256, 0);
    assert!(found.await.is_some());
    let wrong = asked.sets.find(&here, Some(key.kid()), Algorithm::Es384, 0);
    assert!(wrong.await.is_none());
    assert_eq!(asked.shelf.fetches(), 0);
}

/// Whoever says more than a set may hold is not believed at all; what was known before stays as long as it is fresh.
#[tokio::test]
async fn s59_a_set_has_its_size() {
    let keys: Vec<SigningKey> = (0..33).map(|_| SigningKey::generate()).collect();
    let all: Vec<&SigningKey> = keys.iter().collect();
    let asked = Asked::new();
    asked.shelf.put(&all, Some(100));
    assert!(!asked.knows(&keys[0], 0).await);
    asked.shelf.put(&all[..32], Some(100));
    assert!(asked.knows(&keys[31], 60).await);
    let redirected = Fetched {
        status: 302,
        headers: vec![(
            "location".to_owned(),
            "https://evil.example/jwks".to_owned(),
        )],
        body: Vec::new(),
    };
    *asked.shelf.answer.lock().unwrap() = Some(redirected);
    assert!(asked.knows(&keys[31], 159).await);
    assert!(!asked.knows(&keys[31], 160).await);
    assert_eq!(SET_BYTES_MAX, 64 * 1024);
}
