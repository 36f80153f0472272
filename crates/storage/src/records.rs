//! The audit log in the store: Records that come with a unit or from the local log, and the questions on them.
//!
//! A Record lies here as it was sealed where it was made, beside the columns of [`crate::audit_row`]. Nothing changes one, and only what a
//! removal in the log itself names is removed (`tree::taking`): the databases refuse it. What Records have in common (their context) is stored once, so that a search is decided by a few thousand
//! contexts first, and then found by their numbers.

pub mod follow;
mod kept;
pub mod question;

use crate::audit_row::{Columns, RecordKeys};
use crate::contract::{Explanation, StoreError};
use crate::store::{Backend, Store};
use ward_audit::leaf::NONCE_BYTES;
use ward_audit::note::Note;
use ward_audit::removal::Removal;
use ward_audit::{Opened, Record, RecordKey, SEALED_OVERHEAD_BYTES};

/// A Record on its way into the store: sealed, with the columns by which it is found.
#[derive(Clone, Debug)]
pub struct NewRecord {
    pub(crate) sealed: Vec<u8>,
    pub(crate) columns: Columns,
    /// Its context, sealed, unless that is surely stored.
    pub(crate) context: Option<Vec<u8>>,
}

/// Which Records: of each list any, of all lists and times all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordQuestion {
    /// Numbers that [`Store::record_contexts`] tells.
    pub contexts: Option<Vec<i64>>,
    /// Of [`Store::actor_key`].
    pub actors: Option<Vec<i64>>,
    /// Row ids of patients, whether a Record names them first or further on.
    pub patients: Option<Vec<i64>>,
    /// Row ids of whatever Records are about. Matches of searches are not found by it, their patients are.
    pub keys: Option<Vec<i64>>,
    /// Microseconds since 1970: at or after.
    pub from_us: Option<i64>,
    /// Before.
    pub until_us: Option<i64>,
    /// Those behind this id, in the order asked for. In PostgreSQL a smaller id may become visible after a greater one, by as much as a commit
    /// takes: who follows what comes in goes by `xid`.
    pub after: Option<i64>,
    /// By id, which is the order in which they came into the store.
    pub newest_first: bool,
    /// 0: none.
    pub limit: usize,
    /// The page ends with the Record by which those on it have so many bytes, sealed.
    pub bytes_max: Option<usize>,
}

impl RecordQuestion {
    /// Whether its page may have ended before what it asks for did.
    pub fn is_full(&self, page: &[StoredRecord]) -> bool {
        let bytes = page.iter().map(StoredRecord::sealed_bytes).sum();
        self.is_filled(page.len(), bytes)
    }

    pub(crate) fn is_filled(&self, records: usize, bytes: usize) -> bool {
        records >= self.limit || self.bytes_max.is_some_and(|most| bytes >= most)
    }
}

/// A Record as it lies in the store, opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Rises with the order of coming into the store. Without gaps in the embedded store.
    pub id: i64,
    pub record: Record,
    /// [`Record::encode`]d, as it was sealed: what the leaf commits to, with the nonce.
    pub bytes: Vec<u8>,
    pub nonce: [u8; NONCE_BYTES],
}

impl StoredRecord {
    pub fn sealed_bytes(&self) -> usize {
        self.bytes.len() + SEALED_OVERHEAD_BYTES
    }
}

/// A row of `record`.
pub(crate) struct SealedRecord {
    pub id: i64,
    pub sealed: Vec<u8>,
}

impl Store {
    /// Seals what is remembered of each Call, in the local log and here.
    pub fn record_key(&self) -> RecordKey {
        self.core().records.sealing.clone()
    }

    /// Seals a Record that is to commit with a unit. About 4 us.
    pub fn new_record(&self, record: &Record) -> NewRecord {
        NewRecord::new(&self.core().records, record)
    }

    /// How `Practitioner/x`, or `client:x` for a client that acts for nobody, stands in [`RecordQuestion::actors`].
    pub fn actor_key(&self, actor: &str) -> i64 {
        self.core().records.actor(actor)
    }

    /// How who acted in a Record stands in [`RecordQuestion::actors`]; 0: nobody is named.
    pub fn record_actor(&self, record: &Record) -> i64 {
        self.core().records.actor_of(record)
    }

    /// How `Observation/x` stands in [`RecordQuestion::keys`] where a Record names it and not its row: a request for it that was refused, an
    /// AuditEvent of another system.
    pub fn named_key(&self, name: &str) -> i64 {
        self.core().records.named(name)
    }

