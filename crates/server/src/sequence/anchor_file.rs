//! Checkpoints in a file for each day, on a disk that the server's account may append to: `2026-11-30.txt`, notes one behind the other, as
//! `ward audit verify --anchor` reads them.

use super::anchors::{Now, Trouble};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use ward_audit::checkpoint::Checkpoint;
use ward_audit::export;
use ward_audit::note::{Note, Signature};

pub struct AnchorFile {
    folder: PathBuf,
    interval_s: u64,
}

/// A day's file holds a few hundred kilobytes.
const FILE_BYTES_MAX: u64 = 256 << 20;
const SUFFIX: &str = ".txt";
/// Of Ed25519.
const SIGNATURE_BYTES: usize = 64;
/// Bytes of a date.
const DAY: usize = 10;
/// A note with its signatures.
const NOTE_LINES_MAX: usize = 48;

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
    let read = tokio::task::spawn_blocking(move || last(&folder)).await;
    let read = read.map_err(|_| Trouble::Failed("reading was cancelled".into()))?;
    let failed = |error: io::Error| Trouble::Failed(format!("its folder: {error}"));
    let Last {
        note,
        is_torn,
        name: before,
    } = read.map_err(failed)?;
    if let Some(note) = note {
        compare(&note, now).await?;
    }
    let time_us = now.checkpoint.time_us;
    let mut name = ward_audit::verifier::utc(time_us)[..DAY].to_owned();
    if before.starts_with(&name) {
        name = match is_torn {
            true => format!("{name}-{time_us}"),
            false => before,
        };
    }
    let (folder, note) = (file.folder.clone(), now.note.clone());
    let done = tokio::task::spawn_blocking(move || append(&folder, &name, &note)).await;
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
    // Another node may have published a later one meanwhile.
    if kept.size > now.checkpoint.size && kept.size > now.engine.store().log_size().await? {
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

/// What the files say last.
#[derive(Default)]
struct Last {
    note: Option<Note>,
    /// The last file ends in the middle of a note, which was not published: what follows goes into another.
    is_torn: bool,
    /// Of the last file, without its suffix.
    name: String,
}

fn last(folder: &Path) -> io::Result<Last> {
    let mut newest: Option<String> = None;
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some(stem) = stem(&name)
            && newest.as_ref().is_none_or(|newest| newest.as_str() < stem)
        {
            newest = Some(stem.to_owned());
        }
    }
    let Some(name) = newest else {
        return Ok(Last::default());
    };
    let path = folder.join(format!("{name}{SUFFIX}"));
    if path.metadata()?.len() > FILE_BYTES_MAX {
        return Err(io::Error::other("a day's file is too long"));
    }
    let text = std::fs::read_to_string(path)?;
    Ok(Last {
        name,
        ..last_of(&text)
    })
}

/// Lines are left off at the end until the rest are whole notes.
fn last_of(text: &str) -> Last {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    for cut in 0..NOTE_LINES_MAX.min(lines.len() + 1) {
        if let Ok(mut notes) = export::notes(&lines.concat())
            && notes.iter().all(is_whole)
        {
            return Last {
                note: notes.pop(),
                is_torn: cut > 0 || !(text.is_empty() || text.ends_with('\n')),
                ..Last::default()
            };
        }
        lines.pop();
    }
    Last {
        is_torn: true,
        ..Last::default()
    }
}

/// What was cut off within its signature can still be read as a note.
fn is_whole(note: &Note) -> bool {
    let signatures = note.signatures();
    let is_long = |signature: &Signature| signature.bytes.len() >= SIGNATURE_BYTES;
    !signatures.is_empty() && signatures.iter().all(is_long)
}

/// `2026-11-30.txt`, and `2026-11-30-1764514806015000.txt` after one that is torn.
fn stem(name: &str) -> Option<&str> {
    let stem = name.strip_suffix(SUFFIX)?;
    let is_ours = stem.len() >= DAY && stem.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    is_ours.then_some(stem)
}

fn append(folder: &Path, name: &str, note: &Note) -> io::Result<()> {
    let path = folder.join(format!("{name}{SUFFIX}"));
    let is_new = !path.exists();
    let mut file = OpenOptions::new().append(true).create(true).open(&path)?;
    file.write_all(note.to_string().as_bytes())?;
    file.sync_all()?;
    if is_new {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ward_audit::note::Signer;
    use ward_seal::Ed25519Key;

    #[test]
    fn a_note_that_was_cut_off_was_not_published() {
        let signer = Signer::new("log", Ed25519Key::from_seed(&[1; 32])).unwrap();
        let note = |text: &str| {
            let mut note = Note::unsigned(text.to_owned()).unwrap();
            note.sign(&signer);
            note
        };
        let (one, two) = (note("log\n1\n"), note("log\n2\n"));
        let text = format!("{one}{two}");
        let whole = last_of(&text);
        assert_eq!((whole.note, whole.is_torn), (Some(two.clone()), false));
        let lengths = one.to_string().len() + 1..text.len();
        for length in lengths.filter(|length| text.is_char_boundary(*length)) {
            let torn = last_of(&text[..length]);
            // Only the last newline is missing: the note is there.
            assert!(
                torn.note == Some(one.clone()) || length + 1 == text.len(),
                "{length}"
            );
        }
        assert!(last_of("").note.is_none() && !last_of("").is_torn);
        assert!(stem("2026-11-30.txt") < stem("2026-11-30-17.txt"));
        assert_eq!((stem("server.log"), stem("keys.txt")), (None, None));
    }

    #[test]
    fn days_are_files() {
        let folder = tempfile::tempdir().unwrap();
        let signer = Signer::new("log", Ed25519Key::from_seed(&[1; 32])).unwrap();
        for (day, text) in [("2026-11-29", "log\n1\n"), ("2026-11-30", "log\n2\n")] {
            let mut note = Note::unsigned(text.to_owned()).unwrap();
            note.sign(&signer);
            append(folder.path(), day, &note).unwrap();
            assert_eq!(last(folder.path()).unwrap().note, Some(note));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
