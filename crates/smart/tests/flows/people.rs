//! People at a browser: invited, signing in, proving a second factor.

use crate::answers::*;
use crate::asks::*;
use crate::browser::*;
use crate::house::*;
use ward_seal::{TotpSecret, totp};
use ward_smart::people::account;
use ward_smart::state::{Account, Throttle, digest};
use ward_smart::{Answer, Endpoint, Page};

pub async fn c7_an_invited_person_has_two_factors_before_anything_opens(house: House) {
    let token = account::add(house.engine.store(), &new("okafor"), NOW_S)
        .await
        .unwrap();
    let link = format!("/auth/enrol?invitation={token}");
    let mut browser = Browser::new(&house);
    let Page::Invitation(page) = shown(browser.get(&link).await) else {
        panic!("no invitation")
    };
    for unfit in ["short", "Password1234!", "okafor-okafor"] {
        let sent = [("password", unfit), ("again", unfit)];
        let answer = browser.send(&page.form, &sent).await;
        assert_eq!(answer.status(), 400, "{unfit}");
    }
    let other = [("password", PASSWORD), ("again", "another thing")];
    assert_eq!(browser.send(&page.form, &other).await.status(), 400);
    let chosen = [("password", PASSWORD), ("again", PASSWORD)];
    browser.send(&page.form, &chosen).await;
    // The password is there, and opens nothing but the way to the second factor.
    for closed in ["/auth/apps", "/auth/sessions", "/auth/accounts"] {
        assert!(
            to(&browser.get(closed).await).starts_with("/auth/sign-in"),
            "{closed}"
        );
    }
    let Page::EnrolTotp(first) = shown(browser.get("/auth/enrol").await) else {
        panic!("no secret")
    };
    let Page::EnrolTotp(again) = shown(browser.get("/auth/enrol").await) else {
        panic!("no secret")
    };
    assert_eq!(
        first.secret, again.secret,
        "a page that is loaded again shows the same"
    );
    let wrong = browser.send(&first.form, &[("code", "000000")]).await;
    assert_eq!(wrong.status(), 400);
    let invited_twice = Browser::new(&house).get(&link).await;
    assert_eq!(invited_twice.status(), 400, "an invitation works once");
    let before = browser.cookie.clone();
    let secret = TotpSecret::from_base32(&first.secret).unwrap();
    let code = secret.code(totp::step(NOW_S));
    assert_eq!(
        browser.send(&first.form, &[("code", &code)]).await.status(),
        200
    );
    assert_ne!(
        browser.cookie, before,
        "another cookie with more behind it (X56)"
    );
    assert!(browser.is_signed_in().await);
}

pub async fn at7a_a_password_alone_gets_no_code(house: House) {
    house.app(|_| ()).await;
    let (secret, _) = enrolled(&house, "okafor").await;
    let asked = asked("openid user/Observation.rs");
    let mut browser = Browser::new(&house);
    let begun = house.ask(Endpoint::Authorize, &asked.ask()).await;
    let page = to(&begun).to_owned();
    assert!(page.starts_with("/auth/sign-in?tx="), "{page}");
    let query = page.strip_prefix("/auth/sign-in").unwrap();
    let sign_in = browser.sign_in_page(query).await;
    assert_eq!(sign_in.app.as_deref(), Some("My Health"));
    assert_eq!(sign_in.form.leads_to.as_deref(), Some(CALLBACK));
    let answer = browser.password(query, "Okafor", PASSWORD).await;
    assert_eq!(to(&answer), format!("/auth/second-factor{query}"));
    let back = browser.get(&format!("/auth/authorize{query}")).await;
    assert_eq!(to(&back), format!("/auth/second-factor{query}"));
    let Page::SecondFactor(page) = shown(browser.get(&format!("/auth/second-factor{query}")).await)
    else {
        panic!("no second factor")
    };
    let code = secret.code(totp::step(NOW_S));
    let answer = browser.send(&page.form, &[("code", &code)]).await;
    assert_eq!(to(&answer), format!("/auth/authorize{query}"));
    let answer = browser.get(to(&answer)).await;
    assert_eq!(to(&answer), format!("/auth/approve{query}"));
}

