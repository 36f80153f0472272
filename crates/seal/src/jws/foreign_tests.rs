use super::*;
use crate::jwk::PublicKey;
use crate::{Es384Key, RsaAlgorithm, RsaKey, SigningKey, base64url};

const ANY: Expected<'static> = Expected {
    typ: Typ::IsOrAbsent("JWT"),
    algorithms: &Algorithm::ALL,
    jku: None,
};

fn key(json: &str) -> Jwk {
    Jwk::parse(json.as_bytes()).unwrap()
}

/// The first two parts of a token with this header.
fn unsigned(header: &str) -> String {
    format!("{}.{}", base64url(header.as_bytes()), base64url(b"{}"))
}

#[test]
fn published_tokens_verify() {
    // RFC 7515 appendix A.2.
    let rs256 = concat!(
        "eyJhbGciOiJSUzI1NiJ9",
        ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
        ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1d",
        "nZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwus",
        "C-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
    );
    // RFC 7515 appendix A.3.
    let es256 = concat!(
        "eyJhbGciOiJFUzI1NiJ9",
        ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
        ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    );
    // RFC 8037 appendix A.4.
    let ed25519 = concat!(
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
        ".hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    );
    use crate::jwk::tests::{ED25519, P256, RSA};
    let published = [(RSA, rs256), (P256, es256), (ED25519, ed25519)];
    for (of, token) in published {
        for (with, _) in published {
            assert_eq!(verify(&key(with), &ANY, token).is_ok(), of == with);
        }
    }
    assert_eq!(
        verify(&key(ED25519), &ANY, ed25519).unwrap(),
        b"Example of Ed25519 signing"
    );
}

#[test]
fn the_algorithm_is_the_keys_and_the_callers() {
    let rsa = RsaKey::generate();
    let token = rsa.sign(RsaAlgorithm::Rs384, "JWT", b"{}");
    assert_eq!(verify(rsa.public(), &ANY, &token).unwrap(), b"{}");
    let only = |algorithms| Expected { algorithms, ..ANY };
    let refused = verify(rsa.public(), &only(&[Algorithm::Rs256]), &token);
    assert_eq!(refused, Err(JwsError::HeaderRefused));
    // A P-256 key under an ES384 header (S52), and an RSA signature under another name.
    let small = SigningKey::generate();
    let small = key(&small.public_jwk());
    for alg in ["ES384", "EdDSA", "RS256", "PS256"] {
        let signed = unsigned(&format!(r#"{{"alg":"{alg}"}}"#));
        for signature in [[0; 64].as_slice(), &[1; 96], &[1; 256], &[]] {
            let token = format!("{signed}.{}", base64url(signature));
            assert_eq!(
                verify(&small, &ANY, &token),
                Err(JwsError::BadSignature),
                "{alg}"
            );
            assert_eq!(
                verify(rsa.public(), &ANY, &token),
                Err(JwsError::BadSignature),
                "{alg}"
            );
        }
    }
}

/// X53: `none`, HMAC with the public key as the secret, r = s = 0, nested, truncated, far too long.
#[test]
fn well_known_forgeries_are_refused() {
    let es384 = Es384Key::generate();
    let public = es384.public();
    for header in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"None"}"#,
        r#"{"alg":""}"#,
        r#"{"alg":"HS256"}"#,
        r#"{"alg":"HS384"}"#,
        r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#,
    ] {
        let signed = unsigned(header);
        let mac = crate::hash::hmac_sha256(public.to_json().as_bytes(), signed.as_bytes());
        for signature in ["".into(), base64url(&mac)] {
            let token = format!("{signed}.{signature}");
            assert_eq!(
                verify(public, &ANY, &token),
                Err(JwsError::HeaderRefused),
                "{header}"
            );
        }
    }
    let psychic = format!("{}.{}", unsigned(r#"{"alg":"ES384"}"#), base64url(&[0; 96]));
    assert_eq!(verify(public, &ANY, &psychic), Err(JwsError::BadSignature));
    let p256 = SigningKey::generate();
    let psychic = format!("{}.{}", unsigned(r#"{"alg":"ES256"}"#), base64url(&[0; 64]));
    assert_eq!(
        verify(&key(&p256.public_jwk()), &ANY, &psychic),
        Err(JwsError::BadSignature)
    );
    let token = es384.sign("JWT", b"{}");
    let nested = es384.sign("JWT", token.as_bytes());
    assert_eq!(
        verify(public, &ANY, &nested).unwrap(),
        token.as_bytes(),
        "a payload like another"
    );
    for bad in [
        "",
        ".",
        "..",
        "a.b.c.d.e",
        &"a".repeat(1 << 20),
        &format!("{token}.x"),
        &format!("{token}="),
    ] {
        assert!(verify(public, &ANY, bad).is_err(), "{}", bad.len());
    }
    for bad in ["", ".", "..", "a.b.c.d.e", &"a".repeat(1 << 20)] {
        assert!(unverified_header(bad).is_err(), "{}", bad.len());
    }
    for cut in 0..token.len() {
        assert!(verify(public, &ANY, &token[..cut]).is_err(), "cut at {cut}");
    }
    for at in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(verify(public, &ANY, &changed).is_err(), "at {at}");
    }
}

#[test]
fn header_members_that_are_not_understood_are_ignored_and_critical_ones_refused() {
    let es384 = Es384Key::generate();
    let kid = es384.kid();
    let jwk = es384.public().to_json();
    for (members, outcome) in [
        (r#""typ":"JWT""#.into(), None),
        (r#""typ":"application/jwt""#.into(), None),
        (format!(r#""kid":"{kid}""#), None),
        (
            r#""kid":"../../etc/passwd""#.into(),
            Some(JwsError::UnknownKey),
        ),
        (r#""kid":"' OR 1=1 --""#.into(), Some(JwsError::UnknownKey)),
        (r#""typ":"at+jwt""#.into(), Some(JwsError::HeaderRefused)),
        (r#""typ":"dpop+jwt""#.into(), Some(JwsError::HeaderRefused)),
        (r#""crit":["exp"]"#.into(), Some(JwsError::HeaderRefused)),
        (r#""crit":[]"#.into(), Some(JwsError::HeaderRefused)),
        (r#""b64":false"#.into(), Some(JwsError::HeaderRefused)),
        (r#""zip":"DEF""#.into(), Some(JwsError::HeaderRefused)),
        (r#""crit":null"#.into(), Some(JwsError::HeaderRefused)),
        (r#""enc":"A256GCM""#.into(), Some(JwsError::HeaderRefused)),
        (r#""x5u":"https://x.example""#.into(), None),
        (r#""x5c":["MII"]"#.into(), None),
        (r#""x5t":"AAAA","x5t#S256":"AAAA""#.into(), None),
        (r#""cty":"JWT","nonce":{"a":[1]}"#.into(), None),
        (format!(r#""jwk":{jwk}"#), Some(JwsError::HeaderRefused)),
        (
            r#""jku":"https://x.example""#.into(),
            Some(JwsError::HeaderRefused),
        ),
        (r#""alg":"ES384""#.into(), Some(JwsError::HeaderRefused)),
    ] {
        let signed = unsigned(&format!(r#"{{"alg":"ES384",{members}}}"#));
        let token = resigned(&es384, &signed);
        let found = verify(es384.public(), &ANY, &token).err();
        assert_eq!(found, outcome, "{members}");
    }
}

/// S57: a `jku` may repeat the URL that is registered, exactly.
#[test]
fn a_jku_is_compared_and_never_more() {
    let es384 = Es384Key::generate();
    let signed =
        unsigned(r#"{"alg":"ES384","typ":"JWT","kid":"k","jku":"https://app.example/jwks"}"#);
    let token = resigned(&es384, &signed);
    assert_eq!(
        unverified_header(&token).unwrap(),
        UnverifiedHeader {
            algorithm: Some(Algorithm::Es384),
            kid: Some("k".into()),
            typ: Some("JWT".into()),
            jku: Some("https://app.example/jwks".into()),
        }
    );
    let key = Jwk::new(es384.public().key().clone(), Some("k".into()), None);
    for (jku, right) in [
        (None, false),
        (Some("https://app.example/jwks"), true),
        (Some("https://app.example/jwks/"), false),
        (Some("https://app.example"), false),
    ] {
        assert_eq!(
            verify(&key, &Expected { jku, ..ANY }, &token).is_ok(),
            right,
            "{jku:?}"
        );
    }
    let unknown = unverified_header(&format!("{}.", unsigned(r#"{"alg":"none"}"#))).unwrap();
    assert_eq!(unknown.algorithm, None);
}

#[test]
fn possession_is_shown_by_the_key_in_the_header() {
    let es384 = Es384Key::generate();
    let expected = Expected {
        typ: Typ::Is("dpop+jwt"),
        ..ANY
    };
    let proof = |typ: &str, jwk: &str| {
        resigned(
            &es384,
            &unsigned(&format!(r#"{{"typ":"{typ}","alg":"ES384","jwk":{jwk}}}"#)),
        )
    };
    let own = Jwk::new(es384.public().key().clone(), None, None).to_json();
    let (found, payload) = verify_possession(&expected, &proof("dpop+jwt", &own)).unwrap();
    assert_eq!(
        (found.thumbprint().as_str(), &payload[..]),
        (es384.kid(), &b"{}"[..])
    );
    let other = Es384Key::generate().public().to_json();
    let failed = verify_possession(&expected, &proof("dpop+jwt", &other));
    assert_eq!(failed, Err(JwsError::BadSignature));
    // RFC 9449 §4.2: no private key; RSA, P-256 and so on only as strong as elsewhere.
    let private = own.replacen('{', r#"{"d":"AAAA","#, 1);
    for (typ, jwk) in [
        ("dpop+jwt", private.as_str()),
        ("dpop+jwt", r#"{"kty":"oct","k":"AAAA"}"#),
        ("dpop+jwt", "{}"),
        ("dpop+jwt", "null"),
        ("dpop+jwt", "[]"),
        ("JWT", &own),
        ("", &own),
    ] {
        let failed = verify_possession(&expected, &proof(typ, jwk));
        assert_eq!(failed, Err(JwsError::HeaderRefused), "{typ} {jwk}");
    }
    let without = es384.sign("dpop+jwt", b"{}");
    assert_eq!(
        verify_possession(&expected, &without),
        Err(JwsError::HeaderRefused)
    );
}

#[test]
fn a_key_that_is_no_point_refuses_every_token() {
    let es384 = Es384Key::generate();
    let token = es384.sign("JWT", b"{}");
    let none = Jwk::new(PublicKey::P384([4; 97]), None, None);
    assert_eq!(verify(&none, &ANY, &token), Err(JwsError::BadSignature));
}

/// The token of these two parts under the key, whatever its header says.
fn resigned(key: &Es384Key, signed: &str) -> String {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair};
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, key.to_pkcs8(), &random);
    let signature = pair.unwrap().sign(&random, signed.as_bytes()).unwrap();
    format!("{signed}.{}", base64url(signature.as_ref()))
}
