//! The local log: append-only segments, one thread, fdatasync for whatever has queued (natural batching, no timer).
//!
//! Files in the folder: `lock`, `spare` (a segment in the making), and `<first sequence number>.log`. An entry that was
//! acknowledged survives a power cut. What is torn by one was acknowledged to nobody and is cleared at the next start; a
//! change of the very last flush looks the same from here, so proof against that needs checkpoints kept elsewhere.

use crate::queue::{Queue, Ticket};
use crate::reader::{self, Place};
use crate::record::Record;
use crate::sealed::RecordKey;
use crate::segment::{self, SPARE_NAME, Segment};
use crate::writer::Writer;
use crate::{folder, scan};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

pub use crate::error::LogError;

/// A handle; clones share one log. The last one to go writes what waits and ends the thread.
#[derive(Clone)]
pub struct Log(Arc<Handle>);

/// Entries that one flush makes durable, at most; the rest waits for the next.
pub const RECORDS_PER_FLUSH_MAX: u32 = 4096;
/// Longest encoded record.
pub const ENTRY_BYTES_MAX: usize = 1 << 20;
/// What may wait for the disk; above it `append` answers [`LogError::Full`].
pub const QUEUE_BYTES_MAX: usize = 64 << 20;
/// Length of a segment. The first one of a new log is [`FIRST_SEGMENT_BYTES`], so that a small store stays small.
pub const SEGMENT_BYTES: u64 = 16 << 20;
/// Must hold the longest entry.
pub const FIRST_SEGMENT_BYTES: u64 = 2 << 20;
/// Segments that may wait to be drained (64 GiB); above it `append` answers [`LogError::Full`].
pub const SEGMENTS_MAX: usize = 4096;

impl Log {
    /// Opens or creates the log in `dir`, verifies the tail and truncates a torn last entry. Blocks on the disk.
    /// Errors: `Locked`, `Corrupt`, `Io`.
    pub fn open(dir: &Path, key: RecordKey) -> Result<Log, LogError> {
        Log::open_after(dir, 0, key)
    }

    /// Like `open`, for a store that already holds entries up to `stored`: a new log goes on behind them, and one that
    /// ends before them is refused as [`LogError::Behind`] (its entries would count as drained already).
    pub fn open_after(dir: &Path, stored: u64, key: RecordKey) -> Result<Log, LogError> {
        Log::open_sized(dir, stored, SEGMENT_BYTES, key)
    }

    fn open_sized(
        dir: &Path,
        stored: u64,
        segment_bytes: u64,
        key: RecordKey,
    ) -> Result<Log, LogError> {
        let lock = folder::claim(dir)?;
        let mut firsts = folder::segments(dir)?;
        let (segment, next_seq) = match scan::recover(dir, &firsts)? {
            Some((_, next_seq)) if next_seq <= stored => {
                return Err(LogError::Behind {
                    stored,
                    log: next_seq - 1,
                });
            }
            Some(found) => found,
            None => {
                let (file, spare) = segment::make_spare(dir, FIRST_SEGMENT_BYTES)?;
                firsts.push(stored + 1);
                (Segment::begin(file, &spare, dir, stored + 1)?, stored + 1)
            }
        };
        // A spare that was not finished may hold anything.
        match std::fs::remove_file(dir.join(SPARE_NAME)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => (),
        }
        Log::start(dir, lock, firsts, segment, segment_bytes, next_seq, key)
    }

    /// Returns the entry's sequence number once it is on disk. A caller that stops waiting leaves the entry in the log.
    pub async fn append(&self, record: &Record) -> Result<u64, LogError> {
        self.append_sealed(&self.key().seal(record)).await
    }

    /// Puts a record into the queue without waiting for the disk: for a Call whose asker is gone, where nobody could wait.
    /// Errors: as `append`'s, as far as they are known at once.
    pub fn offer(&self, record: &Record) -> Result<(), LogError> {
        self.push(&self.key().seal(record)).map(drop)
    }

    /// What seals the Records of this log and of its store.
    pub fn key(&self) -> &RecordKey {
        &self.0.key
    }

