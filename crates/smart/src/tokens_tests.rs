use super::*;
use crate::demo::demo_caller;

const NOW_S: i64 = 1_700_000_000;
const ISSUER: &str = "https://ward.example";
const BASE: &str = "https://ward.example/fhir";

fn service() -> TokenService {
    TokenService::new(SigningKey::generate(), ISSUER, BASE)
}

fn lab() -> Claims {
    demo_caller("lab", None).unwrap()
}

fn refused(service: &TokenService, token: &str, now_s: i64) -> String {
    let error = service.verify(token, now_s).unwrap_err();
    assert_eq!((error.status(), error.code()), (401, Some("invalid_token")));
    assert!(
        error
            .www_authenticate()
            .starts_with("Bearer realm=\"ward\", error=\"invalid_token\"")
    );
    error.to_string()
}

/// A token with our signature over any payload.
fn signed(service: &TokenService, payload: &str) -> String {
    service.signing.sign(TYP, payload.as_bytes())
}

fn payload(change: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut value = serde_json::json!({
        "iss": ISSUER, "aud": BASE, "sub": "s", "client_id": "c", "scope": "system/*.rs",
        "jti": "j", "iat": NOW_S, "exp": NOW_S + 3600
    });
    change(&mut value);
    value.to_string()
}

#[test]
fn a_minted_token_speaks_for_its_claims() {
    let service = service();
    let claims = Claims {
        session: Some("s1".into()),
        ..demo_caller("app", Some("p1")).unwrap()
    };
    let token = service.mint(&claims, NOW_S);
    let caller = service.verify(&token, NOW_S).unwrap();
    assert_eq!(
        (&caller.subject, &caller.client_id),
        (&claims.subject, &claims.client_id)
    );
    assert_eq!(
        (&caller.patient, &caller.fhir_user),
        (&claims.patient, &claims.fhir_user)
    );
    assert_eq!(
        (&caller.purpose, &caller.session),
        (&claims.purpose, &claims.session)
    );
    assert_eq!(caller.scopes.as_str(), claims.scope);
    assert_eq!(caller.expires_s, NOW_S + crate::TOKEN_LIFETIME_S);
    assert_eq!(caller.token_id.len(), 36);
    let again = service.verify(&token, NOW_S + 10).unwrap();
    assert!(
        Arc::ptr_eq(&caller, &again),
        "the second time comes from the cache"
    );
}

#[test]
fn expires_cached_or_not() {
    let service = service();
    let token = service.mint(&lab(), NOW_S);
    let end_s = NOW_S + crate::TOKEN_LIFETIME_S;
    assert!(refused(&service, &token, end_s).contains("expired"));
    assert!(service.verify(&token, end_s - 1).is_ok());
    assert!(refused(&service, &token, end_s).contains("expired"));
    assert!(refused(&service, &token, end_s + 1).contains("expired"));
}

#[test]
fn is_not_valid_before_its_time() {
    let service = service();
    let token = service.mint(&lab(), NOW_S);
    assert!(service.verify(&token, NOW_S - CLOCK_SKEW_S).is_ok());
    let early = signed(
        &service,
        &payload(|p| p["nbf"] = (NOW_S + CLOCK_SKEW_S + 1).into()),
    );
    assert!(refused(&service, &early, NOW_S).contains("not valid yet"));
    let future = signed(
        &service,
        &payload(|p| p["iat"] = (NOW_S + CLOCK_SKEW_S + 1).into()),
    );
    assert!(refused(&service, &future, NOW_S).contains("not valid yet"));
}

#[test]
fn lifetimes_are_bounded() {
    let service = service();
    let token = service.mint(
        &Claims {
            lifetime_s: i64::MAX,
            ..lab()
        },
        NOW_S,
    );
    assert_eq!(
        service.verify(&token, NOW_S).unwrap().expires_s,
        NOW_S + TOKEN_LIFETIME_S_MAX
    );
    let token = service.mint(
        &Claims {
            lifetime_s: -5,
            ..lab()
        },
        NOW_S,
    );
    assert!(refused(&service, &token, NOW_S).contains("expired"));
    let long = signed(&service, &payload(|p| p["exp"] = i64::MAX.into()));
    assert!(refused(&service, &long, NOW_S).contains("lifetime"));
}

