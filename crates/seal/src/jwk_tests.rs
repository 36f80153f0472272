use super::*;
use crate::from_base64url;
use serde_json::{Value, json};

/// RFC 7515 appendix A.2 and A.3, RFC 8037 appendix A.2: the published keys without their private members.
pub(crate) const RSA: &str = concat!(
    r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4Ql"#,
    "L-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBE",
    "Ma2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb5",
    r#"4h4FRWyuXpoQ","e":"AQAB"}"#
);
pub(crate) const P256: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
pub(crate) const ED25519: &str =
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

fn changed(base: &str, change: impl FnOnce(&mut Value)) -> Result<Jwk, JwkError> {
    let mut value: Value = serde_json::from_str(base).unwrap();
    change(&mut value);
    Jwk::parse(value.to_string().as_bytes())
}

fn with(base: &str, name: &str, value: Value) -> Result<Jwk, JwkError> {
    changed(base, |jwk| jwk[name] = value)
}

#[test]
fn thumbprints_are_the_published_ones() {
    // RFC 7638 §3.1.
    let key = concat!(
        r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWK"#,
        "RXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zg",
        "dAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awa",
        r#"pJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#
    );
    let key = Jwk::parse(key.as_bytes()).unwrap();
    assert_eq!(
        key.thumbprint(),
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    );
    assert_eq!(key.kid(), Some("2011-04-29"));
    assert!(key.permits(Algorithm::Rs256) && !key.permits(Algorithm::Rs384));
    // RFC 8037 appendix A.3.
    let key = Jwk::parse(ED25519.as_bytes()).unwrap();
    assert_eq!(
        key.thumbprint(),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );
}

#[test]
fn is_read_as_it_was_written() {
    let p384 = crate::Es384Key::generate();
    for text in [RSA, P256, ED25519, &p384.public().to_json()] {
        let key = Jwk::parse(text.as_bytes()).unwrap();
        assert_eq!(Jwk::parse(key.to_json().as_bytes()).unwrap(), key);
        let written: Value = serde_json::from_str(&key.to_json()).unwrap();
        let given: Value = serde_json::from_str(text).unwrap();
        for (name, value) in given.as_object().unwrap() {
            assert_eq!(&written[name], value, "{name}");
        }
        assert_eq!(written["use"], "sig");
    }
}

#[test]
fn keys_say_what_they_are_for() {
    for (base, algorithms) in [
        (
            RSA,
            &[Algorithm::Rs256, Algorithm::Rs384, Algorithm::Ps256][..],
        ),
        (P256, &[Algorithm::Es256]),
        (ED25519, &[Algorithm::EdDsa]),
    ] {
        let key = Jwk::parse(base.as_bytes()).unwrap();
        for algorithm in Algorithm::ALL {
            assert_eq!(key.permits(algorithm), algorithms.contains(&algorithm));
            let named = with(base, "alg", json!(algorithm.name()));
            match algorithms.contains(&algorithm) {
                false => assert_eq!(named, Err(JwkError::AlgorithmOfAnotherKey)),
                true => assert!(
                    Algorithm::ALL
                        .iter()
                        .all(|one| named.as_ref().unwrap().permits(*one) == (*one == algorithm))
                ),
            }
        }
    }
    assert_eq!(
        with(P256, "alg", json!("ES256K")),
        Err(JwkError::Unsupported)
    );
    assert_eq!(
        with(P256, "alg", json!("HS256")),
        Err(JwkError::Unsupported)
    );
    assert_eq!(with(RSA, "use", json!("enc")), Err(JwkError::Unsupported));
    assert_eq!(
        with(RSA, "key_ops", json!(["encrypt"])),
        Err(JwkError::Unsupported)
    );
    assert!(with(RSA, "key_ops", json!(["sign", "verify"])).is_ok());
    assert!(
        with(RSA, "x5c", json!(["MII"])).is_ok(),
        "unknown members are ignored"
    );
}

#[test]
fn private_and_symmetric_keys_are_refused() {
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        assert_eq!(
            with(RSA, name, json!("AQAB")),
            Err(JwkError::Private),
            "{name}"
        );
    }
    let oct = r#"{"kty":"oct","k":"c2VjcmV0"}"#;
    assert_eq!(Jwk::parse(oct.as_bytes()), Err(JwkError::Private));
}

#[test]
fn weak_rsa_keys_are_refused() {
    let rsa = |n: Vec<u8>, e: &[u8]| {
        changed(RSA, |jwk| {
            jwk["n"] = json!(base64url(&n));
            jwk["e"] = json!(base64url(e));
        })
    };
    let modulus = |bytes: usize, first: u8| {
        let mut n = vec![0xff; bytes];
        n[0] = first;
        n
    };
    assert!(rsa(modulus(256, 0x80), &[1, 0, 1]).is_ok());
    assert_eq!(
        rsa(modulus(256, 0x7f), &[1, 0, 1]),
        Err(JwkError::Weak),
        "2047 bits"
    );
    assert_eq!(rsa(modulus(128, 0xff), &[1, 0, 1]), Err(JwkError::Weak));
    assert!(rsa(modulus(1024, 0xff), &[1, 0, 1]).is_ok());
    assert_eq!(
        rsa(modulus(1025, 0x01), &[1, 0, 1]),
        Err(JwkError::Unsupported)
    );
    assert_eq!(rsa(modulus(256, 0xff), &[3]), Err(JwkError::Weak));
    assert_eq!(rsa(modulus(256, 0xff), &[1, 0, 0]), Err(JwkError::Weak));
    assert_eq!(
        rsa(modulus(256, 0xff), &[1, 0, 2]),
        Err(JwkError::Malformed),
        "even"
    );
    assert_eq!(
        rsa(modulus(256, 0xff), &[1, 0, 0, 0, 1]),
        Err(JwkError::Unsupported)
    );
    assert_eq!(
        rsa(modulus(257, 0), &[1, 0, 1]),
        Err(JwkError::Malformed),
        "leading zero"
    );
    assert_eq!(rsa(vec![], &[1, 0, 1]), Err(JwkError::Malformed));
    assert_eq!(rsa(modulus(256, 0xff), &[]), Err(JwkError::Malformed));
}

