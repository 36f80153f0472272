//! SHA-256 (FIPS 180-4), HMAC-SHA-256 (RFC 2104), HKDF (RFC 5869) and constant-time comparison.

use ring::{digest, hkdf, hmac};
use std::hint::black_box;

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    sha256_of(&[bytes])
}

/// Hash of the concatenation of `parts`, without building it. The caller separates parts of variable length.
pub fn sha256_of(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    parts.iter().for_each(|part| context.update(part));
    thirty_two(context.finish().as_ref())
}

pub fn hmac_sha256(key: &[u8], bytes: &[u8]) -> [u8; 32] {
    thirty_two(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), bytes).as_ref())
}

/// A key of HMAC-SHA-256 whose two blocks are hashed already: for many short messages under one key, each at half the cost.
pub struct HmacKey(hmac::Key);

impl HmacKey {
    pub fn new(key: &[u8]) -> HmacKey {
        HmacKey(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// Of the concatenation of `parts`. The caller separates parts of variable length.
    pub fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        parts.iter().for_each(|part| context.update(part));
        thirty_two(context.sign().as_ref())
    }
}

/// HKDF-SHA-256 extract and expand to 32 bytes.
pub fn hkdf_sha256(salt: &[u8], secret: &[u8], info: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(secret)
        .expand(&[info], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut out))
        .expect("one block is within HKDF's 255");
    out
}

/// Whether both are equal, in time that depends on the lengths only.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    // black_box: each step must be taken, the compiler may not stop at the first difference.
    black_box(
        a.iter()
            .zip(b)
            .fold(0u8, |difference, (x, y)| black_box(difference | (x ^ y))),
    ) == 0
}

fn thirty_two(digest: &[u8]) -> [u8; 32] {
    digest.try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
pub(crate) fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        let abc = from_hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(sha256(b"abc")[..], abc);
        assert_eq!(sha256_of(&[b"a", b"", b"bc"])[..], abc);
        // RFC 4231, test case 2.
        let mac = from_hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert_eq!(
            hmac_sha256(b"Jefe", b"what do ya want for nothing?")[..],
            mac
        );
        let key = HmacKey::new(b"Jefe");
        assert_eq!(key.sign(&[b"what do ya want ", b"for nothing?"])[..], mac);
        // RFC 5869, test case 1, its first 32 bytes.
        let okm = from_hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
        let salt = from_hex("000102030405060708090a0b0c");
        assert_eq!(
            hkdf_sha256(&salt, &[0x0b; 22], &from_hex("f0f1f2f3f4f5f6f7f8f9"))[..],
            okm
        );
    }

    #[test]
    fn compares() {
        assert!(constant_time_eq(b"", b""));
        assert!(constant_time_eq(b"same", b"same"));
        assert!(!constant_time_eq(b"same", b"sane"));
        assert!(!constant_time_eq(b"same", b"sam"));
    }
}
