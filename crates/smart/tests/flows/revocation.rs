use crate::answers::*;
use crate::asks::*;
use crate::house::*;
use serde_json::{Value, json};
use ward_smart::state::{Changes, Client, Revocation, commit};
use ward_smart::{Endpoint, Secrets};

async fn patient_token(house: &House) -> Value {
    house.app(|_| ()).await;
    house.patient("p1", "Lovelace").await;
    let cookie = house.patient_account("p1").await;
    house
        .tokens(
            &asked("openid fhirUser launch/patient patient/*.rs offline_access"),
            &cookie,
        )
        .await
}

fn about(token: &Value) -> Ask {
    Ask::post(&[("client_id", "app"), ("token", token.as_str().unwrap())])
}

async fn introspected(house: &House, ask: &Ask) -> Value {
    ok(house.ask(Endpoint::Introspect, ask).await)
}

pub async fn s96_s97_a_token_is_told_to_its_client(house: House) {
    let token = patient_token(&house).await;
    let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
    let by_token = about(&token["access_token"])
        .without("client_id")
        .authorization(&bearer);
    for ask in [about(&token["access_token"]), by_token] {
        let said = introspected(&house, &ask).await;
        assert_eq!(said["active"], true);
        assert_eq!(said["scope"], token["scope"]);
        assert_eq!(said["client_id"], "app");
        assert_eq!(
            said["exp"].as_i64().unwrap(),
            NOW_S + token["expires_in"].as_i64().unwrap()
        );
        assert_eq!(said["patient"], token["patient"]);
        assert_eq!(said["iss"], ISSUER);
        assert_eq!(said["sub"], claims(&token["id_token"])["sub"]);
        assert_eq!(said["fhirUser"], claims(&token["id_token"])["fhirUser"]);
    }
}

pub async fn s98_s99_others_learn_nothing(house: House) {
    let token = patient_token(&house).await;
    let inactive = json!({ "active": false });
    for nothing in [
        json!("unknown"),
        token["refresh_token"].clone(),
        token["id_token"].clone(),
    ] {
        assert_eq!(introspected(&house, &about(&nothing)).await, inactive);
    }
    let expired = about(&token["access_token"]).at(NOW_S + 3600);
    house.server.watch(NOW_S + 3600).await.unwrap();
    assert_eq!(introspected(&house, &expired).await, inactive);
    let client: Client = house.held("app", NOW_S).await.unwrap();
    house
        .keep(&Client {
            client_id: "other".into(),
            ..client.clone()
        })
        .await;
    let other = about(&token["access_token"]).with("client_id", "other");
    assert_eq!(introspected(&house, &other).await, inactive);
    house
        .keep(&Client {
            client_id: "other".into(),
            may_introspect: true,
            ..client
        })
        .await;
    assert_eq!(introspected(&house, &other).await["active"], true);
    let nobody = about(&token["access_token"]).without("client_id");
    assert_eq!(
        refused(house.ask(Endpoint::Introspect, &nobody).await),
        (401, "invalid_client".into())
    );
    let bad = about(&token["access_token"]).authorization("Bearer nonsense");
    assert_eq!(
        refused(house.ask(Endpoint::Introspect, &bad).await),
        (401, "invalid_token".into())
    );
}

