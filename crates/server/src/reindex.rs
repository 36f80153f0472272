//! Builds the index of what clients define and labels anew what rules and changes ask for, beside the traffic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use ward_resources::Engine;
use ward_resources::reindex::Indexer;
use ward_resources::visibility::Labeller;

/// How long nothing to do lasts, at least.
const IDLE: Duration = Duration::from_millis(500);
/// Rest after each step, in times of what the step took: a third of the writer's time at most.
const REST: u32 = 2;
const REST_MIN: Duration = Duration::from_millis(1);
/// After a failure: what is left is what the rows say, so nothing is lost.
const RETRY: Duration = Duration::from_secs(2);

/// Runs until `stop` is set.
pub async fn run(engine: Arc<Engine>, stop: Arc<AtomicBool>) {
    let (mut indexer, mut labeller) = (Indexer::default(), Labeller::default());
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let wait = match step(&engine, &mut indexer, &mut labeller).await {
            Ok(true) => {
                tokio::time::sleep((begun.elapsed() * REST).max(REST_MIN)).await;
                continue;
            }
            Ok(false) => IDLE,
            Err(failure) => {
                tracing::warn!(reason = ?failure.kind, "work in the background goes on after a pause");
                RETRY
            }
        };
        // Over, or asked for: the same.
        let _ = tokio::time::timeout(wait, engine.index_asked()).await;
    }
}

/// Labels decide who sees what: they come first.
async fn step(
    engine: &Engine,
    indexer: &mut Indexer,
    labeller: &mut Labeller,
) -> ward_fhir::issue::Result<bool> {
    Ok(engine.label(labeller).await? || engine.index(indexer).await?)
}
