//! An invited person makes the account theirs: by a passkey, or by a password that a second factor follows. The invitation is used
//! up with it.

use super::browser::{self, Browser};
use super::lifetime::{self, DEVICE_PASSKEY, PASSWORD, Proof, SYNCED_PASSKEY};
use super::way::Way;
use super::{passkey, password};
use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::endpoints::Endpoint;
use crate::page::{Invitation, Page};
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::state::{self, Account, Changes, Enrolment, Held, Refused, digest};
use crate::trail::Trail;
use ward_seal::base64url;

pub(super) async fn answer(
    server: &AuthorizationServer,
    token: &str,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let now_s = request.now_s;
    let invited = state::get::<Enrolment>(server.store(), &digest(token), now_s).await?;
    let Some(invited) = invited.filter(|invited| invited.totp.is_empty()) else {
        return Err(over());
    };
    let account = state::get::<Account>(server.store(), &invited.account, now_s).await?;
    let Some(account) = account.filter(|account| !account.closed && !account.is_claimed()) else {
        return Err(over());
    };
    if request.method != "POST" {
        return Ok(show(server, token, &account, request, None));
    }
    server.forms().check(request, Endpoint::Enrol.path())?;
    trail.event("claim");
    let mut mine = account.clone();
    let taken = match request.parameters.get("passkey") {
        Some(json) => by_passkey(server, &mut mine, json, request),
        None => by_password(server, &mut mine, request).await?,
    };
    match taken {
        Ok((proof, changes)) => {
            let changes = changes.remove(&invited);
            begin(server, mine, &proof, changes, request, trail).await
        }
        Err(error) => {
            trail.refused();
            Ok(show(server, token, &account, request, Some(error)))
        }
    }
}

type Taken = Result<(Proof, Changes), &'static str>;

fn by_passkey(
    server: &AuthorizationServer,
    account: &mut Account,
    json: &str,
    request: &Request<'_>,
) -> Taken {
    let cookie = request.session.unwrap_or_default();
    let made = passkey::made(
        server,
        account,
        cookie,
        json,
        "First passkey",
        request.now_s,
    );
    let (named, changes) = made.ok_or(NO_PASSKEY)?;
    let proof = if named.passkey.synced {
        SYNCED_PASSKEY
    } else {
        DEVICE_PASSKEY
    };
    account.passkeys.push(named);
    account.last_sign_in_s = Some(request.now_s);
    Ok((proof, changes))
}

async fn by_password(
    server: &AuthorizationServer,
    account: &mut Account,
    request: &Request<'_>,
) -> Result<Taken, OAuthError> {
    let sent = |name| request.parameters.get(name).unwrap_or_default();
    let Some(chosen) = password::normalized(sent("password")) else {
        return Ok(Err(TOO_LONG));
    };
    if Some(&chosen) != password::normalized(sent("again")).as_ref() {
        return Ok(Err(DIFFERENT));
    }
    if let Some(why) = password::unfit(&chosen, &account.username) {
        return Ok(Err(why));
    }
    account.password = Some(password::hash(server.hashing(), chosen).await?);
    Ok(Ok((PASSWORD, Changes::new())))
}

async fn begin(
    server: &AuthorizationServer,
    account: Held<Account>,
    proof: &Proof,
    changes: Changes,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let place = browser::place(server, request, None).await?;
    let changes = changes.replace(&account);
    match lifetime::begin(server, &account, proof, place, request, changes).await? {
        Ok(begun) => {
            trail.session(&begun.session);
            // With a passkey nothing is missing; after a password the second factor comes.
            let answer = Answer::redirect(if *proof == PASSWORD {
                Endpoint::Enrol.path().to_owned()
            } else {
                Way::default().end()
            });
            Ok(begun.given(answer))
        }
        Err(Refused::Conflict(_)) => Err(over()),
        Err(Refused::Unavailable) => Err(OAuthError::unavailable()),
    }
}

fn show(
    server: &AuthorizationServer,
    token: &str,
    account: &Account,
    request: &Request<'_>,
    error: Option<&str>,
) -> Answer {
    let browser = Browser::of(request);
    let action = format!("{}?invitation={token}", Endpoint::Enrol.path());
    let challenge = passkey::challenge(server, &browser, request.now_s);
    let page = Invitation {
        form: server.forms().form(&browser.cookie, &action),
        username: account.username.clone(),
        name: account.name.clone(),
        error: error.map(str::to_owned),
        passkey_challenge: challenge.unwrap_or_default(),
        rp_id: passkey::rp_id(server).unwrap_or_default().to_owned(),
        user_handle: base64url(account.subject.as_bytes()),
    };
    let status = if error.is_some() { 400 } else { 200 };
    browser.given(Answer::page(status, Page::Invitation(page)))
}

fn over() -> OAuthError {
    OAuthError::new(
        ErrorCode::InvalidRequest,
        "This invitation was used or is too old. Ask an administrator for a new one.",
    )
}

const NO_PASSKEY: &str = "No passkey was made, or the page was open for too long. Try again.";
const TOO_LONG: &str = "This password is too long: it may have 256 bytes.";
const DIFFERENT: &str = "The two passwords are different.";
