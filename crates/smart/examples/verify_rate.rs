//! Time of one verification: a token seen before, and a new one. `cargo run --release -p ward-smart --example verify_rate`

use std::hint::black_box;
use std::io::Write;
use std::time::Instant;
use ward_seal::jws::SigningKey;
use ward_smart::{Claims, DemoCaller, TOKEN_LIFETIME_S, TokenService};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let service = TokenService::fixed(
        SigningKey::generate(),
        "https://ward.example",
        "https://ward.example/fhir",
    );
    let mut out = std::io::stdout();
    for caller in [DemoCaller::Loader, DemoCaller::App, DemoCaller::Lab] {
        let name = caller.name();
        let token = service.mint(&claims(caller), NOW_S)?.token;
        verify(&service, &token);
        let start = Instant::now();
        for _ in 0..ROUNDS {
            verify(&service, black_box(&token));
        }
        let ns = start.elapsed().as_nanos() / u128::from(ROUNDS);
        writeln!(
            out,
            "{name}: {} bytes, {ns} ns when seen before",
            token.len()
        )?;
    }
    let lab = claims(DemoCaller::Lab);
    let tokens: Vec<_> = (0..1000).map(|_| service.mint(&lab, NOW_S)).collect();
    let start = Instant::now();
    for token in &tokens {
        verify(&service, &token.as_ref().map_err(|error| *error)?.token);
    }
    writeln!(out, "new: {} us", start.elapsed().as_micros() / 1000)?;
    Ok(())
}

fn claims(caller: DemoCaller) -> Claims {
    Claims {
        subject: caller.client_id().to_owned(),
        client_id: caller.client_id().to_owned(),
        scope: caller.scope().to_owned(),
        patient: (caller == DemoCaller::App).then(|| "0123456789abcdefghij".to_owned()),
        lifetime_s: TOKEN_LIFETIME_S,
        ..Claims::default()
    }
}

fn verify(service: &TokenService, token: &str) {
    assert!(black_box(service.verify(token, NOW_S)).is_ok());
}

const NOW_S: i64 = 1_700_000_000;
const ROUNDS: u32 = 200_000;
