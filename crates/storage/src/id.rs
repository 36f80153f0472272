//! Public ids <https://hl7.org/fhir/R4/resource.html#id>: 20 characters of base32 over a keyed bijection of the row id.
//!
//! A read by id needs no lookup index, ids tell nothing about order or number of rows, and a guessed id fails its
//! 36 check bits before any statement runs. A random id column would cost 2.6-6.2 KB of WAL per create.

#![allow(deprecated)] // `SipHasher` with explicit keys is the only keyed hash of the standard library; it is frozen, not unsafe.

use crate::contract::Rid;
use std::hash::{Hasher, SipHasher};

/// Characters of a public id.
pub const ID_CHARS: usize = 20;

/// The keyed bijection between row ids and public ids of one store.
#[derive(Clone)]
pub struct IdCipher {
    even: (u64, u64),
    odd: (u64, u64),
}

impl IdCipher {
    /// `secret` is the store secret's derivation for the purpose `id`.
    pub fn new(secret: &[u8; 32]) -> IdCipher {
        let word = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&secret[at..at + 8]);
            u64::from_le_bytes(bytes)
        };
        IdCipher {
            even: (word(0), word(8)),
            odd: (word(16), word(24)),
        }
    }

    /// The public id of a row. About 200 ns.
    pub fn encode(&self, rid: Rid) -> String {
        let block = u128::from(rid as u64) << CHECK_BITS;
        let (mut left, mut right) = ((block >> HALF_BITS) as u64, block as u64 & HALF_MASK);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ self.round(round, right));
        }
        let mut rest = (u128::from(left) << HALF_BITS) | u128::from(right);
        let mut text = [0; ID_CHARS];
        for slot in text.iter_mut().rev() {
            *slot = ALPHABET[(rest & 31) as usize];
            rest >>= 5;
        }
        std::str::from_utf8(&text).unwrap_or_default().to_owned()
    }

    /// The row of a public id; `None` for whatever this store did not make.
    pub fn decode(&self, id: &str) -> Option<Rid> {
        if id.len() != ID_CHARS {
            return None;
        }
        let mut block = 0u128;
        for byte in id.bytes() {
            let digit = DIGITS[byte as usize];
            if digit == NO_DIGIT {
                return None;
            }
            block = (block << 5) | u128::from(digit);
        }
        let (mut left, mut right) = ((block >> HALF_BITS) as u64, block as u64 & HALF_MASK);
        for round in (0..ROUNDS).rev() {
            (left, right) = (right ^ self.round(round, left), left);
        }
        let block = (u128::from(left) << HALF_BITS) | u128::from(right);
        let rid = (block >> CHECK_BITS) as i64;
        (block & CHECK_MASK == 0 && rid > 0).then_some(rid)
    }

    fn round(&self, round: u8, half: u64) -> u64 {
        let key = if round.is_multiple_of(2) {
            self.even
        } else {
            self.odd
        };
        let mut hasher = SipHasher::new_with_keys(key.0, key.1);
        hasher.write_u8(round);
        hasher.write_u64(half);
        hasher.finish() & HALF_MASK
    }
}

const HALF_BITS: u32 = 50;
const HALF_MASK: u64 = (1 << HALF_BITS) - 1;
/// 100 bits in all: 64 of the row id, the rest zero before encryption.
const CHECK_BITS: u32 = 36;
const CHECK_MASK: u128 = (1 << CHECK_BITS) - 1;
const ROUNDS: u8 = 6;
/// Lower-case Crockford base32: no i, l, o, u.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const NO_DIGIT: u8 = 255;
const DIGITS: [u8; 256] = {
    let mut table = [NO_DIGIT; 256];
    let mut i = 0;
    while i < 32 {
        table[ALPHABET[i] as usize] = i as u8;
        i += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_id_comes_back_and_looks_random() {
        let cipher = IdCipher::new(&[7; 32]);
        let mut seen = std::collections::HashSet::new();
        for rid in (1..5_000).chain([1 << 40, i64::MAX]) {
            let id = cipher.encode(rid);
            assert!(
                id.len() == ID_CHARS
                    && id
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            );
            assert_eq!(cipher.decode(&id), Some(rid));
            assert!(seen.insert(id));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let cipher = IdCipher::new(&[7; 32]);
        let other = IdCipher::new(&[8; 32]);
        let id = cipher.encode(42);
        for wrong in [
            "",
            "example",
            "0123456789abcdefghjk",
            &id.to_uppercase(),
            &id[1..],
            &other.encode(42),
        ] {
            assert_eq!(cipher.decode(wrong), None);
        }
        for at in 0..ID_CHARS {
            let mut bytes = id.clone().into_bytes();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(cipher.decode(&String::from_utf8(bytes).unwrap()), None);
        }
    }
}
