//! Sessions at shared computers and at one's own: how they end, and what ends with them.

use crate::answers::*;
use crate::asks::*;
use crate::browser::*;
use crate::house::*;
use ward_seal::totp;
use ward_smart::{Endpoint, Page};

pub async fn at5a_a_shared_computer_has_one_person_at_a_time(house: House) {
    house.app(|_| ()).await;
    let (first, _) = enrolled(&house, "okafor").await;
    let (second, _) = enrolled(&house, "brandt").await;
    let mut a = Browser::new(&house);
    a.sign_in("okafor", &first, Some("ward-3")).await;
    let online = house
        .tokens(
            &asked("openid user/Observation.rs online_access"),
            &a.cookie,
        )
        .await;
    let offline = house
        .tokens(
            &asked("openid user/Observation.rs offline_access"),
            &a.cookie,
        )
        .await;
    assert!(house.is_good(&online, NOW_S).await);
    // B comes to the same computer with a browser that knows nothing of A.
    let mut b = Browser::new(&house);
    b.now_s += 60;
    b.sign_in("brandt", &second, Some("ward-3")).await;
    let now_s = b.now_s;
    a.now_s = now_s;
    assert!(!a.is_signed_in().await);
    assert!(
        !house.is_good(&online, now_s).await,
        "what A's app holds is void"
    );
    let answer = house
        .ask(Endpoint::Token, &refresh(&online).at(now_s))
        .await;
    assert_eq!(refused(answer), (400, "invalid_grant".into()));
    ok(house
        .ask(Endpoint::Token, &refresh(&offline).at(now_s))
        .await);
    // In another room somebody else goes on.
    let mut elsewhere = Browser::new(&house);
    elsewhere.now_s += 120;
    elsewhere.sign_in("okafor", &first, Some("ward-4")).await;
    assert!(b.is_signed_in().await);
}

pub async fn at5c_who_is_away_is_signed_out(house: House) {
    let (secret, _) = enrolled(&house, "okafor").await;
    let mut shared = Browser::new(&house);
    shared.sign_in("okafor", &secret, Some("ward-3")).await;
    let mut own = Browser::new(&house);
    own.now_s += 30;
    shared.now_s += 30;
    own.sign_in("okafor", &secret, None).await;
    for _ in 0..3 {
        shared.now_s += 9 * 60;
        assert!(shared.is_signed_in().await, "used again and again");
    }
    shared.now_s += 10 * 60;
    assert!(!shared.is_signed_in().await);
    own.now_s += 29 * 60;
    assert!(own.is_signed_in().await);
    while own.now_s < NOW_S + 12 * 3600 {
        own.now_s += 25 * 60;
        own.is_signed_in().await;
    }
    assert!(
        !own.is_signed_in().await,
        "a day's work ends it, however much it is used"
    );
}

pub async fn sessions_end_one_by_one_and_by_signing_out(house: House) {
    let (secret, _) = enrolled(&house, "okafor").await;
    let (mut one, mut two) = (Browser::new(&house), Browser::new(&house));
    one.sign_in("okafor", &secret, None).await;
    two.now_s += 30;
    two.sign_in("okafor", &secret, None).await;
    let Page::Sessions(page) = shown(two.get("/auth/sessions").await) else {
        panic!("no sessions")
    };
    assert!(page.sessions[0].this_one);
    assert_eq!(page.sessions[0].how, "password and code");
    let others: Vec<_> = page.sessions[1..].iter().map(|s| s.id.clone()).collect();
    for id in &others {
        let fields = [("session", id.as_str()), ("decision", "end")];
        assert_eq!(two.send(&page.form, &fields).await.status(), 200);
    }
    assert!(!one.is_signed_in().await);
    assert!(two.is_signed_in().await);
    let out = two.ask(Endpoint::SignOut, Ask::post(&[])).await;
    assert_eq!(out.status(), 200);
    assert_eq!(two.cookie, "");
    assert!(!two.is_signed_in().await);
}

