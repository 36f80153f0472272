//! Each row of the truth table and each rule has a test that is named by it.

use std::collections::BTreeSet;
use std::path::Path;

/// What is about things that Ward does not have, or that do not hold yet (`super`).
const WAITING: [&str; 5] = ["t46", "t47", "t48", "t55", "r20"];

#[test]
fn every_row_and_every_rule_has_a_test() {
    let mut named = BTreeSet::new();
    for folder in ["consent", "nodes"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in std::fs::read_dir(folder).unwrap() {
            let source = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            named.extend(source.lines().flat_map(ids).map(str::to_owned));
        }
    }
    let rows = (1..=63).map(|n| format!("t{n}"));
    let rules = (1..=24).map(|n| format!("r{n}"));
    let more = ["r10a".to_owned()];
    let labels = (1..=6).map(|n| format!("l{n}"));
    let all = rows.chain(rules).chain(more).chain(labels);
    let missing: Vec<String> = all
        .filter(|id| !named.contains(id) && !WAITING.contains(&id.as_str()))
        .collect();
    assert!(missing.is_empty(), "no test is named by {missing:?}");
    let both: Vec<&&str> = WAITING.iter().filter(|id| named.contains(**id)).collect();
    assert!(both.is_empty(), "these do not wait: {both:?}");
}

/// `fn t5_r3_r10a_opt_out_stops_sharing` names t5, r3 and r10a.
fn ids(line: &str) -> impl Iterator<Item = &str> {
    let name = line.trim().strip_prefix("fn ").unwrap_or_default();
    name.split('_').take_while(|word| is_id(word))
}

fn is_id(word: &str) -> bool {
    let Some(rest) = word.strip_prefix(['t', 'r', 'l', 'x']) else {
        return false;
    };
    let digits = rest.strip_suffix('a').unwrap_or(rest);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}
