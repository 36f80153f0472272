//! Paging cursors: opaque, signed, bound to the caller and to the question; access is decided afresh on each page.

use crate::engine::Engine;
use ward_access::Access;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind};
use ward_seal::hash::{constant_time_eq, hmac_sha256};

/// Bytes of the signature that are kept: 96 bits.
const SIGNATURE_BYTES: usize = 12;
const CURSOR_BYTES_MAX: usize = 4_096;

/// Signs `position` for this access and question.
pub fn sign(engine: &Engine, access: &Access, question: &str, position: &[u8]) -> String {
    let mut bytes = position.to_vec();
    bytes.extend_from_slice(&signature(engine, access, question, position));
    ward_seal::base64url(&bytes)
}

/// The position inside a cursor that this caller got for this question.
pub fn open(engine: &Engine, access: &Access, question: &str, cursor: &str) -> Result<Vec<u8>> {
    let refused = || {
        Failure::new(
            Kind::Invalid,
            "the page link is not valid for this caller and search; start again from the first page",
        )
    };
    if cursor.len() > CURSOR_BYTES_MAX {
        return Err(refused());
    }
    let mut bytes = ward_seal::from_base64url(cursor).ok_or_else(refused)?;
    let split = bytes
        .len()
        .checked_sub(SIGNATURE_BYTES)
        .ok_or_else(refused)?;
    let given = bytes.split_off(split);
    if !constant_time_eq(&given, &signature(engine, access, question, &bytes)) {
        return Err(refused());
    }
    Ok(bytes)
}

fn signature(
    engine: &Engine,
    access: &Access,
    question: &str,
    position: &[u8],
) -> [u8; SIGNATURE_BYTES] {
    let mut message = Vec::with_capacity(16 + question.len() + position.len());
    message.extend_from_slice(&access.fingerprint().to_le_bytes());
    message.extend_from_slice(&(question.len() as u64).to_le_bytes());
    message.extend_from_slice(question.as_bytes());
    message.extend_from_slice(position);
    let mac = hmac_sha256(&engine.cursor_key, &message);
    let mut kept = [0; SIGNATURE_BYTES];
    kept.copy_from_slice(&mac[..SIGNATURE_BYTES]);
    kept
}
