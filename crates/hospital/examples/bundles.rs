//! Writes a hospital as NDJSON to standard output, one transaction Bundle per line:
//! `cargo run -p ward-hospital --example bundles -- SEED PATIENTS ENTRIES_PER_PATIENT > hospital.ndjson`

use std::io::{self, BufWriter, Write};

use ward_hospital::{ENTRIES_PER_PATIENT, Hospital};

fn main() -> io::Result<()> {
    let mut numbers = std::env::args()
        .skip(1)
        .map(|word| word.parse::<usize>().map_err(io::Error::other));
    let mut number = |usual: usize| numbers.next().unwrap_or(Ok(usual));
    let hospital = Hospital {
        seed: number(1)? as u64,
        patients: number(100)?,
        entries_per_patient: number(ENTRIES_PER_PATIENT)?,
    };
    let mut out = BufWriter::new(io::stdout().lock());
    for bundle in hospital.bundles() {
        writeln!(out, "{bundle}")?;
    }
    out.flush()
}
