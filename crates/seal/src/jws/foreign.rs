//! Tokens that others signed: client assertions (RFC 7523), DPoP proofs (RFC 9449), id_tokens of another provider.
//!
//! The order is fixed: read the header to find the key, then check the token by that key. What the header says is believed
//! only as far as the key, the caller's algorithms and the allow-list of members agree with it (S52, S57, S60, X53).

use super::{JwsError, TOKEN_BYTES_MAX, decode, refusal, same_typ};
use crate::jwk::{Algorithm, Jwk};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What the header claims before anything is checked: good for looking a key up, and for nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnverifiedHeader {
    /// `None`: an algorithm that is never accepted.
    pub algorithm: Option<Algorithm>,
    pub kid: Option<String>,
    pub typ: Option<String>,
    /// To be compared with the URL that is registered for the client. Never to be fetched.
    pub jku: Option<String>,
}

/// What a token must be beside well signed.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    pub typ: Typ<'a>,
    pub algorithms: &'a [Algorithm],
    /// The only `jku` that the header may hold.
    pub jku: Option<&'a str>,
}

/// `typ` of the header; compared without case, with or without `application/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typ<'a> {
    Is(&'a str),
    /// This one or none.
    IsOrAbsent(&'a str),
}

/// The header of a token, unchecked. Errors: not a compact token, or a header that must be understood and is not.
pub fn unverified_header(token: &str) -> Result<UnverifiedHeader, JwsError> {
    let parts = Parts::of(token)?;
    let header = parts.header()?;
    Ok(UnverifiedHeader {
        algorithm: Algorithm::of(&header.alg),
        kid: header.kid.map(Cow::into_owned),
        typ: header.typ.map(Cow::into_owned),
        jku: header.jku.map(Cow::into_owned),
    })
}

/// The payload of a token that `key` signed. A `kid` that is another than the key's own is refused, and so is a header with a
/// key in it.
pub fn verify(key: &Jwk, expected: &Expected<'_>, token: &str) -> Result<Vec<u8>, JwsError> {
    let parts = Parts::of(token)?;
    let header = parts.header()?;
    if header.jwk.is_some() {
        return Err(JwsError::HeaderRefused);
    }
    if header
        .kid
        .as_deref()
        .is_some_and(|kid| key.kid().is_some_and(|own| own != kid))
    {
        return Err(JwsError::UnknownKey);
    }
    parts.check(key, header.check(expected)?)
}

/// The payload of a token and the key in its header that signed it: proof that the sender has this key, and of nothing
/// else. DPoP is the one place where a key is taken from a header; the caller compares its thumbprint.
pub fn verify_possession(expected: &Expected<'_>, token: &str) -> Result<(Jwk, Vec<u8>), JwsError> {
    let parts = Parts::of(token)?;
    let header = parts.header()?;
    let json = header.jwk.ok_or(JwsError::HeaderRefused)?.get();
    let key = Jwk::parse(json.as_bytes()).map_err(|_| JwsError::HeaderRefused)?;
    let payload = parts.check(&key, header.check(expected)?)?;
    Ok((key, payload))
}

struct Parts<'a> {
    signed: &'a str,
    header: Vec<u8>,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Parts<'a> {
    fn of(token: &'a str) -> Result<Parts<'a>, JwsError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(JwsError::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(JwsError::Malformed)?;
        Ok(Parts {
            signed,
            header: decode(header)?,
            payload,
            signature,
        })
    }

    fn header(&self) -> Result<Header<'_>, JwsError> {
        serde_json::from_slice(&self.header).map_err(refusal)
    }

    fn check(&self, key: &Jwk, algorithm: Algorithm) -> Result<Vec<u8>, JwsError> {
        let signature = decode(self.signature)?;
        match key.verifies(algorithm, self.signed.as_bytes(), &signature) {
            true => decode(self.payload),
            false => Err(JwsError::BadSignature),
        }
    }
}

/// Members that are not understood are ignored (RFC 7515 §4), as `x5t`, `x5c` and `x5u` are: they name keys, and what a header says of
/// keys decides nothing. Of those that are understood none may come twice.
#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow, default)]
    typ: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    kid: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    jku: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    jwk: Option<&'a RawValue>,
    /// What changes how the rest is read (RFC 7515 §4.1.11, RFC 7797, RFC 7516): to ignore it would be to read something else than
    /// was signed.
    #[serde(
        default,
        rename = "crit",
        alias = "b64",
        alias = "zip",
        alias = "enc",
        deserialize_with = "never"
    )]
    _changes_the_meaning: (),
}

/// A member that must not be there.
fn never<'de, D: Deserializer<'de>>(_: D) -> Result<(), D::Error> {
    Err(D::Error::custom("crit, b64, zip or enc"))
}

impl Header<'_> {
    fn check(&self, expected: &Expected<'_>) -> Result<Algorithm, JwsError> {
        let typ = self.typ.as_deref();
        let typed = match expected.typ {
            Typ::Is(name) => same_typ(typ, Some(name)),
            Typ::IsOrAbsent(name) => typ.is_none() || same_typ(typ, Some(name)),
        };
        let linked = self
            .jku
            .as_deref()
            .is_none_or(|jku| expected.jku == Some(jku));
        Algorithm::of(&self.alg)
            .filter(|algorithm| typed && linked && expected.algorithms.contains(algorithm))
            .ok_or(JwsError::HeaderRefused)
    }
}

#[cfg(test)]
#[path = "foreign_tests.rs"]
mod tests;
