//! The store whose log is meant, on the command line. A server may be running on it.

use crate::config::{self, Config, Flags};
use crate::{data_folder, wiring};
use clap::Args;
use std::path::PathBuf;
use ward_storage::{Store, StoreError};

#[derive(Args)]
pub struct Place {
    /// Data folder of the store
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// postgres:// URL of the store
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// TOML file of the server
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Place {
    pub fn config(&self) -> Result<Config, String> {
        let mut flags = Flags::new();
        let data = self.data.as_ref().map(|v| v.display().to_string());
        flags.extend(data.map(|v| ("store.data", v)));
        flags.extend(self.database.clone().map(|v| ("store.database", v)));
        Ok(config::load(self.config.as_ref(), &flags)?.config)
    }

    /// Opens the store that is there.
    pub async fn open(&self, config: &Config) -> Result<Store, String> {
        let data = &config.store.data;
        if !data.is_dir() {
            return Err(format!("{} is no data folder", data.display()));
        }
        let master = data_folder::master_key(config, false)?;
        let opened = Store::open(wiring::store_settings(config), master).await;
        opened.map_err(|e| format!("store: {e}"))
    }
}

/// Runs to its end on this thread.
pub fn block_on<T>(future: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("no runtime: {e}"))?;
    runtime.block_on(future)
}

/// In words.
pub fn told(error: StoreError) -> String {
    match error {
        StoreError::Integrity => {
            "the audit log has no checkpoint yet, or rows of its tree are missing or damaged".into()
        }
        _ => "the store cannot be read".into(),
    }
}
