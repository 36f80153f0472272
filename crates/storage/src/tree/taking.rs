//! Takes records out of the log: those whose time is over, and those that must not stay. In one transaction the removal is recorded, which the
//! log's key has signed; what is left of each record is put into `removed`; and the records go, with the keys that find them.
//! Format: docs/guide/auditing-format.md, `ward_audit::removal`.

use super::keys;
use super::places::AT_ONCE;
use super::rows::{self, Left, Run};
use crate::audit_row::{ANYTHING, TIME_MAX_US};
use crate::contract::StoreError;
use crate::records::{self, NewRecord, RecordQuestion, StoredRecord};
use crate::store::{Backend, Store};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;
use ward_audit::Record;
use ward_audit::leaf::{Class, Content, Leaf};
use ward_audit::note::{Note, Signer};
use ward_audit::removal::{RANGES_MAX, Removal, RemovalKind, ranges};
use ward_audit::tlog_proof::TlogProof;
use ward_audit::tree::Hash;
use ward_fhir::reference::{self, Reference};

/// Whose time is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// Numbers that [`Store::record_contexts`] tells.
    pub contexts: Vec<i64>,
    /// Recorded before, microseconds since 1970.
    pub until_us: i64,
    /// By which rule, one line: it stands in the removal.
    pub rule: String,
}

/// Whose records are not taken out by their time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    actors: HashSet<i64>,
    /// Row ids, and the names of [`Store::named_key`].
    keys: HashSet<i64>,
}

/// What a step has taken out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    pub records: u64,
    /// Their entries, ascending.
    pub entries: Vec<Range<u64>>,
    /// The record that is the removal's note. `None`: nothing was taken out.
    pub removal: Option<i64>,
    /// The next step goes on behind this record. `None`: there are no more.
    pub after: Option<i64>,
}

/// A record that was taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// That its entry is in the log.
    pub proof: TlogProof,
    pub note: Note,
    pub removal: Removal,
}

/// Why nothing was taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakeError {
    Store(StoreError),
    /// Another process takes out, or has.
    Busy,
    /// There is no such record, or it was taken out.
    Absent,
    /// It has no number that is signed, or is not as it was recorded.
    NotSigned,
    /// The rule is too long, or no line.
    Rule,
}

/// What a store does in one transaction, if all the records are there.
pub(crate) struct Taking {
    /// The removal's note, and the Record that tells of it.
    pub records: [NewRecord; 2],
    /// `removal` is the number that the note gets.
    pub left: Vec<Left>,
    /// Rows of `record_key`: keys and records.
    pub keys: (Vec<i64>, Vec<i64>),
}

/// Records that are looked at in one step.
pub const EXPIRED_AT_ONCE: usize = 4_096;
/// By their numbers: entry, class and hash.
type Placed = HashMap<i64, (u64, Class, Hash)>;

/// Entries behind one whose run was looked for that are looked through for others.
const AHEAD: i64 = 4_096;

impl Store {
    /// `references`: `Patient/x`, `Practitioner/x` or `client:x`. Errors also: `Integrity`: one of them is none of these.
    pub async fn held(&self, references: &[String]) -> Result<Held, StoreError> {
        let mut held = Held::default();
        if !references.is_empty() {
            // An event that names more than is kept apart may name them.
            held.keys.insert(self.named_key(ANYTHING));
        }
        for text in references {
            held.actors.insert(self.actor_key(text));
            if text.starts_with("client:") {
                continue;
            }
            held.keys.insert(self.named_key(text));
            let Some(Reference::Local { ty, id, .. }) = reference::parse(text, None) else {
                return Err(StoreError::Integrity);
            };
            let rid = self.locate(&[(ty, id)]).await?.pop().flatten();
            held.keys.extend(rid);
        }
        Ok(held)
    }

    /// The first record that there is, of those that can be read.
    pub async fn oldest_record(&self) -> Result<Option<i64>, StoreError> {
        let first = RecordQuestion {
            limit: 1,
            ..RecordQuestion::default()
        };
        let first = self.records(&first).await?;
        Ok(first.first().map(|record| record.id))
    }

    /// The same records that [`Store::expire`] would take out, and where the next step would go on.
    pub async fn expiring(
        &self,
        expiry: &Expiry,
        held: &Held,
        after: i64,
    ) -> Result<(Vec<StoredRecord>, Option<i64>), StoreError> {
        let question = RecordQuestion {
            contexts: Some(expiry.contexts.clone()),
            until_us: Some(expiry.until_us),
            after: Some(after),
            limit: EXPIRED_AT_ONCE,
            ..RecordQuestion::default()
        };
        let mut found = self.records(&question).await?;
        let next = found.get(EXPIRED_AT_ONCE - 1).map(|last| last.id);
        let keys = &self.core().records;
        found.retain(|stored| {
            let columns = keys.columns(&stored.record).0;
            let mut about = columns.keys.iter().chain([&columns.patient]);
            !held.actors.contains(&columns.actor) && !about.any(|key| held.keys.contains(key))
        });
        Ok((found, next))
    }

