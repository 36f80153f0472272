//! S108: the FAPI 2.0 Security Profile, for the clients that are registered for it.

use crate::answers::*;
use crate::asks::*;
use crate::house::*;
use crate::sender::Holder;
use serde_json::{Value, json};
use ward_seal::jws::foreign::{Expected, Typ, unverified_header, verify};
use ward_seal::{Algorithm, Es384Key, JwkSet, RsaAlgorithm, RsaKey, SigningKey};
use ward_smart::Endpoint;
use ward_smart::state::{Authentication, Client, IdTokenAlgorithm, KeysAt, Kind};

const PAR: Endpoint = Endpoint::PushedAuthorizationRequest;
const CERTIFICATE: [u8; 32] = [7; 32];

/// A client of the profile with these keys.
async fn client(house: &House, keys: &[String]) {
    let set = format!(r#"{{"keys":[{}]}}"#, keys.join(","));
    house
        .app(|client| {
            client.fapi2 = true;
            client.kind = Kind::Confidential;
            client.authentication = Authentication::PrivateKeyJwt;
            client.keys = Some(KeysAt::Here(set));
        })
        .await;
}

/// The same with a certificate in place of a key.
async fn with_certificate(house: &House, change: impl FnOnce(&mut Client)) {
    house
        .app(|client| {
            client.fapi2 = true;
            client.kind = Kind::Confidential;
            client.authentication = Authentication::TlsClientAuth;
            client.certificate = Some("07".repeat(32));
            change(client);
        })
        .await;
}

fn payload(audience: &Value, id: &str) -> String {
    let claims =
        json!({ "iss": "app", "sub": "app", "aud": audience, "exp": NOW_S + 60, "jti": id });
    claims.to_string()
}

fn proved(ask: Ask, assertion: &str) -> Ask {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    ask.with("client_assertion", assertion)
        .with("client_assertion_type", kind)
}

/// By ES256, for the issuer.
fn signed(ask: Ask, key: &SigningKey, id: &str) -> Ask {
    proved(
        ask,
        &key.sign("JWT", payload(&ISSUER.into(), id).as_bytes()),
    )
}

fn push(scope: &str) -> Ask {
    Ask {
        method: "POST",
        ..asked(scope).ask()
    }
}

/// The authorization request that was pushed.
fn by_uri(pushed: ward_smart::Answer) -> Asked {
    assert_eq!(pushed.status(), 201, "{pushed:?}");
    let uri = json_of(pushed)["request_uri"].as_str().unwrap().to_owned();
    let pairs = [("client_id", "app"), ("request_uri", &uri)];
    Asked {
        pairs: pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec(),
        now_s: NOW_S,
    }
}

fn over_tls(ask: Ask) -> Ask {
    Ask {
        certificate: Some(CERTIFICATE),
        ..ask
    }
}

/// Tokens of a client with a certificate.
async fn tokens(house: &House, scope: &str) -> Value {
    let cookie = house.clinician().await;
    let pushed = house.ask(PAR, &over_tls(push(scope))).await;
    let code = house.code(&by_uri(pushed), &cookie).await;
    ok(house.ask(Endpoint::Token, &over_tls(redeem(&code))).await)
}

pub async fn s108_fapi_is_one_switch(house: House) {
    house.app(|client| client.fapi2 = true).await;
    let cookie = house.clinician().await;
    let front = house.authorize(&asked("openid"), &cookie).await;
    assert_eq!(error(&front), "invalid_request", "only by PAR");
    let public = house.ask(PAR, &push("openid")).await;
    assert_eq!(
        refused(public),
        (401, "invalid_client".into()),
        "only with a key"
    );
    let key = SigningKey::generate();
    client(&house, &[key.public_jwk()]).await;
    let pushed = house.ask(PAR, &signed(push("openid"), &key, "1")).await;
    let code = house.code(&by_uri(pushed), &cookie).await;
    let bearer = house
        .ask(Endpoint::Token, &signed(redeem(&code), &key, "2"))
        .await;
    assert_eq!(
        refused(bearer),
        (400, "invalid_dpop_proof".into()),
        "only sender-constrained"
    );
    let mut holder = Holder::new();
    holder.nonce = Some("unknown".into());
    let answer = holder.ask(&house, &signed(redeem(&code), &key, "3")).await;
    holder.nonce = header(&answer, "DPoP-Nonce");
    let token = ok(holder.ask(&house, &signed(redeem(&code), &key, "4")).await);
    assert_eq!(token["token_type"], "DPoP");
}

pub async fn s108_an_assertion_is_for_the_issuer_and_nobody_else(house: House) {
    let key = SigningKey::generate();
    client(&house, &[key.public_jwk()]).await;
    let by = |audience: &Value, id: &str| {
        let assertion = key.sign("JWT", payload(audience, id).as_bytes());
        proved(push("openid"), &assertion)
    };
    for (n, wrong) in [
        json!(house.server.url(PAR)),
        json!(house.server.url(Endpoint::Token)),
        json!([ISSUER]),
        json!([ISSUER, house.server.url(PAR)]),
        json!(format!("{ISSUER}/")),
        Value::Null,
    ]
    .iter()
    .enumerate()
    {
        let answer = house.ask(PAR, &by(wrong, &n.to_string())).await;
        assert_eq!(refused(answer), (401, "invalid_client".into()), "{wrong}");
    }
    let pushed = house.ask(PAR, &by(&json!(ISSUER), "good")).await;
    assert_eq!(pushed.status(), 201, "{pushed:?}");
}

pub async fn s108_s52_signatures_are_those_of_the_profile(house: House) {
    let (rsa, p256, p384) = (
        RsaKey::generate(),
        SigningKey::generate(),
        Es384Key::generate(),
    );
    let keys = [
        rsa.public().to_json(),
        p256.public_jwk(),
        p384.public().to_json(),
    ];
    client(&house, &keys).await;
    let text = |id: &str| payload(&ISSUER.into(), id);
    let by_rsa = |by, id: &str| rsa.sign(by, "JWT", text(id).as_bytes());
    for good in [
        by_rsa(RsaAlgorithm::Ps256, "1"),
        p256.sign("JWT", text("2").as_bytes()),
    ] {
        let answer = house.ask(PAR, &proved(push("openid"), &good)).await;
        assert_eq!(answer.status(), 201, "{answer:?}");
    }
    for bad in [
        by_rsa(RsaAlgorithm::Rs256, "3"),
        by_rsa(RsaAlgorithm::Rs384, "4"),
        p384.sign("JWT", text("5").as_bytes()),
    ] {
        let answer = house.ask(PAR, &proved(push("openid"), &bad)).await;
        assert_eq!(refused(answer), (401, "invalid_client".into()));
    }
    let told = json_of(
        house
            .ask(Endpoint::OpenIdConfiguration, &Ask::get(""))
            .await,
    );
    let told = &told["token_endpoint_auth_signing_alg_values_supported"];
    assert_eq!(*told, json!(["RS384", "ES384", "PS256", "ES256", "EdDSA"]));
}

/// §5.3.2.1: it is not exchanged, and each use keeps it for as long again.
pub async fn s108_a_refresh_token_stays_good(house: House) {
    const DAY_S: i64 = 24 * 3600;
    with_certificate(&house, |_| ()).await;
    let token = tokens(&house, "openid user/*.rs offline_access").await;
    for days in [0, 0, 170, 340] {
        let ask = over_tls(refresh(&token)).at(NOW_S + days * DAY_S);
        let again = ok(house.ask(Endpoint::Token, &ask).await);
        assert_eq!(again["refresh_token"], token["refresh_token"], "{days}");
        assert_ne!(again["access_token"], token["access_token"]);
    }
    let thief = Ask {
        certificate: Some([8; 32]),
        ..refresh(&token)
    };
    let stolen = house.ask(Endpoint::Token, &thief).await;
    assert_eq!(refused(stolen), (401, "invalid_client".into()));
    let late = over_tls(refresh(&token)).at(NOW_S + (340 + 181) * DAY_S);
    let late = house.ask(Endpoint::Token, &late).await;
    assert_eq!(
        refused(late),
        (400, "invalid_grant".into()),
        "not used for so long"
    );
}

pub async fn s108_s87_x54_id_tokens_are_signed_as_the_client_may_check(house: House) {
    use IdTokenAlgorithm::{Es256, Ps256, Rs256};
    let jwks = json_of(house.ask(Endpoint::Jwks, &Ask::get("")).await);
    let published = JwkSet::parse(jwks.to_string().as_bytes()).unwrap();
    for (fapi2, registered, algorithm) in [
        (true, Rs256, Algorithm::Ps256),
        (true, Ps256, Algorithm::Ps256),
        (true, Es256, Algorithm::Es256),
        (false, Rs256, Algorithm::Rs256),
        (false, Es256, Algorithm::Es256),
    ] {
        with_certificate(&house, |client| {
            client.fapi2 = fapi2;
            client.id_token_signed_by = registered;
        })
        .await;
        let token = tokens(&house, "openid fhirUser user/*.rs").await;
        let id_token = token["id_token"].as_str().unwrap();
        let header = unverified_header(id_token).unwrap();
        assert_eq!(header.algorithm, Some(algorithm));
        let key = published.find(header.kid.as_deref(), algorithm).unwrap();
        let expected = Expected {
            typ: Typ::Is("JWT"),
            algorithms: &[algorithm],
            jku: None,
        };
        assert!(verify(key, &expected, id_token).is_ok(), "{algorithm:?}");
        let as_access = json!({ "access_token": id_token });
        assert!(!house.is_good(&as_access, NOW_S).await, "it opens nothing");
    }
    let told = json_of(
        house
            .ask(Endpoint::OpenIdConfiguration, &Ask::get(""))
            .await,
    );
    let told = &told["id_token_signing_alg_values_supported"];
    assert_eq!(*told, json!(["RS256", "PS256", "ES256"]));
}
