//! A person of one Ward signs in at another: the second is the first's upstream provider, each in a process of its own.

pub mod browser;

use browser::{APP, Browser, Page};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use ward_seal::{TotpSecret, totp};
use ward_testkit::{Backend, Server, Start, backends};

/// Goes on from a page of the provider as the demo's person of this name, to the first page that is not its.
pub fn sign_in_there(browser: &mut Browser, provider: &Server, page: Page, username: &str) -> Page {
    let person = std::fs::read(provider.data().join(format!("demo/{username}.json"))).unwrap();
    let person: Value = serde_json::from_slice(&person).unwrap();
    let text = |name: &str| person[name].as_str().unwrap().to_owned();
    assert_eq!(page.path(), "/auth/sign-in", "{page:?}");
    let fields = [
        ("username", text("username")),
        ("password", text("password")),
    ];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let page = browser.submit(&page, &fields);
    assert_eq!(page.path(), "/auth/second-factor", "{page:?}");
    let secret = TotpSecret::from_base32(&text("totp_secret")).unwrap();
    let now_s = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    // A code passes once: the next one is taken where this test has just used the first.
    let step = totp::step(i64::try_from(now_s).unwrap());
    let page = browser.submit(&page, &[("code", &secret.code(step))]);
    match page.path() {
        "/auth/second-factor" => browser.submit(&page, &[("code", &secret.code(step + 1))]),
        _ => page,
    }
}

/// Registers the other Ward as a confidential client of the provider, which an administrator approves: id and secret.
fn registered(provider: &Server) -> (String, String) {
    let origin = origin(provider);
    let metadata = json!({
        "client_name": "The other Ward", "owner": "Example Hospital", "purpose": "Staff sign in here",
        "contacts": ["it@hospital.example"], "scope": "openid fhirUser",
        // Its port is not known yet: on loopback any will do (RFC 8252 §7.3).
        "redirect_uris": ["http://127.0.0.1/auth/upstream"],
        "token_endpoint_auth_method": "client_secret_basic"
    });
    let request = provider
        .anonymous()
        .request("POST", &format!("{origin}/auth/register"));
    let request = request.body("application/json", metadata.to_string().into_bytes());
    let made = request.send().expect(201).json();
    let id = made["client_id"].as_str().unwrap().to_owned();
    let mut browser = Browser::new();
    let page = browser.get(&format!("{origin}/auth/clients"));
    let page = sign_in_there(&mut browser, provider, page, "admin");
    assert_eq!(page.path(), "/auth/clients", "{page:?}");
    let page = browser.get(&format!("{origin}/auth/clients?client={id}"));
    let page = browser.submit(&page, &[("decision", "approve")]);
    assert!(page.html().contains("is approved for a year"), "{page:?}");
    (id, made["client_secret"].as_str().unwrap().to_owned())
}

fn origin(server: &Server) -> &str {
    server.base.strip_suffix("/fhir").unwrap()
}

/// A Ward whose people sign in at the provider.
fn beside(provider: &Server, backend: Backend, options: &[(&str, &str)]) -> Server {
    let (id, secret) = registered(provider);
    let parameters = format!("{{ aud = \"{}\" }}", provider.base);
    let prefix = format!("{}/", provider.base);
    let own = [
        ("upstream.issuer", origin(provider)),
        ("upstream.name", "the other Ward"),
        ("upstream.client_id", &id),
        ("upstream.secret_environment", "OTHER_WARDS_SECRET"),
        ("upstream.scopes", "[\"fhirUser\"]"),
        ("upstream.parameters", &parameters),
        ("upstream.fhir_user_claim", "fhirUser"),
        ("upstream.fhir_user_prefix", &prefix),
        ("egress.loopback_http", "true"),
    ];
    let start = Start::empty(backend).variable("OTHER_WARDS_SECRET", &secret);
    let start = own
        .iter()
        .chain(options)
        .fold(start, |start, (name, value)| start.with(name, value));
    Server::start(start)
}

fn provider(backend: Backend) -> Server {
    Server::start(Start::empty(backend).with("smart.open_registration", "true"))
}

