//! X56: attacks on an app's way to its tokens, over HTTP: on codes, their binding to who asked for them, and on which server answered.

use super::hospital::Hospital;
use crate::apps::{self, CALLBACK, Place, STATE, VERIFIER, parameter, redeem, request, text};
use crate::upstream::browser::Browser;
use serde_json::json;
use ward_seal::pkce;
use ward_testkit::{Answer, Start, backends};

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

/// S38: one browser, two servers, five authorizations at each at once. Each answer says whose it is and brings its own state; what
/// one server gave is of no use at the other (mix-up).
#[test]
fn s38_two_issuers_in_one_browser_do_not_mix() {
    for backend in backends() {
        println!("on {backend:?}");
        let hospitals = [(); 2].map(|()| Hospital::open(Start::empty(backend)));
        let mut browser = hospitals[0].user();
        let other = hospitals[1].user();
        let origin = &hospitals[1].place.origin;
        browser.put_cookie(origin, other.cookie(origin).unwrap());
        let mut begun = Vec::new();
        for n in 0..5 {
            for (at, hospital) in hospitals.iter().enumerate() {
                let state = format!("state {n} of {at}");
                let request = request(&hospital.place, &hospital.app, &[("state", Some(&state))]);
                let page = browser.get(&request);
                assert_eq!(page.path(), "/auth/approve", "{page:?}");
                begun.push((at, state, page));
            }
        }
        // Answered in another order than they were begun.
        let mut codes = Vec::new();
        for (at, state, page) in begun.iter().rev() {
            let end = apps::allowed(&mut browser, page).url;
            assert_eq!(parameter(&end, "state").as_ref(), Some(state), "{end}");
            let issuer = parameter(&end, "iss").unwrap();
            assert_eq!(issuer, hospitals[*at].place.issuer(), "{end}");
            codes.push((*at, parameter(&end, "code").unwrap()));
        }
        for (n, (at, code)) in codes.iter().enumerate() {
            let (own, other) = (&hospitals[*at], &hospitals[1 - at]);
            // An app that took the other server for the one that answered.
            no_tokens("the other's", &redeem(&other.place, &other.app, code));
            // That the other has seen it is not known here; who asks with the other's name is nobody.
            if n % 2 == 0 {
                let stranger = redeem(&own.place, &other.app, code);
                assert!(matches!(stranger.status, 400 | 401), "{}", stranger.text());
            } else {
                let token = text(
                    &redeem(&own.place, &own.app, code).expect(200).json(),
                    "access_token",
                );
                own.place.get(&token, "Patient?_count=1").expect(200);
                other.place.get(&token, "Patient?_count=1").expect(401);
            }
        }
    }
}
