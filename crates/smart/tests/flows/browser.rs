//! A browser that keeps its cookies, and people who were invited through it.

use crate::answers::*;
use crate::asks::*;
use crate::house::*;
use ward_seal::{TotpSecret, totp};
use ward_smart::page::{Form, SecondFactor, Sessions, SignIn};
use ward_smart::people::account::{self, NewAccount};
use ward_smart::{Answer, Cookie, Endpoint, Page};

pub const PASSWORD: &str = "lavender tin snow kettle";

/// A browser: its session, the secret that it keeps, and where it is.
pub struct Browser<'a> {
    house: &'a House,
    pub cookie: String,
    pub device: String,
    pub now_s: i64,
    pub source: String,
}

impl<'a> Browser<'a> {
    pub fn new(house: &'a House) -> Browser<'a> {
        Browser {
            house,
            cookie: String::new(),
            device: String::new(),
            now_s: NOW_S,
            source: "192.0.2.1".into(),
        }
    }

    pub async fn ask(&mut self, endpoint: Endpoint, ask: Ask) -> Answer {
        let ask = Ask {
            source: self.source.clone(),
            ..ask.cookie(&self.cookie).device(&self.device).at(self.now_s)
        };
        let answer = self.house.ask(endpoint, &ask).await;
        if let Answer::Page { cookie, device, .. } | Answer::Redirect { cookie, device, .. } =
            &answer
        {
            if let Some(secret) = device {
                self.device.clone_from(secret);
            }
            match cookie {
                Cookie::Set(value) => self.cookie.clone_from(value),
                Cookie::Clear => self.cookie.clear(),
                Cookie::Keep => {}
            }
        }
        answer
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        self.ask(Endpoint::at(path).unwrap(), Ask::get(query)).await
    }

    pub async fn send(&mut self, form: &Form, fields: &[(&str, &str)]) -> Answer {
        let (path, _) = form.action.split_once('?').unwrap_or((&form.action, ""));
        let ask = Ask::post(fields)
            .with("csrf", &form.csrf)
            .query(&form.action);
        self.ask(Endpoint::at(path).unwrap(), ask).await
    }

    pub async fn sign_in_page(&mut self, query: &str) -> SignIn {
        match shown(self.get(&format!("/auth/sign-in{query}")).await) {
            Page::SignIn(page) => page,
            other => panic!("{other:?}"),
        }
    }

    pub async fn password(&mut self, query: &str, username: &str, password: &str) -> Answer {
        let page = self.sign_in_page(query).await;
        let fields = [("username", username), ("password", password)];
        self.send(&page.form, &fields).await
    }

    pub async fn second_factor_page(&mut self) -> SecondFactor {
        match shown(self.get("/auth/second-factor").await) {
            Page::SecondFactor(page) => page,
            other => panic!("{other:?}"),
        }
    }

    pub async fn code(&mut self, code: &str) -> Answer {
        let page = self.second_factor_page().await;
        self.send(&page.form, &[("code", code)]).await
    }

    /// With password and code, at the shared computer where one is named.
    pub async fn sign_in(&mut self, username: &str, secret: &TotpSecret, computer: Option<&str>) {
        if let Some(name) = computer {
            self.device = self.house.computer(name).await;
        }
        let page = self.sign_in_page("").await;
        let fields = [("username", username), ("password", PASSWORD)];
        assert_eq!(
            to(&self.send(&page.form, &fields).await),
            "/auth/second-factor"
        );
        let code = secret.code(totp::step(self.now_s));
        assert_eq!(to(&self.code(&code).await), "/auth/apps");
    }

    pub async fn sessions_page(&mut self) -> Sessions {
        match shown(self.get("/auth/sessions").await) {
            Page::Sessions(page) => page,
            other => panic!("{other:?}"),
        }
    }

    pub async fn is_signed_in(&mut self) -> bool {
        self.get("/auth/sessions").await.status() == 200
    }
}

pub fn to(answer: &Answer) -> &str {
    match answer {
        Answer::Redirect { to, .. } => to,
        other => panic!("{other:?}"),
    }
}

pub fn new(username: &str) -> NewAccount {
    NewAccount {
        username: username.into(),
        name: format!("Name of {username}"),
        fhir_user: Some(format!("Practitioner/{username}")),
        roles: vec!["physician".into()],
    }
}

pub fn new_patient(username: &str, record: &str) -> NewAccount {
    NewAccount {
        fhir_user: Some(record.into()),
        roles: vec![],
        ..new(username)
    }
}

/// An account that was invited, with a password and an authenticator app; its secret and recovery codes.
pub async fn enrolled(house: &House, username: &str) -> (TotpSecret, Vec<String>) {
    enrolled_as(house, &new(username)).await
}

pub async fn enrolled_as(house: &House, new: &NewAccount) -> (TotpSecret, Vec<String>) {
    let username = new.username.as_str();
    let token = account::add(house.engine.store(), new, NOW_S)
        .await
        .unwrap();
    let mut browser = Browser::new(house);
    let Page::Invitation(page) = shown(
        browser
            .get(&format!("/auth/enrol?invitation={token}"))
            .await,
    ) else {
        panic!("no invitation")
    };
    assert_eq!(page.username, username);
    let chosen = [("password", PASSWORD), ("again", PASSWORD)];
    let answer = browser.send(&page.form, &chosen).await;
    assert_eq!(to(&answer), "/auth/enrol");
    let Page::EnrolTotp(page) = shown(browser.get("/auth/enrol").await) else {
        panic!("no secret")
    };
    let secret = TotpSecret::from_base32(&page.secret).unwrap();
    let code = secret.code(totp::step(NOW_S) - 1);
    let Page::RecoveryCodes(codes) = shown(browser.send(&page.form, &[("code", &code)]).await)
    else {
        panic!("no recovery codes")
    };
    assert!(browser.is_signed_in().await);
    assert_eq!(to(&browser.send(&codes.form, &[]).await), "/auth/apps");
    (secret, codes.codes)
}