    /// The number of a Record's context, among those of [`Store::record_contexts`].
    pub fn record_context(&self, record: &Record) -> i64 {
        self.core().records.context(record)
    }

    /// Sealed Records drained from the local log of `node`; idempotent by sequence number. The highest stored. What cannot be read is
    /// stored all the same, and told to the log.
    pub async fn store_records(
        &self,
        node: &str,
        records: &[(u64, Vec<u8>)],
    ) -> Result<u64, StoreError> {
        let keys = &self.core().records;
        let new = records.iter();
        let new: Vec<(u64, NewRecord)> = new
            .map(|(seq, sealed)| (*seq, NewRecord::drained(keys, sealed)))
            .collect();
        let contexts: Vec<i64> = new.iter().filter_map(|(_, new)| new.fresh()).collect();
        let stored = match &self.0 {
            Backend::Sqlite(store) => store.store_records(node, new).await,
            Backend::Postgres(store) => store.store_records(node, new).await,
        }?;
        contexts.into_iter().for_each(|ctx| keys.learn(ctx));
        Ok(stored)
    }

    /// A page of Records. Cost: of a value or a few, of the page; of times alone likewise; of several conditions, of the rarest.
    /// `Integrity`: one does not open under the store's key. `Timeout`.
    pub async fn records(
        &self,
        question: &RecordQuestion,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        let rows = match &self.0 {
            Backend::Sqlite(store) => store.records(question).await,
            Backend::Postgres(store) => store.records(question).await,
        }?;
        self.opened(rows)
    }

    pub async fn record(&self, id: i64) -> Result<Option<StoredRecord>, StoreError> {
        let row = match &self.0 {
            Backend::Sqlite(store) => store.record(id)?,
            Backend::Postgres(store) => store.record(id).await?,
        };
        Ok(self.opened(row.into_iter().collect())?.pop())
    }

    /// Those of some numbers that are there, in the order of the numbers. One statement.
    pub async fn records_by_id(&self, ids: &[i64]) -> Result<Vec<StoredRecord>, StoreError> {
        let rows = match &self.0 {
            Backend::Sqlite(store) => store.records_by_id(ids)?,
            Backend::Postgres(store) => store.records_by_id(ids).await?,
        };
        self.opened(rows)
    }

    /// AuditEvents that the Records of a question are shown as, whatever its page is, and whether that is exact: from `limit` Records on it is an
    /// estimate, by how densely they lie.
    pub async fn count_records(
        &self,
        question: &RecordQuestion,
        limit: usize,
    ) -> Result<(u64, bool), StoreError> {
        let question = RecordQuestion {
            after: None,
            limit: limit.max(1),
            ..question.clone()
        };
        match &self.0 {
            Backend::Sqlite(store) => store.count_records(&question).await,
            Backend::Postgres(store) => store.count_records(&question).await,
        }
    }

    /// All contexts with their numbers, as [`crate::audit_row::context_of`] makes them; none where there are no more than `known`, since none ever goes.
    /// A few thousand.
    pub async fn record_contexts(&self, known: usize) -> Result<Vec<(i64, Record)>, StoreError> {
        let rows = match &self.0 {
            Backend::Sqlite(store) => store.record_contexts(known).await,
            Backend::Postgres(store) => store.record_contexts(known).await,
        }?;
        let keys = &self.core().records;
        let open = |(id, sealed): (i64, Vec<u8>)| {
            let context = opened(keys, &sealed).map(|(record, _)| (id, record));
            context.ok_or_else(|| {
                tracing::error!(id, "the context of audit records does not open");
                StoreError::Integrity
            })
        };
        rows.into_iter().map(open).collect()
    }

    /// How a page of Records would be asked for.
    pub async fn explain_records(
        &self,
        question: &RecordQuestion,
    ) -> Result<Explanation, StoreError> {
        match &self.0 {
            Backend::Sqlite(store) => store.explain_records(question),
            Backend::Postgres(store) => store.explain_records(question).await,
        }
    }

    fn opened(&self, rows: Vec<SealedRecord>) -> Result<Vec<StoredRecord>, StoreError> {
        let keys = &self.core().records;
        let open = |row: SealedRecord| {
            let Some((record, of)) = opened(keys, &row.sealed) else {
                tracing::error!(id = row.id, "an audit record does not open");
                return Err(StoreError::Integrity);
            };
            Ok(StoredRecord {
                id: row.id,
                record,
                bytes: of.record,
                nonce: of.nonce,
            })
        };
        rows.into_iter().map(open).collect()
    }
}

