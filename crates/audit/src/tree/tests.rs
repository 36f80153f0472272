use super::compact_range::{CompactRange, levels};
use super::proof::{consistency, inclusion, verify_consistency, verify_inclusion};
use super::tile::{self, OpenTiles};
use super::*;
use std::collections::HashMap;

/// The leaves of the certificate-transparency test trees, and the roots of the trees of 0 to 8 of them.
const LEAVES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
/// (entry, size, path)
const INCLUSIONS: [(u64, u64, &[&str]); 5] = [
    (0, 1, &[]),
    (
        0,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        &[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        3,
        &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    ),
    (
        1,
        5,
        &[
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];
/// (old size, size, path)
const CONSISTENCIES: [(u64, u64, &[&str]); 4] = [
    (1, 1, &[]),
    (
        1,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        &[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];

fn from_hex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

fn hash(text: &str) -> Hash {
    Hash(from_hex(text).try_into().unwrap())
}

fn published_leaves() -> Vec<Hash> {
    LEAVES
        .iter()
        .map(|text| leaf_hash(&from_hex(text)))
        .collect()
}

fn made_leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(&n.to_le_bytes())).collect()
}

fn frontier(leaves: &[Hash]) -> CompactRange {
    let mut range = CompactRange::empty();
    leaves.iter().for_each(|leaf| range.append(*leaf));
    range
}

/// As RFC 6962 §2.1 writes it down.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let mut k = 1;
            while k * 2 < leaves.len() {
                k *= 2;
            }
            node_hash(&naive_root(&leaves[..k]), &naive_root(&leaves[k..]))
        }
    }
}

/// All perfect subtrees, level by level.
fn nodes(leaves: &[Hash]) -> impl Fn(u32, u64) -> Option<Hash> {
    let mut levels = vec![leaves.to_vec()];
    while levels[levels.len() - 1].len() > 1 {
        let below = levels[levels.len() - 1].chunks_exact(2);
        let level = below.map(|pair| node_hash(&pair[0], &pair[1])).collect();
        levels.push(level);
    }
    move |level, index| levels.get(level as usize)?.get(index as usize).copied()
}

#[test]
fn roots_are_those_of_the_certificate_transparency_trees() {
    let leaves = published_leaves();
    for (size, root) in ROOTS.iter().enumerate() {
        assert_eq!(frontier(&leaves[..size]).root(), Some(hash(root)), "{size}");
    }
}

#[test]
fn proofs_are_those_of_the_certificate_transparency_trees() {
    let leaves = published_leaves();
    for (index, size, published) in INCLUSIONS {
        let path: Vec<Hash> = published.iter().map(|text| hash(text)).collect();
        let made = inclusion(nodes(&leaves), index, size).unwrap();
        assert_eq!(made, path, "{index} in {size}");
        let (leaf, root) = (leaves[index as usize], hash(ROOTS[size as usize]));
        assert!(verify_inclusion(&leaf, index, size, &path, &root));
    }
    for (old, size, published) in CONSISTENCIES {
        let path: Vec<Hash> = published.iter().map(|text| hash(text)).collect();
        let made = consistency(nodes(&leaves), old, size).unwrap();
        assert_eq!(made, path, "{old} in {size}");
        let roots = [old, size].map(|size| hash(ROOTS[size as usize]));
        assert!(verify_consistency(old, &roots[0], size, &roots[1], &path));
    }
}

#[test]
fn every_entry_of_every_tree_is_proved_and_nothing_else() {
    let leaves = made_leaves(300);
    let all = nodes(&leaves);
    for size in 1..=300u64 {
        let root = naive_root(&leaves[..size as usize]);
        assert_eq!(frontier(&leaves[..size as usize]).root(), Some(root));
        for index in 0..size {
            let path = inclusion(&all, index, size).unwrap();
            let leaf = leaves[index as usize];
            let holds = |leaf, index, size, path: &[Hash]| {
                verify_inclusion(&leaf, index, size, path, &root)
            };
            assert!(holds(leaf, index, size, &path), "{index} in {size}");
            assert!(!holds(
                leaves[(index as usize + 1) % 300],
                index,
                size,
                &path
            ));
            assert!(!holds(leaf, index + 1, size, &path), "{index} in {size}");
            let longer = [&path[..], &[leaf]].concat();
            assert!(!holds(leaf, index, size, &longer));
            for at in 0..path.len() {
                let mut changed = path.clone();
                changed[at].0[7] ^= 1;
                assert!(!holds(leaf, index, size, &changed));
                changed.remove(at);
                assert!(!holds(leaf, index, size, &changed));
            }
        }
        assert_eq!(inclusion(&all, size, size), None);
    }
}