/// What a token that is known comes to and one that is not can be told by neither answer nor work: the same bytes after the same
/// statements. How long these take is the machine's.
pub async fn s99_known_and_unknown_are_not_told_apart(house: House) {
    let token = patient_token(&house).await;
    let again = patient_token(&house).await;
    let revoked = house
        .ask(Endpoint::Revoke, &about(&again["access_token"]))
        .await;
    assert_eq!(revoked.status(), 200);
    let client: Client = house.held("app", NOW_S).await.unwrap();
    let other = Client {
        client_id: "other".into(),
        ..client
    };
    house.keep(&other).await;
    let text = token["access_token"].as_str().unwrap();
    let signed = text.rsplit_once('.').unwrap().0;
    let forged = format!("{signed}.{}", ward_seal::base64url(&[7; 64]));
    let mut told: Vec<(String, u64)> = Vec::new();
    for (what, token) in [
        ("another client's", token["access_token"].clone()),
        ("revoked", again["access_token"].clone()),
        ("a refresh token", token["refresh_token"].clone()),
        ("an id_token", token["id_token"].clone()),
        ("forged", json!(forged)),
        ("unknown", json!("unknown")),
    ] {
        let ask = about(&token).with("client_id", "other");
        let before = house.engine.store().statements();
        let answer = house.ask(Endpoint::Introspect, &ask).await;
        let statements = house.engine.store().statements() - before;
        assert_eq!(ok(answer.clone()), json!({ "active": false }), "{what}");
        told.push((format!("{answer:?}"), statements));
        assert_eq!(told[0], told[told.len() - 1], "{what}");
    }
    // It was known all the time.
    assert_eq!(
        introspected(&house, &about(&token["access_token"])).await["active"],
        true
    );
}

pub async fn s100_revoked_is_revoked_everywhere(house: House) {
    let other = house.another().await;
    let token = patient_token(&house).await;
    let revoke = |token: &Value| about(token);
    for unknown in [json!("unknown"), token["id_token"].clone()] {
        assert_eq!(
            house
                .ask(Endpoint::Revoke, &revoke(&unknown))
                .await
                .status(),
            200
        );
    }
    // Another client gives back what is not its own: nothing happens.
    house.app(|client| client.client_id = "other".into()).await;
    for name in ["access_token", "refresh_token"] {
        let foreign = revoke(&token[name]).with("client_id", "other");
        assert_eq!(house.ask(Endpoint::Revoke, &foreign).await.status(), 200);
    }
    assert!(house.is_good(&token, NOW_S).await);
    if let Some(other) = &other {
        other.watch(NOW_S).await.unwrap();
        assert!(holds(other, &token, NOW_S).await);
    }
    // An access token alone: its refresh token goes on.
    assert_eq!(
        house
            .ask(Endpoint::Revoke, &revoke(&token["access_token"]))
            .await
            .status(),
        200
    );
    assert!(!house.is_good(&token, NOW_S).await);
    if let Some(other) = &other {
        other.watch(NOW_S).await.unwrap();
        assert!(!holds(other, &token, NOW_S).await);
    }
    assert_eq!(
        introspected(&house, &about(&token["access_token"])).await,
        json!({ "active": false })
    );
    let second = ok(house
        .ask(Endpoint::Token, &refresh(&token).at(NOW_S + 1))
        .await);
    assert!(house.is_good(&second, NOW_S + 1).await);
    // A refresh token: all that it refreshed goes with it.
    assert_eq!(
        house
            .ask(
                Endpoint::Revoke,
                &revoke(&second["refresh_token"]).at(NOW_S + 1)
            )
            .await
            .status(),
        200
    );
    assert!(!house.is_good(&second, NOW_S + 1).await);
    if let Some(other) = &other {
        other.watch(NOW_S + 1).await.unwrap();
        assert!(!holds(other, &second, NOW_S + 1).await);
    }
    let answer = house
        .ask(Endpoint::Token, &refresh(&second).at(NOW_S + 1))
        .await;
    assert_eq!(refused(answer), (400, "invalid_grant".into()));
}

