//! State rows as they lie in the database: keys and owners as keyed hashes, bodies sealed.

use super::{
    BODY_BYTES_MAX, CHANGES_MAX, KEY_BYTES_MAX, StateChange, StateError, StateRow as Opened,
};
use crate::contract::StoreError;
use ward_seal::{DataKey, StoreSecret, hash};

/// Bytes of a hashed key or owner.
pub const HASH_BYTES: usize = 16;

pub type Hash = [u8; HASH_BYTES];

/// A stored row.
pub struct StateRow {
    pub place: i64,
    pub key: Vec<u8>,
    /// Empty: none.
    pub owner: Vec<u8>,
    pub version: i64,
    pub expires_us: i64,
    pub body: Vec<u8>,
}

/// Rows of a kind, oldest first.
pub struct List {
    pub kind: u8,
    pub owner: Option<Hash>,
    pub after: i64,
    pub most: u32,
    pub now_us: i64,
}

/// What one call changes, in the order of kinds and keys: everybody locks rows in the same one.
pub struct Changes {
    pub changes: Vec<Change>,
    pub announce: bool,
    pub now_us: i64,
}

pub struct Change {
    /// Its number in the call.
    pub at: usize,
    pub kind: u8,
    pub key: Hash,
    pub what: What,
}

pub enum What {
    Insert(Put),
    /// The version that must be there.
    Replace(i64, Put),
    Remove(Option<i64>),
}

/// What a row is to hold.
pub struct Put {
    /// Empty: none.
    pub owner: Vec<u8>,
    pub version: i64,
    pub expires_us: i64,
    pub body: Vec<u8>,
}

/// The keys of a store's state rows.
pub struct StateKeys {
    hashing: [u8; 32],
    /// Each row has its own key below this one: one for all would seal more messages than random nonces allow.
    sealing: [u8; 32],
}

impl StateKeys {
    pub fn new(secret: &StoreSecret) -> StateKeys {
        StateKeys {
            hashing: secret.derive("state hash"),
            sealing: secret.derive("state seal"),
        }
    }

    pub fn key(&self, kind: u8, key: &[u8]) -> Hash {
        self.hash(b'k', kind, key)
    }

    pub fn owner(&self, kind: u8, owner: &[u8]) -> Hash {
        self.hash(b'o', kind, owner)
    }

    pub fn seal(&self, changes: Vec<StateChange>) -> Result<Vec<Change>, StateError> {
        if changes.len() > CHANGES_MAX {
            return Err(StateError::TooLarge);
        }
        let mut sealed = changes
            .into_iter()
            .enumerate()
            .map(|(at, change)| self.seal_one(at, change))
            .collect::<Result<Vec<Change>, _>>()?;
        // Stable: changes of one row keep their order.
        sealed.sort_by_key(|change| (change.kind, change.key));
        Ok(sealed)
    }

    fn seal_one(&self, at: usize, change: StateChange) -> Result<Change, StateError> {
        let (kind, key, what) = match change {
            StateChange::Insert {
                kind,
                key,
                owner,
                expires_us,
                body,
            } => {
                let key = self.bounded(kind, &key)?;
                let put = self.put(kind, &key, (&owner, first_version(), expires_us), &body)?;
                (kind, key, What::Insert(put))
            }
            StateChange::Replace {
                kind,
                key,
                version,
                owner,
                expires_us,
                body,
            } => {
                let (key, version) = (self.bounded(kind, &key)?, version as i64);
                let next = version.wrapping_add(1);
                let put = self.put(kind, &key, (&owner, next, expires_us), &body)?;
                (kind, key, What::Replace(version, put))
            }
            StateChange::Remove { kind, key, version } => {
                let version = version.map(|version| version as i64);
                (kind, self.bounded(kind, &key)?, What::Remove(version))
            }
        };
        Ok(Change {
            at,
            kind,
            key,
            what,
        })
    }

    fn bounded(&self, kind: u8, key: &[u8]) -> Result<Hash, StateError> {
        if key.len() > KEY_BYTES_MAX {
            return Err(StateError::TooLarge);
        }
        Ok(self.key(kind, key))
    }

    fn put(
        &self,
        kind: u8,
        key: &Hash,
        (owner, version, expires_us): (&[u8], i64, i64),
        body: &[u8],
    ) -> Result<Put, StateError> {
        if owner.len() > KEY_BYTES_MAX || body.len() > BODY_BYTES_MAX {
            return Err(StateError::TooLarge);
        }
        let owner = match owner {
            [] => Vec::new(),
            owner => self.owner(kind, owner).to_vec(),
        };
        let mut sealed = Vec::new();
        let bound = binding(version, expires_us, &owner);
        self.row(kind, key).seal(&bound, body, &mut sealed);
        Ok(Put {
            owner,
            version,
            expires_us,
            body: sealed,
        })
    }