#[test]
fn every_tree_continues_every_smaller_one_and_no_other() {
    let leaves = made_leaves(260);
    let roots: Vec<Hash> = (0..=260).map(|size| naive_root(&leaves[..size])).collect();
    let all = nodes(&leaves);
    for size in 0..=260u64 {
        for old in 0..=size {
            let path = consistency(&all, old, size).unwrap();
            let (old_root, root) = (roots[old as usize], roots[size as usize]);
            let holds = |old_root: Hash, root: Hash, path: &[Hash]| {
                verify_consistency(old, &old_root, size, &root, path)
            };
            assert!(holds(old_root, root, &path), "{old} in {size}");
            let other = Hash([9; 32]);
            assert!(!holds(other, root, &path), "{old} in {size}");
            assert!(!holds(old_root, root, &[&path[..], &[other]].concat()));
            if old != 0 {
                assert!(!holds(old_root, other, &path), "{old} in {size}");
            }
            for at in 0..path.len() {
                let mut changed = path.clone();
                changed[at].0[0] ^= 0x80;
                assert!(!holds(old_root, root, &changed), "{old} in {size}");
            }
        }
        assert_eq!(consistency(&all, size + 1, size), None);
    }
}

#[test]
fn a_frontier_has_as_many_hashes_as_its_size_has_bits() {
    let mut range = CompactRange::empty();
    for (n, leaf) in made_leaves(5_000).into_iter().enumerate() {
        range.append(leaf);
        assert_eq!(range.hashes().len() as u32, (n + 1).count_ones());
    }
}

#[test]
fn entries_can_be_forgotten_and_the_tree_goes_on() {
    let leaves = made_leaves(80);
    let root = naive_root(&leaves);
    for first in 0..80usize {
        for end in first..=80 {
            let mut dropped = CompactRange::starting_at(first as u64);
            leaves[first..end]
                .iter()
                .for_each(|leaf| dropped.append(*leaf));
            let count = levels(first as u64, end as u64).count();
            assert_eq!(dropped.hashes().len(), count, "{first}..{end}");
            let kept = dropped.hashes().to_vec();
            let again = CompactRange::from_hashes(first as u64, end as u64, kept).unwrap();
            assert_eq!(again, dropped);
            let mut whole = frontier(&leaves[..first]);
            assert!(whole.append_range(&again));
            leaves[end..].iter().for_each(|leaf| whole.append(*leaf));
            assert_eq!(whole.root(), Some(root), "{first}..{end}");
            assert_eq!(whole, frontier(&leaves));
            assert!(first == 0 || dropped.root().is_none());
        }
    }
    let mut range = frontier(&leaves[..3]);
    assert!(!range.append_range(&CompactRange::starting_at(4)));
    assert_eq!(CompactRange::from_hashes(0, 3, vec![root]), None);
}

#[test]
fn tiles_give_every_node_back() {
    let leaves = made_leaves(70_000);
    let mut open = OpenTiles::default();
    let mut full = HashMap::new();
    for leaf in &leaves {
        for tile in open.append(*leaf) {
            assert_eq!(tile.hashes.len(), tile::TILE_HASHES);
            assert!(full.insert((tile.level, tile.index), tile.hashes).is_none());
        }
    }
    assert_eq!(full.len(), 273 + 1);
    let stored = |level, index| {
        let stored = full.get(&(level, index)).cloned();
        stored.or_else(|| open.hashes(level, index).map(<[Hash]>::to_vec))
    };
    let from_tiles = |level, index| tile::node(level, index, stored);
    let root = frontier(&leaves).root().unwrap();
    for index in [0, 255, 256, 65_535, 65_536, 69_887, 69_999] {
        let path = inclusion(from_tiles, index, 70_000).unwrap();
        let leaf = &leaves[index as usize];
        assert!(verify_inclusion(leaf, index, 70_000, &path, &root));
    }
    let old = frontier(&leaves[..65_537]).root().unwrap();
    let path = consistency(from_tiles, 65_537, 70_000).unwrap();
    assert!(verify_consistency(65_537, &old, 70_000, &root, &path));
    assert_eq!(from_tiles(17, 0), None);
    assert_eq!(tile::path(0, 1_234_067), "tile/0/x001/x234/067");
    assert_eq!(tile::path(2, 5), "tile/2/005");
}