    /// Takes out what has expired of the records behind `after`, at most [`EXPIRED_AT_ONCE`]: what is numbered and signed, is as it was recorded,
    /// and is not held. Of more stretches than one removal can name there are several removals, each a transaction of about ten statements.
    /// `event`: the Record that tells of a removal. Statements beside: two for a hundred records. Error: removals before it stand.
    pub async fn expire(
        &self,
        expiry: &Expiry,
        held: &Held,
        after: i64,
        now_us: i64,
        event: impl Fn(&Removal) -> Record,
    ) -> Result<Taken, TakeError> {
        let (found, next) = self.expiring(expiry, held, after).await?;
        let mut entries = self.entries_of(&found).await?;
        let mut all = Taken {
            after: next,
            ..Taken::default()
        };
        while !entries.is_empty() {
            let rest = entries.split_off(named_at_once(&entries));
            let kind = RemovalKind::Expiry;
            let taken = self.take(kind, &expiry.rule, entries, now_us, &event);
            let taken = taken.await?;
            all.records += taken.records;
            all.entries.extend(taken.entries);
            all.removal = taken.removal;
            entries = rest;
        }
        Ok(all)
    }

    /// Destroys the content of one record. `event` as in [`Store::expire`].
    pub async fn redact(
        &self,
        id: i64,
        rule: &str,
        now_us: i64,
        event: impl FnOnce(&Removal) -> Record,
    ) -> Result<Taken, TakeError> {
        let found = self.record(id).await?.ok_or(TakeError::Absent)?;
        let entries = self.entries_of(&[found]).await?;
        if entries.is_empty() {
            return Err(TakeError::NotSigned);
        }
        let kind = RemovalKind::Redaction;
        self.take(kind, rule, entries, now_us, event).await
    }

    /// What is left of a record that was taken out. `None`: it was not, or the removal is not numbered and signed yet. Errors: `Integrity`:
    /// no removal in the log names it, or its entry is another.
    pub async fn log_removed(&self, id: i64) -> Result<Option<Removed>, StoreError> {
        let Some(left) = rows::left(self, id, id).await?.remove(&id) else {
            return Ok(None);
        };
        let removal = self.removal(left.removal).await?;
        let removal = removal.filter(|(_, removal)| removal.names(left.seq));
        let (note, removal) = removal.ok_or(StoreError::Integrity)?;
        let run = rows::runs(self, left.seq as i64, left.seq as i64 + 1).await?;
        let run = run.first().ok_or(StoreError::Integrity)?;
        let at = left.seq.checked_sub(run.first as u64);
        let at = at.ok_or(StoreError::Integrity)? as usize;
        let of = run.entries.get(at).filter(|of| of.id == id);
        let of = of.ok_or(StoreError::Integrity)?;
        let proof = self.proven(left.leaf(left.seq, of.class), run.hashes[at]);
        let proof = proof.await?;
        Ok(proof.map(|proof| Removed {
            proof,
            note,
            removal,
        }))
    }

    /// The removal that a record is, if a key of the log has signed it.
    pub(super) async fn removal(&self, id: i64) -> Result<Option<(Note, Removal)>, StoreError> {
        let stored = rows::stored(self, id, id).await?.pop();
        let keys = self.log_keys().await?;
        let read = |stored: rows::Stored| records::removal(&self.core().records, &stored.sealed);
        let is_signed = |note: &Note| keys.iter().any(|key| note.is_signed_by(key));
        Ok(stored.and_then(read).filter(|(note, _)| is_signed(note)))
    }

    /// By their entries. Left out is what is not signed yet, is a removal, or is not as it was recorded.
    async fn entries_of(&self, found: &[StoredRecord]) -> Result<Vec<Entry>, StoreError> {
        let last = rows::last_note(self).await?;
        let signed = last.map_or(0, |last| last.size as u64);
        let placed = self.placed(found).await?;
        let keys = &self.core().records;
        let entry = |stored: &StoredRecord| {
            let (seq, class, hash) = *placed.get(&stored.id)?;
            let leaf = Leaf {
                seq,
                at_us: stored.record.at_us.clamp(-TIME_MAX_US, TIME_MAX_US),
                class,
                content: Content::Whole {
                    nonce: stored.nonce,
                    record: stored.bytes.clone(),
                },
            };
            if seq >= signed || class == Class::REMOVAL {
                return None;
            }
            if leaf.hash() != hash {
                tracing::error!(entry = seq, "an audit record is not as it was recorded");
                return None;
            }
            Some(Entry {
                id: stored.id,
                keys: keys.columns(&stored.record).0.keys,
                leaf: leaf.redacted(),
            })
        };
        let mut entries: Vec<Entry> = found.iter().filter_map(entry).collect();
        entries.sort_unstable_by_key(|entry| entry.leaf.seq);
        Ok(entries)
    }

