//! What the chapters about signing in share: an app of somebody else's at a running server, systems with keys of their own, and people
//! at browsers. All of it is registered, approved and signed in over HTTP.

use crate::rest::backend_service::BackendService;
use crate::upstream::browser::{Browser, Page, coded, form};
use crate::upstream::sign_in_there;
use serde_json::{Value, json};
use ward_seal::{Es384Key, pkce};
use ward_testkit::{Answer, Client, Server};

/// Where an app of somebody else's waits for its code.
pub const CALLBACK: &str = "https://app.example/cb";
pub const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-0123";
pub const STATE: &str = "a state & more";

const FORM: &str = "application/x-www-form-urlencoded";

/// A server as its clients reach it. Several nodes publish one base; in a test each is reached at an address of its own.
#[derive(Clone)]
pub struct Place {
    /// Scheme and authority that requests go to.
    pub origin: String,
    /// FHIR base as the server publishes it: what tokens and proofs are for.
    pub base: String,
    pub http: Client,
}

impl Place {
    pub fn of(server: &Server) -> Place {
        Place::at(server, server.base.strip_suffix("/fhir").unwrap())
    }

    /// A node that is reached at another origin than the published one.
    pub fn at(server: &Server, origin: &str) -> Place {
        Place {
            origin: origin.to_owned(),
            base: server.base.clone(),
            http: server.anonymous(),
        }
    }

    /// As the server publishes it.
    pub fn issuer(&self) -> &str {
        self.base.strip_suffix("/fhir").unwrap()
    }

    /// Asks the FHIR base with a bearer token.
    pub fn get(&self, token: &str, path: &str) -> Answer {
        let url = format!("{}/fhir/{path}", self.origin);
        let request = self.http.request("GET", &url);
        request
            .header("Authorization", &format!("Bearer {token}"))
            .send()
    }

    /// Sends a form to an endpoint for clients.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_with(path, fields, None)
    }

    /// The same with a DPoP proof.
    pub fn post_with(&self, path: &str, fields: &[(&str, &str)], proof: Option<&str>) -> Answer {
        let url = format!("{}{path}", self.origin);
        let mut request = self.http.request("POST", &url);
        if let Some(proof) = proof {
            request = request.header("DPoP", proof);
        }
        request.body(FORM, form(fields).into_bytes()).send()
    }

    /// Keys that the server publishes.
    pub fn published_keys(&self) -> Vec<Value> {
        let set = self.http.get(&format!("{}/auth/jwks", self.origin));
        let set = set.expect(200).json();
        set["keys"].as_array().unwrap().clone()
    }
}

/// A browser in which a person of the demo has signed in with two factors.
pub fn signed_in(server: &Server, place: &Place, username: &str) -> Browser {
    let mut browser = Browser::trusting(&server.authority());
    let page = browser.get(&format!("{}/auth/sessions", place.origin));
    let page = sign_in_there(&mut browser, server, page, username);
    assert_eq!(
        (page.status, page.path()),
        (200, "/auth/sessions"),
        "{page:?}"
    );
    browser
}

