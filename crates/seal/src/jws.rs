//! JSON Web Signature, compact form: our own tokens by ES256. <https://www.rfc-editor.org/rfc/rfc7515> and RFC 7518 §3.4
//!
//! Tokens of others are checked in [`foreign`].
//!
//! The header is an allow-list (`alg`, `typ`, `kid`): anything else, `crit` and embedded or linked keys included, is
//! refused (S60). `alg` belongs to the key, so a token cannot choose how it is checked.

pub mod foreign;

use crate::aead::{DataKey, OpenError};
use crate::master::MasterKey;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    UnparsedPublicKey,
};
use serde::Deserialize;
use std::borrow::Cow;
use std::fmt;
use zeroize::Zeroizing;

/// An ES256 (P-256) signing key with its `kid` (RFC 7638 thumbprint).
pub struct SigningKey {
    pkcs8: Zeroizing<Vec<u8>>,
    pair: EcdsaKeyPair,
    public: VerifyingKey,
}

#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    /// Uncompressed point: 4, x, y.
    point: [u8; POINT_BYTES],
    kid: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwsError {
    /// Not three base64url parts with a JSON header, or longer than [`TOKEN_BYTES_MAX`].
    Malformed,
    /// The `kid` is another key's.
    UnknownKey,
    BadSignature,
    /// A header member that is not allowed, or a value other than the expected one.
    HeaderRefused,
}

/// Longest token that is looked at.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;

impl SigningKey {
    /// A new random key.
    pub fn generate() -> SigningKey {
        let made =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let document = made.expect("the operating system has a random source");
        SigningKey::from_pkcs8(document.as_ref()).expect("a generated key is well-formed")
    }

    /// `None`: not a P-256 private key in PKCS #8.
    pub fn from_pkcs8(der: &[u8]) -> Option<SigningKey> {
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &SystemRandom::new())
                .ok()?;
        let public = VerifyingKey::from_point(pair.public_key().as_ref().try_into().ok()?);
        Some(SigningKey {
            pkcs8: Zeroizing::new(der.to_vec()),
            pair,
            public,
        })
    }

    /// The private key: seal it before it is stored anywhere.
    pub fn to_pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The private key as it may be stored: sealed under the master key.
    pub fn seal(&self, master: &MasterKey) -> Vec<u8> {
        let mut out = Vec::new();
        sealing_key(master).seal(SEAL_CONTEXT, &self.pkcs8, &mut out);
        out
    }

    /// What `seal` made. Error: sealed under another master key, or changed.
    pub fn unseal(sealed: &[u8], master: &MasterKey) -> Result<SigningKey, OpenError> {
        let mut copy = Zeroizing::new(sealed.to_vec());
        let pkcs8 = sealing_key(master).open_in_place(SEAL_CONTEXT, &mut copy)?;
        SigningKey::from_pkcs8(pkcs8).ok_or(OpenError)
    }

    pub fn kid(&self) -> &str {
        &self.public.kid
    }

    /// The compact token. `typ` must be plain text without quotes or backslashes, such as `at+jwt`.
    pub fn sign(&self, typ: &str, payload: &[u8]) -> String {
        compact(ALG, typ, self.kid(), payload, |signed| {
            self.signature(signed)
        })
    }

    /// A DPoP proof (RFC 9449 §4.2): the compact token with the public key in its header.
    pub fn prove(&self, payload: &[u8]) -> String {
        let key = self.public_jwk();
        let header = format!(r#"{{"alg":"{ALG}","typ":"dpop+jwt","jwk":{key}}}"#);
        joined(&header, payload, |signed| self.signature(signed))
    }

    pub fn verifying_key(&self) -> VerifyingKey {
        self.public.clone()
    }

    /// The public JWK as JSON.
    pub fn public_jwk(&self) -> String {
        self.public.jwk()
    }

    fn signature(&self, signed: &[u8]) -> Vec<u8> {
        let signature = self.pair.sign(&SystemRandom::new(), signed);
        let signature = signature.expect("the operating system has a random source");
        signature.as_ref().to_vec()
    }
}

