//! Reference data beside the workspace; tests without it say so and pass.

use std::io::Read;
use std::path::PathBuf;

pub fn folder() -> Option<PathBuf> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared"));
    if !path.is_dir() {
        eprintln!("shared data absent: skipped");
        return None;
    }
    Some(path)
}

/// Lines of a gzipped NDJSON file under `data/`.
pub fn lines(name: &str) -> Option<Vec<String>> {
    let file = std::fs::File::open(folder()?.join("data").join(name)).unwrap();
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    Some(text.lines().map(str::to_owned).collect())
}
