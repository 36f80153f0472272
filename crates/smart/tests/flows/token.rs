use crate::answers::*;
use crate::asks::*;
use crate::client_forms::alarms;
use crate::house::*;
use serde_json::Value;
use ward_seal::jwk::{Algorithm, JwkSet};
use ward_seal::jws::foreign::{Expected, Typ, verify};
use ward_smart::state::Client;
use ward_smart::{Answer, Cache, Endpoint};

pub async fn s39_s40_the_answer_has_its_members(house: House) {
    house.app(|_| ()).await;
    house.patient("p1", "Lovelace").await;
    let cookie = house.patient_account("p1").await;
    let code = house
        .code(&asked("launch/patient patient/*.read"), &cookie)
        .await;
    let answer = house.ask(Endpoint::Token, &redeem(&code)).await;
    assert!(matches!(
        &answer,
        Answer::Json {
            cache: Cache::Never,
            ..
        }
    ));
    let token = ok(answer);
    assert!(
        token["token_type"]
            .as_str()
            .unwrap()
            .eq_ignore_ascii_case("bearer")
    );
    assert!(token["expires_in"].as_i64().unwrap() <= 3600);
    // S65: version 1 asked is version 1 granted.
    assert_eq!(token["scope"], "launch/patient patient/*.read");
    assert_eq!(token["patient"], "p1");
    assert_eq!(token["need_patient_banner"], true);
    assert!(token["smart_style_url"].is_string());
    assert!(token.get("id_token").is_none() && token.get("refresh_token").is_none());
    let said = claims(&token["access_token"]);
    assert_eq!(
        (said["iss"].as_str(), said["aud"].as_str()),
        (Some(ISSUER), Some(BASE))
    );
    assert_eq!(said["patient"], "p1");
    assert!(said["sid"].is_string() && said["grant"].is_string());
    assert!(house.is_good(&token, NOW_S).await);
    assert!(!house.is_good(&token, NOW_S + 3600).await);
}

pub async fn s27_a_code_used_twice_takes_everything_back(house: House) {
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    let code = house
        .code(&asked("openid user/*.rs offline_access"), &cookie)
        .await;
    let token = ok(house.ask(Endpoint::Token, &redeem(&code)).await);
    assert!(house.is_good(&token, NOW_S).await);
    let unknown = house.ask(Endpoint::Token, &redeem("no such code")).await;
    assert_eq!(refused(unknown), (400, "invalid_grant".into()));
    assert_eq!(alarms(&house), 0, "what never was is no theft");
    // Also long after its minute is over.
    let again = house
        .ask(Endpoint::Token, &redeem(&code).at(NOW_S + 900))
        .await;
    assert_eq!(refused(again), (400, "invalid_grant".into()));
    assert_eq!(alarms(&house), 1, "a theft is on record as one");
    assert!(!house.is_good(&token, NOW_S + 900).await);
    let refreshed = house
        .ask(Endpoint::Token, &refresh(&token).at(NOW_S + 900))
        .await;
    assert_eq!(refused(refreshed), (400, "invalid_grant".into()));
}

pub async fn s26_a_code_lives_a_minute(house: House) {
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    let code = house.code(&asked("openid"), &cookie).await;
    let late = house
        .ask(Endpoint::Token, &redeem(&code).at(NOW_S + 60))
        .await;
    assert_eq!(refused(late).1, "invalid_grant");
    assert!(
        ok(house
            .ask(Endpoint::Token, &redeem(&code).at(NOW_S + 59))
            .await)["access_token"]
            .is_string()
    );
}

pub async fn s26_two_at_once_get_one_token(house: House) {
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    let code = house.code(&asked("openid"), &cookie).await;
    let ask = redeem(&code);
    let asks = || house.ask(Endpoint::Token, &ask);
    let answers = tokio::join!(asks(), asks(), asks(), asks());
    let answers = [answers.0, answers.1, answers.2, answers.3];
    let good = answers
        .iter()
        .filter(|answer| answer.status() == 200)
        .count();
    assert!(good <= 1, "{answers:?}");
    let good = answers.into_iter().find(|answer| answer.status() == 200);
    if let Some(good) = good {
        assert!(
            !house.is_good(&ok(good), NOW_S).await,
            "the others took it back"
        );
    }
}

