use crate::answers::*;
use crate::asks::*;
use crate::house::*;
use serde_json::{Value, json};
use ward_seal::SigningKey;
use ward_seal::es384_key::Es384Key;
use ward_seal::rsa_key::{RsaAlgorithm, RsaKey};
use ward_smart::state::{ActsFor, Authentication, Client, KeysAt, Kind};
use ward_smart::{Answer, Endpoint};

const TOKEN_URL: &str = "https://ward.example/auth/token";

async fn system(house: &House, keys: KeysAt, change: impl FnOnce(&mut Client)) -> Client {
    house
        .app(|client| {
            client.client_id = "lab".into();
            client.kind = Kind::System;
            client.authentication = Authentication::PrivateKeyJwt;
            client.redirect_uris = Vec::new();
            client.scope = "system/Observation.crus system/Patient.rs".into();
            client.keys = Some(keys);
            change(client);
        })
        .await
}

fn here(jwks: &[String]) -> KeysAt {
    KeysAt::Here(format!(r#"{{"keys":[{}]}}"#, jwks.join(",")))
}

pub fn assertion_claims(id: &str) -> Value {
    json!({ "iss": "lab", "sub": "lab", "aud": TOKEN_URL, "exp": NOW_S + 300, "jti": id })
}

fn ask(assertion: &str) -> Ask {
    Ask::post(&[
        ("grant_type", "client_credentials"),
        ("scope", "system/Patient.rs"),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", assertion),
    ])
}

pub fn by(key: &Es384Key, claims: &Value) -> Ask {
    ask(&key.sign("JWT", claims.to_string().as_bytes()))
}

pub async fn lab(house: &House) -> Es384Key {
    let key = Es384Key::generate();
    system(house, here(&[key.public().to_json()]), |_| ()).await;
    key
}

/// The same with another ceiling.
pub async fn widened(house: &House, scope: &str) {
    let held: Client = house.held("lab", NOW_S).await.unwrap();
    house
        .keep(&Client {
            scope: scope.into(),
            ..held
        })
        .await;
}

fn is_refused(answer: Answer, why: &str) {
    assert_eq!(refused(answer), (401, "invalid_client".into()), "{why}");
}

pub async fn s52_both_algorithms_and_no_other(house: House) {
    let (ec, rsa, p256) = (
        Es384Key::generate(),
        RsaKey::generate(),
        SigningKey::generate(),
    );
    let keys = [
        ec.public().to_json(),
        rsa.public().to_json(),
        p256.public_jwk(),
    ];
    system(&house, here(&keys), |_| ()).await;
    let payload = |id: &str| assertion_claims(id).to_string();
    for good in [
        ec.sign("JWT", payload("1").as_bytes()),
        rsa.sign(RsaAlgorithm::Rs384, "JWT", payload("2").as_bytes()),
    ] {
        let token = ok(house.ask(Endpoint::Token, &ask(&good)).await);
        // S40
        assert!(token["expires_in"].as_i64().unwrap() <= 300);
        assert!(token.get("refresh_token").is_none());
        assert!(house.is_good(&token, NOW_S).await);
    }
    is_refused(
        house
            .ask(
                Endpoint::Token,
                &ask(&rsa.sign(RsaAlgorithm::Rs256, "JWT", payload("3").as_bytes())),
            )
            .await,
        "RS256",
    );
    is_refused(
        house
            .ask(
                Endpoint::Token,
                &ask(&p256.sign("JWT", payload("4").as_bytes())),
            )
            .await,
        "ES256",
    );
    let body = ward_seal::base64url(payload("5").as_bytes());
    for header in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"HS256"}"#,
        r#"{"alg":"HS384","kid":"x"}"#,
    ] {
        let header = ward_seal::base64url(header.as_bytes());
        is_refused(
            house
                .ask(Endpoint::Token, &ask(&format!("{header}.{body}.")))
                .await,
            "unsigned",
        );
    }
    for (n, key) in keys.iter().enumerate() {
        for (m, secret) in as_secrets(key).iter().enumerate() {
            let kid = &serde_json::from_str::<Value>(key).unwrap()["kid"];
            let header = json!({ "alg": "HS256", "typ": "JWT", "kid": kid }).to_string();
            let header = ward_seal::base64url(header.as_bytes());
            let body = ward_seal::base64url(payload(&format!("mac-{n}-{m}")).as_bytes());
            let signed = format!("{header}.{body}");
            let mac = ward_seal::hash::hmac_sha256(secret, signed.as_bytes());
            let token = format!("{signed}.{}", ward_seal::base64url(&mac));
            let answer = house.ask(Endpoint::Token, &ask(&token)).await;
            is_refused(answer, &format!("a MAC under public key {n}, form {m}"));
        }
    }
    // A P-256 key under an ES384 header.
    let header = format!(r#"{{"alg":"ES384","typ":"JWT","kid":"{}"}}"#, p256.kid());
    let token = format!(
        "{}.{body}.{}",
        ward_seal::base64url(header.as_bytes()),
        ward_seal::base64url(&[1; 96])
    );
    is_refused(
        house.ask(Endpoint::Token, &ask(&token)).await,
        "P-256 as ES384",
    );
    is_refused(
        house
            .ask(
                Endpoint::Token,
                &ask(&Es384Key::generate().sign("JWT", payload("6").as_bytes())),
            )
            .await,
        "a stranger's key",
    );
    is_refused(
        house.ask(Endpoint::Token, &ask("not a token")).await,
        "nothing",
    );
}

/// The bytes by which a public key (a JWK) may be taken for a shared secret: as it is published, and its numbers.
fn as_secrets(jwk: &str) -> Vec<Vec<u8>> {
    let members: Value = serde_json::from_str(jwk).unwrap();
    let bytes = |name: &str| {
        let text = members[name].as_str().unwrap_or_default();
        ward_seal::from_base64url(text).unwrap()
    };
    let point = [bytes("x"), bytes("y")].concat();
    let uncompressed = [&[4], point.as_slice()].concat();
    let secrets = [jwk.as_bytes().to_vec(), bytes("n"), point, uncompressed];
    let secrets = secrets.into_iter().filter(|secret| secret.len() > 1);
    secrets.collect()
}

pub async fn s53_s54_claims_are_checked(house: House) {
    let key = lab(&house).await;
    let mut n = 0;
    let mut with = |change: &dyn Fn(&mut Value)| {
        n += 1;
        let mut claims = assertion_claims(&n.to_string());
        change(&mut claims);
        by(&key, &claims)
    };
    type Spoil<'a> = &'a dyn Fn(&mut Value);
    let bad: [(&str, Spoil<'_>); 18] = [
        ("iss", &|c| c["iss"] = "other".into()),
        ("sub", &|c| c["sub"] = "other".into()),
        ("aud of another", &|c| {
            c["aud"] = "https://other.example/auth/token".into()
        }),
        ("aud with a slash", &|c| {
            c["aud"] = format!("{TOKEN_URL}/").into()
        }),
        ("the issuer as aud", &|c| c["aud"] = ISSUER.into()),
        ("aud among others", &|c| {
            c["aud"] = json!([TOKEN_URL, "https://other.example"])
        }),
        ("no aud", &|c| c["aud"] = Value::Null),
        ("exp too far", &|c| c["exp"] = (NOW_S + 301).into()),
        ("exp far", &|c| c["exp"] = i64::MAX.into()),
        ("exp over", &|c| c["exp"] = (NOW_S - 61).into()),
        ("exp negative", &|c| c["exp"] = (-1).into()),
        ("exp huge", &|c| c["exp"] = json!(1e308)),
        ("exp text", &|c| c["exp"] = "soon".into()),
        ("no exp", &|c| c["exp"] = Value::Null),
        ("no jti", &|c| c["jti"] = Value::Null),
        ("empty jti", &|c| c["jti"] = "".into()),
        ("nbf ahead", &|c| c["nbf"] = (NOW_S + 120).into()),
        ("iat ahead", &|c| c["iat"] = (NOW_S + 120).into()),
    ];
    for (why, change) in bad {
        is_refused(house.ask(Endpoint::Token, &with(change)).await, why);
    }
    let good: [&dyn Fn(&mut Value); 4] = [
        &|_| (),
        &|c| c["aud"] = json!([TOKEN_URL]),
        &|c| c["exp"] = (NOW_S - 60).into(),
        // By its own clock, which runs ahead a little.
        &|c| {
            c["iat"] = (NOW_S + 20).into();
            c["exp"] = (NOW_S + 320).into();
        },
    ];
    for change in good {
        ok(house.ask(Endpoint::Token, &with(change)).await);
    }
}

/// X57
pub async fn s55_an_assertion_is_used_once_on_every_node(house: House) {
    let key = lab(&house).await;
    let first = by(&key, &assertion_claims("1"));
    ok(house.ask(Endpoint::Token, &first).await);
    is_refused(house.ask(Endpoint::Token, &first).await, "again");
    is_refused(
        house
            .ask(Endpoint::Token, &by(&key, &assertion_claims("1")))
            .await,
        "its jti again",
    );
    let late = first.clone().at(NOW_S + 360);
    is_refused(
        house.ask(Endpoint::Token, &late).await,
        "at the end of its life",
    );
    if let Some(other) = house.another().await {
        is_refused(first.of(&other, Endpoint::Token).await, "on another node");
    }
    let second = by(&key, &assertion_claims("2"));
    let answers = tokio::join!(
        house.ask(Endpoint::Token, &second),
        house.ask(Endpoint::Token, &second),
        house.ask(Endpoint::Token, &second)
    );
    let good = [answers.0, answers.1, answers.2]
        .iter()
        .filter(|a| a.status() == 200)
        .count();
    assert_eq!(good, 1);
}

pub async fn s56_s57_s58_keys_by_url(house: House) {
    const URL: &str = "https://lab.example/jwks";
    let (old, new) = (Es384Key::generate(), Es384Key::generate());
    system(&house, KeysAt::Url(URL.into()), |_| ()).await;
    let put = |keys: &[&Es384Key]| {
        let keys: Vec<_> = keys.iter().map(|key| key.public().to_json()).collect();
        let set = format!(r#"{{"keys":[{}]}}"#, keys.join(","));
        house
            .shelf
            .documents
            .lock()
            .unwrap()
            .insert(URL.into(), set);
    };
    let fetches = || house.shelf.asked.lock().unwrap().len();
    is_refused(
        house
            .ask(Endpoint::Token, &by(&old, &assertion_claims("0")))
            .await,
        "no set yet",
    );
    put(&[&old]);
    let at = |ask: Ask| ask.at(NOW_S + 60);
    ok(house
        .ask(Endpoint::Token, &at(by(&old, &assertion_claims("1"))))
        .await);
    let before = fetches();
    put(&[&old, &new]);
    is_refused(
        house
            .ask(Endpoint::Token, &at(by(&new, &assertion_claims("2"))))
            .await,
        "asked a moment ago",
    );
    assert_eq!(fetches(), before);
    let later = by(&new, &assertion_claims("3")).at(NOW_S + 120);
    ok(house.ask(Endpoint::Token, &later).await);
    // S57: a jku of its own is neither believed nor fetched.
    let body = ward_seal::base64url(assertion_claims("4").to_string().as_bytes());
    let header = format!(
        r#"{{"alg":"ES384","kid":"{}","jku":"https://evil.example/jwks"}}"#,
        new.kid()
    );
    let header = ward_seal::base64url(header.as_bytes());
    is_refused(
        house
            .ask(Endpoint::Token, &at(ask(&format!("{header}.{body}.AAAA"))))
            .await,
        "jku",
    );
    assert!(
        house
            .shelf
            .asked
            .lock()
            .unwrap()
            .iter()
            .all(|url| url == URL)
    );
}

pub async fn s60_no_key_is_taken_from_the_header(house: House) {
    let own = lab(&house).await;
    let stranger = Es384Key::generate();
    let jwk = stranger.public().to_json();
    let mut n = 0;
    let mut by = |key: &Es384Key, members: &str| {
        n += 1;
        let claims = assertion_claims(&n.to_string()).to_string();
        let header = format!(r#"{{"alg":"ES384","typ":"JWT"{members}}}"#);
        ask(&key.sign_under(&header, claims.as_bytes()))
    };
    for members in [
        format!(r#","jwk":{jwk}"#),
        r#","x5u":"https://evil.example""#.to_owned(),
        r#","jku":"https://evil.example""#.to_owned(),
        String::new(),
    ] {
        let answer = house.ask(Endpoint::Token, &by(&stranger, &members)).await;
        is_refused(answer, &members);
    }
    // What must be understood and is not.
    for members in [r#","crit":["x"],"x":1"#, r#","b64":true"#] {
        let answer = house.ask(Endpoint::Token, &by(&own, members)).await;
        is_refused(answer, members);
    }
    // What is not understood, and does no harm (RFC 7515 §4).
    for members in [
        "",
        r#","x5t":"AAAA","x5t#S256":"AAAA""#,
        r#","x5u":"https://evil.example","x5c":["MII"]"#,
        r#","something":{"of":["theirs"]}"#,
    ] {
        ok(house.ask(Endpoint::Token, &by(&own, members)).await);
    }
    assert!(house.shelf.asked.lock().unwrap().is_empty());
}

pub async fn s61_a_system_gets_what_it_is_registered_for(house: House) {
    let key = lab(&house).await;
    let scoped = |id: &str, scope: &str| by(&key, &assertion_claims(id)).with("scope", scope);
    let some = scoped(
        "1",
        "system/Patient.rs system/Claim.rs user/Patient.rs openid",
    );
    let token = ok(house.ask(Endpoint::Token, &some).await);
    assert_eq!(token["scope"], "system/Patient.rs");
    let said = claims(&token["access_token"]);
    assert_eq!(
        (said["sub"].as_str(), said["client_id"].as_str()),
        (Some("lab"), Some("lab"))
    );
    let none = by(&key, &assertion_claims("2")).without("scope");
    assert_eq!(
        refused(house.ask(Endpoint::Token, &none).await),
        (400, "invalid_scope".into())
    );
    let more = scoped("3", "system/*.cruds");
    assert_eq!(
        refused(house.ask(Endpoint::Token, &more).await).1,
        "invalid_scope"
    );
    system(&house, here(&[key.public().to_json()]), |client| {
        client.scope = "user/Patient.rs".into();
        client.acts_for = Some(ActsFor {
            subject: "robot".into(),
            fhir_user: Some("Practitioner/robot".into()),
            roles: vec!["physician".into()],
            patient: None,
        });
    })
    .await;
    let token = ok(house
        .ask(
            Endpoint::Token,
            &scoped("4", "user/Patient.rs patient/Patient.rs"),
        )
        .await);
    assert_eq!(token["scope"], "user/Patient.rs");
    assert_eq!(
        claims(&token["access_token"])["fhirUser"],
        "Practitioner/robot"
    );
}

pub async fn s62_a_secret_is_not_for_systems(house: House) {
    house.confidential("secret").await;
    let by_secret = Ask::post(&[
        ("grant_type", "client_credentials"),
        ("scope", "system/*.rs"),
    ]);
    let answer = house
        .ask(Endpoint::Token, &by_secret.clone().basic("app", "secret"))
        .await;
    assert_eq!(refused(answer), (400, "unauthorized_client".into()));
    house.app(|_| ()).await;
    let answer = house
        .ask(Endpoint::Token, &by_secret.with("client_id", "app"))
        .await;
    assert_eq!(refused(answer), (400, "unauthorized_client".into()));
    let key = lab(&house).await;
    let cookie = house.clinician().await;
    let person = house
        .authorize(&asked("openid").with("client_id", "lab"), &cookie)
        .await;
    assert_eq!(person.status(), 400, "a system has no redirect URI");
    drop(key);
}

pub async fn c17_use_is_noted_to_the_hour(house: House) {
    let key = Es384Key::generate();
    let client = system(&house, here(&[key.public().to_json()]), |_| ()).await;
    assert_eq!(client.last_used_s, None);
    let noted = async |id: &str| {
        ok(house
            .ask(Endpoint::Token, &by(&key, &assertion_claims(id)))
            .await);
        house.server.watch(NOW_S).await.unwrap();
        house.server.registry().client("lab").unwrap().last_used_s
    };
    assert_eq!(noted("1").await, Some(NOW_S));
    let revision = house.engine.store().state_revision().await.unwrap();
    assert_eq!(noted("2").await, Some(NOW_S));
    let after = house.engine.store().state_revision().await.unwrap();
    assert_eq!(revision, after, "no second write within the hour");
}

/// Whether the FHIR API takes the token from there.
async fn holds_from(house: &House, token: &Value, source: &str) -> bool {
    let header = format!("Bearer {}", token["access_token"].as_str().unwrap());
    let credentials = ward_smart::Credentials {
        authorization: Some(&header),
        source,
        ..ward_smart::Credentials::default()
    };
    house.server.authenticate(&credentials, NOW_S).await.is_ok()
}

/// AT17b
pub async fn c17_addresses_and_reviews_bind(house: House) {
    let key = Es384Key::generate();
    let keys = || here(&[key.public().to_json()]);
    system(&house, keys(), |client| {
        client.addresses = vec!["192.0.2.0/24".into()]
    })
    .await;
    let token = ok(house
        .ask(Endpoint::Token, &by(&key, &assertion_claims("1")))
        .await);
    house.server.watch(NOW_S).await.unwrap();
    assert!(holds_from(&house, &token, "192.0.2.9").await);
    assert!(!holds_from(&house, &token, "198.51.100.7").await);
    let elsewhere = Ask {
        source: "198.51.100.7".into(),
        ..by(&key, &assertion_claims("2"))
    };
    is_refused(
        house.ask(Endpoint::Token, &elsewhere).await,
        "another address",
    );
    system(&house, keys(), |client| client.review_due_s = Some(NOW_S)).await;
    let due = house
        .ask(Endpoint::Token, &by(&key, &assertion_claims("3")))
        .await;
    assert_eq!(refused(due), (400, "unauthorized_client".into()));
}
