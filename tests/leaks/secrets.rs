//! S50, X61: every secret that signing in knows of is used for real, and sent to where it does not belong. Then the log at its most talkative,
//! the metrics, the local audit log, the addresses of all redirects and every answer are searched for it.

use super::canary::text_of;
use crate::apps::{self, Place, VERIFIER, text};
use crate::people;
use crate::rest::backend_service::{BackendService, Holder};
use crate::upstream::browser::Browser;
use serde_json::{Value, json};
use ward_seal::random;
use ward_testkit::{Answer, Server, Start, backends};

/// Shorter words could stand anywhere by chance.
const CHARACTERS_MIN: usize = 11;

/// What was seen of each secret, and what it is called when it is found.
#[derive(Default)]
struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    fn keep(&mut self, what: &'static str, secret: &str) {
        assert!(secret.len() >= CHARACTERS_MIN, "{what} is too short");
        self.0.push((what, secret.to_owned()));
    }

    fn keep_member(&mut self, what: &'static str, answer: &Value) {
        self.keep(what, &text(answer, what));
    }

    fn keep_cookie(&mut self, place: &Place, browser: &Browser) {
        let pair = browser.cookie(&place.origin).unwrap();
        self.keep("a session's cookie", pair.split_once('=').unwrap().1);
    }

    fn of(&self, what: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| *known == what);
        &found.unwrap_or_else(|| panic!("no {what}")).1
    }

    #[track_caller]
    fn demand_none(&self, place: &str, told: &str) {
        for (what, secret) in &self.0 {
            // Of a signed token no part, but for its header, which says nothing.
            for part in secret
                .split('.')
                .filter(|part| !part.starts_with("eyJhbGciOi"))
            {
                let at = told.find(part);
                let near = at.map(|at| &told[at.saturating_sub(200)..at]);
                assert_eq!(near, None, "{place} holds {what}");
            }
        }
    }
}

#[test]
fn s50_x61_no_secret_is_told() {
    for backend in backends() {
        println!("on {backend:?}");
        let start = Start::empty(backend)
            .with("server.metrics_listen", "127.0.0.1:0")
            .with("smart.open_registration", "true")
            .with("log.format", "json")
            .with("log.filter", "trace");
        let server = Server::start(start);
        let place = Place::of(&server);
        let mut secrets = Secrets::default();
        let mut admin = person(&server, &place, "admin", &mut secrets);
        let mut user = person(&server, &place, "clinician", &mut secrets);
        an_app(&place, &mut admin, &mut user, &mut secrets);
        a_system(&server, &mut secrets);
        invited(&place, &mut admin, &mut secrets);
        misplaced(&place, &mut user, &secrets);
        demand_quiet_pages(&place, &mut user);
        println!("  {} secrets", secrets.0.len());
        assert!(secrets.0.len() > 20, "every kind of secret was seen");

        secrets.demand_none("the metrics", &server.metrics());
        let (_, home) = server.stop();
        let folder = home.folder.path();
        let log = std::fs::read_to_string(folder.join("server.log")).unwrap();
        assert!(log.contains("\"level\":\"TRACE\"") && log.contains("\"message\":\"stopped\""));
        assert!(
            !log.contains("panicked"),
            "no message of a panic is there to tell anything"
        );
        secrets.demand_none("the log", &log);
        secrets.demand_none("the audit log", &text_of(&folder.join("audit-log")));
    }
}

fn person(server: &Server, place: &Place, username: &str, secrets: &mut Secrets) -> Browser {
    let path = server.data().join(format!("demo/{username}.json"));
    let known: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    secrets.keep_member("password", &known);
    secrets.keep_member("totp_secret", &known);
    let mut before = Browser::new();
    let page = before.get(&format!("{}/auth/sign-in", place.origin));
    secrets.keep("a form's token", &page.csrf());
    let browser = apps::signed_in(server, place, username);
    secrets.keep_cookie(place, &browser);
    browser
}

/// A confidential app from its registration to the second access token.
fn an_app(place: &Place, admin: &mut Browser, user: &mut Browser, secrets: &mut Secrets) {
    let metadata = json!({ "client_name": "Portal", "kind": "confidential", "redirect_uris": [apps::CALLBACK],
        "scope": "openid fhirUser offline_access user/*.rs", "token_endpoint_auth_method": "client_secret_basic" });
    let made = apps::registered(place, admin, metadata);
    secrets.keep_member("client_secret", &made);
    let id = text(&made, "client_id");
    let nonce = random::token();
    let request = apps::request(place, &id, &[("nonce", Some(&nonce))]);
    let end = apps::approved(user, &request);
    let code = apps::parameter(&end, "code").unwrap();
    // The one place for it is the address that the app is called at, and there is nothing else.
    secrets.demand_none("the app's address", &end);
    secrets.keep("a code", &code);
    secrets.keep("a verifier", VERIFIER);
    let secret = ("client_secret", secrets.of("client_secret").to_owned());
    let with = |fields: &[(&str, &str)]| {
        let all = [fields, &[(secret.0, secret.1.as_str())]].concat();
        place.post("/auth/token", &all).expect(200).json()
    };
    let first = with(&apps::redeeming(&id, &code));
    let old = text(&first, "refresh_token");
    let second = with(&apps::refreshing(&id, &old));
    for tokens in [&first, &second] {
        for member in ["access_token", "refresh_token"] {
            secrets.keep_member(member, tokens);
        }
    }
    secrets.keep_member("id_token", &first);
    place
        .get(&text(&second, "access_token"), "Patient?_count=1")
        .expect(200);
    // Used before: an alarm, which names no token.
    let again = apps::refreshing(&id, &old);
    let again = [&again[..], &[(secret.0, secret.1.as_str())]].concat();
    place.post("/auth/token", &again).expect(400);
}

