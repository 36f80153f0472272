//! A P-384 signing key: client assertions by ES384 (SMART App Launch, client authentication: asymmetric).

use crate::jwk::{Algorithm, Jwk, PublicKey};
use crate::jws::{compact, joined};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use std::fmt;
use zeroize::Zeroizing;

/// An ES384 private key, with its public half.
pub struct Es384Key {
    pkcs8: Zeroizing<Vec<u8>>,
    pair: EcdsaKeyPair,
    public: Jwk,
    kid: String,
}

impl Es384Key {
    /// A new random key.
    pub fn generate() -> Es384Key {
        let made =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &SystemRandom::new());
        let document = made.expect("the operating system has a random source");
        Es384Key::from_pkcs8(document.as_ref()).expect("a generated key is well-formed")
    }

    /// `None`: not a P-384 private key in PKCS #8.
    pub fn from_pkcs8(der: &[u8]) -> Option<Es384Key> {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, der, &random).ok()?;
        let key = PublicKey::P384(pair.public_key().as_ref().try_into().ok()?);
        let kid = Jwk::new(key.clone(), None, None).thumbprint();
        Some(Es384Key {
            pkcs8: Zeroizing::new(der.to_vec()),
            pair,
            public: Jwk::new(key, Some(kid.clone()), Some(Algorithm::Es384)),
            kid,
        })
    }

    /// The private key.
    pub fn to_pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// RFC 7638 thumbprint.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public key with its `kid` and `alg`.
    pub fn public(&self) -> &Jwk {
        &self.public
    }

    /// The compact token. `typ` must be plain text without quotes or backslashes.
    pub fn sign(&self, typ: &str, payload: &[u8]) -> String {
        let alg = Algorithm::Es384.name();
        compact(alg, typ, self.kid(), payload, |signed| {
            self.signature(signed)
        })
    }

    /// The compact token under a header of the caller's own, JSON: as clients write it that say more than they must.
    pub fn sign_under(&self, header: &str, payload: &[u8]) -> String {
        joined(header, payload, |signed| self.signature(signed))
    }

    fn signature(&self, signed: &[u8]) -> Vec<u8> {
        let signature = self.pair.sign(&SystemRandom::new(), signed);
        let signature = signature.expect("the operating system has a random source");
        signature.as_ref().to_vec()
    }
}

impl fmt::Debug for Es384Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Es384Key({})", self.kid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jws::foreign::{Expected, Typ, verify};

    #[test]
    fn signs_also_after_storage() {
        let key = Es384Key::generate();
        let again = Es384Key::from_pkcs8(key.to_pkcs8()).unwrap();
        assert_eq!(again.kid(), key.kid());
        assert!(Es384Key::from_pkcs8(crate::SigningKey::generate().to_pkcs8()).is_none());
        let token = again.sign("JWT", b"{}");
        let expected = Expected {
            typ: Typ::Is("JWT"),
            algorithms: &[Algorithm::Es384],
            jku: None,
        };
        let public = Jwk::parse(key.public().to_json().as_bytes()).unwrap();
        assert_eq!(verify(&public, &expected, &token).unwrap(), b"{}");
        // Fixed-length form of 96 bytes, not ASN.1 (RFC 7518 §3.4).
        assert_eq!(token.rsplit('.').next().unwrap().len(), 128);
    }
}
