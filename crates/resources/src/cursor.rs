//! Paging cursors: opaque, signed, bound to the caller and to the question; access is decided afresh on each page.

use crate::engine::Engine;
use ward_access::Access;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind};
use ward_seal::hash::{constant_time_eq, hmac_sha256};

/// Bytes of the signature that are kept: 96 bits.
const SIGNATURE_BYTES: usize = 12;
const CURSOR_BYTES_MAX: usize = 8_192;
const TIME_BYTES: usize = 8;

/// Signs `position`, with the time, for this access and question.
pub fn sign(engine: &Engine, access: &Access, question: &str, position: &[u8]) -> String {
    let mut bytes = position.to_vec();
    bytes.extend_from_slice(&(engine.now_us() / 1_000_000).to_le_bytes());
    let signature = signature(engine, access, question, &bytes);
    bytes.extend_from_slice(&signature);
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
    let signed_s = split_time(&mut bytes).ok_or_else(refused)?;
    let lifetime_s = engine.settings.cursor_lifetime_s;
    if is_expired(signed_s, engine.now_us() / 1_000_000, lifetime_s) {
        let valid = match lifetime_s {
            s if s % 3_600 == 0 => format!("{} hours", s / 3_600),
            s => format!("{s} seconds"),
        };
        let text = format!(
            "the page link has expired: links are valid for {valid}; start again from the first page"
        );
        return Err(Failure::new(Kind::Invalid, text));
    }
    Ok(bytes)
}

fn split_time(bytes: &mut Vec<u8>) -> Option<i64> {
    let time = bytes.split_off(bytes.len().checked_sub(TIME_BYTES)?);
    time.try_into().ok().map(i64::from_le_bytes)
}

/// A clock that was set back does not end a cursor.
fn is_expired(signed_s: i64, now_s: i64, lifetime_s: i64) -> bool {
    now_s.saturating_sub(signed_s) > lifetime_s
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_has_its_time() {
        assert!(!is_expired(1_000, 1_600, 600));
        assert!(is_expired(1_000, 1_601, 600));
        assert!(!is_expired(1_000, 0, 600));
        let mut bytes = b"position".to_vec();
        bytes.extend_from_slice(&77_i64.to_le_bytes());
        assert_eq!(
            (split_time(&mut bytes), bytes.as_slice()),
            (Some(77), &b"position"[..])
        );
        assert_eq!(split_time(&mut vec![0; 7]), None);
    }
}
