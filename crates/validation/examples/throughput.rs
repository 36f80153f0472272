//! Resources per second of one core: reading and base validation of the Synthea bundles.
//! `cargo run --release -p ward-validation --example throughput -- [FILE.ndjson.gz] [ROUNDS]`

use std::io::{BufRead, BufReader};
use std::time::Instant;

use ward_fhir::tree::Limits;
use ward_fhir::{Document, json};

const SYNTHEA: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/data/examples/synthea-r4-dev-80.ndjson.gz"
);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().unwrap_or_else(|| SYNTHEA.to_owned());
    let rounds: u32 = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let lines = BufReader::new(flate2::read::MultiGzDecoder::new(std::fs::File::open(
        file,
    )?))
    .lines();
    let lines: Vec<String> = lines.collect::<Result<_, _>>()?;
    let started = Instant::now();
    let validator = ward_validation::r4();
    eprintln!(
        "definitions and invariants compiled in {:?}",
        started.elapsed()
    );

    for _ in 0..rounds {
        let started = Instant::now();
        let documents: Vec<Document> = lines.iter().filter_map(|l| read(l)).collect();
        let reading = started.elapsed();
        let started = Instant::now();
        let issues: usize = documents
            .iter()
            .map(|d| validator.validate(d.root()).len())
            .sum();
        let validating = started.elapsed();
        let resources: usize = documents.iter().map(resources_in).sum();
        let nodes: usize = documents.iter().map(Document::len).sum();
        let rate = |time: std::time::Duration| (resources as f64 / time.as_secs_f64()) as u64;
        eprintln!(
            "{resources} resources, {nodes} elements, {issues} issues: read {}/s, validate {}/s, both {}/s",
            rate(reading),
            rate(validating),
            rate(reading + validating)
        );
    }
    Ok(())
}

fn read(line: &str) -> Option<Document> {
    json::read(line.as_bytes(), None, &Limits::default()).ok()
}

/// Entries of a Bundle; anything else is one.
fn resources_in(document: &Document) -> usize {
    document.root().all("entry").count().max(1)
}
