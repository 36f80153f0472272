use super::*;
use crate::bearer::Scheme;
use crate::state::Revocation;
use ward_access::Purposes;

const NOW_S: i64 = 1_700_000_000;
const ISSUER: &str = "https://ward.example";
const BASE: &str = "https://ward.example/fhir";

/// A service, and a copy of the key that it signs with.
struct House {
    service: TokenService,
    signing: SigningKey,
}

impl std::ops::Deref for House {
    type Target = TokenService;
    fn deref(&self) -> &TokenService {
        &self.service
    }
}

fn service() -> House {
    let signing = SigningKey::generate();
    let same = SigningKey::from_pkcs8(signing.to_pkcs8()).unwrap();
    House {
        service: TokenService::fixed(same, ISSUER, BASE),
        signing,
    }
}

fn minted(service: &TokenService, claims: &Claims, now_s: i64) -> String {
    service.mint(claims, now_s).unwrap().token
}

fn lab() -> Claims {
    Claims {
        subject: "lab".into(),
        client_id: "lab".into(),
        scope: "system/Observation.crus system/Patient.rs".into(),
        purposes: Purposes::parse("TREAT").unwrap(),
        lifetime_s: crate::TOKEN_LIFETIME_S,
        ..Claims::default()
    }
}

/// An app in the hands of a patient.
fn app() -> Claims {
    Claims {
        subject: "patient".into(),
        client_id: "app".into(),
        scope: "openid fhirUser launch/patient patient/*.rs".into(),
        patient: Some("p1".into()),
        fhir_user: Some("Patient/p1".into()),
        purposes: Purposes::parse("PATRQT").unwrap(),
        ..lab()
    }
}

fn refused(service: &TokenService, token: &str, now_s: i64) -> String {
    let Err(Unverified::Refused(error)) = service.verify(token, now_s) else {
        panic!("not refused")
    };
    assert_eq!((error.status(), error.code()), (401, Some("invalid_token")));
    assert!(
        error
            .www_authenticate(Scheme::Bearer)
            .starts_with("Bearer realm=\"ward\", error=\"invalid_token\"")
    );
    error.to_string()
}

/// A token with our signature over any payload.
fn signed(service: &House, payload: &str) -> String {
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
        ..app()
    };
    let token = minted(&service, &claims, NOW_S);
    let caller = service.verify(&token, NOW_S).unwrap().caller.clone();
    assert_eq!(
        (&caller.subject, &caller.client_id),
        (&claims.subject, &claims.client_id)
    );
    assert_eq!(
        (&caller.patient, &caller.fhir_user),
        (&claims.patient, &claims.fhir_user)
    );
    assert_eq!(
        (&caller.purposes, &caller.session),
        (&claims.purposes, &claims.session)
    );
    assert_eq!(caller.scopes.as_str(), claims.scope);
    assert_eq!(caller.expires_s, NOW_S + crate::TOKEN_LIFETIME_S);
    assert_eq!(caller.token_id.len(), 36);
    let again = service.verify(&token, NOW_S + 10).unwrap().caller.clone();
    assert!(
        Arc::ptr_eq(&caller, &again),
        "the second time comes from the cache"
    );
}

#[test]
fn expires_cached_or_not() {
    let service = service();
    let token = minted(&service, &lab(), NOW_S);
    let end_s = NOW_S + crate::TOKEN_LIFETIME_S;
    assert!(refused(&service, &token, end_s).contains("expired"));
    assert!(service.verify(&token, end_s - 1).is_ok());
    assert!(refused(&service, &token, end_s).contains("expired"));
    assert!(refused(&service, &token, end_s + 1).contains("expired"));
}

#[test]
fn is_not_valid_before_its_time() {
    let service = service();
    let token = minted(&service, &lab(), NOW_S);
    assert!(service.verify(&token, NOW_S - CLOCK_SKEW_S).is_ok());
    let early = signed(
        &service,
        &payload(|p| p["nbf"] = (NOW_S + CLOCK_SKEW_S + 1).into()),
    );
    assert!(refused(&service, &early, NOW_S).contains("not valid yet"));
    let future = signed(
        &service,
        &payload(|p| p["iat"] = (NOW_S + ISSUED_AHEAD_S_MAX + 1).into()),
    );
    assert!(refused(&service, &future, NOW_S).contains("not valid yet"));
}