impl NewRecord {
    pub(crate) fn new(keys: &RecordKeys, record: &Record) -> NewRecord {
        let sealed = keys.sealing.seal(record);
        NewRecord::of(keys, record, sealed)
    }

    /// Of an entry of the local log, or of a store from before Records were sealed.
    pub(crate) fn drained(keys: &RecordKeys, entry: &[u8]) -> NewRecord {
        if let Some((record, _)) = opened(keys, entry) {
            return NewRecord::of(keys, &record, entry.to_vec());
        }
        if let Some(record) = Record::decode(entry) {
            return NewRecord::of(keys, &record, keys.sealing.seal_encoded(entry));
        }
        tracing::error!("an entry of the audit log cannot be read; it is stored as it is");
        NewRecord {
            sealed: entry.to_vec(),
            columns: Columns {
                events: 1,
                ..Columns::default()
            },
            context: None,
        }
    }

    /// The note of a removal: no question finds it.
    pub(crate) fn removal(keys: &RecordKeys, note: &Note, at_us: i64) -> NewRecord {
        NewRecord {
            sealed: keys.sealing.seal_encoded(note.to_string().as_bytes()),
            columns: Columns {
                at_us,
                ..Columns::default()
            },
            context: None,
        }
    }

    /// The number of the context that comes with it.
    pub(crate) fn fresh(&self) -> Option<i64> {
        self.context.as_ref().map(|_| self.columns.ctx)
    }

    fn of(keys: &RecordKeys, record: &Record, sealed: Vec<u8>) -> NewRecord {
        let (columns, context) = keys.columns(record);
        let is_known = keys.knows(columns.ctx);
        NewRecord {
            context: (!is_known).then(|| keys.sealing.seal_encoded(&context)),
            columns,
            sealed,
        }
    }
}

/// The note of a removal, and what it says. `None`: what was sealed is a Record, or does not open.
pub(crate) fn removal(keys: &RecordKeys, sealed: &[u8]) -> Option<(Note, Removal)> {
    Removal::of_record(&keys.sealing.open(sealed)?.record)
}

fn opened(keys: &RecordKeys, sealed: &[u8]) -> Option<(Record, Opened)> {
    let opened = keys.sealing.open(sealed)?;
    let record = Record::decode(&opened.record)?;
    Some((record, opened))
}

/// Records as they lay in stores from before they were sealed, for tests.
#[cfg(test)]
pub mod clear {
    use super::*;
    use ward_audit::{Decision, Detail, Outcome};

    pub fn clear_record(number: i64) -> Vec<u8> {
        let record = Record {
            at_us: 1_700_000_000_000_000 + number,
            request_id: [7; 16],
            interaction: "search-type".into(),
            client_id: "lab".into(),
            user: format!("Practitioner/p{}", number % 7),
            purpose: "TREAT".into(),
            source: "127.0.0.1".into(),
            outcome: Outcome::Success,
            status: 200,
            query: String::new(),
            entities: Vec::new(),
            decision: Decision::default(),
            detail: Detail::default(),
        };
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        bytes
    }

    pub async fn all(store: &Store) -> Vec<StoredRecord> {
        let question = RecordQuestion {
            limit: 100_000,
            ..RecordQuestion::default()
        };
        store.records(&question).await.unwrap()
    }

    /// Those and no others, in their order, and found.
    pub async fn assert_are_there(store: &Store, clear: &[Vec<u8>]) {
        let stored = all(store).await;
        let bytes: Vec<&[u8]> = stored.iter().map(|row| &row.bytes[..]).collect();
        assert!(
            bytes.iter().eq(clear
                .iter()
                .map(|bytes| &bytes[..])
                .collect::<Vec<_>>()
                .iter())
        );
        let of_one = RecordQuestion {
            actors: Some(vec![store.actor_key("Practitioner/p3")]),
            from_us: Some(1_700_000_000_000_000 + 700),
            limit: 3,
            ..RecordQuestion::default()
        };
        let found = store.records(&of_one).await.unwrap();
        let times = found
            .iter()
            .map(|row| row.record.at_us - 1_700_000_000_000_000);
        assert!(times.eq([703, 710, 717]));
        let mut numbering = crate::Numbering::new("log");
        let now_us = 1_700_000_000_000_000 + 3_600_000_000;
        while store
            .number_records(&mut numbering, now_us)
            .await
            .unwrap()
            .more
        {}
        let walked = store.walk_log(&mut crate::Walk::default(), now_us).await;
        assert_eq!(walked, Ok(None));
    }
}
