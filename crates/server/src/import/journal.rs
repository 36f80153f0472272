//! Which documents are stored already: one line per document, appended once the store has acknowledged it.

use super::reader::SourceFile;
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

pub struct Journal {
    file: File,
    known: HashSet<String>,
}

impl Journal {
    pub fn open(path: PathBuf) -> Result<Journal, String> {
        let problem = |e: std::io::Error| format!("cannot use the journal {}: {e}", path.display());
        let known = match std::fs::read_to_string(&path) {
            Ok(text) => text.lines().map(str::to_owned).collect(),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => HashSet::new(),
            Err(e) => return Err(problem(e)),
        };
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(problem)?;
        Ok(Journal { file, known })
    }

    pub fn knows(&self, file: &SourceFile, document: usize) -> bool {
        self.known.contains(&key(file, document))
    }

    pub fn remember(&mut self, file: &SourceFile, document: usize) -> Result<(), String> {
        let key = key(file, document);
        writeln!(self.file, "{key}").map_err(|e| format!("the journal cannot be written: {e}"))?;
        self.known.insert(key);
        Ok(())
    }
}

/// A changed file is another file.
fn key(file: &SourceFile, document: usize) -> String {
    format!(
        "{}\t{}\t{}\t{document}",
        file.path.display(),
        file.bytes,
        file.modified_s
    )
}