    /// Entry, class and hash of each record that has a number.
    async fn placed(&self, found: &[StoredRecord]) -> Result<Placed, StoreError> {
        let wanted: HashSet<i64> = found.iter().map(|stored| stored.id).collect();
        let mut placed = Placed::new();
        let note = |runs: Vec<Run>, placed: &mut Placed| {
            for run in runs {
                let entries = run.entries.iter().zip(&run.hashes);
                for (seq, (of, hash)) in (run.first as u64..).zip(entries) {
                    if wanted.contains(&of.id) {
                        placed.insert(of.id, (seq, of.class, *hash));
                    }
                }
            }
        };
        // Each may be in another run, of up to 10,000 entries.
        for some in found.chunks(AT_ONCE) {
            let ids = some.iter().map(|stored| stored.id);
            let ids: Vec<i64> = ids.filter(|id| !placed.contains_key(id)).collect();
            if !ids.is_empty() {
                note(self.runs_with(&ids).await?, &mut placed);
            }
        }
        // What has no number yet, and what was moved into another cluster.
        for stored in found {
            if placed.contains_key(&stored.id) {
                continue;
            }
            let Some(row) = self.record_placed(stored.id).await? else {
                continue;
            };
            let Some(run) = rows::run_of(self, row.xid, row.id).await? else {
                continue;
            };
            let ahead = rows::runs(self, run.first, run.first + AHEAD).await?;
            note(ahead, &mut placed);
        }
        Ok(placed)
    }

    async fn take(
        &self,
        kind: RemovalKind,
        rule: &str,
        entries: Vec<Entry>,
        now_us: i64,
        event: impl FnOnce(&Removal) -> Record,
    ) -> Result<Taken, TakeError> {
        let signer = self.log_signer().await?;
        let numbers: Vec<u64> = entries.iter().map(|entry| entry.leaf.seq).collect();
        let removal = Removal {
            origin: signer.public().name().to_owned(),
            time_us: now_us,
            kind,
            entries: ranges(&numbers),
            rule: rule.to_owned(),
        };
        let note = removal.signed(&signer).ok_or(TakeError::Rule)?;
        let keys = &self.core().records;
        let event = NewRecord::new(keys, &event(&removal));
        let fresh = event.fresh();
        let note = NewRecord::removal(keys, &note, now_us);
        let taking = Taking::new([note, event], &entries);
        let taken = match &self.0 {
            Backend::Sqlite(store) => store.take_out(taking).await,
            Backend::Postgres(store) => store.take_out(&taking).await,
        }?;
        let taken = taken.ok_or(TakeError::Busy)?;
        fresh.into_iter().for_each(|context| keys.learn(context));
        Ok(Taken {
            records: numbers.len() as u64,
            entries: removal.entries,
            removal: Some(taken),
            after: None,
        })
    }

    /// The key that signs now. Errors: `Integrity`: nothing is signed yet, or by no key that is there.
    async fn log_signer(&self) -> Result<Signer, StoreError> {
        let last = rows::last_note(self).await?.ok_or(StoreError::Integrity)?;
        let note = Note::parse(&last.note).map_err(|_| StoreError::Integrity)?;
        let log_keys = &self.core().log_keys;
        let keys = keys::all(self).await?;
        let mut opened = keys.iter().rev().filter_map(|key| log_keys.open(key).ok());
        let signs = |signer: &Signer| note.is_signed_by(signer.public());
        opened.find(signs).ok_or(StoreError::Integrity)
    }
}

/// A record that is to go.
struct Entry {
    id: i64,
    keys: Vec<i64>,
    /// Redacted.
    leaf: Leaf,
}

impl Taking {
    fn new(records: [NewRecord; 2], entries: &[Entry]) -> Taking {
        let left = entries.iter().map(|entry| Left {
            id: entry.id,
            seq: entry.leaf.seq,
            removal: 0,
            at_us: entry.leaf.at_us,
            commitment: entry.leaf.content.commitment(),
        });
        let keys = entries
            .iter()
            .flat_map(|entry| entry.keys.iter().map(|key| (*key, entry.id)));
        Taking {
            records,
            left: left.collect(),
            keys: keys.unzip(),
        }
    }

    pub fn ids(&self) -> Vec<i64> {
        self.left.iter().map(|left| left.id).collect()
    }
}

/// How many, from the first on, one removal can name.
fn named_at_once(entries: &[Entry]) -> usize {
    let (mut count, mut next) = (0, None);
    let first_beyond = entries.iter().position(|entry| {
        count += usize::from(next != Some(entry.leaf.seq));
        next = Some(entry.leaf.seq + 1);
        count > RANGES_MAX
    });
    first_beyond.unwrap_or(entries.len())
}

impl From<StoreError> for TakeError {
    fn from(error: StoreError) -> TakeError {
        TakeError::Store(error)
    }
}

impl fmt::Display for TakeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            TakeError::Store(StoreError::Integrity) => {
                "rows of the audit log are missing or damaged, or nothing is signed yet"
            }
            TakeError::Store(_) => "the store cannot be reached",
            TakeError::Busy => "another process takes records out of the audit log",
            TakeError::Absent => "there is no such event, or it was taken out before",
            TakeError::NotSigned => {
                "the event has no number that is signed yet, or is not as it was recorded"
            }
            TakeError::Rule => "the reason is too long, or has several lines",
        })
    }
}

impl std::error::Error for TakeError {}
