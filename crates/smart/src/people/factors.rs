//! The page of one's own factors: passkeys are added and removed here.

use super::browser::Browser;
use super::enrol::Enrolling;
use super::passkey;
use crate::answer::{Answer, OAuthError};
use crate::dates;
use crate::endpoints::Endpoint;
use crate::page::{Factors, Page};
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::state::{self, Account, Changes, Credential, Refused};
use crate::trail::Trail;
use ward_seal::base64url;

pub(super) async fn posted(
    server: &AuthorizationServer,
    mut person: Enrolling,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    trail.event(match request.parameters.get("passkey") {
        Some(_) => "mfa-enrol",
        None => "mfa-remove",
    });
    let changes = match (
        request.parameters.get("passkey"),
        request.parameters.get("remove"),
    ) {
        (Some(json), _) => added(server, &mut person.account, json, request),
        (None, Some(id)) => removed(&mut person.account, id),
        _ => Err("Nothing was changed."),
    };
    let notice = match changes {
        Ok((changes, notice)) => {
            let changes = changes.replace(&person.account);
            let has_passkey = !person.account.passkeys.is_empty();
            match state::commit(server.store(), changes, request.now_s).await {
                // An app waits for the passkey that was added.
                Ok(()) if has_passkey && person.way.is_of_an_app() => {
                    return Ok(Answer::redirect(person.way.end()));
                }
                Ok(()) => notice,
                Err(Refused::Conflict(_)) => {
                    trail.refused();
                    return Ok(Answer::redirect(Endpoint::Enrol.path()));
                }
                Err(Refused::Unavailable) => return Err(OAuthError::unavailable()),
            }
        }
        Err(why) => {
            trail.refused();
            why
        }
    };
    Ok(show(server, &person, request, Some(notice)))
}

type Changed = Result<(Changes, &'static str), &'static str>;

fn added(
    server: &AuthorizationServer,
    account: &mut Account,
    json: &str,
    request: &Request<'_>,
) -> Changed {
    let label = request.parameters.get("label").unwrap_or("Passkey");
    let cookie = request.session.unwrap_or_default();
    let made = passkey::made(server, account, cookie, json, label, request.now_s);
    let (named, changes) = made.ok_or("No passkey was added: try again.")?;
    account.passkeys.push(named);
    Ok((changes, "The passkey has been added."))
}

/// The last way to sign in stays.
fn removed(account: &mut Account, id: &str) -> Changed {
    let at = account.passkeys.iter().position(|known| known.id() == id);
    let at = at.ok_or("This passkey is not there any more.")?;
    let has_others = account.passkeys.len() > 1;
    if !has_others && (account.password.is_none() || account.totp.is_none()) {
        return Err(
            "This passkey is the only way into your account. Add another before you remove it.",
        );
    }
    account.passkeys.remove(at);
    let changes = Changes::new().forget::<Credential>(id);
    Ok((changes, "The passkey has been removed."))
}

pub(super) fn show(
    server: &AuthorizationServer,
    person: &Enrolling,
    request: &Request<'_>,
    notice: Option<&str>,
) -> Answer {
    let account = &person.account;
    let browser = Browser::of(request);
    let challenge = passkey::challenge(server, &browser, request.now_s);
    let passkeys = account.passkeys.iter();
    let page = Factors {
        form: server
            .forms()
            .form(&browser.cookie, &person.way.link(Endpoint::Enrol)),
        person: person.held.session.person(),
        username: account.username.clone(),
        has_totp: account.totp.is_some(),
        recovery_codes_left: account.recovery_codes.len(),
        passkeys: passkeys
            .map(|known| (known.id(), known.label.clone(), dates::day(known.added_s)))
            .collect(),
        passkey_challenge: challenge.unwrap_or_default(),
        rp_id: passkey::rp_id(server).unwrap_or_default().to_owned(),
        user_handle: base64url(account.subject.as_bytes()),
        notice: notice.map(str::to_owned),
    };
    Answer::page(200, Page::Factors(page))
}
