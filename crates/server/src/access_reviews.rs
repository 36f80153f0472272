//! Ends access reviews at their deadlines, and carries out what was decided and not done, beside the traffic.

use crate::wiring::clock_us;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use ward_smart::AuthorizationServer;

const INTERVAL: Duration = Duration::from_secs(5);
/// How soon it is seen that the server stops.
const STEP: Duration = Duration::from_millis(250);

/// Runs until `stop` is set.
pub async fn run(auth: Arc<AuthorizationServer>, stop: Arc<AtomicBool>) {
    let is_stopping = || stop.load(Ordering::Relaxed);
    while !is_stopping() {
        let now_s = clock_us() / 1_000_000;
        if auth.tend_access_reviews(now_s, is_stopping).await.is_err() {
            tracing::warn!("access reviews cannot be looked after");
        }
        let mut waited = Duration::ZERO;
        while waited < INTERVAL && !is_stopping() {
            tokio::time::sleep(STEP).await;
            waited += STEP;
        }
    }
}
