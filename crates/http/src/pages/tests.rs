//! What every page looks like in HTML, and that no text can change its structure.

use super::{files, render, samples};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Texts that would run, lead away or break out, were they not escaped.
const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' autofocus onfocus=alert(1) x='",
    "</title></textarea></option></select><svg onload=alert(1)>",
    "javascript:alert(1)",
    "//evil.example/",
    "&lt;b&gt; &#x3c;i&#x3e;",
    "\u{202E}gpj.exe\u{0}\r\n<!--",
];

/// `WARD_SNAPSHOTS=write` writes them anew.
#[test]
fn pages_are_as_they_were() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/pages/snapshots");
    let write = std::env::var("WARD_SNAPSHOTS").is_ok_and(|value| value == "write");
    for (name, page) in samples::pages(&str::to_owned) {
        let html = broken_into_lines(&render(&page));
        let file = folder.join(format!("{name}.html"));
        if write {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, &html).unwrap();
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(
            html, expected,
            "{name}: WARD_SNAPSHOTS=write if it is meant"
        );
    }
}

/// The same tags with the same attributes, whatever the texts are.
#[test]
fn hostile_texts_change_no_structure() {
    let innocent: BTreeMap<_, _> = samples::pages(&|_| "a".to_owned())
        .into_iter()
        .map(|(name, page)| (name, structure(&render(&page))))
        .collect();
    for hostile in HOSTILE {
        for (name, page) in samples::pages(&|_| hostile.to_owned()) {
            let html = render(&page);
            assert_eq!(structure(&html), innocent[name], "{name} with {hostile}");
            assert!(!html.contains('\u{202E}') && !html.contains('\0') && !html.contains('\r'));
        }
    }
}

#[test]
fn hostile_targets_lead_nowhere() {
    for hostile in ["javascript:alert(1)", "//evil.example/", "data:text/html,x"] {
        for (name, page) in samples::pages(&|_| hostile.to_owned()) {
            let html = render(&page);
            for attribute in ["href=\"", "action=\"", "src=\""] {
                for (at, _) in html.match_indices(attribute) {
                    assert!(!html[at + attribute.len()..].starts_with(hostile), "{name}");
                }
            }
        }
    }
}

#[test]
fn every_field_has_a_label_and_every_page_one_heading() {
    for (name, page) in samples::pages(&str::to_owned) {
        let html = render(&page);
        assert_eq!(html.matches("<h1>").count(), 1, "{name}");
        assert!(html.contains("<a class=\"skip\" href=\"#main\">"), "{name}");
        for tag in html
            .split('<')
            .filter(|t| t.starts_with("input") || t.starts_with("textarea"))
        {
            if tag.contains("type=\"hidden\"") {
                continue;
            }
            let id = tag
                .split(" id=\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next());
            let id = id.unwrap_or_else(|| panic!("{name}: no id in <{tag}"));
            assert!(
                html.contains(&format!("<label for=\"{id}\">")),
                "{name}: no label for {id}"
            );
            assert_eq!(
                html.matches(&format!(" id=\"{id}\"")).count(),
                1,
                "{name}: {id} twice"
            );
        }
    }
}

/// Elements and names of attributes in order: texts and values left out.
fn structure(html: &str) -> Vec<String> {
    let mut parts = Vec::new();
    for tag in html.split('<').skip(1) {
        let inside = tag.split('>').next().unwrap_or_default();
        let mut names = inside
            .split('"')
            .step_by(2)
            .map(str::trim)
            .collect::<Vec<_>>()
            .join(" ");
        // What leads nowhere is not written, and what is not known has no place of its own.
        for optional in ["a class=\"button", "path d="] {
            names = names.replace(optional, "");
        }
        parts.push(names);
    }
    parts
}

/// One element a line, and files without their hashes, so that a change reads well.
fn broken_into_lines(html: &str) -> String {
    let named = html
        .replace(files::path(&files::STYLE), "/auth/files/style.css")
        .replace(files::path(&files::PASSKEY), "/auth/files/passkey.js");
    named.replace("><", ">\n<")
}
