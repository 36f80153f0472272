//! What both stores share: ids, keys, the limits, and turning a unit into sealed bytes and stored rows into answers.

use crate::allocator::Allocator;
use crate::audit_row::RecordKeys;
use crate::broad::Broad;
use crate::codec::{self, Place};
use crate::contract::{Op, Rid, Row, StoreError, StoreSettings, Unit};
use crate::id::IdCipher;
use crate::indexing::Remembered;
use crate::keys::{Keys, NewKey};
use crate::known::{Fresh, Known};
use crate::meter::Meter;
use crate::records::NewRecord;
use crate::state::sealed::StateKeys;
use crate::tree::keys::LogKeys;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use ward_fhir::TypeId;
use ward_seal::{DataKey, MasterKey, StoreSecret};
use ward_search::entries::{Term, TermKey};
use ward_search::plan::Position;

pub struct Core {
    pub cipher: IdCipher,
    /// Of AuditEvents, which are no rows.
    pub event_cipher: IdCipher,
    pub keys: Keys,
    pub known: Known,
    pub allocator: Allocator,
    pub meter: Arc<Meter>,
    pub settings: StoreSettings,
    pub term_key: TermKey,
    pub indexing: Remembered,
    /// Of the embedded store: PostgreSQL has it beside what else it remembers.
    pub broad: Broad,
    pub state: StateKeys,
    /// Seals what is remembered of each Call, and finds it.
    pub records: RecordKeys,
    pub log_keys: LogKeys,
}

impl Core {
    /// `block` is a block of row ids that this process has just claimed.
    pub fn new(
        settings: StoreSettings,
        master: MasterKey,
        secret: &StoreSecret,
        meter: Arc<Meter>,
        block: i64,
    ) -> Core {
        let mut term_key = [0; 16];
        term_key.copy_from_slice(&secret.derive("term")[..16]);
        Core {
            cipher: IdCipher::new(&secret.derive("id")),
            event_cipher: IdCipher::new(&secret.derive("audit event id")),
            keys: Keys::new(master),
            known: Known::new(Duration::from_secs(settings.texts_kept_s) / 2),
            allocator: Allocator::new(block),
            meter,
            settings,
            term_key: TermKey(term_key),
            indexing: Remembered::default(),
            broad: Broad::default(),
            state: StateKeys::new(secret),
            records: RecordKeys::new(secret),
            log_keys: LogKeys::new(secret),
        }
    }

