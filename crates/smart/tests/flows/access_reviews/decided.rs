//! What revoking does.

use super::*;
use serde_json::Value;
use ward_smart::page::ReviewItemRow;
use ward_smart::state::{Client, Decision, Effect};

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

/// Row of an item on the first page of a review, as somebody sees it.
async fn row(house: &House, cookie: &str, review: &str, n: &str) -> ReviewItemRow {
    let get = Ask::get(&format!("review={review}")).cookie(cookie);
    let page = one(house.ask(Endpoint::AccessReviews, &get).await);
    let mut rows = page.items.into_iter();
    rows.find(|row| row.n == n).expect("a row")
}

pub async fn c14_what_is_kept_can_be_revoked_until_the_deadline(house: House) {
    let (boss, officer) = two(&house).await;
    house.confidential("secret").await;
    let glass = OpenedGlass {
        task: "t1".into(),
        declared_s: NOW_S - 10,
        ..OpenedGlass::default()
    };
    house.keep(&glass).await;
    let kinds = [
        ("kind", "account"),
        ("kind", "client"),
        ("kind", "break-glass"),
    ];
    let (id, page) = open(&house, &boss, &kinds).await;
    let client = number(&house, &id, GrantKind::Client, "app").await;
    let emergency = number(&house, &id, GrantKind::BreakGlass, "t1").await;
    let both = [client.as_str(), emergency.as_str()];
    let kept = one(decide(&house, &boss, &page.form, "keep", &both).await);
    assert_eq!(kept.notice.as_deref(), Some("2 items are kept."));
    let shown = row(&house, &officer, &id, &client).await;
    assert!(shown.may_choose && !shown.waits && shown.again.is_none());
    let looked_at = row(&house, &officer, &id, &emergency).await;
    assert!(!looked_at.may_choose, "there is nothing to revoke");
    // Kept once is kept; what cannot be revoked is not.
    let officers = officers_form(&house, &officer, &id).await;
    for (decision, n) in [("keep", &client), ("revoke", &emergency)] {
        let again = decide(&house, &officer, &officers, decision, &[n]).await;
        assert_eq!(again.status(), 400, "{decision}");
    }
    // Of two who revoke it at once one does.
    let (boss_form, both_ask) = (page.form, [client.as_str()]);
    let (one_answer, other_answer) = tokio::join!(
        decide(&house, &boss, &boss_form, "revoke", &both_ask),
        decide(&house, &officer, &officers, "revoke", &both_ask),
    );
    let mut statuses = [one_answer.status(), other_answer.status()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    let stopped: Client = house.held("app", NOW_S).await.unwrap();
    assert_eq!(stopped.state, ClientState::Suspended);
    let by_secret = redeem("x").basic("app", "secret");
    let answer = house.ask(Endpoint::Token, &by_secret).await;
    assert_eq!(refused(answer), (401, "invalid_client".into()));
    // A review gives nothing back, whatever else is chosen, and says how it is given again.
    let account = number(&house, &id, GrantKind::Account, "officer").await;
    let back = decide(&house, &boss, &boss_form, "keep", &[&client, &account]).await;
    assert_eq!(back.status(), 400);
    let error = one(back).error.unwrap();
    assert!(error.contains("what is revoked stays so"), "{error}");
    let shown = row(&house, &boss, &id, &client).await;
    assert!(!shown.may_choose && shown.state.starts_with("revoked by "));
    let before = shown.before.unwrap();
    assert!(before.starts_with("before: kept by boss"), "{before}");
    assert_eq!(
        shown.again.as_deref(),
        Some("To give it again: resume the client at Clients.")
    );
    // Each is on record, the change with what it was.
    let items = items(&house, &id).await;
    let undecided = items.iter().filter(|item| item.decided.is_none()).count();
    assert_eq!(undecided, items.len() - 2);
    let item = items.iter().find(|item| item.of == "app").unwrap();
    let decided = item.decided.clone().unwrap();
    let from = decided.from.unwrap();
    assert_eq!(
        (decided.decision, decided.effect),
        (Decision::Revoke, Effect::Done)
    );
    assert_eq!(
        (from.decision, from.by.as_str(), from.from),
        (Decision::Keep, "boss", None)
    );
    assert_eq!((told(&house, "keep"), told(&house, "revoke")), (2, 1));
    let records = records(&house);
    let revoked = records
        .iter()
        .find(|r| r.detail.subtype == "revoke")
        .unwrap();
    let told = "kind=client&of=app&from=keep&effect=done";
    assert!(revoked.query.ends_with(told), "{revoked:?}");
}

pub async fn c14_at_the_deadline_what_was_kept_stays(house: House) {
    let (boss, _) = two(&house).await;
    house.confidential("secret").await;
    let (id, page) = open(&house, &boss, &[("kind", "client")]).await;
    let client = number(&house, &id, GrantKind::Client, "app").await;
    decide(&house, &boss, &page.form, "keep", &[&client]).await;
    tend(&house.server, DEADLINE_S).await;
    let late = Ask::post(&[
        ("csrf", page.form.csrf.as_str()),
        ("decision", "revoke"),
        ("item", &client),
        ("reason", "left in October"),
    ]);
    let late = late.query(&page.form.action).cookie(&boss);
    assert_eq!(
        house.ask(Endpoint::AccessReviews, &late).await.status(),
        400
    );
    let kept: Client = house.held("app", NOW_S).await.unwrap();
    assert_eq!(kept.state, ClientState::Active);
    let items = items(&house, &id).await;
    assert!(
        items
            .iter()
            .all(|item| item.decided.as_ref().is_some_and(|d| d.from.is_none()))
    );
}
