use crate::answers::*;
use crate::asks::*;
use crate::client_forms::alarms;
use crate::house::*;
use serde_json::Value;
use ward_smart::state::{Account, Changes, SessionRow, commit, digest};
use ward_smart::{Endpoint, state};

const OFFLINE: &str = "openid user/*.rs offline_access";
const DAY_S: i64 = 24 * 3600;

async fn refreshed(house: &House, token: &Value, now_s: i64) -> Value {
    ok(house.ask(Endpoint::Token, &refresh(token).at(now_s)).await)
}

async fn fails(house: &House, token: &Value, now_s: i64) {
    house.server.watch(now_s).await.unwrap();
    let answer = house.ask(Endpoint::Token, &refresh(token).at(now_s)).await;
    assert_eq!(refused(answer), (400, "invalid_grant".into()));
}

/// S95: the app is public.
pub async fn s90_offline_access_lives_for_months(house: House) {
    house.app(|client| client.native = true).await;
    let cookie = house.clinician().await;
    let mut token = house.tokens(&asked(OFFLINE), &cookie).await;
    let mut now_s = NOW_S;
    for _ in 0..3 {
        now_s += 95 * DAY_S;
        token = refreshed(&house, &token, now_s).await;
        house.server.watch(now_s).await.unwrap();
        assert!(house.is_good(&token, now_s).await);
        assert!(
            claims(&token["access_token"]).get("sid").is_none(),
            "no session ends it"
        );
    }
    fails(&house, &token, now_s + 181 * DAY_S).await;
}

pub async fn s90_online_access_dies_with_the_session(house: House) {
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    let token = house
        .tokens(&asked("openid user/*.rs online_access"), &cookie)
        .await;
    let token = refreshed(&house, &token, NOW_S + 3600).await;
    let changes = Changes::new().forget::<SessionRow>(&digest(&cookie));
    commit(house.engine.store(), changes, NOW_S).await.unwrap();
    fails(&house, &token, NOW_S + 3700).await;
}

pub async fn s91_scope_can_shrink_and_not_grow(house: House) {
    house.app(|_| ()).await;
    house.patient("p1", "Lovelace").await;
    let cookie = house.patient_account("p1").await;
    let asked = asked("launch/patient patient/Observation.rs patient/Patient.rs offline_access");
    let token = house.tokens(&asked, &cookie).await;
    let same = refreshed(&house, &token, NOW_S + 1).await;
    assert_eq!(same["scope"], token["scope"]);
    assert_eq!(same["patient"], "p1", "the context is there again");
    let less = refresh(&same).with("scope", "patient/Observation.r");
    let less = ok(house.ask(Endpoint::Token, &less).await);
    assert_eq!(less["scope"], "patient/Observation.r");
    for more in [
        "patient/Observation.cruds",
        "patient/*.rs",
        "openid",
        "user/Patient.rs",
        "patient/Observation.rs x",
    ] {
        let answer = house
            .ask(Endpoint::Token, &refresh(&less).with("scope", more))
            .await;
        assert_eq!(refused(answer), (400, "invalid_scope".into()), "{more}");
    }
    let whole = refreshed(&house, &less, NOW_S + 2).await;
    assert_eq!(
        whole["scope"], token["scope"],
        "what was agreed to is not lost"
    );
}

pub async fn s92_a_used_token_ends_the_family(house: House) {
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    let first = house.tokens(&asked(OFFLINE), &cookie).await;
    let second = refreshed(&house, &first, NOW_S + 10).await;
    let third = refreshed(&house, &second, NOW_S + 20).await;
    assert!(house.is_good(&third, NOW_S + 20).await);
    assert_eq!(alarms(&house), 0, "so far all is as it should be");
    fails(&house, &first, NOW_S + 25).await;
    assert_eq!(alarms(&house), 1, "a theft is on record as one");
    assert!(!house.is_good(&third, NOW_S + 25).await);
    fails(&house, &third, NOW_S + 30).await;
}

