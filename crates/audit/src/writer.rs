//! The one thread that writes: takes all that has queued, writes once, flushes once, answers all.

use crate::entry;
use crate::log::Shared;
use crate::queue::{FAILED, Group};
use crate::segment::{self, Segment};
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

pub(crate) struct Writer {
    pub shared: Arc<Shared>,
    pub segment: Segment,
    /// Length of the segments to come.
    pub segment_bytes: u64,
    pub next_seq: u64,
    /// The next segment in the making.
    pub spare: Option<JoinHandle<io::Result<(File, PathBuf)>>>,
}

impl Writer {
    /// Runs until the log is closed or the disk refuses.
    pub(crate) fn run(mut self) {
        let shared = self.shared.clone();
        // Should this thread ever die, nobody may wait for it for ever.
        let _guard = FailOnExit(&shared);
        while let Some(mut group) = shared.queue.take() {
            let first_seq = self.next_seq;
            match self.write(&mut group) {
                Ok(()) => group.ticket.settle(first_seq),
                Err(error) => {
                    tracing::error!(%error, "audit log failed: no request is answered until it is opened again");
                    shared.queue.fail(error.kind());
                    group.ticket.settle(FAILED);
                    return;
                }
            }
            shared.queue.recycle(group.bytes);
        }
    }

    /// One flush, or one for each segment that a group reaches into.
    fn write(&mut self, group: &mut Group) -> io::Result<()> {
        let mut rest = group.bytes.as_mut_slice();
        while !rest.is_empty() {
            let (bytes, count) = number(rest, self.segment.room(), self.next_seq);
            let (now, later) = rest.split_at_mut(bytes);
            rest = later;
            if count > 0 {
                self.segment.append(now)?;
                self.next_seq += u64::from(count);
                self.shared
                    .committed
                    .store(self.next_seq, Ordering::Release);
            }
            if !rest.is_empty() {
                self.next_segment()?;
            }
        }
        self.prepare_spare()
    }

    /// Made beside us when half of this segment is used, so that changing over costs two small flushes.
    fn prepare_spare(&mut self) -> io::Result<()> {
        if self.spare.is_none() && self.segment.end > self.segment.capacity / 2 {
            let folder = self.shared.folder.clone();
            let bytes = self.segment_bytes;
            let make = move || segment::make_spare(&folder, bytes);
            self.spare = Some(
                std::thread::Builder::new()
                    .name("audit-spare".into())
                    .spawn(make)?,
            );
        }
        Ok(())
    }

    fn next_segment(&mut self) -> io::Result<()> {
        let made = match self.spare.take() {
            Some(thread) => thread
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("spare segment thread died"))),
            None => segment::make_spare(&self.shared.folder, self.segment_bytes),
        };
        let (file, path) = made?;
        self.segment = Segment::begin(file, &path, &self.shared.folder, self.next_seq)?;
        self.shared.segments().push(self.next_seq);
        Ok(())
    }
}

impl Drop for Writer {
    /// The spare must not be half made by a thread that outlives the folder's lock.
    fn drop(&mut self) {
        if let Some(thread) = self.spare.take() {
            let _ = thread.join();
        }
    }
}

struct FailOnExit<'a>(&'a Shared);

impl Drop for FailOnExit<'_> {
    fn drop(&mut self) {
        self.0.queue.fail(io::ErrorKind::BrokenPipe);
    }
}

/// Completes the headers of as many entries as fit into `room`; returns their bytes and count.
fn number(bytes: &mut [u8], room: u64, first_seq: u64) -> (usize, u32) {
    let (mut at, mut count) = (0, 0);
    while at < bytes.len() {
        let size = entry::size(entry::payload_length(&bytes[at..]));
        if (at + size) as u64 > room {
            break;
        }
        entry::finish(
            &mut bytes[at..at + size],
            first_seq + u64::from(count),
            count,
        );
        at += size;
        count += 1;
    }
    (at, count)
}
