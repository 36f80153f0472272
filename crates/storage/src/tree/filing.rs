//! What Records are found by, against what they say. Columns, keys and contexts stand beside the sealed bytes and are in no leaf, so whoever
//! has the database could take a Record out of searches and leave it in the log. They are worked out anew of Records that are as they were
//! recorded ([`crate::audit_row`]), and compared in both directions.

use super::proofs::LogEntry;
use super::rows::{self, Cells, Listed};
use crate::audit_row::{Columns, RecordKeys};
use crate::contract::StoreError;
use crate::records::question::LATE_MIN_US;
use crate::store::{Backend, Store};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use ward_audit::Record;
use ward_audit::leaf::Content;
use ward_audit::removal::Removal;

/// A Record that is found by something else than it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Misfiled {
    /// `None`: of a key, which leads to no Record that has a number.
    pub entry: Option<u64>,
    /// Its number in the store.
    pub record: i64,
    pub what: Filed,
}

/// What does not agree with the Record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Filed {
    /// The number of what it has in common with many.
    Context,
    /// That there is what this number is of.
    ContextRow,
    Actor,
    Patient,
    /// How many events it is counted as.
    Events,
    /// It came later than any is said to have come: searches by time miss it.
    Late,
    /// One is gone.
    Key,
    /// There is one that is not its own.
    ForeignKey,
}

/// What is remembered from one part of the log to the next.
#[derive(Debug, Default)]
pub struct Filing {
    /// Contexts that are as they were recorded.
    contexts: HashSet<i64>,
    /// The newest time that was met, and whose it is.
    newest: Option<(i64, i64)>,
}

/// A Record as it says it is found.
struct Said {
    id: i64,
    seq: u64,
    at_us: i64,
    columns: Columns,
}

/// Foreign keys of one page whose entries are looked up.
const NAMED_MAX: usize = 100;

impl Store {
    /// Which Records of these entries are not found by what they say; those that are others than they were recorded are left out, and told by
    /// their hashes. Statements: four or five, and one more where something is found. About 10 us for each Record.
    pub async fn misfiled(
        &self,
        entries: &[LogEntry],
        filing: &mut Filing,
    ) -> Result<Vec<Misfiled>, StoreError> {
        let keys = &self.core().records;
        let mut said: Vec<Said> = entries.iter().filter_map(|of| said(keys, of)).collect();
        said.sort_unstable_by_key(|of| of.id);
        if said.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<i64> = said.iter().map(|of| of.id).collect();
        let stored = self.columns_of(&ids).await?;
        // What was taken out meanwhile is found by nothing.
        said.retain(|of| stored.contains_key(&of.id));
        let mut found = Vec::new();
        for of in &said {
            if let Some(columns) = stored.get(&of.id) {
                let unlike = of.unlike(*columns).into_iter();
                found.extend(unlike.map(|what| of.misfiled(what)));
            }
        }
        self.look_at_contexts(&said, filing, &mut found).await?;
        let late_us = rows::late_us(self).await?.max(LATE_MIN_US);
        let late = said.iter().filter(|of| filing.is_late(of, late_us));
        found.extend(late.map(|of| of.misfiled(Filed::Late)));
        self.look_for_keys(&said, &mut found).await?;
        if !found.is_empty() {
            let there = self.columns_of(&ids).await?;
            found.retain(|one| there.contains_key(&one.record));
        }
        Ok(found)
    }

