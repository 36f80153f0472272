//! A refresh token becomes new tokens, and is exchanged itself. <https://www.rfc-editor.org/rfc/rfc9700#section-4.14> (S90 to S95)
//!
//! That of a FAPI 2.0 client is not exchanged (§5.3.2.1 of the profile: an answer that is lost on the way would lock the client out, and
//! whoever stole it would need the client's key too). Of the others:
//!
//! All refresh tokens of a grant are one family: when one that was exchanged comes again, either its thief or its owner was
//! there before, and nobody can tell which. So the grant ends.

use super::response::{Granted, acted_for, lifetime_s, respond};
use super::{Asked, NOTHING_LEFT, invalid_grant, standing};
use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::scope_ceiling::{covers, left_of};
use crate::state::{self, Authentication, Changes, Grant, Held, RefreshToken, Refused, digest};
use crate::trail::Trail;

/// How long a refresh token that was exchanged may come again: over a lost answer. Only where the same DPoP key signs again, so
/// that no thief can use it (S92).
pub const GRACE_S: i64 = 10;
/// How often a refresh that met another of its grant is tried again.
const ATTEMPTS_MAX: usize = 4;

pub(super) async fn refresh(asked: &Asked<'_>, trail: &mut Trail) -> Result<Answer, OAuthError> {
    for _ in 0..ATTEMPTS_MAX {
        match attempt(asked, trail).await? {
            Ok(answer) => return Ok(answer),
            // Whoever came first has changed what this was decided on: decide again.
            Err(Refused::Conflict(_)) => {}
            Err(Refused::Unavailable) => return Err(OAuthError::unavailable()),
        }
    }
    Err(OAuthError::unavailable())
}

async fn attempt(
    asked: &Asked<'_>,
    trail: &mut Trail,
) -> Result<Result<Answer, Refused>, OAuthError> {
    let (server, now_s) = (asked.server, asked.request.now_s);
    let token = asked
        .request
        .parameters
        .get("refresh_token")
        .unwrap_or_default();
    let found = state::get::<RefreshToken>(server.store(), &digest(token), now_s).await?;
    let mut token = found
        .filter(|token| token.client_id == asked.client.client_id)
        .ok_or_else(|| invalid_grant(UNKNOWN))?;
    if !proves(asked, &token) {
        return Err(invalid_grant(
            "the refresh token is bound to another DPoP key",
        ));
    }
    if token.used_s.is_some() && !in_grace(asked, &token) {
        trail.alarm("refresh token");
        asked.revoke_grant(&token.grant).await?;
        return Err(invalid_grant(UNKNOWN));
    }
    let found = state::get::<Grant>(server.store(), &token.grant, now_s).await?;
    let mut grant = found.ok_or_else(|| invalid_grant(UNKNOWN))?;
    trail.grant(&grant);
    standing::check(server, &grant, now_s).await?;
    if !grant.offline {
        standing::check_session(server, &grant, now_s).await?;
    }
    let scope = scope(asked, &grant)?;
    let purposes = acted_for(asked, &grant, &scope)?;
    trail.purposes(&purposes);
    let kept = asked.client.fapi2;
    let changes = if kept {
        token.expires_s = now_s.saturating_add(lifetime_s(&grant));
        Changes::new().replace(&token)
    } else {
        used(asked, &mut token)
    };
    let sent = asked.request.parameters.get("refresh_token");
    let granted = Granted {
        scope: &scope,
        purposes,
        nonce: None,
        kept: sent.filter(|_| kept),
    };
    Ok(respond((asked, trail), &mut grant, granted, changes).await)
}

/// Whether the key that a token is bound to signs. A client that authenticates itself is bound by that, and may have a new key;
/// without any it would turn bound tokens into such as anybody can use. (RFC 9449 §5)
fn proves(asked: &Asked<'_>, token: &RefreshToken) -> bool {
    match (&token.dpop_key, asked.dpop_key()) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(bound), Some(key)) => {
            bound == key || asked.client.authentication != Authentication::None
        }
    }
}

fn in_grace(asked: &Asked<'_>, token: &RefreshToken) -> bool {
    let now_s = asked.request.now_s;
    let young = token.used_s.is_some_and(|used_s| now_s <= used_s + GRACE_S);
    young && token.dpop_key.is_some() && token.dpop_key.as_deref() == asked.dpop_key()
}

/// The mark that it was exchanged, and by which key. The first exchange counts: grace does not begin anew.
fn used(asked: &Asked<'_>, token: &mut Held<RefreshToken>) -> Changes {
    if token.used_s.is_none() {
        token.used_s = Some(asked.request.now_s);
        token.dpop_key = asked.dpop_key().map(str::to_owned);
    }
    Changes::new().replace(token)
}

/// What the new access token has: all that was agreed to, or what the client asks for of it (S91). Never more than the client may
/// have by now.
fn scope(asked: &Asked<'_>, grant: &Grant) -> Result<String, OAuthError> {
    let still = left_of(&grant.scope, asked.client);
    let sent = asked.request.parameters.get("scope");
    let wanted = sent.unwrap_or(&still).split(' ');
    let wanted: Vec<&str> = wanted.filter(|scope| !scope.is_empty()).collect();
    if still.is_empty() || wanted.is_empty() {
        return Err(invalid_grant(NOTHING_LEFT));
    }
    match wanted.iter().all(|scope| covers(&still, scope)) {
        true => Ok(wanted.join(" ")),
        false => Err(OAuthError::new(
            ErrorCode::InvalidScope,
            "scope holds more than the user agreed to",
        )),
    }
}

pub(super) const UNKNOWN: &str = "the refresh token is unknown, expired, used, or another client's";
