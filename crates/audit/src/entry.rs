//! How one entry lies in a segment: 24 bytes of header, the payload, zeros up to a multiple of 8. Little endian.
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 4 | length of the payload; 0 ends the segment |
//! | 4 | 4 | how many entries before this one were written by the same flush |
//! | 8 | 8 | sequence number |
//! | 16 | 8 | start of SHA-256 over the first 16 bytes and the payload |
//!
//! The second field tells damage from a torn write: an entry proves that everything before its own flush was on disk.

use crate::log::ENTRY_BYTES_MAX;
use ward_seal::hash::sha256_of;

pub(crate) const HEADER_BYTES: usize = 24;
pub(crate) const ALIGN_BYTES: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub seq: u64,
    /// Everything below was on disk before this entry was written.
    pub durable_below: u64,
    pub payload: &'a [u8],
}

/// Appends room for a header and what `encode` writes; the header is completed by [`finish`] when the sequence number is
/// known. `None` (and nothing appended): longer than [`ENTRY_BYTES_MAX`], or empty.
pub(crate) fn append(out: &mut Vec<u8>, encode: impl FnOnce(&mut Vec<u8>)) -> Option<()> {
    let start = out.len();
    out.resize(start + HEADER_BYTES, 0);
    encode(out);
    let length = out.len() - start - HEADER_BYTES;
    if length == 0 || length > ENTRY_BYTES_MAX {
        out.truncate(start);
        return None;
    }
    out[start..start + 4].copy_from_slice(&(length as u32).to_le_bytes());
    out.resize(start + size(length), 0);
    Some(())
}

/// Completes the header of the entry that starts at the front of `bytes`.
pub(crate) fn finish(bytes: &mut [u8], seq: u64, place_in_flush: u32) {
    bytes[4..8].copy_from_slice(&place_in_flush.to_le_bytes());
    bytes[8..16].copy_from_slice(&seq.to_le_bytes());
    let length = payload_length(bytes);
    let checksum = checksum(&bytes[..16], &bytes[HEADER_BYTES..HEADER_BYTES + length]);
    bytes[16..24].copy_from_slice(&checksum);
}

/// The whole entry at the front of `bytes`, if there is one.
pub(crate) fn parse(bytes: &[u8]) -> Option<Entry<'_>> {
    let header = bytes.get(..HEADER_BYTES)?;
    let length = payload_length(header);
    if length == 0 || length > ENTRY_BYTES_MAX {
        return None;
    }
    let payload = bytes.get(HEADER_BYTES..HEADER_BYTES + length)?;
    let seq = number(&header[8..16]);
    let durable_below = seq.checked_sub(number(&header[4..8]))?;
    (checksum(&header[..16], payload) == header[16..24]).then_some(Entry {
        seq,
        durable_below,
        payload,
    })
}

/// Bytes that an entry with a payload of `length` takes.
pub(crate) fn size(length: usize) -> usize {
    (HEADER_BYTES + length).next_multiple_of(ALIGN_BYTES)
}

/// Length field of a header; the bytes must be there.
pub(crate) fn payload_length(header: &[u8]) -> usize {
    number(&header[..4]) as usize
}

fn checksum(head: &[u8], payload: &[u8]) -> [u8; 8] {
    let digest = sha256_of(&[head, payload]);
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    first
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_and_notices_any_change() {
        let mut out = vec![];
        append(&mut out, |out| out.extend_from_slice(b"payload")).unwrap();
        finish(&mut out, 42, 2);
        assert_eq!(out.len(), size(7));
        assert_eq!(
            parse(&out),
            Some(Entry {
                seq: 42,
                durable_below: 40,
                payload: b"payload"
            })
        );
        for at in 0..HEADER_BYTES + 7 {
            let mut changed = out.clone();
            changed[at] ^= 1;
            assert_eq!(parse(&changed), None, "byte {at}");
        }
        assert_eq!(parse(&out[..HEADER_BYTES + 6]), None);
        assert_eq!(parse(&[0; 64]), None);
    }

    #[test]
    fn refuses_empty_and_huge() {
        let mut out = vec![1];
        assert!(append(&mut out, |_| ()).is_none());
        assert!(
            append(&mut out, |out| out
                .resize(out.len() + ENTRY_BYTES_MAX + 1, 9))
            .is_none()
        );
        assert_eq!(out, [1]);
    }
}
