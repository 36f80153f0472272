//! Words that say something is unfinished, names that say nothing, and paths and hosts of one machine.

use super::Finding;
use super::tree::File;

/// Refused in Rust sources and scripts. Written in pieces so that this file holds none of them.
const UNFINISHED: &[&[&str]] = &[
    &["to", "do!("],
    &["unimple", "mented!("],
    &["#[ig", "nore"],
    &["db", "g!("],
    &["FIX", "ME"],
    &["HA", "CK:"],
    &["for ", "now"],
    &["not yet ", "implemented"],
    &["hard", "coded"],
    &["hard-", "coded"],
];

/// Refused in every file: paths of a machine, hosts of registries.
const OF_A_MACHINE: &[&[&str]] = &[
    &["/wo", "rk/"],
    &["/tmp/", "lab"],
    &["/ro", "ot/"],
    &["registry.", "npmjs"],
    &["static.", "crates.io"],
    &["index.", "crates.io"],
    &["files.", "pythonhosted"],
    &["repo1.", "maven"],
    &["repo.", "maven"],
    &["deb.", "debian"],
];

/// Names of files that say nothing about what is in them.
const EMPTY_NAMES: &[&str] = &[
    "utils.rs",
    "util.rs",
    "helpers.rs",
    "helper.rs",
    "common.rs",
    "manager.rs",
    "misc.rs",
    "impl.rs",
    "stuff.rs",
];

/// Files in which the words are the subject or the data of others.
const LETTERS_OF_OTHERS: &[&str] = &["package-lock.json", "LICENSE"];

/// Endings in which an unfinished word counts; prose may speak of the future.
const CODE: &[&str] = &[".rs", ".sh", ".py", ".js", ".mjs", ".toml", ".sql", ".html"];

pub fn check(files: &[File], findings: &mut Vec<Finding>) {
    for file in files {
        if EMPTY_NAMES.contains(&file.name()) {
            findings.push(format!(
                "words: {}: the name says nothing; name the idea",
                file.path
            ));
        }
        if LETTERS_OF_OTHERS.contains(&file.name()) {
            continue;
        }
        let code =
            CODE.iter().any(|ending| file.path.ends_with(ending)) || !file.name().contains('.');
        if code {
            search(file, UNFINISHED, "unfinished", findings);
        }
        search(file, OF_A_MACHINE, "of one machine", findings);
    }
}

fn search(file: &File, table: &[&[&str]], what: &str, findings: &mut Vec<Finding>) {
    for word in table.iter().map(|pieces| pieces.concat()) {
        if !file.text.contains(&word) {
            continue;
        }
        for (n, _) in file
            .text
            .lines()
            .enumerate()
            .filter(|(_, line)| holds(line, &word))
        {
            findings.push(format!("words: {}:{}: `{word}` ({what})", file.path, n + 1));
        }
    }
}

/// `for now_s in` is a loop, not a word of that kind.
fn holds(line: &str, word: &str) -> bool {
    line.match_indices(word)
        .any(|(at, _)| !line[at + word.len()..].starts_with('_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<Finding> {
        let mut found = Vec::new();
        check(
            &[File {
                path: path.to_owned(),
                text: text.to_owned(),
            }],
            &mut found,
        );
        found
    }

    #[test]
    fn unfinished_words_are_found_with_their_line() {
        let text = format!("fn a() {{\n    {}\n}}", ["to", "do!()"].concat());
        assert_eq!(findings("crates/x/src/a.rs", &text).len(), 1);
        assert!(findings("crates/x/src/a.rs", &text)[0].contains("a.rs:2"));
        assert!(findings("docs/plan.md", &text).is_empty());
        let text = ["for ", "now_s in 0..3 {}"].concat();
        assert!(findings("crates/x/src/a.rs", &text).is_empty());
        let text = ["for now_s in 0..3 {} // good for ", "now"].concat();
        assert_eq!(findings("crates/x/src/a.rs", &text).len(), 1);
        assert_eq!(findings("test", &["# ", "FIX", "ME"].concat()).len(), 1);
    }

    #[test]
    fn paths_and_hosts_of_a_machine_are_found_in_prose_too() {
        assert_eq!(
            findings("docs/x.md", &["see /wo", "rk/main"].concat()).len(),
            1
        );
        assert_eq!(
            findings(
                "tests/package.json",
                &["https://registry.", "npmjs.org/"].concat()
            )
            .len(),
            1
        );
        assert!(
            findings(
                "tests/package-lock.json",
                &["https://registry.", "npmjs.org/"].concat()
            )
            .is_empty()
        );
    }

    #[test]
    fn empty_names_are_found() {
        assert_eq!(findings("crates/x/src/utils.rs", "").len(), 1);
        assert!(findings("crates/x/src/token.rs", "").is_empty());
    }
}
