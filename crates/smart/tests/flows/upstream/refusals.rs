//! What does not fit lets nobody in.

use super::provider::{SECRET, Signed};
use super::*;
use std::sync::atomic::Ordering;

pub async fn x56_a_sign_in_there_is_of_one_browser_and_comes_back_once(house: House) {
    let place = Place::new(house, |_| ()).await;
    let over = (400, "This sign-in is over".to_owned());
    let mut attacker = place.browser();
    let asked = attacker.leave("").await;
    let back = place.upstream.sign_in(&asked, json!({}), &Signed::Well);
    // The link is given to somebody else, who has no cookie, or one of another page (login CSRF).
    let mut victim = place.browser();
    assert_eq!(trouble(victim.back(&back).await), over);
    victim.sign_in_page("").await;
    assert_eq!(trouble(victim.back(&back).await), over);
    assert!(!victim.is_signed_in().await);
    // From then on it is worth nothing to anybody.
    assert_eq!(trouble(attacker.back(&back).await), over);
    assert!(place.upstream.posted.lock().unwrap().is_empty());
    // Replayed in its own browser.
    let asked = attacker.leave("").await;
    let back = place.upstream.sign_in(&asked, json!({}), &Signed::Well);
    let cookie = attacker.cookie.clone();
    assert_eq!(to(&attacker.back(&back).await), "/auth/apps");
    assert_eq!(trouble(attacker.back(&back).await), over);
    attacker.cookie = cookie;
    assert_eq!(trouble(attacker.back(&back).await), over);
    // Too late, made up, not sent, sent twice.
    let mut browser = place.browser();
    let asked = browser.leave("").await;
    let back = place.upstream.sign_in(&asked, json!({}), &Signed::Well);
    browser.now_s = NOW_S + 600;
    assert_eq!(trouble(browser.back(&back).await), over);
    let state = &asked["state"];
    let twice = format!("{back}&state={state}");
    for sent in ["state=made-up&code=x", "code=x", "state=&code=x", &twice] {
        assert_eq!(trouble(browser.back(sent).await), over, "{sent}");
    }
    assert_eq!(place.upstream.posted.lock().unwrap().len(), 1);
}

pub async fn x56_two_that_come_back_at_once_are_one(house: House) {
    let place = Place::new(house, |_| ()).await;
    let mut browser = place.browser();
    let asked = browser.leave("").await;
    let back = place.upstream.sign_in(&asked, json!({}), &Signed::Well);
    let ask = Ask::get(&back).cookie(&browser.cookie);
    let (one, other) = tokio::join!(
        ask.of(&place.server, Endpoint::Upstream),
        ask.of(&place.server, Endpoint::Upstream)
    );
    let statuses = [one.status(), other.status()];
    assert!(
        statuses.contains(&303) && statuses.contains(&400),
        "{statuses:?}"
    );
}

pub async fn x56_only_our_own_page_begins(house: House) {
    let place = Place::new(house, |_| ()).await;
    let mut browser = place.browser();
    let link = browser.sign_in_page("").await.upstream[0].1.clone();
    let mut other = place.browser();
    other.sign_in_page("").await;
    for elsewhere in [link.as_str(), "/auth/upstream", "/auth/upstream?csrf=x"] {
        assert_eq!(to(&other.get(elsewhere).await), "/auth/sign-in");
    }
    let mut nobody = place.browser();
    assert_eq!(to(&nobody.get(&link).await), "/auth/sign-in");
    asked_there(&browser.get(&link).await);
}

