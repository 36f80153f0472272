//! How fast a log is verified: `cargo run --release -p ward-audit --example verify [EVENTS] [FILE]`. Makes an export (into FILE, if
//! one is named), then verifies it, on one core.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring tool")]

#[allow(dead_code)]
#[path = "../tests/verify/made.rs"]
mod made;

use std::time::Instant;

const EVENTS: u64 = 1_000_000;
const EVENTS_PER_CHECKPOINT: u64 = 500;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let events = arguments.next().and_then(|count| count.parse().ok());
    let events: u64 = events.unwrap_or(EVENTS);
    let mut log = made::Made::new(1);
    let begin = Instant::now();
    while log.size() < events {
        log.events(EVENTS_PER_CHECKPOINT.min(events - log.size()));
        log.checkpoint();
    }
    let making = begin.elapsed();
    let text = made::text(&log.ended());
    if let Some(path) = arguments.next() {
        std::fs::write(&path, &text).expect("the file can be written");
        println!("key: {}", made::signer(1).public());
    }
    let begin = Instant::now();
    let report = ward_audit::verifier::verify(text.as_bytes(), &made::trusting());
    let verifying = begin.elapsed();
    println!("{}", report.expect("memory can be read"));
    println!(
        "{events} events, {} MB: made (record, nonce, hash, tree, checkpoints) in {:.1} us each, verified in {:.1} s",
        text.len() / 1_000_000,
        making.as_secs_f64() * 1e6 / events as f64,
        verifying.as_secs_f64()
    );
}
