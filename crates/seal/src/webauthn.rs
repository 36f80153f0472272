//! Passkeys: registration and sign-in ceremonies as the relying party checks them.
//! <https://www.w3.org/TR/webauthn-3/#sctn-rp-operations>
//!
//! Attestation is not asked for and its statement is not looked at: any authenticator is accepted, none is believed to be of a
//! certain make. User verification is always demanded (C7). Challenges are kept by the caller, who uses each once.

mod authenticator_data;
mod cbor;
mod client_data;
mod cose;
mod response;

use crate::hash::constant_time_eq;
use crate::jwk::{Algorithm, Jwk, PublicKey};
use authenticator_data::AuthenticatorData;
use client_data::Ceremony;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use std::fmt;

pub use response::{AssertionResponse, RESPONSE_BYTES_MAX, RegistrationResponse};

/// Who asks: both are configured, never taken from a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelyingParty<'a> {
    /// Host name, such as `ward.example.org`.
    pub id: &'a str,
    /// As browsers write it, such as `https://ward.example.org:8443`. Compared exactly.
    pub origin: &'a str,
}

/// A registered passkey: what is stored with the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passkey {
    #[serde(with = "response::bytes")]
    pub credential_id: Vec<u8>,
    pub key: Jwk,
    /// Signature counter; 0 where the authenticator counts nothing.
    pub counter: u32,
    /// Whether it can be on several devices (backup eligible).
    pub synced: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebauthnError {
    /// Not the JSON or CBOR that the standard says, or beyond a limit.
    Malformed,
    /// Of another ceremony.
    Type,
    Challenge,
    Origin,
    /// Hash of another relying party's id.
    RelyingParty,
    /// Nobody touched the authenticator.
    NotPresent,
    /// The authenticator has not verified who touched it.
    NotVerified,
    /// Neither ES256, RS256 nor EdDSA, or too weak a key.
    Key,
    /// Another credential than the one at hand.
    Credential,
    Signature,
    /// The counter has not risen: the authenticator may have been copied.
    CounterRollback,
}

/// Bytes of a credential id (WebAuthn §4, Credential ID).
pub const CREDENTIAL_ID_BYTES_MAX: usize = 1023;
/// COSE algorithms to name in `pubKeyCredParams`, the preferred one first.
pub const COSE_ALGORITHMS: [i64; 3] = [cose::ES256, cose::EDDSA, cose::RS256];

/// The passkey that an authenticator made for this challenge (§7.1). The caller refuses a credential id that is known already.
pub fn register(
    party: &RelyingParty<'_>,
    challenge: &[u8],
    response: &RegistrationResponse,
) -> Result<Passkey, WebauthnError> {
    client_data::check(Ceremony::Create, party, challenge, &response.client_data)?;
    let bytes = attested(&response.attestation_object)?;
    let data = AuthenticatorData::read(bytes)?;
    data.check(party)?;
    let made = data.credential.as_ref();
    let made = made.ok_or(WebauthnError::Malformed)?;
    if made.id != response.credential_id.as_slice() {
        return Err(WebauthnError::Credential);
    }
    Ok(Passkey {
        credential_id: made.id.to_vec(),
        key: Jwk::new(made.key.clone(), None, None),
        counter: data.counter,
        synced: data.backup_eligible(),
    })
}

/// Whether the holder of `passkey` has signed this challenge (§7.2); the counter to store. The caller has found the passkey by
/// the response's credential id among those of the account, and compares a user handle with that account.
pub fn verify(
    party: &RelyingParty<'_>,
    challenge: &[u8],
    passkey: &Passkey,
    response: &AssertionResponse,
) -> Result<u32, WebauthnError> {
    if !constant_time_eq(&response.credential_id, &passkey.credential_id) {
        return Err(WebauthnError::Credential);
    }
    client_data::check(Ceremony::Get, party, challenge, &response.client_data)?;
    let data = AuthenticatorData::read(&response.authenticator_data)?;
    if data.credential.is_some() {
        return Err(WebauthnError::Malformed);
    }
    data.check(party)?;
    let signed = [
        &response.authenticator_data[..],
        &crate::hash::sha256(&response.client_data),
    ]
    .concat();
    if !signature_holds(passkey.key.key(), &signed, &response.signature) {
        return Err(WebauthnError::Signature);
    }
    let counts = data.counter != 0 || passkey.counter != 0;
    if counts && data.counter <= passkey.counter {
        return Err(WebauthnError::CounterRollback);
    }
    Ok(data.counter)
}

/// `authData` of an attestation object (§6.5.4). Its statement, whatever the format, is not looked at.
fn attested(object: &[u8]) -> Result<&[u8], WebauthnError> {
    let item = cbor::read_whole(object).ok_or(WebauthnError::Malformed)?;
    let named = |name| item.member_named(name).ok_or(WebauthnError::Malformed);
    named("fmt")?.text().ok_or(WebauthnError::Malformed)?;
    named("attStmt")?;
    named("authData")?.bytes().ok_or(WebauthnError::Malformed)
}

/// Signatures of ECDSA are ASN.1 here (§6.5.5), unlike in a JWS.
fn signature_holds(key: &PublicKey, signed: &[u8], signature: &[u8]) -> bool {
    match key {
        PublicKey::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
            .verify(signed, signature)
            .is_ok(),
        PublicKey::Rsa { .. } => key.verifies(Algorithm::Rs256, signed, signature),
        PublicKey::Ed25519(_) => key.verifies(Algorithm::EdDsa, signed, signature),
        PublicKey::P384(_) => false,
    }
}

/// For the log; people are told only that it did not work.
impl fmt::Display for WebauthnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WebauthnError::Malformed => "malformed response",
            WebauthnError::Type => "of another ceremony",
            WebauthnError::Challenge => "another challenge",
            WebauthnError::Origin => "another origin",
            WebauthnError::RelyingParty => "another relying party",
            WebauthnError::NotPresent => "user not present",
            WebauthnError::NotVerified => "user not verified",
            WebauthnError::Key => "unsupported or weak key",
            WebauthnError::Credential => "another credential",
            WebauthnError::Signature => "bad signature",
            WebauthnError::CounterRollback => "signature counter has not risen",
        })
    }
}

impl std::error::Error for WebauthnError {}

#[cfg(test)]
#[path = "webauthn_tests.rs"]
mod tests;
