//! What is remembered of the entries `first..end` so that the tree can go on behind them: the roots of the fewest perfect
//! subtrees that they consist of. Of the whole tree (`first` 0) this is its frontier: as many hashes as its size has bits.

use super::{Hash, SIZE_MAX, empty_root, node_hash};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompactRange {
    first: u64,
    end: u64,
    /// From left to right, as [`levels`] lists them.
    hashes: Vec<Hash>,
}

/// The levels of the perfect subtrees that `first..end` consists of, from left to right. At most 124.
pub fn levels(first: u64, end: u64) -> impl Iterator<Item = u32> {
    let mut at = first;
    std::iter::from_fn(move || {
        let left = end.checked_sub(at).filter(|left| *left > 0)?;
        let level = at.trailing_zeros().min(left.ilog2());
        at += 1 << level;
        Some(level)
    })
}

impl CompactRange {
    /// Nothing, in front of the entry `first`.
    pub fn starting_at(first: u64) -> CompactRange {
        CompactRange {
            first,
            end: first,
            hashes: Vec::new(),
        }
    }

    /// The frontier of a tree without leaves.
    pub fn empty() -> CompactRange {
        CompactRange::starting_at(0)
    }

    /// What was kept of `first..end`. `None`: not as many hashes as these entries have subtrees.
    pub fn from_hashes(first: u64, end: u64, hashes: Vec<Hash>) -> Option<CompactRange> {
        let fits = first <= end && end <= SIZE_MAX && levels(first, end).count() == hashes.len();
        fits.then_some(CompactRange { first, end, hashes })
    }

    /// The same from the roots of perfect subtrees, as proofs are made from them. `None` from `nodes` is `None` from here.
    pub fn from_nodes(
        first: u64,
        end: u64,
        nodes: impl Fn(u32, u64) -> Option<Hash>,
    ) -> Option<CompactRange> {
        let mut at = first;
        let mut hashes = Vec::new();
        for level in levels(first, end) {
            hashes.push(nodes(level, at >> level)?);
            at += 1 << level;
        }
        CompactRange::from_hashes(first, end, hashes)
    }

    pub fn first(&self) -> u64 {
        self.first
    }

    /// The entry that comes next; of a frontier the size of the tree.
    pub fn end(&self) -> u64 {
        self.end
    }

    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Two hashes on average; log2 of the size at worst.
    pub fn append(&mut self, leaf: Hash) {
        self.push(0, leaf);
    }

    /// Goes on with entries of which only the subtrees' roots are known. False, and nothing is changed: they do not begin
    /// where this ends.
    pub fn append_range(&mut self, next: &CompactRange) -> bool {
        if next.first != self.end {
            return false;
        }
        for (level, hash) in levels(next.first, next.end).zip(&next.hashes) {
            self.push(level, *hash);
        }
        true
    }

    /// The root of the tree whose entries these are. `None`: they do not begin with the first.
    pub fn root(&self) -> Option<Hash> {
        if self.first != 0 {
            return None;
        }
        let mut from_right = self.hashes.iter().rev().copied();
        let Some(last) = from_right.next() else {
            return Some(empty_root());
        };
        Some(from_right.fold(last, |right, left| node_hash(&left, &right)))
    }

    /// A perfect subtree at the end, which must be a multiple of its size.
    fn push(&mut self, level: u32, root: Hash) {
        let (mut index, mut at, mut hash) = (self.end >> level, level, root);
        while index & 1 == 1 && (index - 1) << at >= self.first {
            // The left sibling is whole and ends here, so it is the last that is remembered.
            let Some(left) = self.hashes.pop() else { break };
            hash = node_hash(&left, &hash);
            index >>= 1;
            at += 1;
        }
        self.hashes.push(hash);
        self.end += 1 << level;
    }
}