pub async fn s102_a_revocation_survives_and_is_read_by_others(house: House) {
    let token = patient_token(&house).await;
    assert_eq!(
        house
            .ask(Endpoint::Revoke, &about(&token["access_token"]))
            .await
            .status(),
        200
    );
    // A node that starts later, on the same rows.
    let settings = ward_smart::Settings::for_base(BASE);
    let secrets = Secrets {
        forms: [1; 32],
        nonces: [2; 32],
    };
    let restarted = ward_smart::AuthorizationServer::open(
        house.engine.clone(),
        settings,
        secrets,
        ward_smart::fetch::Outgoing::all(house.shelf.clone()),
        NOW_S,
    )
    .await
    .unwrap();
    assert!(!holds(&restarted, &token, NOW_S).await);
    // A node that cannot look for half a minute lets nobody in.
    let fresh = patient_token(&house).await;
    assert!(holds(&house.server, &fresh, NOW_S + 30).await);
    let header = format!("Bearer {}", fresh["access_token"].as_str().unwrap());
    let credentials = ward_smart::Credentials {
        authorization: Some(&header),
        ..ward_smart::Credentials::default()
    };
    let refusal = house
        .server
        .authenticate(&credentials, NOW_S + 31)
        .await
        .unwrap_err();
    assert_eq!(refusal.error.status(), 503);
    house.server.watch(NOW_S + 31).await.unwrap();
    assert!(holds(&house.server, &fresh, NOW_S + 31).await);
}

/// A node whose clock runs ahead issues tokens from the future: they are void when they, their grant, their session, their client
/// or their user are.
pub async fn s100_a_clock_that_runs_ahead_saves_no_token(house: House) {
    const AHEAD_S: i64 = 30;
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    let online = asked("openid user/*.rs online_access").at(NOW_S + AHEAD_S);
    let by_itself = house.tokens(&online, &cookie).await;
    let by_grant = house.tokens(&online, &cookie).await;
    let by_session = house.tokens(&online, &cookie).await;
    for token in [&by_itself, &by_grant, &by_session] {
        assert!(house.is_good(token, NOW_S).await);
    }
    for (token, given) in [(&by_itself, "access_token"), (&by_grant, "refresh_token")] {
        let revoked = house.ask(Endpoint::Revoke, &about(&token[given])).await;
        assert_eq!(revoked.status(), 200);
        assert!(!house.is_good(token, NOW_S).await, "{given}");
    }
    assert!(house.is_good(&by_session, NOW_S).await);
    let out = Ask::post(&[]).cookie(&cookie);
    house.ask(Endpoint::SignOut, &out).await;
    assert!(!house.is_good(&by_session, NOW_S).await, "signed out");
    let cookie = house.clinician().await;
    let offline = asked("openid user/*.rs offline_access").at(NOW_S + AHEAD_S);
    let by_client = house.tokens(&offline, &cookie).await;
    crate::registry::decide(
        &house,
        &crate::registry::administrator(&house).await,
        "app",
        "suspend",
    )
    .await;
    assert!(!house.is_good(&by_client, NOW_S).await);
    // And for whoever reads the rows.
    if let Some(other) = house.another().await {
        for token in [&by_itself, &by_grant, &by_session, &by_client] {
            assert!(!holds(&other, token, NOW_S).await);
        }
    }
}

/// A client that mints and gives back without end keeps nobody from stopping it.
pub async fn at17a_a_full_list_of_tokens_leaves_the_kill_switch(house: House) {
    let token = patient_token(&house).await;
    let revocations = house.server.tokens().revocations();
    for n in 0..ward_smart::revocations::REVOCATIONS_MAX {
        revocations.note(&Revocation::of_token(&n.to_string(), NOW_S + 300, NOW_S));
    }
    let given = house
        .ask(Endpoint::Revoke, &about(&token["access_token"]))
        .await;
    assert_eq!(
        given.status(),
        503,
        "no room for tokens that are given back"
    );
    assert!(house.is_good(&token, NOW_S).await);
    let admin = crate::registry::administrator(&house).await;
    crate::registry::decide(&house, &admin, "app", "suspend").await;
    assert!(!house.is_good(&token, NOW_S).await);
    // Tokens of backend services live for minutes, and so do their revocations.
    let later_s = NOW_S + 600;
    let another = Revocation::new("sid:any".into(), later_s);
    let changes = Changes::new().insert(&another).announced();
    commit(house.engine.store(), changes, later_s)
        .await
        .unwrap();
    house.server.watch(later_s).await.unwrap();
    assert!(!house.server.tokens().revocations().is_full("jti:new"));
}
