//! C17: how a client proves itself is changed on its page, and what was issued before is void.

use crate::answers::*;
use crate::asks::*;
use crate::client_forms::*;
use crate::house::*;
use crate::registry::administrator;
use crate::sender::Holder;
use ward_seal::{Es384Key, SigningKey};
use ward_smart::page::{ClientPart, Confirm};
use ward_smart::state::{Client, IdTokenAlgorithm, SenderConstraint};
use ward_smart::{Endpoint, Page};

/// S106: what was bound to nothing is void, and the next tokens are bound.
pub async fn c17_s106_tokens_are_bound_to_a_key_from_then_on(house: House) {
    house.confidential("secret").await;
    let token = by_secret(&house, "openid user/*.rs offline_access").await;
    let (status, _) = set(&house, ClientPart::Proof, &[("tokens_bound_to", "dpop")]).await;
    assert_eq!(status, 200);
    assert_eq!(
        client(&house).await.sender_constraint,
        SenderConstraint::Dpop
    );
    assert!(!house.is_good(&token, NOW_S).await);
    let ask = refresh(&token).basic("app", "secret");
    let bearer = house.ask(Endpoint::Token, &ask).await;
    assert_eq!(refused(bearer), (400, "invalid_dpop_proof".into()));
    let bound = ok(Holder::new().ask(&house, &ask).await);
    assert_eq!(bound["token_type"], "DPoP");
}

/// S107: the certificate first, then that it is what the client proves itself by.
pub async fn c17_s107_a_certificate_takes_the_place_of_a_secret(house: House) {
    house.confidential("secret").await;
    let by_certificate = [
        ("token_endpoint_auth_method", "tls_client_auth"),
        ("tokens_bound_to", "mtls"),
    ];
    let (status, page) = set(&house, ClientPart::Proof, &by_certificate).await;
    assert_eq!(
        (status, errors(&page)),
        (400, vec!["token_endpoint_auth_method"])
    );
    let before = client(&house).await;
    house
        .keep(&Client {
            certificate: Some("07".repeat(32)),
            ..before
        })
        .await;
    let (status, page) = set(&house, ClientPart::Proof, &by_certificate).await;
    assert_eq!(status, 200, "{:?}", errors(&page));
    assert_eq!(client(&house).await.secret_digest, None);
    let cookie = house.clinician().await;
    let code = house.code(&asked("openid user/*.rs"), &cookie).await;
    let with_secret = Ask {
        certificate: Some([7; 32]),
        ..redeem(&code).basic("app", "secret")
    };
    let old = house.ask(Endpoint::Token, &with_secret).await;
    assert_eq!(refused(old), (401, "invalid_client".into()));
    let ask = Ask {
        certificate: Some([7; 32]),
        ..redeem(&code)
    };
    let token = ok(house.ask(Endpoint::Token, &ask).await);
    assert!(claims(&token["access_token"])["cnf"]["x5t#S256"].is_string());
    // Back to a secret: there is a new one, shown once.
    let fields = [
        ("token_endpoint_auth_method", "client_secret_basic"),
        ("tokens_bound_to", "none"),
    ];
    let (_, page) = set(&house, ClientPart::Proof, &fields).await;
    let secret = page.secret.unwrap();
    assert_eq!(
        client(&house).await.secret_digest,
        Some(ward_smart::state::digest(&secret))
    );
    assert!(
        self::page(&house, &administrator(&house).await)
            .await
            .secret
            .is_none()
    );
}

