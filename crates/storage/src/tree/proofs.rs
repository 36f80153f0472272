//! What the stored tree tells: checkpoints, proofs, and its entries in their order for an export.

use super::nodes::Nodes;
use super::rows::{self, Cells, Left, Reads, Run, Stored, StoredNote};
use super::standing::open;
use crate::contract::{Rid, StoreError};
use crate::store::{Backend, Store};
use std::collections::HashMap;
use ward_access::{Maintenance, maintenance};
use ward_audit::leaf::{Class, Content, Leaf};
use ward_audit::note::{Note, VerifierKey};
use ward_audit::tlog_proof::TlogProof;
use ward_audit::tree::Hash;
use ward_audit::tree::proof::{consistency, inclusion};
use ward_audit::version_hash;
use ward_fhir::TypeId;
use ward_fhir::schema::r4;

/// An entry as it stands in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    pub seq: u64,
    /// The record's number in the store.
    pub id: i64,
    /// That the tree has kept of it.
    pub hash: Hash,
    /// As the record lies there now; of one that was taken out, what is left of it. `None`: it is gone.
    pub leaf: Option<Leaf>,
    /// The record of the removal that has taken it out, as the store says.
    pub removal: Option<i64>,
}

/// Checkpoints in their order, from the one with a number on.
#[derive(Clone, Debug)]
pub struct LogRun {
    /// The number from which on the next ones are read.
    pub next: i64,
    /// Each with its number.
    pub notes: Vec<(i64, Note)>,
}

/// Entries that are read at once.
pub const ENTRIES_AT_ONCE_MAX: u64 = 4_096;
/// Checkpoints that are read at once.
const NOTES_AT_ONCE: i64 = 1_000;

impl Reads for Store {
    async fn cells(
        &self,
        sql: &str,
        values: &[i64],
        kinds: &str,
    ) -> Result<Vec<Cells>, StoreError> {
        match &self.0 {
            Backend::Sqlite(store) => store.cells(sql, values, kinds).await,
            Backend::Postgres(store) => store.cells(sql, values, kinds).await,
        }
    }
}

impl Store {
    /// The last checkpoint, or the last one of a size, with what witnesses have signed. `None`: there is none.
    pub async fn log_checkpoint(&self, size: Option<u64>) -> Result<Option<Note>, StoreError> {
        let stored = match size {
            None => rows::last_note(self).await?,
            Some(size) => rows::note_of(self, i64::try_from(size).unwrap_or(-1)).await?,
        };
        let Some(stored) = stored else {
            return Ok(None);
        };
        let mut notes = self.cosigned(vec![stored]).await?;
        Ok(notes.pop())
    }

    /// How many entries there are.
    pub async fn log_size(&self) -> Result<u64, StoreError> {
        let head = rows::head(self).await?;
        if head.run < 0 {
            return Ok(0);
        }
        let runs = rows::runs(self, head.run, i64::MAX).await?;
        Ok(runs.last().map_or(0, |run| run.end() as u64))
    }

    /// The proof that the tree of `size` entries begins with all of the tree of `old`. `None`: there are not so many.
    pub async fn log_consistency(
        &self,
        old: u64,
        size: u64,
    ) -> Result<Option<Vec<Hash>>, StoreError> {
        if old > size || size > self.log_size().await? {
            return Ok(None);
        }
        let nodes = Nodes::read(self, size, |nodes| {
            let _ = consistency(nodes, old, size);
        });
        let nodes = nodes.await?;
        let proof = consistency(|level, index| nodes.node(level, index), old, size);
        proof.map(Some).ok_or(StoreError::Integrity)
    }

    /// The proof that a record is in the log. `None`: it is not numbered and signed yet. Errors: `Integrity`: it is not as it was
    /// when it was numbered. Five statements, and one more for each level of tiles.
    pub async fn log_proof(&self, id: i64) -> Result<Option<TlogProof>, StoreError> {
        let Some(stored) = self.record_placed(id).await? else {
            return Ok(None);
        };
        let Some(run) = rows::run_of(self, stored.xid, id).await? else {
            return Ok(None);
        };
        let at = run.entries.iter().position(|of| of.id == id);
        let at = at.ok_or(StoreError::Integrity)?;
        let seq = run.first as u64 + at as u64;
        let leaf = self.leaf(seq, run.entries[at].class, &stored);
        self.proven(leaf, run.hashes[at]).await
    }

    /// The proof of an entry, of which the tree has kept this hash. `None`: it is not signed yet.
    pub(super) async fn proven(
        &self,
        leaf: Leaf,
        hash: Hash,
    ) -> Result<Option<TlogProof>, StoreError> {
        let seq = leaf.seq;
        let Some(last) = rows::last_note(self).await? else {
            return Ok(None);
        };
        let size = last.size as u64;
        if size <= seq {
            return Ok(None);
        }
        if leaf.hash() != hash {
            tracing::error!(entry = seq, "an audit record is not as it was recorded");
            return Err(StoreError::Integrity);
        }
        let nodes = Nodes::read(self, size, |nodes| {
            let _ = inclusion(nodes, seq, size);
        });
        let nodes = nodes.await?;
        let path = inclusion(|level, index| nodes.node(level, index), seq, size);
        let checkpoint = self.cosigned(vec![last]).await?.pop();
        Ok(Some(TlogProof {
            leaf,
            path: path.ok_or(StoreError::Integrity)?,
            checkpoint: checkpoint.ok_or(StoreError::Integrity)?,
        }))
    }

