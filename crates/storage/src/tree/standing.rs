//! Where whoever numbers the records of a store stands, and a step from there.

use super::keys::{self, LogKeys};
use super::nodes::Nodes;
use super::rows::{self, Head, Insert, NewRun, Place, Reads, Stored, StoredNote};
use crate::contract::StoreError;
use std::collections::VecDeque;
use std::fmt;
use ward_audit::checkpoint::Checkpoint;
use ward_audit::counted::Counted;
use ward_audit::issuer::{IssueError, Issuer, State};
use ward_audit::leaf::{Class, NONCE_BYTES};
use ward_audit::note::{Note, Signer};
use ward_audit::removal::Removal;
use ward_audit::run::{self, Of};
use ward_audit::sequencer::{Sequencer, Unnumbered};
use ward_audit::tree::compact_range::CompactRange;
use ward_audit::tree::tile::OpenTiles;
use ward_audit::{Record, RecordKey};

/// Why nothing was numbered. Each but `Store(Unavailable)` and `Store(Timeout)` is an alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NumberError {
    Store(StoreError),
    Issue(IssueError),
    /// The first so many stored entries are not those that were signed.
    Differs {
        size: u64,
    },
    /// No key of the store is the one that is to sign next.
    NoKey,
}

#[derive(Clone)]
pub(crate) struct Standing {
    pub sequencer: Sequencer,
    pub place: Place,
    pub head: Head,
    /// Signed with the next checkpoint.
    counted: Counted,
    /// To be signed once all below this transaction is numbered: what is counted is recorded by then.
    waiting: Option<(Counted, i64)>,
    /// The highest record that was there when, and the transaction that came next: once that is decided, no record below is to come.
    highest: VecDeque<Highest>,
}

#[derive(Clone, Copy)]
struct Highest {
    id: i64,
    next: i64,
    at_us: i64,
}

/// A record gets its number in the statement in which it gets its transaction: so long that may take.
const STATEMENT_US: i64 = 10_000_000;
/// Between two looks at which records are all decided.
const LOOK_US: i64 = 1_000_000;

/// What a store has for a step. Counts were read first, then the horizon, then the records.
pub(crate) struct Found {
    pub counted: Counted,
    /// Whatever was committed when the counts were read has a lower transaction id. 0 on SQLite.
    pub counted_below: i64,
    /// What has a lower transaction id is decided. 0 on SQLite.
    pub horizon: i64,
    pub records: Vec<Stored>,
    /// There are no more records.
    pub is_all: bool,
    /// The store leaves no number out.
    pub is_gapless: bool,
    /// Where the step after the last of them goes on, unless by the last of them.
    pub place: Option<Place>,
    /// In place of the one that signs.
    pub next_key: Option<(i64, Signer)>,
    /// The last checkpoint, because the log stops.
    pub stops: bool,
}

/// What came of the records of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Numbers of records that are missing between those that are there. SQLite leaves none out.
    pub missing: u64,
    /// Records that do not open, or whose time is another: they are numbered as they lie there.
    pub unreadable: u64,
}

