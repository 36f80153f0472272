//! Argon2id without harm to anybody else: so many hashes at once, so many waiting, the rest is asked to come back.
//!
//! A hash takes 19 MiB and tens of milliseconds. On the threads that answer requests, twenty sign-ins would stop every read.

use crate::answer::{ErrorCode, OAuthError};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Hashes that wait for their turn; a further one is answered with 503.
pub const HASHES_WAITING_MAX: usize = 32;

/// The bounded pool. Cheap to clone.
#[derive(Clone)]
pub struct Hashing {
    /// Running and waiting together.
    places: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

impl Default for Hashing {
    /// Half of the processors, and at least one.
    fn default() -> Hashing {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Hashing::of((processors / 2).max(1), HASHES_WAITING_MAX)
    }
}

impl Hashing {
    pub fn of(at_once: usize, waiting: usize) -> Hashing {
        Hashing {
            places: Arc::new(Semaphore::new(at_once + waiting)),
            running: Arc::new(Semaphore::new(at_once)),
        }
    }

    /// Does the work on a thread of its own when its turn comes.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, OAuthError> {
        let _place = self.places.try_acquire().map_err(|_| busy())?;
        let turn = self
            .running
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| busy())?;
        let task = tokio::task::spawn_blocking(move || {
            let done = work();
            // Held by the thread rather than by whoever waits: a client that goes away frees no place before its hash is done.
            drop(turn);
            done
        });
        task.await.map_err(|_| busy())
    }
}

fn busy() -> OAuthError {
    OAuthError::new(
        ErrorCode::TemporarilyUnavailable,
        "many people are signing in at the moment; try again in a few seconds",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_fit_are_asked_to_come_back() {
        let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
        runtime.block_on(async {
            let hashing = Hashing::of(1, 1);
            let (release, wait) = std::sync::mpsc::channel::<()>();
            let first = tokio::spawn({
                let hashing = hashing.clone();
                async move { hashing.run(move || wait.recv().is_ok()).await }
            });
            while hashing.running.available_permits() > 0 {
                tokio::task::yield_now().await;
            }
            let second = tokio::spawn({
                let hashing = hashing.clone();
                async move { hashing.run(|| 2).await }
            });
            while hashing.places.available_permits() > 0 {
                tokio::task::yield_now().await;
            }
            let refused = hashing.run(|| 3).await.unwrap_err();
            assert_eq!(refused.code.status(), 503);
            release.send(()).unwrap();
            assert_eq!(first.await.unwrap(), Ok(true));
            assert_eq!(second.await.unwrap(), Ok(2));
            assert_eq!(hashing.run(|| 4).await, Ok(4));
        });
    }
}
