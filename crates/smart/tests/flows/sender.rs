use crate::answers::*;
use crate::asks::*;
use crate::house::*;
use serde_json::{Value, json};
use ward_seal::hash::sha256;
use ward_seal::{SigningKey, base64url};
use ward_smart::state::{self, Authentication, Changes, Kind, Replay, SenderConstraint};
use ward_smart::{Answer, AuthorizationServer, Credentials, Endpoint, Refusal};

const RESOURCE: &str = "https://ward.example/fhir/Patient/1";

/// A key that proves itself, and the nonce that the server gave it last.
pub struct Holder {
    key: SigningKey,
    pub nonce: Option<String>,
    count: u32,
}

impl Holder {
    pub fn new() -> Holder {
        Holder {
            key: SigningKey::generate(),
            nonce: None,
            count: 0,
        }
    }

    fn proof(
        &mut self,
        method: &str,
        url: &str,
        token: Option<&str>,
        change: impl FnOnce(&mut Value),
    ) -> String {
        self.count += 1;
        let mut claims =
            json!({ "jti": format!("{}", self.count), "htm": method, "htu": url, "iat": NOW_S });
        if let Some(nonce) = &self.nonce {
            claims["nonce"] = nonce.clone().into();
        }
        if let Some(token) = token {
            claims["ath"] = base64url(&sha256(token.as_bytes())).into();
        }
        change(&mut claims);
        self.key.prove(claims.to_string().as_bytes())
    }

    /// Asks the token endpoint, twice where it wants a nonce.
    pub async fn ask(&mut self, house: &House, ask: &Ask) -> Answer {
        self.ask_at(house, Endpoint::Token, ask).await
    }

    async fn ask_at(&mut self, house: &House, endpoint: Endpoint, ask: &Ask) -> Answer {
        for _ in 0..2 {
            let url = house.server.url(endpoint);
            let dpop = Some(self.proof("POST", &url, None, |_| ()));
            let answer = house
                .ask(
                    endpoint,
                    &Ask {
                        dpop,
                        ..ask.clone()
                    },
                )
                .await;
            match header(&answer, "DPoP-Nonce") {
                Some(nonce) if self.nonce.is_none() => {
                    assert_eq!(refused(answer), (400, "use_dpop_nonce".into()));
                    self.nonce = Some(nonce);
                }
                _ => return answer,
            }
        }
        panic!("no nonce will do")
    }
}

async fn opens(
    server: &AuthorizationServer,
    scheme: &str,
    token: &str,
    dpop: Option<&str>,
    certificate: Option<[u8; 32]>,
) -> Result<(), Refusal> {
    let header = format!("{scheme} {token}");
    let credentials = Credentials {
        authorization: Some(&header),
        dpop,
        certificate,
        source: "203.0.113.5",
        method: "GET",
        url: RESOURCE,
    };
    server.authenticate(&credentials, NOW_S).await.map(|_| ())
}

pub async fn s106_a_token_is_bound_to_its_key(house: House) {
    house
        .app(|client| client.sender_constraint = SenderConstraint::Dpop)
        .await;
    let cookie = house.clinician().await;
    let code = house.code(&asked("openid user/*.rs"), &cookie).await;
    let without = house.ask(Endpoint::Token, &redeem(&code)).await;
    assert!(header(&without, "DPoP-Nonce").is_some());
    assert_eq!(refused(without), (400, "invalid_dpop_proof".into()));
    let mut holder = Holder::new();
    let token = ok(holder.ask(&house, &redeem(&code)).await);
    assert_eq!(token["token_type"], "DPoP");
    let text = token["access_token"].as_str().unwrap().to_owned();
    assert_eq!(
        claims(&token["access_token"])["cnf"]["jkt"],
        holder.key.kid()
    );
    let good = holder.proof("GET", RESOURCE, Some(&text), |_| ());
    assert!(
        opens(&house.server, "DPoP", &text, Some(&good), None)
            .await
            .is_ok()
    );
    let refusal = opens(&house.server, "DPoP", &text, Some(&good), None)
        .await
        .unwrap_err();
    assert!(refusal.error.description().contains("before"));
    assert!(
        opens(&house.server, "Bearer", &text, None, None)
            .await
            .is_err(),
        "as a bearer token"
    );
    assert!(
        opens(&house.server, "DPoP", &text, None, None)
            .await
            .is_err(),
        "without proof"
    );
    type Spoil = fn(&mut Value);
    let spoilt: [(&str, Spoil); 6] = [
        ("htm", |c| c["htm"] = "POST".into()),
        ("htu", |c| {
            c["htu"] = "https://ward.example/fhir/Patient/2".into()
        }),
        ("ath", |c| c["ath"] = "x".into()),
        ("no ath", |c| c["ath"] = Value::Null),
        ("old", |c| c["iat"] = (NOW_S - 61).into()),
        ("no nonce", |c| c["nonce"] = Value::Null),
    ];
    for (why, change) in spoilt {
        let proof = holder.proof("GET", RESOURCE, Some(&text), change);
        let refusal = opens(&house.server, "DPoP", &text, Some(&proof), None)
            .await
            .unwrap_err();
        assert_eq!(refusal.error.status(), 401, "{why}");
        assert!(refusal.nonce.is_some(), "{why}");
    }
    let mut thief = Holder {
        nonce: holder.nonce.clone(),
        ..Holder::new()
    };
    let proof = thief.proof("GET", RESOURCE, Some(&text), |_| ());
    assert!(
        opens(&house.server, "DPoP", &text, Some(&proof), None)
            .await
            .is_err(),
        "another key"
    );
}

