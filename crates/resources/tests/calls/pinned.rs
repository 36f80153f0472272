//! A store whose clock stands still until the test moves it, so that two stores given the same writes are alike to the second.

use crate::house::{House, call, loader, type_id};
use serde_json::Value;
use std::cell::Cell;
use std::sync::OnceLock;
use ward_access::Caller;
use ward_resources::route::Method;
use ward_resources::search::decode_query;
use ward_resources::{Call, ConsentSettings, Reply, Settings};
use ward_testkit::naive::Question;
use ward_testkit::{Backend, Random};

/// 2023-11-14T22:13:20Z
pub const BEGIN_US: i64 = 1_700_000_000_000_000;

thread_local! { static NOW: Cell<i64> = const { Cell::new(BEGIN_US) } }

pub fn set_clock(us: i64) {
    NOW.set(us);
}

fn now() -> i64 {
    NOW.get()
}

/// Without the check of who refers to what is deleted; these types are to be indexed by their words.
pub async fn open_with_words(backend: Backend, types: &[&str]) -> House {
    let settings = Settings {
        delete_check: false,
        full_text: types.iter().map(|name| type_id(name)).collect(),
        ..Settings::default()
    };
    House::with(backend, settings, now).await
}

/// The same where this is decided for all patients.
pub async fn open_with_consents(backend: Backend, consent: &ConsentSettings) -> House {
    House::with(backend, consenting(consent), now).await
}

/// Settings of such a house, whose people, results and illnesses are indexed by their words.
pub fn consenting(consent: &ConsentSettings) -> Settings {
    let types = crate::noninterference::WORDS_OF;
    Settings {
        delete_check: false,
        full_text: types.iter().map(|name| type_id(name)).collect(),
        consent: consent.clone(),
        ..Settings::default()
    }
}

/// The same on both stores, so that what agrees with one evaluator agrees with each other.
pub fn random() -> Random {
    static SEED: OnceLock<u64> = OnceLock::new();
    let seed = *SEED.get_or_init(|| Random::seeded().0);
    println!("WARD_TEST_SEED={seed}");
    Random(seed)
}

/// How many cases: `WARD_TEST_CASES`, or as many as `./test` asks.
pub fn cases() -> usize {
    let given = std::env::var("WARD_TEST_CASES").ok();
    given.and_then(|n| n.parse().ok()).unwrap_or(10_000)
}

/// The same where both stores are asked as many together.
pub fn half_of_cases() -> usize {
    cases().div_ceil(2)
}

/// Stores at a time of its own.
pub async fn put(house: &House, body: &Value, at_us: i64) {
    set_clock(at_us);
    house.put(body).await;
}

pub async fn delete(house: &House, path: &str, at_us: i64) {
    set_clock(at_us);
    let reply = house.ask(&loader(), Method::Delete, path, None).await;
    assert_eq!(reply.status, 204, "{path}");
}

pub fn search(question: &Question) -> Call {
    let mut call = call(Method::Get, &question.path, None);
    call.parameters.clone_from(&question.pairs);
    call
}

/// The Call behind a link of a Bundle, when it has one.
pub fn follow(bundle: &Value, relation: &str) -> Option<Call> {
    let links = bundle["link"].as_array()?;
    let link = links.iter().find(|l| l["relation"] == relation)?;
    let below = link["url"].as_str()?.split_once("/fhir/")?.1;
    let (path, query) = below.split_once('?').unwrap_or((below, ""));
    let mut call = call(Method::Get, path, None);
    call.parameters = decode_query(query).unwrap();
    Some(call)
}

/// Pages that are walked at most.
const PAGES_MAX: usize = 300;

/// The pages of an answer, all of them or the first.
pub async fn pages(house: &House, caller: &Caller, call: Call, all: bool) -> Vec<Reply> {
    let mut replies = Vec::new();
    let glass = call.break_glass.clone();
    let mut next = Some(call);
    while let Some(mut call) = next {
        call.break_glass.clone_from(&glass);
        let reply = house.engine.answer(caller, &call).await;
        let bundle = reply.json().and_then(|b| serde_json::from_slice(b).ok());
        next = bundle
            .filter(|_| all)
            .and_then(|b: Value| follow(&b, "next"));
        replies.push(reply);
        assert!(replies.len() <= PAGES_MAX, "the pages have no end");
    }
    replies
}
