//! Signing in: a password and then a second factor, or a passkey at once. One answer and the same work for every failure, so that
//! nobody learns who has an account (C22, X59).

use super::browser::{self, Browser};
use super::lifetime::{self, PASSWORD};
use super::throttle::{self, Guess};
use super::way::Way;
use super::{account, passkey, password, session, shared_computer, upstream};
use crate::answer::{Answer, OAuthError};
use crate::endpoints::Endpoint;
use crate::page::{Page, SignIn};
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::state::{self, Account, Changes, Held, Refused};
use crate::trail::Trail;
use ward_seal::password::Checked;

pub(super) async fn answer(
    server: &AuthorizationServer,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    if request.method != "POST" {
        return show(server, request, 200, None).await;
    }
    server.forms().check(request, Endpoint::SignIn.path())?;
    trail.event("login-failure");
    match request.parameters.get("passkey") {
        Some(json) => by_passkey(server, json, request, trail).await,
        None if takes_password(server) => by_password(server, request, trail).await,
        None => {
            trail.refused();
            show(server, request, 403, Some(NO_PASSWORDS)).await
        }
    }
}

/// Whether passwords of this server still open it.
fn takes_password(server: &AuthorizationServer) -> bool {
    server
        .upstream()
        .is_none_or(|provider| provider.settings.local_password)
}

async fn by_password(
    server: &AuthorizationServer,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let now_s = request.now_s;
    let typed = request.parameters.get("username").unwrap_or_default();
    let Some(username) = account::username(typed) else {
        trail.refused();
        return show(server, request, 400, Some(WRONG)).await;
    };
    let counted = throttle::attempt(server, Guess::Password, &username, request);
    let attempt = match counted.await? {
        Ok(attempt) => attempt,
        Err(wait_s) => {
            trail.event("lock");
            trail.refused();
            let page = show(server, request, 429, Some(&throttle::wait(wait_s))).await?;
            return Ok(page.retry_after(wait_s));
        }
    };
    let found = state::get::<Account>(server.store(), &username, now_s).await?;
    let Some(account) = checked(server, found, request).await? else {
        trail.refused();
        return show(server, request, 400, Some(WRONG)).await;
    };
    let changes = throttle::right(server, &attempt, now_s).await?;
    begin(server, &account, &PASSWORD, changes, request, trail).await
}

/// The account, when the password is its own and it is open.
async fn checked(
    server: &AuthorizationServer,
    found: Option<Held<Account>>,
    request: &Request<'_>,
) -> Result<Option<Held<Account>>, OAuthError> {
    let sent = password::normalized(request.parameters.get("password").unwrap_or_default());
    let stored = found.as_ref().and_then(|account| account.password.clone());
    let hashing = server.hashing();
    let outcome = password::check(hashing, sent.clone(), stored).await?;
    let Some(mut account) = found.filter(|account| !account.closed && sent.is_some()) else {
        return Ok(None);
    };
    match outcome {
        Checked::Wrong => return Ok(None),
        Checked::Right => {}
        Checked::RightButOld => {
            let hash = password::hash(hashing, sent.unwrap_or_default()).await?;
            account.password = Some(hash);
            // Who changes the account at the same moment wins; the hash is made anew another time.
            let renewed = Changes::new().replace(&account);
            let _ = state::commit(server.store(), renewed, request.now_s).await;
        }
    }
    Ok(Some(account))
}

async fn by_passkey(
    server: &AuthorizationServer,
    json: &str,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let cookie = request.session.unwrap_or_default();
    let Some(shown) = passkey::shown(server, cookie, json, request.now_s).await? else {
        trail.refused();
        return show(server, request, 400, Some(NO_PASSKEY)).await;
    };
    begin(
        server,
        &shown.account,
        &shown.proof,
        shown.changes,
        request,
        trail,
    )
    .await
}

/// A new session, and on to the second factor or to where the way leads.
async fn begin(
    server: &AuthorizationServer,
    account: &Account,
    proof: &lifetime::Proof,
    changes: Changes,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let before = lifetime::held(server, request.session, request.now_s).await?;
    let place = browser::place(server, request, before.as_deref()).await?;
    let begun = match lifetime::begin(server, account, proof, place, request, changes).await? {
        Ok(begun) => begun,
        Err(Refused::Conflict(_)) => {
            trail.refused();
            return show(server, request, 400, Some(AT_ONCE)).await;
        }
        Err(Refused::Unavailable) => return Err(OAuthError::unavailable()),
    };
    trail.begun(&begun);
    let way = Way::of(request);
    let answer = if begun.session.assurance() >= Some(session::Assurance::Multiple) {
        Answer::redirect(way.end())
    } else if account.has_second_factor() {
        way.step(Endpoint::SecondFactor)
    } else {
        way.step(Endpoint::Enrol)
    };
    Ok(begun.given(answer))
}

async fn show(
    server: &AuthorizationServer,
    request: &Request<'_>,
    status: u16,
    error: Option<&str>,
) -> Result<Answer, OAuthError> {
    let way = Way::of(request);
    let browser = Browser::of(request);
    let waiting = way.waiting(server, request.now_s).await?;
    let form = server
        .forms()
        .form(&browser.cookie, &way.link(Endpoint::SignIn));
    let computer = shared_computer::here(server, request).await?;
    let computer = computer.map(|computer| computer.row.name);
    let page = SignIn {
        form: form.leading_to(waiting.as_ref().map(|w| w.redirect_uri.clone())),
        username: request
            .parameters
            .get("username")
            .unwrap_or_default()
            .to_owned(),
        error: error.map(str::to_owned),
        organization: server.settings().organization.name.clone(),
        app: waiting.map(|waiting| waiting.app),
        passkey_challenge: passkey::challenge(server, &browser, request.now_s),
        rp_id: passkey::rp_id(server).unwrap_or_default().to_owned(),
        upstream: upstream::links(server, request, &browser.cookie, computer.is_some()),
        takes_password: takes_password(server),
        shared: request.parameters.get("shared").is_some(),
        computer,
    };
    Ok(browser.given(Answer::page(status, Page::SignIn(page))))
}

const WRONG: &str = "The user name or the password is wrong.";
const NO_PASSWORDS: &str =
    "Passwords of this server are not taken. Use one of the other ways to sign in.";
const NO_PASSKEY: &str =
    "This passkey does not open any account here, or the page was open for too long. Try again.";
const AT_ONCE: &str = "This was used at the same moment elsewhere. Try again.";
