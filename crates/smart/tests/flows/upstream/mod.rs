//! Signing in through another OpenID provider.

mod mapping;
mod provider;
mod refusals;

pub use mapping::*;
pub use refusals::*;

use crate::answers::*;
use crate::asks::*;
use crate::house::*;
use provider::{SECRET, Signed, UPSTREAM, Upstream, claims_of};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use ward_seal::{TotpSecret, totp};
use ward_smart::fetch::Outgoing;
use ward_smart::page::{Form, SignIn};
use ward_smart::settings::{self, ClientSecret, TwoFactors, UnknownPeople};
use ward_smart::{Answer, AuthorizationServer, Cookie, Endpoint, Page, Secrets, Settings};

/// A server whose people may sign in with the provider, on the house's store.
struct Place {
    house: House,
    server: AuthorizationServer,
    upstream: Arc<Upstream>,
}

impl Place {
    async fn new(house: House, change: impl FnOnce(&mut settings::Upstream)) -> Place {
        let upstream = Arc::new(Upstream::new());
        let mut named = settings::Upstream {
            name: "City Hospital".into(),
            issuer: UPSTREAM.into(),
            client_id: "ward".into(),
            client_secret: ClientSecret::new(SECRET.into()),
            scopes: vec!["profile".into()],
            acr_values: vec![],
            parameters: BTreeMap::new(),
            claims: settings::Claims {
                fhir_user: Some("fhirUser".into()),
                roles: Some("groups".into()),
                ..settings::Claims::default()
            },
            roles: [("doctors".to_owned(), "physician".to_owned())].into(),
            two_factors: TwoFactors {
                acr: vec![],
                amr: vec!["mfa".into()],
            },
            unknown_people: UnknownPeople::Create,
            local_password: true,
        };
        change(&mut named);
        let settings = Settings {
            upstream: Some(named),
            ..Settings::for_base(BASE)
        };
        let secrets = Secrets {
            forms: [1; 32],
            nonces: [2; 32],
        };
        let engine = house.engine.clone();
        let outgoing = Outgoing {
            clients: house.shelf.clone(),
            upstream: upstream.clone(),
        };
        let server = AuthorizationServer::open(engine, settings, secrets, outgoing, NOW_S);
        Place {
            server: server.await.unwrap(),
            house,
            upstream,
        }
    }

    fn browser(&self) -> Browser<'_> {
        Browser {
            place: self,
            cookie: String::new(),
            device: String::new(),
            now_s: NOW_S,
        }
    }

    /// A browser in which the person has signed in there, with these claims.
    async fn signed_in(&self, claims: Value) -> Browser<'_> {
        let mut browser = self.browser();
        let answer = browser.through("", claims).await;
        assert_eq!(to(&answer), "/auth/apps");
        browser
    }
}

struct Browser<'a> {
    place: &'a Place,
    cookie: String,
    /// Secret that it keeps.
    device: String,
    now_s: i64,
}

impl Browser<'_> {
    async fn ask(&mut self, endpoint: Endpoint, ask: Ask) -> Answer {
        let ask = ask.cookie(&self.cookie).device(&self.device);
        let ask = ask.at(self.now_s);
        let answer = ask.of(&self.place.server, endpoint).await;
        if let Answer::Page { cookie, .. } | Answer::Redirect { cookie, .. } = &answer {
            match cookie {
                Cookie::Set(value) => self.cookie.clone_from(value),
                Cookie::Clear => self.cookie.clear(),
                Cookie::Keep => {}
            }
        }
        answer
    }

    async fn get(&mut self, path: &str) -> Answer {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        self.ask(Endpoint::at(path).unwrap(), Ask::get(query)).await
    }

    async fn send(&mut self, form: &Form, fields: &[(&str, &str)]) -> Answer {
        let path = form.action.split('?').next().unwrap();
        let ask = Ask::post(fields)
            .with("csrf", &form.csrf)
            .query(&form.action);
        self.ask(Endpoint::at(path).unwrap(), ask).await
    }

    async fn sign_in_page(&mut self, query: &str) -> SignIn {
        match shown(self.get(&format!("/auth/sign-in{query}")).await) {
            Page::SignIn(page) => page,
            other => panic!("{other:?}"),
        }
    }

    /// From the sign-in page to the provider: what it is asked.
    async fn leave(&mut self, query: &str) -> BTreeMap<String, String> {
        let page = self.sign_in_page(query).await;
        let (name, link) = &page.upstream[0];
        assert_eq!(name, "City Hospital");
        asked_there(&self.get(link).await)
    }

    /// There and back.
    async fn through(&mut self, query: &str, claims: Value) -> Answer {
        let asked = self.leave(query).await;
        let back = self.place.upstream.sign_in(&asked, claims, &Signed::Well);
        self.back(&back).await
    }

    async fn back(&mut self, query: &str) -> Answer {
        self.get(&format!("/auth/upstream?{query}")).await
    }

    async fn is_signed_in(&mut self) -> bool {
        self.get("/auth/sessions").await.status() == 200
    }
}

