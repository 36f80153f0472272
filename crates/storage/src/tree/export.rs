//! The log as the lines of an export (docs/guide/auditing-format.md), read from the store a part at a time.

use super::proofs::LogEntry;
use super::rows;
use crate::contract::StoreError;
use crate::store::Store;
use std::collections::{HashSet, VecDeque};
use std::time::Duration;
use ward_audit::checkpoint::Checkpoint;
use ward_audit::export::{Header, Line};
use ward_audit::leaf::Class;
use ward_audit::note::Note;

/// An export under way, up to the last checkpoint that there was when it began; where records were taken out meanwhile, up to one that covers
/// the removal.
pub struct LogExport {
    store: Store,
    part: Part,
    /// The last checkpoint's number.
    last: i64,
    notes: VecDeque<Note>,
    next_note: i64,
    next_entry: u64,
    checkpoints: u64,
    /// Removals that are there, by their records, and those that are still to come.
    removals: HashSet<i64>,
    awaited: HashSet<i64>,
    /// How often is looked for these.
    looks: u32,
}

/// Between two looks whether a removal is signed, and of how many an export has the time.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
const LOOKS_MAX: u32 = 100;

enum Part {
    Header,
    Middle,
    Over,
}

/// A line, and of an entry what the store holds of it.
pub struct ExportLine {
    pub line: Line,
    pub entry: Option<LogEntry>,
}

impl Store {
    /// Begins an export. Errors: `Integrity`: there is no key or no checkpoint yet, or a row of them is damaged.
    pub async fn export_log(&self) -> Result<LogExport, StoreError> {
        let last = rows::last_note(self).await?.ok_or(StoreError::Integrity)?;
        Ok(LogExport {
            store: self.clone(),
            part: Part::Header,
            last: last.n,
            notes: VecDeque::new(),
            next_note: 0,
            next_entry: 0,
            checkpoints: 0,
            removals: HashSet::new(),
            awaited: HashSet::new(),
            looks: LOOKS_MAX,
        })
    }
}

impl LogExport {
    /// The next lines, at most some thousand. Empty: that was all.
    pub async fn next(&mut self) -> Result<Vec<ExportLine>, StoreError> {
        match self.part {
            Part::Header => {
                self.part = Part::Middle;
                Ok(vec![plain(self.header().await?)])
            }
            Part::Middle => loop {
                if self.notes.is_empty() && !self.read_notes().await? && !self.goes_on().await? {
                    self.part = Part::Over;
                    return Ok(vec![plain(Line::End {
                        entries: self.next_entry,
                        checkpoints: self.checkpoints,
                    })]);
                }
                let lines = self.some().await?;
                if !lines.is_empty() {
                    return Ok(lines);
                }
            },
            Part::Over => Ok(Vec::new()),
        }
    }

    /// What lies before the next checkpoint, and then the checkpoint. A record that is gone leaves its line out.
    async fn some(&mut self) -> Result<Vec<ExportLine>, StoreError> {
        let Some(note) = self.notes.front() else {
            return Ok(Vec::new());
        };
        let checkpoint = Checkpoint::parse(note.text()).map_err(|_| StoreError::Integrity)?;
        if self.next_entry < checkpoint.size {
            let entries = self.store.log_entries(self.next_entry, checkpoint.size);
            let entries = entries.await?;
            self.next_entry = entries.last().map_or(checkpoint.size, |last| last.seq + 1);
            entries.iter().for_each(|entry| self.see(entry));
            let line = |entry: LogEntry| {
                let line = Line::Leaf(entry.leaf.clone()?, entry.hash);
                let entry = Some(entry);
                Some(ExportLine { line, entry })
            };
            return Ok(entries.into_iter().filter_map(line).collect());
        }
        self.checkpoints += 1;
        let note = self.notes.pop_front();
        Ok(note.map(Line::Checkpoint).map(plain).into_iter().collect())
    }

    /// A removal may stand behind the last checkpoint while the record is gone already.
    fn see(&mut self, entry: &LogEntry) {
        let leaf = entry.leaf.as_ref();
        if leaf.is_some_and(|leaf| leaf.class == Class::REMOVAL) {
            self.removals.insert(entry.id);
            self.awaited.remove(&entry.id);
        }
        let removal = entry.removal.filter(|id| !self.removals.contains(id));
        self.awaited.extend(removal);
    }

    /// Whether there are further checkpoints, where a removal is still to come. Waits for the numbering; a removal that nobody numbers does
    /// not come.
    async fn goes_on(&mut self) -> Result<bool, StoreError> {
        while !self.awaited.is_empty() && self.looks > 0 {
            self.looks -= 1;
            let last = rows::last_note(&self.store).await?;
            let last = last.map_or(self.last, |last| last.n);
            if last > self.last {
                self.last = last;
                return self.read_notes().await;
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        Ok(false)
    }

    /// Whether there was another checkpoint.
    async fn read_notes(&mut self) -> Result<bool, StoreError> {
        let run = self.store.log_notes(self.next_note).await?;
        let notes = run.notes.into_iter().filter(|(n, _)| *n <= self.last);
        for (n, note) in notes {
            self.next_note = n + 1;
            self.notes.push_back(note);
        }
        Ok(!self.notes.is_empty())
    }

    async fn header(&self) -> Result<Line, StoreError> {
        let keys = self.store.log_keys().await?;
        let key = keys.into_iter().next().ok_or(StoreError::Integrity)?;
        Ok(Line::Header(Header {
            origin: key.name().to_owned(),
            key,
            witnesses: self.store.log_witnesses().await?,
            approvers: Vec::new(),
        }))
    }
}

fn plain(line: Line) -> ExportLine {
    ExportLine { line, entry: None }
}