impl Standing {
    /// Reads it from the store. Errors also: what is stored is not what was signed.
    pub async fn read(reads: &impl Reads, log_keys: &LogKeys) -> Result<Standing, NumberError> {
        let head = rows::head(reads).await?;
        let (mut size, mut place) = (0, Place::default());
        if head.run >= 0 {
            let runs = rows::runs(reads, head.run, i64::MAX).await?;
            let last = runs.last().ok_or(StoreError::Integrity)?;
            (size, place) = (last.end() as u64, last.place);
        }
        let keys = keys::all(reads).await?;
        let last = rows::last_note(reads).await?;
        let note = last.map(|last| Note::parse(&last.note)).transpose();
        let note = note.map_err(|_| IssueError::NotOurs)?;
        let checkpoint = note.as_ref().map(|note| Checkpoint::parse(note.text()));
        let checkpoint = checkpoint.transpose().map_err(|_| IssueError::NotOurs)?;
        let signed = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.size);
        if signed > size {
            return Err(IssueError::Smaller { signed, now: size }.into());
        }
        let nodes = Nodes::read(reads, size, |nodes| {
            let _ = CompactRange::from_nodes(0, signed, nodes);
            let _ = CompactRange::from_nodes(0, size, nodes);
            let _ = OpenTiles::resume(size, nodes);
        });
        let nodes = nodes.await?;
        let nodes = |level, index| nodes.node(level, index);
        let mut opened = keys.iter().rev().map(|key| (key.n, log_keys.open(key)));
        let (n, issuer, counted) = match (&note, checkpoint) {
            (Some(note), Some(checkpoint)) => {
                let root =
                    CompactRange::from_nodes(0, signed, nodes).and_then(|range| range.root());
                if root != Some(checkpoint.root) {
                    return Err(NumberError::Differs { size: signed });
                }
                let found = opened
                    .find_map(|(n, signer)| Some((n, Issuer::resume(signer.ok()?, note).ok()?)));
                let (n, issuer) = found.ok_or(NumberError::NoKey)?;
                (n, issuer, checkpoint.counted)
            }
            _ => {
                let (n, signer) = opened.next_back().ok_or(NumberError::NoKey)?;
                (n, Issuer::new(signer?), Counted::default())
            }
        };
        let sequencer = Sequencer::resume(size, nodes, issuer).ok_or(StoreError::Integrity)?;
        Ok(Standing {
            sequencer,
            place,
            head: Head { key: n, ..head },
            counted,
            waiting: None,
            highest: VecDeque::new(),
        })
    }

    /// What is to be inserted, and what this becomes by it. `None`: there is nothing to do.
    pub fn step(
        &mut self,
        found: Found,
        key: &RecordKey,
        now_us: i64,
    ) -> Result<Option<(Insert, Seen)>, NumberError> {
        self.count(&found);
        if !found.is_gapless {
            self.raise_base(&found, now_us);
        }
        let has_news = !found.records.is_empty() || found.next_key.is_some() || found.stops;
        if !has_news && !self.sequencer.is_due(now_us) {
            self.place = found.place.unwrap_or(self.place);
            return Ok(None);
        }
        let mut seen = Seen::default();
        let mut entries = Vec::with_capacity(found.records.len());
        let mut unnumbered = Vec::with_capacity(found.records.len());
        let head = self.head;
        for record in &found.records {
            if found.is_gapless {
                seen.missing += (record.id - self.place.last - 1).max(0) as u64;
            }
            (self.place.xid, self.place.last) = (record.xid, record.id);
            let (opened, is_readable) = open(key, record);
            seen.unreadable += u64::from(!is_readable);
            entries.push(Of {
                id: record.id,
                class: opened.class,
            });
            unnumbered.push(opened);
        }
        self.place = found.place.unwrap_or(self.place);
        let step = self.sequencer.step(unnumbered, &self.counted, now_us)?;
        let mut notes: Vec<Note> = step.checkpoint.into_iter().collect();
        if let Some((n, next)) = found.next_key {
            notes.push(self.sign(now_us, |issuer, state| issuer.rotate(next, state))?);
            self.head.key = n;
        }
        if found.stops {
            notes.push(self.sign(now_us, |issuer, state| issuer.stop(state))?);
        }
        let size = self.sequencer.size() as i64;
        let checkpoints = notes.iter().map(|note| {
            self.head.checkpoint += 1;
            StoredNote {
                n: self.head.checkpoint,
                size,
                note: note.to_string(),
            }
        });
        let checkpoints: Vec<StoredNote> = checkpoints.collect();
        let run = (!entries.is_empty()).then(|| {
            self.head.run = step.first as i64;
            NewRun {
                first: step.first as i64,
                place: self.place,
                records: run::encode(&entries),
                hashes: rows::packed(&step.hashes),
            }
        });
        let stored = step.tiles.into_iter().filter(|tile| tile.level > 0);
        let tile = |tile: ward_audit::tree::tile::Tile| {
            let hashes = rows::packed(&tile.hashes);
            (i64::from(tile.level), tile.index as i64, hashes)
        };
        let insert = Insert {
            head,
            run,
            tiles: stored.map(tile).collect(),
            checkpoints,
        };
        Ok(Some((insert, seen)))
    }

    fn sign(
        &mut self,
        now_us: i64,
        by: impl FnOnce(&mut Issuer, State<'_>) -> Result<Note, IssueError>,
    ) -> Result<Note, NumberError> {
        let entries = self.sequencer.entries().clone();
        let state = State {
            entries: &entries,
            counted: &self.counted,
            now_us,
        };
        Ok(by(self.sequencer.issuer(), state)?)
    }

    /// Below which records the next steps need not look.
    fn raise_base(&mut self, found: &Found, now_us: i64) {
        if let Some(id) = found.records.iter().map(|record| record.id).max()
            && self
                .highest
                .back()
                .is_none_or(|last| last.at_us + LOOK_US <= now_us)
        {
            self.highest.push_back(Highest {
                id,
                next: found.counted_below,
                at_us: now_us,
            });
        }
        let is_decided = |highest: &Highest| {
            highest.next <= found.horizon && highest.at_us + STATEMENT_US <= now_us
        };
        while found.is_all
            && let Some(highest) = self.highest.pop_front_if(|highest| is_decided(highest))
        {
            self.place.base = self.place.base.max(highest.id);
        }
    }

    /// Counts are signed when all that they can count is numbered.
    fn count(&mut self, found: &Found) {
        if self.waiting.is_none() {
            self.waiting = Some((found.counted.clone(), found.counted_below));
        }
        if let Some((counted, below)) = &self.waiting
            && found.is_all
            && found.horizon >= *below
        {
            self.counted = counted.clone();
            self.waiting = None;
        }
    }
}

