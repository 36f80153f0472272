//! X56: attacks on the way from an app to its tokens, over HTTP: on codes, redirects, forms, sign-in and sessions.

use super::hospital::Hospital;
use crate::apps::{self, CALLBACK, Place, STATE, VERIFIER, parameter, redeem, request, text};
use crate::upstream::browser::{Browser, coded};
use serde_json::json;
use ward_seal::pkce;
use ward_testkit::Answer;

/// Another app's place, which is registered too, so that only the binding can tell them apart.
const OTHER_CALLBACK: &str = "https://other.example/cb";

fn other_app(place: &Place, admin: &mut Browser) -> String {
    let metadata = json!({ "client_name": "Other", "redirect_uris": [OTHER_CALLBACK, CALLBACK],
        "scope": "openid fhirUser offline_access user/*.cruds" });
    text(&apps::registered(place, admin, metadata), "client_id")
}

#[track_caller]
fn no_tokens(why: &str, answer: &Answer) {
    assert_eq!(answer.status, 400, "{why}: {}", answer.text());
    let answer = answer.json();
    assert_eq!(answer["error"], "invalid_grant", "{why}: {answer}");
    assert!(answer.get("access_token").is_none(), "{why}: {answer}");
}

/// A code that somebody has seen, or puts in the place of another, is of no use to them.
#[test]
fn x56_a_code_is_of_no_use_elsewhere() {
    Hospital::on_each(|hospital| {
        let Hospital { place, app, .. } = hospital;
        let other = other_app(place, &mut hospital.admin());
        let mut user = hospital.user();
        let sent = |code: &str, change: &[(&str, &str)]| {
            let fields = apps::redeeming(app, code);
            let fields = fields.map(|(name, value)| {
                let new = change.iter().find(|(changed, _)| *changed == name);
                (name, new.map_or(value, |(_, new)| *new))
            });
            let fields: Vec<_> = fields.into_iter().filter(|(_, v)| !v.is_empty()).collect();
            place.post("/auth/token", &fields)
        };
        // Injected into a session that the app began with another verifier.
        let code = apps::code(place, &mut user, app);
        let wrong = "another-verifier-of-forty-three-characters-and-more";
        for (why, verifier) in [
            ("another session's", wrong),
            ("none", ""),
            ("the challenge itself", &pkce::challenge(VERIFIER)),
        ] {
            no_tokens(why, &sent(&code, &[("code_verifier", verifier)]));
        }
        for uri in ["", OTHER_CALLBACK, "https://app.example/cb/"] {
            no_tokens(uri, &sent(&code, &[("redirect_uri", uri)]));
        }
        redeem(place, app, &code).expect(200);
        // In the hands of another app, which has everything that was seen: and then of nobody.
        let code = apps::code(place, &mut user, app);
        let stolen = sent(&code, &[("client_id", &other)]);
        no_tokens("another app's", &stolen);
        no_tokens("afterwards", &redeem(place, app, &code));
    });
}

/// Without PKCE, or with less of it, there is no code at all.
#[test]
fn x56_pkce_cannot_be_left_out() {
    Hospital::on_each(|hospital| {
        let Hospital { place, app, .. } = hospital;
        let mut user = hospital.user();
        for change in [
            &[("code_challenge", None)][..],
            &[("code_challenge", None), ("code_challenge_method", None)],
            &[("code_challenge_method", None)],
            &[("code_challenge_method", Some("plain"))],
            &[("code_challenge_method", Some("s256"))],
            &[
                ("code_challenge_method", Some("plain")),
                ("code_challenge", Some(VERIFIER)),
            ],
            &[("code_challenge", Some(""))],
            &[("code_challenge", Some("short"))],
        ] {
            let answer = user.ask(&request(place, app, change), None, &[]);
            let to = answer.expect(303).header("location").unwrap().to_owned();
            assert!(to.starts_with(&format!("{CALLBACK}?")), "{to}");
            assert_eq!(parameter(&to, "error").as_deref(), Some("invalid_request"));
            assert_eq!(parameter(&to, "code"), None, "{change:?}");
        }
        // Twice: whichever of the two a reader takes.
        let twice = format!("{}&code_challenge_method=plain", request(place, app, &[]));
        let to = user.ask(&twice, None, &[]).expect(303);
        assert_eq!(parameter(to.header("location").unwrap(), "code"), None);
    });
}

/// Every answer says which server it is of (RFC 9207), so that an app that speaks to several can tell.
#[test]
fn x56_an_answer_names_its_issuer() {
    Hospital::on_each(|hospital| {
        let Hospital { place, app, .. } = hospital;
        let known = place.http.get(".well-known/smart-configuration");
        let known = known.expect(200).json();
        assert_eq!(
            known["authorization_response_iss_parameter_supported"],
            true
        );
        let issuer = text(&known, "issuer");
        assert_eq!(issuer, place.issuer());
        let mut user = hospital.user();
        let good = apps::approved(&mut user, &request(place, app, &[]));
        let bad = request(
            place,
            app,
            &[("aud", Some("https://mixed-up.example/fhir"))],
        );
        let bad = apps::approved(&mut user, &bad);
        assert!(parameter(&good, "code").is_some() && parameter(&bad, "code").is_none());
        for answer in [good, bad] {
            assert_eq!(
                parameter(&answer, "iss").as_ref(),
                Some(&issuer),
                "{answer}"
            );
            assert_eq!(
                parameter(&answer, "state").as_deref(),
                Some(STATE),
                "{answer}"
            );
        }
    });
}

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