pub async fn at7b_a_code_passes_once(house: House) {
    let (secret, codes) = enrolled(&house, "okafor").await;
    let mut first = Browser::new(&house);
    first.sign_in("okafor", &secret, None).await;
    let mut second = Browser::new(&house);
    second.password("", "okafor", PASSWORD).await;
    let used = secret.code(totp::step(NOW_S));
    assert_eq!(second.code(&used).await.status(), 400, "used before");
    // Recovery codes, too, and one of two at once.
    let mut third = Browser::new(&house);
    third.password("", "okafor", PASSWORD).await;
    let (pages, others) = (
        second.second_factor_page().await,
        third.second_factor_page().await,
    );
    let (one, other) = ([("code", codes[0].as_str())], [("code", codes[0].as_str())]);
    let (one, other) = tokio::join!(
        second.send(&pages.form, &one),
        third.send(&others.form, &other)
    );
    let in_ = [&one, &other].iter().filter(|a| a.status() == 303).count();
    assert_eq!(in_, 1, "{one:?} {other:?}");
    let account: Account = house.held("okafor", NOW_S).await.unwrap();
    assert_eq!(account.recovery_codes.len(), codes.len() - 1);
}

pub async fn at7d_x59_guessing_is_slow_and_never_shuts_out(house: House) {
    let (secret, _) = enrolled(&house, "okafor").await;
    let mut guesser = Browser::new(&house);
    guesser.source = "198.51.100.7".into();
    for n in 0..5 {
        let answer = guesser.password("", "okafor", "wrong").await;
        assert_eq!(answer.status(), 400, "{n}");
    }
    assert_eq!(
        guesser.password("", "okafor", PASSWORD).await.status(),
        429,
        "even the right one"
    );
    // Its owner is elsewhere, and is not kept out.
    let mut owner = Browser::new(&house);
    owner.sign_in("okafor", &secret, None).await;
    guesser.now_s += 3;
    assert_eq!(guesser.password("", "okafor", "wrong").await.status(), 400);
    assert_eq!(
        guesser.password("", "okafor", "wrong").await.status(),
        429,
        "longer every time"
    );
    guesser.now_s += 3;
    let early = guesser.password("", "okafor", "wrong").await;
    assert_eq!(early.status(), 429);
    let Answer::Page { retry_after_s, .. } = early else {
        panic!("no page")
    };
    assert_eq!(
        retry_after_s,
        Some(1),
        "four seconds, of which three went by"
    );
    guesser.now_s += 15 * 60;
    let answer = guesser.password("", "okafor", PASSWORD).await;
    assert_eq!(to(&answer), "/auth/second-factor", "no lock-out for good");
    for n in 0..5 {
        assert_eq!(guesser.code("000000").await.status(), 400, "{n}");
    }
    assert_eq!(guesser.code("000000").await.status(), 429, "codes as well");
}

/// Many people share one address. Those who sign in rightly do not slow each other, and whoever guesses there uses up no
/// attempts at the accounts of the others.
pub async fn at7d_x78_a_shared_address_is_not_locked_out(house: House) {
    let (secret, _) = enrolled(&house, "okafor").await;
    let what = |parts: &str| digest(&format!("Password\n{parts}"));
    let seeded = |attempts| Throttle {
        what: what("\n198.51.100.7"),
        attempts,
        last_s: NOW_S,
        expires_s: NOW_S + 3600,
    };
    house.keep(&seeded(199)).await;
    for n in 0..3 {
        let mut browser = Browser::new(&house);
        browser.source = "198.51.100.7".into();
        let answer = browser.password("", "okafor", PASSWORD).await;
        assert_eq!(to(&answer), "/auth/second-factor", "{n}");
    }
    let count: Throttle = house.held(&what("\n198.51.100.7"), NOW_S).await.unwrap();
    assert_eq!((count.attempts, count.last_s), (199, NOW_S));
    let mut guesser = Browser::new(&house);
    guesser.source = "198.51.100.7".into();
    assert_eq!(guesser.password("", "okafor", "wrong").await.status(), 400);
    let here = what("okafor\n198.51.100.7");
    let before: Throttle = house.held(&here, NOW_S).await.unwrap();
    assert_eq!(guesser.password("", "okafor", "wrong").await.status(), 429);
    let after: Throttle = house.held(&here, NOW_S).await.unwrap();
    assert_eq!(after, before, "what is refused is counted nowhere");
    Browser::new(&house).sign_in("okafor", &secret, None).await;
}