pub async fn an_id_token_that_does_not_fit_lets_nobody_in(house: House) {
    let place = Place::new(house, |_| ()).await;
    let public = place.upstream.key.lock().unwrap().public_jwk();
    let failed = "The sign-in did not succeed";
    for (changes, title) in [
        (json!({ "nonce": "another" }), failed),
        (json!({ "nonce": null }), failed),
        (json!({ "aud": "another" }), failed),
        (json!({ "aud": ["ward", "another"] }), failed),
        (json!({ "aud": [] }), failed),
        (json!({ "azp": "another" }), failed),
        (json!({ "iss": "https://evil.example" }), failed),
        (json!({ "iss": format!("{UPSTREAM}/") }), failed),
        (json!({ "iss": null }), failed),
        (json!({ "exp": NOW_S - 61 }), failed),
        (json!({ "exp": null }), failed),
        (json!({ "iat": NOW_S + 61 }), failed),
        (json!({ "iat": NOW_S - 3600 }), failed),
        (json!({ "at_hash": "AAAAAAAAAAAAAAAAAAAAAA" }), failed),
        (json!({ "auth_time": NOW_S + 61 }), failed),
        (json!({ "auth_time": NOW_S - 43_261 }), "Sign in anew"),
        (json!({ "auth_time": null }), "Sign in anew"),
        (json!({ "sub": "" }), failed),
        (json!({ "sub": 7 }), failed),
    ] {
        let mut browser = place.browser();
        let answer = browser.through("", changes.clone()).await;
        assert!(answer.status() >= 400, "{changes}: {answer:?}");
        assert_eq!(trouble(answer).1, title, "{changes}");
        assert!(!browser.is_signed_in().await, "{changes}");
    }
    for signed in [
        Signed::ByStranger,
        Signed::Not,
        Signed::ByText(&public),
        Signed::ByText(SECRET),
    ] {
        let mut browser = place.browser();
        let asked = browser.leave("").await;
        let back = place.upstream.sign_in(&asked, json!({}), &signed);
        let answer = browser.back(&back).await;
        assert_eq!(trouble(answer), (400, failed.into()));
        assert!(!browser.is_signed_in().await);
    }
    // The small differences that are none.
    for fits in [
        json!({ "exp": NOW_S - 59, "iat": NOW_S + 59, "auth_time": NOW_S + 59 }),
        json!({ "aud": ["ward"], "azp": "ward", "at_hash": null }),
    ] {
        place.signed_in(fits).await;
    }
}

/// RFC 9207: an answer belongs to the provider that was asked.
pub async fn x56_an_answer_of_another_issuer_is_refused(house: House) {
    let place = Place::new(house, |_| ()).await;
    let failed = (400, "The sign-in did not succeed".to_owned());
    for iss in ["https://evil.example", "https://id.example/realms/cit"] {
        let mut browser = place.browser();
        let asked = browser.leave("").await;
        let back = place.upstream.sign_in(&asked, json!({}), &Signed::Well);
        assert_eq!(
            trouble(browser.back(&format!("{back}&iss={iss}")).await),
            failed
        );
        let mut browser = place.browser();
        let state = browser.leave("").await["state"].clone();
        let error = format!("state={state}&error=access_denied&iss={iss}");
        assert_eq!(trouble(browser.back(&error).await), failed);
    }
    assert!(place.upstream.posted.lock().unwrap().is_empty());
    let mut browser = place.browser();
    let asked = browser.leave("").await;
    let back = place.upstream.sign_in(&asked, json!({}), &Signed::Well);
    let twice = format!("{back}&iss={UPSTREAM}&iss={UPSTREAM}");
    assert_eq!(trouble(browser.back(&twice).await), failed);
    let asked = browser.leave("").await;
    let back = place.upstream.sign_in(&asked, json!({}), &Signed::Well);
    assert_eq!(
        to(&browser.back(&format!("{back}&iss={UPSTREAM}")).await),
        "/auth/apps"
    );
}

pub async fn x56_a_provider_that_names_itself_does_so_always(house: House) {
    let place = Place::new(house, |_| ()).await;
    *place.upstream.document.lock().unwrap() =
        json!({ "authorization_response_iss_parameter_supported": true });
    let mut browser = place.browser();
    let asked = browser.leave("").await;
    let back = place.upstream.sign_in(&asked, json!({}), &Signed::Well);
    assert_eq!(trouble(browser.back(&back).await).0, 400);
    let asked = browser.leave("").await;
    let back = place.upstream.sign_in(&asked, json!({}), &Signed::Well);
    assert_eq!(
        to(&browser.back(&format!("{back}&iss={UPSTREAM}")).await),
        "/auth/apps"
    );
}

