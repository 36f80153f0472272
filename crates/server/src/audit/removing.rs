//! `ward audit retain` and `ward audit redact`: records are taken out of the log of a store, by their age or one at a time.

use super::place::{Place, block_on};
use crate::config::retention::Retention;
use crate::config::{self, Config};
use crate::sequence::retain::{self, Pass};
use crate::wiring::{clock_us, node_name};
use clap::Args;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use ward_audit::removal::{RULE_BYTES_MAX, Removal};
use ward_audit::verifier::utc;
use ward_resources::record_of_event;
use ward_storage::{Numbering, Store, TakeError};

const RETAIN_EXAMPLES: &str = "\
Examples:
  ward audit retain --config ward.toml --dry-run     how many records are over, by which rule
  ward audit retain --config ward.toml               what a running server does once a day";

#[derive(Args)]
#[command(after_help = RETAIN_EXAMPLES)]
pub struct Retain {
    #[command(flatten)]
    place: Place,
    /// Only tell how many records are over by each rule
    #[arg(long)]
    dry_run: bool,
}

const REDACT_EXAMPLES: &str = "\
Example:
  ward audit redact 0c4h2s… --by 'Dr. Okafor' --reason 'court order 7 K 12/26' --config ward.toml

The event goes with all others of the same request. Its time, its class and its entry in the log stay, and every
proof holds. Backups and collectors that have it are to be looked after apart.";

#[derive(Args)]
#[command(after_help = REDACT_EXAMPLES)]
pub struct Redact {
    /// The AuditEvent that must not stay
    #[arg(value_name = "ID")]
    id: String,
    /// Why, as it will stand in the log for ever
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who has decided it
    #[arg(long, value_name = "NAME")]
    by: String,
    #[command(flatten)]
    place: Place,
}

/// Until a removal is signed.
const TRIES: u32 = 100;
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

impl Retain {
    pub fn run(self) -> Result<ExitCode, String> {
        let told = block_on(async {
            let config = self.place.config()?;
            let retention = Retention::of(&config.audit)?;
            let store = self.place.open(&config).await?;
            let told = match self.dry_run {
                true => counted(&store, &retention).await,
                false => retained(&store, &config, &retention).await,
            };
            store.close().await;
            told
        })?;
        crate::token::print(&told);
        Ok(ExitCode::SUCCESS)
    }
}

async fn counted(store: &Store, retention: &Retention) -> Result<String, String> {
    let pass = Pass::read(store, retention, clock_us()).await;
    let pass = pass.map_err(words)?;
    let mut told = String::new();
    for expiry in &pass.expiries {
        let count = pass.count(store, expiry).await.map_err(words)?;
        let (rule, until) = (&expiry.rule, utc(expiry.until_us));
        let _ = writeln!(told, "{count:>12}  before {until}  {rule}");
    }
    Ok(told)
}

async fn retained(store: &Store, config: &Config, retention: &Retention) -> Result<String, String> {
    let (node, stop) = (node_name(config), AtomicBool::new(false));
    let passed = retain::pass(store, retention, &node, &stop).await;
    let passed = passed.map_err(words)?;
    if let Some(removal) = passed.removal {
        signed(store, config, removal).await?;
    }
    Ok(format!("{} records were taken out\n", passed.records))
}

impl Redact {
    pub fn run(self) -> Result<ExitCode, String> {
        let told = block_on(async {
            let config = self.place.config()?;
            let store = self.place.open(&config).await?;
            let told = self.redacted(&store, &config).await;
            store.close().await;
            told
        })?;
        crate::token::print(&told);
        Ok(ExitCode::SUCCESS)
    }

    async fn redacted(&self, store: &Store, config: &Config) -> Result<String, String> {
        let id = self.id.strip_prefix("AuditEvent/").unwrap_or(&self.id);
        let number = record_of_event(store, id).ok_or("not the id of an AuditEvent")?;
        let (by, reason) = (self.by.trim(), self.reason.trim());
        let rule = format!("{reason} (by {by})");
        let is_line = !rule.contains(char::is_control) && rule.len() <= RULE_BYTES_MAX;
        if by.is_empty() || reason.is_empty() || !is_line {
            return Err(format!(
                "--reason and --by say something, each in one line, of {RULE_BYTES_MAX} bytes together at most"
            ));
        }
        let node = node_name(config);
        let about = [("event", id), ("by", by)];
        let event = |removal: &Removal| retain::event("audit-redaction", &node, removal, &about);
        let taken = store.redact(number, &rule, clock_us(), event);
        let taken = taken.await.map_err(words)?;
        if let Some(removal) = taken.removal {
            signed(store, config, removal).await?;
        }
        let entry = taken.entries.first().map_or(0, |range| range.start);
        Ok(format!(
            "AuditEvent/{id} is redacted: entry {entry} of the log\n"
        ))
    }
}

/// Until the removal stands in the log: a server that runs numbers it, or this does.
async fn signed(store: &Store, config: &Config, removal: i64) -> Result<(), String> {
    let base = config.base_url(config.server.listen);
    let mut numbering = Numbering::new(&config::audit::origin(&config.audit, &base));
    for _ in 0..TRIES {
        let step = store.number_records(&mut numbering, clock_us()).await;
        step.map_err(|error| error.to_string())?;
        let proof = store.log_proof(removal).await;
        if proof.map_err(|error| words(error.into()))?.is_some() {
            return Ok(());
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
    Err(
        "it is taken out; its removal has not been signed yet: a server on this store signs it"
            .into(),
    )
}

fn words(error: TakeError) -> String {
    error.to_string()
}