/// A public app that may do what users may, approved; its id. For a server with open registration.
pub fn app(place: &Place, admin: &mut Browser) -> String {
    let metadata = json!({ "client_name": "My Health", "redirect_uris": [CALLBACK],
        "scope": "openid fhirUser offline_access user/*.cruds" });
    registered(place, admin, metadata)["client_id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// A backend service that may read and write, approved. `more` is further metadata of its registration.
pub fn system(place: &Place, admin: &mut Browser, more: &Value) -> (String, BackendService) {
    const SCOPE: &str = "system/*.cruds";
    let key = Es384Key::generate();
    let keys: Value = serde_json::from_str(&key.public().to_json()).unwrap();
    let mut metadata = json!({ "client_name": "Lab system", "kind": "system", "scope": SCOPE,
        "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [keys] } });
    for (name, value) in more.as_object().unwrap() {
        metadata[name] = value.clone();
    }
    let id = registered(place, admin, metadata)["client_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let service = BackendService::new(place.http.clone(), &id, SCOPE, key);
    (id, service)
}

/// What the server answers to a registration, when an administrator has approved it.
pub fn registered(place: &Place, admin: &mut Browser, mut metadata: Value) -> Value {
    for (name, value) in [
        ("owner", json!("Example Ltd")),
        ("purpose", json!("A test")),
        ("contacts", json!(["it@app.example"])),
    ] {
        metadata[name] = value;
    }
    let url = format!("{}/auth/register", place.origin);
    let request = place.http.request("POST", &url);
    let request = request.body("application/json", metadata.to_string().into_bytes());
    let made = request.send().expect(201).json();
    let id = made["client_id"].as_str().unwrap();
    let page = decide(place, admin, id, "approve");
    assert!(page.html().contains("is approved for a year"), "{page:?}");
    made
}

/// An administrator decides about a client.
pub fn decide(place: &Place, admin: &mut Browser, client: &str, decision: &str) -> Page {
    let page = admin.get(&format!("{}/auth/clients?client={client}", place.origin));
    assert_eq!(page.path(), "/auth/clients", "{page:?}");
    admin.submit(&page, &[("decision", decision)])
}

/// An administrator says whose client a service is, and what for.
pub fn belongs(place: &Place, admin: &mut Browser, service: &str, rights: (&str, &str)) {
    belongs_cleared(place, admin, service, rights, "");
}

/// The same for a service that is cleared for so much.
pub fn belongs_cleared(
    place: &Place,
    admin: &mut Browser,
    service: &str,
    (organization, purposes): (&str, &str),
    clearance: &str,
) {
    let page = admin.get(&format!("{}/auth/clients?client={service}", place.origin));
    let fields = [
        ("decision", "rights"),
        ("scope", "system/*.cruds"),
        ("purpose_of_use", purposes),
        ("organization", organization),
        ("clearance", clearance),
        ("acts_for_user", ""),
        ("role", ""),
        ("acts_for_patient", ""),
    ];
    let page = admin.submit(&page, &fields);
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.html().contains(organization), "{page:?}");
}

/// An authorization request in order, which a test may spoil: `change` replaces, adds and (by `None`) removes parameters.
pub fn request(place: &Place, client: &str, change: &[(&str, Option<&str>)]) -> String {
    let challenge = pkce::challenge(VERIFIER);
    let mut pairs = vec![
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", CALLBACK),
        ("scope", "openid user/*.rs offline_access"),
        ("state", STATE),
        ("aud", place.base.as_str()),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in change {
        pairs.retain(|(known, _)| known != name);
        pairs.extend(value.map(|value| (*name, value)));
    }
    format!("{}/auth/authorize?{}", place.origin, form(&pairs))
}

/// Goes through an authorization and allows all that is asked; where the browser ends, where nobody is asked.
pub fn approved(browser: &mut Browser, request: &str) -> String {
    let page = agreed(browser, request);
    assert_eq!(page.status, 0, "no app is come to: {page:?}");
    page.url
}

/// The same for an app that has a page of its own.
pub fn agreed(browser: &mut Browser, request: &str) -> Page {
    let page = browser.get(request);
    match page.path() {
        "/auth/approve" => allowed(browser, &page),
        _ => page,
    }
}

/// Allows all that is ticked on a page of approval.
pub fn allowed(browser: &mut Browser, page: &Page) -> Page {
    let scopes = page.ticked("scope");
    let mut fields: Vec<_> = scopes.iter().map(|s| ("scope", s.as_str())).collect();
    fields.push(("decision", "approve"));
    browser.submit(page, &fields)
}

/// A code for an app.
pub fn code(place: &Place, browser: &mut Browser, client: &str) -> String {
    let url = approved(browser, &request(place, client, &[]));
    parameter(&url, "code").unwrap_or_else(|| panic!("no code: {url}"))
}

/// What a public app sends for a code.
pub fn redeeming<'a>(client: &'a str, code: &'a str) -> [(&'a str, &'a str); 5] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

pub fn redeem(place: &Place, client: &str, code: &str) -> Answer {
    place.post("/auth/token", &redeeming(client, code))
}

/// What a public app sends for new tokens.
pub fn refreshing<'a>(client: &'a str, token: &'a str) -> [(&'a str, &'a str); 3] {
    [
        ("grant_type", "refresh_token"),
        ("client_id", client),
        ("refresh_token", token),
    ]
}

pub fn refresh(place: &Place, client: &str, token: &str) -> Answer {
    place.post("/auth/token", &refreshing(client, token))
}

/// A member of an answer that is text.
pub fn text(answer: &Value, name: &str) -> String {
    let member = answer[name].as_str();
    member
        .unwrap_or_else(|| panic!("no {name}: {answer}"))
        .to_owned()
}

/// A parameter of a URL's query, decoded.
pub fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let value = query
        .split('&')
        .find_map(|pair| pair.strip_prefix(&format!("{}=", coded(name))))?;
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(&after[..2]).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    Some(String::from_utf8(bytes).unwrap())
}
