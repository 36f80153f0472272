//! An RSA signing key: id_tokens by RS256 (OpenID Connect Core §15.1) or PS256 (FAPI 2.0), client assertions by RS384.
//!
//! The `rsa` crate only makes the key, once, from our random source. Signing is `ring`'s: the private operation of the
//! `rsa` crate does not run in constant time (RUSTSEC-2023-0071).

use crate::aead::OpenError;
use crate::jwk::{Algorithm, Jwk, PublicKey};
use crate::jws::{compact, sealing_key};
use crate::master::MasterKey;
use crate::random;
use ring::rand::SystemRandom;
use ring::signature::{
    KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use rsa::pkcs8::EncodePrivateKey;
use rsa::rand_core;
use std::fmt;
use zeroize::Zeroizing;

/// An RSA private key of 2048 bits or more, with its public half.
pub struct RsaKey {
    pkcs8: Zeroizing<Vec<u8>>,
    pair: RsaKeyPair,
    public: Jwk,
    kid: String,
}

/// What an [`RsaKey`] signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RsaAlgorithm {
    Rs256,
    Rs384,
    Ps256,
}

/// Bits of a new key.
pub const NEW_KEY_BITS: usize = 2048;

impl RsaKey {
    /// A new random key. Costs 0.1 to 2 s of CPU: never on a thread that answers requests.
    pub fn generate() -> RsaKey {
        let made = rsa::RsaPrivateKey::new(&mut SystemSource, NEW_KEY_BITS)
            .expect("two primes of 1024 bits are found");
        let pkcs8 = made.to_pkcs8_der().expect("a generated key is written");
        RsaKey::from_pkcs8(pkcs8.as_bytes()).expect("a generated key is well-formed")
    }

    /// `None`: not an RSA private key of 2048 to 4096 bits in PKCS #8.
    pub fn from_pkcs8(der: &[u8]) -> Option<RsaKey> {
        let pair = RsaKeyPair::from_pkcs8(der).ok()?;
        let components = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
        let key = PublicKey::Rsa {
            n: components.n,
            e: components.e,
        };
        let kid = Jwk::new(key.clone(), None, None).thumbprint();
        Some(RsaKey {
            pkcs8: Zeroizing::new(der.to_vec()),
            pair,
            public: Jwk::new(key, Some(kid.clone()), None),
            kid,
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
    pub fn unseal(sealed: &[u8], master: &MasterKey) -> Result<RsaKey, OpenError> {
        let mut copy = Zeroizing::new(sealed.to_vec());
        let pkcs8 = sealing_key(master).open_in_place(SEAL_CONTEXT, &mut copy)?;
        RsaKey::from_pkcs8(pkcs8).ok_or(OpenError)
    }

    /// RFC 7638 thumbprint.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public key with its `kid`.
    pub fn public(&self) -> &Jwk {
        &self.public
    }

    /// The compact token. `typ` must be plain text without quotes or backslashes. Costs about 1 ms.
    pub fn sign(&self, algorithm: RsaAlgorithm, typ: &str, payload: &[u8]) -> String {
        let padding = algorithm.padding();
        compact(algorithm.name(), typ, self.kid(), payload, |signed| {
            let mut signature = vec![0; self.pair.public().modulus_len()];
            self.pair
                .sign(padding, &SystemRandom::new(), signed, &mut signature)
                .expect("the signature is as long as the modulus");
            signature
        })
    }
}

impl RsaAlgorithm {
    pub fn name(self) -> &'static str {
        match self {
            RsaAlgorithm::Rs256 => Algorithm::Rs256.name(),
            RsaAlgorithm::Rs384 => Algorithm::Rs384.name(),
            RsaAlgorithm::Ps256 => Algorithm::Ps256.name(),
        }
    }

    fn padding(self) -> &'static dyn RsaEncoding {
        match self {
            RsaAlgorithm::Rs256 => &RSA_PKCS1_SHA256,
            RsaAlgorithm::Rs384 => &RSA_PKCS1_SHA384,
            RsaAlgorithm::Ps256 => &RSA_PSS_SHA256,
        }
    }
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaKey({})", self.kid)
    }
}

/// Our random source in the words of the `rsa` crate.
struct SystemSource;

impl rand_core::RngCore for SystemSource {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        random::fill(out);
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rand_core::Error> {
        random::fill(out);
        Ok(())
    }
}

impl rand_core::CryptoRng for SystemSource {}

const SEAL_CONTEXT: &[u8] = b"RSA signing key";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jws::foreign::{Expected, Typ, verify};

    #[test]
    fn signs_in_each_way_also_after_storage() {
        let key = RsaKey::generate();
        let master = MasterKey::from_bytes([1; 32]);
        let sealed = key.seal(&master);
        assert!(RsaKey::unseal(&sealed, &MasterKey::from_bytes([2; 32])).is_err());
        let again = RsaKey::unseal(&sealed, &master).unwrap();
        assert_eq!(again.kid(), key.kid());
        assert_eq!(RsaKey::from_pkcs8(key.to_pkcs8()).unwrap().kid(), key.kid());
        assert!(RsaKey::from_pkcs8(b"not a key").is_none());
        let public = Jwk::parse(again.public().to_json().as_bytes()).unwrap();
        assert_eq!(&public, key.public());
        assert_eq!(public.thumbprint(), key.kid());
        for (by, algorithm) in [
            (RsaAlgorithm::Rs256, Algorithm::Rs256),
            (RsaAlgorithm::Rs384, Algorithm::Rs384),
            (RsaAlgorithm::Ps256, Algorithm::Ps256),
        ] {
            let token = again.sign(by, "JWT", b"{}");
            let checked = |algorithms: &[Algorithm]| {
                let expected = Expected {
                    typ: Typ::Is("JWT"),
                    algorithms,
                    jku: None,
                };
                verify(&public, &expected, &token)
            };
            assert_eq!(checked(&[algorithm]).unwrap(), b"{}");
            let others = Algorithm::ALL.into_iter().filter(|a| *a != algorithm);
            assert!(checked(&others.collect::<Vec<_>>()).is_err());
        }
        assert!(!key.public().to_json().contains("\"d\""));
    }
}