pub async fn at22_nobody_learns_who_has_an_account(house: House) {
    enrolled(&house, "okafor").await;
    account::add(house.engine.store(), &new("invited"), NOW_S)
        .await
        .unwrap();
    enrolled(&house, "closed").await;
    account::close(house.engine.store(), "closed", NOW_S)
        .await
        .unwrap();
    let mut answers = Vec::new();
    for (name, password) in [
        ("okafor", "wrong"),
        ("nobody", "wrong"),
        ("invited", "wrong"),
        ("closed", "wrong"),
        ("closed", PASSWORD),
    ] {
        let mut browser = Browser::new(&house);
        let answer = browser.password("", name, password).await;
        let status = answer.status();
        let Page::SignIn(page) = shown(answer) else {
            panic!("no page")
        };
        answers.push((status, page.error));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    // Throttled alike, too.
    for name in ["okafor", "nobody"] {
        let mut browser = Browser::new(&house);
        let mut statuses = Vec::new();
        for _ in 0..7 {
            statuses.push(browser.password("", name, "wrong").await.status());
        }
        assert_eq!(
            statuses[4..],
            [429, 429, 429],
            "{name}: one was counted above"
        );
    }
}

pub async fn x56_forms_and_cookies_are_of_one_browser(house: House) {
    let (secret, _) = enrolled(&house, "okafor").await;
    let mut browser = Browser::new(&house);
    let page = browser.sign_in_page("").await;
    let before = browser.cookie.clone();
    assert!(!before.is_empty());
    // Login CSRF: another site makes this browser send somebody else's form.
    let mut other = Browser::new(&house);
    let foreign = other.sign_in_page("").await;
    let fields = [("username", "okafor"), ("password", PASSWORD)];
    assert_eq!(browser.send(&foreign.form, &fields).await.status(), 400);
    // Session fixation: the cookie from before a sign-in opens nothing after it.
    browser.send(&page.form, &fields).await;
    let half = browser.cookie.clone();
    browser.code(&secret.code(totp::step(NOW_S))).await;
    for old in [before, half] {
        let mut thief = Browser::new(&house);
        thief.cookie = old;
        assert!(!thief.is_signed_in().await);
    }
    assert!(browser.is_signed_in().await);
}

pub async fn accounts_are_for_administrators(house: House) {
    let (secret, _) = enrolled(&house, "okafor").await;
    let mut browser = Browser::new(&house);
    browser.sign_in("okafor", &secret, None).await;
    assert_eq!(browser.get("/auth/accounts").await.status(), 403);
    let mut admin = Browser::new(&house);
    admin.cookie = house
        .signed_in(|session| {
            session.account = "boss".into();
            session.roles = vec!["system-administrator".into()];
        })
        .await;
    let Page::Accounts(page) = shown(admin.get("/auth/accounts").await) else {
        panic!("no accounts")
    };
    let add = |username: &'static str, role: &'static str| {
        [
            ("decision", "add"),
            ("username", username),
            ("name", "New"),
            ("role", role),
        ]
    };
    for (fields, why) in [
        (add("okafor", "nurse"), "taken"),
        (add("a b", "nurse"), "no user name"),
        (add("new", "emperor"), "no role"),
    ] {
        assert_eq!(admin.send(&page.form, &fields).await.status(), 400, "{why}");
    }
    let Page::Accounts(added) = shown(admin.send(&page.form, &add("new", "nurse")).await) else {
        panic!("no accounts")
    };
    let link = added.invitation.unwrap();
    let path = link.strip_prefix(ISSUER).unwrap();
    assert_eq!(Browser::new(&house).get(path).await.status(), 200);
    // Closed: signed out at once, and no way back in.
    let close = [("decision", "close"), ("username", "okafor")];
    admin.send(&page.form, &close).await;
    assert!(!browser.is_signed_in().await);
    let again = Browser::new(&house).password("", "okafor", PASSWORD).await;
    assert_eq!(again.status(), 400);
    let own = [("decision", "close"), ("username", "boss")];
    assert_eq!(
        admin.send(&page.form, &own).await.status(),
        400,
        "not oneself"
    );
    let open = [("decision", "open"), ("username", "okafor")];
    admin.send(&page.form, &open).await;
    let reset = [("decision", "reset"), ("username", "okafor")];
    let Page::Accounts(reset) = shown(admin.send(&page.form, &reset).await) else {
        panic!("no accounts")
    };
    let old = Browser::new(&house).password("", "okafor", PASSWORD).await;
    assert_eq!(old.status(), 400, "the password is gone");
    // Whoever has the link of before has nothing any more.
    let again = [("decision", "reset"), ("username", "okafor")];
    admin.send(&page.form, &again).await;
    let first = reset.invitation.unwrap();
    let first = Browser::new(&house)
        .get(first.strip_prefix(ISSUER).unwrap())
        .await;
    assert_eq!(first.status(), 400);
}

/// The code that sets an authenticator app up is as slow to guess as any other, and the page says how long to wait.
pub async fn at7d_the_first_code_is_guessed_slowly(house: House) {
    let token = account::add(house.engine.store(), &new("okafor"), NOW_S)
        .await
        .unwrap();
    let mut browser = Browser::new(&house);
    let link = format!("/auth/enrol?invitation={token}");
    let Page::Invitation(page) = shown(browser.get(&link).await) else {
        panic!("no invitation")
    };
    let chosen = [("password", PASSWORD), ("again", PASSWORD)];
    browser.send(&page.form, &chosen).await;
    let Page::EnrolTotp(page) = shown(browser.get("/auth/enrol").await) else {
        panic!("no secret")
    };
    for n in 0..5 {
        let answer = browser.send(&page.form, &[("code", "000000")]).await;
        assert_eq!(answer.status(), 400, "{n}");
    }
    let secret = TotpSecret::from_base32(&page.secret).unwrap();
    let code = secret.code(totp::step(NOW_S));
    let early = browser.send(&page.form, &[("code", &code)]).await;
    assert_eq!(early.status(), 429, "even the right one");
    let Answer::Page {
        retry_after_s,
        page: shown_again,
        ..
    } = early
    else {
        panic!("no page")
    };
    assert_eq!(retry_after_s, Some(2));
    let Page::EnrolTotp(again) = *shown_again else {
        panic!("no secret")
    };
    assert_eq!(again.secret, page.secret);
    let told = again.error.unwrap();
    assert!(told.contains("Try again in 2 seconds"), "{told}");
    browser.now_s += 2;
    let right = browser.send(&page.form, &[("code", &code)]).await;
    assert_eq!(right.status(), 200);
}

/// Whoever took an account over may have allowed apps in its name: a reset ends these as well, and so do disabling and unlinking.
pub async fn a_reset_ends_what_apps_were_allowed(house: House) {
    let (secret, _) = enrolled(&house, "okafor").await;
    let mut browser = Browser::new(&house);
    browser.sign_in("okafor", &secret, None).await;
    house.app(|_| ()).await;
    let offline = asked("openid user/Observation.rs offline_access");
    let token = house.tokens(&offline, &browser.cookie).await;
    let (_, void) = account::reset(house.engine.store(), "okafor", NOW_S)
        .await
        .unwrap();
    assert!(
        void.iter().any(|what| what.starts_with("grant:")),
        "{void:?}"
    );
    house.server.watch(NOW_S).await.unwrap();
    assert!(!house.is_good(&token, NOW_S).await);
    for later_s in [NOW_S + 1, NOW_S + 3600] {
        house.server.watch(later_s).await.unwrap();
        let answer = house
            .ask(Endpoint::Token, &refresh(&token).at(later_s))
            .await;
        assert_eq!(refused(answer), (400, "invalid_grant".into()));
    }
}
