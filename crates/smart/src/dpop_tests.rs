use super::*;
use serde_json::{Value, json};
use ward_seal::SigningKey;

const NOW_S: i64 = 1_700_000_000;
const PROVED: Proved<'static> = Proved {
    method: "POST",
    url: "https://ward.example/auth/token",
    token: None,
};

fn nonces() -> Nonces {
    Nonces::new([7; 32])
}

/// A proof by a P-256 key, as a client makes it. ring signs; the header is built by hand because ours never embeds a key.
pub(crate) fn proof(key: &SigningKey, change: impl FnOnce(&mut Value)) -> String {
    let mut claims = json!({
        "jti": "1", "htm": "POST", "htu": PROVED.url, "iat": NOW_S, "nonce": nonces().current(NOW_S)
    });
    change(&mut claims);
    key.prove(claims.to_string().as_bytes())
}

fn checked(header: &str, proved: Proved<'_>) -> Result<Proof, ProofError> {
    check(header, proved, &nonces(), NOW_S)
}

#[test]
fn s106_a_proof_fits_its_request_only() {
    let key = SigningKey::generate();
    let good = checked(&proof(&key, |_| ()), PROVED).unwrap();
    assert_eq!(good.thumbprint, key.kid());
    assert_eq!(good.id, "1");
    let refused = |change: fn(&mut Value)| match checked(&proof(&key, change), PROVED) {
        Err(ProofError::Invalid(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(refused(|c| c["htm"] = "GET".into()).contains("htm"));
    assert!(refused(|c| c["htu"] = "https://ward.example/auth/other".into()).contains("htu"));
    assert!(refused(|c| c["htu"] = "http://ward.example/auth/token".into()).contains("htu"));
    assert!(refused(|c| c["htu"] = "/auth/token".into()).contains("htu"));
    assert!(refused(|c| c["iat"] = (NOW_S - PROOF_AGE_S_MAX - 1).into()).contains("just now"));
    assert!(refused(|c| c["iat"] = (NOW_S + PROOF_AGE_S_MAX + 1).into()).contains("just now"));
    assert!(refused(|c| c["iat"] = i64::MAX.into()).contains("just now"));
    assert!(refused(|c| c["iat"] = "now".into()).contains("lacks"));
    assert!(refused(|c| c["jti"] = "".into()).contains("jti"));
    assert!(refused(|c| c["jti"] = "x".repeat(257).into()).contains("jti"));
    let spelled = proof(&key, |c| {
        c["htu"] = "HTTPS://Ward.Example:443/auth/token?x=1#y".into();
    });
    assert!(checked(&spelled, PROVED).is_ok());
}

#[test]
fn s106_a_proof_belongs_to_one_token() {
    let key = SigningKey::generate();
    let with_token = Proved {
        token: Some("token"),
        ..PROVED
    };
    let ath = base64url(&sha256(b"token"));
    assert!(checked(&proof(&key, |c| c["ath"] = ath.into()), with_token).is_ok());
    for wrong in [Value::Null, base64url(&sha256(b"other")).into()] {
        let header = proof(&key, |c| c["ath"] = wrong);
        assert!(matches!(
            checked(&header, with_token),
            Err(ProofError::Invalid(_))
        ));
    }
}

#[test]
fn s106_a_nonce_is_ours_and_young() {
    let key = SigningKey::generate();
    for wrong in [
        Value::Null,
        "".into(),
        "x".into(),
        Nonces::new([8; 32]).current(NOW_S).into(),
        nonces().current(NOW_S - 2 * NONCE_PERIOD_S).into(),
        nonces().current(NOW_S + 2 * NONCE_PERIOD_S).into(),
    ] {
        let header = proof(&key, |c| c["nonce"] = wrong.clone());
        assert_eq!(
            checked(&header, PROVED),
            Err(ProofError::UseNonce),
            "{wrong}"
        );
    }
    let before = proof(&key, |c| {
        c["nonce"] = nonces().current(NOW_S - NONCE_PERIOD_S).into();
    });
    assert!(checked(&before, PROVED).is_ok());
}

#[test]
fn s106_what_is_no_proof_is_refused() {
    let key = SigningKey::generate();
    let good = proof(&key, |_| ());
    let at_jwt = key.sign("at+jwt", b"{}");
    for header in ["", "a.b.c", &good[1..], &good[..good.len() - 2], &at_jwt] {
        assert!(matches!(
            checked(header, PROVED),
            Err(ProofError::Invalid(_))
        ));
    }
}
