//! What revoking does.

use super::*;
use serde_json::Value;
use ward_smart::state::Client;

pub async fn c14_what_is_revoked_ends_at_once(house: House) {
    let (boss, officer) = two(&house).await;
    house.confidential("secret").await;
    house.app(|client| client.client_id = "system".into()).await;
    let doctor = person(&house, "doctor", &["physician", "nurse"]).await;
    let asked = asked("openid user/Observation.rs offline_access");
    house.confidential("secret").await;
    let public = house.app(|client| client.client_id = "public".into()).await;
    let with = asked.clone().with("client_id", &public.client_id);
    let code = house.code(&with, &doctor).await;
    let redeemed = redeem(&code).with("client_id", "public");
    let token = ok(house.ask(Endpoint::Token, &redeemed).await);
    let grant = claims(&token["access_token"])["grant"]
        .as_str()
        .unwrap()
        .to_owned();
    house
        .put(json!({ "resourceType": "PractitionerRole", "id": "r1", "practitioner": { "display": "x" } }))
        .await;
    let (id, page) = open(&house, &boss, &KINDS).await;
    assert!(house.is_good(&token, NOW_S).await);

    // Nobody decides about their own.
    let own = number(&house, &id, GrantKind::Account, "boss").await;
    let other = number(&house, &id, GrantKind::Client, "system").await;
    let refused_own = decide(&house, &boss, &page.form, "keep", &[&other, &own]).await;
    assert_eq!(refused_own.status(), 403);
    let last = records(&house).pop().unwrap();
    assert_eq!((last.status, last.detail.subtype.as_str()), (403, "decide"));
    assert!(
        items(&house, &id)
            .await
            .iter()
            .all(|item| item.decided.is_none())
    );
    // A refresh token dies with its grant, and so do its access tokens.
    let n = number(&house, &id, GrantKind::Grant, &grant).await;
    let after = one(decide(&house, &boss, &page.form, "revoke", &[&n]).await);
    assert_eq!(after.notice.as_deref(), Some("1 item is revoked."));
    assert!(!house.is_good(&token, NOW_S).await);
    let refreshing = refresh(&token).with("client_id", "public");
    let answer = house.ask(Endpoint::Token, &refreshing).await;
    assert_eq!(refused(answer), (400, "invalid_grant".into()));
    // Once is enough.
    let again = decide(&house, &boss, &page.form, "keep", &[&n]).await;
    assert_eq!(again.status(), 400);
    // A client is stopped.
    let n = number(&house, &id, GrantKind::Client, "app").await;
    let form = officers_form(&house, &officer, &id).await;
    let after = one(decide(&house, &officer, &form, "revoke", &[&n]).await);
    assert!(after.notice.is_some() && after.error.is_none());
    let stopped: Client = house.held("app", NOW_S).await.unwrap();
    assert_eq!(stopped.state, ClientState::Suspended);
    let answer = house
        .ask(Endpoint::Token, &redeem("x").basic("app", "secret"))
        .await;
    assert_eq!(refused(answer), (401, "invalid_client".into()));
    // One role of two goes, then the rest with the account; sessions end.
    let of_role = |items: &[ReviewItem], role: &str| {
        let is_role = |item: &&ReviewItem| item.role.as_deref() == Some(role);
        items.iter().find(is_role).unwrap().n.to_string()
    };
    let all = items(&house, &id).await;
    let n = of_role(&all, "nurse");
    decide(&house, &boss, &page.form, "revoke", &[&n]).await;
    let left: Account = house.held("doctor", NOW_S).await.unwrap();
    assert_eq!(
        (left.roles, left.closed),
        (vec!["physician".to_owned()], false)
    );
    let sessions = Ask::get("").cookie(&doctor);
    let gone = house.ask(Endpoint::Sessions, &sessions).await;
    assert!(matches!(gone, Answer::Redirect { .. }), "{gone:?}");
    let n = of_role(&all, "physician");
    decide(&house, &boss, &page.form, "revoke", &[&n]).await;
    let left: Account = house.held("doctor", NOW_S).await.unwrap();
    assert!(left.closed && left.roles.is_empty());
    // The rota.
    let n = number(&house, &id, GrantKind::PractitionerRole, "r1").await;
    decide(&house, &boss, &page.form, "revoke", &[&n]).await;
    let found = house.search_privacy("PractitionerRole?active=false").await;
    let mut found = found["entry"].as_array().unwrap().iter();
    let ended = |entry: &Value| entry["resource"]["id"] == "r1";
    assert!(found.any(ended));
    // What is kept stays; each decision is on record by itself.
    let n = number(&house, &id, GrantKind::Client, "system").await;
    decide(&house, &boss, &page.form, "keep", &[&n]).await;
    let kept: Client = house.held("system", NOW_S).await.unwrap();
    assert_eq!(kept.state, ClientState::Active);
    assert_eq!((told(&house, "keep"), told(&house, "revoke")), (1, 5));
    let records = records(&house);
    let of_boss = records.iter().find(|r| r.detail.subtype == "keep").unwrap();
    assert_eq!(of_boss.user, "Practitioner/boss");
    assert!(
        of_boss.query.ends_with("kind=client&of=system&effect=none"),
        "{of_boss:?}"
    );
}
