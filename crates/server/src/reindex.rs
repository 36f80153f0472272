//! Builds the index of what clients define, beside the traffic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use ward_resources::Engine;
use ward_resources::reindex::Indexer;

/// How long nothing to do lasts, at least.
const IDLE: Duration = Duration::from_millis(500);
/// Rest after each step, in times of what the step took: a third of the writer's time at most.
const REST: u32 = 2;
const REST_MIN: Duration = Duration::from_millis(1);
/// After a failure: what is left is what the rows say, so nothing is lost.
const RETRY: Duration = Duration::from_secs(2);

/// Runs until `stop` is set.
pub async fn run(engine: Arc<Engine>, stop: Arc<AtomicBool>) {
    let mut indexer = Indexer::default();
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let wait = match engine.index(&mut indexer).await {
            Ok(true) => {
                tokio::time::sleep((begun.elapsed() * REST).max(REST_MIN)).await;
                continue;
            }
            Ok(false) => IDLE,
            Err(failure) => {
                tracing::warn!(reason = ?failure.kind, "the index is built on after a pause");
                RETRY
            }
        };
        // Over, or asked for: the same.
        let _ = tokio::time::timeout(wait, engine.index_asked()).await;
    }
}
