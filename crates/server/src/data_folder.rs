//! The data folder: where the embedded store, the audit log and the keys of an installation lie.

use crate::config::Config;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use ward_seal::{MasterKey, MasterSource};

/// Name of the file that marks a demo store.
const DEMO_FILE: &str = "demo.json";

/// What `ward token` needs to know of a demo store and the server that runs on it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DemoFile {
    /// Where its server is, or was when it ran last.
    pub base: String,
    /// Logical id of the patient whose data the demo app may see.
    pub patient: Option<String>,
    /// The synthetic hospital is not complete yet.
    #[serde(default)]
    pub filling: bool,
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

/// The master key from the configured source. `create`: the embedded default may make its file on first start. A folder
/// that was in use has lost its key, and a new one would only hide that.
pub fn master_key(config: &Config, create: bool) -> Result<MasterKey, String> {
    let (option, source) = master_source(config, create);
    MasterKey::load(&source).map_err(|e| format!("{option}: {e}"))
}

/// The key that is to be exchanged for another, however it was made.
pub fn master_key_to_replace(config: &Config) -> Result<MasterKey, String> {
    let (option, source) = master_source(config, false);
    MasterKey::load_to_replace(&source).map_err(|e| format!("{option}: {e}"))
}

/// Fails where a start would not get its master key. A key command is run, and no key is made.
pub fn check_master_key(config: &Config) -> Result<(), String> {
    match master_source(config, true) {
        (_, MasterSource::File { path, create: true }) if !path.exists() => Ok(()),
        _ => master_key(config, false).map(|_| ()),
    }
}

/// The option that names the source, and the source: a command wins over the environment, that over a file.
fn master_source(config: &Config, create: bool) -> (&'static str, MasterSource) {
    let keys = &config.keys;
    if !keys.master_command.is_empty() {
        let words = keys.master_command.clone();
        return ("keys.master_command", MasterSource::Command(words));
    }
    if !keys.master_environment.is_empty() {
        let name = keys.master_environment.clone();
        return ("keys.master_environment", MasterSource::Environment(name));
    }
    let (path, create) = if keys.master_file.is_empty() {
        let path = own_master_key_path(&config.store.data);
        (path, create && !is_in_use(&config.store.data))
    } else {
        (PathBuf::from(&keys.master_file), false)
    };
    ("keys.master_file", MasterSource::File { path, create })
}

/// Where the master key lies when no option names another source.
pub fn own_master_key_path(data: &Path) -> PathBuf {
    data.join("master.key")
}

/// Whether no option names another source.
pub fn has_own_master_key(config: &Config) -> bool {
    let keys = &config.keys;
    keys.master_command.is_empty()
        && keys.master_environment.is_empty()
        && keys.master_file.is_empty()
}

/// Name of the embedded store's file in the data folder.
pub const STORE_FILE: &str = "ward.db";

fn is_in_use(data: &Path) -> bool {
    audit_log_path(data).exists() || data.join(STORE_FILE).exists()
}

pub fn audit_log_path(data: &Path) -> PathBuf {
    data.join("audit-log")
}

pub fn read_demo(data: &Path) -> Result<Option<DemoFile>, String> {
    let path = data.join(DEMO_FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).map(Some).map_err(|e| {
            format!(
                "{} marks a demo store and cannot be understood ({e}); restore it",
                path.display()
            )
        }),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(format!("cannot read {}: {e}", path.display())),
    }
}

pub fn write_demo(data: &Path, demo: &DemoFile) -> Result<(), String> {
    let path = data.join(DEMO_FILE);
    let text = serde_json::to_string_pretty(demo).map_err(|e| e.to_string())?;
    replace_private(&path, text.as_bytes())
        .map_err(|e| format!("cannot write {}: {e}", path.display()))
}

/// Puts `bytes` in the place of a file, durably and readable by its owner alone: whoever reads, and whatever crashes, finds the
/// old or the new whole.
pub fn replace_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    // What a crash has left may be readable by others.
    let _ = std::fs::remove_file(&draft);
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&draft, path)?;
    sync_folder_of(path)
}

/// Makes a new name in the folder of `path` durable.
pub fn sync_folder_of(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_of_a_demo_store_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(read_demo(folder.path()).expect("readable").is_none());
        // What a crash between the writing of the draft and its renaming leaves.
        std::fs::write(folder.path().join("demo.json.new"), "{\"ba").expect("writable");
        assert!(read_demo(folder.path()).expect("readable").is_none());
        for filling in [true, false] {
            let demo = DemoFile {
                base: "http://127.0.0.1:1/fhir".into(),
                patient: Some("p".into()),
                filling,
            };
            write_demo(folder.path(), &demo).expect("written");
            let read = read_demo(folder.path()).expect("readable");
            assert_eq!(read.map(|d| d.filling), Some(filling));
        }
        let names: Vec<_> = std::fs::read_dir(folder.path())
            .expect("readable")
            .flatten()
            .map(|e| e.file_name())
            .collect();
        assert_eq!(names, [DEMO_FILE]);
    }

    #[test]
    fn a_lost_master_key_is_not_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let flags = vec![("store.data", folder.path().display().to_string())];
        let config = crate::config::load(None, &flags).expect("valid").config;
        let made = master_key(&config, true).expect("a new key");
        assert_eq!(master_key(&config, true).expect("the key").id(), made.id());
        std::fs::write(folder.path().join(STORE_FILE), "").expect("writable");
        std::fs::remove_file(folder.path().join("master.key")).expect("removed");
        let problem = master_key(&config, true).expect_err("an error");
        assert!(problem.contains("does not exist"), "{problem}");
        assert!(!folder.path().join("master.key").exists());
    }

    #[test]
    fn a_mark_that_cannot_be_understood_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(DEMO_FILE), "{\"base\":").expect("writable");
        let problem = read_demo(folder.path()).expect_err("an error");
        assert!(
            problem.contains("demo.json marks a demo store"),
            "{problem}"
        );
    }
}