/// The record as the tree takes it, and whether it is what the row says. One that does not open goes in as it lies there.
pub(crate) fn open(key: &RecordKey, stored: &Stored) -> (Unnumbered, bool) {
    let opened = key.open(&stored.sealed);
    let decoded = opened.and_then(|opened| {
        let (class, at_us) = told(&opened.record)?;
        Some((opened, class, at_us))
    });
    match decoded {
        Some((opened, class, at_us)) => {
            let unnumbered = Unnumbered {
                nonce: opened.nonce,
                at_us: stored.at_us,
                class,
                record: opened.record,
            };
            (unnumbered, at_us == stored.at_us)
        }
        None => {
            let unnumbered = Unnumbered {
                nonce: [0; NONCE_BYTES],
                at_us: stored.at_us,
                class: Class::OTHER,
                record: stored.sealed.clone(),
            };
            (unnumbered, false)
        }
    }
}

/// Class and time of what was sealed: a Record, or a removal.
fn told(bytes: &[u8]) -> Option<(Class, i64)> {
    if let Some(record) = Record::decode(bytes) {
        return Some((Class::of(&record.interaction), record.at_us));
    }
    let (_, removal) = Removal::of_record(bytes)?;
    Some((Class::REMOVAL, removal.time_us))
}

impl From<StoreError> for NumberError {
    fn from(error: StoreError) -> NumberError {
        NumberError::Store(error)
    }
}

impl From<IssueError> for NumberError {
    fn from(error: IssueError) -> NumberError {
        NumberError::Issue(error)
    }
}

impl fmt::Display for NumberError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NumberError::Store(StoreError::Integrity) => {
                out.write_str("rows of the audit log's tree are missing or damaged")
            }
            NumberError::Store(_) => out.write_str("the store cannot be reached"),
            NumberError::Issue(error) => error.fmt(out),
            NumberError::Differs { size } => write!(
                out,
                "the first {size} audit entries are not those that were signed"
            ),
            NumberError::NoKey => {
                out.write_str("no key in the store is the one that signs the audit log next")
            }
        }
    }
}

impl std::error::Error for NumberError {}
