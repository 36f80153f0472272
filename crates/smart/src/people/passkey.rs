//! Passkeys: a challenge for the page, and what the browser answered to it. <https://www.w3.org/TR/webauthn-3/#sctn-rp-operations>
//!
//! A challenge is not stored when a page is shown: it carries when it ends and a seal that belongs to the browser's cookie. It is
//! stored when it is used, so that it is used once, on whichever node (X60).

use super::browser::Browser;
use super::lifetime::{DEVICE_PASSKEY, Proof, SYNCED_PASSKEY};
use crate::answer::OAuthError;
use crate::server::AuthorizationServer;
use crate::state::{self, Account, Changes, Credential, Held, NamedPasskey, Replay};
use serde::Deserialize;
use ward_seal::hash::constant_time_eq;
use ward_seal::webauthn::{
    self, AssertionResponse, RegistrationResponse, RelyingParty, WebauthnError,
};
use ward_seal::{base64url, from_base64url, random};

/// How long a page with a challenge is good for.
pub const CHALLENGE_LIFETIME_S: i64 = 15 * 60;
/// Passkeys of one account.
pub const PASSKEYS_MAX: usize = 20;

/// Host name of the server, which passkeys are made for. `None`: it is addressed by number, for which there are none.
pub(super) fn rp_id(server: &AuthorizationServer) -> Option<&str> {
    let (_, authority) = server.settings().issuer.split_once("://")?;
    let host = authority.split(':').next().unwrap_or_default();
    let is_name = host.bytes().any(|b| b.is_ascii_alphabetic()) && !host.starts_with('[');
    is_name.then_some(host)
}

/// base64url of a new challenge for this browser.
pub(super) fn challenge(
    server: &AuthorizationServer,
    browser: &Browser,
    now_s: i64,
) -> Option<String> {
    rp_id(server)?;
    let open = format!("{}.{}", random::token(), now_s + CHALLENGE_LIFETIME_S);
    let sealed = format!("{open}.{}", seal(server, &browser.cookie, &open));
    Some(base64url(sealed.as_bytes()))
}

/// A passkey that was shown to be in the hands of an account's owner.
pub(super) struct Shown {
    pub account: Held<Account>,
    pub proof: Proof,
    /// The challenge is used up and the counter noted.
    pub changes: Changes,
}

/// `Ok(None)`: no passkey of this server, or not for this page. Why goes to the log alone.
pub(super) async fn shown(
    server: &AuthorizationServer,
    cookie: &str,
    json: &str,
    now_s: i64,
) -> Result<Option<Shown>, OAuthError> {
    let Ok(response) = AssertionResponse::parse(json) else {
        return Ok(None);
    };
    let Some((challenge, used)) = ours(server, cookie, &response.client_data, now_s) else {
        return Ok(None);
    };
    let id = base64url(&response.credential_id);
    let Some(mut account) = owner(server, &id, now_s).await? else {
        return Ok(None);
    };
    let handle_fits = response
        .user_handle
        .as_deref()
        .is_none_or(|handle| handle == account.subject.as_bytes());
    let Some(at) = account.passkeys.iter().position(|known| known.id() == id) else {
        return Ok(None);
    };
    let Some(party) = party(server) else {
        return Ok(None);
    };
    let verified = webauthn::verify(&party, &challenge, &account.passkeys[at].passkey, &response);
    let counter = match verified {
        Ok(counter) if handle_fits && !account.closed => counter,
        Ok(_) => return Ok(None),
        Err(error) => {
            refused(error);
            return Ok(None);
        }
    };
    let passkey = &mut account.passkeys[at].passkey;
    passkey.counter = counter;
    let proof = if passkey.synced {
        SYNCED_PASSKEY
    } else {
        DEVICE_PASSKEY
    };
    account.last_sign_in_s = Some(now_s);
    let changes = Changes::new().insert(&used).replace(&account);
    Ok(Some(Shown {
        account,
        proof,
        changes,
    }))
}

/// A new passkey for an account, with the changes that keep it but for the account itself. `None`: it will not do.
pub(super) fn made(
    server: &AuthorizationServer,
    account: &Account,
    cookie: &str,
    json: &str,
    label: &str,
    now_s: i64,
) -> Option<(NamedPasskey, Changes)> {
    let response = RegistrationResponse::parse(json).ok()?;
    let (challenge, used) = ours(server, cookie, &response.client_data, now_s)?;
    let party = party(server)?;
    if account.passkeys.len() >= PASSKEYS_MAX {
        return None;
    }
    let passkey = webauthn::register(&party, &challenge, &response)
        .map_err(refused)
        .ok()?;
    let named = NamedPasskey {
        label: label.chars().take(LABEL_CHARACTERS_MAX).collect(),
        added_s: now_s,
        passkey,
    };
    let credential = Credential {
        id: named.id(),
        account: account.username.clone(),
    };
    // A credential that is known already, whosever, is a conflict.
    Some((named, Changes::new().insert(&used).insert(&credential)))
}

async fn owner(
    server: &AuthorizationServer,
    id: &str,
    now_s: i64,
) -> Result<Option<Held<Account>>, OAuthError> {
    match state::get::<Credential>(server.store(), id, now_s).await? {
        Some(known) => Ok(state::get(server.store(), &known.account, now_s).await?),
        None => Ok(None),
    }
}

/// The challenge that a response answers, if this server gave it to this browser and it has not ended; and what uses it up.
fn ours(
    server: &AuthorizationServer,
    cookie: &str,
    client_data: &[u8],
    now_s: i64,
) -> Option<(Vec<u8>, Replay)> {
    #[derive(Deserialize)]
    struct ClientData {
        challenge: String,
    }
    let data: ClientData = serde_json::from_slice(client_data).ok()?;
    let challenge = from_base64url(&data.challenge)?;
    let text = std::str::from_utf8(&challenge).ok()?;
    let (open, sealed) = text.rsplit_once('.')?;
    let (_, ends_s) = open.rsplit_once('.')?;
    let ends_s: i64 = ends_s.parse().ok()?;
    let is_ours = constant_time_eq(seal(server, cookie, open).as_bytes(), sealed.as_bytes());
    if !is_ours || now_s >= ends_s {
        return None;
    }
    let used = Replay::of("passkey challenge", cookie, open, ends_s);
    Some((challenge, used))
}

/// Belongs to the browser and to what is sealed, and fits no form: no path begins so.
fn seal(server: &AuthorizationServer, cookie: &str, open: &str) -> String {
    server
        .forms()
        .form(cookie, &format!("passkey challenge {open}"))
        .csrf
}

fn party(server: &AuthorizationServer) -> Option<RelyingParty<'_>> {
    Some(RelyingParty {
        id: rp_id(server)?,
        origin: &server.settings().issuer,
    })
}

fn refused(error: WebauthnError) {
    tracing::info!(%error, "a passkey was refused");
}

const LABEL_CHARACTERS_MAX: usize = 64;
