//! `ward rotate-key`: another master key for a store and its data folder, while no server runs.
//!
//! The store wraps its secret and its data keys anew in one transaction: before it the old key opens everything, after it the
//! new one does. Wherever it is cut off, the command can be given again.

use crate::activity::{self, Activity};
use crate::config::{self, Config, Flags};
use crate::{data_folder, wiring};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use ward_audit::{Claim, LogError};
use ward_seal::{MasterKey, MasterSource};
use ward_storage::{RotateError, Rotation, rotate_master};

const EXAMPLES: &str = "\
Examples:
  ward rotate-key --data my-data --to-file next.key         the file is made when it is not there yet
  ward rotate-key --config ward.toml --to-environment NEXT_MASTER_KEY
  ward rotate-key --config ward.toml --to-command vault-read ward/next

Stop every server of the store first, and give them the new key before they start again. No record is written anew, ids and
tokens stay as they are. Several servers on one database: give the command once, and the new key to each.
Keep the old key as long as there are backups from before: they open with it alone.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct RotateKey {
    /// Data folder of the store [default: ward-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// postgres:// URL of the store
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// TOML file of the server; it names the present master key
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    to: To,
}

/// Where the new master key comes from.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct To {
    /// New key in this file (32 bytes, base64, mode 0600), made when it is not there
    #[arg(long, value_name = "FILE")]
    to_file: Option<PathBuf>,
    /// New key in this environment variable
    #[arg(long, value_name = "NAME")]
    to_environment: Option<String>,
    /// New key printed by this program, with its arguments
    #[arg(long, value_name = "WORD", num_args = 1.., allow_hyphen_values = true)]
    to_command: Option<Vec<String>>,
}

impl RotateKey {
    pub fn run(self) -> Result<ExitCode, String> {
        let config = config::load(self.config.as_ref(), &self.flags())?.config;
        let data = &config.store.data;
        if !data.is_dir() {
            return Err(format!("{} is no data folder", data.display()));
        }
        let claim = Claim::of(&data_folder::audit_log_path(data)).map_err(|e| match e {
            LogError::Locked(_) => format!("{e}: is a ward running on this data folder? Stop it"),
            _ => e.to_string(),
        })?;
        let old = data_folder::master_key_to_replace(&config)?;
        let new = MasterKey::load(&self.to.source()).map_err(|e| format!("new key: {e}"))?;
        let done = exchange(&config, &old, &new)?;
        drop(claim);
        ward_http::block_on(recorded(&config, &old, &new))?;
        crate::token::print(&self.to.report(&config, &old, &new, done));
        Ok(ExitCode::SUCCESS)
    }

    fn flags(&self) -> Flags {
        let mut flags = Flags::new();
        flags.extend(
            self.data
                .as_ref()
                .map(|v| ("store.data", v.display().to_string())),
        );
        flags.extend(self.database.clone().map(|v| ("store.database", v)));
        flags
    }
}

fn exchange(config: &Config, old: &MasterKey, new: &MasterKey) -> Result<Rotation, String> {
    if old.id() == new.id() {
        return Err(RotateError::SameKey.to_string());
    }
    let settings = wiring::store_settings(config);
    ward_http::block_on(rotate_master(&settings, old, new))
        .map_err(|e| format!("{e}; the master key is the old one still"))
}

/// The store's own records tell of it, sealed as before.
async fn recorded(config: &Config, old: &MasterKey, new: &MasterKey) -> Result<(), String> {
    let base = config.base_url(config.server.listen);
    let engine = wiring::engine(config, new, base).await;
    let engine = engine.map_err(|e| format!("the keys are exchanged, but not recorded: {e}"))?;
    let about = format!("before={:08x}&after={:08x}", old.id(), new.id());
    let node = wiring::node_name(config);
    let recorded = activity::record(&engine, &node, Activity::RotateKey, &about).await;
    engine.store().close().await;
    recorded
}

impl To {
    fn source(&self) -> MasterSource {
        match (&self.to_command, &self.to_environment, &self.to_file) {
            (Some(words), ..) => MasterSource::Command(words.clone()),
            (_, Some(name), _) => MasterSource::Environment(name.clone()),
            (.., path) => MasterSource::File {
                path: path.clone().unwrap_or_default(),
                create: true,
            },
        }
    }

    fn report(&self, config: &Config, old: &MasterKey, new: &MasterKey, done: Rotation) -> String {
        let (old, new) = (old.id(), new.id());
        let did = match done.done_before {
            true => {
                format!("the store had master key {new:08x} already")
            }
            false => format!(
                "master key {new:08x} is in the place of {old:08x}: {} data keys wrapped anew",
                done.data_keys
            ),
        };
        format!(
            "{did}\nkeep a copy of the old key: backups from before open with it alone\nbefore the next start set {}\n",
            self.setting(config)
        )
    }

    /// What names the new key to a server.
    fn setting(&self, config: &Config) -> String {
        match self.source() {
            MasterSource::Command(words) => format!("keys.master_command = {words:?}"),
            MasterSource::Environment(name) => format!("keys.master_environment = {name:?}"),
            MasterSource::File { path, .. } => {
                let path = path.display().to_string();
                let own = data_folder::own_master_key_path(&config.store.data);
                let instead = match data_folder::has_own_master_key(config) {
                    true => format!(", or move it to {}", own.display()),
                    false => String::new(),
                };
                format!("keys.master_file = {path:?}{instead}")
            }
        }
    }
}
