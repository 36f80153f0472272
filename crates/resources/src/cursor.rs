//! Paging cursors: sealed, bound to the caller and to the question; access is decided afresh on each page.
//!
//! A position holds row numbers, which tell how much others have created, and values that were sorted by. Cursors stand in URLs,
//! which proxies and browsers keep: nobody but this server reads what is in one, and its length tells only a class.

use crate::engine::Engine;
use ward_access::Access;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind};
use ward_seal::DataKey;
use ward_seal::hash::hmac_sha256;

const CURSOR_BYTES_MAX: usize = 8_192;
const TIME_BYTES: usize = 8;
/// What is sealed is as long as a multiple of this.
const CLASS_BYTES: usize = 64;
/// Ends the content; zeros fill what follows.
const END: u8 = 0x80;

/// Seals `position`, with the time, for this access and question.
pub fn seal(engine: &Engine, access: &Access, question: &str, position: &[u8]) -> String {
    let bound = bound(access, question);
    let content = content(position, engine.now_us() / 1_000_000);
    let mut sealed = Vec::new();
    key(&engine.cursor_key, &bound).seal(&bound, &content, &mut sealed);
    ward_seal::base64url(&sealed)
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
    let mut sealed = ward_seal::from_base64url(cursor).ok_or_else(refused)?;
    let bound = bound(access, question);
    let content = key(&engine.cursor_key, &bound)
        .open_in_place(&bound, &mut sealed)
        .map_err(|_| refused())?;
    let (position, sealed_s) = parts(content).ok_or_else(refused)?;
    let lifetime_s = engine.settings.cursor_lifetime_s;
    if is_expired(sealed_s, engine.now_us() / 1_000_000, lifetime_s) {
        let valid = match lifetime_s {
            s if s % 3_600 == 0 => format!("{} hours", s / 3_600),
            s => format!("{s} seconds"),
        };
        let text = format!(
            "the page link has expired: links are valid for {valid}; start again from the first page"
        );
        return Err(Failure::new(Kind::Invalid, text));
    }
    Ok(position.to_vec())
}

/// The associated data: a cursor of another caller or of another question does not open.
fn bound(access: &Access, question: &str) -> Vec<u8> {
    let mut bound = b"ward cursor".to_vec();
    bound.extend_from_slice(&access.fingerprint().to_le_bytes());
    bound.extend_from_slice(question.as_bytes());
    bound
}

/// Each caller and question have a key of their own, so that none seals as much as random nonces are good for.
fn key(of_all: &[u8; 32], bound: &[u8]) -> DataKey {
    DataKey::from_bytes(&hmac_sha256(of_all, bound))
}

fn content(position: &[u8], now_s: i64) -> Vec<u8> {
    let length = (TIME_BYTES + position.len() + 1).next_multiple_of(CLASS_BYTES);
    let mut content = Vec::with_capacity(length);
    content.extend_from_slice(&now_s.to_le_bytes());
    content.extend_from_slice(position);
    content.push(END);
    content.resize(length, 0);
    content
}

/// The position, and when it was sealed.
fn parts(content: &[u8]) -> Option<(&[u8], i64)> {
    let (time, rest) = content.split_first_chunk::<TIME_BYTES>()?;
    let end = rest.iter().rposition(|byte| *byte != 0)?;
    (rest[end] == END).then_some((&rest[..end], i64::from_le_bytes(*time)))
}

/// A clock that was set back does not end a cursor.
fn is_expired(sealed_s: i64, now_s: i64, lifetime_s: i64) -> bool {
    now_s.saturating_sub(sealed_s) > lifetime_s
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_has_its_time() {
        assert!(!is_expired(1_000, 1_600, 600));
        assert!(is_expired(1_000, 1_601, 600));
        assert!(!is_expired(1_000, 0, 600));
    }

    #[test]
    fn a_position_comes_back_and_its_length_is_a_class() {
        for length in 0..200 {
            for last in [0, END] {
                let mut position = vec![7; length];
                position.extend([0, last]);
                let content = content(&position, 77);
                assert_eq!(content.len() % CLASS_BYTES, 0);
                assert!(content.len() <= TIME_BYTES + position.len() + CLASS_BYTES);
                assert_eq!(parts(&content), Some((position.as_slice(), 77)));
            }
        }
        for other in [&[][..], &[0; 7], &[0; 64], &[1; 64]] {
            assert_eq!(parts(other), None);
        }
    }

    #[test]
    fn another_binding_has_another_key() {
        let sealed = |bound: &[u8]| {
            let mut out = Vec::new();
            key(&[9; 32], bound).seal(b"", b"position", &mut out);
            out
        };
        let opens = |bound: &[u8], mut sealed: Vec<u8>| {
            key(&[9; 32], bound).open_in_place(b"", &mut sealed).is_ok()
        };
        assert!(opens(b"a", sealed(b"a")));
        assert!(!opens(b"b", sealed(b"a")));
    }
}
