//! Moves records from the local log into the store, within a second, for ever, and lets the store rest. Idempotent by sequence number, so a
//! crash between the two steps repeats harmlessly.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use ward_resources::Engine;

const DRAIN_INTERVAL: Duration = Duration::from_millis(200);
const REST_INTERVAL: Duration = Duration::from_secs(1);
const RECORDS_PER_DRAIN_MAX: usize = 2_000;

/// Runs until `stop` is set, then drains what is left.
pub async fn run(engine: Arc<Engine>, node: String, stop: Arc<AtomicBool>) {
    let mut next = 0;
    let mut rested = Instant::now();
    loop {
        if rested.elapsed() >= REST_INTERVAL {
            engine.store().rest();
            rested = Instant::now();
        }
        let stopping = stop.load(Ordering::Relaxed);
        let moved = step(&engine, &node, &mut next).await;
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
