//! Time of one verification: a token seen before, and a new one. `cargo run --release -p ward-smart --example verify_rate`

use std::hint::black_box;
use std::io::Write;
use std::time::Instant;
use ward_seal::jws::SigningKey;
use ward_smart::{TokenService, demo_caller};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    const NOW_S: i64 = 1_700_000_000;
    let service = TokenService::new(
        SigningKey::generate(),
        "https://ward.example",
        "https://ward.example/fhir",
    );
    let mut out = std::io::stdout();
    for name in ["loader", "app", "lab"] {
        let token = service.mint(&demo_caller(name, Some("0123456789abcdefghij"))?, NOW_S);
        service.verify(&token, NOW_S)?;
        let start = Instant::now();
        for _ in 0..ROUNDS {
            black_box(service.verify(black_box(&token), NOW_S)?);
        }
        let ns = start.elapsed().as_nanos() / u128::from(ROUNDS);
        writeln!(
            out,
            "{name}: {} bytes, {ns} ns when seen before",
            token.len()
        )?;
    }
    let tokens: Vec<_> = (0..1000)
        .map(|_| demo_caller("lab", None).map(|claims| service.mint(&claims, NOW_S)))
        .collect();
    let start = Instant::now();
    for token in &tokens {
        black_box(service.verify(token.as_ref().map_err(|error| *error)?, NOW_S)?);
    }
    writeln!(out, "new: {} us", start.elapsed().as_micros() / 1000)?;
    Ok(())
}

const ROUNDS: u32 = 200_000;