#[test]
fn a_person_of_one_ward_is_signed_in_at_another() {
    for backend in backends() {
        let provider = provider(backend);
        let options = [
            ("upstream.unknown_people", "create"),
            ("upstream.acr_values", "[\"mfa\"]"),
        ];
        let ward = beside(&provider, backend, &options);
        let (here, there) = (origin(&ward).to_owned(), origin(&provider).to_owned());
        let mut browser = Browser::new();
        let page = browser.get(&format!("{here}/auth/sessions"));
        assert_eq!(page.path(), "/auth/sign-in");
        let page = browser.follow(&page, "Sign in with the other Ward");
        let page = sign_in_there(&mut browser, &provider, page, "clinician");
        assert_eq!(page.path(), "/auth/approve", "{page:?}");
        assert!(page.html().contains("The other Ward"), "{page:?}");
        let scopes = page.ticked("scope");
        let mut fields: Vec<_> = scopes
            .iter()
            .map(|scope| ("scope", scope.as_str()))
            .collect();
        fields.push(("decision", "approve"));
        let page = browser.submit(&page, &fields);
        // Back where the way began, with two factors, and nothing asked again.
        assert_eq!(page.url, format!("{here}/auth/sessions"), "{page:?}");
        assert_eq!(browser.visited, [here.clone(), there.clone(), here.clone()]);
        let told = app_token(&mut browser, &ward);
        assert_eq!(
            told["fhirUser"],
            format!("{}/Practitioner/demo-clinician", ward.base)
        );
        assert_eq!(told["acr"], "mfa");
        assert_eq!(told["amr"], json!(["otp", "pwd", "mfa"]));
        // Still signed in there: whoever signs out here passes through the next time.
        browser.sign_out(&page);
        let page = browser.get(&format!("{here}/auth/sessions"));
        assert_eq!(page.path(), "/auth/sign-in", "{page:?}");
        let page = browser.follow(&page, "Sign in with the other Ward");
        let page = match page.path() {
            "/auth/approve" => browser.submit(&page, &fields),
            _ => page,
        };
        assert_eq!(page.url, format!("{here}/auth/sessions"), "{page:?}");
        let (_, home) = provider.stop();
        drop(home);
        let page = Browser::new().get(&format!("{here}/auth/sign-in"));
        assert_eq!(page.status, 200, "the sign-in page needs no provider");
    }
}

/// The demo's desk app gets a token in this browser: what it says of the person.
fn app_token(browser: &mut Browser, ward: &Server) -> Value {
    let verifier = "a-verifier-of-at-least-forty-three-characters-0123";
    let here = origin(ward);
    let page = browser.get(&format!(
        "{here}/auth/authorize?response_type=code&client_id=demo-desk&redirect_uri={APP}&state=s&aud={}\
         &scope=openid%20fhirUser%20user/Observation.rs&code_challenge={}&code_challenge_method=S256",
        ward.base,
        ward_seal::pkce::challenge(verifier)
    ));
    let code = page
        .url
        .split(['?', '&'])
        .find_map(|pair| pair.strip_prefix("code="));
    let code = code.unwrap_or_else(|| panic!("no code: {page:?}"));
    let form = format!(
        "grant_type=authorization_code&client_id=demo-desk&redirect_uri={APP}&code={code}&code_verifier={verifier}"
    );
    let request = ward
        .anonymous()
        .request("POST", &format!("{here}/auth/token"));
    let request = request.body("application/x-www-form-urlencoded", form.into_bytes());
    let token = request.send().expect(200).json();
    let payload = token["id_token"]
        .as_str()
        .unwrap()
        .split('.')
        .nth(1)
        .unwrap();
    serde_json::from_slice(&ward_seal::from_base64url(payload).unwrap()).unwrap()
}

#[test]
fn whoever_is_unknown_is_refused_and_can_be_linked() {
    let provider = provider(Backend::Sqlite);
    let ward = beside(
        &provider,
        Backend::Sqlite,
        &[("upstream.acr_values", "[\"mfa\"]")],
    );
    let mut browser = Browser::new();
    let page = browser.get(&format!("{}/auth/sign-in", origin(&ward)));
    let page = browser.follow(&page, "Sign in with the other Ward");
    let page = sign_in_there(&mut browser, &provider, page, "clinician");
    let scopes = page.ticked("scope");
    let mut fields: Vec<_> = scopes
        .iter()
        .map(|scope| ("scope", scope.as_str()))
        .collect();
    fields.push(("decision", "approve"));
    let page = browser.submit(&page, &fields);
    assert_eq!(
        (page.status, page.heading().as_str()),
        (403, "No account here"),
        "{page:?}"
    );
    // Where nobody has signed in there is nothing to say no to.
    let page = browser.get(&format!("{}/auth/sessions", origin(&ward)));
    assert_eq!(page.path(), "/auth/sign-in");
    let page = browser.get(&format!("{}/auth/upstream?state=x&code=y", origin(&ward)));
    assert_eq!(
        (page.status, page.heading().as_str()),
        (400, "This sign-in is over"),
        "{page:?}"
    );
}
