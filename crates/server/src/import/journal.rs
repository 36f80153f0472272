//! Which documents are stored already: one line per document, appended once the store has acknowledged it.

use super::reader::SourceFile;
use crate::data_folder::sync_folder_of;
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long an acknowledged document may wait for its line to be on disk. A line lost in a power cut means that its
/// document is sent again, so a line that waits for the next ones costs less than an fsync for each document.
const SYNC_INTERVAL: Duration = Duration::from_millis(50);

pub struct Journal {
    file: File,
    known: HashSet<String>,
    /// Tells the documents of one target from those of another in the same journal.
    target: String,
    synced: Instant,
}

impl Journal {
    /// Opens or makes the journal. `target` names the store or server that documents go to; it must hold no secret.
    pub fn open(path: PathBuf, target: &str) -> Result<Journal, String> {
        let problem = |e: std::io::Error| format!("cannot use the journal {}: {e}", path.display());
        let bytes = match std::fs::read(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => Vec::new(),
            read => read.map_err(problem)?,
        };
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(problem)?;
        // A crash can leave half a line, which must not become the head of the next one.
        if bytes.last().is_some_and(|last| *last != b'\n') {
            file.write_all(b"\n").map_err(problem)?;
        }
        sync_folder_of(&path).map_err(problem)?;
        Ok(Journal {
            file,
            known: String::from_utf8_lossy(&bytes)
                .lines()
                .map(str::to_owned)
                .collect(),
            target: target.to_owned(),
            synced: Instant::now(),
        })
    }

    pub fn knows(&self, file: &SourceFile, document: usize) -> bool {
        self.known.contains(&self.key(file, document))
    }

    /// Durable within `SYNC_INTERVAL` while others follow, else with `sync`.
    pub fn remember(&mut self, file: &SourceFile, document: usize) -> Result<(), String> {
        let key = self.key(file, document);
        self.file
            .write_all(format!("{key}\n").as_bytes())
            .map_err(unwritten)?;
        self.known.insert(key);
        if self.synced.elapsed() >= SYNC_INTERVAL {
            self.sync()?;
        }
        Ok(())
    }

    /// Returns when everything remembered is on disk.
    pub fn sync(&mut self) -> Result<(), String> {
        self.file.sync_data().map_err(unwritten)?;
        self.synced = Instant::now();
        Ok(())
    }

    /// A changed file is another file.
    fn key(&self, file: &SourceFile, document: usize) -> String {
        format!(
            "{}\t{}\t{}\t{}\t{document}",
            self.target,
            file.identity.display(),
            file.bytes,
            file.modified_s
        )
    }
}

fn unwritten(error: std::io::Error) -> String {
    format!("the journal cannot be written: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn source(name: &str) -> SourceFile {
        SourceFile {
            path: PathBuf::from(name),
            identity: PathBuf::from(name),
            bytes: 10,
            modified_s: 5,
        }
    }

    fn open(path: &Path, target: &str) -> Journal {
        Journal::open(path.to_owned(), target).expect("a journal")
    }

    #[test]
    fn what_was_remembered_is_known_again_for_the_same_target() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let mut journal = open(&path, "here");
        journal.remember(&source("a"), 0).expect("written");
        journal.sync().expect("on disk");
        let again = open(&path, "here");
        assert!(again.knows(&source("a"), 0));
        assert!(!again.knows(&source("a"), 1));
        assert!(!again.knows(&source("b"), 0));
        let changed = SourceFile {
            modified_s: 6,
            ..source("a")
        };
        assert!(!again.knows(&changed, 0));
        assert!(!open(&path, "there").knows(&source("a"), 0));
    }

    #[test]
    fn half_a_line_does_not_spoil_the_next_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let mut journal = open(&path, "here");
        journal.remember(&source("a"), 0).expect("written");
        // Cut in the middle of a letter, as a crash may.
        let mut bytes = std::fs::read(&path).expect("readable");
        bytes.extend_from_slice(b"here\tpati\xc3");
        std::fs::write(&path, bytes).expect("writable");
        open(&path, "here")
            .remember(&source("b"), 1)
            .expect("written");
        let again = open(&path, "here");
        assert!(again.knows(&source("a"), 0));
        assert!(again.knows(&source("b"), 1));
    }
}
