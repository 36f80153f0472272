//! Nanoseconds per byte of reading and writing JSON: `json_speed FILE.ndjson.gz [rounds]`; the best round counts.

use flate2::read::MultiGzDecoder;
use std::io::{Read, Write};
use std::time::{Duration, Instant};
use ward_fhir::json::{Stamp, read, write};
use ward_fhir::tree::{Document, Limits};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("a file is needed")?;
    let rounds = arguments.next().map_or(Ok(20), |n| n.parse())?;
    let mut text = String::new();
    MultiGzDecoder::new(std::fs::File::open(path)?).read_to_string(&mut text)?;
    let lines: Vec<&str> = text.lines().collect();
    let bytes: usize = lines.iter().map(|l| l.len()).sum();
    let documents: Vec<Document> = lines.iter().filter_map(|l| parse(l)).collect();
    let nodes: usize = documents.iter().map(Document::len).sum();
    let reading = best(rounds, || {
        lines.iter().filter_map(|l| parse(l)).map(|d| d.len()).sum()
    });
    let mut out = Vec::new();
    let writing = best(rounds, || {
        documents.iter().map(|d| written(d, &mut out)).sum()
    });
    let extracting = best(rounds, || {
        documents
            .iter()
            .map(|d| Document::extract(d.root()).len())
            .sum()
    });
    let mut report = std::io::stderr();
    writeln!(
        report,
        "{} of {} documents, {bytes} bytes, {nodes} nodes",
        documents.len(),
        lines.len()
    )?;
    for (what, time) in [
        ("read", reading),
        ("write", writing),
        ("extract", extracting),
    ] {
        let ns = time.as_nanos() as f64;
        writeln!(
            report,
            "{what}: {:.2} ns/byte, {:.1} ns/node",
            ns / bytes as f64,
            ns / nodes as f64
        )?;
    }
    Ok(())
}

fn parse(line: &str) -> Option<Document> {
    read(line.as_bytes(), None, &Limits::default()).ok()
}

fn written(document: &Document, out: &mut Vec<u8>) -> usize {
    out.clear();
    write(document.root(), Stamp::default(), out);
    out.len()
}

fn best(rounds: usize, mut work: impl FnMut() -> usize) -> Duration {
    let time = |_| {
        let start = Instant::now();
        std::hint::black_box(work());
        start.elapsed()
    };
    (0..rounds.max(1)).map(time).min().unwrap_or_default()
}
