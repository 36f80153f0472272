//! X64, X65: addresses that somebody writes into a request lead nowhere. A listener of this machine hears whoever comes, and its port
//! is one that the server may ask.

use crate::apps::{self, Place, redeeming};
use crate::upstream::browser::{Browser, coded};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use ward_seal::base64url;
use ward_testkit::{Answer, Client, Server, Start, backends};

/// Counts who connects by IPv4 and, where there is any, IPv6.
struct Canary {
    port: u16,
    heard: Arc<AtomicUsize>,
}

/// What whoever connects is answered, and nobody must be shown.
const TOLD: &str = "what-the-canary-tells";

impl Canary {
    fn listening() -> Canary {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(AtomicUsize::new(0));
        let listeners = [Some(listener), TcpListener::bind(("::1", port)).ok()];
        for listener in listeners.into_iter().flatten() {
            let heard = heard.clone();
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    heard.fetch_add(1, Ordering::SeqCst);
                    let Ok(mut stream) = stream else { return };
                    let _ = stream.read(&mut [0; 4096]);
                    let answer = format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{TOLD}",
                        TOLD.len()
                    );
                    let _ = stream.write_all(answer.as_bytes());
                }
            });
        }
        Canary { port, heard }
    }

    fn heard(&self) -> usize {
        self.heard.load(Ordering::SeqCst)
    }
}

/// Ways to write an address that leads to the listener, to this network or to what only a machine of a cloud can ask.
fn urls(port: u16) -> Vec<String> {
    let hosts = [
        "127.0.0.1",
        "127.1",
        "127.255.255.254",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "0xa9fea9fe",
        "100.64.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:10.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[2002:7f00:1::]",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "ward.localhost",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "user@127.0.0.1",
        "user:secret@localhost",
        "good.example@127.0.0.1",
    ];
    let https = hosts
        .iter()
        .map(|host| format!("https://{host}:{port}/latest/meta-data"));
    let others = [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("https://127.0.0.1:{port}\\@good.example/"),
        format!("https://127.0.0.1:{port}/#good.example"),
        format!("//127.0.0.1:{port}/"),
        format!("ftp://127.0.0.1:{port}/"),
        format!("gopher://127.0.0.1:{port}/_GET"),
        format!("ws://127.0.0.1:{port}/"),
        "https://127.0.0.1:22/".to_owned(),
        "https://127.0.0.1:5432/".to_owned(),
        "file:///etc/passwd".to_owned(),
    ];
    https.chain(others).collect()
}

struct Asker {
    place: Place,
    loader: Client,
    user: Browser,
}

