//! The second factor: a code of the authenticator app, a recovery code, or a passkey (C7, AT7b).

use super::browser::{self, Browser};
use super::lifetime::{self, CODE, Proof, RECOVERY_CODE};
use super::throttle::{self, Guess};
use super::way::Way;
use super::{passkey, recovery, session};
use crate::answer::{Answer, OAuthError};
use crate::authorize;
use crate::endpoints::Endpoint;
use crate::page::{OnlyPasskey, Page, SecondFactor};
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::state::{self, Account, Changes, Held, Refused, SessionRow};
use crate::trail::Trail;
use session::Assurance;
use ward_seal::TotpSecret;

pub(super) async fn answer(
    server: &AuthorizationServer,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let way = Way::of(request);
    let Some(held) = lifetime::held(server, request.session, request.now_s).await? else {
        return Ok(way.step(Endpoint::SignIn));
    };
    trail.session(&held.session);
    let found = state::get::<Account>(server.store(), &held.session.account, request.now_s).await?;
    let Some(account) = found.filter(|account| !account.closed) else {
        return Ok(way.step(Endpoint::SignIn));
    };
    if !account.has_second_factor() {
        return Ok(way.step(Endpoint::Enrol));
    }
    if request.method != "POST" {
        return show(server, &account, &held, request, 200, None).await;
    }
    server
        .forms()
        .check(request, Endpoint::SecondFactor.path())?;
    if request.parameters.get("decision") == Some("back") {
        return authorize::give_up(server, request, trail).await;
    }
    trail.event("mfa-failure");
    match request.parameters.get("passkey") {
        Some(json) => by_passkey(server, json, account, held, request, trail).await,
        None => by_code(server, account, held, request, trail).await,
    }
}

async fn by_code(
    server: &AuthorizationServer,
    mut account: Held<Account>,
    held: Held<SessionRow>,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let now_s = request.now_s;
    let counted = throttle::attempt(server, Guess::Code, &account.username, request);
    let attempt = match counted.await? {
        Ok(attempt) => attempt,
        Err(wait_s) => {
            trail.event("lock");
            trail.refused();
            let wait = throttle::wait(wait_s);
            let page = show(server, &account, &held, request, 429, Some(&wait)).await?;
            return Ok(page.retry_after(wait_s));
        }
    };
    let code = request.parameters.get("code").unwrap_or_default();
    let Some(proof) = proved(&mut account, code, now_s) else {
        trail.refused();
        return show(server, &account, &held, request, 400, Some(WRONG)).await;
    };
    account.last_sign_in_s = Some(now_s);
    // The step or the recovery code is used up with the account's row: of two that send the same, one gets in.
    let right = throttle::right(server, &attempt, now_s).await?;
    let changes = right.replace(&account);
    let proof = proof.after(&held.session);
    begin(server, account, &proof, changes, held, request, trail).await
}

/// What a code proves; it is used up in the account.
fn proved(account: &mut Account, code: &str, now_s: i64) -> Option<Proof> {
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let secret = account.totp.as_deref().and_then(TotpSecret::from_base32);
    if let Some(step) = secret.and_then(|s| s.verify(&digits, now_s, account.totp_step)) {
        account.totp_step = Some(step);
        return Some(CODE);
    }
    recovery::use_up(&mut account.recovery_codes, code).then_some(RECOVERY_CODE)
}

async fn by_passkey(
    server: &AuthorizationServer,
    json: &str,
    account: Held<Account>,
    held: Held<SessionRow>,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let cookie = request.session.unwrap_or_default();
    let shown = passkey::shown(server, cookie, json, request.now_s).await?;
    match shown.filter(|shown| shown.account.username == account.username) {
        Some(shown) => {
            let changes = shown.changes;
            begin(
                server,
                shown.account,
                &shown.proof,
                changes,
                held,
                request,
                trail,
            )
            .await
        }
        None => {
            trail.refused();
            show(server, &account, &held, request, 400, Some(NO_PASSKEY)).await
        }
    }
}

/// A session of more assurance in place of the one before, at the same place.
async fn begin(
    server: &AuthorizationServer,
    account: Held<Account>,
    proof: &Proof,
    changes: Changes,
    held: Held<SessionRow>,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let place = browser::same_place(server, request, &held).await?;
    match lifetime::begin(server, &account, proof, place, request, changes).await? {
        Ok(begun) => {
            trail.begun(&begun);
            Ok(begun.given(Answer::redirect(Way::of(request).end())))
        }
        Err(Refused::Conflict(_)) => {
            trail.refused();
            show(server, &account, &held, request, 400, Some(WRONG)).await
        }
        Err(Refused::Unavailable) => Err(OAuthError::unavailable()),
    }
}

async fn show(
    server: &AuthorizationServer,
    account: &Account,
    held: &SessionRow,
    request: &Request<'_>,
    status: u16,
    error: Option<&str>,
) -> Result<Answer, OAuthError> {
    let way = Way::of(request);
    let browser = Browser::of(request);
    let waiting = way.waiting(server, request.now_s).await?;
    let form = server
        .forms()
        .form(&browser.cookie, &way.link(Endpoint::SecondFactor));
    let has_passkeys = !account.passkeys.is_empty();
    let challenge = has_passkeys
        .then(|| passkey::challenge(server, &browser, request.now_s))
        .flatten();
    // A code adds nothing to two factors, unless they must be fresh: only a passkey is surer.
    let takes_code = way.demands_fresh() || held.session.assurance() < Some(Assurance::Multiple);
    let only_passkey = OnlyPasskey {
        app: waiting.as_ref().map(|waiting| waiting.app.clone()),
        has_one: challenge.is_some(),
        add: passkey::rp_id(server).map(|_| way.link(Endpoint::Enrol)),
        onward: way.end(),
    };
    let page = SecondFactor {
        form: form.leading_to(waiting.map(|waiting| waiting.redirect_uri)),
        error: error.map(str::to_owned),
        passkey_challenge: challenge,
        rp_id: passkey::rp_id(server).unwrap_or_default().to_owned(),
        has_totp: account.totp.is_some(),
        takes_code,
        only_passkey: (!takes_code).then_some(only_passkey),
    };
    Ok(browser.given(Answer::page(status, Page::SecondFactor(page))))
}

const WRONG: &str = "The code is wrong or was used before.";
const NO_PASSKEY: &str =
    "This passkey is not one of this account's, or the page was open for too long. Try again.";
