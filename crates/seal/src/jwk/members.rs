//! The members of a JWK as they are written, and what they must be.

use super::{Algorithm, Jwk, JwkError, KID_BYTES_MAX, PublicKey, RSA_BITS_MAX, RSA_BITS_MIN};
use crate::encoding::{base64url, from_base64url};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// What is looked at; others are ignored. Private and symmetric members are known only to be refused.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Members {
    pub kty: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_ops: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    #[serde(skip_serializing)]
    d: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    p: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    q: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    dp: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    dq: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    qi: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    oth: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    k: Option<IgnoredAny>,
}

impl TryFrom<Members> for Jwk {
    type Error = JwkError;

    fn try_from(members: Members) -> Result<Jwk, JwkError> {
        if members.holds_a_secret() {
            return Err(JwkError::Private);
        }
        let key = members.key()?;
        members.check_usage()?;
        let alg = match members.alg.as_deref() {
            None => None,
            Some(name) => Some(Algorithm::of(name).ok_or(JwkError::Unsupported)?),
        };
        if alg.is_some_and(|alg| !key.algorithms().contains(&alg)) {
            return Err(JwkError::AlgorithmOfAnotherKey);
        }
        if members
            .kid
            .as_ref()
            .is_some_and(|kid| kid.len() > KID_BYTES_MAX)
        {
            return Err(JwkError::Malformed);
        }
        Ok(Jwk::new(key, members.kid, alg))
    }
}

impl From<Jwk> for Members {
    fn from(jwk: Jwk) -> Members {
        let mut members = Members {
            kid: jwk.kid,
            usage: Some("sig".into()),
            alg: jwk.alg.map(|alg| alg.name().into()),
            ..Members::default()
        };
        match &jwk.key {
            PublicKey::P256(point) => members.set_elliptic("P-256", &point[1..]),
            PublicKey::P384(point) => members.set_elliptic("P-384", &point[1..]),
            PublicKey::Rsa { n, e } => {
                members.kty = "RSA".into();
                members.n = Some(base64url(n));
                members.e = Some(base64url(e));
            }
            PublicKey::Ed25519(key) => {
                members.kty = "OKP".into();
                members.crv = Some("Ed25519".into());
                members.x = Some(base64url(key));
            }
        }
        members
    }
}

impl Members {
    fn holds_a_secret(&self) -> bool {
        let private = [
            &self.d, &self.p, &self.q, &self.dp, &self.dq, &self.qi, &self.oth, &self.k,
        ];
        self.kty == "oct" || private.iter().any(|member| member.is_some())
    }

    fn key(&self) -> Result<PublicKey, JwkError> {
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("EC", Some("P-256")) => point(&self.x, &self.y).map(PublicKey::P256),
            ("EC", Some("P-384")) => point(&self.x, &self.y).map(PublicKey::P384),
            ("OKP", Some("Ed25519")) => {
                let key = bytes(&self.x)?.try_into();
                key.map(PublicKey::Ed25519).map_err(|_| JwkError::Malformed)
            }
            ("RSA", _) => rsa(bytes(&self.n)?, bytes(&self.e)?),
            ("", _) | ("EC" | "OKP", None) => Err(JwkError::Malformed),
            _ => Err(JwkError::Unsupported),
        }
    }

    /// RFC 7517 §4.2, §4.3: both may narrow what a key is for.
    fn check_usage(&self) -> Result<(), JwkError> {
        let signs = self.usage.as_deref().is_none_or(|usage| usage == "sig");
        let verifies = self
            .key_ops
            .as_ref()
            .is_none_or(|operations| operations.iter().any(|one| one == "verify"));
        match signs && verifies {
            true => Ok(()),
            false => Err(JwkError::Unsupported),
        }
    }

    fn set_elliptic(&mut self, crv: &str, coordinates: &[u8]) {
        let (x, y) = coordinates.split_at(coordinates.len() / 2);
        self.kty = "EC".into();
        self.crv = Some(crv.into());
        self.x = Some(base64url(x));
        self.y = Some(base64url(y));
    }
}

/// The key of these numbers (big-endian), if it is strong enough.
pub(crate) fn rsa(n: Vec<u8>, e: Vec<u8>) -> Result<PublicKey, JwkError> {
    // RFC 7518 §6.3.1: no leading zeros; a second spelling would give the key a second thumbprint.
    if n.first().is_none_or(|first| *first == 0) || e.first().is_none_or(|first| *first == 0) {
        return Err(JwkError::Malformed);
    }
    let bits = n.len() * 8 - n[0].leading_zeros() as usize;
    if bits > RSA_BITS_MAX || e.len() > EXPONENT_BYTES_MAX {
        return Err(JwkError::Unsupported);
    }
    let exponent = e.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    // FIPS 186-5 §5.4: 2^16 < e, and odd as the modulus is.
    if bits < RSA_BITS_MIN || exponent < 65_537 {
        return Err(JwkError::Weak);
    }
    if exponent & 1 == 0 || n[n.len() - 1] & 1 == 0 {
        return Err(JwkError::Malformed);
    }
    Ok(PublicKey::Rsa { n, e })
}

/// RFC 7518 §6.2.1.2: coordinates are written in full length.
fn point<const BYTES: usize>(
    x: &Option<String>,
    y: &Option<String>,
) -> Result<[u8; BYTES], JwkError> {
    let (x, y) = (bytes(x)?, bytes(y)?);
    if x.len() != y.len() {
        return Err(JwkError::Malformed);
    }
    let point = [&[4], &x[..], &y[..]].concat();
    point.try_into().map_err(|_| JwkError::Malformed)
}

fn bytes(member: &Option<String>) -> Result<Vec<u8>, JwkError> {
    let text = member.as_deref().ok_or(JwkError::Malformed)?;
    from_base64url(text).ok_or(JwkError::Malformed)
}

const EXPONENT_BYTES_MAX: usize = 4;
