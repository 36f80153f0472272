//! X56: attacks on an app's way to its tokens, over HTTP: on codes, their binding to who asked for them, and on which server answered.

use super::hospital::Hospital;
use crate::apps::{self, CALLBACK, Place, STATE, VERIFIER, parameter, redeem, request, text};
use crate::upstream::browser::Browser;
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
