//! Follows what is recorded and tells privacy officers of misuse, beside the traffic: one process at a time, within seconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use ward_detection::Thresholds;
use ward_resources::Engine;
use ward_resources::detection::Watch;

/// How often it is looked for new Records.
const INTERVAL: Duration = Duration::from_secs(1);
/// After a failure: what is left is what the Records say, so nothing is lost.
const RETRY: Duration = Duration::from_secs(5);
/// Rest after each page, in times of what it took: a third of the time at most.
const REST: u32 = 2;
const REST_MIN: Duration = Duration::from_millis(2);

/// Runs until `stop` is set.
pub async fn run(engine: Arc<Engine>, stop: Arc<AtomicBool>) {
    let mut watch = Watch::new(Thresholds::default());
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let wait = match engine.watch_misuse(&mut watch).await {
            Ok(true) => (begun.elapsed() * REST).max(REST_MIN),
            Ok(false) => INTERVAL,
            Err(failure) => {
                tracing::warn!(reason = ?failure.kind, "misuse is looked for after a pause");
                watch = Watch::new(Thresholds::default());
                RETRY
            }
        };
        tokio::time::sleep(wait).await;
    }
}
