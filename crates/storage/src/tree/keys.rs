//! The keys that sign checkpoints. Their seeds lie in the store, sealed under a key that derives from its secret, so that an exchange of
//! the master key changes nothing of them.

use super::rows::{Cells, Reads};
use crate::contract::StoreError;
use ward_audit::note::Signer;
use ward_seal::{DataKey, Ed25519Key, StoreSecret};

/// Seals and opens them.
pub(crate) struct LogKeys(DataKey);

/// As it is stored.
pub(crate) struct SealedKey {
    pub n: i64,
    pub origin: String,
    pub sealed: Vec<u8>,
}

impl LogKeys {
    pub fn new(secret: &StoreSecret) -> LogKeys {
        LogKeys(DataKey::from_bytes(&secret.derive("audit signing key")))
    }

    /// A new one of the log `origin`, with the number `n`.
    pub fn generate(&self, n: i64, origin: &str) -> SealedKey {
        let mut sealed = Vec::new();
        let key = Ed25519Key::generate();
        self.0.seal(&aad(n, origin), key.seed(), &mut sealed);
        SealedKey {
            n,
            origin: origin.to_owned(),
            sealed,
        }
    }

    pub fn open(&self, key: &SealedKey) -> Result<Signer, StoreError> {
        self.seed(key)
            .and_then(|seed| Signer::new(&key.origin, seed))
            .ok_or(StoreError::Integrity)
    }

    /// The same key as one that signs what it has seen of other logs.
    pub fn open_cosigner(&self, key: &SealedKey) -> Result<Signer, StoreError> {
        self.seed(key)
            .and_then(|seed| Signer::cosigner(&key.origin, seed))
            .ok_or(StoreError::Integrity)
    }

    fn seed(&self, key: &SealedKey) -> Option<Ed25519Key> {
        let mut sealed = key.sealed.clone();
        let aad = aad(key.n, &key.origin);
        let seed = self.0.open_in_place(&aad, &mut sealed).ok()?;
        Some(Ed25519Key::from_seed((&*seed).try_into().ok()?))
    }
}

/// In the order in which they were made.
pub(crate) async fn all(reads: &impl Reads) -> Result<Vec<SealedKey>, StoreError> {
    let rows = reads.cells(KEYS, &[], "itb").await?;
    rows.iter().map(key).collect()
}

fn key(row: &Cells) -> Result<SealedKey, StoreError> {
    Ok(SealedKey {
        n: row.int(0)?,
        origin: row.text(1)?.to_owned(),
        sealed: row.bytes(2)?.to_vec(),
    })
}

fn aad(n: i64, origin: &str) -> Vec<u8> {
    [&n.to_be_bytes(), origin.as_bytes()].concat()
}

/// The key by which the logs of others are witnessed.
pub(crate) async fn witness(reads: &impl Reads) -> Result<Option<SealedKey>, StoreError> {
    let rows = reads.cells(WITNESS, &[WITNESS_KEY], "itb").await?;
    rows.first().map(key).transpose()
}

/// Its number; those that sign this log begin at 0.
pub(crate) const WITNESS_KEY: i64 = -1;
const WITNESS: &str = "select n, origin, sealed from log_key where n = $1";
const KEYS: &str = "select n, origin, sealed from log_key where n >= 0 order by n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_in_its_place_only() {
        let keys = LogKeys::new(&StoreSecret::generate());
        let key = keys.generate(2, "log.example/ward/audit");
        let public = keys.open(&key).unwrap().public().clone();
        assert_eq!(public.name(), "log.example/ward/audit");
        let other = LogKeys::new(&StoreSecret::generate());
        assert!(other.open(&key).is_err());
        let moved = SealedKey { n: 3, ..key };
        assert!(keys.open(&moved).is_err());
    }
}
