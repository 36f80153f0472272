//! Inclusion and consistency proofs: made as RFC 6962 §2.1.1 and §2.1.2 define them, checked by RFC 9162 §2.1.3.2 and §2.1.4.2.
//!
//! A proof is made from the roots of perfect subtrees, which never change once they are whole: `nodes(level, index)` is the
//! root over the `2^level` entries from `index * 2^level` on. `None` from it is `None` from here.

use super::{Hash, empty_root, node_hash};

/// The hashes that lead from the entry `index` to the root of the tree of `size` entries. `None`: there is no such entry.
pub fn inclusion(
    nodes: impl Fn(u32, u64) -> Option<Hash>,
    index: u64,
    size: u64,
) -> Option<Vec<Hash>> {
    if index >= size {
        return None;
    }
    let (mut first, mut end) = (0, size);
    let mut path = Vec::new();
    while end - first > 1 {
        let middle = first + split(end - first);
        if index < middle {
            path.push(range_root(&nodes, middle, end)?);
            end = middle;
        } else {
            path.push(range_root(&nodes, first, middle)?);
            first = middle;
        }
    }
    path.reverse();
    Some(path)
}

/// The hashes that show that the tree of `size` entries begins with all of the tree of `old` entries. `None`: it is smaller.
pub fn consistency(
    nodes: impl Fn(u32, u64) -> Option<Hash>,
    old: u64,
    size: u64,
) -> Option<Vec<Hash>> {
    if old > size {
        return None;
    }
    if old == 0 || old == size {
        return Some(Vec::new());
    }
    let (mut first, mut end, mut is_old_root) = (0, size, true);
    let mut path = Vec::new();
    while end != old {
        let middle = first + split(end - first);
        if old <= middle {
            path.push(range_root(&nodes, middle, end)?);
            end = middle;
        } else {
            path.push(range_root(&nodes, first, middle)?);
            first = middle;
            is_old_root = false;
        }
    }
    if !is_old_root {
        path.push(range_root(&nodes, first, end)?);
    }
    path.reverse();
    Some(path)
}

/// Whether `leaf` is the hash of the entry `index` in the tree of `size` entries with this root.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let mut walk = Walk {
        at: index,
        last: size - 1,
    };
    let mut hash = *leaf;
    for sibling in path {
        let Some(is_left) = walk.sibling_is_left() else {
            return false;
        };
        hash = match is_left {
            true => node_hash(sibling, &hash),
            false => node_hash(&hash, sibling),
        };
        walk.up();
    }
    walk.last == 0 && hash == *root
}

/// Whether the tree of `size` entries with `root` begins with the tree of `old` entries with `old_root`.
pub fn verify_consistency(
    old: u64,
    old_root: &Hash,
    size: u64,
    root: &Hash,
    path: &[Hash],
) -> bool {
    if old == size {
        return path.is_empty() && old_root == root;
    }
    if old == 0 || old > size {
        return old == 0 && path.is_empty() && *old_root == empty_root();
    }
    let (start, rest) = match (old.is_power_of_two(), path) {
        (true, path) => (old_root, path),
        (false, [start, rest @ ..]) => (start, rest),
        (false, []) => return false,
    };
    let mut walk = Walk {
        at: old - 1,
        last: size - 1,
    };
    while walk.at & 1 == 1 {
        walk.up();
    }
    let (mut of_old, mut of_new) = (*start, *start);
    for sibling in rest {
        let Some(is_left) = walk.sibling_is_left() else {
            return false;
        };
        if is_left {
            of_old = node_hash(sibling, &of_old);
            of_new = node_hash(sibling, &of_new);
        } else {
            of_new = node_hash(&of_new, sibling);
        }
        walk.up();
    }
    walk.last == 0 && of_old == *old_root && of_new == *root
}

/// A node's place in its level, and the last place there (`fn` and `sn` of RFC 9162).
struct Walk {
    at: u64,
    last: u64,
}

impl Walk {
    /// Goes up to where the node has a sibling. `None`: this is the root already.
    fn sibling_is_left(&mut self) -> Option<bool> {
        if self.last == 0 {
            return None;
        }
        let is_left = self.at & 1 == 1 || self.at == self.last;
        while is_left && self.at & 1 == 0 && self.at != 0 {
            self.up();
        }
        Some(is_left)
    }

    fn up(&mut self) {
        self.at >>= 1;
        self.last >>= 1;
    }
}

/// The root over `first..end`, where `first` is a place at which the tree splits.
fn range_root(nodes: &impl Fn(u32, u64) -> Option<Hash>, first: u64, end: u64) -> Option<Hash> {
    let size = end - first;
    if size.is_power_of_two() {
        let level = size.trailing_zeros();
        return nodes(level, first >> level);
    }
    let middle = first + split(size);
    let left = range_root(nodes, first, middle)?;
    Some(node_hash(&left, &range_root(nodes, middle, end)?))
}

/// The largest power of two below `size`, which is 2 or more.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}
