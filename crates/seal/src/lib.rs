//! AEAD, signatures, hashes, random and the key hierarchy. The only user of `ring`.
//!
//! This crate must *not* know: FHIR, storage, HTTP or who is asking.

pub mod aead;
mod ed25519;
mod encoding;
pub mod es384_key;
mod expanded;
mod fingerprint;
pub mod hash;
pub mod jwk;
pub mod jws;
pub mod master;
mod master_source;
pub mod password;
pub mod pkce;
pub mod private_file;
pub mod random;
pub mod rsa_key;
mod secret;
pub mod totp;
pub mod webauthn;

pub use aead::{DataKey, OpenError};
pub use ed25519::{ED25519_SIGNATURE_BYTES, Ed25519Key, ed25519_verifies};
pub use encoding::{base64, base64url, from_base64, from_base64url};
pub use es384_key::Es384Key;
pub use fingerprint::Fingerprinter;
pub use jwk::{Algorithm, Jwk, JwkError, JwkSet};
pub use jws::{JwsError, SigningKey, VerifyingKey};
pub use master::{MasterKey, MasterSource};
pub use rsa_key::{RsaAlgorithm, RsaKey};
pub use secret::StoreSecret;
pub use totp::TotpSecret;

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Debug;

    /// X61: a key that a log line or a panic shows is told by its name or its public id.
    #[test]
    fn x61_no_key_is_debugged() {
        let bytes = [0xA7; 32];
        let signing = SigningKey::generate();
        let es384 = Es384Key::generate();
        let totp = TotpSecret::from_bytes([0xA7; 20]);
        // Behind the names of the algorithm and the curve.
        let inside = |pkcs8: &[u8]| pkcs8[40..64].to_vec();
        let (p256, p384) = (inside(signing.to_pkcs8()), inside(es384.to_pkcs8()));
        let told: [(&dyn Debug, &[u8]); 7] = [
            (&MasterKey::from_bytes(bytes), &bytes),
            (&DataKey::from_bytes(&bytes), &bytes),
            (&StoreSecret::from_bytes(&bytes), &bytes),
            (&totp, &bytes[..20]),
            (&signing, &p256),
            (&es384, &p384),
            (&Ed25519Key::from_seed(&bytes), &bytes),
        ];
        for (key, secret) in told {
            for text in [format!("{key:?}"), format!("{key:#?}")] {
                let hex: String = secret.iter().map(|b| format!("{b:02x}")).collect();
                let numbers = format!("{:?}", &secret[..4]);
                let numbers = numbers.trim_matches(['[', ']']);
                for part in [base64(secret), base64url(secret), hex, numbers.to_owned()] {
                    let part = &part[..part.len().min(12)];
                    assert!(
                        !text.to_lowercase().contains(&part.to_lowercase()),
                        "{text}"
                    );
                }
                assert!(text.len() < 64, "{text}");
            }
        }
    }
}
