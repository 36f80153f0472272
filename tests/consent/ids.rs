//! Each row of the truth table and each rule has a test that is named by it, over HTTP on both stores, and `docs/consents.md` names them.

use crate::docs::text;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// By which a conversation is held on each store.
const ON_BOTH: [&str; 4] = ["on_each(", "on_each_masking(", "on_own(", "in backends()"];

/// A test that is named by ids.
struct Test {
    name: String,
    is_on_both: bool,
}

#[test]
fn every_row_and_every_rule_has_a_test_on_both_stores() {
    let tests = tests();
    let has_one = |id: &String| {
        let of_id = tests.iter().filter(|test| is_of(test, id));
        of_id.clone().any(|test| test.is_on_both)
    };
    let all = all();
    let missing: Vec<&String> = all.iter().filter(|id| !has_one(id)).collect();
    assert!(
        missing.is_empty(),
        "no test on both stores is named by {missing:?}"
    );
}

#[test]
fn the_table_names_every_test() {
    let tests = tests();
    let document = text("docs/consents.md");
    let (_, table) = document.split_once("\n| id | tests |\n").unwrap();
    let rows = table
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with("| "));
    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        let (id, names) = row.trim_matches('|').split_once(" | ").unwrap();
        let names = names.split('`').skip(1).step_by(2).map(str::to_owned);
        let before = told.insert(id.trim().to_lowercase(), names.collect());
        assert!(before.is_none(), "two rows: {row}");
    }
    let mut expected = BTreeMap::new();
    for id in all() {
        let names = tests.iter().filter(|test| is_of(test, &id));
        let names: BTreeSet<String> = names.map(|test| test.name.clone()).collect();
        if !names.is_empty() {
            expected.insert(id, names);
        }
    }
    for (id, names) in &expected {
        assert_eq!(told.get(id), Some(names), "{id}");
    }
    assert_eq!(told.len(), expected.len());
}

/// T1 to T63, R1 to R24 with R10a, L1 to L6.
fn all() -> Vec<String> {
    let rows = (1..=63).map(|n| format!("t{n}"));
    let rules = (1..=24).map(|n| format!("r{n}"));
    let labels = (1..=6).map(|n| format!("l{n}"));
    let more = ["r10a".to_owned()];
    rows.chain(rules).chain(more).chain(labels).collect()
}

fn tests() -> Vec<Test> {
    let mut tests = Vec::new();
    for chapter in ["consent", "nodes"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(chapter);
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let source = std::fs::read_to_string(&path).unwrap();
            let page = path.file_stem().unwrap().to_str().unwrap();
            for function in source.split("\nfn ").skip(1) {
                let (name, rest) = function.split_once('(').unwrap();
                if ids(name).next().is_some() {
                    tests.push(Test {
                        name: format!("{chapter}::{page}::{name}"),
                        is_on_both: ON_BOTH.iter().any(|way| rest.contains(way)),
                    });
                }
            }
        }
    }
    tests
}

fn is_of(test: &Test, id: &str) -> bool {
    let name = test.name.rsplit("::").next().unwrap_or_default();
    ids(name).any(|one| one == id)
}

/// `t5_r3_r10a_opt_out_stops_sharing` names t5, r3 and r10a.
fn ids(name: &str) -> impl Iterator<Item = &str> {
    name.split('_').take_while(|word| is_id(word))
}

fn is_id(word: &str) -> bool {
    let Some(rest) = word.strip_prefix(['t', 'r', 'l', 'x']) else {
        return false;
    };
    let digits = rest.strip_suffix('a').unwrap_or(rest);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}