#[test]
fn malformed_keys_are_refused() {
    for (base, name, value) in [
        (P256, "x", json!("f83O")),
        (P256, "x", json!("")),
        (P256, "x", Value::Null),
        (P256, "x", json!(7)),
        (
            P256,
            "y",
            json!("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0="),
        ),
        (P256, "crv", Value::Null),
        (P256, "kty", Value::Null),
        (P256, "kid", json!("k".repeat(KID_BYTES_MAX + 1))),
        (P256, "crv", json!("P-384")),
        (ED25519, "x", json!("11qY")),
        (RSA, "n", json!("not base64url!")),
    ] {
        assert_eq!(with(base, name, value), Err(JwkError::Malformed), "{name}");
    }
    for (base, name, value) in [
        (P256, "crv", "secp256k1"),
        (P256, "crv", "P-521"),
        (P256, "kty", "AKP"),
        (ED25519, "crv", "X25519"),
    ] {
        assert_eq!(with(base, name, json!(value)), Err(JwkError::Unsupported));
    }
    let twice = P256.replace("{", r#"{"kty":"EC","#);
    for text in [
        "",
        "[]",
        "{",
        "null",
        "\"EC\"",
        &twice,
        &" ".repeat(SET_BYTES_MAX + 1),
    ] {
        assert_eq!(
            Jwk::parse(text.as_bytes()),
            Err(JwkError::Malformed),
            "{text}"
        );
    }
}

#[test]
fn a_point_off_the_curve_verifies_nothing() {
    let key = with(P256, "y", json!(base64url(&[7; 32]))).unwrap();
    assert!(!key.verifies(Algorithm::Es256, b"", &[1; 64]));
    let key = Jwk::new(PublicKey::P256([0; 65]), None, None);
    assert!(!key.verifies(Algorithm::Es256, b"", &[0; 64]));
}

#[test]
fn a_set_finds_the_one_key_that_is_meant() {
    let named = |base: &str, kid: &str| with(base, "kid", json!(kid)).unwrap().to_json();
    let text = format!(
        r#"{{"keys":[{},{},{},{},{{"kty":"EC"}},{{"kty":"AKP"}}]}}"#,
        named(RSA, "a"),
        named(P256, "b"),
        named(P256, "twice"),
        named(RSA, "twice")
    );
    let set = JwkSet::parse(text.as_bytes()).unwrap();
    assert_eq!(
        set.ignored,
        [(4, JwkError::Malformed), (5, JwkError::Unsupported)]
    );
    assert_eq!(
        set.find(Some("a"), Algorithm::Rs384).unwrap().kid(),
        Some("a")
    );
    assert_eq!(set.find(Some("a"), Algorithm::Es256), None);
    assert_eq!(
        set.find(Some("b"), Algorithm::Es256).unwrap().kid(),
        Some("b")
    );
    assert_eq!(set.find(Some("twice"), Algorithm::Es256), None, "S56");
    assert_eq!(set.find(Some("c"), Algorithm::Es256), None);
    assert_eq!(set.find(None, Algorithm::Es256), None, "two of them");
    assert_eq!(
        JwkSet::parse(set.to_json().as_bytes()).unwrap().keys,
        set.keys
    );
    let one = format!(r#"{{"keys":[{},{}]}}"#, named(RSA, "a"), named(P256, "b"));
    let one = JwkSet::parse(one.as_bytes()).unwrap();
    assert_eq!(one.find(None, Algorithm::Es256).unwrap().kid(), Some("b"));
}

#[test]
fn sets_are_bounded_and_hold_no_secrets() {
    let of = |count: usize| format!(r#"{{"keys":[{}]}}"#, vec![P256; count].join(","));
    assert_eq!(
        JwkSet::parse(of(KEYS_MAX).as_bytes()).unwrap().keys.len(),
        KEYS_MAX
    );
    assert_eq!(
        JwkSet::parse(of(KEYS_MAX + 1).as_bytes()),
        Err(SetError::TooLarge)
    );
    let long = of(1) + &" ".repeat(SET_BYTES_MAX);
    assert_eq!(JwkSet::parse(long.as_bytes()), Err(SetError::TooLarge));
    let private = format!(r#"{{"keys":[{P256},{{"kty":"oct","k":"AA"}}]}}"#);
    assert_eq!(JwkSet::parse(private.as_bytes()), Err(SetError::Private));
    for text in ["", "{}", "[]", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#] {
        assert_eq!(
            JwkSet::parse(text.as_bytes()),
            Err(SetError::Malformed),
            "{text}"
        );
    }
    assert_eq!(
        JwkSet::parse(br#"{"keys":[7]}"#).unwrap().ignored,
        [(0, JwkError::Malformed)]
    );
}

#[test]
fn debug_shows_a_thumbprint() {
    let key = Jwk::parse(ED25519.as_bytes()).unwrap();
    assert_eq!(
        format!("{:?}", key.key()),
        "PublicKey(kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k)"
    );
    assert_eq!(from_base64url(&key.thumbprint()).unwrap().len(), 32);
}
