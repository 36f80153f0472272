//! Files to documents: one per .json, one per line of .ndjson, each also as .gz.

use super::progress::Progress;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Bytes of one document.
const DOCUMENT_BYTES_MAX: u64 = 256 * 1024 * 1024;

pub struct SourceFile {
    pub path: PathBuf,
    /// The same file is the same, by whatever path it is named.
    pub identity: PathBuf,
    pub bytes: u64,
    pub modified_s: u64,
}

/// JSON text of a resource or Bundle.
pub struct Document(pub Vec<u8>);

/// The files under the paths, in order of their names.
pub fn find(paths: &[PathBuf]) -> Result<Vec<SourceFile>, String> {
    let mut files = Vec::new();
    for path in paths {
        visit(path, true, &mut files)?;
    }
    if files.is_empty() {
        return Err("no .json, .ndjson or .gz file was found under the given paths".into());
    }
    Ok(files)
}

fn visit(path: &Path, named: bool, files: &mut Vec<SourceFile>) -> Result<(), String> {
    let problem = |e: std::io::Error| format!("cannot read {}: {e}", path.display());
    let metadata = std::fs::metadata(path).map_err(problem)?;
    if metadata.is_dir() {
        let entries = std::fs::read_dir(path).map_err(problem)?;
        let mut below: Vec<PathBuf> = entries
            .map(|e| e.map(|e| e.path()))
            .collect::<Result<_, _>>()
            .map_err(problem)?;
        below.sort();
        return below.iter().try_for_each(|p| visit(p, false, files));
    }
    if named || kind(path).is_some() {
        let modified_s = metadata
            .modified()
            .ok()
            .and_then(|t| t.duration_since(UNIX_EPOCH).ok())
            .map_or(0, |d| d.as_secs());
        files.push(SourceFile {
            path: path.to_owned(),
            identity: std::fs::canonicalize(path).map_err(problem)?,
            bytes: metadata.len(),
            modified_s,
        });
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Ndjson,
}

fn kind(path: &Path) -> Option<Kind> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_suffix(".gz").unwrap_or(name);
    if name.ends_with(".ndjson") {
        Some(Kind::Ndjson)
    } else if name.ends_with(".json") {
        Some(Kind::Json)
    } else {
        None
    }
}

impl SourceFile {
    /// The documents, read as they are asked for; `progress` is told of every byte.
    pub fn documents<'a>(
        &self,
        progress: &'a Progress,
    ) -> Result<Box<dyn Iterator<Item = Result<Document, String>> + Send + 'a>, String> {
        let file = File::open(&self.path)
            .map_err(|e| format!("cannot read {}: {e}", self.path.display()))?;
        let file = Counted { file, progress };
        let packed = self.path.extension().is_some_and(|e| e == "gz");
        let reader: Box<dyn Read + Send + 'a> = if packed {
            Box::new(MultiGzDecoder::new(file))
        } else {
            Box::new(file)
        };
        match kind(&self.path) {
            Some(Kind::Ndjson) => Ok(Box::new(lines(BufReader::with_capacity(1 << 20, reader)))),
            Some(Kind::Json) => Ok(Box::new(std::iter::once(whole(reader)))),
            None => Err(format!(
                "{} is neither .json nor .ndjson (also .gz)",
                self.path.display()
            )),
        }
    }
}

/// A file whose bytes are counted as they are read.
struct Counted<'a> {
    file: File,
    progress: &'a Progress,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let bytes = self.file.read(buffer)?;
        self.progress.read(bytes);
        Ok(bytes)
    }
}

fn whole(reader: impl Read) -> Result<Document, String> {
    let mut bytes = Vec::new();
    reader
        .take(DOCUMENT_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| format!("cannot be read: {e}"))?;
    bounded(bytes)
}

fn lines(mut reader: impl BufRead) -> impl Iterator<Item = Result<Document, String>> {
    std::iter::from_fn(move || {
        loop {
            let mut line = Vec::new();
            match reader
                .by_ref()
                .take(DOCUMENT_BYTES_MAX + 1)
                .read_until(b'\n', &mut line)
            {
                Ok(0) => return None,
                Ok(_) if line.trim_ascii().is_empty() => {}
                Ok(_) => return Some(bounded(line)),
                Err(e) => return Some(Err(format!("cannot be read: {e}"))),
            }
        }
    })
}

fn bounded(bytes: Vec<u8>) -> Result<Document, String> {
    if bytes.len() as u64 > DOCUMENT_BYTES_MAX {
        return Err(format!("is longer than {DOCUMENT_BYTES_MAX} bytes"));
    }
    Ok(Document(bytes))
}