    /// The Records with sequence numbers from `from` on, at most `max`, as [`Log::read_from`] reads them. Errors: `Corrupt`, too, where one
    /// does not open.
    pub fn records_from(&self, from: u64, max: usize) -> Result<Vec<(u64, Record)>, LogError> {
        let open = |(seq, sealed): (u64, Vec<u8>)| {
            let opened = self.key().open(&sealed);
            let record = opened.and_then(|opened| Record::decode(&opened.record));
            let unreadable = || LogError::Corrupt {
                file: self.0.shared.folder.clone(),
                offset: seq,
                why: "an entry does not open under the store's key",
            };
            Ok((seq, record.ok_or_else(unreadable)?))
        };
        self.read_from(from, max)?.into_iter().map(open).collect()
    }

    /// Sealed entries with sequence numbers from `from` on, at most `max`, for draining into the store. Only entries
    /// that are on disk; at most 4 MiB unless a single entry is longer. Blocks on the disk.
    pub fn read_from(&self, from: u64, max: usize) -> Result<Vec<(u64, Vec<u8>)>, LogError> {
        reader::read(&self.0.shared, from, max)
    }

    /// Whole segments whose entries all have a sequence below `seq` are removed. Blocks on the disk.
    pub fn trim(&self, seq: u64) -> Result<(), LogError> {
        let shared = &self.0.shared;
        // Appends look at `segments` too, so that lock is never held while the disk works; this one is.
        let _one_at_a_time = shared
            .trimming
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while let Some(oldest) = shared.drained_before(seq) {
            std::fs::remove_file(segment::path(&shared.folder, oldest))?;
            // One by one, oldest first: a crash in between must not leave a hole.
            folder::sync(&shared.folder)?;
            shared.segments().remove(0);
        }
        Ok(())
    }

    /// Sequence number of the last entry on disk; 0 when there is none.
    pub fn last_seq(&self) -> u64 {
        self.0.shared.committed.load(Ordering::Acquire) - 1
    }

    async fn append_sealed(&self, sealed: &[u8]) -> Result<u64, LogError> {
        let (ticket, place) = self.push(sealed)?;
        let queue = &self.0.shared.queue;
        let first_seq = ticket.wait().await.ok_or_else(|| queue.failure())?;
        Ok(first_seq + place)
    }

    fn push(&self, sealed: &[u8]) -> Result<(Arc<Ticket>, u64), LogError> {
        let shared = &self.0.shared;
        if shared.segments().len() > SEGMENTS_MAX {
            return Err(LogError::Full);
        }
        shared.queue.push(|out| out.extend_from_slice(sealed))
    }

    fn start(
        dir: &Path,
        lock: File,
        firsts: Vec<u64>,
        segment: Segment,
        segment_bytes: u64,
        next_seq: u64,
        key: RecordKey,
    ) -> Result<Log, LogError> {
        let shared = Arc::new(Shared {
            folder: dir.to_owned(),
            queue: Queue::default(),
            committed: AtomicU64::new(next_seq),
            segments: Mutex::new(firsts),
            drained_to: Mutex::new(None),
            trimming: Mutex::new(()),
        });
        let writer = Writer {
            shared: shared.clone(),
            segment,
            segment_bytes,
            next_seq,
            spare: None,
        };
        let thread = std::thread::Builder::new()
            .name("audit-log".into())
            .spawn(move || writer.run())?;
        Ok(Log(Arc::new(Handle {
            shared,
            thread: Some(thread),
            key,
            _lock: lock,
        })))
    }
}

/// What the handles and the thread both know.
pub(crate) struct Shared {
    pub folder: PathBuf,
    pub queue: Queue,
    /// The first sequence number that is not on disk yet.
    pub committed: AtomicU64,
    /// First sequence numbers of the segments, ascending.
    segments: Mutex<Vec<u64>>,
    drained_to: Mutex<Option<Place>>,
    trimming: Mutex<()>,
}

impl Shared {
    pub(crate) fn segments(&self) -> MutexGuard<'_, Vec<u64>> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The oldest segment, if another one follows and begins at or before `seq`.
    fn drained_before(&self, seq: u64) -> Option<u64> {
        let firsts = self.segments();
        firsts
            .get(1)
            .filter(|second| **second <= seq)
            .and(firsts.first())
            .copied()
    }

    pub(crate) fn drained_to(&self) -> MutexGuard<'_, Option<Place>> {
        self.drained_to
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

struct Handle {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    key: RecordKey,
    /// Released after the thread has ended.
    _lock: File,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
