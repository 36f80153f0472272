//! X63: the ordinary exchange of keys, which nobody notices, and the drill for the day on which somebody has read them.

use super::load::Load;
use super::ring::Ring;
use super::{Nodes, OPENS, dead};
use crate::apps::Place;
use crate::rest::backend_service::BackendService;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use ward_seal::from_base64url;
use ward_smart::signing_keys::{KEY_PERIOD_S, PUBLISHED_AHEAD_S};

/// From the moment that the next keys are known everywhere until they sign.
const AHEAD_S: i64 = 3;
/// Patience for what is bounded in seconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// The drill's bound (X63).
const DEAD_AFTER: Duration = Duration::from_secs(60);
/// Requests of the load that each part of a test is given.
const REQUESTS: u64 = 200;

#[test]
fn x63_keys_are_exchanged_under_load_and_no_request_fails() {
    let Some(nodes) = Nodes::start(&[]) else {
        return;
    };
    // Asking for them makes the one for id_tokens.
    assert_eq!(kids(&nodes.a).len(), 2);
    let ring = Ring::of(&nodes.server);
    let load = Load::begin(&nodes);
    let service = nodes.loader();
    let old = nodes.both().map(|place| service.at(&place.origin).token());
    let signed_before = kid(&old[0]);
    assert_eq!(kid(&old[1]), signed_before, "nodes agree");

    ring.age(KEY_PERIOD_S - PUBLISHED_AHEAD_S);
    ring.tend();
    let published = both_publish(&nodes, 4);
    load.more(REQUESTS);
    for place in nodes.both() {
        let still = kid(&service.at(&place.origin).token());
        assert_eq!(still, signed_before, "published ahead, and not used yet");
    }
    ring.age(PUBLISHED_AHEAD_S - AHEAD_S);
    let new = nodes
        .both()
        .map(|place| signs_with_another(place, &service, &signed_before));
    assert_eq!(new[0], new[1], "nodes agree");
    assert!(
        published.contains(&new[0]),
        "whoever keeps the published keys knows the one that signs"
    );
    load.more(REQUESTS);
    // What the old key signed holds to its end.
    for place in nodes.both() {
        for token in &old {
            place.get(token, OPENS).expect(200);
        }
        assert_eq!(kids(place), published);
    }
    load.end();
}

#[test]
fn x63_what_stolen_keys_signed_is_dead_within_a_minute() {
    let Some(nodes) = Nodes::start(&[]) else {
        return;
    };
    let mut admin = nodes.signed_in("admin");
    let service = nodes.loader();
    let load = Load::begin(&nodes);
    let old = nodes.both().map(|place| service.at(&place.origin).token());
    for place in nodes.both() {
        for token in &old {
            place.get(token, OPENS).expect(200);
        }
    }
    let before = kids(&nodes.a);
    let page = admin.get(&format!("{}/auth/clients", nodes.a.origin));
    load.tokens_may_die();
    let begun = Instant::now();
    let page = admin.submit(&page, &[("decision", "replace-keys"), ("sure", "yes")]);
    assert!(page.html().contains("All keys are replaced."), "{page:?}");
    for (what, token) in ["a token of node a", "a token of node b"].iter().zip(&old) {
        dead(what, &nodes.a, &nodes.b, token);
    }
    assert!(begun.elapsed() < DEAD_AFTER, "{:?}", begun.elapsed());
    println!("  all tokens dead after {} ms", begun.elapsed().as_millis());
    // No key that somebody may know is published any more, and everybody goes on with the new ones.
    for place in nodes.both() {
        assert!(kids(place).is_disjoint(&before));
    }
    load.tokens_hold_again();
    load.more(REQUESTS);
    let new = nodes.both().map(|place| service.at(&place.origin).token());
    for place in nodes.both() {
        for token in &new {
            place.get(token, OPENS).expect(200);
        }
    }
    load.end();
}

/// Names of the published keys, when both nodes publish so many.
fn both_publish(nodes: &Nodes, keys: usize) -> BTreeSet<String> {
    let begun = Instant::now();
    loop {
        let [a, b] = nodes.both().map(kids);
        if a.len() == keys && a == b {
            println!("  published on both: {} ms", begun.elapsed().as_millis());
            return a;
        }
        assert!(begun.elapsed() < PATIENCE, "{a:?} {b:?}");
        std::thread::sleep(super::LOOKED_AGAIN_AFTER);
    }
}

/// The name of the key that signs, when it is another.
fn signs_with_another(place: &Place, service: &BackendService, before: &str) -> String {
    let begun = Instant::now();
    loop {
        let now = kid(&service.at(&place.origin).token());
        if now != before {
            return now;
        }
        assert!(begun.elapsed() < PATIENCE, "the old key still signs");
        std::thread::sleep(super::LOOKED_AGAIN_AFTER);
    }
}

fn kids(place: &Place) -> BTreeSet<String> {
    let keys = place.published_keys();
    keys.iter()
        .map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

/// The key that signed a token.
fn kid(token: &str) -> String {
    let header = from_base64url(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}
