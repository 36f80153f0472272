//! What waits for the disk. Entries are encoded straight into the group that goes out next; whoever waits for a group
//! shares one ticket, so an append allocates nothing of its own.

use crate::entry;
use crate::error::LogError;
use crate::log::{QUEUE_BYTES_MAX, RECORDS_PER_FLUSH_MAX};
use std::collections::VecDeque;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Entries that become durable together.
#[derive(Default)]
pub(crate) struct Group {
    pub bytes: Vec<u8>,
    pub count: u32,
    pub ticket: Arc<Ticket>,
}

/// The outcome of a group, for everybody who has an entry in it.
#[derive(Default)]
pub(crate) struct Ticket {
    /// [`PENDING`], [`FAILED`], or the sequence number of the first entry.
    state: AtomicU64,
    notify: Notify,
}

#[derive(Default)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    wake: Condvar,
}

#[derive(Default)]
struct Inner {
    open: Group,
    /// Groups that reached their limit, oldest first.
    full: VecDeque<Group>,
    queued_bytes: usize,
    /// A written group's buffer, to be used again.
    spare: Vec<u8>,
    is_writer_asleep: bool,
    is_closing: bool,
    failed: Option<io::ErrorKind>,
}

impl Queue {
    /// Puts an entry into the open group; returns the group's ticket and the entry's place in it.
    pub(crate) fn push(
        &self,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(Arc<Ticket>, u64), LogError> {
        let mut inner = self.lock();
        if let Some(kind) = inner.failed {
            return Err(LogError::Io(kind.into()));
        }
        if inner.is_closing {
            return Err(LogError::Closed);
        }
        if inner.queued_bytes >= QUEUE_BYTES_MAX {
            return Err(LogError::Full);
        }
        let before = inner.open.bytes.len();
        entry::append(&mut inner.open.bytes, encode).ok_or(LogError::TooLong)?;
        inner.queued_bytes += inner.open.bytes.len() - before;
        let place = u64::from(inner.open.count);
        let ticket = inner.open.ticket.clone();
        inner.open.count += 1;
        if inner.open.count >= RECORDS_PER_FLUSH_MAX || inner.open.bytes.len() >= GROUP_BYTES_MAX {
            let group = std::mem::take(&mut inner.open);
            inner.full.push_back(group);
        }
        let wake = std::mem::take(&mut inner.is_writer_asleep);
        // The writer would wake only to wait for this lock.
        drop(inner);
        if wake {
            self.wake.notify_one();
        }
        Ok((ticket, place))
    }

    /// Waits for entries and takes the oldest group. `None` once closed and empty.
    pub(crate) fn take(&self) -> Option<Group> {
        let mut inner = self.lock();
        loop {
            if let Some(group) = inner.full.pop_front() {
                inner.queued_bytes -= group.bytes.len();
                return Some(group);
            }
            if inner.open.count > 0 {
                let bytes = std::mem::take(&mut inner.spare);
                let group = std::mem::replace(
                    &mut inner.open,
                    Group {
                        bytes,
                        ..Group::default()
                    },
                );
                inner.queued_bytes -= group.bytes.len();
                return Some(group);
            }
            if inner.is_closing {
                return None;
            }
            inner.is_writer_asleep = true;
            inner = self
                .wake
                .wait(inner)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Gives a written group's buffer back, unless it grew beyond the ordinary.
    pub(crate) fn recycle(&self, mut bytes: Vec<u8>) {
        if bytes.capacity() <= GROUP_BYTES_MAX {
            bytes.clear();
            self.lock().spare = bytes;
        }
    }

    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        inner.is_closing = true;
        self.wake.notify_one();
    }

    /// Fails what waits and whatever comes: for ever, see [`LogError::Io`].
    pub(crate) fn fail(&self, kind: io::ErrorKind) {
        let mut inner = self.lock();
        inner.failed.get_or_insert(kind);
        inner.queued_bytes = 0;
        let open = std::mem::take(&mut inner.open);
        let waiting: Vec<_> = inner.full.drain(..).chain([open]).collect();
        drop(inner);
        waiting.iter().for_each(|group| group.ticket.settle(FAILED));
    }

    /// The error for an entry whose group failed.
    pub(crate) fn failure(&self) -> LogError {
        self.lock()
            .failed
            .map_or(LogError::Closed, |kind| LogError::Io(kind.into()))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// The sequence number of the group's first entry, once the group is on disk; `None` when it will never be.
    pub(crate) async fn wait(&self) -> Option<u64> {
        let mut notified = pin!(self.notify.notified());
        loop {
            // Registered before looking, so that no outcome slips in between.
            notified.as_mut().enable();
            match self.state.load(Ordering::Acquire) {
                PENDING => notified.as_mut().await,
                FAILED => return None,
                first_seq => return Some(first_seq),
            }
            notified.set(self.notify.notified());
        }
    }

    pub(crate) fn settle(&self, state: u64) {
        self.state.store(state, Ordering::Release);
        self.notify.notify_waiters();
    }
}

const PENDING: u64 = 0;
pub(crate) const FAILED: u64 = u64::MAX;
/// A group is closed when it gets longer. Also the longest buffer that is kept for later.
const GROUP_BYTES_MAX: usize = 1 << 20;
