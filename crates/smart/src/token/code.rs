//! A code becomes tokens, once. <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3> (S26, S27, S41 to S44)

use super::response::{Granted, acted_for, respond};
use super::{Asked, NOTHING_LEFT, invalid_grant, standing};
use crate::answer::{Answer, OAuthError};
use crate::authorize::is_registered;
use crate::claims::TOKEN_LIFETIME_S_MAX;
use crate::scope_ceiling::left_of;
use crate::state::{self, Changes, Code, Grant, Held, Refused, digest};
use crate::tokens::CLOCK_SKEW_S;
use crate::trail::Trail;
use ward_seal::pkce;

pub(super) async fn exchange(asked: &Asked<'_>, trail: &mut Trail) -> Result<Answer, OAuthError> {
    let now_s = asked.request.now_s;
    let code = asked.request.parameters.get("code").unwrap_or_default();
    let found = state::get::<Code>(asked.server.store(), &digest(code), now_s).await?;
    let mut code = found.ok_or_else(|| invalid_grant(UNKNOWN))?;
    if code.used {
        return again(asked, &code, trail).await;
    }
    if now_s >= code.expires_s {
        return Err(invalid_grant(UNKNOWN));
    }
    code.used = true;
    code.kept_until_s = now_s + TOKEN_LIFETIME_S_MAX + CLOCK_SKEW_S;
    if code.client_id != asked.client.client_id {
        return burnt(asked, &code).await;
    }
    check(asked, &code)?;
    let found = state::get::<Grant>(asked.server.store(), &code.grant, now_s).await?;
    let mut grant = found.ok_or_else(|| invalid_grant(UNKNOWN))?;
    trail.grant(&grant);
    standing::check(asked.server, &grant, now_s).await?;
    standing::check_session(asked.server, &grant, now_s).await?;
    let scope = left_of(&grant.scope, asked.client);
    if scope.is_empty() {
        return Err(invalid_grant(NOTHING_LEFT));
    }
    let purposes = acted_for(asked, &grant, &scope)?;
    trail.purposes(&purposes);
    let granted = Granted {
        scope: &scope,
        purposes,
        nonce: code.nonce.as_deref(),
        kept: None,
    };
    let changes = Changes::new().replace(&code);
    match respond((asked, trail), &mut grant, granted, changes).await {
        Ok(answer) => Ok(answer),
        // Another request redeemed it in between.
        Err(Refused::Conflict(0)) => again(asked, &code, trail).await,
        Err(_) => Err(OAuthError::unavailable()),
    }
}

/// S41 (RFC 7636 §4.6), S43, and RFC 9449 §10.
fn check(asked: &Asked<'_>, code: &Code) -> Result<(), OAuthError> {
    let parameters = &asked.request.parameters;
    if parameters.get("redirect_uri") != Some(code.redirect_uri.as_str()) {
        return Err(invalid_grant(
            "redirect_uri is not the one of the authorization request",
        ));
    }
    if !is_registered(asked.client, &code.redirect_uri) {
        return Err(invalid_grant(
            "the redirect_uri is registered for this client no longer",
        ));
    }
    let verifier = parameters.get("code_verifier").unwrap_or_default();
    if !pkce::verify(&code.challenge, verifier) {
        return Err(invalid_grant(
            "code_verifier does not fit the code_challenge",
        ));
    }
    if code.dpop_key.is_some() && code.dpop_key.as_deref() != asked.dpop_key() {
        return Err(invalid_grant("the code is bound to another DPoP key"));
    }
    Ok(())
}

/// S44: whoever has another client's code has no business with it, and that client gets no tokens by it either.
async fn burnt(asked: &Asked<'_>, code: &Held<Code>) -> Result<Answer, OAuthError> {
    let changes = Changes::new().replace(code);
    match state::commit(asked.server.store(), changes, asked.request.now_s).await {
        Ok(()) | Err(Refused::Conflict(_)) => Err(invalid_grant(UNKNOWN)),
        Err(Refused::Unavailable) => Err(OAuthError::unavailable()),
    }
}

/// S27
async fn again(asked: &Asked<'_>, code: &Code, trail: &mut Trail) -> Result<Answer, OAuthError> {
    trail.alarm("authorization code");
    asked.revoke_grant(&code.grant).await?;
    Err(invalid_grant(UNKNOWN))
}

/// One text, so that nobody learns whether a guessed code was one.
const UNKNOWN: &str = "the code is unknown, expired, used, or another client's";
