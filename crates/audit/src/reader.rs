//! Reading committed entries back, in order, for draining into the store.

use crate::entry::{self, HEADER_BYTES};
use crate::error::LogError;
use crate::log::{ENTRY_BYTES_MAX, Shared};
use crate::segment::{self, SEGMENT_HEADER_BYTES};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// Where the last read stopped: draining goes on from there without looking for it.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    segment: u64,
    offset: u64,
    seq: u64,
}

/// Payloads of one call together; the first entry is returned whatever its length.
const READ_BYTES_MAX: usize = 4 << 20;
/// What is read of a segment at once: little at first, since most calls are for the few records of the last moment.
const BLOCK_BYTES_MIN: usize = 16 << 10;
const BLOCK_BYTES_MAX: usize = 256 << 10;

pub(crate) fn read(
    shared: &Shared,
    from: u64,
    max: usize,
) -> Result<Vec<(u64, Vec<u8>)>, LogError> {
    let committed = shared.committed.load(Ordering::Acquire);
    let mut found = Vec::new();
    let mut bytes = 0;
    let Some(mut place) = place_of(shared, from) else {
        return Ok(found);
    };
    let mut block = Block::open(shared, place.segment)?;
    while place.seq < committed && found.len() < max && bytes < READ_BYTES_MAX {
        let Some(length) = block.payload_length(place.offset)? else {
            place = next_segment(shared, &block, place)?;
            block = Block::open(shared, place.segment)?;
            continue;
        };
        if length > ENTRY_BYTES_MAX {
            return Err(block.corrupt(place.offset));
        }
        if place.seq >= from {
            let payload = block.payload(&place, length)?;
            bytes += payload.len();
            found.push((place.seq, payload));
        }
        place.offset += entry::size(length) as u64;
        place.seq += 1;
    }
    *shared.drained_to() = Some(place);
    Ok(found)
}

/// Where `from` lies, or a place before it in the same segment. Entries that were trimmed are passed over.
fn place_of(shared: &Shared, from: u64) -> Option<Place> {
    let segment = {
        let firsts = shared.segments();
        let after = firsts.partition_point(|first| *first <= from);
        firsts.get(after.saturating_sub(1)).copied()?
    };
    let kept = shared
        .drained_to()
        .filter(|place| place.segment == segment && place.seq <= from);
    Some(kept.unwrap_or(Place {
        segment,
        offset: SEGMENT_HEADER_BYTES,
        seq: segment,
    }))
}

fn next_segment(shared: &Shared, block: &Block, place: Place) -> Result<Place, LogError> {
    let is_there = shared.segments().binary_search(&place.seq).is_ok();
    if place.seq == place.segment || !is_there {
        return Err(block.corrupt(place.offset));
    }
    Ok(Place {
        segment: place.seq,
        offset: SEGMENT_HEADER_BYTES,
        seq: place.seq,
    })
}

/// A window into one segment.
struct Block {
    path: PathBuf,
    file: File,
    start: u64,
    held: Vec<u8>,
    /// Bytes of the next window.
    ahead: usize,
}

impl Block {
    fn open(shared: &Shared, first_seq: u64) -> io::Result<Block> {
        let path = segment::path(&shared.folder, first_seq);
        Ok(Block {
            file: File::open(&path)?,
            path,
            start: 0,
            held: Vec::new(),
            ahead: BLOCK_BYTES_MIN,
        })
    }

    /// `None`: no further entry in this segment.
    fn payload_length(&mut self, offset: u64) -> Result<Option<usize>, LogError> {
        let header = self.bytes(offset, HEADER_BYTES)?;
        Ok((header.len() == HEADER_BYTES)
            .then(|| entry::payload_length(header))
            .filter(|length| *length > 0))
    }

    fn payload(&mut self, place: &Place, length: usize) -> Result<Vec<u8>, LogError> {
        let entry = entry::parse(self.bytes(place.offset, entry::size(length))?);
        let payload = entry
            .filter(|entry| entry.seq == place.seq)
            .map(|entry| entry.payload.to_vec());
        payload.ok_or_else(|| self.corrupt(place.offset))
    }

    /// Up to `count` bytes from `offset`; fewer at the end of the file.
    fn bytes(&mut self, offset: u64, count: usize) -> io::Result<&[u8]> {
        let held_to = self.start + self.held.len() as u64;
        if offset < self.start || offset + count as u64 > held_to {
            self.held.resize(count.max(self.ahead), 0);
            self.ahead = (self.ahead * 2).min(BLOCK_BYTES_MAX);
            let read = read_at(&self.file, &mut self.held, offset)?;
            self.held.truncate(read);
            self.start = offset;
        }
        let at = (offset - self.start) as usize;
        Ok(&self.held[at..(at + count).min(self.held.len())])
    }

    fn corrupt(&self, offset: u64) -> LogError {
        LogError::Corrupt {
            file: self.path.clone(),
            offset,
            why: "an entry does not match its checksum",
        }
    }
}

fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read_at(&mut buffer[read..], offset + read as u64) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
