//! W9: five operations, each with few and with many clients, a fixed number of requests for each client, three passes:
//! ExplanationOfBenefit by patient, create an Observation, read it, update it, and a mix of the four.

use ward_hospital::Rng;
use ward_hospital::load::{self, Kind, Links};

use super::create::subjects;
use crate::arguments::{Pace, Smile};
use crate::client::Client;
use crate::report::Report;
use crate::run::{self, Script, Watched};
use crate::target::Target;

/// Passes over everything; the first warms and is not reported.
const PASSES: u64 = 3;
/// A pass of one operation ends after so many seconds at the latest.
const SECONDS_MAX: u64 = 120;

#[derive(Clone, Copy, Debug)]
enum Operation {
    Search,
    Create,
    Read,
    Update,
    Mixed,
}

const OPERATIONS: [Operation; 5] = [
    Operation::Search,
    Operation::Create,
    Operation::Read,
    Operation::Update,
    Operation::Mixed,
];

pub async fn run(
    target: &Target,
    watched: &Watched,
    options: &Smile,
    seed: u64,
) -> Result<Vec<Report>, String> {
    let mut rng = Rng::of(seed, 9);
    let links = subjects(target, &mut rng).await?;
    let mut reports = Vec::new();
    for clients in &options.clients {
        for operation in OPERATIONS {
            for pass in 0..PASSES {
                let pace = Pace {
                    clients: *clients,
                    warm_up: 0,
                    duration: SECONDS_MAX,
                    requests: None,
                };
                let scripts = (0..*clients).map(|n| Threads {
                    operation,
                    rng: Rng::of(seed ^ pass << 32, n as u64),
                    links: links.clone(),
                    own: None,
                    left: options.operations,
                });
                let measured = run::run(target, watched, &pace, scripts.collect()).await?;
                if pass > 0 {
                    let workload = format!("{operation:?}").to_lowercase();
                    reports.push(Report::new(workload, measured));
                }
            }
        }
    }
    Ok(reports)
}

struct Threads {
    operation: Operation,
    rng: Rng,
    links: Links,
    /// The Observation that this client made, and its revision.
    own: Option<(String, u32)>,
    left: u64,
}

impl Script for Threads {
    async fn step(&mut self, client: &mut Client) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        let operation = match self.operation {
            Operation::Mixed => OPERATIONS[self.rng.below(4) as usize],
            one => one,
        };
        match (operation, self.own.clone()) {
            (Operation::Search, _) => {
                let path = format!("ExplanationOfBenefit?patient={}", self.links.patient);
                client.get("search", &path).await;
            }
            (Operation::Read, Some((id, _))) => {
                client.get("read", &format!("Observation/{id}")).await;
            }
            (Operation::Update, Some((id, revision))) => {
                let body = self.observation(Some(&id), revision + 1);
                client.update(&format!("Observation/{id}"), body).await;
                self.own = Some((id, revision + 1));
            }
            // Who reads or updates has made something before.
            _ => {
                let body = self.observation(None, 0);
                let reply = client.create("Observation", body).await;
                self.own = reply.and_then(|r| r.id()).map(|id| (id, 0));
            }
        }
        true
    }
}

impl Threads {
    fn observation(&mut self, id: Option<&str>, revision: u32) -> String {
        load::small(
            Kind::Observation,
            self.rng.next(),
            id,
            revision,
            &self.links,
        )
    }
}