impl VerifyingKey {
    /// Payload bytes of a token whose `typ` and `alg` are as expected and whose signature holds. Costs an ECDSA
    /// verification (about 0.1 ms): callers cache the outcome.
    pub fn verify(&self, typ: &str, token: &str) -> Result<Vec<u8>, JwsError> {
        self.verify_typed(Some(typ), token)
    }

    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public JWK as JSON.
    pub fn jwk(&self) -> String {
        let (x, y) = coordinates(&self.point);
        let kid = &self.kid;
        format!(
            r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}","kid":"{kid}","use":"sig","alg":"{ALG}"}}"#
        )
    }

    fn from_point(point: [u8; POINT_BYTES]) -> VerifyingKey {
        let (x, y) = coordinates(&point);
        // RFC 7638 §3: required members only, in lexicographic order, without white space.
        let thumbprint = crate::hash::sha256(
            format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#).as_bytes(),
        );
        VerifyingKey {
            point,
            kid: URL_SAFE_NO_PAD.encode(thumbprint),
        }
    }

    fn verify_typed(&self, typ: Option<&str>, token: &str) -> Result<Vec<u8>, JwsError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(JwsError::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(JwsError::Malformed)?;
        self.check_header(typ, &decode(header)?)?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.point)
            .verify(signed.as_bytes(), &decode(signature)?)
            .map_err(|_| JwsError::BadSignature)?;
        decode(payload)
    }

    fn check_header(&self, typ: Option<&str>, bytes: &[u8]) -> Result<(), JwsError> {
        let header: Header = serde_json::from_slice(bytes).map_err(refusal)?;
        if header.alg != ALG || !same_typ(header.typ.as_deref(), typ) {
            return Err(JwsError::HeaderRefused);
        }
        match header.kid {
            Some(kid) if kid != self.kid => Err(JwsError::UnknownKey),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.kid())
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.kid)
    }
}

/// Unknown and repeated members are errors of the derived reader, so both are refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow, default)]
    typ: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    kid: Option<Cow<'a, str>>,
}

/// The compact token of a payload, signed by `sign`. `typ` and `kid` must need no escapes in JSON.
pub(crate) fn compact(
    alg: &str,
    typ: &str,
    kid: &str,
    payload: &[u8],
    sign: impl FnOnce(&[u8]) -> Vec<u8>,
) -> String {
    let plain = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
    };
    debug_assert!(plain(typ) && plain(kid));
    let header = format!(r#"{{"alg":"{alg}","typ":"{typ}","kid":"{kid}"}}"#);
    joined(&header, payload, sign)
}

/// The compact token under this header, as it is written.
pub(crate) fn joined(header: &str, payload: &[u8], sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let mut token = String::with_capacity((header.len() + payload.len()) * 4 / 3 + 96);
    URL_SAFE_NO_PAD.encode_string(header, &mut token);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    let signature = sign(token.as_bytes());
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    token
}

fn refusal(error: serde_json::Error) -> JwsError {
    if error.is_data() {
        JwsError::HeaderRefused
    } else {
        JwsError::Malformed
    }
}

/// RFC 7515 §4.1.9: media types compare without case, and `application/` may be left out.
fn same_typ(given: Option<&str>, expected: Option<&str>) -> bool {
    match (given, expected) {
        (None, None) => true,
        (Some(given), Some(expected)) => {
            let bare = match given.split_at_checked(APPLICATION.len()) {
                Some((head, rest)) if head.eq_ignore_ascii_case(APPLICATION) => rest,
                _ => given,
            };
            bare.eq_ignore_ascii_case(expected)
        }
        _ => false,
    }
}

pub(crate) fn sealing_key(master: &MasterKey) -> DataKey {
    DataKey::from_bytes(&Zeroizing::new(master.derive("seal signing keys")))
}

fn decode(part: &str) -> Result<Vec<u8>, JwsError> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| JwsError::Malformed)
}

fn coordinates(point: &[u8; POINT_BYTES]) -> (String, String) {
    (
        URL_SAFE_NO_PAD.encode(&point[1..33]),
        URL_SAFE_NO_PAD.encode(&point[33..]),
    )
}

const SEAL_CONTEXT: &[u8] = b"ES256 signing key";
const ALG: &str = "ES256";
const APPLICATION: &str = "application/";
const POINT_BYTES: usize = 65;

#[cfg(test)]
#[path = "jws_tests.rs"]
mod tests;