    /// Keys behind one, in their order, at most `most`: those that are none of their Record's, and the last one; `None`: there are no more. Statements:
    /// two, and more where something is found. About 10 us for each key, and a row of the store read by its number.
    pub async fn foreign_keys(
        &self,
        after: (i64, i64),
        most: usize,
    ) -> Result<(Vec<Misfiled>, Option<(i64, i64)>), StoreError> {
        let there = rows::keys(self, after, most).await?;
        let next = there.last().copied().filter(|_| there.len() >= most);
        let ids: BTreeSet<i64> = there.iter().map(|(_, id)| *id).collect();
        let ids: Vec<i64> = ids.into_iter().collect();
        let mut own = HashMap::new();
        for row in self.listed(Listed::Sealed, &ids, &[]).await? {
            let record_keys = &self.core().records;
            let opened = record_keys.sealing.open(row.bytes(1)?);
            let columns = opened.map(|opened| columns(record_keys, &opened.record));
            own.insert(row.int(0)?, columns.unwrap_or_default().keys);
        }
        let is_own = |(key, id): &(i64, i64)| {
            let own = own.get(id);
            own.is_some_and(|own| own.binary_search(key).is_ok())
        };
        let foreign = there.into_iter().filter(|key| !is_own(key));
        let (keys, ids): (Vec<i64>, Vec<i64>) = foreign.unzip();
        // With a Record that was taken out meanwhile its keys have gone.
        let still = self.keys_there(&keys, &ids).await?;
        let mut found = Vec::with_capacity(still.len());
        for (_, record) in still {
            let entry = match found.len() < NAMED_MAX {
                true => self.entry_of(record).await?,
                false => None,
            };
            found.push(Misfiled {
                entry,
                record,
                what: Filed::ForeignKey,
            });
        }
        found.sort_unstable();
        Ok((found, next))
    }

    async fn look_at_contexts(
        &self,
        said: &[Said],
        filing: &mut Filing,
        found: &mut Vec<Misfiled>,
    ) -> Result<(), StoreError> {
        let is_there = |of: &Said, contexts: &HashSet<i64>| {
            of.columns.ctx == 0 || contexts.contains(&of.columns.ctx)
        };
        // They are read behind the Records, so that those of new ones are among them.
        if !said.iter().all(|of| is_there(of, &filing.contexts)) {
            filing.contexts = self.sound_contexts().await?;
        }
        let gone = said.iter().filter(|of| !is_there(of, &filing.contexts));
        found.extend(gone.map(|of| of.misfiled(Filed::ContextRow)));
        Ok(())
    }

    /// The numbers of contexts that are as they were recorded.
    async fn sound_contexts(&self) -> Result<HashSet<i64>, StoreError> {
        let rows = match &self.0 {
            Backend::Sqlite(store) => store.record_contexts(0).await,
            Backend::Postgres(store) => store.record_contexts(0).await,
        }?;
        let keys = &self.core().records;
        let is_sound = |(id, sealed): &(i64, Vec<u8>)| {
            let opened = keys.sealing.open(sealed);
            opened.is_some_and(|opened| keys.context_number(&opened.record) == *id)
        };
        let sound = rows.into_iter().filter(is_sound);
        Ok(sound.map(|(id, _)| id).collect())
    }

    async fn look_for_keys(
        &self,
        said: &[Said],
        found: &mut Vec<Misfiled>,
    ) -> Result<(), StoreError> {
        let own = |of: &Said| {
            of.columns
                .keys
                .clone()
                .into_iter()
                .zip(std::iter::repeat(of.id))
        };
        let (keys, ids): (Vec<i64>, Vec<i64>) = said.iter().flat_map(own).unzip();
        let there: HashSet<(i64, i64)> = self.keys_there(&keys, &ids).await?.into_iter().collect();
        let lacks = |of: &&Said| own(of).any(|key| !there.contains(&key));
        found.extend(said.iter().filter(lacks).map(|of| of.misfiled(Filed::Key)));
        Ok(())
    }

    /// Context, actor, patient and events of each that there is.
    async fn columns_of(&self, ids: &[i64]) -> Result<HashMap<i64, [i64; 4]>, StoreError> {
        let read = |row: &Cells| {
            let columns = [row.int(1)?, row.int(2)?, row.int(3)?, row.int(4)?];
            Ok((row.int(0)?, columns))
        };
        let rows = self.listed(Listed::Columns, ids, &[]).await?;
        rows.iter().map(read).collect()
    }

