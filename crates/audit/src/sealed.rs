//! A Record as it lies in the local log and in a store: the nonce of its leaf, its bytes under AES-256-GCM, the tag.
//!
//! Sealed once, where it is made; opened where it is read, numbered or exported. Whoever has a disk or a copy of the database learns of a
//! Record how long it is. The first 12 bytes of the leaf's nonce are the nonce of the cipher, the last byte says which of
//! [`KEYS`] keys seals: so no key seals more than a sixteenth ([`ward_seal::aead::SEALS_PER_KEY_MAX`] each, 68 billion together).

use crate::leaf::NONCE_BYTES;
use crate::record::Record;
use std::sync::Arc;
use ward_seal::DataKey;
use ward_seal::aead::TAG_BYTES;
use ward_seal::hash::hkdf_sha256;

/// Seals and opens the Records of one store. Clones share the keys.
#[derive(Clone, Debug)]
pub struct RecordKey(Arc<[DataKey; KEYS]>);

/// What was sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub nonce: [u8; NONCE_BYTES],
    /// [`Record::encode`]d.
    pub record: Vec<u8>,
}

const KEYS: usize = 16;
/// What sealing adds to the bytes of a Record.
pub const SEALED_OVERHEAD_BYTES: usize = NONCE_BYTES + TAG_BYTES;

impl RecordKey {
    /// `secret` is the store secret's derivation for the purpose `audit record`.
    pub fn new(secret: &[u8; 32]) -> RecordKey {
        let key = |n: usize| DataKey::from_bytes(&hkdf_sha256(&[n as u8], secret, AAD));
        RecordKey(Arc::new(std::array::from_fn(key)))
    }

    /// About 1 us for a Record of 200 bytes.
    pub fn seal(&self, record: &Record) -> Vec<u8> {
        self.seal_written(ENCODED_BYTES_USUAL, |out| record.encode(out))
    }

    /// The same of a Record that is encoded already.
    pub fn seal_encoded(&self, record: &[u8]) -> Vec<u8> {
        self.seal_written(record.len(), |out| out.extend_from_slice(record))
    }

    fn seal_written(&self, bytes: usize, write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        ward_seal::random::fill(&mut nonce);
        let mut sealed = Vec::with_capacity(bytes + SEALED_OVERHEAD_BYTES);
        sealed.extend_from_slice(&nonce);
        write(&mut sealed);
        let (key, cipher_nonce) = self.of(&nonce);
        key.seal_tail_under(cipher_nonce, AAD, &mut sealed, NONCE_BYTES);
        sealed
    }

    /// `None`: not sealed under this key, or changed since.
    pub fn open(&self, sealed: &[u8]) -> Option<Opened> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let mut body = body.to_vec();
        let (key, cipher_nonce) = self.of(nonce);
        let length = key.open_under(cipher_nonce, AAD, &mut body).ok()?.len();
        body.truncate(length);
        Some(Opened {
            nonce: *nonce,
            record: body,
        })
    }

    fn of(&self, nonce: &[u8; NONCE_BYTES]) -> (&DataKey, [u8; 12]) {
        let mut cipher = [0; 12];
        cipher.copy_from_slice(&nonce[..12]);
        (&self.0[usize::from(nonce[NONCE_BYTES - 1]) % KEYS], cipher)
    }
}

const AAD: &[u8] = b"audit record";
const ENCODED_BYTES_USUAL: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_what_it_sealed_and_nothing_else() {
        let (key, other) = (RecordKey::new(&[1; 32]), RecordKey::new(&[2; 32]));
        for length in [0, 1, 200, 5_000] {
            let record = vec![7; length];
            let sealed = key.seal_encoded(&record);
            assert_eq!(sealed.len(), length + SEALED_OVERHEAD_BYTES);
            let opened = key.open(&sealed).unwrap();
            assert_eq!(
                (opened.nonce[..].to_vec(), &opened.record),
                (sealed[..16].to_vec(), &record)
            );
            assert_eq!(other.open(&sealed), None);
            assert_eq!(RecordKey::new(&[1; 32]).open(&sealed), Some(opened));
            for at in (0..sealed.len()).step_by(7) {
                // Of the nonce's bytes 12 to 14 the cipher knows nothing; the leaf does.
                if (12..NONCE_BYTES).contains(&at) {
                    continue;
                }
                let mut changed = sealed.clone();
                changed[at] ^= 1;
                assert_eq!(key.open(&changed), None, "byte {at}");
            }
        }
        assert_eq!(key.open(&[0; 31]), None);
        assert_ne!(key.seal_encoded(b"x"), key.seal_encoded(b"x"));
    }
}