pub async fn s92_x58_of_two_at_once_one_wins_and_the_family_ends(house: House) {
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    let token = house.tokens(&asked(OFFLINE), &cookie).await;
    let ask = refresh(&token);
    let (one, two) = tokio::join!(
        house.ask(Endpoint::Token, &ask),
        house.ask(Endpoint::Token, &ask)
    );
    let statuses = [one.status(), two.status()];
    assert!(
        statuses.contains(&400) && statuses.iter().all(|s| [200, 400].contains(s)),
        "{statuses:?}"
    );
    for answer in [one, two]
        .into_iter()
        .filter(|answer| answer.status() == 200)
    {
        let new = ok(answer);
        assert!(!house.is_good(&new, NOW_S).await);
        fails(&house, &new, NOW_S + 1).await;
    }
}

pub async fn s93_a_refresh_token_is_its_clients_own(house: House) {
    house.app(|_| ()).await;
    house.app(|client| client.client_id = "other".into()).await;
    let cookie = house.clinician().await;
    let token = house.tokens(&asked(OFFLINE), &cookie).await;
    let other = refresh(&token).with("client_id", "other");
    assert_eq!(
        refused(house.ask(Endpoint::Token, &other).await).1,
        "invalid_grant"
    );
    let unknown = refresh(&token).with("refresh_token", "unknown");
    assert_eq!(
        refused(house.ask(Endpoint::Token, &unknown).await),
        (400, "invalid_grant".into())
    );
    let access = token["access_token"].as_str().unwrap();
    let access = refresh(&token).with("refresh_token", access);
    assert_eq!(
        refused(house.ask(Endpoint::Token, &access).await).1,
        "invalid_grant"
    );
    refreshed(&house, &token, NOW_S).await;
}

/// Nothing is proved by a name that everybody may know; the token is its own client's all the same.
pub async fn s93_a_public_client_need_not_name_itself(house: House) {
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    let token = house.tokens(&asked(OFFLINE), &cookie).await;
    let unnamed = |token: &Value| refresh(token).without("client_id");
    let next = ok(house.ask(Endpoint::Token, &unnamed(&token)).await);
    assert!(house.is_good(&next, NOW_S).await);
    let unknown = unnamed(&next).with("refresh_token", "unknown");
    assert_eq!(
        refused(house.ask(Endpoint::Token, &unknown).await),
        (400, "invalid_grant".into())
    );
    // The first one comes again: it was stolen, and the family ends.
    let again = house.ask(Endpoint::Token, &unnamed(&token)).await;
    assert_eq!(refused(again), (400, "invalid_grant".into()));
    fails(&house, &next, NOW_S).await;
    // A client that has a proof must show it, whoever has its token.
    house.confidential("secret").await;
    let redeem = |code: &str| redeem(code).basic("app", "secret").without("client_id");
    let approved = house.approve(&asked(OFFLINE), &cookie).await;
    let token = ok(house.ask(Endpoint::Token, &redeem(&code(&approved))).await);
    let answer = house.ask(Endpoint::Token, &unnamed(&token)).await;
    assert_eq!(refused(answer), (401, "invalid_client".into()));
    let proved = unnamed(&token).basic("app", "secret");
    ok(house.ask(Endpoint::Token, &proved).await);
}

pub async fn s94_who_is_no_longer_who_they_were_gets_nothing(house: House) {
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    let account: Account = house.held("doctor", NOW_S).await.unwrap();
    let token = house.tokens(&asked(OFFLINE), &cookie).await;
    for gone in [
        Account {
            closed: true,
            ..account.clone()
        },
        Account {
            roles: Vec::new(),
            ..account.clone()
        },
        Account {
            fhir_user: Some("Practitioner/other".into()),
            ..account.clone()
        },
    ] {
        house.keep(&gone).await;
        fails(&house, &token, NOW_S + 1).await;
    }
    house.keep(&account).await;
    house
        .app(|client| client.state = state::ClientState::Suspended)
        .await;
    let suspended = house.ask(Endpoint::Token, &refresh(&token)).await;
    assert_eq!(refused(suspended), (401, "invalid_client".into()));
    // What the client may have was cut since: no more of it is given.
    house
        .app(|client| client.scope = "openid offline_access user/Patient.rs".into())
        .await;
    assert_eq!(
        refreshed(&house, &token, NOW_S + 2).await["scope"],
        "openid offline_access"
    );
}
