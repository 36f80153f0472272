//! The Merkle tree over the entries of the log. <https://www.rfc-editor.org/rfc/rfc6962#section-2.1>
//!
//! Leaves and inner nodes are hashed behind different first bytes, so that neither can be passed off as the other.

pub mod compact_range;
pub mod proof;
pub mod tile;

use std::fmt;
use ward_seal::hash::{sha256, sha256_of};

/// SHA-256 of a leaf, of a node or of a text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

/// Entries of a tree at most; far more than will ever be.
pub const SIZE_MAX: u64 = 1 << 62;

/// The root of a tree without leaves.
pub fn empty_root() -> Hash {
    Hash(sha256(b""))
}

pub fn leaf_hash(entry: &[u8]) -> Hash {
    Hash(sha256_of(&[&[LEAF], entry]))
}

pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [NODE; 65];
    bytes[1..33].copy_from_slice(&left.0);
    bytes[33..].copy_from_slice(&right.0);
    Hash(sha256(&bytes))
}

/// The root over a perfect subtree's hashes; `None`: their number is no power of two.
pub fn perfect_root(hashes: &[Hash]) -> Option<Hash> {
    if !hashes.len().is_power_of_two() {
        return None;
    }
    let mut level = hashes.to_vec();
    while level.len() > 1 {
        level = level
            .chunks_exact(2)
            .map(|pair| node_hash(&pair[0], &pair[1]))
            .collect();
    }
    level.pop()
}

impl Hash {
    pub fn to_base64(&self) -> String {
        ward_seal::base64(&self.0)
    }

    /// `None`: not the one spelling in base64 of 32 bytes.
    pub fn from_base64(text: &str) -> Option<Hash> {
        let bytes = ward_seal::from_base64(text)?;
        let hash = Hash(bytes.try_into().ok()?);
        (hash.to_base64() == text).then_some(hash)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.to_base64())
    }
}

const LEAF: u8 = 0;
const NODE: u8 = 1;

#[cfg(test)]
mod tests;