#[test]
fn lifetimes_are_bounded() {
    let service = service();
    let long = Claims {
        lifetime_s: i64::MAX,
        ..lab()
    };
    let token = minted(&service, &long, NOW_S);
    assert_eq!(
        service.verify(&token, NOW_S).unwrap().caller.expires_s,
        NOW_S + TOKEN_LIFETIME_S_MAX
    );
    let short = Claims {
        lifetime_s: -5,
        ..lab()
    };
    let token = minted(&service, &short, NOW_S);
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
    let other_key = minted(&super::tests::service(), &lab(), NOW_S);
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
    let token = minted(&service, &lab(), NOW_S);
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
    let token = minted(&service, &lab(), NOW_S + 1000);
    refused(&service, &token, NOW_S);
    assert!(service.verify(&token, NOW_S + 1000).is_ok());
    let jwks: serde_json::Value = serde_json::from_str(&service.keys().jwks()).unwrap();
    assert_eq!(jwks["keys"][0]["kid"], service.signing.kid());
}

#[test]
fn s100_a_revoked_token_dies_though_it_is_cached() {
    let service = service();
    let token = minted(&service, &lab(), NOW_S);
    let id = service
        .verify(&token, NOW_S)
        .unwrap()
        .caller
        .token_id
        .clone();
    let revocations = service.revocations();
    let note = |what: &str, before_s| {
        revocations.note(&Revocation {
            before_s,
            ..Revocation::new(what.to_owned(), before_s)
        });
    };
    note("jti:another", NOW_S);
    assert!(service.verify(&token, NOW_S).is_ok());
    note(&format!("jti:{id}"), NOW_S);
    for _ in 0..2 {
        assert!(refused(&service, &token, NOW_S).contains("revoked"));
    }
    let later = minted(&service, &lab(), NOW_S + 1);
    note("client:lab", NOW_S);
    assert!(service.verify(&later, NOW_S + 1).is_ok());
    note("client:lab", NOW_S + 1);
    assert!(refused(&service, &later, NOW_S + 1).contains("revoked"));
}

/// Everything of a client was voided, and it is let in again in the same second.
#[test]
fn s100_who_is_let_in_again_is_let_in_at_once() {
    let service = service();
    let before = minted(&service, &lab(), NOW_S);
    let revocations = service.revocations();
    revocations.note(&Revocation::new("client:lab".to_owned(), NOW_S));
    let after = minted(&service, &lab(), NOW_S);
    for behind_s in [0, 1, CLOCK_SKEW_S] {
        assert!(
            service.verify(&after, NOW_S - behind_s).is_ok(),
            "{behind_s}"
        );
    }
    assert!(refused(&service, &before, NOW_S).contains("revoked"));
}

#[test]
fn s102_without_the_feed_every_token_is_refused_by_503() {
    let service = TokenService::new(ISSUER, BASE);
    let Err(Unverified::Refused(error)) = service.verify("a.b.c", NOW_S) else {
        panic!("not refused")
    };
    assert_eq!((error.status(), error.code()), (503, None));
}

#[test]
fn s49_a_long_scope_is_kept_apart() {
    let service = service();
    let scope = (0..60).fold(String::new(), |all, n| {
        format!("{all} patient/Observation.rs?category=http://example.org/categories|{n}")
    });
    let scope = scope.trim().to_owned();
    let long = Claims {
        scope: scope.clone(),
        patient: Some("p".into()),
        ..lab()
    };
    let minted = service.mint(&long, NOW_S).unwrap();
    assert!(minted.token.len() < 4096);
    let apart = service.verify(&minted.token, NOW_S).unwrap_err();
    assert_eq!(apart, Unverified::ScopeApart(minted.id));
    let verified = service
        .verify_with(&minted.token, Some(&scope), NOW_S)
        .unwrap();
    assert_eq!(verified.caller.scopes.as_str(), scope);
    assert!(
        service.verify(&minted.token, NOW_S).is_ok(),
        "it is known by now"
    );
}
