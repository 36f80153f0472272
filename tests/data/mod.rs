//! Real records go in and come back unchanged. <https://hl7.org/fhir/R4/http.html#transaction>

mod answers;
mod examples;
mod import;
mod json;
mod pages;
mod synthea;
mod twins;
mod us_core;
mod xml;

use flate2::read::GzDecoder;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use ward_testkit::{Backend, Home, postgres};

/// The lines of a packed NDJSON file.
fn lines(path: &Path) -> Vec<String> {
    BufReader::new(GzDecoder::new(std::fs::File::open(path).unwrap()))
        .lines()
        .map(Result::unwrap)
        .collect()
}

/// A folder and database where no server runs yet.
fn home(backend: Backend) -> Home {
    Home {
        folder: tempfile::tempdir().unwrap(),
        database: (backend == Backend::Postgres).then(postgres::Database::create),
    }
}

/// Requests under way at once.
const CLIENTS: usize = 4;

/// Calls `work` with every number below `count`, by several threads.
fn by_several(count: usize, work: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= count {
                        return;
                    }
                    work(n);
                }
            });
        }
    });
}
