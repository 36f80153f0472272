//! The walk (TE9): compares what is numbered with what is there, a part of the log at a time, so that what whoever has the database deletes,
//! changes, or hides from searches shows while the server runs.

use super::filing::{Filing, Misfiled};
use super::rows;
use crate::contract::StoreError;
use crate::store::Store;
use std::collections::{HashMap, VecDeque};
use ward_audit::removal::Removal;

/// What a process has walked.
#[derive(Debug, Default)]
pub struct Walk {
    /// When there were how many entries, a look each, an hour back.
    sizes: VecDeque<(i64, u64)>,
    /// The next old entry whose record is looked for.
    old: u64,
    /// The next old entry whose hash is made anew.
    tile: u64,
    /// Of old entries, what is remembered up to there.
    filing: Filing,
    /// The last key whose Record was looked at.
    key: Option<(i64, i64)>,
}

/// Entries that are not as they were recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first of them; `None`: there are only keys that lead to no entry.
    pub entry: Option<u64>,
    /// Entries whose record is gone.
    pub missing: u64,
    /// Entries whose record is another.
    pub changed: u64,
    /// Whatever does not find its Record by what that says.
    pub misfiled: u64,
    /// The first of these.
    pub named: Vec<Misfiled>,
}

const HOUR_US: i64 = 3_600_000_000;
/// Entries of the last hour whose records are looked for with each look; the newest ones.
const RECENT_MAX: u64 = 500_000;
/// Entries before that whose records are looked for with each look.
const OLD_AT_ONCE: u64 = 100_000;
/// Entries whose hashes are made anew with each look: the newest ones, and as many old ones.
const HASHED: u64 = 4_096;
/// Keys whose Records are looked at with each look.
const KEYS_AT_ONCE: usize = 1_024;
/// Of what is misfiled, how much is named.
const NAMED_MAX: usize = 8;
/// Entries of a statement.
const IDS_AT_ONCE: u64 = 10_000;

impl Store {
    /// One look. `None`: all that was looked at is as it was recorded. About a second for a million entries of the last hour.
    pub async fn walk_log(&self, walk: &mut Walk, now_us: i64) -> Result<Option<Gap>, StoreError> {
        let size = self.log_size().await?;
        let hour_ago = walk.hour_ago(now_us, size);
        let mut found = Found::default();
        let recent = hour_ago.max(size.saturating_sub(RECENT_MAX));
        self.look_for(recent, size, &mut found).await?;
        if walk.old >= recent {
            walk.old = 0;
        }
        let until = recent.min(walk.old + OLD_AT_ONCE);
        self.look_for(walk.old, until, &mut found).await?;
        walk.old = until;
        let newest = size.saturating_sub(HASHED);
        self.hash(newest, size, &mut Filing::default(), &mut found)
            .await?;
        if walk.tile >= newest {
            (walk.tile, walk.filing) = (0, Filing::default());
        }
        let until = newest.min(walk.tile + HASHED);
        walk.filing.forget_contexts();
        self.hash(walk.tile, until, &mut walk.filing, &mut found)
            .await?;
        walk.tile = until;
        let after = walk.key.unwrap_or(FIRST_KEY);
        let (foreign, next) = self.foreign_keys(after, KEYS_AT_ONCE).await?;
        found.misfiled.extend(foreign);
        walk.key = next;
        Ok(found.gap())
    }

    /// Whether records of the entries `from..end` are gone.
    async fn look_for(&self, from: u64, end: u64, found: &mut Found) -> Result<(), StoreError> {
        let mut at = from;
        while at < end {
            let until = end.min(at + IDS_AT_ONCE);
            for run in rows::runs(self, at as i64, until as i64).await? {
                let entries = (run.first as u64..).zip(&run.entries);
                let entries = entries.filter(|(seq, _)| (at..until).contains(seq));
                let entries: Vec<(u64, i64)> = entries.map(|(seq, of)| (seq, of.id)).collect();
                let ids = || entries.iter().map(|(_, id)| *id);
                let (Some(low), Some(high)) = (ids().min(), ids().max()) else {
                    continue;
                };
                let there = rows::ids(self, low, high).await?;
                let gone = entries.iter().filter(|(_, id)| !there.contains(id));
                let gone: Vec<(u64, i64)> = gone.copied().collect();
                self.look_at_left(low, high, &gone, found).await?;
            }
            at = until;
        }
        Ok(())
    }

    /// Whether removals in the log name the records that are gone, which have numbers of `low..=high`.
    async fn look_at_left(
        &self,
        low: i64,
        high: i64,
        gone: &[(u64, i64)],
        found: &mut Found,
    ) -> Result<(), StoreError> {
        if gone.is_empty() {
            return Ok(());
        }
        let left = rows::left(self, low, high).await?;
        for (seq, id) in gone {
            let removal = left.get(id).map(|left| left.removal);
            if let Some(removal) = removal
                && !found.removals.contains_key(&removal)
            {
                let read = self.removal(removal).await?;
                found.removals.insert(removal, read.map(|(_, read)| read));
            }
            let removal = removal.and_then(|removal| found.removals.get(&removal));
            let is_named = |removal: &Removal| removal.names(*seq);
            if !removal.is_some_and(|removal| removal.as_ref().is_some_and(is_named)) {
                found.missing.push(*seq);
            }
        }
        Ok(())
    }

    /// Whether records of the entries `from..end` are others, or are found by something else than they say.
    async fn hash(
        &self,
        from: u64,
        end: u64,
        filing: &mut Filing,
        found: &mut Found,
    ) -> Result<(), StoreError> {
        let mut at = from;
        while at < end {
            let entries = self.log_entries(at, end).await?;
            let Some(last) = entries.last() else { break };
            at = last.seq + 1;
            found
                .misfiled
                .extend(self.misfiled(&entries, filing).await?);
            for entry in entries {
                match entry.leaf {
                    None => found.missing.push(entry.seq),
                    Some(leaf) if leaf.hash() != entry.hash => found.changed.push(entry.seq),
                    Some(_) => {}
                }
            }
        }
        Ok(())
    }
}

impl Walk {
    /// How many entries there were an hour ago, or when this process began.
    fn hour_ago(&mut self, now_us: i64, size: u64) -> u64 {
        self.sizes.push_back((now_us, size));
        while self.sizes.len() > 1 && self.sizes[1].0 < now_us - HOUR_US {
            self.sizes.pop_front();
        }
        self.sizes.front().map_or(0, |(_, size)| *size)
    }
}

/// Before all keys.
const FIRST_KEY: (i64, i64) = (i64::MIN, i64::MIN);

#[derive(Default)]
struct Found {
    missing: Vec<u64>,
    changed: Vec<u64>,
    misfiled: Vec<Misfiled>,
    /// Removals that were read, by their records; none where there is no such one.
    removals: HashMap<i64, Option<Removal>>,
}

impl Found {
    fn gap(mut self) -> Option<Gap> {
        for entries in [&mut self.missing, &mut self.changed] {
            entries.sort_unstable();
            entries.dedup();
        }
        if self.missing.is_empty() && self.changed.is_empty() && self.misfiled.is_empty() {
            return None;
        }
        self.misfiled.sort_unstable();
        let entries = self.missing.iter().chain(&self.changed).copied();
        let misfiled = self.misfiled.iter().filter_map(|one| one.entry);
        Some(Gap {
            entry: entries.chain(misfiled).min(),
            missing: self.missing.len() as u64,
            changed: self.changed.len() as u64,
            misfiled: self.misfiled.len() as u64,
            named: self.misfiled.into_iter().take(NAMED_MAX).collect(),
        })
    }
}
