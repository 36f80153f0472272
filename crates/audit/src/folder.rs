//! The log's folder: one owner at a time, names made durable.

use crate::error::LogError;
use crate::segment;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Creates the folder when absent and takes it for this process: the lock lasts as long as the returned file is open.
pub(crate) fn claim(folder: &Path) -> Result<File, LogError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(folder.join(LOCK_NAME))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(LogError::Locked(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// A log's folder that is kept from every other process for as long as this lives, without a look at what is in it.
pub struct Claim {
    _lock: File,
}

impl Claim {
    /// Creates the folder when absent. Errors: `Locked`, `Io`.
    pub fn of(folder: &Path) -> Result<Claim, LogError> {
        claim(folder).map(|_lock| Claim { _lock })
    }
}

/// First sequence numbers of the segments, ascending.
pub(crate) fn segments(folder: &Path) -> io::Result<Vec<u64>> {
    let mut firsts = Vec::new();
    for item in std::fs::read_dir(folder)? {
        firsts.extend(item?.file_name().to_str().and_then(segment::seq_of_name));
    }
    firsts.sort_unstable();
    Ok(firsts)
}

/// Makes created, renamed and removed names survive a power cut.
pub(crate) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

const LOCK_NAME: &str = "lock";
