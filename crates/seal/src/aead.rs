//! AES-256-GCM under a data key. <https://csrc.nist.gov/pubs/sp/800/38/d/final>
//!
//! Nonces are 96 random bits. With n messages under one key two of them meet with probability below n²/2^97: at the
//! bound that SP 800-38D §8.3 sets for random nonces, 2^32 messages, that is 2^-33. A patient's key sees a few thousand;
//! a key that is shared by many rows must be replaced before [`SEALS_PER_KEY_MAX`].

use crate::expanded::ExpandedKey;
use crate::random;
use ring::aead::{Aad, Nonce, Tag};
use std::fmt;
use zeroize::Zeroizing;

/// A 256-bit key, ready for use, wiped on drop. Clones share one copy.
#[derive(Clone)]
pub struct DataKey {
    bytes: std::sync::Arc<Zeroizing<[u8; 32]>>,
    expanded: ExpandedKey,
}

/// The bytes were not sealed under this key with this associated data, or were changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenError;

pub const NONCE_BYTES: usize = 12;
pub const TAG_BYTES: usize = 16;
/// What sealing adds to the plain part.
pub const OVERHEAD_BYTES: usize = NONCE_BYTES + TAG_BYTES;
/// How many messages one key may seal (SP 800-38D §8.3, random nonces).
pub const SEALS_PER_KEY_MAX: u64 = 1 << 32;

impl DataKey {
    /// A new random key.
    pub fn generate() -> DataKey {
        let mut bytes = Zeroizing::new([0; 32]);
        random::fill(&mut *bytes);
        DataKey::from_bytes(&bytes)
    }

    pub fn from_bytes(bytes: &[u8; 32]) -> DataKey {
        DataKey {
            bytes: std::sync::Arc::new(Zeroizing::new(*bytes)),
            expanded: ExpandedKey::new(bytes),
        }
    }

    /// Appends nonce, ciphertext and tag of `plain` to `out`. Cost about 1 µs for 2 KB.
    pub fn seal(&self, aad: &[u8], plain: &[u8], out: &mut Vec<u8>) {
        self.seal_with(random::nonce(), aad, plain, out);
    }

    /// Decrypts what `seal` appended, in place, returning the plain part.
    pub fn open_in_place<'a>(
        &self,
        aad: &[u8],
        sealed: &'a mut [u8],
    ) -> Result<&'a mut [u8], OpenError> {
        let (nonce, rest) = sealed.split_at_mut_checked(NONCE_BYTES).ok_or(OpenError)?;
        let nonce = <[u8; NONCE_BYTES]>::try_from(&*nonce).map_err(|_| OpenError)?;
        self.open_under(nonce, aad, rest)
    }

    /// Like `seal` under a nonce that is kept elsewhere: appends ciphertext and tag. The nonce must be random bits that this key has
    /// sealed nothing under.
    pub fn seal_under(
        &self,
        nonce: [u8; NONCE_BYTES],
        aad: &[u8],
        plain: &[u8],
        out: &mut Vec<u8>,
    ) {
        out.reserve(plain.len() + TAG_BYTES);
        let body = out.len();
        out.extend_from_slice(plain);
        self.seal_tail_under(nonce, aad, out, body);
    }

    /// The same of a plain part that stands at the end of `out`, from `body` on: encrypted where it is, and the tag appended.
    pub fn seal_tail_under(
        &self,
        nonce: [u8; NONCE_BYTES],
        aad: &[u8],
        out: &mut Vec<u8>,
        body: usize,
    ) {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let sealed =
            self.expanded
                .get()
                .seal_in_place_separate_tag(nonce, Aad::from(aad), &mut out[body..]);
        let tag = sealed.expect("a body under 64 GiB fits AES-GCM");
        out.extend_from_slice(tag.as_ref());
    }

    /// Decrypts what `seal_under` appended, in place, returning the plain part.
    pub fn open_under<'a>(
        &self,
        nonce: [u8; NONCE_BYTES],
        aad: &[u8],
        sealed: &'a mut [u8],
    ) -> Result<&'a mut [u8], OpenError> {
        let body = sealed.len().checked_sub(TAG_BYTES).ok_or(OpenError)?;
        let (body, tag) = sealed.split_at_mut(body);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = Tag::try_from(&*tag).map_err(|_| OpenError)?;
        let key = self.expanded.get();
        key.open_in_place_separate_tag(nonce, Aad::from(aad), tag, body, 0..)
            .map_err(|_| OpenError)
    }

    /// The raw key, for wrapping only.
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    fn seal_with(&self, nonce: [u8; NONCE_BYTES], aad: &[u8], plain: &[u8], out: &mut Vec<u8>) {
        out.reserve(plain.len() + OVERHEAD_BYTES);
        out.extend_from_slice(&nonce);
        self.seal_under(nonce, aad, plain, out);
    }
}

/// Shows that there is a key, never the key.
impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::from_hex;

    /// Test case 16 of the GCM specification (AES-256, 96-bit nonce, associated data).
    #[test]
    fn known_answer() {
        let key = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
        let plain = from_hex(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        );
        let aad = from_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let cipher = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662";
        let tag = "76fc6ece0f4e1768cddf8853bb2d551b";
        let key = DataKey::from_bytes(&from_hex(key).try_into().unwrap());
        let nonce: [u8; 12] = from_hex("cafebabefacedbaddecaf888").try_into().unwrap();
        let mut sealed = vec![];
        key.seal_with(nonce, &aad, &plain, &mut sealed);
        assert_eq!(sealed[..12], nonce);
        assert_eq!(sealed[12..], from_hex(&format!("{cipher}{tag}")));
        assert_eq!(key.open_in_place(&aad, &mut sealed).unwrap(), plain);
    }

    #[test]
    fn appends_and_opens() {
        let key = DataKey::generate();
        for length in [0, 1, 15, 16, 17, 2048, 70_000] {
            let plain = vec![7u8; length];
            let mut out = b"head".to_vec();
            key.seal(b"aad", &plain, &mut out);
            assert_eq!(out.len(), 4 + length + OVERHEAD_BYTES);
            assert_eq!(&out[..4], b"head");
            assert_eq!(key.open_in_place(b"aad", &mut out[4..]).unwrap(), plain);
        }
    }

    #[test]
    fn refuses_changes_other_data_other_key_and_short_input() {
        let key = DataKey::generate();
        let mut out = vec![];
        key.seal(b"aad", b"plain", &mut out);
        for at in 0..out.len() {
            let mut changed = out.clone();
            changed[at] ^= 1;
            assert_eq!(key.open_in_place(b"aad", &mut changed), Err(OpenError));
        }
        assert_eq!(
            key.open_in_place(b"other", &mut out.clone()),
            Err(OpenError)
        );
        assert_eq!(
            DataKey::generate().open_in_place(b"aad", &mut out.clone()),
            Err(OpenError)
        );
        for length in 0..OVERHEAD_BYTES {
            assert_eq!(
                key.open_in_place(b"aad", &mut out.clone()[..length]),
                Err(OpenError)
            );
        }
    }

    #[test]
    fn never_repeats_a_nonce_nor_shows_the_key() {
        let key = DataKey::generate();
        let mut seen = std::collections::HashSet::new();
        for _ in 0..10_000 {
            let mut out = vec![];
            key.seal(b"", b"same", &mut out);
            assert!(seen.insert(out[..NONCE_BYTES].to_vec()));
        }
        assert_eq!(format!("{key:?}"), "DataKey(..)");
    }
}