/// Whoever proves again who they are goes on with their apps, until they sign out.
pub async fn c5_apps_go_on_through_a_fresh_sign_in_and_end_with_it(house: House) {
    house.app(|_| ()).await;
    let (secret, _) = enrolled(&house, "okafor").await;
    let (other, _) = enrolled(&house, "brandt").await;
    let mut browser = Browser::new(&house);
    browser.sign_in("okafor", &secret, None).await;
    let online = asked("openid user/Observation.rs online_access");
    let before = house.tokens(&online, &browser.cookie).await;
    browser.now_s += 60;
    browser.sign_in("okafor", &secret, None).await;
    let now_s = browser.now_s;
    house.server.watch(now_s).await.unwrap();
    assert!(house.is_good(&before, now_s).await);
    let first = ok(house
        .ask(Endpoint::Token, &refresh(&before).at(now_s))
        .await);
    let second = house
        .tokens(&online.clone().at(now_s), &browser.cookie)
        .await;
    let sid = |token: &serde_json::Value| claims(&token["access_token"])["sid"].clone();
    assert_eq!(sid(&first), sid(&second));
    // Another session of the same person is another.
    let mut elsewhere = Browser::new(&house);
    elsewhere.now_s = now_s + 60;
    elsewhere.sign_in("okafor", &secret, None).await;
    let apart = house
        .tokens(&online.clone().at(now_s + 60), &elsewhere.cookie)
        .await;
    assert_ne!(sid(&apart), sid(&second));
    browser.ask(Endpoint::SignOut, Ask::post(&[])).await;
    for token in [&before, &first, &second] {
        assert!(!house.is_good(token, now_s).await);
    }
    for token in [&first, &second] {
        let answer = house.ask(Endpoint::Token, &refresh(token).at(now_s)).await;
        assert_eq!(refused(answer), (400, "invalid_grant".into()));
    }
    house.server.watch(now_s + 60).await.unwrap();
    assert!(house.is_good(&apart, now_s + 60).await);
    // Somebody else in the same browser goes on with nothing.
    elsewhere.now_s += 60;
    elsewhere.sign_in("brandt", &other, None).await;
    house.server.watch(elsewhere.now_s).await.unwrap();
    assert!(!house.is_good(&apart, elsewhere.now_s).await);
}

/// With a session at a shared computer that idles end the apps that worked in it.
pub async fn at5c_what_apps_hold_ends_with_an_idle_session(house: House) {
    house.app(|_| ()).await;
    let (secret, _) = enrolled(&house, "okafor").await;
    let mut shared = Browser::new(&house);
    shared.sign_in("okafor", &secret, Some("ward-3")).await;
    let online = asked("openid user/Observation.rs online_access");
    let token = house.tokens(&online, &shared.cookie).await;
    let watched = async |now_s| {
        house.server.tend(now_s).await.unwrap();
        house.server.watch(now_s).await.unwrap();
    };
    shared.now_s += 9 * 60;
    assert!(shared.is_signed_in().await);
    watched(shared.now_s + 9 * 60).await;
    assert!(
        house.is_good(&token, shared.now_s + 9 * 60).await,
        "it was used"
    );
    // Who proves again who they are goes on, from the password to the second factor too.
    shared.now_s += 9 * 60;
    let page = shared.sign_in_page("").await;
    let fields = [("username", "okafor"), ("password", PASSWORD)];
    shared.send(&page.form, &fields).await;
    shared.now_s += 2 * 60;
    watched(shared.now_s).await;
    shared.code(&secret.code(totp::step(shared.now_s))).await;
    assert!(house.is_good(&token, shared.now_s).await);
    let idle_s = shared.now_s + 10 * 60;
    watched(idle_s).await;
    assert!(!house.is_good(&token, idle_s).await);
    // It is on record once, as what nobody asked for.
    watched(idle_s + 5).await;
    let records = house.engine.log().records_from(1, 10_000).unwrap();
    let idle = records.iter().map(|(_, record)| record);
    let idle: Vec<_> = idle.filter(|r| r.detail.subtype == "idle").collect();
    assert_eq!(idle.len(), 1, "{idle:?}");
    assert_eq!(
        (&*idle[0].interaction, &*idle[0].query, idle[0].status),
        ("sign-out", "username=okafor", 200)
    );
    assert!(
        idle[0].user.is_empty() && idle[0].source.is_empty(),
        "{idle:?}"
    );
    if let Some(other) = house.another().await {
        other.watch(idle_s).await.unwrap();
        assert!(!holds(&other, &token, idle_s).await);
    }
    // Whoever comes then is not signed out by what was.
    shared.now_s = idle_s + 60;
    shared.sign_in("okafor", &secret, Some("ward-3")).await;
    let again = house.tokens(&online.at(shared.now_s), &shared.cookie).await;
    watched(shared.now_s + 60).await;
    assert!(house.is_good(&again, shared.now_s + 60).await);
}

