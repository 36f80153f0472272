//! One's own factors: the first, which must be there before anything clinical opens (C7), and further ones.

use super::browser::{self, Browser};
use super::lifetime::{self, CODE};
use super::session::Assurance;
use super::throttle::{self, Guess};
use super::way::Way;
use super::{factors, invitation, recovery};
use crate::answer::{Answer, OAuthError};
use crate::endpoints::Endpoint;
use crate::page::{EnrolTotp, Page, RecoveryCodes};
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::state::{self, Account, Changes, Enrolment, Held, Refused, SECRET_SHOWN_S, SessionRow};
use crate::trail::Trail;
use ward_seal::TotpSecret;

/// Factors are changed by who has just signed in, not by who finds the browser open.
pub(super) const FRESH_S: i64 = 30 * 60;

pub(super) async fn answer(
    server: &AuthorizationServer,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    if let Some(token) = request.parameters.get("invitation") {
        return invitation::answer(server, token, request, trail).await;
    }
    let way = Way::of(request);
    let now_s = request.now_s;
    let Some(held) = lifetime::held(server, request.session, now_s).await? else {
        return Ok(Way::to(Endpoint::Enrol).step(Endpoint::SignIn));
    };
    trail.session(&held.session);
    let found = state::get::<Account>(server.store(), &held.session.account, now_s).await?;
    let Some(account) = found.filter(|account| !account.closed) else {
        return Ok(way.step(Endpoint::SignIn));
    };
    let is_sure = held.session.assurance() >= Some(Assurance::Multiple);
    if !is_sure && account.has_second_factor() {
        // Else a password alone would be enough to put another second factor beside the first.
        return Ok(way.step(Endpoint::SecondFactor));
    }
    if is_sure && now_s.saturating_sub(held.session.auth_time_s) > FRESH_S {
        let back = match way.is_of_an_app() {
            true => way,
            false => Way::to(Endpoint::Enrol),
        };
        return Ok(back.step(Endpoint::SignIn));
    }
    let person = Enrolling {
        account,
        held,
        way,
        is_sure,
    };
    if request.method == "POST" {
        server.forms().check(request, Endpoint::Enrol.path())?;
        return posted(server, person, request, trail).await;
    }
    if !is_sure || request.parameters.get("step") == Some("totp") {
        return show_secret(server, &person, request, None).await;
    }
    Ok(factors::show(server, &person, request, None))
}

/// Whose factors are changed, from where.
pub(super) struct Enrolling {
    pub account: Held<Account>,
    pub held: Held<SessionRow>,
    pub way: Way,
    is_sure: bool,
}

async fn posted(
    server: &AuthorizationServer,
    person: Enrolling,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    match request.parameters.get("step") {
        Some("kept") if person.is_sure => {
            trail.event("page");
            return Ok(Answer::redirect(person.way.end()));
        }
        Some("totp") => return confirm(server, person, request, trail).await,
        _ if !person.is_sure => return show_secret(server, &person, request, None).await,
        _ => {}
    }
    match request.parameters.get("decision") {
        Some("totp") => Ok(Answer::redirect(link(&person.way, "totp"))),
        Some("recovery-codes") => {
            trail.event("recovery-codes");
            new_recovery_codes(server, person, request).await
        }
        _ => factors::posted(server, person, request, trail).await,
    }
}

/// A code of the app shows that the secret is in it.
async fn confirm(
    server: &AuthorizationServer,
    mut person: Enrolling,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    trail.event("mfa-failure");
    let now_s = request.now_s;
    let username = &person.account.username;
    let counted = throttle::attempt(server, Guess::Code, username, request);
    let attempt = match counted.await? {
        Ok(attempt) => attempt,
        Err(wait_s) => {
            trail.event("lock");
            trail.refused();
            let wait = throttle::wait(wait_s);
            let page = show_secret(server, &person, request, Some((429, &wait))).await?;
            return Ok(page.retry_after(wait_s));
        }
    };
    let id = &person.held.session.id;
    let Some(shown) = state::get::<Enrolment>(server.store(), id, now_s).await? else {
        return show_secret(server, &person, request, Some((400, TOO_OLD))).await;
    };
    let code = request.parameters.get("code").unwrap_or_default();
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let secret = TotpSecret::from_base32(&shown.totp);
    let Some(step) = secret.and_then(|secret| secret.verify(&digits, now_s, None)) else {
        trail.refused();
        return show_secret(server, &person, request, Some((400, WRONG))).await;
    };
    person.account.totp = Some(shown.totp.clone());
    person.account.totp_step = Some(step);
    let codes = recovery::generate();
    person.account.recovery_codes = codes.iter().map(|code| recovery::kept(code)).collect();
    let right = throttle::right(server, &attempt, now_s).await?;
    trail.event("mfa-enrol");
    let changes = right.remove(&shown).replace(&person.account);
    if person.is_sure {
        return match state::commit(server.store(), changes, now_s).await {
            Ok(()) => Ok(show_codes(server, &person.way, request.session, codes)),
            Err(refused) => Err(refused.into()),
        };
    }
    begin(server, person, changes, codes, request, trail).await
}