    /// Which of these keys there are.
    async fn keys_there(&self, keys: &[i64], ids: &[i64]) -> Result<Vec<(i64, i64)>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.listed(Listed::Keys, keys, ids).await?;
        rows.iter()
            .map(|row| Ok((row.int(0)?, row.int(1)?)))
            .collect()
    }

    async fn listed(
        &self,
        asked: Listed,
        first: &[i64],
        second: &[i64],
    ) -> Result<Vec<Cells>, StoreError> {
        match &self.0 {
            Backend::Sqlite(store) => store.listed(asked, first, second),
            Backend::Postgres(store) => store.listed(asked, first, second).await,
        }
    }

    /// Also of one that was taken out.
    async fn entry_of(&self, id: i64) -> Result<Option<u64>, StoreError> {
        let Some(row) = self.record_placed(id).await? else {
            let left = rows::left(self, id, id).await?;
            return Ok(left.get(&id).map(|left| left.seq));
        };
        let run = rows::run_of(self, row.xid, id).await?;
        let at = |run: &rows::Run| run.entries.iter().position(|of| of.id == id);
        Ok(run.and_then(|run| Some(run.first as u64 + at(&run)? as u64)))
    }
}

impl Said {
    fn unlike(&self, [ctx, actor, patient, events]: [i64; 4]) -> Vec<Filed> {
        let own = &self.columns;
        let compared = [
            (own.ctx == ctx, Filed::Context),
            (own.actor == actor, Filed::Actor),
            (own.patient == patient, Filed::Patient),
            (own.events == events, Filed::Events),
        ];
        let unlike = compared.into_iter().filter(|(is_like, _)| !is_like);
        unlike.map(|(_, what)| what).collect()
    }

    fn misfiled(&self, what: Filed) -> Misfiled {
        Misfiled {
            entry: Some(self.seq),
            record: self.id,
            what,
        }
    }
}

impl Filing {
    /// What stood there before may be gone.
    pub(super) fn forget_contexts(&mut self) {
        self.contexts.clear();
    }

    /// Whether one that came before was newer by more than any is said to be late. Records in the order of their numbers.
    fn is_late(&mut self, of: &Said, late_us: i64) -> bool {
        if of.columns.ctx == 0 {
            return false;
        }
        let newest = self.newest.filter(|(_, id)| *id < of.id);
        if self.newest.is_none_or(|(at_us, _)| at_us < of.at_us) {
            self.newest = Some((of.at_us, of.id));
        }
        newest.is_some_and(|(at_us, _)| at_us.saturating_sub(of.at_us) > late_us)
    }
}

/// `None`: it was taken out, is gone, or is not as it was recorded.
fn said(keys: &RecordKeys, entry: &LogEntry) -> Option<Said> {
    let leaf = entry
        .leaf
        .as_ref()
        .filter(|leaf| leaf.hash() == entry.hash)?;
    let Content::Whole { record, .. } = &leaf.content else {
        return None;
    };
    Some(Said {
        id: entry.id,
        seq: entry.seq,
        at_us: leaf.at_us,
        columns: columns(keys, record),
    })
}

/// As [`crate::records::NewRecord`] makes them.
fn columns(keys: &RecordKeys, bytes: &[u8]) -> Columns {
    match Record::decode(bytes) {
        Some(record) => keys.columns(&record).0,
        None => Columns {
            events: i64::from(Removal::of_record(bytes).is_none()),
            ..Columns::default()
        },
    }
}

impl fmt::Display for Misfiled {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry {
            Some(entry) => write!(out, "entry {entry}: {}", self.what),
            None => write!(out, "row {} without an entry: {}", self.record, self.what),
        }
    }
}

impl fmt::Display for Filed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Filed::Context => "another context",
            Filed::ContextRow => "its context is gone or another",
            Filed::Actor => "another actor",
            Filed::Patient => "another patient",
            Filed::Events => "another count of events",
            Filed::Late => "nothing says that it came late",
            Filed::Key => "a key is gone",
            Filed::ForeignKey => "a key that is not its own",
        })
    }
}
