//! Records which consents decided, beside the traffic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use ward_resources::Engine;

const INTERVAL: Duration = Duration::from_millis(500);
/// After a failure: what waits goes on waiting.
const RETRY: Duration = Duration::from_secs(2);

/// Runs until `stop` is set, and then until nothing waits.
pub async fn run(engine: Arc<Engine>, stop: Arc<AtomicBool>) {
    loop {
        let is_stopping = stop.load(Ordering::Relaxed);
        let wait = match engine.record_decisions().await {
            Ok(true) => continue,
            Ok(false) => INTERVAL,
            Err(failure) => {
                tracing::warn!(reason = ?failure.kind, "decisions by consents are recorded after a pause");
                RETRY
            }
        };
        if is_stopping {
            return;
        }
        // Over, or there are some: the same.
        let _ = tokio::time::timeout(wait, engine.decisions_come()).await;
    }
}
