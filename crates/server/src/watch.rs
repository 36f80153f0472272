//! Learns within a second what other processes over the same database have defined, revoked, registered and interned, and tells them of how
//! many patients clients have seen records here. Every ten seconds it clears away what has expired and what nobody uses any more.

use crate::activity::Reach;
use crate::wiring::clock_us;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use ward_resources::Engine;
use ward_smart::AuthorizationServer;

const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// Rounds after which budgets are settled.
const ROUNDS_BETWEEN_SETTLING: u32 = 2;
/// Rounds after which expired rows are forgotten and keys looked after.
const ROUNDS_BETWEEN_TENDING: u32 = 20;

/// Texts that are looked at in one step, and steps at a time.
const PHRASES_PER_STEP: u32 = 200;
const STEPS_OF_TIDYING_MAX: u32 = 10;

/// Runs until `stop` is set.
pub async fn run(
    engine: Arc<Engine>,
    auth: Arc<AuthorizationServer>,
    node: String,
    stop: Arc<AtomicBool>,
) {
    let mut round: u32 = 0;
    let mut reach = Reach::new(node);
    while !stop.load(Ordering::Relaxed) {
        engine.watch_search_parameters().await;
        if engine.watch_classes().await.is_err() {
            tracing::warn!("classes of visibility cannot be read");
        }
        if engine.watch_closed().await.is_err() {
            tracing::warn!("which records are closed cannot be read");
        }
        let now_s = clock_us() / 1_000_000;
        let watched = auth.watch(now_s).await;
        if watched.is_err() {
            tracing::warn!("what was revoked cannot be read");
        }
        reach.is(&engine, watched.is_ok()).await;
        if round.is_multiple_of(ROUNDS_BETWEEN_SETTLING) {
            settle(&engine).await;
        }
        if round.is_multiple_of(ROUNDS_BETWEEN_TENDING) && auth.tend(now_s).await.is_err() {
            tracing::warn!("expired state cannot be cleared, or keys not be looked after");
        }
        if round.is_multiple_of(ROUNDS_BETWEEN_TENDING) {
            tidy(&engine).await;
        }
        round = round.wrapping_add(1);
        tokio::time::sleep(WATCH_INTERVAL).await;
    }
    // What this process holds would else be nobody's until the hour ends.
    settle(&engine).await;
}

/// What nobody uses any more of the texts by which codes are found.
async fn tidy(engine: &Engine) {
    for _ in 0..STEPS_OF_TIDYING_MAX {
        match engine.store().remove_left_phrases(PHRASES_PER_STEP).await {
            Ok(tidied) if tidied.looked_at == PHRASES_PER_STEP => {}
            Ok(_) => return,
            Err(_) => return tracing::warn!("texts that nobody uses cannot be removed"),
        }
    }
}

async fn settle(engine: &Engine) {
    if engine.settle_record_budgets().await.is_err() {
        tracing::warn!("budgets of clients cannot be settled with the store");
    }
}
