//! Proof that the sender of a request has the key that a token is bound to. <https://www.rfc-editor.org/rfc/rfc9449#section-4> (S106)

use serde::Deserialize;
use ward_seal::hash::{constant_time_eq, hmac_sha256, sha256};
use ward_seal::jwk::Algorithm;
use ward_seal::jws::foreign::{Expected, Typ, verify_possession};
use ward_seal::{base64url, from_base64url};

/// The request that a proof is for.
#[derive(Clone, Copy)]
pub struct Proved<'a> {
    pub method: &'a str,
    /// Without query and fragment.
    pub url: &'a str,
    /// The access token that comes with it (`ath`).
    pub token: Option<&'a str>,
}

/// A proof that holds, as far as one node can tell: whether it was seen before is a row's to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// `jkt`
    pub thumbprint: String,
    pub id: String,
    /// From then on it is refused for its age.
    pub expires_s: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofError {
    Invalid(&'static str),
    /// No nonce, or one that is over: the answer brings a new one.
    UseNonce,
}

/// Nonces that every node makes and knows without remembering any.
pub struct Nonces {
    key: [u8; 32],
}

/// How old a proof may be, and how far ahead the sender's clock.
pub const PROOF_AGE_S_MAX: i64 = 60;
/// How long a nonce is given out; it is taken for as long again.
pub const NONCE_PERIOD_S: i64 = 120;
/// Longest `jti`.
pub const PROOF_ID_BYTES_MAX: usize = 256;

/// What proofs may be signed with; told in discovery.
pub const PROOF_ALGORITHMS: [Algorithm; 5] = [
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Rs256,
    Algorithm::Ps256,
    Algorithm::EdDsa,
];

/// Checks the value of a `DPoP` header.
pub fn check(
    header: &str,
    proved: Proved<'_>,
    nonces: &Nonces,
    now_s: i64,
) -> Result<Proof, ProofError> {
    const EXPECTED: Expected<'static> = Expected {
        typ: Typ::Is("dpop+jwt"),
        algorithms: &PROOF_ALGORITHMS,
        jku: None,
    };
    let invalid = |why| Err(ProofError::Invalid(why));
    let Ok((key, payload)) = verify_possession(&EXPECTED, header) else {
        return invalid("the DPoP proof is not signed by the public key in its header");
    };
    let Ok(claims) = serde_json::from_slice::<ProofClaims>(&payload) else {
        return invalid("the DPoP proof lacks jti, htm, htu or iat");
    };
    if claims.htm != proved.method {
        return invalid("htm of the DPoP proof is another method");
    }
    if !same_url(&claims.htu, proved.url) {
        return invalid("htu of the DPoP proof is another URL");
    }
    if claims.jti.is_empty() || claims.jti.len() > PROOF_ID_BYTES_MAX {
        return invalid("jti of the DPoP proof is empty or too long");
    }
    let expires_s = claims.iat.saturating_add(PROOF_AGE_S_MAX);
    if expires_s < now_s || claims.iat > now_s.saturating_add(PROOF_AGE_S_MAX) {
        return invalid("the DPoP proof was not made just now");
    }
    if let Some(token) = proved.token {
        let expected = base64url(&sha256(token.as_bytes()));
        if claims.ath.as_deref() != Some(expected.as_str()) {
            return invalid("ath of the DPoP proof is another token's");
        }
    }
    match claims.nonce {
        Some(nonce) if nonces.takes(&nonce, now_s) => Ok(Proof {
            thumbprint: key.thumbprint(),
            id: claims.jti,
            expires_s: expires_s.saturating_add(1),
        }),
        _ => Err(ProofError::UseNonce),
    }
}

impl Nonces {
    /// `key` is the same on every node.
    pub fn new(key: [u8; 32]) -> Nonces {
        Nonces { key }
    }

    pub fn current(&self, now_s: i64) -> String {
        self.of(now_s.div_euclid(NONCE_PERIOD_S))
    }

    /// Given out in this period, the one before, or (by a node whose clock runs ahead) the next.
    fn takes(&self, nonce: &str, now_s: i64) -> bool {
        let period = now_s.div_euclid(NONCE_PERIOD_S);
        let given =
            from_base64url(nonce).and_then(|bytes| Some(i64::from_be_bytes(*bytes.first_chunk()?)));
        given.is_some_and(|given| {
            (period - 1..=period + 1).contains(&given)
                && constant_time_eq(self.of(given).as_bytes(), nonce.as_bytes())
        })
    }

    fn of(&self, period: i64) -> String {
        let period = period.to_be_bytes();
        let mac = hmac_sha256(&self.key, &period);
        base64url(&[&period[..], &mac[..16]].concat())
    }
}

/// RFC 9449 §4.3: query and fragment are ignored; scheme and host compare without case, a default port is none.
fn same_url(given: &str, expected: &str) -> bool {
    let bare = |url: &str| {
        let url = url.split(['?', '#']).next().unwrap_or_default();
        let (scheme, rest) = url.split_once("://")?;
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        let (scheme, authority) = (scheme.to_ascii_lowercase(), authority.to_ascii_lowercase());
        let default = if scheme == "https" { ":443" } else { ":80" };
        let authority = authority
            .strip_suffix(default)
            .unwrap_or(&authority)
            .to_owned();
        Some((scheme, authority, path.to_owned()))
    };
    bare(given).is_some_and(|given| Some(given) == bare(expected))
}

#[derive(Deserialize)]
struct ProofClaims {
    jti: String,
    htm: String,
    htu: String,
    iat: i64,
    #[serde(default)]
    ath: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
}

#[cfg(test)]
#[path = "dpop_tests.rs"]
mod tests;