/// Whoever comes with a proof is not told to come without one, and whoever lacks one is told to bring it.
pub async fn s104_a_challenge_is_of_the_scheme_that_was_used(house: House) {
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    let plain = house.tokens(&asked("openid user/*.rs"), &cookie).await;
    let plain = plain["access_token"].as_str().unwrap();
    let code = house.code(&asked("openid user/*.rs"), &cookie).await;
    let mut holder = Holder::new();
    let bound = ok(holder.ask(&house, &redeem(&code)).await);
    let bound = bound["access_token"].as_str().unwrap();
    for (scheme, token, challenged) in [
        ("DPoP", "a.b.c", "DPoP"),
        ("dpop", "a b", "DPoP"),
        ("DPoP", plain, "DPoP"),
        ("DPoP", bound, "DPoP"),
        ("Bearer", bound, "DPoP"),
        ("Bearer", "a.b.c", "Bearer"),
        ("Basic", "YTpi", "Bearer"),
    ] {
        let refusal = opens(&house.server, scheme, token, None, None).await;
        let challenge = refusal.unwrap_err().www_authenticate();
        let (named, rest) = challenge.split_once(' ').unwrap();
        assert_eq!(named, challenged, "{scheme} {token}: {challenge}");
        let says_how = rest.contains("algs=\"ES256 ");
        assert_eq!(says_how, challenged == "DPoP", "{challenge}");
        // At an endpoint that takes tokens, too.
        let ask = Ask::post(&[("token", "x")]).authorization(&format!("{scheme} {token}"));
        let answer = house.ask(Endpoint::Introspect, &ask).await;
        if scheme != "Basic" {
            let told = header(&answer, "WWW-Authenticate").unwrap();
            assert!(told.starts_with(challenged), "{scheme} {token}: {told}");
        }
    }
}

pub async fn s106_a_proof_is_used_once_on_every_node(house: House) {
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    let code = house.code(&asked("openid user/*.rs"), &cookie).await;
    let mut holder = Holder::new();
    let token = ok(holder.ask(&house, &redeem(&code)).await);
    let text = token["access_token"].as_str().unwrap().to_owned();
    let Some(other) = house.another().await else {
        return;
    };
    let proof = holder.proof("GET", RESOURCE, Some(&text), |_| ());
    assert!(
        opens(&other, "DPoP", &text, Some(&proof), None)
            .await
            .is_ok()
    );
    assert!(
        opens(&house.server, "DPoP", &text, Some(&proof), None)
            .await
            .is_err()
    );
}

pub async fn s107_a_token_is_bound_to_its_certificate(house: House) {
    let certificate = [7; 32];
    let hexadecimal: String = certificate
        .iter()
        .map(|b: &u8| format!("{b:02x}"))
        .collect();
    house
        .app(|client| {
            client.client_id = "lab".into();
            client.kind = Kind::System;
            client.authentication = Authentication::TlsClientAuth;
            client.certificate = Some(hexadecimal);
            client.sender_constraint = SenderConstraint::Mtls;
            client.scope = "system/*.rs".into();
        })
        .await;
    let ask = Ask::post(&[
        ("grant_type", "client_credentials"),
        ("client_id", "lab"),
        ("scope", "system/Patient.rs"),
    ]);
    for wrong in [None, Some([8; 32])] {
        let ask = Ask {
            certificate: wrong,
            ..ask.clone()
        };
        assert_eq!(
            refused(house.ask(Endpoint::Token, &ask).await),
            (401, "invalid_client".into())
        );
    }
    let ask = Ask {
        certificate: Some(certificate),
        ..ask
    };
    let token = ok(house.ask(Endpoint::Token, &ask).await);
    let text = token["access_token"].as_str().unwrap();
    assert_eq!(
        claims(&token["access_token"])["cnf"]["x5t#S256"],
        base64url(&certificate)
    );
    assert!(
        opens(&house.server, "Bearer", text, None, Some(certificate))
            .await
            .is_ok()
    );
    assert!(
        opens(&house.server, "Bearer", text, None, Some([8; 32]))
            .await
            .is_err()
    );
    assert!(
        opens(&house.server, "Bearer", text, None, None)
            .await
            .is_err()
    );
}

