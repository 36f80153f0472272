//! An entry of the tree: what stands of an event in clear, and a commitment to its record.
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 1 | [`FORMAT`] |
//! | 1 | 1 | the event's class |
//! | 2 | 8 | sequence number: the entry's place in the tree, from 0 without gaps; big endian |
//! | 10 | 8 | microseconds since 1970; big endian |
//! | 18 | 32 | commitment: SHA-256 of the byte 2, the nonce and the record |
//!
//! The commitment tells nothing of the record to whoever does not know the nonce. So a record and its nonce can be destroyed,
//! and the entry, its hash and every proof stay.

use crate::tree::{Hash, leaf_hash};
use crate::varint::Cursor;
use ward_seal::hash::sha256_of;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    pub seq: u64,
    /// Microseconds since 1970.
    pub at_us: i64,
    pub class: Class,
    pub content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Whole {
        nonce: [u8; NONCE_BYTES],
        record: Vec<u8>,
    },
    /// The record and its nonce were destroyed.
    Redacted { commitment: Hash },
}

/// What is counted apart: [`Counted`](crate::counted::Counted) says of how many events of a class the answers have left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Class(pub u8);

/// Random bytes of a leaf, drawn with the record.
pub const NONCE_BYTES: usize = 16;
const FORMAT: u8 = 1;
const COMMITMENT: u8 = 2;
pub const ENTRY_BYTES: usize = 50;

impl Class {
    /// Sign-in, tokens, administration, start and stop.
    pub const OTHER: Class = Class(0);
    /// `read`, `vread`, `history` and its kinds.
    pub const READ: Class = Class(1);
    /// `search` and its kinds.
    pub const SEARCH: Class = Class(2);
    /// `create`, `update`, `patch`, `delete`.
    pub const CHANGE: Class = Class(3);
    /// `batch`, `transaction`.
    pub const BUNDLE: Class = Class(4);
    pub const OPERATION: Class = Class(5);
    pub const CAPABILITIES: Class = Class(6);
    /// The record is a [`crate::removal::Removal`].
    pub const REMOVAL: Class = Class(255);

    /// The class of an interaction's events. <https://hl7.org/fhir/R4/valueset-system-restful-interaction.html>
    pub fn of(interaction: &str) -> Class {
        match interaction {
            "read" | "vread" => Class::READ,
            "create" | "update" | "patch" | "delete" => Class::CHANGE,
            "batch" | "transaction" => Class::BUNDLE,
            "operation" => Class::OPERATION,
            "capabilities" => Class::CAPABILITIES,
            _ if interaction.starts_with("history") => Class::READ,
            _ if interaction.starts_with("search") => Class::SEARCH,
            _ if interaction.starts_with('$') => Class::OPERATION,
            _ => Class::OTHER,
        }
    }
}

impl Leaf {
    /// The bytes whose hash is in the tree.
    pub fn entry(&self) -> [u8; ENTRY_BYTES] {
        let mut entry = [0; ENTRY_BYTES];
        entry[0] = FORMAT;
        entry[1] = self.class.0;
        entry[2..10].copy_from_slice(&self.seq.to_be_bytes());
        entry[10..18].copy_from_slice(&self.at_us.to_be_bytes());
        entry[18..].copy_from_slice(&self.content.commitment().0);
        entry
    }

    /// What an entry tells by itself. `None`: not of this format.
    pub fn from_entry(entry: &[u8; ENTRY_BYTES]) -> Option<Leaf> {
        let mut from = Cursor(entry);
        let [format, class] = from.array()?;
        let (seq, at_us, commitment) = (from.array()?, from.array()?, from.array()?);
        let commitment = Hash(commitment);
        (format == FORMAT).then_some(Leaf {
            seq: u64::from_be_bytes(seq),
            at_us: i64::from_be_bytes(at_us),
            class: Class(class),
            content: Content::Redacted { commitment },
        })
    }

    pub fn hash(&self) -> Hash {
        leaf_hash(&self.entry())
    }

    /// The same entry without its record and nonce; its hash is the same.
    pub fn redacted(&self) -> Leaf {
        let commitment = self.content.commitment();
        Leaf {
            content: Content::Redacted { commitment },
            ..*self
        }
    }
}

impl Content {
    pub fn commitment(&self) -> Hash {
        match self {
            Content::Whole { nonce, record } => Hash(sha256_of(&[&[COMMITMENT], nonce, record])),
            Content::Redacted { commitment } => *commitment,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf() -> Leaf {
        Leaf {
            seq: 7,
            at_us: 1_700_000_000_000_000,
            class: Class::READ,
            content: Content::Whole {
                nonce: [5; NONCE_BYTES],
                record: b"record".to_vec(),
            },
        }
    }

    #[test]
    fn the_bytes_are_as_documented() {
        let entry = leaf().entry();
        assert_eq!(entry[..10], [1, 1, 0, 0, 0, 0, 0, 0, 0, 7]);
        assert_eq!(entry[10..18], 1_700_000_000_000_000i64.to_be_bytes());
        let committed = [&[2u8], &[5; 16][..], b"record"].concat();
        assert_eq!(entry[18..], ward_seal::hash::sha256(&committed));
        assert_eq!(Leaf::from_entry(&entry), Some(leaf().redacted()));
        let hashed = [&[0u8], &entry[..]].concat();
        assert_eq!(leaf().hash().0, ward_seal::hash::sha256(&hashed));
    }

    #[test]
    fn redaction_keeps_the_hash_and_every_other_change_does_not() {
        let whole = leaf();
        assert_eq!(whole.redacted().hash(), whole.hash());
        assert_eq!(whole.redacted().redacted(), whole.redacted());
        let (nonce, record) = ([5; NONCE_BYTES], b"record".to_vec());
        let contents = [
            (nonce, b"recorD".to_vec()),
            (nonce, b"record\0".to_vec()),
            ([6; NONCE_BYTES], record),
        ];
        let changed = contents.map(|(nonce, record)| Leaf {
            content: Content::Whole { nonce, record },
            ..leaf()
        });
        let moved = [
            Leaf { seq: 8, ..leaf() },
            Leaf { at_us: 1, ..leaf() },
            Leaf {
                class: Class::SEARCH,
                ..leaf()
            },
        ];
        for other in changed.iter().chain(&moved) {
            assert_ne!(other.hash(), whole.hash());
        }
    }

    #[test]
    fn classes_of_interactions() {
        for (interaction, class) in [
            ("vread", Class::READ),
            ("history-type", Class::READ),
            ("search", Class::SEARCH),
            ("search-system", Class::SEARCH),
            ("patch", Class::CHANGE),
            ("batch", Class::BUNDLE),
            ("$everything", Class::OPERATION),
            ("capabilities", Class::CAPABILITIES),
            ("token", Class::OTHER),
        ] {
            assert_eq!(Class::of(interaction), class, "{interaction}");
        }
    }
}
