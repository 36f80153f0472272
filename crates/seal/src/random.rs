//! Random bytes from the operating system.

use crate::aead::NONCE_BYTES;
use crate::encoding::base64url;
use ring::rand::{SecureRandom, SystemRandom};
use std::cell::RefCell;

/// Fills `out` straight from the operating system: for keys and ids that must not be guessed. One system call.
pub fn fill(out: &mut [u8]) {
    // Without randomness no key, nonce or id may be made: there is nothing safe to go on with.
    SystemRandom::new()
        .fill(out)
        .expect("the operating system has a random source");
}

/// 256 random bits as base64url, 43 characters: codes, refresh tokens, session secrets, client secrets.
pub fn token() -> String {
    let mut bytes = [0; 32];
    fill(&mut bytes);
    base64url(&bytes)
}

/// UUID version 4 text. <https://www.rfc-editor.org/rfc/rfc9562#section-5.4>
pub fn uuid() -> String {
    let mut bytes = [0; 16];
    fill(&mut bytes);
    uuid_text(bytes)
}

/// Version 4 text of 16 random bytes; six bits are overwritten by version and variant.
pub fn uuid_text(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(HEX[(byte >> 4) as usize] as char);
        text.push(HEX[(byte & 15) as usize] as char);
    }
    text
}

/// A fresh nonce from this thread's buffer: public bytes that need only be different, so they may wait in memory.
/// One system call serves [`NONCES_PER_FILL`]. The buffer is small because a machine that is cloned while running would
/// use what is left of it twice.
pub(crate) fn nonce() -> [u8; NONCE_BYTES] {
    NONCES.with_borrow_mut(|buffer| {
        if buffer.used == NONCES_PER_FILL {
            fill(buffer.nonces.as_flattened_mut());
            buffer.used = 0;
        }
        buffer.used += 1;
        buffer.nonces[buffer.used - 1]
    })
}

struct Nonces {
    nonces: [[u8; NONCE_BYTES]; NONCES_PER_FILL],
    used: usize,
}

thread_local! {
    static NONCES: RefCell<Nonces> =
        const { RefCell::new(Nonces { nonces: [[0; NONCE_BYTES]; NONCES_PER_FILL], used: NONCES_PER_FILL }) };
}

const NONCES_PER_FILL: usize = 64;
const HEX: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_have_version_and_variant() {
        assert_eq!(uuid_text([0; 16]), "00000000-0000-4000-8000-000000000000");
        assert_eq!(
            uuid_text([0xff; 16]),
            "ffffffff-ffff-4fff-bfff-ffffffffffff"
        );
        assert_ne!(uuid(), uuid());
    }

    #[test]
    fn tokens_are_43_characters_and_differ() {
        let token = token();
        assert_eq!(crate::from_base64url(&token).map(|b| b.len()), Some(32));
        assert_eq!(token.len(), 43);
        assert_ne!(token, super::token());
    }

    #[test]
    fn nonces_differ_across_threads_and_fills() {
        let draw = || (0..1_000).map(|_| nonce()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(draw)).collect();
        let mut all: Vec<_> = threads
            .into_iter()
            .flat_map(|t| t.join().unwrap())
            .collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 4_000);
    }
}
