//! AEAD, signatures, hashes, random and the key hierarchy. The only user of `ring`.
//!
//! This crate must *not* know: FHIR, storage, HTTP or who is asking.

pub mod aead;
mod encoding;
mod expanded;
mod fingerprint;
pub mod hash;
pub mod jws;
pub mod master;
mod master_source;
pub mod private_file;
pub mod random;

pub use aead::{DataKey, OpenError};
pub use encoding::{base64, base64url, from_base64, from_base64url};
pub use fingerprint::Fingerprinter;
pub use jws::{JwsError, SigningKey, VerifyingKey};
pub use master::{MasterKey, MasterSource};
