//! Moves the write-ahead log into the file while the writer goes on. <https://www.sqlite.org/wal.html#ckpt>
//!
//! A thread of its own copies the pages, which stops nobody; the writer then copies what has come in meanwhile, and its next
//! commit begins the log anew. Left to SQLite, all of it happens within one commit, and every client that writes waits for it.

use super::connection::{CHECKPOINT_PAGES, Connection, SqliteError};
use crate::contract::StoreError;
use crate::meter::Meter;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two looks at the length of the log; at 100 MB/s it grows by 25 MB in between.
const LOOK: Duration = Duration::from_millis(250);

pub struct Checkpointer {
    /// Nothing is ever sent: the thread ends when this is dropped.
    until: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    copied: Arc<AtomicBool>,
}

impl Checkpointer {
    pub fn start(path: &Path) -> Result<Checkpointer, SqliteError> {
        // Its statements are no client's: neither counted with the store's nor called slow.
        let meter = Arc::new(Meter::new(u64::MAX));
        let mut connection = Connection::open(path, meter)?;
        let copied = Arc::new(AtomicBool::new(false));
        let (until, ended) = channel();
        let tell = copied.clone();
        let thread = std::thread::Builder::new()
            .name("ward-sqlite-checkpoint".into())
            .spawn(move || {
                while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                    match copy(&mut connection) {
                        Ok(true) => tell.store(true, Ordering::Release),
                        Ok(false) => {}
                        Err(error) => tracing::warn!(?error, "no checkpoint"),
                    }
                }
            })
            .map_err(|e| SqliteError(format!("no thread for checkpoints: {e}")))?;
        Ok(Checkpointer {
            until: Some(until),
            thread: Some(thread),
            copied,
        })
    }

    /// Between two transactions of the writer: what little has come in since the pages were copied follows them.
    pub fn finish(&self, writer: &mut Connection) {
        if self.copied.swap(false, Ordering::AcqRel)
            && let Err(error) = writer.batch("pragma wal_checkpoint(passive)")
        {
            tracing::warn!(reason = error.0, "no checkpoint");
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.until = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Whether the log was long enough to be copied, and was.
fn copy(connection: &mut Connection) -> Result<bool, StoreError> {
    let (pages, copied) = checkpoint(connection, "pragma wal_checkpoint(noop)")?;
    if pages < CHECKPOINT_PAGES.into() || pages == copied {
        return Ok(false);
    }
    checkpoint(connection, "pragma wal_checkpoint(passive)")?;
    Ok(true)
}

/// Pages of the log, and how many of them are in the file.
fn checkpoint(connection: &mut Connection, sql: &str) -> Result<(i64, i64), StoreError> {
    let mut state = (0, 0);
    connection.each(sql, &[], |row| {
        state = (row.int(1)?, row.int(2)?);
        Ok(())
    })?;
    Ok(state)
}
