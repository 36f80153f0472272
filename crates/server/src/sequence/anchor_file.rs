//! Checkpoints in a file for each day, on a disk that the server's account may append to: `2026-11-30.txt`, notes one behind the other, as
//! `ward audit verify --anchor` reads them.

use super::anchors::{Now, Trouble};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use ward_audit::checkpoint::Checkpoint;
use ward_audit::export;
use ward_audit::note::Note;

pub struct AnchorFile {
    folder: PathBuf,
    interval_s: u64,
}

/// A day's file holds a few hundred kilobytes.
const FILE_BYTES_MAX: u64 = 256 << 20;
const SUFFIX: &str = ".txt";

impl AnchorFile {
    pub fn new(folder: &Path, interval_s: u64) -> AnchorFile {
        AnchorFile {
            folder: folder.to_owned(),
            interval_s,
        }
    }

    pub fn name(&self) -> String {
        format!("file {}", self.folder.display())
    }

    pub fn interval_us(&self) -> i64 {
        i64::try_from(self.interval_s).unwrap_or(i64::MAX / 1_000_000) * 1_000_000
    }
}

/// Appends the last checkpoint, if the log still has what the last file says.
pub async fn publish(file: &AnchorFile, now: &Now<'_>) -> Result<(), Trouble> {
    let folder = file.folder.clone();
    let last = tokio::task::spawn_blocking(move || last(&folder)).await;
    let last = last.map_err(|_| Trouble::Failed("reading was cancelled".into()))?;
    let failed = |error: io::Error| Trouble::Failed(format!("its folder: {error}"));
    if let Some(note) = last.map_err(failed)? {
        compare(&note, now).await?;
    }
    let (folder, note) = (file.folder.clone(), now.note.clone());
    let day = ward_audit::verifier::utc(now.checkpoint.time_us)[..10].to_owned();
    let done = tokio::task::spawn_blocking(move || append(&folder, &day, &note)).await;
    let done = done.map_err(|_| Trouble::Failed("writing was cancelled".into()))?;
    done.map_err(failed)?;
    now.published(now.n, now.checkpoint.size).await
}

/// A log that is shorter than what was published was restored from an old copy; one with another root is another.
async fn compare(note: &Note, now: &Now<'_>) -> Result<(), Trouble> {
    let Ok(kept) = Checkpoint::parse(note.text()) else {
        return Err(Trouble::Contradicts(
            "the last checkpoint of the anchor file cannot be read".into(),
        ));
    };
    if kept.origin != now.checkpoint.origin {
        let what = format!("the anchor file is of another log, {}", kept.origin);
        return Err(Trouble::Contradicts(what));
    }
    if kept.size > now.checkpoint.size {
        return Err(Trouble::Contradicts(format!(
            "the audit log was rolled back: {} entries were published, {} are there",
            kept.size, now.checkpoint.size
        )));
    }
    match now.engine.store().log_root(kept.size).await? {
        Some(root) if root == kept.root => Ok(()),
        _ => Err(Trouble::Contradicts(format!(
            "the first {} audit entries are not those that were published",
            kept.size
        ))),
    }
}

/// The last note of the last day's file. `None`: there is no file.
fn last(folder: &Path) -> io::Result<Option<Note>> {
    let mut newest: Option<String> = None;
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if is_day(&name) && newest.as_ref().is_none_or(|newest| *newest < name) {
            newest = Some(name);
        }
    }
    let Some(name) = newest else { return Ok(None) };
    let path = folder.join(name);
    if path.metadata()?.len() > FILE_BYTES_MAX {
        return Err(io::Error::other("a day's file is too long"));
    }
    let text = std::fs::read_to_string(path)?;
    // What was cut off while it was written was not published.
    let whole = text.rfind("\n\n").map_or("", |_| text.as_str());
    let mut notes = export::notes(whole).map_err(io::Error::other)?;
    Ok(notes.pop())
}

fn is_day(name: &str) -> bool {
    name.strip_suffix(SUFFIX).is_some_and(|day| {
        day.len() == 10
            && day
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'-')
    })
}

fn append(folder: &Path, day: &str, note: &Note) -> io::Result<()> {
    let path = folder.join(format!("{day}{SUFFIX}"));
    let is_new = !path.exists();
    let mut file = OpenOptions::new().append(true).create(true).open(&path)?;
    file.write_all(note.to_string().as_bytes())?;
    file.sync_all()?;
    if is_new {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