    /// Entries in their order, from `from` on, at most 4,096 or those of one run. Empty: there are no more.
    pub async fn log_entries(&self, from: u64, end: u64) -> Result<Vec<LogEntry>, StoreError> {
        let end = end.min(from.saturating_add(ENTRIES_AT_ONCE_MAX));
        let runs = rows::runs(self, from as i64, end as i64).await?;
        let mut entries = Vec::new();
        for run in &runs {
            let (records, left) = self.records_of(run, from, end).await?;
            for (at, (of, hash)) in run.entries.iter().zip(&run.hashes).enumerate() {
                let seq = run.first as u64 + at as u64;
                if !(from..end).contains(&seq) {
                    continue;
                }
                let left = left.get(&of.id);
                let (leaf, removal) = match records.get(&of.id) {
                    Some(stored) => (Some(self.leaf(seq, of.class, stored)), None),
                    None => (
                        left.map(|left| left.leaf(seq, of.class)),
                        left.map(|left| left.removal),
                    ),
                };
                entries.push(LogEntry {
                    seq,
                    id: of.id,
                    hash: *hash,
                    leaf,
                    removal,
                });
            }
        }
        Ok(entries)
    }

    /// Checkpoints in their order from the number `from` on, with what witnesses have signed.
    pub async fn log_notes(&self, from: i64) -> Result<LogRun, StoreError> {
        let stored = rows::notes(self, from, NOTES_AT_ONCE).await?;
        Ok(LogRun {
            next: stored.last().map_or(from, |last| last.n + 1),
            notes: {
                let numbers: Vec<i64> = stored.iter().map(|stored| stored.n).collect();
                numbers
                    .into_iter()
                    .zip(self.cosigned(stored).await?)
                    .collect()
            },
        })
    }

    /// The keys of the witnesses that have signed.
    pub async fn log_witnesses(&self) -> Result<Vec<VerifierKey>, StoreError> {
        let keys = rows::witnesses(self).await?;
        keys.iter()
            .map(|key| VerifierKey::parse(key).ok_or(StoreError::Integrity))
            .collect()
    }

    /// The hash of a version as it is read. `None`: there is no such version. Errors: `Integrity`: it does not open, so it was changed.
    pub async fn version_hash(
        &self,
        ty: TypeId,
        rid: Rid,
        version: u32,
    ) -> Result<Option<[u8; 32]>, StoreError> {
        let access = maintenance(Maintenance::Versions);
        let row = self.version(&access, ty, rid, version).await?;
        let name = r4().ty(ty).name;
        Ok(row.map(|row| version_hash(name, rid, version, &row.body)))
    }

    /// The records of a run whose entries are among `from..end`, by their numbers; and what is left where some are not there.
    async fn records_of(
        &self,
        run: &Run,
        from: u64,
        end: u64,
    ) -> Result<(HashMap<i64, Stored>, HashMap<i64, Left>), StoreError> {
        let skipped = from.saturating_sub(run.first as u64) as usize;
        let wanted = end.saturating_sub(run.first as u64) as usize;
        let entries = run.entries.iter().take(wanted).skip(skipped);
        let (low, high) = entries
            .clone()
            .fold((i64::MAX, i64::MIN), |(low, high), of| {
                (low.min(of.id), high.max(of.id))
            });
        let stored = rows::stored(self, low, high).await?;
        let stored: HashMap<i64, Stored> = stored.into_iter().map(|one| (one.id, one)).collect();
        let mut entries = entries;
        let left = match entries.all(|of| stored.contains_key(&of.id)) {
            true => HashMap::new(),
            false => rows::left(self, low, high).await?,
        };
        Ok((stored, left))
    }

    pub(super) fn leaf(&self, seq: u64, class: Class, stored: &Stored) -> Leaf {
        let (opened, _) = open(&self.core().records.sealing, stored);
        Leaf {
            seq,
            at_us: opened.at_us,
            class,
            content: Content::Whole {
                nonce: opened.nonce,
                record: opened.record,
            },
        }
    }

    pub(super) async fn record_placed(&self, id: i64) -> Result<Option<Stored>, StoreError> {
        match &self.0 {
            Backend::Sqlite(_) => Ok(rows::stored(self, id, id).await?.pop()),
            Backend::Postgres(store) => store.record_placed(id).await,
        }
    }

    async fn cosigned(&self, stored: Vec<StoredNote>) -> Result<Vec<Note>, StoreError> {
        let (Some(first), Some(last)) = (stored.first(), stored.last()) else {
            return Ok(Vec::new());
        };
        let lines = rows::cosignatures(self, first.n, last.n + 1).await?;
        let mut lines = lines.into_iter().peekable();
        let mut notes = Vec::with_capacity(stored.len());
        for mut stored in stored {
            while let Some((_, line)) = lines.next_if(|(n, _)| *n <= stored.n) {
                stored.note.push_str(&line);
                stored.note.push('\n');
            }
            notes.push(Note::parse(&stored.note).map_err(|_| StoreError::Integrity)?);
        }
        Ok(notes)
    }
}