fn asked_there(answer: &Answer) -> BTreeMap<String, String> {
    let query = to(answer).strip_prefix(&format!("{UPSTREAM}/auth?"));
    let query = query.unwrap_or_else(|| panic!("not to the provider: {answer:?}"));
    pairs(query).into_iter().collect()
}

fn to(answer: &Answer) -> &str {
    match answer {
        Answer::Redirect { to, .. } => to,
        other => panic!("{other:?}"),
    }
}

/// Status and title of a page that says what went wrong, with the way back.
fn trouble(answer: Answer) -> (u16, String) {
    let status = answer.status();
    match shown(answer) {
        Page::Message(page) if page.is_error => {
            let (_, link) = page.link.unwrap();
            assert!(link.starts_with("/auth/sign-in"), "{link}");
            (status, page.title)
        }
        other => panic!("{other:?}"),
    }
}

pub async fn an_app_gets_whoever_signed_in_at_the_provider(house: House) {
    house.app(|_| ()).await;
    let place = Place::new(house, |_| ()).await;
    let mut browser = place.browser();
    let asked = asked("openid fhirUser user/Observation.rs");
    let begun = browser.ask(Endpoint::Authorize, asked.ask()).await;
    let query = to(&begun).strip_prefix("/auth/sign-in").unwrap().to_owned();
    let sent = browser.leave(&query).await;
    assert_eq!(sent["client_id"], "ward");
    assert_eq!(sent["response_type"], "code");
    assert_eq!(sent["scope"], "openid profile");
    assert_eq!(sent["redirect_uri"], "https://ward.example/auth/upstream");
    assert_eq!(sent["code_challenge_method"], "S256");
    assert_eq!(sent["max_age"], "43200");
    assert!(!sent.contains_key("prompt"));
    for name in ["state", "nonce", "code_challenge"] {
        assert_eq!(sent[name].len(), 43, "{name}");
    }
    let before = browser.cookie.clone();
    let back = place.upstream.sign_in(&sent, json!({}), &Signed::Well);
    let answer = browser.back(&back).await;
    assert_eq!(to(&answer), format!("/auth/authorize{query}"));
    assert_ne!(
        browser.cookie, before,
        "another cookie after a sign-in (X56)"
    );
    let page = browser.get(&format!("/auth/authorize{query}")).await;
    let page = match page {
        Answer::Redirect { to, .. } => browser.get(&to.clone()).await,
        page => page,
    };
    let Page::Approve(page) = shown(page) else {
        panic!("no page of approval")
    };
    let mut fields = vec![("decision", "approve")];
    fields.extend(
        page.asked
            .iter()
            .map(|asked| ("scope", asked.scope.as_str())),
    );
    let answer = browser.send(&page.form, &fields).await;
    let answer = match &answer {
        Answer::Redirect { to, .. } if to.starts_with('/') => browser.get(&to.clone()).await,
        _ => answer,
    };
    let token = ok(browser.ask(Endpoint::Token, redeem(&code(&answer))).await);
    let id_token = claims_of(token["id_token"].as_str().unwrap());
    assert_eq!(id_token["fhirUser"], format!("{BASE}/Practitioner/9"));
    assert_eq!(id_token["amr"], json!(["otp", "pwd", "mfa"]));
    assert_eq!(id_token["acr"], "mfa");
    assert_eq!(id_token["auth_time"], NOW_S - 5);
    let access = claims_of(token["access_token"].as_str().unwrap());
    assert_eq!(access["roles"], json!(["physician"]));
}

pub async fn c7_one_factor_there_needs_another_here(house: House) {
    let place = Place::new(house, |_| ()).await;
    let mut browser = place.browser();
    let one = json!({ "amr": ["pwd"] });
    let answer = browser.through("?to=/auth/sessions", one.clone()).await;
    assert_eq!(to(&answer), "/auth/enrol?to=/auth/sessions");
    assert!(!browser.is_signed_in().await);
    let Page::EnrolTotp(page) = shown(browser.get("/auth/enrol").await) else {
        panic!("no secret")
    };
    let secret = TotpSecret::from_base32(&page.secret).unwrap();
    let code = secret.code(totp::step(NOW_S) - 1);
    assert_eq!(
        browser.send(&page.form, &[("code", &code)]).await.status(),
        200
    );
    assert!(browser.is_signed_in().await);
    // The next time the factor is there.
    let mut another = place.browser();
    let answer = another.through("", one).await;
    assert_eq!(to(&answer), "/auth/second-factor");
    assert!(!another.is_signed_in().await);
    let Page::SecondFactor(page) = shown(another.get("/auth/second-factor").await) else {
        panic!("no second factor")
    };
    let code = secret.code(totp::step(NOW_S));
    let answer = another.send(&page.form, &[("code", &code)]).await;
    assert_eq!(to(&answer), "/auth/apps");
    assert!(another.is_signed_in().await);
    let session = place.session(&another.cookie).await;
    assert_eq!(session.amr, ["pwd", "otp", "mfa"]);
    assert_eq!(session.acr, "mfa");
    // Whoever comes with two there is asked for none here.
    place.signed_in(json!({})).await;
}

