//! Data keys: one per patient (and one, patient 0, for rows without one), wrapped by the master key.
//!
//! Destroying the rows of a patient's keys destroys every copy of the record, backups included. A key row is written
//! in the transaction of the first row sealed with it. Two nodes may make keys for the same patient at the same
//! moment: both stay, because every body names the id of its own.

use crate::contract::{Rid, StoreError};
use quick_cache::sync::Cache;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use ward_seal::{DataKey, MasterKey};

/// Unwrapped keys kept in memory (about 0.6 KB each).
const KEYS_CACHED_MAX: usize = 8_192;

/// A data key row that must be written with the unit that first uses it.
#[derive(Clone, Debug)]
pub struct NewKey {
    pub patient: Rid,
    pub id: u32,
    pub wrapped: Vec<u8>,
    /// Id of the master key that wrapped it. The statement that writes the row refuses it when the store has another one by
    /// then: nobody could open it.
    pub master: u32,
}

impl NewKey {
    /// As `meta` holds the id of the master key.
    pub fn master_mark(&self) -> Vec<u8> {
        i64::from(self.master).to_le_bytes().to_vec()
    }
}

/// A wrapped key as stored.
pub struct StoredKey {
    pub patient: Rid,
    pub id: u32,
    pub wrapped: Vec<u8>,
}

impl StoredKey {
    /// The same key wrapped by another master key. `Integrity`: it does not open under the old one.
    pub fn rewrapped(&self, old: &MasterKey, new: &MasterKey) -> Result<Vec<u8>, StoreError> {
        let context = context(self.patient, self.id);
        let key = old.unwrap(&context, &self.wrapped);
        key.map(|key| new.wrap(&context, &key))
            .map_err(|_| StoreError::Integrity)
    }
}

pub struct Keys {
    master: MasterKey,
    by_id: Cache<(Rid, u32), DataKey>,
    /// The key new bodies of a patient are sealed with.
    current: Cache<Rid, (u32, DataKey)>,
    /// Made here, not yet committed: every unit that uses one carries its row.
    fresh: Mutex<HashMap<Rid, (DataKey, NewKey)>>,
}

impl Keys {
    pub fn new(master: MasterKey) -> Keys {
        Keys {
            master,
            by_id: Cache::new(KEYS_CACHED_MAX),
            current: Cache::new(KEYS_CACHED_MAX),
            fresh: Mutex::new(HashMap::new()),
        }
    }

    /// Key for sealing, if known here. `Some(row)` beside it: that row must be written too.
    pub fn for_sealing(&self, patient: Rid) -> Option<(u32, DataKey, Option<NewKey>)> {
        if let Some((id, key)) = self.current.get(&patient) {
            return Some((id, key, None));
        }
        let fresh = self.fresh();
        let (key, row) = fresh.get(&patient)?;
        Some((row.id, key.clone(), Some(row.clone())))
    }

    /// Makes a key for a patient that has none in the database.
    pub fn create(&self, patient: Rid) -> (u32, DataKey, NewKey) {
        let mut fresh = self.fresh();
        let (key, row) = fresh.entry(patient).or_insert_with(|| {
            let mut id = [0; 4];
            ward_seal::random::fill(&mut id);
            let id = u32::from_le_bytes(id);
            let key = DataKey::generate();
            let wrapped = self.master.wrap(&context(patient, id), &key);
            (
                key,
                NewKey {
                    patient,
                    id,
                    wrapped,
                    master: self.master.id(),
                },
            )
        });
        (row.id, key.clone(), row.clone())
    }

    /// The unit carrying these rows is over: committed keys become current, others are forgotten (bodies sealed
    /// with them by units still under way carry the row themselves).
    pub fn settled(&self, rows: &[NewKey], committed: bool) {
        for row in rows {
            let Some((key, made)) = self.fresh().remove(&row.patient) else {
                continue;
            };
            if committed && made.id == row.id {
                self.by_id.insert((row.patient, row.id), key.clone());
                self.current.insert(row.patient, (row.id, key));
            }
        }
    }

    pub fn for_opening(&self, patient: Rid, id: u32) -> Option<DataKey> {
        self.by_id.get(&(patient, id))
    }

    /// `for_opening`, or one of the keys that come with a unit under way: those are not remembered before it is committed.
    pub fn for_opening_among(
        &self,
        own: &[NewKey],
        (patient, id): (Rid, u32),
    ) -> Result<Option<DataKey>, StoreError> {
        if let Some(key) = self.for_opening(patient, id) {
            return Ok(Some(key));
        }
        let new = own
            .iter()
            .find(|new| (new.patient, new.id) == (patient, id));
        let key = new.map(|new| self.master.unwrap(&context(patient, id), &new.wrapped));
        key.transpose().map_err(|_| StoreError::Integrity)
    }

    /// Unwraps and remembers a stored key. `Integrity`: damaged, or wrapped by another master key.
    pub fn admit(&self, stored: &StoredKey) -> Result<DataKey, StoreError> {
        let key = self
            .master
            .unwrap(&context(stored.patient, stored.id), &stored.wrapped)
            .map_err(|_| {
                tracing::error!(
                    patient = stored.patient,
                    "a data key does not open: it is damaged, or the master key was exchanged while this process ran"
                );
                StoreError::Integrity
            })?;
        self.by_id.insert((stored.patient, stored.id), key.clone());
        self.current
            .insert(stored.patient, (stored.id, key.clone()));
        Ok(key)
    }

    fn fresh(&self) -> std::sync::MutexGuard<'_, HashMap<Rid, (DataKey, NewKey)>> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Binds a wrapped key to its row.
fn context(patient: Rid, id: u32) -> [u8; 24] {
    let mut out = *b"ward data k\0............";
    out[12..20].copy_from_slice(&patient.to_le_bytes());
    out[20..].copy_from_slice(&id.to_le_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_key_travels_with_every_unit_until_one_commits() {
        let keys = Keys::new(MasterKey::from_bytes([3; 32]));
        assert!(keys.for_sealing(7).is_none());
        let (id, _, row) = keys.create(7);
        assert!(matches!(keys.for_sealing(7), Some((same, _, Some(_))) if same == id));
        keys.settled(std::slice::from_ref(&row), true);
        assert!(matches!(keys.for_sealing(7), Some((same, _, None)) if same == id));
        assert!(keys.for_opening(7, id).is_some());
    }

    #[test]
    fn stored_keys_open_under_their_own_master_and_row_only() {
        let keys = Keys::new(MasterKey::from_bytes([3; 32]));
        let (id, key, row) = keys.create(7);
        let mut sealed = Vec::new();
        key.seal(b"", b"text", &mut sealed);
        let other = Keys::new(MasterKey::from_bytes([3; 32]));
        let stored = |patient| StoredKey {
            patient,
            id,
            wrapped: row.wrapped.clone(),
        };
        assert_eq!(
            other
                .admit(&stored(7))
                .unwrap()
                .open_in_place(b"", &mut sealed)
                .unwrap(),
            b"text"
        );
        assert_eq!(other.admit(&stored(8)).err(), Some(StoreError::Integrity));
        assert_eq!(
            Keys::new(MasterKey::from_bytes([4; 32]))
                .admit(&stored(7))
                .err(),
            Some(StoreError::Integrity)
        );
    }
}
