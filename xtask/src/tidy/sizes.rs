//! Sizes: a long file is a question (which idea moved in?), a very long one an answer that is owed.

use std::fmt::Write;

use super::Finding;
use super::tree::File;

/// Rust files longer than this are listed. Lines.
const LISTED_LINES: usize = 600;
/// Rust files longer than this are refused unless they are a table. Lines.
const REFUSED_LINES: usize = 1000;

/// Long tables, which are fine: path and what it is a table of.
const TABLES: &[(&str, &str)] = &[];

pub fn check(files: &[File], findings: &mut Vec<Finding>) {
    for (path, lines) in long(files, REFUSED_LINES) {
        if !TABLES.iter().any(|(table, _)| *table == path) {
            findings.push(format!(
                "sizes: {path}: {lines} lines, more than {REFUSED_LINES}"
            ));
        }
    }
}

/// The long files, longest first; empty where there are none.
pub fn report(files: &[File]) -> String {
    let mut text = String::new();
    for (path, lines) in long(files, LISTED_LINES) {
        // Writing to a String does not fail.
        let _ = writeln!(text, "tidy: {path}: {lines} lines: which idea moved in?");
    }
    text
}

fn long(files: &[File], limit: usize) -> Vec<(&str, usize)> {
    let lines = |f: &File| f.text.lines().count();
    let mut long: Vec<(&str, usize)> = files
        .iter()
        .filter(|f| f.is_rust())
        .map(|f| (f.path.as_str(), lines(f)))
        .filter(|(_, n)| *n > limit)
        .collect();
    long.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    long
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_are_listed_and_very_long_ones_refused() {
        let file = |path: &str, lines: usize| File {
            path: path.to_owned(),
            text: "x\n".repeat(lines),
        };
        let files = [
            file("a.rs", 601),
            file("b.rs", 1001),
            file("c.rs", 600),
            file("d.md", 5000),
        ];
        let mut findings = Vec::new();
        check(&files, &mut findings);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].contains("b.rs"));
        assert_eq!(report(&files).lines().count(), 2);
        assert!(report(&files).starts_with("tidy: b.rs: 1001"));
    }
}
