//! Waiting until a moment, to some microseconds, however long was worked before (T49).
//!
//! The runtime's own timers do not serve: where a worker has nothing else to do it sleeps whole milliseconds from then on, so what waits for a timer
//! leaves as many microseconds after a millisecond as the work before it took, and tells them. One thread of our own wakes all who wait.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;
use tokio::sync::oneshot::{Sender, channel};

/// Returns when it is so late, at once where it is later already. Who stops waiting costs an entry until then.
pub(crate) async fn until(at: Instant) {
    static STARTED: OnceLock<bool> = OnceLock::new();
    let thread = || std::thread::Builder::new().name("moments".into());
    let is_started = STARTED.get_or_init(|| thread().spawn(|| WAITING.wake()).is_ok());
    if !is_started {
        return tokio::time::sleep_until(at.into()).await;
    }
    let (done, woken) = channel();
    WAITING.add(at, done);
    // The thread drops nobody who waits.
    let _ = woken.await;
}

static WAITING: Waiting = Waiting {
    line: Mutex::new(Line {
        all: BTreeMap::new(),
        added: 0,
    }),
    earlier: Condvar::new(),
};

struct Waiting {
    line: Mutex<Line>,
    /// Somebody is first who was not.
    earlier: Condvar,
}

struct Line {
    /// By when they are to be woken, and by their number.
    all: BTreeMap<(Instant, u64), Sender<()>>,
    added: u64,
}

impl Waiting {
    fn add(&self, at: Instant, done: Sender<()>) {
        let mut line = self.line();
        let key = (at, line.added);
        line.added += 1;
        line.all.insert(key, done);
        if line
            .all
            .first_key_value()
            .is_some_and(|(first, _)| *first == key)
        {
            self.earlier.notify_one();
        }
    }

    fn wake(&self) {
        let mut line = self.line();
        loop {
            let now = Instant::now();
            let first = line.all.first_key_value().map(|((at, _), _)| *at);
            line = match first {
                Some(at) if at <= now => {
                    if let Some((_, done)) = line.all.pop_first() {
                        let _ = done.send(());
                    }
                    line
                }
                Some(at) => {
                    let waited = self.earlier.wait_timeout(line, at - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let waited = self.earlier.wait(line);
                    waited.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn nobody_is_woken_before_and_each_is_woken() {
        let begun = Instant::now();
        let waiting = [3, 1, 2, 0, 1].map(|ms| {
            tokio::spawn(async move {
                let at = begun + Duration::from_millis(ms);
                until(at).await;
                assert!(Instant::now() >= at);
            })
        });
        for one in waiting {
            one.await.unwrap();
        }
    }

    /// T49: by the timers of the runtime the times would differ by as much as the work.
    #[tokio::test]
    async fn t49_how_long_was_worked_before_is_not_told() {
        const WORK: Duration = Duration::from_micros(400);
        let mut took = [Vec::new(), Vec::new()];
        for n in 0..200 {
            let begun = Instant::now();
            while n % 2 == 1 && begun.elapsed() < WORK {
                std::hint::spin_loop();
            }
            until(begun + Duration::from_millis(2)).await;
            took[n % 2].push(begun.elapsed());
        }
        let medians = took.map(|mut took| {
            took.sort_unstable();
            took[took.len() / 2]
        });
        let apart = medians[0].abs_diff(medians[1]);
        assert!(apart < WORK / 2, "{medians:?}");
    }
}
