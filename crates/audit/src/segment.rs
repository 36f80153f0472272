//! A segment: one file of entries, named by its first sequence number, filled with zeros before it is used.
//!
//! Zeros are written, not only reserved: a block that was reserved by `fallocate` or left out by `set_len` makes its first
//! flush write file system metadata too.

use crate::folder;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use ward_seal::hash::sha256;

/// An open segment and where its next entry goes.
pub(crate) struct Segment {
    pub file: File,
    pub end: u64,
    pub capacity: u64,
}

/// What precedes the entries: magic, first sequence number, start of SHA-256 over both, zeros.
pub(crate) const SEGMENT_HEADER_BYTES: u64 = 32;

impl Segment {
    /// Gives a file of zeros its header and its name, durably.
    pub(crate) fn begin(
        spare: File,
        spare_path: &Path,
        folder: &Path,
        first_seq: u64,
    ) -> io::Result<Segment> {
        let capacity = spare.metadata()?.len();
        spare.write_all_at(&header(first_seq), 0)?;
        spare.sync_data()?;
        std::fs::rename(spare_path, path(folder, first_seq))?;
        folder::sync(folder)?;
        Ok(Segment {
            file: spare,
            end: SEGMENT_HEADER_BYTES,
            capacity,
        })
    }

    pub(crate) fn room(&self) -> u64 {
        self.capacity - self.end
    }

    /// Writes at the end and waits for the disk.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.end)?;
        self.file.sync_data()?;
        self.end += bytes.len() as u64;
        Ok(())
    }
}

/// A file of `bytes` zeros, on disk, under the name of the spare. Syncs in steps so that entries need not wait long for
/// the same disk.
pub(crate) fn make_spare(folder: &Path, bytes: u64) -> io::Result<(File, PathBuf)> {
    let path = folder.join(SPARE_NAME);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)?;
    let zeros = vec![0; SPARE_STEP_BYTES.min(bytes) as usize];
    let mut at = 0;
    while at < bytes {
        let step = (bytes - at).min(SPARE_STEP_BYTES);
        file.write_all_at(&zeros[..step as usize], at)?;
        file.sync_data()?;
        at += step;
    }
    file.sync_all()?;
    Ok((file, path))
}

pub(crate) fn path(folder: &Path, first_seq: u64) -> PathBuf {
    folder.join(format!("{first_seq:020}{SUFFIX}"))
}

/// First sequence number in the name of a segment; `None` for any other file.
pub(crate) fn seq_of_name(name: &str) -> Option<u64> {
    let digits = name
        .strip_suffix(SUFFIX)
        .filter(|digits| digits.len() == 20)?;
    digits
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| digits.parse().ok())?
}

pub(crate) fn is_header(bytes: &[u8], first_seq: u64) -> bool {
    bytes.get(..SEGMENT_HEADER_BYTES as usize) == Some(&header(first_seq)[..])
}

fn header(first_seq: u64) -> [u8; SEGMENT_HEADER_BYTES as usize] {
    let mut bytes = [0; SEGMENT_HEADER_BYTES as usize];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..16].copy_from_slice(&first_seq.to_le_bytes());
    let digest = sha256(&bytes[..16]);
    bytes[16..24].copy_from_slice(&digest[..8]);
    bytes
}

const MAGIC: &[u8; 8] = b"wardlog1";
const SUFFIX: &str = ".log";
pub(crate) const SPARE_NAME: &str = "spare";
const SPARE_STEP_BYTES: u64 = 256 << 10;