#[test]
fn other_servers_tokens_are_refused() {
    let service = service();
    let good = signed(&service, &payload(|_| ()));
    assert!(service.verify(&good, NOW_S).is_ok());
    let aud = signed(
        &service,
        &payload(|p| p["aud"] = "https://other.example/fhir".into()),
    );
    assert!(refused(&service, &aud, NOW_S).contains("another server"));
    let slash = signed(&service, &payload(|p| p["aud"] = format!("{BASE}/").into()));
    assert!(refused(&service, &slash, NOW_S).contains("another server"));
    let iss = signed(
        &service,
        &payload(|p| p["iss"] = "https://other.example".into()),
    );
    assert!(refused(&service, &iss, NOW_S).contains("issuer"));
    let other_key = TokenService::new(SigningKey::generate(), ISSUER, BASE).mint(&lab(), NOW_S);
    assert!(refused(&service, &other_key, NOW_S).contains("signed"));
}

#[test]
fn claims_must_be_there_and_be_of_their_type() {
    let service = service();
    for claim in [
        "iss",
        "aud",
        "sub",
        "client_id",
        "scope",
        "jti",
        "iat",
        "exp",
    ] {
        let without = payload(|p| {
            p.as_object_mut().unwrap().remove(claim);
        });
        assert!(
            refused(&service, &signed(&service, &without), NOW_S).contains("claim"),
            "{claim}"
        );
        let wrong = payload(|p| p[claim] = serde_json::json!([1]));
        assert!(
            refused(&service, &signed(&service, &wrong), NOW_S).contains("claim"),
            "{claim}"
        );
    }
    for claim in ["sub", "client_id", "jti"] {
        let empty = payload(|p| p[claim] = "".into());
        assert!(
            refused(&service, &signed(&service, &empty), NOW_S).contains("claim"),
            "{claim}"
        );
    }
    let twice = payload(|_| ()).replacen('{', r#"{"sub":"other","#, 1);
    assert!(refused(&service, &signed(&service, &twice), NOW_S).contains("claim"));
    let scopes = payload(|p| p["scope"] = "openid ".repeat(1000).into());
    assert!(refused(&service, &signed(&service, &scopes), NOW_S).contains("claim"));
    assert!(refused(&service, &signed(&service, "not json"), NOW_S).contains("claim"));
}

#[test]
fn changed_unsigned_and_mistyped_tokens_are_refused() {
    let service = service();
    let token = service.mint(&lab(), NOW_S);
    let parts: Vec<&str> = token.split('.').collect();
    let forged = ward_seal::base64url(payload(|p| p["scope"] = "system/*.cruds".into()).as_bytes());
    refused(
        &service,
        &format!("{}.{forged}.{}", parts[0], parts[2]),
        NOW_S,
    );
    for header in [
        r#"{"alg":"none","typ":"at+jwt"}"#,
        r#"{"alg":"none"}"#,
        r#"{"alg":"HS256","typ":"at+jwt"}"#,
    ] {
        let header = ward_seal::base64url(header.as_bytes());
        refused(&service, &format!("{header}.{}.", parts[1]), NOW_S);
        refused(
            &service,
            &format!("{header}.{}.{}", parts[1], parts[2]),
            NOW_S,
        );
    }
    let id_token = service.signing.sign("JWT", payload(|_| ()).as_bytes());
    refused(&service, &id_token, NOW_S);
    for text in [
        "",
        ".",
        "..",
        "a.b.c",
        "not a token",
        "é.é.é",
        &token[1..],
        &token[..token.len() - 1],
    ] {
        refused(&service, text, NOW_S);
    }
}

#[test]
fn huge_tokens_are_refused_unread() {
    let service = service();
    assert!(refused(&service, &"a".repeat(TOKEN_BYTES_MAX + 1), NOW_S).contains("too long"));
    assert!(refused(&service, &"a.".repeat(5_000_000), NOW_S).contains("too long"));
}

#[test]
fn refusals_are_not_remembered() {
    let service = service();
    let token = service.mint(&lab(), NOW_S + 1000);
    refused(&service, &token, NOW_S);
    assert!(service.verify(&token, NOW_S + 1000).is_ok());
    let jwks: serde_json::Value = serde_json::from_str(&service.jwks()).unwrap();
    assert_eq!(jwks["keys"][0]["kid"], service.signing.kid());
}