pub async fn s37_a_fresh_sign_in_is_asked_of_the_provider(house: House) {
    house.app(|_| ()).await;
    let place = Place::new(house, |_| ()).await;
    let mut browser = place.browser();
    let asked = asked("openid user/Observation.rs").with("prompt", "login");
    let begun = browser.ask(Endpoint::Authorize, asked.ask()).await;
    let query = to(&begun).strip_prefix("/auth/sign-in").unwrap().to_owned();
    let sent = browser.leave(&query).await;
    assert_eq!(
        (sent["prompt"].as_str(), sent["max_age"].as_str()),
        ("login", "0")
    );
    let old = json!({ "auth_time": NOW_S - 3600 });
    let back = place.upstream.sign_in(&sent, old, &Signed::Well);
    assert_eq!(
        trouble(browser.back(&back).await),
        (400, "Sign in anew".into())
    );
    let fresh = json!({ "auth_time": NOW_S });
    let answer = browser.through(&query, fresh).await;
    assert_eq!(to(&answer), format!("/auth/authorize{query}"));
    // One's own factors are for who signed in within half an hour.
    let sent = browser.leave("?to=/auth/enrol").await;
    assert_eq!(
        (sent["prompt"].as_str(), sent["max_age"].as_str()),
        ("login", "1800")
    );
}

pub async fn what_the_installation_wants_is_asked(house: House) {
    let place = Place::new(house, |upstream| {
        upstream.acr_values = vec!["gold".into(), "silver".into()];
        upstream.parameters = [("aud".to_owned(), "https://id.example/fhir".to_owned())].into();
        upstream.local_password = false;
    })
    .await;
    let mut browser = place.browser();
    browser.device = place.house.computer("desk-1").await;
    let page = browser.sign_in_page("").await;
    assert!(!page.takes_password);
    assert_eq!(page.upstream.len(), 1, "a shared computer is shared anyway");
    let sent = asked_there(&browser.get(&page.upstream[0].1).await);
    assert_eq!(sent["acr_values"], "gold silver");
    assert_eq!(sent["aud"], "https://id.example/fhir");
    let back = place.upstream.sign_in(&sent, json!({}), &Signed::Well);
    browser.back(&back).await;
    let session = place.session(&browser.cookie).await;
    assert_eq!(session.workstation, "id of desk-1");
    let mut other = place.browser();
    let page = other.sign_in_page("").await;
    assert!(page.upstream[1].1.ends_with("&shared=yes"));
    let typed = [("username", "okafor"), ("password", "anything")];
    assert_eq!(other.send(&page.form, &typed).await.status(), 403);
}

pub async fn s15_a_provider_may_change_its_keys(house: House) {
    use std::sync::atomic::Ordering;
    let place = Place::new(house, |_| ()).await;
    place.signed_in(json!({})).await;
    place.signed_in(json!({})).await;
    let fetches = || place.upstream.fetches_of_keys.load(Ordering::Relaxed);
    assert_eq!(fetches(), 1, "keys are kept");
    *place.upstream.key.lock().unwrap() = ward_seal::SigningKey::generate();
    let mut browser = place.browser();
    let refused = browser.through("", json!({})).await;
    assert_eq!(trouble(refused).0, 400, "looked at a moment ago");
    browser.now_s = NOW_S + 60;
    let answer = browser.through("", json!({})).await;
    assert_eq!(to(&answer), "/auth/apps");
    assert_eq!(fetches(), 2);
}

pub async fn s50_no_secret_of_the_provider_is_recorded(house: House) {
    let place = Place::new(house, |_| ()).await;
    let mut browser = place.browser();
    let sent = browser.leave("").await;
    let back = place.upstream.sign_in(&sent, json!({}), &Signed::Well);
    browser.back(&back).await;
    browser.back(&back).await;
    let posted = place.upstream.posted.lock().unwrap()[0].clone();
    let records = place.house.engine.log().records_from(0, 1000).unwrap();
    let text = format!("{records:?}");
    assert!(text.contains("upstream") && text.contains("Practitioner/9"));
    let names = ["state", "nonce", "code_challenge"].map(|name| sent[name].clone());
    let codes = ["code", "code_verifier"].map(|name| posted[name].clone());
    for secret in names.into_iter().chain(codes) {
        assert!(!text.contains(&secret));
    }
    assert!(!text.contains("canary") && !text.contains("u-1"));
}

impl Place {
    async fn session(&self, cookie: &str) -> ward_smart::people::session::Session {
        let id = ward_smart::state::digest(cookie);
        let row = self
            .house
            .held::<ward_smart::state::SessionRow>(&id, NOW_S)
            .await;
        row.unwrap().session
    }
}