/// The first second factor is there: the session counts for two from now on.
async fn begin(
    server: &AuthorizationServer,
    mut person: Enrolling,
    changes: Changes,
    codes: Vec<String>,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let place = browser::same_place(server, request, &person.held).await?;
    person.account.last_sign_in_s = Some(request.now_s);
    let proof = CODE.after(&person.held.session);
    let begun = lifetime::begin(server, &person.account, &proof, place, request, changes);
    match begun.await? {
        Ok(begun) => {
            trail.session(&begun.session);
            let answer = show_codes(server, &person.way, Some(&begun.cookie), codes);
            Ok(begun.given(answer))
        }
        Err(Refused::Conflict(_)) => {
            show_secret(server, &person, request, Some((400, WRONG))).await
        }
        Err(Refused::Unavailable) => Err(OAuthError::unavailable()),
    }
}

async fn new_recovery_codes(
    server: &AuthorizationServer,
    mut person: Enrolling,
    request: &Request<'_>,
) -> Result<Answer, OAuthError> {
    let codes = recovery::generate();
    person.account.recovery_codes = codes.iter().map(|code| recovery::kept(code)).collect();
    let changes = Changes::new().replace(&person.account);
    state::commit(server.store(), changes, request.now_s).await?;
    Ok(show_codes(server, &person.way, request.session, codes))
}

/// Shows the secret of this session, and makes it where there is none yet: the same one when the page is loaded again. `error`: a
/// status and its text.
async fn show_secret(
    server: &AuthorizationServer,
    person: &Enrolling,
    request: &Request<'_>,
    error: Option<(u16, &str)>,
) -> Result<Answer, OAuthError> {
    let secret = secret(server, person, request.now_s).await?;
    let browser = Browser::of(request);
    let base32 = secret.base32();
    let groups: Vec<&str> = (0..base32.len())
        .step_by(4)
        .map(|at| &base32[at..at + 4])
        .collect();
    let page = EnrolTotp {
        form: server
            .forms()
            .form(&browser.cookie, &link(&person.way, "totp")),
        secret: groups.join(" "),
        uri: secret.uri("Ward", &person.account.username),
        error: error.map(|(_, text)| text.to_owned()),
    };
    let status = error.map_or(200, |(status, _)| status);
    Ok(Answer::page(status, Page::EnrolTotp(page)))
}

async fn secret(
    server: &AuthorizationServer,
    person: &Enrolling,
    now_s: i64,
) -> Result<TotpSecret, OAuthError> {
    let id = &person.held.session.id;
    for _ in 0..2 {
        let shown = state::get::<Enrolment>(server.store(), id, now_s).await?;
        if let Some(secret) = shown.and_then(|shown| TotpSecret::from_base32(&shown.totp)) {
            return Ok(secret);
        }
        let secret = TotpSecret::generate();
        let enrolment = Enrolment {
            id: id.clone(),
            account: person.account.username.clone(),
            totp: secret.base32(),
            expires_s: now_s.saturating_add(SECRET_SHOWN_S),
        };
        match state::commit(server.store(), Changes::new().insert(&enrolment), now_s).await {
            Ok(()) => return Ok(secret),
            // The page was loaded twice at once: the other's secret is the one.
            Err(Refused::Conflict(_)) => {}
            Err(Refused::Unavailable) => break,
        }
    }
    Err(OAuthError::unavailable())
}

fn show_codes(
    server: &AuthorizationServer,
    way: &Way,
    cookie: Option<&str>,
    codes: Vec<String>,
) -> Answer {
    let form = server
        .forms()
        .form(cookie.unwrap_or_default(), &link(way, "kept"));
    Answer::page(200, Page::RecoveryCodes(RecoveryCodes { form, codes }))
}

/// A step on the way.
fn link(way: &Way, step: &str) -> String {
    let path = way.link(Endpoint::Enrol);
    let mark = if path.contains('?') { '&' } else { '?' };
    format!("{path}{mark}step={step}")
}

const WRONG: &str = "The code does not fit. Check that the clock of your device is right.";
const TOO_OLD: &str = "The page was open for too long. Here is a new secret.";
