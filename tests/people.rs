//! People whom an administrator of the demo invites: from the link to the browser in which they have signed in with two factors.

use crate::apps::{self, Place, VERIFIER, text};
use crate::upstream::browser::{Browser, Page};
use serde_json::Value;
use std::time::{SystemTime, UNIX_EPOCH};
use ward_seal::{TotpSecret, totp};

/// What a newcomer chooses.
pub const PASSWORD: &str = "lavender tin snow kettle";

/// Whoever followed the link of an invitation to its end.
pub struct Enrolled {
    pub browser: Browser,
    /// Of the authenticator app, in base32.
    pub totp_secret: String,
    pub recovery_codes: Vec<String>,
}

/// An app that people may use, and what it asks for.
pub struct App<'a> {
    pub client_id: &'a str,
    pub redirect_uri: &'a str,
    pub scope: &'a str,
}

/// An administrator adds an account; the token of its invitation. `more`: `role` and `fhir_user`.
pub fn invited(
    place: &Place,
    admin: &mut Browser,
    username: &str,
    more: &[(&str, &str)],
) -> String {
    let page = admin.get(&format!("{}/auth/accounts", place.origin));
    let add = [
        ("decision", "add"),
        ("username", username),
        ("name", username),
    ];
    let page = admin.submit(&page, &[&add, more].concat());
    between(&page, "/auth/enrol?invitation=", '<')
}

/// Password, authenticator app, recovery codes.
pub fn enrolled(place: &Place, invitation: &str) -> Enrolled {
    let mut browser = Browser::new();
    let page = browser.get(&format!(
        "{}/auth/enrol?invitation={invitation}",
        place.origin
    ));
    let page = browser.submit(&page, &[("password", PASSWORD), ("again", PASSWORD)]);
    assert_eq!(page.path(), "/auth/enrol", "{page:?}");
    let totp_secret = between(&page, "?secret=", '&');
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let step = totp::step(i64::try_from(since.as_secs()).unwrap());
    let code = TotpSecret::from_base32(&totp_secret).unwrap().code(step);
    let page = browser.submit(&page, &[("code", &code)]);
    let codes = page.html().split("<code translate=\"no\">").skip(1);
    let codes = codes.filter_map(|rest| rest.split('<').next());
    let recovery_codes: Vec<String> = codes.map(str::to_owned).collect();
    assert_eq!(recovery_codes.len(), 8, "{page:?}");
    Enrolled {
        browser,
        totp_secret,
        recovery_codes,
    }
}

/// An access token for an app of the person in this browser, who allows all that it asks for.
pub fn token(place: &Place, browser: &mut Browser, app: &App<'_>) -> String {
    text(&tokens(place, browser, app), "access_token")
}

/// All that the token endpoint answers.
pub fn tokens(place: &Place, browser: &mut Browser, app: &App<'_>) -> Value {
    let change = [
        ("redirect_uri", Some(app.redirect_uri)),
        ("scope", Some(app.scope)),
    ];
    let page = apps::agreed(browser, &apps::request(place, app.client_id, &change));
    let code = apps::parameter(&page.url, "code").unwrap_or_else(|| panic!("no code: {page:?}"));
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", app.client_id),
        ("code", &code),
        ("redirect_uri", app.redirect_uri),
        ("code_verifier", VERIFIER),
    ];
    let issued = place.post("/auth/token", &fields).expect(200).json();
    assert_eq!(issued["scope"], app.scope, "{issued}");
    issued
}

/// The claims of a token, unchecked.
pub fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&ward_seal::from_base64url(payload).unwrap()).unwrap()
}

fn between(page: &Page, before: &str, after: char) -> String {
    let rest = page.html().split_once(before);
    let rest = rest.unwrap_or_else(|| panic!("no {before}: {page:?}")).1;
    rest.split(after).next().unwrap().to_owned()
}