pub async fn s92_grace_is_for_the_holder_of_the_key(house: House) {
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    let code = house
        .code(&asked("openid user/*.rs offline_access"), &cookie)
        .await;
    let mut holder = Holder::new();
    let token = ok(holder.ask(&house, &redeem(&code)).await);
    let mut thief = Holder {
        nonce: holder.nonce.clone(),
        ..Holder::new()
    };
    let stolen = thief.ask(&house, &refresh(&token)).await;
    assert_eq!(refused(stolen), (400, "invalid_grant".into()));
    let first = ok(holder.ask(&house, &refresh(&token)).await);
    // Its answer was lost: the same key may ask again within ten seconds.
    let again = ok(holder.ask(&house, &refresh(&token)).await);
    assert_ne!(first["refresh_token"], again["refresh_token"]);
    let late = holder.ask(&house, &refresh(&token).at(NOW_S + 11)).await;
    assert_eq!(refused(late), (400, "invalid_grant".into()));
    let ended = holder.ask(&house, &refresh(&again)).await;
    assert_eq!(refused(ended), (400, "invalid_grant".into()));
}

/// Each request with a key leaves a row: what is forgotten in one go keeps up with what one client can send.
pub async fn s106_what_was_used_is_forgotten_as_fast_as_it_comes(house: House) {
    const ROWS: u32 = 2_500;
    for chunk in 0..ROWS / 100 {
        let mut changes = Changes::new();
        for n in 0..100 {
            let id = format!("{chunk} {n}");
            changes = changes.insert(&Replay::of("proof", "app", &id, NOW_S + 60));
        }
        let committed = state::commit(house.engine.store(), changes, NOW_S).await;
        assert!(committed.is_ok());
    }
    house.server.tend(NOW_S + 61).await.unwrap();
    let now_us = (NOW_S + 61) * 1_000_000;
    let left = house.engine.store().expire_states(1_000, now_us).await;
    assert_eq!(left.unwrap(), 0);
}

pub async fn s106_a_pushed_request_names_the_key_that_signs(house: House) {
    house.app(|_| ()).await;
    let par = Endpoint::PushedAuthorizationRequest;
    let push = |key: &str| Ask {
        method: "POST",
        ..asked("openid").with("dpop_jkt", key).ask()
    };
    let mut holder = Holder::new();
    let own = holder.key.kid().to_string();
    let other = Holder::new().key.kid().to_string();
    let unlike = holder.ask_at(&house, par, &push(&other)).await;
    assert_eq!(refused(unlike), (400, "invalid_dpop_proof".into()));
    let alike = holder.ask_at(&house, par, &push(&own)).await;
    assert_eq!(alike.status(), 201, "{alike:?}");
}

/// RFC 9449 §5: the refresh token of a client that authenticates itself is not bound to a key.
pub async fn s92_a_confidential_client_may_change_its_key(house: House) {
    house.confidential("secret").await;
    let cookie = house.clinician().await;
    let code = house
        .code(&asked("openid user/*.rs offline_access"), &cookie)
        .await;
    let itself = |ask: Ask| ask.basic("app", "secret");
    let mut old = Holder::new();
    let token = ok(old.ask(&house, &itself(redeem(&code))).await);
    let without = house.ask(Endpoint::Token, &itself(refresh(&token))).await;
    assert_eq!(refused(without), (400, "invalid_grant".into()), "no key");
    let mut new = Holder {
        nonce: old.nonce.clone(),
        ..Holder::new()
    };
    // The second time over a lost answer.
    for _ in 0..2 {
        let renewed = ok(new.ask(&house, &itself(refresh(&token))).await);
        let bound = &claims(&renewed["access_token"])["cnf"]["jkt"];
        assert_eq!(*bound, new.key.kid());
    }
    let again = old.ask(&house, &itself(refresh(&token))).await;
    assert_eq!(
        refused(again),
        (400, "invalid_grant".into()),
        "exchanged by another key"
    );
}
