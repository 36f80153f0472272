//! Browsers that an account knows: others' guesses do not slow its owner there.

use crate::browser::*;
use crate::house::*;
use ward_seal::totp;
use ward_smart::people::account;
use ward_smart::state::{KNOWN_BROWSER_LIFETIME_S, KnownBrowser, Throttle, digest};

/// Somebody guesses at the account without end, from wherever they like: its bounds from anywhere are used up.
async fn under_attack(house: &House, account: &str, now_s: i64) {
    for guess in ["Password", "Code"] {
        house
            .keep(&Throttle {
                what: digest(&format!("{guess}\n{account}")),
                attempts: 10_000,
                last_s: now_s,
                expires_s: now_s + 3600,
            })
            .await;
    }
}

/// A browser in which somebody has just signed in, without the session of that.
async fn known<'a>(
    house: &'a House,
    secret: &ward_seal::TotpSecret,
    username: &str,
    now_s: i64,
) -> Browser<'a> {
    let mut browser = Browser::new(house);
    browser.now_s = now_s;
    browser.sign_in(username, secret, None).await;
    assert!(!browser.device.is_empty());
    browser.cookie.clear();
    browser
}

/// The owner is served where they are known, from whichever address; who is not known there waits as before, and is shut out by
/// nothing for good. Guesses in a known browser are slow by themselves.
pub async fn at7d_x78_an_attacker_with_many_addresses_does_not_keep_the_owner_out(house: House) {
    let (secret, _) = enrolled(&house, "okafor").await;
    let mut owner = known(&house, &secret, "okafor", NOW_S).await;
    let now_s = NOW_S + 60;
    under_attack(&house, "okafor", now_s).await;
    for n in 0..3 {
        let mut attacker = Browser::new(&house);
        attacker.source = format!("198.51.100.{n}");
        attacker.now_s = now_s;
        let answer = attacker.password("", "okafor", "wrong").await;
        assert_eq!(answer.status(), 429);
    }
    // Somebody else's browser, a made-up secret, or the owner's address alone help nobody.
    let other = known(&house, &enrolled(&house, "brandt").await.0, "brandt", NOW_S).await;
    for device in [other.device.clone(), "A".repeat(43), "A".into()] {
        let mut stranger = Browser::new(&house);
        stranger.device = device;
        stranger.now_s = now_s;
        let answer = stranger.password("", "okafor", PASSWORD).await;
        assert_eq!(answer.status(), 429);
    }
    owner.now_s = now_s;
    owner.source = "203.0.113.9".into();
    assert_eq!(owner.password("", "okafor", "mistyped").await.status(), 400);
    let before = owner.device.clone();
    owner.sign_in("okafor", &secret, None).await;
    assert_eq!(owner.device, before, "one secret for as long as it is used");
    let mut guesser = Browser::new(&house);
    guesser.device = before;
    guesser.now_s = now_s;
    for _ in 0..5 {
        assert_eq!(guesser.password("", "okafor", "wrong").await.status(), 400);
    }
    assert_eq!(guesser.password("", "okafor", PASSWORD).await.status(), 429);
    // Half a minute later one more is taken from anywhere.
    let mut elsewhere = Browser::new(&house);
    elsewhere.now_s = now_s + 31;
    let answer = elsewhere.password("", "okafor", PASSWORD).await;
    assert_eq!(to(&answer), "/auth/second-factor");
}

pub async fn x78_only_two_factors_make_a_browser_known(house: House) {
    let (secret, _) = enrolled(&house, "okafor").await;
    let mut browser = Browser::new(&house);
    browser.password("", "okafor", PASSWORD).await;
    assert!(browser.device.is_empty());
    browser.code("000000").await;
    assert!(browser.device.is_empty());
    browser.code(&secret.code(totp::step(NOW_S))).await;
    assert!(!browser.device.is_empty());
    let page = browser.sessions_page().await;
    let here: Vec<_> = page.browsers.iter().filter(|b| b.this_one).collect();
    assert_eq!(here.len(), 1);
    assert_eq!(here[0].name, "Browser at 192.0.2.1");
    // Whose it is cannot be told by what is stored under its name, and another account does not know it.
    let (device, id) = (&browser.device, &here[0].id);
    assert_eq!(*id, KnownBrowser::key_of(device, "okafor"));
    let others = KnownBrowser::key_of(device, "brandt");
    assert!(house.held::<KnownBrowser>(&others, NOW_S).await.is_none());
}

pub async fn x78_known_browsers_are_few_and_end(house: House) {
    const MOST: usize = 20;
    let (secret, _) = enrolled(&house, "okafor").await;
    let (other, _) = enrolled(&house, "brandt").await;
    for n in 0..MOST as i64 {
        house
            .keep(&KnownBrowser {
                id: format!("older {n}"),
                account: "okafor".into(),
                since_s: NOW_S - 1000,
                signed_in_s: NOW_S - 1000 + n,
                ..KnownBrowser::default()
            })
            .await;
    }
    let mut browser = Browser::new(&house);
    browser.sign_in("okafor", &secret, None).await;
    let page = browser.sessions_page().await;
    assert_eq!(page.browsers.len(), MOST);
    assert!(page.browsers[0].this_one);
    let is_listed = |id: &str| page.browsers.iter().any(|known| known.id == id);
    assert!(!is_listed("older 0") && is_listed("older 19"));
    // One is forgotten by its owner, and by nobody else.
    let forget = [("decision", "forget-browser"), ("browser", "older 19")];
    let mut stranger = Browser::new(&house);
    stranger.sign_in("brandt", &other, None).await;
    let others = stranger.sessions_page().await;
    stranger.send(&others.form, &forget).await;
    assert_eq!(browser.sessions_page().await.browsers.len(), MOST);
    browser.send(&page.form, &forget).await;
    assert_eq!(browser.sessions_page().await.browsers.len(), MOST - 1);
    let id = KnownBrowser::key_of(&browser.device, "okafor");
    let end_s = NOW_S + KNOWN_BROWSER_LIFETIME_S;
    let held = |at_s: i64| house.held::<KnownBrowser>(&id, at_s);
    assert!(held(end_s - 1).await.is_some() && held(end_s).await.is_none());
    browser.now_s = end_s;
    under_attack(&house, "okafor", end_s).await;
    let answer = browser.password("", "okafor", PASSWORD).await;
    assert_eq!(answer.status(), 429, "not for ever");
}

pub async fn x78_a_reset_forgets_every_browser(house: House) {
    for end in ["reset", "close"] {
        let (secret, _) = enrolled(&house, end).await;
        let browser = known(&house, &secret, end, NOW_S).await;
        let id = KnownBrowser::key_of(&browser.device, end);
        assert!(house.held::<KnownBrowser>(&id, NOW_S).await.is_some());
        let store = house.engine.store();
        match end {
            "reset" => drop(account::reset(store, end, NOW_S).await.unwrap()),
            _ => drop(account::close(store, end, NOW_S).await.unwrap()),
        }
        assert!(house.held::<KnownBrowser>(&id, NOW_S).await.is_none());
    }
}
