//! Scripts of other origins over HTTP: what is published is for all, tokens and data are for the apps that registered, pages for none.
//! <https://fetch.spec.whatwg.org/#http-cors-protocol> (S11, S12)

use super::{on_own, server};
use crate::apps::{self, Place};
use ward_testkit::{Answer, Client, backends};

/// The preflight of a browser, and the request that it sends when it may.
fn asked(client: &Client, method: &str, url: &str, origin: &str) -> [Answer; 2] {
    let preflight = client.request("OPTIONS", url).header("Origin", origin);
    let preflight = preflight
        .header("Access-Control-Request-Method", method)
        .header("Access-Control-Request-Headers", "authorization");
    let request = client.request(method, url).header("Origin", origin);
    [preflight.send(), request.send()]
}

/// What a script of the origin may read: by both answers, and never with cookies.
#[track_caller]
fn allowed(answers: &[Answer; 2]) -> Option<&str> {
    let [preflight, answer] = answers.each_ref().map(|answer| {
        assert_eq!(answer.header("Access-Control-Allow-Credentials"), None);
        answer.header("Access-Control-Allow-Origin")
    });
    assert_eq!(preflight, answer);
    assert!(answers[0].status < 300, "{}", answers[0].status);
    let methods = answers[0].header("Access-Control-Allow-Methods");
    assert_eq!(methods.is_some(), answer.is_some());
    answer
}

#[test]
fn s11_what_is_published_is_for_every_origin_over_http() {
    for backend in backends() {
        let client = server(backend).anonymous();
        let issuer = client.base.trim_end_matches("/fhir").to_owned();
        for url in [
            format!("{}/.well-known/smart-configuration", client.base),
            format!("{}/metadata", client.base),
            format!("{issuer}/.well-known/openid-configuration"),
            format!("{issuer}/auth/jwks"),
        ] {
            for origin in ["https://anything.example", "null"] {
                let answers = asked(&client, "GET", &url, origin);
                assert_eq!(answers[1].status, 200, "{url}");
                assert_eq!(allowed(&answers), Some("*"), "{url}");
            }
        }
    }
}

#[test]
fn s12_tokens_and_data_are_for_origins_of_registered_clients_over_http() {
    on_own(&[("smart.open_registration", "true")], |ward, _| {
        let place = Place::of(ward);
        apps::app(&place, &mut apps::signed_in(ward, &place, "admin"));
        let lab = ward.client("lab");
        let issuer = place.issuer();
        // Where that app is sent back to.
        let registered = "https://app.example";
        let token = format!("{issuer}/auth/token");
        let data = format!("{}/Patient?_count=1", lab.base);
        let refused = format!("{}/Claim?_count=1", lab.base);
        for (method, url) in [("POST", &token), ("GET", &data), ("GET", &refused)] {
            let answers = asked(&lab, method, url, registered);
            assert_eq!(allowed(&answers), Some(registered), "{url}");
            let vary = answers[1].headers.get_all("vary").iter();
            let vary: Vec<_> = vary.filter_map(|value| value.to_str().ok()).collect();
            assert!(vary.join(", ").contains("Origin"), "{url}: {vary:?}");
            let look_alike = format!("{registered}.evil.example");
            let shorter = &registered[..registered.len() - 1];
            for other in ["https://evil.example", "null", &look_alike, shorter, "*"] {
                let answers = asked(&lab, method, url, other);
                assert_eq!(allowed(&answers), None, "{url} for {other}");
            }
        }
        for page in ["sign-in", "authorize", "approve", "apps", "clients"] {
            let url = format!("{issuer}/auth/{page}");
            let page = lab.request("GET", &url).header("Origin", registered);
            let page = page.send();
            assert_eq!(page.header("Access-Control-Allow-Origin"), None, "{url}");
        }
    });
}
