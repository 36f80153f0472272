//! Searches and histories that take long leave the thread they came on: it has other requests to serve, and while it runs a
//! statement it does not see that a client has gone away.
//!
//! Nothing tells beforehand how long a statement takes, and to hand each one over costs as much as most take. So each is tried
//! on the calling thread, under a leash of virtual machine steps; the few that reach its end begin anew on a thread of their
//! own, where the deadline ends them, or the drop of the future that waits for them.

use super::Sqlite;
use super::connection::Connection;
use super::ffi::{Cut, Leash};
use crate::contract::StoreError;
use crate::core::Core;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Looks of the progress handler, of 4,000 steps each: about 2 ms of plain steps. A step may call a function of ours, which
/// costs ten times as much, and until the end of the leash the worker serves nobody else, whether the client still waits or
/// not: ten times as many looks let forty searches whose clients had left hold up the next small one for 12 s.
const LOOKS_MAX: u32 = 40;

/// Long reads of one caller under way at once: more would only take the processors from each other.
pub fn reads_max() -> usize {
    std::thread::available_parallelism().map_or(2, |n| n.get().max(2))
}

/// Tells the thread that nobody waits for it any more.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Sqlite {
    /// `None`: it takes long.
    pub(super) fn at_once<T>(
        &self,
        read: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let leash = Leash {
            deadline: Instant::now() + self.core().timeout(),
            looks: Some(LOOKS_MAX),
            gone: None,
        };
        self.read_with(|connection| match connection.leashed(leash, read) {
            Ok(found) => Ok(Some(found)),
            Err((_, Some(Cut::Looks))) => Ok(None),
            Err((_, Some(_))) => Err(StoreError::Timeout),
            Err((error, None)) => Err(error),
        })
    }

    /// On a thread of its own. Its time begins here, so that it also bounds the wait for a place of the caller's.
    pub(super) async fn at_length<T: Send + 'static>(
        &self,
        caller: u64,
        read: impl FnOnce(&Core, &mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let timeout = self.core().timeout();
        let deadline = Instant::now() + timeout;
        let place = tokio::time::timeout(timeout, self.shared.long.take(caller)).await;
        let place = place
            .map_err(|_| StoreError::Timeout)?
            .map_err(|_| StoreError::Unavailable)?;
        let gone = Arc::new(AtomicBool::new(false));
        let waiting = Waiting(gone.clone());
        let store = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            let leash = Leash {
                deadline,
                looks: None,
                gone: Some(gone),
            };
            store.read_with(|connection| {
                let read = |connection: &mut Connection| read(store.core(), connection);
                connection
                    .leashed(leash, read)
                    .map_err(|(error, cut)| match cut {
                        Some(_) => StoreError::Timeout,
                        None => error,
                    })
            })
        })
        .await;
        drop(waiting);
        done.unwrap_or(Err(StoreError::Unavailable))
    }
}
