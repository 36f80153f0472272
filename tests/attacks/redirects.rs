//! X56: attacks by redirects, over HTTP: an answer goes to where the app is registered, and a person to no page but ours.

use super::hospital::Hospital;
use crate::apps::request;
use crate::upstream::browser::{Browser, coded};
use ward_testkit::Answer;

/// Nothing is sent to a place that is not registered to the letter: an error is a page.
#[test]
fn x56_no_variant_of_a_redirect_is_followed() {
    Hospital::on_each(|hospital| {
        let Hospital { place, app, .. } = hospital;
        let mut user = hospital.user();
        for uri in [
            "https://evil.example/cb",
            "https://app.example.evil.example/cb",
            "https://app.example@evil.example/cb",
            "https://evil.example/https://app.example/cb",
            "https://evil.example#https://app.example/cb",
            "https://evil.example\\@app.example/cb",
            "https://app.example:8443/cb",
            "https://app.example:443/cb",
            "http://app.example/cb",
            "HTTPS://app.example/cb",
            "https://APP.example/cb",
            "https://app.example/CB",
            "https://app.example/cb/",
            "https://app.example/cb/../evil",
            "https://app.example/cb/..%2fevil",
            "https://app.example/%63b",
            "https://app.example/cb?next=https://evil.example",
            "https://app.example/cb#fragment",
            "https://app.example/cb\r\nLocation: https://evil.example",
            "https://app.example/cb\0",
            " https://app.example/cb",
            "//app.example/cb",
            "/cb",
            "javascript:alert(1)//https://app.example/cb",
            "data:text/html,https://app.example/cb",
            "",
        ] {
            demand_page(
                uri,
                &user.ask(
                    &request(place, app, &[("redirect_uri", Some(uri))]),
                    None,
                    &[],
                ),
            );
        }
        demand_page(
            "none",
            &user.ask(&request(place, app, &[("redirect_uri", None)]), None, &[]),
        );
        let twice = request(place, app, &[]);
        let twice = format!("{twice}&redirect_uri={}", coded("https://evil.example/cb"));
        demand_page("two", &user.ask(&twice, None, &[]));
        demand_page(
            "no app",
            &user.ask(&request(place, "nobody", &[]), None, &[]),
        );
        let good = user.ask(&request(place, app, &[]), None, &[]);
        assert_eq!(good.status, 303);
    });
}

#[track_caller]
fn demand_page(why: &str, answer: &Answer) {
    assert_eq!(answer.status, 400, "{why}: {}", answer.text());
    assert_eq!(answer.header("location"), None, "{why}");
    let shown = answer.text();
    assert!(
        shown.contains("<h1>") && !shown.contains("evil.example"),
        "{why}: {shown}"
    );
}

/// No address in a request is gone to, whatever the page, signed in or not.
#[test]
fn x56_no_page_leads_elsewhere() {
    const PAGES: [&str; 13] = [
        "authorize",
        "sign-in",
        "second-factor",
        "enrol",
        "patient",
        "approve",
        "apps",
        "sessions",
        "sign-out",
        "developer",
        "clients",
        "accounts",
        "upstream",
    ];
    const NAMES: [&str; 12] = [
        "to",
        "tx",
        "next",
        "return",
        "returnTo",
        "url",
        "redirect",
        "redirect_uri",
        "post_logout_redirect_uri",
        "iss",
        "invitation",
        "state",
    ];
    const PLACES: [&str; 5] = [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "javascript:alert(1)",
        "/auth/../\\/evil.example",
    ];
    Hospital::on_each(|hospital| {
        let place = &hospital.place;
        let asked = |browser: &mut Browser, page: &str, name: &str, to: &str| {
            let url = format!("{}/auth/{page}?{name}={}", place.origin, coded(to));
            let answer = browser.ask(&url, None, &[]);
            stays_here(&format!("{page} {name}={to}"), &answer);
        };
        let (mut user, nobody) = (hospital.user(), Browser::new());
        for page in PAGES {
            for name in NAMES {
                // Copies: what a page does to the cookie is not carried on.
                asked(&mut nobody.clone(), page, name, PLACES[0]);
                let is_read = ["to", "tx", "redirect_uri"].contains(&name);
                let places = if is_read { &PLACES[..] } else { &PLACES[..1] };
                for to in places {
                    asked(&mut user.clone(), page, name, to);
                }
            }
        }
        let out = user.ask(
            &format!("{}/auth/sign-out", place.origin),
            Some(&[("post_logout_redirect_uri", PLACES[0])]),
            &[],
        );
        assert_eq!(out.status, 200, "{}", out.text());
        stays_here("signing out", &out);
    });
}

#[track_caller]
fn stays_here(why: &str, answer: &Answer) {
    assert!(answer.status < 500, "{why}: {}", answer.text());
    if let Some(to) = answer.header("location") {
        let is_ours = to.starts_with("/auth/") && !to.contains("evil") && !to.contains('\\');
        assert!(is_ours, "{why}: {to}");
    }
    let shown = answer.text();
    for link in [
        "href=\"https://evil",
        "href=\"//evil",
        "href=\"javascript",
        "action=\"https://evil",
        "action=\"//evil",
    ] {
        assert!(!shown.contains(link), "{why}: {shown}");
    }
}
