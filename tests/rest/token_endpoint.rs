//! The token endpoint and the configuration as HTTP shows them: methods, media types, limits and what may be kept (S1, S16, S39, S48).
//! <https://www.rfc-editor.org/rfc/rfc6749#section-3.2>

use super::backend_service::BackendService;
use super::server;
use ward_testkit::{Answer, Client, Request, Server, backends};

const FORM: &str = "application/x-www-form-urlencoded";
/// What a request of the token endpoint may have at most.
const BODY_BYTES_MAX: usize = 64 * 1024;

fn on_each(conversation: impl Fn(&Server, &Client)) {
    for backend in backends() {
        println!("on {backend:?}");
        let server = server(backend);
        conversation(server, &server.anonymous());
    }
}

fn token_request(client: &Client, method: &str) -> Request {
    let origin = client.base.trim_end_matches("/fhir");
    client.request(method, &format!("{origin}/auth/token"))
}

/// An error of the protocol in JSON, which nobody keeps; with a description and nothing else.
fn is_error(answer: &Answer, status: u16, error: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.json()["error"], error, "{}", answer.text());
    assert!(answer.json()["error_description"].is_string());
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
    is_kept_by_nobody(answer);
}

fn is_kept_by_nobody(answer: &Answer) {
    assert_eq!(answer.header("Cache-Control"), Some("no-store"));
    assert_eq!(answer.header("Pragma"), Some("no-cache"));
}

#[test]
fn s39_tokens_and_refusals_are_kept_by_nobody() {
    on_each(|server, client| {
        let service = BackendService::of(server);
        let answer = service.ask_token(None).expect(200);
        assert_eq!(answer.header("Content-Type"), Some("application/json"));
        is_kept_by_nobody(&answer);
        let unproven = token_request(client, "POST").body(FORM, b"grant_type=password".to_vec());
        let unproven = unproven.send();
        assert!((400..500).contains(&unproven.status), "{}", unproven.text());
        is_kept_by_nobody(&unproven);
    });
}

#[test]
fn s48_other_methods_are_told_which_is_taken() {
    on_each(|server, client| {
        let assertion = BackendService::of(server).assertion();
        for method in ["GET", "PUT", "PATCH", "DELETE"] {
            let answer = token_request(client, method).send();
            is_error(&answer, 405, "invalid_request");
            assert_eq!(answer.header("Allow"), Some("POST, OPTIONS"), "{method}");
        }
        // All that is needed, in an address, which is in logs.
        let origin = client.base.trim_end_matches("/fhir");
        let kind = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
        let query = format!(
            "grant_type=client_credentials&scope=system%2FPatient.rs&client_assertion_type={kind}&client_assertion={assertion}"
        );
        let url = format!("{origin}/auth/token?{query}");
        assert_eq!(client.get(&url).status, 405);
        let posted = client.request("POST", &url).send();
        assert!((400..500).contains(&posted.status), "{}", posted.text());
        // It was not used up: the same in a form is taken.
        let form = token_request(client, "POST").body(FORM, query.into_bytes());
        form.send().expect(200);
    });
}

#[test]
fn s48_a_body_is_a_form() {
    on_each(|_, client| {
        let json = br#"{"grant_type":"client_credentials"}"#;
        for media_type in [
            "application/json",
            "application/fhir+json",
            "text/plain",
            "",
        ] {
            let request = token_request(client, "POST").body(media_type, json.to_vec());
            is_error(&request.send(), 400, "invalid_request");
        }
        let broken = token_request(client, "POST").body(FORM, b"grant_type=%zz".to_vec());
        is_error(&broken.send(), 400, "invalid_request");
    });
}

#[test]
fn s48_a_form_has_its_size() {
    on_each(|_, client| {
        let of = |bytes: usize| {
            let mut form = b"grant_type=none&x=".to_vec();
            form.resize(bytes, b'a');
            token_request(client, "POST").body(FORM, form).send()
        };
        let taken = of(BODY_BYTES_MAX);
        assert!((400..402).contains(&taken.status), "{}", taken.text());
        is_error(&of(BODY_BYTES_MAX + 1), 413, "invalid_request");
        let many = "x=1&".repeat(65).into_bytes();
        let many = token_request(client, "POST").body(FORM, many).send();
        is_error(&many, 413, "invalid_request");
    });
}

#[test]
fn s1_s16_the_configuration_is_json_whatever_is_asked_and_may_be_kept() {
    on_each(|_, client| {
        let ask = || client.request("GET", ".well-known/smart-configuration");
        let plain = ask().send().expect(200);
        for accept in ["application/fhir+xml", "text/html", "application/json", ""] {
            let answer = ask().header("Accept", accept).send().expect(200);
            let media_type = answer.header("Content-Type");
            assert_eq!(media_type, Some("application/json"), "{accept}");
            assert_eq!(answer.bytes, plain.bytes, "{accept}");
        }
        let kept = plain.header("Cache-Control").unwrap();
        assert!(kept.starts_with("public, max-age="), "{kept}");
        let tag = plain.header("ETag").unwrap();
        let again = ask().header("If-None-Match", tag).send().expect(304);
        assert!(again.bytes.is_empty());
        let other = ask().header("If-None-Match", "\"other\"").send();
        other.expect(200);
    });
}
