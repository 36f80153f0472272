//! `docs/smart.md` says which test shows which requirement: each requirement has a row, each test is there, and what the server announces
//! of itself is what has tests (S10).

use super::text;
use crate::rest::server;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use ward_testkit::Backend;

/// Where tests are.
const PLACES: [&str; 3] = ["crates", "tests", "xtask"];
const LANGUAGES: [&str; 3] = ["rs", "mjs", "py"];

#[test]
fn every_test_that_is_named_is_there() {
    let sources = Sources::read();
    let document = text("docs/smart.md");
    let named: BTreeSet<&str> = quoted(&document).filter(|name| is_test(name)).collect();
    assert!(named.len() > 300, "{}", named.len());
    let missing: Vec<&&str> = named.iter().filter(|name| !sources.hold(name)).collect();
    assert!(missing.is_empty(), "no tests: {missing:?}");
    for nobodys in [
        "flows::token::nobody_wrote_this",
        "flows::nowhere::s14_both_documents_agree",
    ] {
        assert!(!sources.hold(nobodys), "{nobodys}");
    }
}

/// The requirements for the authorization server but those of UDAP, which are said to wait; and the attacks of §7.4 and §7.5 on signing
/// in and on what the server fetches.
#[test]
fn every_requirement_has_a_row() {
    let document = text("docs/smart.md");
    let (_, table) = document.split_once("\n| id | tests |\n").unwrap();
    let rows = table
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with("| "));
    let mut rows_of: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        let (ids, tests) = row.trim_matches('|').split_once(" | ").unwrap();
        let is_shown = quoted(tests).any(is_test);
        assert!(is_shown, "no test: {row}");
        for id in ids.trim().split(", ") {
            *rows_of.entry(id).or_default() += 1;
        }
    }
    let requirements = (1..=112).chain([117, 118]).map(|n| format!("S{n}"));
    let attacks = (53..=66).map(|n| format!("X{n}"));
    let all = requirements.chain(attacks);
    let missing: Vec<String> = all
        .filter(|id| !rows_of.contains_key(id.as_str()))
        .collect();
    assert!(missing.is_empty(), "no rows: {missing:?}");
    let twice: Vec<_> = rows_of.iter().filter(|(_, rows)| **rows > 1).collect();
    assert!(twice.is_empty(), "several rows: {twice:?}");
    let waiting = document.lines().find(|line| line.starts_with("Not here:"));
    assert!(waiting.unwrap().contains("UDAP (S113 to S116)"));
}

#[test]
fn s10_what_is_announced_is_what_has_tests() {
    let document = text("docs/smart.md");
    let (_, table) = document.split_once("| capability | tests |\n").unwrap();
    let rows = table
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with("| "));
    let tested: BTreeMap<&str, usize> = rows
        .map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
            let capability = cells[0].trim().trim_matches('`');
            (
                capability,
                quoted(cells[1]).filter(|name| is_test(name)).count(),
            )
        })
        .collect();
    assert!(tested.values().all(|tests| *tests > 0), "{tested:?}");
    let ward = server(Backend::Sqlite);
    let answer = ward.anonymous().get(".well-known/smart-configuration");
    let configuration = answer.expect(200).json();
    let endpoints = configuration["associated_endpoints"].as_array().unwrap();
    let lists = endpoints.iter().chain([&configuration]);
    let announced = lists.flat_map(|list| list["capabilities"].as_array().unwrap());
    let announced: Vec<&str> = announced.map(|name| name.as_str().unwrap()).collect();
    let distinct: BTreeSet<&str> = announced.iter().copied().collect();
    assert_eq!(distinct.len(), announced.len(), "{announced:?}");
    assert_eq!(distinct, tested.keys().copied().collect());
}

fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// `flows::token::s39_…`; a chapter such as `calls::elements` stands for all tests in it.
fn is_test(name: &str) -> bool {
    let is_word = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
    };
    name.contains("::") && name.split("::").all(is_word)
}

/// The text of each file with tests, by its path.
struct Sources(BTreeMap<String, String>);

impl Sources {
    fn read() -> Sources {
        let mut files = BTreeMap::new();
        for place in PLACES {
            let folder = format!("{}/../{place}", env!("CARGO_MANIFEST_DIR"));
            add(Path::new(&folder), place, &mut files);
        }
        Sources(files)
    }

    /// A function of that name in a file or folder of its chapter, or the chapter itself.
    fn hold(&self, name: &str) -> bool {
        let (before, last) = name.rsplit_once("::").unwrap();
        let chapter = before.rsplit("::").next().unwrap().replace('-', "_");
        let is_of = |path: &&String| chapters(path).any(|one| is_named(one, &chapter));
        let mut of_chapter = self.0.iter().filter(|(path, _)| is_of(path));
        of_chapter.any(|(path, source)| {
            let is_there = ["fn ", "function ", "def "];
            let is_there = is_there.map(|word| source.contains(&format!("{word}{last}(")));
            is_there.contains(&true) || chapters(path).any(|one| one == last)
        })
    }
}

/// Folders and the stem of a path.
fn chapters(path: &str) -> impl Iterator<Item = &str> {
    path.split(['/', '.'])
}

/// `token_tests` is of `token`, `ehr_launch.mjs` of `ehr`, `smart_client.py` of fhirclient-smart.
fn is_named(one: &str, chapter: &str) -> bool {
    let rest = one.strip_prefix(chapter);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        || chapter == "fhirclient_smart" && one == "smart_client"
}

fn add(folder: &Path, path: &str, files: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap().path();
        let name = entry.file_name().unwrap().to_str().unwrap().to_owned();
        let path = format!("{path}/{name}");
        if entry.is_dir() && !["node_modules", "target"].contains(&name.as_str()) {
            add(&entry, &path, files);
        } else if entry
            .extension()
            .is_some_and(|e| LANGUAGES.iter().any(|l| e == *l))
        {
            files.insert(path, std::fs::read_to_string(&entry).unwrap());
        }
    }
}