/// A place in a request where an address can stand.
type Entry = (&'static str, fn(&Asker, &str) -> Answer);

const ENTRIES: [Entry; 16] = [
    ("keys of a registration", |asker, url| {
        let keys = json!({ "kind": "system", "scope": "system/*.rs", "token_endpoint_auth_method": "private_key_jwt",
            "jwks_uri": url });
        register(asker, keys).expect(400)
    }),
    ("links of a registration", |asker, url| {
        let links = json!({ "redirect_uris": [apps::CALLBACK], "scope": "openid user/*.rs", "logo_uri": url,
            "sector_identifier_uri": url, "tos_uri": url, "policy_uri": url, "initiate_login_uri": url,
            "request_uris": [url], "backchannel_logout_uri": url });
        register(asker, links)
    }),
    ("header of an assertion", |asker, url| {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let assertion = signed_by_nobody(
            "JWT",
            url,
            &json!({ "iss": "demo-lab", "sub": "demo-lab", "jti": url }),
        );
        let fields = [
            ("grant_type", "client_credentials"),
            ("scope", "system/*.rs"),
            ("client_assertion_type", kind),
            ("client_assertion", &assertion),
        ];
        asker.place.post("/auth/token", &fields)
    }),
    ("header and issuer of a token", |asker, url| {
        let token = signed_by_nobody(
            "at+jwt",
            url,
            &json!({ "iss": url, "aud": url, "sub": "x" }),
        );
        asker.place.get(&token, "Patient").expect(401)
    }),
    ("header of a proof", |asker, url| {
        let proof = signed_by_nobody(
            "dpop+jwt",
            url,
            &json!({ "htm": "POST", "htu": url, "jti": url }),
        );
        let fields = redeeming("demo-app", "x");
        asker.place.post_with("/auth/token", &fields, Some(&proof))
    }),
    ("request_uri", |asker, url| {
        let request = apps::request(&asker.place, "demo-app", &[("request_uri", Some(url))]);
        asker.user.clone().ask(&request, None, &[])
    }),
    ("pushed request_uri", |asker, url| {
        let fields = [("client_id", "demo-app"), ("request_uri", url)];
        asker.place.post("/auth/par", &fields).expect(400)
    }),
    ("parameters of an authorization", |asker, url| {
        let names = [
            "aud",
            "redirect_uri",
            "resource",
            "iss",
            "launch",
            "id_token_hint",
        ];
        let change = names.map(|name| (name, Some(url)));
        let request = apps::request(&asker.place, "demo-app", &change);
        asker.user.clone().ask(&request, None, &[])
    }),
    ("issuer that comes back", |asker, url| {
        let url = coded(url);
        let back = format!("/auth/upstream?state=x&code=y&iss={url}&error_uri={url}");
        let back = format!("{}{back}", asker.place.origin);
        asker.user.clone().ask(&back, None, &[])
    }),
    ("endpoint of a Subscription", |asker, url| {
        let channel =
            json!({ "type": "rest-hook", "endpoint": url, "payload": "application/fhir+json" });
        let subscription = json!({ "resourceType": "Subscription", "status": "requested", "reason": "x",
            "criteria": "Observation?code=x", "channel": channel });
        let made = asker.loader.post("Subscription", &subscription);
        let observation = json!({ "resourceType": "Observation", "status": "final",
            "code": { "coding": [{ "code": "x" }] } });
        asker.loader.post("Observation", &observation).expect(201);
        made
    }),
    ("profile that is validated against", |asker, url| {
        let resource = json!({ "resourceType": "Basic", "meta": { "profile": [url] }, "code": { "text": "x" } });
        let path = format!("Basic/$validate?profile={}", coded(url));
        asker.loader.post(&path, &resource)
    }),
    ("references, attachments and profiles", |asker, url| {
        let resource = json!({ "resourceType": "DocumentReference", "status": "current",
            "meta": { "profile": [url], "source": url }, "implicitRules": url,
            "subject": { "reference": url }, "content": [{ "attachment": { "url": url, "contentType": "text/plain" } }] });
        asker.loader.post("DocumentReference", &resource)
    }),
    ("canonicals", |asker, url| {
        let include = json!({ "system": url, "valueSet": [url] });
        let set = json!({ "resourceType": "ValueSet", "status": "draft", "url": url,
            "compose": { "include": [include] } });
        asker.loader.post("ValueSet", &set);
        let response = json!({ "resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": url });
        asker.loader.post("QuestionnaireResponse", &response)
    }),
    ("parameters of a search", |asker, url| {
        let url = coded(url);
        for query in [
            format!("Observation?code:in={url}"),
            format!("Observation?code:not-in={url}"),
            format!("Observation?subject={url}"),
            format!("Observation?_profile={url}"),
            format!("Observation?_filter=code%20in%20%22{url}%22"),
        ] {
            let answer = asker.loader.get(&query);
            assert!(answer.status < 500, "{query}: {}", answer.text());
        }
        asker
            .loader
            .get(&format!("ValueSet?url={url}&_source={url}"))
    }),
    ("entries of a bundle", |asker, url| {
        let basic = json!({ "resourceType": "Basic", "code": { "text": "x" } });
        let entry = |method: &str| json!({ "fullUrl": url, "resource": basic, "request": { "method": method, "url": url } });
        let bundle = json!({ "resourceType": "Bundle", "type": "batch", "entry": [entry("GET"), entry("POST")] });
        asker.loader.post("", &bundle)
    }),
    ("headers", |asker, url| {
        const NAMES: [&str; 7] = [
            "Origin",
            "Referer",
            "Forwarded",
            "X-Forwarded-Host",
            "Link",
            "Content-Location",
            "Prefer",
        ];
        let request = asker.loader.request("GET", "Patient?_count=1");
        let sent = NAMES
            .iter()
            .fold(request, |request, name| request.header(name, url));
        sent.send()
    }),
];

fn register(asker: &Asker, mut metadata: Value) -> Answer {
    for (name, value) in [
        ("client_name", json!("Listener")),
        ("owner", json!("Example Ltd")),
        ("purpose", json!("A test")),
        ("contacts", json!(["it@app.example"])),
    ] {
        metadata[name] = value;
    }
    let url = format!("{}/auth/register", asker.place.origin);
    let request = asker.place.http.request("POST", &url);
    let body = metadata.to_string().into_bytes();
    request.body("application/json", body).send()
}

/// A token that says where its key would be.
fn signed_by_nobody(typ: &str, url: &str, claims: &Value) -> String {
    let header = json!({ "typ": typ, "alg": "ES384", "kid": "x", "jku": url, "x5u": url });
    let part = |value: &Value| base64url(value.to_string().as_bytes());
    format!("{}.{}.{}", part(&header), part(claims), base64url(&[7; 96]))
}

#[test]
fn x64_x65_an_address_in_a_request_is_asked_by_nobody() {
    for backend in backends() {
        println!("on {backend:?}");
        let canary = Canary::listening();
        let start = Start::empty(backend)
            .with("smart.open_registration", "true")
            .with("egress.ports", &format!("[443, 8443, {}]", canary.port))
            .with("rates.failures_per_minute", "0")
            .with("rates.unauthenticated_per_minute", "0")
            .with("rates.client_per_minute", "0")
            .with("rates.address_per_minute", "0");
        let server = Server::start(start);
        let place = Place::of(&server);
        let asker = Asker {
            loader: server.client("loader"),
            user: apps::signed_in(&server, &place, "clinician"),
            place,
        };
        let urls = urls(canary.port);
        assert!(urls.len() >= 40);
        for (entry, ask) in ENTRIES {
            for url in &urls {
                let answer = ask(&asker, url);
                assert!(answer.status < 500, "{entry}: {url}: {}", answer.text());
                assert!(!answer.text().contains(TOLD), "{entry}: {url}");
                assert_eq!(canary.heard(), 0, "{entry}: {url}");
            }
        }
        // Whatever is done afterwards.
        std::thread::sleep(std::time::Duration::from_millis(500));
        assert_eq!(canary.heard(), 0);
    }
}

/// The provider that people sign in with, too, is asked where the guard permits it and nowhere else. Here it is heard that the
/// listener hears.
#[test]
fn x65_a_provider_within_this_machine_is_for_development() {
    let backend = backends()[0];
    let canary = Canary::listening();
    let asked = |issuer: String, loopback: &str| {
        let own = [
            ("upstream.issuer", issuer.as_str()),
            ("upstream.name", "Elsewhere"),
            ("upstream.client_id", "ward"),
            ("upstream.secret_environment", "ELSEWHERES_SECRET"),
            (
                "upstream.private_hosts",
                &format!("[\"127.0.0.1:{}\"]", canary.port),
            ),
            ("egress.ports", &format!("[443, {}]", canary.port)),
            ("egress.loopback_http", loopback),
        ];
        let start = Start::empty(backend).variable("ELSEWHERES_SECRET", "x");
        let start = own
            .iter()
            .fold(start, |start, (name, value)| start.with(name, value));
        let server = Server::start(start);
        let mut browser = Browser::new();
        let page = browser.get(&format!("{}/auth/sign-in", Place::of(&server).origin));
        let page = browser.follow(&page, "Sign in with Elsewhere");
        assert_eq!(page.status, 503, "{page:?}");
        assert!(!page.html().contains(TOLD), "{page:?}");
        canary.heard()
    };
    assert_eq!(
        asked(format!("https://127.0.0.1:{}", canary.port), "false"),
        0
    );
    assert_eq!(
        asked(format!("https://localhost:{}", canary.port), "false"),
        0
    );
    assert_eq!(
        asked(format!("http://127.0.0.1:{}", canary.port), "true"),
        1
    );
}