pub async fn s41_the_verifier_must_fit(house: House) {
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    let request = asked("openid");
    let challenge = &request
        .pairs
        .iter()
        .find(|(n, _)| n == "code_challenge")
        .unwrap()
        .1;
    for verifier in [
        None,
        Some(""),
        Some("wrong-but-long-enough-0123456789-0123456789-01"),
        Some(challenge.as_str()),
    ] {
        let code = house.code(&request, &cookie).await;
        let ask = match verifier {
            None => redeem(&code).without("code_verifier"),
            Some(verifier) => redeem(&code).with("code_verifier", verifier),
        };
        assert_eq!(
            refused(house.ask(Endpoint::Token, &ask).await),
            (400, "invalid_grant".into())
        );
    }
}

pub async fn s42_s43_s44_a_code_is_its_clients_own(house: House) {
    house.app(|_| ()).await;
    house.app(|client| client.client_id = "other".into()).await;
    let cookie = house.clinician().await;
    let bad = house.ask(Endpoint::Token, &redeem("no such code")).await;
    assert_eq!(refused(bad), (400, "invalid_grant".into()));
    let code = house.code(&asked("openid"), &cookie).await;
    let unknown = redeem(&code).with("client_id", "nobody");
    assert_eq!(
        refused(house.ask(Endpoint::Token, &unknown).await),
        (401, "invalid_client".into())
    );
    for uri in ["https://app.example/other", ""] {
        let ask = redeem(&code).with("redirect_uri", uri);
        assert_eq!(
            refused(house.ask(Endpoint::Token, &ask).await).1,
            "invalid_grant"
        );
    }
    let stolen = redeem(&code).with("client_id", "other");
    assert_eq!(
        refused(house.ask(Endpoint::Token, &stolen).await).1,
        "invalid_grant"
    );
    let burnt = house.ask(Endpoint::Token, &redeem(&code)).await;
    assert_eq!(refused(burnt).1, "invalid_grant");
}

pub async fn s45_s46_s47_clients_prove_themselves_as_registered(house: House) {
    let cookie = house.clinician().await;
    house.app(|_| ()).await;
    let code = house.code(&asked("openid"), &cookie).await;
    let assertion = redeem(&code).with("client_assertion", "a.b.c").with(
        "client_assertion_type",
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    );
    for too_much in [
        redeem(&code).with("client_secret", "x"),
        redeem(&code).basic("app", "x"),
        assertion,
    ] {
        assert_eq!(
            refused(house.ask(Endpoint::Token, &too_much).await),
            (401, "invalid_client".into())
        );
    }
    let secret = "a secret: +%";
    house.confidential(secret).await;
    let coded = "a%20secret%3A+%2B%25";
    for good in [
        redeem(&code).basic("app", coded),
        redeem(&house.code(&asked("openid"), &cookie).await).with("client_secret", secret),
    ] {
        assert!(ok(house.ask(Endpoint::Token, &good).await)["access_token"].is_string());
    }
    let code = house.code(&asked("openid"), &cookie).await;
    let wrong = house
        .ask(Endpoint::Token, &redeem(&code).basic("app", "wrong"))
        .await;
    assert_eq!(
        header(&wrong, "WWW-Authenticate").as_deref(),
        Some("Basic realm=\"ward\"")
    );
    assert_eq!(refused(wrong), (401, "invalid_client".into()));
    let nothing = house.ask(Endpoint::Token, &redeem(&code)).await;
    assert_eq!(refused(nothing), (401, "invalid_client".into()));
    let both = redeem(&code)
        .basic("app", coded)
        .with("client_secret", secret);
    assert_eq!(
        refused(house.ask(Endpoint::Token, &both).await),
        (400, "invalid_request".into())
    );
    let other = redeem(&code).basic("somebody", coded);
    assert_eq!(
        refused(house.ask(Endpoint::Token, &other).await).1,
        "invalid_request"
    );
}

pub async fn s48_s51_s63_malformed_requests_are_told_why(house: House) {
    house.app(|_| ()).await;
    let ask = redeem("x");
    for (spoilt, expected) in [
        (ask.clone().without("grant_type"), "invalid_request"),
        (
            ask.clone().with("grant_type", "password"),
            "unsupported_grant_type",
        ),
        (
            ask.clone().with("grant_type", "urn:x"),
            "unsupported_grant_type",
        ),
        (
            ask.clone().with("client_assertion_type", "urn:wrong"),
            "invalid_request",
        ),
        (ask.clone().authorization("Basic ???"), "invalid_request"),
    ] {
        assert_eq!(
            refused(house.ask(Endpoint::Token, &spoilt).await),
            (400, expected.into())
        );
    }
    let mut twice = ask.clone();
    twice.pairs.push(("code".into(), "y".into()));
    assert_eq!(
        refused(house.ask(Endpoint::Token, &twice).await),
        (400, "invalid_request".into())
    );
    let unknown = ask.with("something", "else");
    assert_eq!(
        refused(house.ask(Endpoint::Token, &unknown).await).1,
        "invalid_grant",
        "ignored"
    );
}

