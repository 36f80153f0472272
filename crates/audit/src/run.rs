//! Which records a run of entries is of, as a store keeps it beside the entries' hashes: of each the number that the record has in
//! the store, as the difference to the one before, and its class.

use crate::leaf::Class;
use crate::varint::{self, Cursor};

/// The record of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Of {
    /// In the store.
    pub id: i64,
    /// Kept, because a later version may put an interaction into another class.
    pub class: Class,
}

/// Two bytes an entry where the records follow each other.
pub fn encode(entries: &[Of]) -> Vec<u8> {
    let mut out = Vec::with_capacity(entries.len() * 2);
    let mut before = 0;
    for entry in entries {
        varint::put_signed(&mut out, entry.id.wrapping_sub(before));
        out.push(entry.class.0);
        before = entry.id;
    }
    out
}

/// `None`: not what [`encode`] writes.
pub fn decode(bytes: &[u8]) -> Option<Vec<Of>> {
    let mut from = Cursor(bytes);
    let mut entries = Vec::with_capacity(bytes.len() / 2);
    let mut before = 0i64;
    while !from.0.is_empty() {
        before = before.wrapping_add(from.signed()?);
        let class = Class(from.byte()?);
        entries.push(Of { id: before, class });
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_wrote() {
        let of = |(id, class)| Of {
            id,
            class: Class(class),
        };
        let runs: [&[(i64, u8)]; 4] = [
            &[],
            &[(1, 1), (2, 3)],
            &[(900, 0), (7, 255), (i64::MAX, 2), (i64::MIN, 4)],
            &[(0, 0)],
        ];
        for run in runs {
            let run: Vec<Of> = run.iter().copied().map(of).collect();
            let bytes = encode(&run);
            assert_eq!(decode(&bytes), Some(run));
            assert!(bytes.is_empty() || decode(&bytes[..bytes.len() - 1]).is_none());
        }
        let near: Vec<Of> = (1_000_000..1_001_000).map(|id| of((id, 1))).collect();
        assert!(encode(&near).len() < 2_010);
    }
}
