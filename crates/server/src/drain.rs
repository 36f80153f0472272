//! Moves records from the local log into the store, within a second, for ever, and lets the store rest. Idempotent by sequence number, so a
//! crash between the two steps repeats harmlessly.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use ward_http::{Answers, CLASSES};
use ward_resources::Engine;

const DRAIN_INTERVAL: Duration = Duration::from_millis(200);
const REST_INTERVAL: Duration = Duration::from_secs(1);
/// In one transaction: what a busy server reads within an interval. The pages of the indexes are written once for all of them; a write that comes
/// meanwhile waits for some 30 ms at most.
const RECORDS_PER_DRAIN_MAX: usize = 5_000;

/// Runs until `stop` is set, then drains what is left.
pub async fn run(engine: Arc<Engine>, answers: Arc<Answers>, node: String, stop: Arc<AtomicBool>) {
    let mut next = 0;
    let mut counts = Counts {
        answers,
        stored: [0; CLASSES],
        read: None,
    };
    let mut rested = Instant::now();
    loop {
        if rested.elapsed() >= REST_INTERVAL {
            engine.store().rest();
            rested = Instant::now();
        }
        let stopping = stop.load(Ordering::Relaxed);
        counts.read(&engine);
        let moved = step(&engine, &node, &mut next).await;
        if let Ok(moved) = moved {
            counts.store(&engine, &node, moved == 0, next).await;
        }
        match moved {
            Ok(0) if stopping => return,
            Ok(moved) if moved == RECORDS_PER_DRAIN_MAX => {}
            Ok(_) => tokio::time::sleep(DRAIN_INTERVAL).await,
            Err(problem) => {
                tracing::warn!(problem, "audit records stay in the local log");
                if stopping {
                    return;
                }
                tokio::time::sleep(DRAIN_INTERVAL * 5).await;
            }
        }
    }
}

/// How many answers have left, on their way into the store: no more than what is recorded there.
struct Counts {
    answers: Arc<Answers>,
    stored: [u64; CLASSES],
    /// As they were read, and the last entry of the local log then: whatever they count is recorded up to there, or by a write's commit.
    read: Option<([u64; CLASSES], u64)>,
}

impl Counts {
    fn read(&mut self, engine: &Engine) {
        let counted = self.answers.counted();
        if self.read.is_none() && counted != self.stored {
            self.read = Some((counted, engine.log().last_seq()));
        }
    }

    /// `next`: the entry of the local log that is drained next; `is_all`: there is none.
    async fn store(&mut self, engine: &Engine, node: &str, is_all: bool, next: u64) {
        let Some((counted, last)) = self.read.filter(|(_, last)| is_all || next > *last) else {
            return;
        };
        let more: Vec<(u8, u64)> = (0u8..)
            .zip(counted.iter().zip(self.stored))
            .map(|(class, (now, before))| (class, now - before))
            .filter(|(_, more)| *more > 0)
            .collect();
        match engine.store().add_answered(node, &more).await {
            Ok(()) => {
                self.stored = counted;
                self.read = None;
            }
            Err(_) => tracing::warn!(last, "how many answers have left was not stored"),
        }
    }
}

async fn step(engine: &Arc<Engine>, node: &str, next: &mut u64) -> Result<usize, &'static str> {
    let (log, from) = (engine.log().clone(), *next);
    let read =
        tokio::task::spawn_blocking(move || log.read_from(from, RECORDS_PER_DRAIN_MAX)).await;
    let records = read
        .map_err(|_| "reading was cancelled")?
        .map_err(|_| "the local log cannot be read")?;
    if records.is_empty() {
        return Ok(0);
    }
    let last = engine
        .store()
        .store_records(node, &records)
        .await
        .map_err(|_| "the store does not take them")?;
    *next = last + 1;
    let (log, drained) = (engine.log().clone(), *next);
    let trimmed = tokio::task::spawn_blocking(move || log.trim(drained)).await;
    trimmed
        .map_err(|_| "trimming was cancelled")?
        .map_err(|_| "drained segments cannot be removed")?;
    Ok(records.len())
}
