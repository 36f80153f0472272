//! Links and pictures of the documentation lead to what is there.

use super::Finding;
use super::tree::File;

/// `names`: the paths of all files, sorted.
pub fn check(files: &[File], names: &[String], findings: &mut Vec<Finding>) {
    for file in files.iter().filter(|file| file.path.ends_with(".md")) {
        for target in targets(&file.text) {
            let path = resolved(&file.path, target);
            let is_there = |path: &str| {
                let folder = format!("{path}/");
                let at = names.partition_point(|name| name.as_str() < folder.as_str());
                let is_folder = names.get(at).is_some_and(|name| name.starts_with(&folder));
                is_folder
                    || names
                        .binary_search_by(|name| name.as_str().cmp(path))
                        .is_ok()
            };
            if !path.is_some_and(|path| path.is_empty() || is_there(&path)) {
                findings.push(format!("links: {}: {target} is not there", file.path));
            }
        }
    }
}

/// Of links within the place, without the part behind `#`; what stands as code is none.
fn targets(text: &str) -> Vec<&str> {
    let mut targets = Vec::new();
    let mut is_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        let prose = line.split('`').step_by(2).filter(|_| !is_code);
        // The words of a link may be code, its target is not.
        for part in prose.flat_map(|part| part.split("](").skip(1)) {
            let target = part.split([')', ' ', '#']).next().unwrap_or_default();
            let is_elsewhere = target.contains("://") || target.starts_with("mailto:");
            if !target.is_empty() && !is_elsewhere {
                targets.push(target);
            }
        }
    }
    targets
}

/// From the root; `None`: it leads out of the place.
fn resolved(from: &str, target: &str) -> Option<String> {
    let mut path: Vec<&str> = from.split('/').collect();
    path.pop();
    for step in target.trim_end_matches('/').split('/') {
        match step {
            "." => {}
            ".." => drop(path.pop()?),
            step => path.push(step),
        }
    }
    Some(path.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_found() {
        let text = "[a](b.md#c) ![d](pictures/e.png), [`f`](../README.md) and [g](https://g.example/h)\n\
            `[i](j.md)`, [k](#l), [m](..), [n](pictures), [o](../../p.md)\n```\n[q](r.md)\n```\n[s](t.md)";
        let file = File {
            path: "docs/a.md".to_owned(),
            text: text.to_owned(),
        };
        let names = ["README.md", "docs/a.md", "docs/b.md", "docs/pictures/e.png"];
        let mut findings = Vec::new();
        check(&[file], &names.map(str::to_owned), &mut findings);
        let expected = [
            "links: docs/a.md: ../../p.md is not there",
            "links: docs/a.md: t.md is not there",
        ];
        assert_eq!(findings, expected);
    }
}
