//! Every read that was answered has its record: in the local log, or in the store once drained. Records hold the request
//! id as it is, so the files themselves are searched, with no server and none of its code in between.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;
use ward_testkit::{Home, postgres};

pub fn check_recorded(home: &Home, reads: &[[u8; 16]]) {
    let mut missing: HashSet<[u8; 16]> = reads.iter().copied().collect();
    let mut starts = vec![false; 1 << 16];
    for id in reads {
        starts[start(id)] = true;
    }
    for bytes in sources(home) {
        for window in bytes.windows(16) {
            if starts[start(window)] {
                missing.remove(window);
            }
        }
    }
    assert!(
        missing.is_empty(),
        "{} of {} acknowledged reads have no record",
        missing.len(),
        reads.len()
    );
}

fn start(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

/// Contents of the local log and of the store's records.
pub fn sources(home: &Home) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let folder = home.folder.path();
    collect(&folder.join("audit-log"), &mut found);
    match &home.database {
        Some(database) => {
            let copy = "copy (select body from record) to stdout (format binary)";
            let output = Command::new(postgres::programs().join("psql"))
                .args(["--no-psqlrc", &database.url, "--command", copy])
                .output()
                .unwrap();
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            found.push(output.stdout);
        }
        None => {
            found.extend(
                ["ward.db", "ward.db-wal"]
                    .iter()
                    .filter_map(|name| std::fs::read(folder.join(name)).ok()),
            );
        }
    }
    found
}

fn collect(folder: &Path, found: &mut Vec<Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_file() {
            found.push(std::fs::read(entry.path()).unwrap());
        }
    }
}
