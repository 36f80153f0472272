//! The error table in the documentation is that of the code.

use super::Finding;
use super::tree::File;

const CODE: &str = "crates/fhir/src/issue.rs";
const DOCUMENT: &str = "docs/errors/README.md";

pub fn check(files: &[File], findings: &mut Vec<Finding>) {
    let text = |path: &str| {
        files
            .iter()
            .find(|f| f.path == path)
            .map(|f| f.text.as_str())
    };
    let (Some(code), Some(document)) = (text(CODE), text(DOCUMENT)) else {
        findings.push(format!("errors: {CODE} or {DOCUMENT} is missing"));
        return;
    };
    let rows: Vec<String> = code.lines().filter_map(row).collect();
    if rows.is_empty() {
        findings.push(format!("errors: no rows found in {CODE}"));
    }
    for row in &rows {
        if !document.contains(row.as_str()) {
            findings.push(format!(
                "errors: {DOCUMENT} has no row that begins with {row}"
            ));
        }
    }
    let documented = document.lines().filter(|l| l.starts_with("| `")).count();
    if documented != rows.len() {
        findings.push(format!(
            "errors: {DOCUMENT} has {documented} rows, {CODE} has {}",
            rows.len()
        ));
    }
}

/// `Kind::Gone => (410, "deleted", "resource.deleted"),` as the documentation begins its row.
fn row(line: &str) -> Option<String> {
    let (_, row) = line.trim().strip_prefix("Kind::")?.split_once("=> (")?;
    let mut fields = row
        .trim_end_matches([')', ','])
        .split(", ")
        .map(|f| f.trim_matches('"'));
    let (status, issue, stable) = (fields.next()?, fields.next()?, fields.next()?);
    status.parse::<u16>().ok()?;
    Some(format!("| `{stable}` | {status} | {issue} |"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_compared_both_ways() {
        let code = "            Kind::Gone => (410, \"deleted\", \"resource.deleted\"),\n";
        let file = |path: &str, text: &str| File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let findings = |document: &str| {
            let mut found = Vec::new();
            check(&[file(CODE, code), file(DOCUMENT, document)], &mut found);
            found.len()
        };
        assert_eq!(
            findings("| `resource.deleted` | 410 | deleted | x | y |"),
            0
        );
        assert_eq!(
            findings("| `resource.deleted` | 404 | deleted | x | y |"),
            1
        );
        assert_eq!(
            findings("| `resource.deleted` | 410 | deleted | x | y |\n| `other` | 400 | invalid |"),
            1
        );
    }
}
