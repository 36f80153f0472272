use super::*;

fn ring(keys: &[(KeyAlgorithm, i64)]) -> KeyRing {
    let key = |(algorithm, signs_from_s): &(KeyAlgorithm, i64)| RingKey {
        algorithm: *algorithm,
        pkcs8: String::new(),
        signs_from_s: *signs_from_s,
    };
    KeyRing {
        keys: keys.iter().map(key).collect(),
    }
}

use KeyAlgorithm::{Es256, Rs256};

#[test]
fn s15_the_next_key_is_published_a_day_and_more_before_it_signs() {
    const { assert!(PUBLISHED_AHEAD_S >= 24 * 3600) };
    let one = ring(&[(Es256, 0)]);
    let due_s = KEY_PERIOD_S - PUBLISHED_AHEAD_S;
    assert_eq!(next_due(&one, Es256, due_s - 1), None);
    assert_eq!(next_due(&one, Es256, due_s), Some((Es256, KEY_PERIOD_S)));
    // After a long sleep: not at once, but after the same notice.
    let late_s = 10 * KEY_PERIOD_S;
    assert_eq!(
        next_due(&one, Es256, late_s),
        Some((Es256, late_s + PUBLISHED_AHEAD_S))
    );
    assert_eq!(
        next_due(&one, Rs256, late_s),
        None,
        "there is none to follow"
    );
    let two = ring(&[(Es256, 0), (Es256, KEY_PERIOD_S)]);
    assert_eq!(next_due(&two, Es256, KEY_PERIOD_S), None);
}

#[test]
fn s15_an_old_key_stays_until_its_last_token_has_expired() {
    let keys = ring(&[(Es256, 0), (Rs256, 0), (Es256, 1000)]);
    assert_eq!(alive(&keys, 1000 + KEPT_S - 1).len(), 3);
    let left = alive(&keys, 1000 + KEPT_S);
    assert_eq!(
        left.iter()
            .map(|k| (k.algorithm, k.signs_from_s))
            .collect::<Vec<_>>(),
        [(Rs256, 0), (Es256, 1000)]
    );
    const { assert!(KEPT_S > TOKEN_LIFETIME_S_MAX) };
}

#[test]
fn s15_the_youngest_key_signs_and_all_verify() {
    let (old, new, next) = (
        SigningKey::generate(),
        SigningKey::generate(),
        SigningKey::generate(),
    );
    let kids = [&old, &new, &next].map(|key| key.kid().to_owned());
    let key = |signs_from_s, key| Key {
        signs_from_s,
        pair: Pair::Es256(key),
    };
    let keys = SigningKeys::of(vec![key(0, old), key(100, new), key(200, next)]);
    let signer = |now_s| {
        let token = keys.sign_access("at+jwt", b"{}", now_s).unwrap();
        assert_eq!(keys.verify_access("at+jwt", &token).unwrap(), b"{}");
        unverified_header(&token).unwrap().kid.unwrap()
    };
    assert_eq!(signer(-50), kids[0], "a clock that is behind");
    assert_eq!(signer(99), kids[0]);
    assert_eq!(signer(100), kids[1]);
    assert_eq!(signer(1000), kids[2]);
    let set: serde_json::Value = serde_json::from_str(&keys.jwks()).unwrap();
    let published: Vec<_> = set["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|k| k["kid"].as_str().unwrap())
        .collect();
    assert_eq!(published, kids);
    assert!(
        set["keys"]
            .as_array()
            .unwrap()
            .iter()
            .all(|k| k["use"] == "sig" && k.get("d").is_none())
    );
    let foreign = SigningKey::generate().sign("at+jwt", b"{}");
    assert_eq!(
        keys.verify_access("at+jwt", &foreign),
        Err(JwsError::UnknownKey)
    );
    assert_eq!(keys.sign_id(IdTokenAlgorithm::Rs256, b"{}", 0), None);
}
