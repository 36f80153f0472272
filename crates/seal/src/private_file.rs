//! Files for secrets: readable by their owner only, there completely or not at all.

use crate::random;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Result, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Creates `path` with mode 0600 and `bytes`, durably. A file that is already there stays as it is and is no error: of
/// several processes the first one wins.
///
/// The bytes are complete and on disk under another name before they get this one, so a crash leaves no half file.
pub fn create(path: &Path, bytes: &[u8]) -> Result<()> {
    let draft = draft_path(path);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    let linked = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| link(&draft, path));
    std::fs::remove_file(&draft)?;
    linked?;
    let folder = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Unlike a rename, a link fails where the name is taken.
fn link(draft: &Path, path: &Path) -> Result<()> {
    match std::fs::hard_link(draft, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn draft_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", random::uuid()));
    path.with_file_name(name)
}
