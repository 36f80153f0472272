//! Decides records anew whose policy changes by time, and those that are closed, beside the traffic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use ward_resources::Engine;

/// How often it is looked who is due.
const INTERVAL: Duration = Duration::from_millis(500);
/// After a failure: who is due is what the store says, so nobody is lost.
const RETRY: Duration = Duration::from_secs(2);

/// Runs until `stop` is set.
pub async fn run(engine: Arc<Engine>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let wait = match engine.decide_due().await {
            Ok(true) => continue,
            Ok(false) => INTERVAL,
            Err(failure) => {
                tracing::warn!(reason = ?failure.kind, "records are decided anew after a pause");
                RETRY
            }
        };
        // Over, or asked for: the same.
        let _ = tokio::time::timeout(wait, engine.due_asked()).await;
    }
}
