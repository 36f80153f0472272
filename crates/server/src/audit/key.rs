//! `ward audit key`: the public keys that sign the log.

use super::place::{Place, block_on, told};
use crate::config;
use crate::wiring::clock_us;
use clap::Args;
use std::process::ExitCode;
use std::time::Duration;
use ward_audit::note::VerifierKey;
use ward_storage::{Numbering, Store};

#[derive(Args)]
pub struct Key {
    #[command(flatten)]
    place: Place,
    /// Make a new key: the one that signs now introduces it with the next checkpoint
    #[arg(long)]
    turn: bool,
}

/// Another process may be at a step.
const TRIES: u32 = 50;
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

impl Key {
    pub fn run(self) -> Result<ExitCode, String> {
        let keys = block_on(async {
            let config = self.place.config()?;
            let store = self.place.open(&config).await?;
            let base = config.base_url(config.server.listen);
            let origin = config::audit::origin(&config.audit, &base);
            let keys = keys(&store, &origin, self.turn).await;
            store.close().await;
            keys
        })?;
        let lines: String = keys.iter().map(|key| format!("{key}\n")).collect();
        crate::token::print(&lines);
        Ok(ExitCode::SUCCESS)
    }
}

/// Oldest first: the last one signs. A log without a key gets one.
async fn keys(store: &Store, origin: &str, turn: bool) -> Result<Vec<VerifierKey>, String> {
    if store.log_keys().await.map_err(told)?.is_empty() {
        step(store, origin, None).await?;
    }
    if turn {
        let next = store.turn_log_key().await.map_err(told)?;
        step(store, origin, Some(&next)).await?;
    }
    store.log_keys().await.map_err(told)
}

/// Steps until there is a checkpoint, and until `next` is introduced.
async fn step(store: &Store, origin: &str, next: Option<&VerifierKey>) -> Result<(), String> {
    let mut numbering = Numbering::new(origin);
    for _ in 0..TRIES {
        let step = store.number_records(&mut numbering, clock_us()).await;
        step.map_err(|error| error.to_string())?;
        let last = store.log_checkpoint(None).await.map_err(told)?;
        let is_done = |note: &ward_audit::note::Note| next.is_none_or(|key| note.is_signed_by(key));
        if last.as_ref().is_some_and(is_done) {
            return Ok(());
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
    Err("the audit log is being numbered by another process: try again".into())
}
