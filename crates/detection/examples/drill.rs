//! `cargo run -p ward-detection --example drill -- [SEED] [SEEDS] [THRESHOLD=VALUE ...]`: what `ward audit drill` prints.
#![allow(clippy::print_stdout)] // the result of this program

use std::time::Instant;
use ward_detection::Thresholds;
use ward_detection::drill::{Drill, Summary};

fn main() -> Result<(), String> {
    let mut limits = Thresholds::default();
    let mut numbers = Vec::new();
    for word in std::env::args().skip(1) {
        match word.split_once('=') {
            Some((name, value)) => limits.set(name, value.parse().unwrap_or(f64::NAN))?,
            None => numbers.push(word.parse().map_err(|_| format!("{word} is no seed"))?),
        }
    }
    let seed: u64 = numbers.first().copied().unwrap_or(1);
    let seeds = numbers.get(1).copied().unwrap_or(1);
    let began = Instant::now();
    let clock = || began.elapsed().as_micros() as u64;
    let mut summary = Summary::default();
    for seed in seed..seed + seeds {
        let limits = limits.clone();
        let drill = Drill {
            limits,
            ..Drill::new(seed)
        };
        let report = drill.run(&clock);
        println!("{report}");
        summary.add(report);
    }
    println!("{summary}");
    Ok(())
}
