//! The data folder: where the embedded store, the audit log and the keys of an installation lie.

use crate::config::Config;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use ward_seal::{MasterKey, MasterSource};

/// Name of the file that marks a demo store.
const DEMO_FILE: &str = "demo.json";

/// What `ward token` needs to know of a demo store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DemoFile {
    pub base: String,
    /// Logical id of the patient whose data the demo app may see.
    pub patient: Option<String>,
}

/// Creates the folder, readable by its owner alone.
pub fn create(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|e| format!("cannot create the data folder {}: {e}", path.display()))
}

/// The master key from the configured source. `create`: the embedded default may make its file on first start.
pub fn master_key(config: &Config, create: bool) -> Result<MasterKey, String> {
    let keys = &config.keys;
    let source = if !keys.master_command.is_empty() {
        MasterSource::Command(keys.master_command.clone())
    } else if !keys.master_environment.is_empty() {
        MasterSource::Environment(keys.master_environment.clone())
    } else if !keys.master_file.is_empty() {
        MasterSource::File {
            path: PathBuf::from(&keys.master_file),
            create: false,
        }
    } else {
        MasterSource::File {
            path: config.store.data.join("master.key"),
            create,
        }
    };
    MasterKey::load(&source)
}

pub fn signing_key_path(data: &Path) -> PathBuf {
    data.join("signing.key")
}

pub fn audit_log_path(data: &Path) -> PathBuf {
    data.join("audit-log")
}

pub fn read_demo(data: &Path) -> Result<Option<DemoFile>, String> {
    let path = data.join(DEMO_FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|e| format!("{}: {e}", path.display())),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(format!("cannot read {}: {e}", path.display())),
    }
}

pub fn write_demo(data: &Path, demo: &DemoFile) -> Result<(), String> {
    let path = data.join(DEMO_FILE);
    let text = serde_json::to_string_pretty(demo).map_err(|e| e.to_string())?;
    std::fs::write(&path, text).map_err(|e| format!("cannot write {}: {e}", path.display()))
}