pub async fn s49_a_long_scope_leaves_the_token_short(house: House) {
    house.app(|_| ()).await;
    house.patient("p1", "Lovelace").await;
    let cookie = house.patient_account("p1").await;
    let long: Vec<String> = (0..60)
        .map(|n| format!("patient/Observation.rs?category=http://example.org/categories|{n}"))
        .collect();
    let token = house
        .tokens(
            &asked(&format!("launch/patient {}", long.join(" "))),
            &cookie,
        )
        .await;
    assert!(token["access_token"].as_str().unwrap().len() < 4096);
    assert_eq!(token["scope"].as_str().unwrap().split(' ').count(), 61);
    assert!(house.is_good(&token, NOW_S).await);
    if let Some(other) = house.another().await {
        assert!(holds(&other, &token, NOW_S).await);
    }
}

/// Nothing that opens anything is in a record, whatever is sent.
pub async fn s50_no_secret_is_recorded(house: House) {
    house.confidential("canary-secret").await;
    let cookie = house.clinician().await;
    let code = house
        .code(
            &asked("openid user/*.rs offline_access").with("nonce", "canary-nonce"),
            &cookie,
        )
        .await;
    let token = ok(house
        .ask(
            Endpoint::Token,
            &redeem(&code).with("client_secret", "canary-secret"),
        )
        .await);
    let mut secrets = vec!["canary".to_owned(), code, cookie, VERIFIER.to_owned()];
    for name in ["access_token", "refresh_token", "id_token"] {
        secrets.push(token[name].as_str().unwrap().to_owned());
    }
    let records = house.engine.log().records_from(0, 1000).unwrap();
    assert!(records.len() > 3);
    let text = format!("{records:?}");
    assert!(text.contains("authorize") && text.contains("token") && text.contains("approve"));
    for secret in secrets {
        assert!(!text.contains(&secret));
    }
}

pub async fn s87_s88_s89_the_id_token_tells_who_the_user_is(house: House) {
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    let token = house
        .tokens(
            &asked("openid fhirUser user/*.rs").with("nonce", "n-1"),
            &cookie,
        )
        .await;
    let set = ok(house.ask(Endpoint::Jwks, &Ask::get("")).await).to_string();
    let set = JwkSet::parse(set.as_bytes()).unwrap();
    let text = token["id_token"].as_str().unwrap();
    let kid = ward_seal::jws::foreign::unverified_header(text)
        .unwrap()
        .kid
        .unwrap();
    let key = set.find(Some(&kid), Algorithm::Rs256).unwrap();
    let expected = Expected {
        typ: Typ::Is("JWT"),
        algorithms: &[Algorithm::Rs256],
        jku: None,
    };
    let said: Value = serde_json::from_slice(&verify(key, &expected, text).unwrap()).unwrap();
    assert_eq!(said["iss"], ISSUER);
    assert_eq!(said["aud"], "app");
    assert_eq!(said["nonce"], "n-1");
    assert_eq!(said["fhirUser"], format!("{BASE}/Practitioner/doctor"));
    assert_eq!(said["auth_time"], NOW_S);
    assert!(said["sub"].as_str().unwrap().len() <= 255);
    assert_eq!(said["sub"], claims(&token["access_token"])["sub"]);
    assert!(said["exp"].as_i64().unwrap() > NOW_S);
    let hash = ward_seal::hash::sha256(token["access_token"].as_str().unwrap().as_bytes());
    assert_eq!(said["at_hash"], ward_seal::base64url(&hash[..16]));
    // X54: it opens nothing.
    assert!(
        !house
            .is_good(&serde_json::json!({ "access_token": text }), NOW_S)
            .await
    );
    let without = house.tokens(&asked("openid user/*.rs"), &cookie).await;
    assert!(claims(&without["id_token"]).get("fhirUser").is_none());
    let _: Client = house.held("app", NOW_S).await.unwrap();
}
