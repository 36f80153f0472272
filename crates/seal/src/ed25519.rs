//! Ed25519 (RFC 8032): signatures under checkpoints of the audit log, of its witnesses and of those who approve.

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use std::fmt;
use zeroize::Zeroizing;

/// A private key, with its public half.
pub struct Ed25519Key {
    secret_seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
}

/// Bytes of a signature.
pub const ED25519_SIGNATURE_BYTES: usize = 64;

impl Ed25519Key {
    /// A new random key.
    pub fn generate() -> Ed25519Key {
        let mut seed = Zeroizing::new([0; 32]);
        crate::random::fill(seed.as_mut_slice());
        Ed25519Key::from_seed(&seed)
    }

    /// The private key of RFC 8032 §5.1.5: any 32 bytes are one.
    pub fn from_seed(seed: &[u8; 32]) -> Ed25519Key {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed);
        Ed25519Key {
            secret_seed: Zeroizing::new(*seed),
            pair: pair.expect("a seed has 32 bytes"),
        }
    }

    /// The private key: seal it before it is stored anywhere.
    pub fn seed(&self) -> &[u8; 32] {
        &self.secret_seed
    }

    pub fn public(&self) -> [u8; 32] {
        let public = self.pair.public_key().as_ref();
        public.try_into().expect("a public key has 32 bytes")
    }

    pub fn sign(&self, message: &[u8]) -> [u8; ED25519_SIGNATURE_BYTES] {
        let signature = self.pair.sign(message);
        let bytes = signature.as_ref();
        bytes.try_into().expect("a signature has 64 bytes")
    }
}

/// Whether the key has signed exactly this message.
pub fn ed25519_verifies(public: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    let key = UnparsedPublicKey::new(&ED25519, public);
    key.verify(message, signature).is_ok()
}

impl fmt::Debug for Ed25519Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let public = self.public();
        write!(f, "Ed25519Key({:02x}{:02x}..)", public[0], public[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::from_hex;

    /// RFC 8032 §7.1, test 2.
    #[test]
    fn known_answer() {
        let seed = from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let key = Ed25519Key::from_seed(&seed.try_into().unwrap());
        let public = from_hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        assert_eq!(key.public()[..], public);
        let signature = from_hex(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        );
        assert_eq!(key.sign(&[0x72])[..], signature);
        assert!(ed25519_verifies(&key.public(), &[0x72], &signature));
        assert!(!ed25519_verifies(&key.public(), &[0x73], &signature));
        assert!(!ed25519_verifies(&key.public(), &[0x72], &signature[1..]));
    }

    #[test]
    fn keys_differ() {
        assert_ne!(Ed25519Key::generate().seed(), Ed25519Key::generate().seed());
    }
}