/// S108: the switch and what belongs to it, set on the page, and taken at its word by the endpoints.
pub async fn c17_s108_the_fapi_profile_is_set_on_the_page(house: House) {
    house.confidential("secret").await;
    let token = by_secret(&house, "openid user/*.rs").await;
    let (status, page) = set(&house, ClientPart::Proof, &[("fapi2", "on")]).await;
    let wrong = ["fapi2", "tokens_bound_to", "id_token_signed_response_alg"];
    assert_eq!((status, errors(&page)), (400, wrong.to_vec()));
    let key = SigningKey::generate();
    let jwks = format!(r#"{{"keys":[{}]}}"#, key.public_jwk());
    let fields = [
        ("token_endpoint_auth_method", "private_key_jwt"),
        ("jwks", jwks.as_str()),
        ("tokens_bound_to", "dpop"),
        ("fapi2", "on"),
        ("id_token_signed_response_alg", "ES256"),
    ];
    let (status, page) = set(&house, ClientPart::Proof, &fields).await;
    assert_eq!(status, 200, "{:?}", errors(&page));
    let is = client(&house).await;
    assert!(is.fapi2 && is.must_push());
    assert_eq!(is.id_token_signed_by, IdTokenAlgorithm::Es256);
    assert!(!house.is_good(&token, NOW_S).await);
    let record = recorded(&house);
    assert!(record.query.contains("changed=jwks&") && record.query.contains("changed=fapi2&"));
    assert!(!record.query.contains("kty"), "{}", record.query);
    let par = Endpoint::PushedAuthorizationRequest;
    let push = |audience: &str, id: &str| {
        let ask = Ask {
            method: "POST",
            ..asked("openid").ask()
        };
        proved(ask, &key.sign("JWT", assertion(audience, id).as_bytes()))
    };
    let url = house.server.url(par);
    let to_endpoint = house.ask(par, &push(&url, "1")).await;
    assert_eq!(refused(to_endpoint), (401, "invalid_client".into()));
    assert_eq!(house.ask(par, &push(ISSUER, "2")).await.status(), 201);
}

/// Somebody may know the secret: the old one and all that was got by it are void, and the new one is shown once.
pub async fn c17_a_secret_is_exchanged(house: House) {
    house.confidential("secret").await;
    let token = by_secret(&house, "openid user/*.rs offline_access").await;
    let admin = administrator(&house).await;
    let form = page(&house, &admin).await.form;
    assert!(
        page(&house, &admin)
            .await
            .decisions
            .iter()
            .any(|(word, _)| word == "new-secret")
    );
    let exchange = |sure: &str| {
        let fields = [
            ("csrf", form.csrf.as_str()),
            ("decision", "new-secret"),
            ("sure", sure),
        ];
        Ask::post(&fields).query(&form.action).cookie(&admin)
    };
    let answer = house.ask(Endpoint::Clients, &exchange("")).await;
    let Page::Confirm(Confirm { decision, .. }) = shown(answer) else {
        panic!("it is not asked whether that is meant")
    };
    assert_eq!(decision.0, "new-secret");
    assert!(house.is_good(&token, NOW_S).await);
    let Page::Client(page) = shown(house.ask(Endpoint::Clients, &exchange("yes")).await) else {
        panic!("no page of a client")
    };
    let secret = page.secret.unwrap();
    let record = recorded(&house);
    assert!(
        record.query.starts_with("client=app&decision=new-secret&"),
        "{}",
        record.query
    );
    assert!(!record.query.contains(&secret));
    assert!(!house.is_good(&token, NOW_S).await);
    let old = refresh(&token).basic("app", "secret").at(LATER_S);
    let old = house.ask(Endpoint::Token, &old).await;
    assert_eq!(refused(old), (401, "invalid_client".into()));
    let new = refresh(&token).basic("app", &secret).at(LATER_S);
    let new = ok(house.ask(Endpoint::Token, &new).await);
    assert!(house.is_good(&new, LATER_S).await);
    // What has no secret has none to exchange.
    house.app(|_| ()).await;
    let answer = house.ask(Endpoint::Clients, &exchange("yes")).await;
    assert!(matches!(shown(answer), Page::Client(page) if page.secret.is_none()));
}

/// New keys, by value and then at an address: what the old ones sign is refused from then on.
pub async fn c17_keys_are_exchanged(house: House) {
    const URL: &str = "https://app.example/jwks";
    let (old, new, third) = (
        Es384Key::generate(),
        Es384Key::generate(),
        Es384Key::generate(),
    );
    let set_of = |key: &Es384Key| format!(r#"{{"keys":[{}]}}"#, key.public().to_json());
    house.confidential("secret").await;
    let by_key = ("token_endpoint_auth_method", "private_key_jwt");
    let (status, page) = set(
        &house,
        ClientPart::Proof,
        &[by_key, ("jwks", &set_of(&old))],
    )
    .await;
    assert_eq!(status, 200, "{:?}", errors(&page));
    let cookie = house.clinician().await;
    let code = house
        .code(&asked("openid user/*.rs offline_access"), &cookie)
        .await;
    let url = house.server.url(Endpoint::Token);
    let by = |ask: Ask, key: &Es384Key, id: &str| {
        proved(ask, &key.sign("JWT", assertion(&url, id).as_bytes())).at(LATER_S)
    };
    let token = ok(house
        .ask(Endpoint::Token, &by(redeem(&code), &old, "1"))
        .await);
    set(&house, ClientPart::Proof, &[("jwks", &set_of(&new))]).await;
    assert!(!house.is_good(&token, LATER_S).await);
    let stale = house
        .ask(Endpoint::Token, &by(refresh(&token), &old, "2"))
        .await;
    assert_eq!(refused(stale), (401, "invalid_client".into()));
    let token = ok(house
        .ask(Endpoint::Token, &by(refresh(&token), &new, "3"))
        .await);
    house
        .shelf
        .documents
        .lock()
        .unwrap()
        .insert(URL.into(), set_of(&third));
    let (status, page) = set(
        &house,
        ClientPart::Proof,
        &[("jwks", ""), ("jwks_uri", URL)],
    )
    .await;
    assert_eq!(status, 200, "{:?}", errors(&page));
    ok(house
        .ask(Endpoint::Token, &by(refresh(&token), &third, "4"))
        .await);
}

/// S58: from one address to another, on every node: what lies at the old one counts no more, though it was fetched a moment ago.
pub async fn c17_s58_an_address_of_keys_is_exchanged(house: House) {
    const OLD: &str = "https://app.example/jwks";
    const NEW: &str = "https://keys.app.example/jwks";
    let (old, new) = (Es384Key::generate(), Es384Key::generate());
    let set_of = |key: &Es384Key| format!(r#"{{"keys":[{}]}}"#, key.public().to_json());
    for (url, key) in [(OLD, &old), (NEW, &new)] {
        let mut documents = house.shelf.documents.lock().unwrap();
        documents.insert(url.into(), set_of(key));
    }
    house.confidential("secret").await;
    let at = |url: &'static str| {
        [
            ("token_endpoint_auth_method", "private_key_jwt"),
            ("jwks_uri", url),
        ]
    };
    let (status, page) = set(&house, ClientPart::Proof, &at(OLD)).await;
    assert_eq!(status, 200, "{:?}", errors(&page));
    let cookie = house.clinician().await;
    let request = asked("openid user/*.rs offline_access");
    let code = house.code(&request, &cookie).await;
    let url = house.server.url(Endpoint::Token);
    let by = |ask: Ask, key: &Es384Key, id: &str| {
        proved(ask, &key.sign("JWT", assertion(&url, id).as_bytes())).at(LATER_S)
    };
    let token = by(redeem(&code), &old, "1");
    let token = ok(house.ask(Endpoint::Token, &token).await);
    let (status, page) = set(&house, ClientPart::Proof, &at(NEW)).await;
    assert_eq!(status, 200, "{:?}", errors(&page));
    assert!(!house.is_good(&token, LATER_S).await);
    let stale = by(refresh(&token), &old, "2");
    let answer = house.ask(Endpoint::Token, &stale).await;
    assert_eq!(refused(answer), (401, "invalid_client".into()));
    if let Some(other) = house.another().await {
        let stale = by(refresh(&token), &old, "3");
        let answer = stale.of(&other, Endpoint::Token).await;
        assert_eq!(refused(answer), (401, "invalid_client".into()));
    }
    ok(house
        .ask(Endpoint::Token, &by(refresh(&token), &new, "4"))
        .await);
    let asked = house.shelf.asked.lock().unwrap();
    assert!(asked.iter().any(|asked| asked == NEW));
    let record = recorded(&house).query;
    assert!(!record.contains("keys.app.example"), "{record}");
}