/// The name of a shared computer is no secret: who sends it from afar signs nobody out, whatever they prove.
pub async fn at5a_nobody_is_signed_out_from_afar(house: House) {
    let (okafor, _) = enrolled(&house, "okafor").await;
    let (brandt, _) = enrolled(&house, "brandt").await;
    let mut there = Browser::new(&house);
    there.sign_in("okafor", &okafor, Some("icu-3")).await;
    for (n, device) in ["", "icu-3", &"A".repeat(43)].into_iter().enumerate() {
        let mut afar = Browser::new(&house);
        afar.device = device.to_owned();
        afar.now_s += 30 * n as i64;
        let page = afar.sign_in_page("?workstation=icu-3").await;
        assert_eq!(page.computer, None);
        let fields = [
            ("username", "brandt"),
            ("password", PASSWORD),
            ("workstation", "icu-3"),
            ("shared", "yes"),
        ];
        afar.send(&page.form, &fields).await;
        let code = brandt.code(totp::step(afar.now_s));
        assert_eq!(to(&afar.code(&code).await), "/auth/apps");
        let page = afar.sessions_page().await;
        let here = page.sessions.iter().find(|s| s.this_one).unwrap();
        assert_eq!(here.workstation, "A computer that others use too");
        assert!(there.is_signed_in().await, "with {device}");
    }
}

/// At the computer itself, too, a password alone and a patient sign nobody out; what was begun there is finished there.
pub async fn at5a_who_takes_over_is_there_and_has_two_factors(house: House) {
    let (okafor, _) = enrolled(&house, "okafor").await;
    let (brandt, _) = enrolled(&house, "brandt").await;
    let (patient, _) = enrolled_as(&house, &new_patient("ada", "Patient/p1")).await;
    let mut there = Browser::new(&house);
    there.sign_in("okafor", &okafor, Some("icu-3")).await;
    let half_way = async |username: &str| {
        let mut next = Browser::new(&house);
        next.device.clone_from(&there.device);
        let page = next.sign_in_page("").await;
        assert_eq!(page.computer.as_deref(), Some("icu-3"));
        let fields = [("username", username), ("password", PASSWORD)];
        assert_eq!(
            to(&next.send(&page.form, &fields).await),
            "/auth/second-factor"
        );
        next
    };
    let mut ada = half_way("ada").await;
    let mut brandt_there = half_way("brandt").await;
    let mut brandt_elsewhere = half_way("brandt").await;
    assert!(there.is_signed_in().await, "passwords alone");
    ada.code(&patient.code(totp::step(NOW_S))).await;
    assert!(there.is_signed_in().await && ada.is_signed_in().await);
    // Whoever has begun there and goes on with the session elsewhere is not there.
    brandt_elsewhere.device.clear();
    let code = brandt.code(totp::step(NOW_S));
    assert_eq!(to(&brandt_elsewhere.code(&code).await), "/auth/apps");
    assert!(there.is_signed_in().await);
    brandt_there.now_s += 60;
    let code = brandt.code(totp::step(brandt_there.now_s));
    assert_eq!(to(&brandt_there.code(&code).await), "/auth/apps");
    there.now_s += 60;
    assert!(brandt_there.is_signed_in().await && !there.is_signed_in().await);
}