pub async fn x80_a_provider_that_is_down_is_said_to_be(house: House) {
    let place = Place::new(house, |_| ()).await;
    place.upstream.is_down.store(true, Ordering::Relaxed);
    let mut browser = place.browser();
    let down = (503, "City Hospital cannot be reached".to_owned());
    // The sign-in page itself does not wait for anybody.
    let link = browser.sign_in_page("").await.upstream[0].1.clone();
    assert_eq!(trouble(browser.get(&link).await), down);
    place.upstream.is_down.store(false, Ordering::Relaxed);
    assert_eq!(
        trouble(browser.get(&link).await),
        down,
        "asked again after 5 s"
    );
    browser.now_s = NOW_S + 5;
    let asked = asked_there(&browser.get(&link).await);
    let back = place.upstream.sign_in(&asked, json!({}), &Signed::Well);
    place.upstream.is_down.store(true, Ordering::Relaxed);
    assert_eq!(trouble(browser.back(&back).await), down);
    // Who is signed in stays so (C20).
    place.upstream.is_down.store(false, Ordering::Relaxed);
    browser.now_s = NOW_S + 10;
    browser.through("", json!({})).await;
    place.upstream.is_down.store(true, Ordering::Relaxed);
    assert!(browser.is_signed_in().await);
}

/// X66 of the issuer: our secret is for the one that is configured, to the letter.
pub async fn a_provider_that_speaks_for_another_is_none(house: House) {
    for document in [
        json!({ "issuer": "https://evil.example" }),
        json!({ "issuer": format!("{UPSTREAM}/") }),
        json!({ "issuer": format!("{UPSTREAM}.evil.example") }),
        json!({ "issuer": "https://id.example.evil.example/realms/city" }),
        json!({ "issuer": "https://id.example@evil.example/realms/city" }),
        json!({ "issuer": "https://id.example" }),
        json!({ "issuer": "http://id.example/realms/city" }),
        json!({ "jwks_uri": 7 }),
    ] {
        let place = Place::new(House::sqlite().await, |_| ()).await;
        *place.upstream.document.lock().unwrap() = document;
        let mut browser = place.browser();
        let link = browser.sign_in_page("").await.upstream[0].1.clone();
        assert_eq!(trouble(browser.get(&link).await).0, 503);
        let answer = browser.back("state=made-up&code=x").await;
        assert_eq!(trouble(answer).0, 400);
        assert!(place.upstream.posted.lock().unwrap().is_empty());
    }
    // Without a provider there is nothing at its endpoint.
    let get = Ask::get("state=x&code=y");
    assert_eq!(house.ask(Endpoint::Upstream, &get).await.status(), 403);
}

pub async fn whoever_says_no_there_is_not_signed_in(house: House) {
    let place = Place::new(house, |_| ()).await;
    for (error, expected) in [
        ("access_denied", (403, "Not signed in at City Hospital")),
        ("server_error", (400, "The sign-in did not succeed")),
        ("%3Cb%3E", (400, "The sign-in did not succeed")),
    ] {
        let mut browser = place.browser();
        let state = browser.leave("").await["state"].clone();
        let sent = format!("state={state}&error={error}&error_description=canary");
        let answer = browser.back(&sent).await;
        assert!(
            !format!("{answer:?}").contains("canary"),
            "nothing of it is shown"
        );
        assert_eq!(trouble(answer), (expected.0, expected.1.to_owned()));
    }
    // A code that the provider does not redeem.
    let mut browser = place.browser();
    let state = browser.leave("").await["state"].clone();
    let answer = browser.back(&format!("state={state}&code=made-up")).await;
    assert_eq!(trouble(answer), (400, "The sign-in did not succeed".into()));
}