fn a_system(server: &Server, secrets: &mut Secrets) {
    let service = BackendService::of(server);
    let assertion = service.assertion();
    service.ask_with(&assertion).expect(200);
    secrets.keep("an assertion", &assertion);
    secrets.keep("a system's token", &service.token());
    let mut holder = Holder::new();
    secrets.keep("a bound token", &service.bound_token(&mut holder));
    let url = format!("{}/Patient", server.base);
    let proof = holder.proof("GET", &url, None, service.now_s());
    secrets.keep("a proof", &proof);
    let key = std::fs::read_to_string(server.data().join("demo/loader.pem")).unwrap();
    secrets.keep("a private key", key.lines().nth(1).unwrap());
}

/// From the link of the invitation to the recovery codes.
fn invited(place: &Place, admin: &mut Browser, secrets: &mut Secrets) {
    let link = people::invited(place, admin, "okafor", &[("role", "nurse")]);
    secrets.keep("an invitation", &link);
    let newcomer = people::enrolled(place, &link);
    secrets.keep("a chosen password", people::PASSWORD);
    secrets.keep("a new secret of an app", &newcomer.totp_secret);
    for code in &newcomer.recovery_codes {
        secrets.keep("a recovery code", code);
    }
    secrets.keep_cookie(place, &newcomer.browser);
}

/// Each secret where it does not belong: in addresses, in parameters and headers of other names, at the wrong endpoint. Whatever is
/// answered repeats none.
fn misplaced(place: &Place, user: &mut Browser, secrets: &Secrets) {
    let origin = &place.origin;
    let told = |where_: &str, answer: &Answer| {
        secrets.demand_none(where_, &answer.text());
        for (name, value) in &answer.headers {
            // A page that is asked for again is named in full, by whoever asked.
            secrets.demand_none(
                &format!("{where_}, {name}"),
                value.to_str().unwrap_or_default(),
            );
        }
    };
    for (_, secret) in &secrets.0 {
        let coded = crate::upstream::browser::coded(secret);
        let bearer = |path: &str| place.get(secret, path);
        let plain = |path: String| place.http.get(&format!("{origin}{path}"));
        if !secret.contains(' ') {
            told("a bearer's refusal", &bearer("Observation/1"));
        }
        told("a read", &plain(format!("/fhir/Patient/{coded}")));
        told("a type", &plain(format!("/fhir/{coded}")));
        told(
            "a search",
            &plain(format!(
                "/fhir/Patient?access_token={coded}&identifier={coded}"
            )),
        );
        told("a path", &plain(format!("/auth/token/{coded}")));
        told("a query", &plain(format!("/auth/token?code={coded}")));
        for name in [
            "code",
            "refresh_token",
            "client_secret",
            "client_assertion",
            "code_verifier",
            "client_id",
            "grant_type",
            "scope",
        ] {
            let fields = [
                ("client_id", "demo-app"),
                ("grant_type", "authorization_code"),
                (name, secret.as_str()),
            ];
            told(name, &place.post("/auth/token", &fields));
        }
        told(
            "a proof",
            &place.post_with(
                "/auth/token",
                &[("grant_type", "client_credentials")],
                Some(secret),
            ),
        );
        for (path, name) in [
            ("revoke", "token"),
            ("introspect", "token"),
            ("par", "request_uri"),
        ] {
            told(
                path,
                &place.post(
                    &format!("/auth/{path}"),
                    &[("client_id", "demo-app"), (name, secret)],
                ),
            );
        }
        for path in [
            "authorize?client_id=",
            "authorize?tx=",
            "upstream?code=",
            "sign-in?workstation=",
            "computers?name=",
        ] {
            let url = format!("{origin}/auth/{path}{coded}");
            told(path, &user.clone().ask(&url, None, &[]));
        }
        let request = place
            .http
            .request("GET", &format!("{origin}/fhir/metadata"));
        let asked = ["X-Request-Id", "User-Agent", "Referer", "X-Forwarded-For"];
        asked
            .iter()
            .fold(request, |request, name| request.header(name, secret))
            .send()
            .expect(200);
    }
}

/// No page tells another site its address, which may name an authorization.
fn demand_quiet_pages(place: &Place, user: &mut Browser) {
    for path in [
        "sign-in",
        "second-factor",
        "enrol",
        "apps",
        "sessions",
        "developer",
        "clients",
        "accounts",
        "authorize",
    ] {
        for mut browser in [user.clone(), Browser::new()] {
            let answer = browser.ask(&format!("{}/auth/{path}", place.origin), None, &[]);
            let policy = answer.header("referrer-policy");
            assert!(
                matches!(policy, Some("same-origin" | "no-referrer")),
                "{path}: {policy:?}"
            );
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        }
    }
}
