use crate::answers::*;
use crate::asks::*;
use crate::house::*;
use ward_smart::state::{Changes, Grant, commit};
use ward_smart::{Answer, Endpoint, Page};

pub async fn s101_a_person_sees_and_ends_what_apps_may_do(house: House) {
    house.app(|_| ()).await;
    house.patient("p1", "Lovelace").await;
    let cookie = house.patient_account("p1").await;
    let asked = asked("openid launch/patient patient/Observation.rs offline_access");
    let page = house.authorize(&asked, &cookie).await;
    let answer = house
        .approve_page(page, &cookie, NOW_S, |s| !s.contains('?'))
        .await;
    let token = ok(house.ask(Endpoint::Token, &redeem(&code(&answer))).await);
    let nobody = house.ask(Endpoint::Apps, &Ask::get("")).await;
    assert!(matches!(&nobody, Answer::Redirect { to, .. } if to.starts_with("/auth/sign-in")));
    let get = Ask::get("").cookie(&cookie);
    let Page::Apps(page) = shown(house.ask(Endpoint::Apps, &get).await) else {
        panic!("no page of apps")
    };
    let [app] = page.apps.as_slice() else {
        panic!("{:?}", page.apps)
    };
    assert_eq!(app.name, "My Health");
    assert!(app.offline);
    assert!(app.last_used.is_some());
    assert_eq!(app.patient.as_deref(), Some("Ada Lovelace"));
    assert!(
        app.may
            .iter()
            .any(|words| words.starts_with("See your laboratory results"))
    );
    // Somebody else has nothing to see and nothing to end.
    let doctor = house.clinician().await;
    let other = Ask::get("").cookie(&doctor);
    let Page::Apps(empty) = shown(house.ask(Endpoint::Apps, &other).await) else {
        panic!("no page of apps")
    };
    assert!(empty.apps.is_empty());
    let end = |form: &ward_smart::page::Form, cookie: &str| {
        Ask::post(&[
            ("csrf", &form.csrf),
            ("grant", "app"),
            ("decision", "revoke"),
        ])
        .cookie(cookie)
    };
    house.ask(Endpoint::Apps, &end(&empty.form, &doctor)).await;
    assert!(house.is_good(&token, NOW_S).await);
    let forged = end(&empty.form, &cookie);
    assert_eq!(house.ask(Endpoint::Apps, &forged).await.status(), 400);
    let ended = house.ask(Endpoint::Apps, &end(&page.form, &cookie)).await;
    let Page::Apps(after) = shown(ended) else {
        panic!("no page of apps")
    };
    assert!(after.apps.is_empty() && after.notice.is_some());
    assert!(!house.is_good(&token, NOW_S).await);
    let answer = house.ask(Endpoint::Token, &refresh(&token)).await;
    assert_eq!(refused(answer), (400, "invalid_grant".into()));
}

/// However many grants there are, stopping an app stops the youngest too.
pub async fn s101_stopping_an_app_leaves_none_of_many_grants(house: House) {
    house.app(|_| ()).await;
    let cookie = house.clinician().await;
    let asked = asked("openid user/Observation.rs offline_access");
    let first = house.tokens(&asked, &cookie).await;
    let of = claims(&first["access_token"])["grant"]
        .as_str()
        .unwrap()
        .to_owned();
    let grant: Grant = house.held(&of, NOW_S).await.unwrap();
    for hundred in 0..6 {
        let more = (0..100).fold(Changes::new(), |changes, n| {
            changes.insert(&Grant {
                id: format!("{hundred}-{n}"),
                last_used_s: Some(NOW_S - 1_000 + n),
                client_id: if hundred == 5 { "app" } else { "other" }.into(),
                ..grant.clone()
            })
        });
        commit(house.engine.store(), more, NOW_S).await.unwrap();
    }
    let last = house.tokens(&asked.at(NOW_S + 1), &cookie).await;
    assert!(
        house.held::<Grant>("5-0", NOW_S).await.is_none(),
        "of a hundred the one that was used longest ago made room"
    );
    assert!(house.held::<Grant>("5-99", NOW_S).await.is_some());
    assert!(house.is_good(&first, NOW_S + 1).await);
    let get = Ask::get("").cookie(&cookie);
    let Page::Apps(page) = shown(house.ask(Endpoint::Apps, &get).await) else {
        panic!("no page of apps")
    };
    let names: Vec<&str> = page.apps.iter().map(|app| app.grant.as_str()).collect();
    assert!(
        names.contains(&"app") && names.contains(&"other"),
        "{names:?}"
    );
    let end = Ask::post(&[("csrf", &page.form.csrf), ("grant", "app")]).cookie(&cookie);
    house.ask(Endpoint::Apps, &end).await;
    for token in [&first, &last] {
        assert!(!house.is_good(token, NOW_S + 1).await);
        let answer = house
            .ask(Endpoint::Token, &refresh(token).at(NOW_S + 1))
            .await;
        assert_eq!(refused(answer), (400, "invalid_grant".into()));
    }
    assert!(
        house.held::<Grant>("4-99", NOW_S).await.is_some(),
        "another app's"
    );
    for n in 0..100 {
        assert!(
            house
                .held::<Grant>(&format!("5-{n}"), NOW_S)
                .await
                .is_none()
        );
    }
}
