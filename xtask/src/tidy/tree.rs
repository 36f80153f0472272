//! The files of the place: all text below the root, without what is built, fetched or stored there.

use std::fs;
use std::path::Path;

/// Names of what holds nothing committed. `.git` is a file in a linked worktree.
const SKIPPED: &[&str] = &[
    ".git",
    "target",
    "ward-data",
    "node_modules",
    ".venv",
    "__pycache__",
];

/// Endings of files that are read; a name without a dot (`test`, `.ci/run`) is read too.
const READ: &[&str] = &[
    "rs", "toml", "md", "sh", "py", "js", "mjs", "html", "css", "http", "yml", "yaml", "json",
    "sql", "txt", "service", "tsv", "csv", "xml", "conf", "ini", "cfg",
];

/// A file longer than this is data and is not read. Bytes.
const TEXT_BYTES_MAX: u64 = 4_000_000;

/// A text file: path from the root with `/`, and its text.
pub struct File {
    pub path: String,
    pub text: String,
}

impl File {
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
}

/// Every text file below `root`, sorted by path, without those that are not UTF-8; and the paths of all files, read or not.
pub fn read(root: &Path) -> Result<(Vec<File>, Vec<String>), String> {
    let (mut files, mut names) = (Vec::new(), Vec::new());
    walk(root, "", &mut files, &mut names).map_err(|e| format!("{}: {e}", root.display()))?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    names.sort_unstable();
    Ok((files, names))
}

fn walk(
    folder: &Path,
    prefix: &str,
    files: &mut Vec<File>,
    names: &mut Vec<String>,
) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}/{name}")
        };
        let kind = entry.file_type()?;
        if SKIPPED.contains(&name.as_str()) {
            continue;
        }
        if kind.is_dir() && !name.starts_with("target-") {
            walk(&entry.path(), &path, files, names)?;
            continue;
        }
        if kind.is_file() {
            names.push(path.clone());
        }
        if kind.is_file() && wanted(&name) && entry.metadata()?.len() <= TEXT_BYTES_MAX {
            // Another file may vanish while we look, or not be text: neither is our business.
            if let Ok(text) = fs::read_to_string(entry.path()) {
                files.push(File { path, text });
            }
        }
    }
    Ok(())
}

fn wanted(name: &str) -> bool {
    match name.trim_start_matches('.').rsplit_once('.') {
        Some((_, ending)) => READ.contains(&ending),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_and_bare_names_are_read_and_data_is_not() {
        assert!(wanted("lib.rs") && wanted("test") && wanted("run") && wanted(".gitignore"));
        assert!(!wanted("Cargo.lock") && !wanted("r4.bin") && !wanted("picture.png"));
    }

    #[test]
    fn built_folders_are_skipped() {
        let (files, names) = read(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(names.len() >= files.len() && names.contains(&"src/tidy/tree.rs".to_owned()));
        assert!(
            files
                .iter()
                .any(|f| f.path == "src/tidy/tree.rs" && f.name() == "tree.rs")
        );
    }
}
