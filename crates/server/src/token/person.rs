//! A person signs in with password and code, agrees to what the app asks for, and the app redeems its code: the whole way of
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html>, without a browser.

use super::browser::{Browser, Page, Shown};
use super::remote::{Issued, Remote, form};
use crate::demo::callers::{PersonFile, SessionFile};
use crate::wiring::clock_us;
use std::collections::HashMap;
use ward_seal::{TotpSecret, base64url, hash, random, totp};
use ward_smart::{DemoCaller, Endpoint};

/// What is asked for.
pub struct Asked<'a> {
    pub caller: DemoCaller,
    pub scope: &'a str,
    /// What is asserted: purposes of use.
    pub purpose: Option<&'a str>,
    /// To be chosen where the person may choose.
    pub patient: Option<&'a str>,
}

/// Pages that an authorization can go through, each of them twice.
const PAGES_MAX: usize = 10;

pub async fn token(
    remote: &Remote,
    asked: &Asked<'_>,
    person: &PersonFile,
    session: &mut SessionFile,
) -> Result<Issued, String> {
    let endpoints = remote.endpoints().await?;
    let (verifier, state) = (random::token(), random::token());
    let redirect_uri = asked.caller.redirect_uri(&endpoints.issuer);
    let challenge = base64url(&hash::sha256(verifier.as_bytes()));
    let mut fields = vec![
        ("response_type", "code"),
        ("client_id", asked.caller.client_id()),
        ("redirect_uri", &redirect_uri),
        ("scope", asked.scope),
        ("state", &state),
        ("aud", remote.base()),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    fields.extend(asked.purpose.map(|purpose| ("purpose_of_use", purpose)));
    let query = form(&fields);
    let mut browser = Browser::new(remote, &endpoints.issuer, session.cookie());
    let begun = format!("{}?{query}", endpoints.authorization_endpoint);
    let back = walked(&mut browser, &begun, asked, person).await;
    if let Some(cookie) = browser.cookie() {
        session.keep(cookie)?;
    }
    let code = code(&back?, &redirect_uri, &state)?;
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", asked.caller.client_id()),
        ("code", &code),
        ("redirect_uri", &redirect_uri),
        ("code_verifier", &verifier),
    ];
    remote.token(&endpoints.token_endpoint, &fields).await
}

/// Fills in page after page; where the last one leads.
async fn walked(
    browser: &mut Browser<'_>,
    begun: &str,
    asked: &Asked<'_>,
    person: &PersonFile,
) -> Result<String, String> {
    let mut shown = browser.get(begun).await?;
    let mut codes = Codes::of(person)?;
    let mut passwords_left = 1;
    for _ in 0..PAGES_MAX {
        let page = match shown {
            Shown::Elsewhere(location) => return Ok(location),
            Shown::Page(page) => page,
        };
        shown = match page.endpoint() {
            Some(Endpoint::SignIn) if passwords_left > 0 => {
                passwords_left -= 1;
                let (username, password) = (&*person.username, &*person.password);
                let fields = [("username", username), ("password", password)];
                browser.send(&page, &fields).await?
            }
            Some(Endpoint::SecondFactor) => {
                let code = codes.next().ok_or_else(|| stopped(&page))?;
                browser.send(&page, &[("code", &code)]).await?
            }
            Some(Endpoint::ChoosePatient) if !page.has_error() => {
                let patient = asked.patient.ok_or_else(|| stopped(&page))?;
                browser.send(&page, &[("patient", patient)]).await?
            }
            Some(Endpoint::Approve) if !page.has_error() => {
                let scopes = page.ticked("scope");
                let mut fields: Vec<_> = scopes.iter().map(|s| ("scope", s.as_str())).collect();
                fields.push(("decision", "approve"));
                browser.send(&page, &fields).await?
            }
            _ => return Err(stopped(&page)),
        };
    }
    Err("the sign-in does not come to an end".to_owned())
}

fn stopped(page: &Page) -> String {
    let heading = page.heading();
    let why = page.text_of("p");
    format!("the sign-in stops at the page \"{heading}\": {why}")
}

/// The codes that the server takes at this moment: each once, so that the second is tried when somebody has just used the first.
struct Codes {
    secret: TotpSecret,
    steps: std::ops::RangeInclusive<u64>,
}

impl Codes {
    fn of(person: &PersonFile) -> Result<Codes, String> {
        let secret = TotpSecret::from_base32(&person.totp_secret);
        let present = totp::step(clock_us() / 1_000_000);
        Ok(Codes {
            secret: secret.ok_or("the secret of the authenticator app is none")?,
            steps: present..=present + totp::WINDOW_STEPS,
        })
    }

    fn next(&mut self) -> Option<String> {
        self.steps.next().map(|step| self.secret.code(step))
    }
}

/// The code in the address that the app is sent back to.
fn code(back: &str, redirect_uri: &str, state: &str) -> Result<String, String> {
    let query = back
        .strip_prefix(redirect_uri)
        .and_then(|rest| rest.strip_prefix('?'))
        .ok_or_else(|| format!("the sign-in leads to {back}, not back to the app"))?;
    let known: HashMap<&str, &str> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .collect();
    match (known.get("code"), known.get("state")) {
        // Both are base64url: nothing in them is escaped.
        (Some(code), Some(given)) if *given == state => Ok((*code).to_owned()),
        _ => {
            let why = known.get("error_description").or(known.get("error"));
            let why = why.map_or_else(String::new, |text| text.replace("%20", " "));
            Err(format!("the server gives no code: {why}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_taken_from_our_own_address_only() {
        let back = "http://127.0.0.1/x";
        let read = |text: &str| code(text, back, "s").ok();
        assert_eq!(
            read("http://127.0.0.1/x?code=c&state=s&iss=i"),
            Some("c".into())
        );
        for other in [
            "http://127.0.0.1/x?code=c&state=t",
            "http://127.0.0.1/x?code=c",
            "http://127.0.0.1/y?code=c&state=s",
            "http://127.0.0.1/x?error=access_denied&state=s",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
