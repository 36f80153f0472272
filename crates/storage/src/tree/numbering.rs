//! Numbers what was recorded since, in steps: each is one transaction, on whichever node holds the lock.

use super::keys::{self, LogKeys};
use super::rows::{Head, Reads};
use super::standing::{Found, NumberError, Seen, Standing};
use crate::contract::StoreError;
use crate::store::{Backend, Store};
use ward_audit::evidence::{self, Document, Statement};
use ward_audit::issuer::IssueError;
use ward_audit::note::{Note, Signer, VerifierKey};

/// Where this process stands. A process that restarts, or whose place another took, reads it anew from the store.
pub struct Numbering {
    /// Of a log without a key.
    origin: String,
    pub(crate) standing: Option<Standing>,
    /// Entries that this process has seen: fewer are a copy from before, whatever its checkpoints say.
    least: u64,
}

/// What a step has done.
#[derive(Clone, Debug, Default)]
pub struct Numbered {
    pub records: u64,
    /// Entries of the tree by now, as far as this process knows.
    pub size: u64,
    /// The last checkpoint, if the step made one.
    pub checkpoint: Option<Note>,
    /// There may be more records at once.
    pub more: bool,
    /// Records that the store left out, or that somebody deleted before they had a number.
    pub missing: u64,
    /// Records that do not open, or whose time is another than the row's. They are numbered as they lie there.
    pub unreadable: u64,
}

/// Records of one step.
pub(crate) const RECORDS_PER_STEP_MAX: i64 = 10_000;

impl Numbering {
    /// `origin`: which log it is, and the name of its keys. A log that has a key keeps the name that it has.
    pub fn new(origin: &str) -> Numbering {
        Numbering {
            origin: origin.to_owned(),
            standing: None,
            least: 0,
        }
    }
}

impl Store {
    /// A step: numbers at most 10,000 records that have been committed, and makes a checkpoint when one is due. Nothing where another
    /// node is at it. About 20 us for each record and 1 ms. After an error the place is read anew with the next step.
    pub async fn number_records(
        &self,
        numbering: &mut Numbering,
        now_us: i64,
    ) -> Result<Numbered, NumberError> {
        self.number(numbering, now_us, false).await
    }

    /// The last step before the server stops: its checkpoint promises no next one.
    pub async fn stop_numbering(
        &self,
        numbering: &mut Numbering,
        now_us: i64,
    ) -> Result<Numbered, NumberError> {
        self.number(numbering, now_us, true).await
    }

    async fn number(
        &self,
        numbering: &mut Numbering,
        now_us: i64,
        stops: bool,
    ) -> Result<Numbered, NumberError> {
        let asked = Asked {
            now_us,
            stops,
            least: numbering.least,
        };
        let origin = numbering.origin.clone();
        let standing = numbering.standing.take();
        let (standing, numbered) = match &self.0 {
            Backend::Sqlite(store) => store.number(standing, &origin, asked).await?,
            Backend::Postgres(store) => store.number(standing, &origin, asked).await?,
        };
        numbering.standing = standing;
        numbering.least = numbering.least.max(numbered.size);
        Ok(numbered)
    }

    /// The public halves of the keys that sign, oldest first. None before the first step.
    pub async fn log_keys(&self) -> Result<Vec<VerifierKey>, StoreError> {
        let keys = keys::all(self).await?;
        let log_keys = &self.core().log_keys;
        keys.iter()
            .map(|key| Ok(log_keys.open(key)?.public().clone()))
            .collect()
    }

    /// Signs a document with the key that signs the log: the file that `ward audit verify-evidence` reads. Errors: `Unavailable`: the log
    /// has no key before its first step.
    pub async fn sign_evidence(
        &self,
        document: Document,
        now_us: i64,
    ) -> Result<String, StoreError> {
        let keys = keys::all(self).await?;
        let last = keys.last().ok_or(StoreError::Unavailable)?;
        let signer = self.core().log_keys.open(last)?;
        let statement = Statement::of(&last.origin, &document, now_us);
        let mut note = Note::unsigned(statement.to_string()).ok_or(StoreError::Integrity)?;
        note.sign(&signer);
        Ok(evidence::written(&note, document))
    }

    /// Makes a key that signs from the next step on, which both sign. Errors: `Integrity`: there is none yet.
    pub async fn turn_log_key(&self) -> Result<VerifierKey, StoreError> {
        let keys = keys::all(self).await?;
        let last = keys.last().ok_or(StoreError::Integrity)?;
        let log_keys = &self.core().log_keys;
        let next = log_keys.generate(last.n + 1, &last.origin);
        let public = log_keys.open(&next)?.public().clone();
        match &self.0 {
            Backend::Sqlite(store) => store.add_log_key(next).await?,
            Backend::Postgres(store) => store.add_log_key(next).await?,
        }
        Ok(public)
    }

    /// Adds to the count of answers of a node, by class. To be called once all is stored that was recorded when they were counted.
    pub async fn add_answered(&self, node: &str, answered: &[(u8, u64)]) -> Result<(), StoreError> {
        match &self.0 {
            Backend::Sqlite(store) => store.add_answered(node, answered).await,
            Backend::Postgres(store) => store.add_answered(node, answered).await,
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Asked {
    pub now_us: i64,
    pub stops: bool,
    pub least: u64,
}

/// Where it stands by the head that the store has: as before, or read anew.
pub(crate) async fn stand(
    reads: &impl Reads,
    log_keys: &LogKeys,
    head: Head,
    standing: Option<Standing>,
    least: u64,
) -> Result<Standing, NumberError> {
    let is_same = |standing: &Standing| {
        (standing.head.run, standing.head.checkpoint) == (head.run, head.checkpoint)
    };
    match standing.filter(is_same) {
        Some(standing) => Ok(standing),
        None => {
            let standing = Standing::read(reads, log_keys).await?;
            match standing.sequencer.size() {
                now if now < least => Err(IssueError::Smaller { signed: least, now }.into()),
                _ => Ok(standing),
            }
        }
    }
}

/// The key that comes after the one that signs, if there is one.
pub(crate) async fn next_key(
    reads: &impl Reads,
    log_keys: &LogKeys,
    head: Head,
    standing: &Standing,
) -> Result<Option<(i64, Signer)>, NumberError> {
    if head.key <= standing.head.key {
        return Ok(None);
    }
    let keys = keys::all(reads).await?;
    let next = keys.iter().find(|key| key.n > standing.head.key);
    let next = next.ok_or(StoreError::Integrity)?;
    Ok(Some((next.n, log_keys.open(next)?)))
}

/// What a step has done, from what it found and inserted.
pub(crate) fn done(
    standing: &Standing,
    records: u64,
    more: bool,
    seen: Seen,
    checkpoint: Option<&str>,
) -> Numbered {
    Numbered {
        records,
        size: standing.sequencer.size(),
        checkpoint: checkpoint.and_then(|note| Note::parse(note).ok()),
        more,
        missing: seen.missing,
        unreadable: seen.unreadable,
    }
}

impl Found {
    pub fn len(&self) -> u64 {
        self.records.len() as u64
    }
}
