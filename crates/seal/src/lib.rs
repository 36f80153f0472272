//! AEAD, signatures, hashes, random and the key hierarchy. The only user of `ring`.
//!
//! This crate must *not* know: FHIR, storage, HTTP or who is asking.

pub mod aead;
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
pub use encoding::{base64, base64url, from_base64, from_base64url};
pub use es384_key::Es384Key;
pub use fingerprint::Fingerprinter;
pub use jwk::{Algorithm, Jwk, JwkError, JwkSet};
pub use jws::{JwsError, SigningKey, VerifyingKey};
pub use master::{MasterKey, MasterSource};
pub use rsa_key::{RsaAlgorithm, RsaKey};
pub use secret::StoreSecret;
pub use totp::TotpSecret;