    /// The target term of a row: what `Entries::targets` of whoever refers to it holds.
    pub fn target(&self, ty: TypeId, rid: Rid, alias: Option<&str>) -> Term {
        let name = ward_fhir::schema::r4().ty(ty).name;
        match alias {
            Some(id) => self.term_key.target(name, id),
            None => self.term_key.target(name, &self.cipher.encode(rid)),
        }
    }

    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.settings.statement_timeout_ms)
    }

    /// Patients whose data key is not in memory; those a unit creates cannot have one yet.
    pub fn keys_missing(&self, unit: &Unit) -> Vec<Rid> {
        let mut patients: Vec<Rid> = unit
            .writes
            .iter()
            .filter(|w| !w.body.is_empty())
            .map(|w| w.patient)
            .collect();
        patients.sort_unstable();
        patients.dedup();
        patients.retain(|p| {
            self.keys.for_sealing(*p).is_none()
                && !unit
                    .writes
                    .iter()
                    .any(|w| w.rid == *p && w.op == Op::Create)
        });
        patients
    }

    /// Compresses and seals on the caller's thread, so that the writer only writes. Keys were looked up before.
    pub fn prepare(&self, unit: Unit) -> Prepared {
        let mut new_keys: Vec<NewKey> = Vec::new();
        let mut sealed = Vec::with_capacity(unit.writes.len());
        let mut last: Option<(Rid, u32, DataKey)> = None;
        for write in &unit.writes {
            if write.body.is_empty() {
                sealed.push(Vec::new());
                continue;
            }
            if last
                .as_ref()
                .is_none_or(|(patient, ..)| *patient != write.patient)
            {
                let (id, key, row) = self.keys.for_sealing(write.patient).unwrap_or_else(|| {
                    let (id, key, row) = self.keys.create(write.patient);
                    (id, key, Some(row))
                });
                new_keys
                    .extend(row.filter(|row| new_keys.iter().all(|k| k.patient != row.patient)));
                last = Some((write.patient, id, key));
            }
            if let Some((_, id, key)) = &last {
                sealed.push(codec::seal(
                    place(write.ty, write.rid, write.version),
                    *id,
                    key,
                    &write.body,
                ));
            }
        }
        Prepared {
            fresh: self.known.fresh(&unit),
            unit,
            sealed,
            new_keys,
        }
    }

    /// The unit is committed, or nothing of it is.
    pub fn settled(&self, prepared: &Prepared, committed: bool) {
        self.keys.settled(&prepared.new_keys, committed);
        if committed {
            self.known.settled(&prepared.fresh);
            self.recorded(&prepared.unit.records);
        }
    }

    /// The Records are committed.
    pub fn recorded(&self, records: &[NewRecord]) {
        let fresh = records.iter().filter_map(NewRecord::fresh);
        fresh.for_each(|ctx| self.records.learn(ctx));
    }

    /// The data keys of stored rows that are in memory or come with a unit under way (`own`), one for each row, and which are to be loaded.
    /// Whoever opens the rows holds them: memory may drop any of them while others are loaded.
    pub fn keys_held(
        &self,
        own: &[NewKey],
        stored: &[StoredRow],
    ) -> Result<(HeldKeys, Vec<(Rid, u32)>), StoreError> {
        let mut missing = Vec::new();
        let mut held = Vec::with_capacity(stored.len());
        for row in stored {
            let Some(id) = row.key() else {
                held.push(None);
                continue;
            };
            let key = self.keys.for_opening_among(own, id)?;
            if key.is_none() {
                missing.push(id);
            }
            held.push(key);
        }
        Ok((held, missing))
    }

    /// Opens stored rows with the keys that are held for them and those that were loaded.
    pub fn rows(
        &self,
        stored: Vec<StoredRow>,
        held: HeldKeys,
        loaded: &LoadedKeys,
    ) -> Result<Vec<Row>, StoreError> {
        let rows = stored.into_iter().zip(held);
        rows.map(|(row, held)| {
            let id = row.key();
            let key = held.as_ref().or_else(|| loaded.get(&id?));
            self.row(row, key)
        })
        .collect()
    }

    /// Opens one stored row. `key` is its data key (absent only for an empty body).
    pub fn row(&self, stored: StoredRow, key: Option<&DataKey>) -> Result<Row, StoreError> {
        let body = match key {
            _ if stored.sealed.is_empty() => Vec::new(),
            Some(key) => codec::open(
                place(stored.ty, stored.rid, stored.version),
                key,
                &stored.sealed,
            )
            .inspect_err(|_| {
                tracing::error!(
                    rid = stored.rid,
                    version = stored.version,
                    "stored body does not open"
                );
            })?,
            None => {
                tracing::error!(
                    rid = stored.rid,
                    version = stored.version,
                    "the data key of a stored body is not there"
                );
                return Err(StoreError::Integrity);
            }
        };
        let id = stored
            .alias
            .map_or_else(|| Arc::from(self.cipher.encode(stored.rid)), Arc::from);
        Ok(Row {
            ty: stored.ty,
            rid: stored.rid,
            id,
            version: stored.version,
            updated_us: stored.updated_us,
            op: stored.op,
            patient: stored.patient,
            body: Bytes::from(body),
            generation: stored.generation,
            visibility: stored.visibility,
        })
    }
}

/// For each of some rows its data key, where it was in memory.
pub type HeldKeys = Vec<Option<DataKey>>;

/// Data keys as they were read for some rows.
pub type LoadedKeys = HashMap<(Rid, u32), DataKey>;

/// A unit ready to be written.
pub struct Prepared {
    pub unit: Unit,
    /// One for each write.
    pub sealed: Vec<Vec<u8>>,
    pub new_keys: Vec<NewKey>,
    pub fresh: Fresh,
}

/// A search's rows in page order with their positions, whether there are more, and the total.
pub struct Hits {
    pub rows: Vec<(Position, Row)>,
    pub more: bool,
    pub total: Option<u64>,
}

/// A row as it lies in the database.
pub struct StoredRow {
    pub ty: TypeId,
    pub rid: Rid,
    pub version: u32,
    pub updated_us: i64,
    pub op: Op,
    pub patient: Rid,
    pub alias: Option<String>,
    pub sealed: Vec<u8>,
    pub generation: u32,
    pub visibility: i32,
}

impl StoredRow {
    /// Which data key opens it.
    pub fn key(&self) -> Option<(Rid, u32)> {
        codec::key_id(&self.sealed).map(|id| (self.patient, id))
    }
}

fn place(ty: TypeId, rid: Rid, version: u32) -> Place {
    Place { ty, rid, version }
}

impl Op {
    pub(crate) fn number(self) -> i64 {
        match self {
            Op::Create => 0,
            Op::Update => 1,
            Op::Delete => 2,
        }
    }

    pub(crate) fn from_number(number: i64) -> Result<Op, StoreError> {
        match number {
            0 => Ok(Op::Create),
            1 => Ok(Op::Update),
            2 => Ok(Op::Delete),
            _ => Err(StoreError::Integrity),
        }
    }
}
