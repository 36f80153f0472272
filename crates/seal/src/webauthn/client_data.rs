//! What the browser says it was asked. <https://www.w3.org/TR/webauthn-3/#dictionary-client-data>

use super::{RelyingParty, WebauthnError};
use crate::encoding::base64url;
use crate::hash::constant_time_eq;
use serde::Deserialize;
use std::borrow::Cow;

#[derive(Clone, Copy)]
pub(super) enum Ceremony {
    Create,
    Get,
}

/// Whether a browser at our origin was asked this challenge in this ceremony, and not from within a page of others.
pub(super) fn check(
    ceremony: Ceremony,
    party: &RelyingParty<'_>,
    challenge: &[u8],
    json: &[u8],
) -> Result<(), WebauthnError> {
    let data: ClientData = serde_json::from_slice(json).map_err(|_| WebauthnError::Malformed)?;
    let expected = match ceremony {
        Ceremony::Create => "webauthn.create",
        Ceremony::Get => "webauthn.get",
    };
    if data.kind != expected {
        return Err(WebauthnError::Type);
    }
    // An empty challenge would be one that was never kept.
    let challenge = base64url(challenge);
    if challenge.is_empty() || !constant_time_eq(challenge.as_bytes(), data.challenge.as_bytes()) {
        return Err(WebauthnError::Challenge);
    }
    if data.origin != party.origin || data.cross_origin == Some(true) || data.top_origin.is_some() {
        return Err(WebauthnError::Origin);
    }
    Ok(())
}

/// Members to come are ignored (§5.8.1), repeated ones refused.
#[derive(Deserialize)]
struct ClientData<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    challenge: Cow<'a, str>,
    #[serde(borrow)]
    origin: Cow<'a, str>,
    #[serde(rename = "crossOrigin", default)]
    cross_origin: Option<bool>,
    #[serde(rename = "topOrigin", default)]
    top_origin: Option<Cow<'a, str>>,
}
