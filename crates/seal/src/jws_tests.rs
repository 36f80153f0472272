use super::*;

/// RFC 7515 appendix A.3: a token without `typ` and `kid` under a published key.
#[test]
fn rfc_7515_a3_verifies() {
    let token = concat!(
        "eyJhbGciOiJFUzI1NiJ9",
        ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
        ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    );
    let mut point = vec![4];
    point.extend(
        URL_SAFE_NO_PAD
            .decode("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU")
            .unwrap(),
    );
    point.extend(
        URL_SAFE_NO_PAD
            .decode("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")
            .unwrap(),
    );
    let key = VerifyingKey::from_point(point.try_into().unwrap());
    let payload = key.verify_typed(None, token).unwrap();
    assert!(payload.starts_with(b"{\"iss\":\"joe\""));
    assert_eq!(
        key.verify("JWT", token),
        Err(JwsError::HeaderRefused),
        "typ is demanded"
    );
    let other = SigningKey::generate().verifying_key();
    assert_eq!(other.verify_typed(None, token), Err(JwsError::BadSignature));
}

#[test]
fn signs_and_verifies_also_after_storage() {
    let key = SigningKey::generate();
    let again = SigningKey::from_pkcs8(key.to_pkcs8()).unwrap();
    assert_eq!(again.kid(), key.kid());
    assert_eq!(key.kid().len(), 43);
    let token = again.sign("at+jwt", b"{}");
    assert_eq!(key.verifying_key().verify("at+jwt", &token).unwrap(), b"{}");
    assert!(SigningKey::from_pkcs8(b"not a key").is_none());
    let master = MasterKey::from_bytes([1; 32]);
    let sealed = key.seal(&master);
    assert_eq!(
        SigningKey::unseal(&sealed, &master).unwrap().kid(),
        key.kid()
    );
    assert!(SigningKey::unseal(&sealed, &MasterKey::from_bytes([2; 32])).is_err());
    assert!(
        !sealed
            .windows(8)
            .any(|part| key.to_pkcs8().windows(8).any(|plain| plain == part))
    );
}

#[test]
fn every_changed_character_is_refused() {
    let key = SigningKey::generate();
    let token = key.sign("at+jwt", br#"{"sub":"x"}"#);
    let public = key.verifying_key();
    for at in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert!(
            public
                .verify("at+jwt", std::str::from_utf8(&changed).unwrap())
                .is_err(),
            "at {at}"
        );
    }
}

#[test]
fn headers_other_than_ours_are_refused() {
    let key = SigningKey::generate();
    let kid = key.kid().to_owned();
    let cases: &[(String, Result<(), JwsError>)] = &[
        (
            format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}"}}"#),
            Ok(()),
        ),
        (r#"{"alg":"ES256","typ":"at+jwt"}"#.into(), Ok(())),
        (
            r#"{"alg":"ES256","typ":"Application/AT+JWT"}"#.into(),
            Ok(()),
        ),
        (
            r#"{"alg":"none","typ":"at+jwt"}"#.into(),
            Err(JwsError::HeaderRefused),
        ),
        (
            r#"{"alg":"HS256","typ":"at+jwt"}"#.into(),
            Err(JwsError::HeaderRefused),
        ),
        (
            r#"{"alg":"es256","typ":"at+jwt"}"#.into(),
            Err(JwsError::HeaderRefused),
        ),
        (r#"{"typ":"at+jwt"}"#.into(), Err(JwsError::HeaderRefused)),
        (r#"{"alg":"ES256"}"#.into(), Err(JwsError::HeaderRefused)),
        (
            r#"{"alg":"ES256","typ":"JWT"}"#.into(),
            Err(JwsError::HeaderRefused),
        ),
        (
            r#"{"alg":"ES256","typ":"at+jwt","crit":["exp"]}"#.into(),
            Err(JwsError::HeaderRefused),
        ),
        (
            r#"{"alg":"ES256","typ":"at+jwt","jwk":{}}"#.into(),
            Err(JwsError::HeaderRefused),
        ),
        (
            r#"{"alg":"ES256","typ":"at+jwt","jku":"https://x.example"}"#.into(),
            Err(JwsError::HeaderRefused),
        ),
        (
            r#"{"alg":"ES256","typ":"at+jwt","x5u":"https://x.example"}"#.into(),
            Err(JwsError::HeaderRefused),
        ),
        (
            r#"{"alg":"ES256","alg":"ES256","typ":"at+jwt"}"#.into(),
            Err(JwsError::HeaderRefused),
        ),
        (
            r#"{"alg":"ES256","typ":"at+jwt","kid":"other"}"#.into(),
            Err(JwsError::UnknownKey),
        ),
        (
            r#"{"alg":"ES256","typ":"at+jwt"} x"#.into(),
            Err(JwsError::Malformed),
        ),
        ("[]".into(), Err(JwsError::HeaderRefused)),
        ("".into(), Err(JwsError::Malformed)),
    ];
    for (header, expected) in cases {
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode("{}")
        );
        let signature = key
            .pair
            .sign(&SystemRandom::new(), signed.as_bytes())
            .unwrap();
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        assert_eq!(
            key.verifying_key().verify("at+jwt", &token).map(|_| ()),
            *expected,
            "{header}"
        );
    }
}

#[test]
fn malformed_tokens_are_refused() {
    let key = SigningKey::generate();
    let token = key.sign("at+jwt", b"{}");
    let unsigned = &token[..=token.rfind('.').unwrap()];
    let huge = "a".repeat(TOKEN_BYTES_MAX + 1);
    let padded = format!("{token}==");
    let four = format!("{token}.x");
    for bad in ["", ".", "..", "...", "a.b.c", &huge, &padded, &four] {
        assert_eq!(
            key.verifying_key().verify("at+jwt", bad),
            Err(JwsError::Malformed),
            "{}",
            bad.len()
        );
    }
    assert_eq!(
        key.verifying_key().verify("at+jwt", unsigned),
        Err(JwsError::BadSignature)
    );
}

#[test]
fn the_public_jwk_holds_no_private_part() {
    let jwk: serde_json::Value =
        serde_json::from_str(&SigningKey::generate().public_jwk()).unwrap();
    assert_eq!(jwk["kty"], "EC");
    assert!(jwk.get("d").is_none());
}
