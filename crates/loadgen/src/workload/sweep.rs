//! W6: a Patient and one Observation in a transaction, with 1, 2, 4, ... clients.

use ward_hospital::{Rng, load};

use crate::arguments::{Pace, Sweep};
use crate::client::Client;
use crate::report::Report;
use crate::run::{self, Script, Watched};
use crate::target::Target;

/// Clients that send the transactions of the warm-up.
const WARM_UP_CLIENTS: usize = 8;

pub async fn run(
    target: &Target,
    watched: &Watched,
    options: &Sweep,
    seed: u64,
) -> Result<Vec<Report>, String> {
    if options.warm_up_transactions > 0 {
        let pace = Pace {
            clients: WARM_UP_CLIENTS,
            warm_up: 0,
            duration: 600,
            requests: Some(options.warm_up_transactions),
        };
        let report = one(target, watched, &pace, seed).await?;
        if !report.is_clean() {
            return Ok(vec![report]);
        }
    }
    let mut reports = Vec::with_capacity(options.clients.len());
    for clients in &options.clients {
        let pace = Pace {
            clients: *clients,
            warm_up: 0,
            duration: options.duration,
            requests: None,
        };
        reports.push(one(target, watched, &pace, seed ^ (*clients as u64) << 32).await?);
    }
    Ok(reports)
}

async fn one(target: &Target, watched: &Watched, pace: &Pace, seed: u64) -> Result<Report, String> {
    let scripts = (0..pace.clients)
        .map(|n| Transactions(Rng::of(seed, n as u64)))
        .collect();
    let measured = run::run(target, watched, pace, scripts).await?;
    Ok(Report::new("sweep".to_owned(), measured))
}

struct Transactions(Rng);

impl Script for Transactions {
    async fn step(&mut self, client: &mut Client) -> bool {
        if client
            .transaction(load::patient_and_observation(self.0.next()).into())
            .await
            .is_some()
        {
            client.record.moved(2);
        }
        true
    }
}
