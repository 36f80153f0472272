//! Learns within a second what other processes over the same database have defined.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use ward_resources::Engine;

const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// Runs until `stop` is set.
pub async fn run(engine: Arc<Engine>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        engine.watch_search_parameters().await;
        tokio::time::sleep(WATCH_INTERVAL).await;
    }
}