/// Another site can make a browser send what it likes, with the cookie. It cannot make it agree.
#[test]
fn x56_another_site_cannot_agree_for_a_person() {
    Hospital::on_each(|hospital| {
        let Hospital { place, app, .. } = hospital;
        let mut user = hospital.user();
        // The site begins an authorization in the person's browser: it ends at a page that asks.
        let page = user.get(&request(place, app, &[]));
        assert_eq!(page.path(), "/auth/approve", "{page:?}");
        let action = format!("{}{}", place.origin, page.action());
        let csrf = page.csrf();
        // Its own browser got a form of the same kind, of somebody else's authorization.
        let mut other = hospital.person("auditor");
        let foreign = other
            .get(&request(place, app, &[("scope", Some("openid"))]))
            .csrf();
        let of_another_page = user.get(&format!("{}/auth/enrol", place.origin)).csrf();
        let evil: &[(&str, &str)] = &[("Origin", "https://evil.example")];
        let ours = place.origin.clone();
        let longer = format!("{ours}.evil.example");
        let longer: &[(&str, &str)] = &[("Origin", &longer)];
        for (why, csrf, headers) in [
            ("no token", "", &[][..]),
            (
                "a guessed token",
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                &[],
            ),
            ("another person's token", &foreign, &[]),
            ("another page's token", &of_another_page, &[]),
            ("the right one from elsewhere", &csrf, evil),
            ("the right one from nowhere", &csrf, &[("Origin", "null")]),
            ("the right one from a longer name", &csrf, longer),
        ] {
            let fields = [("csrf", csrf), ("decision", "approve"), ("scope", "openid")];
            let answer = user.ask(&action, Some(&fields), headers);
            assert_eq!(answer.status, 400, "{why}: {}", answer.text());
            assert_eq!(answer.header("location"), None, "{why}");
        }
        // By a link, which needs no form.
        let link = format!(
            "{action}&decision=approve&scope=openid&csrf={}",
            coded(&csrf)
        );
        let shown = user.ask(&link, None, &[]);
        assert_eq!(
            (shown.status, shown.header("location")),
            (200, None),
            "{}",
            shown.text()
        );
        // Inside a frame nobody sees what they click on.
        let policy = shown.header("content-security-policy").unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        let fields = [
            ("csrf", csrf.as_str()),
            ("decision", "approve"),
            ("scope", "openid"),
        ];
        let done = user.ask(&action, Some(&fields), &[("Origin", &ours)]);
        assert!(parameter(done.expect(303).header("location").unwrap(), "code").is_some());
    });
}

/// A browser is signed in as who is at it, and a cookie from before a sign-in opens nothing after it.
#[test]
fn x56_nobody_is_signed_in_by_another() {
    Hospital::on_each(|hospital| {
        let place = &hospital.place;
        let url = format!("{}/auth/sign-in", place.origin);
        let person = hospital.secrets("admin");
        let (name, password) = (text(&person, "username"), text(&person, "password"));
        let fields = |csrf: &'_ str| {
            [
                ("csrf", csrf.to_owned()),
                ("username", name.clone()),
                ("password", password.clone()),
            ]
        };
        let send = |browser: &mut Browser, csrf: &str, headers: &[(&str, &str)]| {
            let fields = fields(csrf);
            let fields = fields
                .each_ref()
                .map(|(name, value)| (*name, value.as_str()));
            browser.ask(&url, Some(&fields), headers)
        };
        // Login CSRF: the attacker's own form and account, in the victim's browser.
        let (mut victim, mut attacker) = (Browser::new(), Browser::new());
        let own = victim.get(&url);
        let foreign = attacker.get(&url).csrf();
        assert_eq!(send(&mut victim, &foreign, &[]).status, 400);
        assert_eq!(send(&mut victim, "", &[]).status, 400);
        assert_eq!(
            send(&mut Browser::new(), &foreign, &[]).status,
            400,
            "no cookie at all"
        );
        let evil = [("Origin", "https://evil.example")];
        assert_eq!(send(&mut victim, &own.csrf(), &evil).status, 400);
        // Fixation: the attacker knows the cookie, having put it there or seen it.
        let fixed = "ward-session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        victim.put_cookie(&place.origin, fixed);
        let csrf = victim.get(&url).csrf();
        let signed_in = send(&mut victim, &csrf, &[]);
        assert_eq!(signed_in.status, 303, "{}", signed_in.text());
        let set = signed_in.header("set-cookie").unwrap();
        assert!(
            set.contains("HttpOnly") && set.contains("SameSite=Lax"),
            "{set}"
        );
        assert_ne!(victim.cookie(&place.origin), Some(fixed));
        attacker.put_cookie(&place.origin, fixed);
        for path in ["second-factor", "sessions", "apps"] {
            let answer = attacker.ask(&format!("{}/auth/{path}", place.origin), None, &[]);
            let to = answer.header("location").unwrap_or_default();
            assert!(to.starts_with("/auth/sign-in"), "{path}: {to}");
        }
        // Two cookies of the name: one of them is not ours.
        let both = format!("{}; {fixed}", victim.cookie(&place.origin).unwrap());
        attacker.put_cookie(&place.origin, &both);
        let answer = attacker.ask(&format!("{}/auth/second-factor", place.origin), None, &[]);
        assert!(
            answer
                .header("location")
                .unwrap_or_default()
                .starts_with("/auth/sign-in")
        );
    });
}