    /// `Integrity`: sealed for another row, or changed since.
    pub fn open(&self, kind: u8, mut row: StateRow) -> Result<Opened, StoreError> {
        let bound = binding(row.version, row.expires_us, &row.owner);
        let opened = self
            .row(kind, &row.key)
            .open_in_place(&bound, &mut row.body)
            .map(|body| body.to_vec());
        let body = opened.map_err(|_| {
            tracing::error!(kind, place = row.place, "state row does not open");
            StoreError::Integrity
        })?;
        Ok(Opened {
            version: row.version as u64,
            expires_us: row.expires_us,
            body,
        })
    }

    /// The key of one row. About 2 µs.
    fn row(&self, kind: u8, key: &[u8]) -> DataKey {
        let mut name = vec![kind];
        name.extend_from_slice(key);
        DataKey::from_bytes(&hash::hmac_sha256(&self.sealing, &name))
    }

    fn hash(&self, role: u8, kind: u8, text: &[u8]) -> Hash {
        let mut named = Vec::with_capacity(2 + text.len());
        named.extend_from_slice(&[role, kind]);
        named.extend_from_slice(text);
        let mut short = [0; HASH_BYTES];
        short.copy_from_slice(&hash::hmac_sha256(&self.hashing, &named)[..HASH_BYTES]);
        short
    }
}

/// Random, so that a version is never met again by chance; far below the end, so that it can rise.
fn first_version() -> i64 {
    let mut bytes = [0; 8];
    ward_seal::random::fill(&mut bytes);
    i64::from_le_bytes(bytes) & (i64::MAX >> 1)
}

/// What a body is sealed with besides its row: whoever can write to the database cannot make it last longer, or be another's.
fn binding(version: i64, expires_us: i64, owner: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + HASH_BYTES);
    out.extend_from_slice(&version.to_le_bytes());
    out.extend_from_slice(&expires_us.to_le_bytes());
    out.extend_from_slice(owner);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(keys: &StateKeys, kind: u8, key: &[u8]) -> StateRow {
        let insert = StateChange::Insert {
            kind,
            key: key.to_vec(),
            owner: b"owner".to_vec(),
            expires_us: 7,
            body: b"body".to_vec(),
        };
        let change = keys.seal(vec![insert]).unwrap().remove(0);
        let What::Insert(put) = change.what else {
            panic!("not an insert")
        };
        StateRow {
            place: 1,
            key: change.key.to_vec(),
            owner: put.owner,
            version: put.version,
            expires_us: put.expires_us,
            body: put.body,
        }
    }

    #[test]
    fn a_row_opens_as_it_was_stored_only() {
        let keys = StateKeys::new(&StoreSecret::generate());
        let row = || sealed(&keys, 3, b"key");
        let opened = keys.open(3, row()).unwrap();
        assert_eq!((&opened.body[..], opened.expires_us), (&b"body"[..], 7));
        let refused = |kind, row| assert_eq!(keys.open(kind, row), Err(StoreError::Integrity));
        refused(4, row());
        let (owner, key) = (keys.owner(3, b"other"), keys.key(3, b"other"));
        let changes: [fn(&mut StateRow, &Hash, &Hash); 6] = [
            |row, _, _| row.version += 1,
            |row, _, _| row.expires_us += 1,
            |row, owner, _| row.owner = owner.to_vec(),
            |row, _, key| row.key = key.to_vec(),
            |row, _, _| row.body[20] ^= 1,
            |row, _, _| row.body.truncate(5),
        ];
        for change in changes {
            let mut changed = row();
            change(&mut changed, &owner, &key);
            refused(3, changed);
        }
        let other = StateKeys::new(&StoreSecret::generate());
        assert_eq!(other.open(3, row()), Err(StoreError::Integrity));
    }

    #[test]
    fn hashes_tell_kinds_roles_and_stores_apart() {
        let keys = StateKeys::new(&StoreSecret::generate());
        let other = StateKeys::new(&StoreSecret::generate());
        let mut all = [
            keys.key(1, b"a"),
            keys.key(2, b"a"),
            keys.key(1, b"b"),
            keys.owner(1, b"a"),
            other.key(1, b"a"),
        ];
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn whatever_is_too_large_is_refused_before_it_is_written() {
        let keys = StateKeys::new(&StoreSecret::generate());
        let remove = |bytes| StateChange::Remove {
            kind: 1,
            key: vec![0; bytes],
            version: None,
        };
        assert!(keys.seal(vec![remove(KEY_BYTES_MAX)]).is_ok());
        let too_large = |changes| assert!(matches!(keys.seal(changes), Err(StateError::TooLarge)));
        too_large(vec![remove(KEY_BYTES_MAX + 1)]);
        too_large(vec![remove(1); CHANGES_MAX + 1]);
        let insert = |owner, body| StateChange::Insert {
            kind: 1,
            key: vec![1],
            owner: vec![0; owner],
            expires_us: 0,
            body: vec![0; body],
        };
        assert!(
            keys.seal(vec![insert(KEY_BYTES_MAX, BODY_BYTES_MAX)])
                .is_ok()
        );
        too_large(vec![insert(KEY_BYTES_MAX + 1, 0)]);
        too_large(vec![insert(0, BODY_BYTES_MAX + 1)]);
    }
}
