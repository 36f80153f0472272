//! Why the log refused. Whatever the reason, the Call that asked may not be answered.

use std::fmt;
use std::io;
use std::path::PathBuf;

#[derive(Debug)]
pub enum LogError {
    /// The disk refused; nothing may be answered. The log stays failed until it is opened again: after a failed flush
    /// the operating system may have dropped the pages, so a second flush would lie.
    Io(io::Error),
    /// The log was closed while the entry waited.
    Closed,
    /// Another process (or another handle in this one) has this log open.
    Locked(PathBuf),
    /// Acknowledged entries are damaged or missing. Nothing was changed.
    Corrupt {
        file: PathBuf,
        offset: u64,
        why: &'static str,
    },
    /// One entry is longer than [`crate::log::ENTRY_BYTES_MAX`].
    TooLong,
    /// More waits than [`crate::log::QUEUE_BYTES_MAX`] or more is kept than [`crate::log::SEGMENTS_MAX`] allows: try later.
    Full,
    /// The store holds later entries than the log: the log is older than the store, or was removed.
    Behind { stored: u64, log: u64 },
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogError::Io(error) => write!(f, "audit log: {error}"),
            LogError::Closed => f.write_str("audit log is closed"),
            LogError::Locked(path) => write!(
                f,
                "audit log {} is in use by another process",
                path.display()
            ),
            LogError::Corrupt { file, offset, why } => write!(
                f,
                "audit log {} is damaged at byte {offset} ({why}): acknowledged entries are affected; keep the file as \
                 evidence and restore it from a copy",
                file.display()
            ),
            LogError::TooLong => f.write_str("audit entry is too long"),
            LogError::Full => f.write_str("audit log is full: entries are not drained fast enough"),
            LogError::Behind { stored, log } => write!(
                f,
                "audit log ends at entry {log} but the store holds entry {stored}: the log folder was replaced or removed"
            ),
        }
    }
}

impl std::error::Error for LogError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            LogError::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for LogError {
    fn from(error: io::Error) -> LogError {
        LogError::Io(error)
    }
}
