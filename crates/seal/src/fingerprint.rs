//! A fast keyed fingerprint for tables in memory, where SHA-256 would cost more than the look-up it serves.

use crate::expanded::ExpandedKey;
use crate::random;
use ring::aead::{Aad, Nonce};
use zeroize::Zeroizing;

/// 128-bit fingerprints under a random key that lives and dies with this value: GMAC (SP 800-38D) with one fixed nonce.
///
/// A fixed nonce would be fatal for a MAC whose tags are shown. Here nothing is encrypted and **no fingerprint may leave the
/// process**: then the key stays unknown, and two different texts of n bytes meet with probability n / 2^132 at most,
/// whoever chose them. A third of the cost of SHA-256 on processors without SHA instructions.
pub struct Fingerprinter(ExpandedKey);

impl Fingerprinter {
    /// With a new random key.
    pub fn new() -> Fingerprinter {
        let mut key = Zeroizing::new([0; 32]);
        random::fill(&mut *key);
        Fingerprinter(ExpandedKey::new(&key))
    }

    pub fn of(&self, bytes: &[u8]) -> [u8; 16] {
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        let tag = self
            .0
            .get()
            .seal_in_place_separate_tag(nonce, Aad::from(bytes), &mut []);
        let tag = tag.expect("texts under 2 EiB fit AES-GCM");
        tag.as_ref().try_into().expect("a GCM tag has 16 bytes")
    }
}

impl Default for Fingerprinter {
    fn default() -> Fingerprinter {
        Fingerprinter::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_texts_and_keys_apart() {
        let first = Fingerprinter::new();
        assert_eq!(first.of(b"text"), first.of(b"text"));
        assert_ne!(first.of(b"text"), first.of(b"tex"));
        assert_ne!(first.of(b""), first.of(b"\0"));
        assert_ne!(first.of(b"text"), Fingerprinter::new().of(b"text"));
    }
}
