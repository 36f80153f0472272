//! Reads beside people who sign in, and the same reads alone, in turns: hashing passwords must not slow what others do.
//!
//! Each sign-in names somebody whom the server does not know, who costs it the same hash as anybody, and comes from an address of
//! its own, since the attempts from one are slowed. Reads are sent at a steady pace, so that only what they wait for differs: in a
//! closed loop they would take every processor there is, and lose what anything else takes.

mod crowd;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ward_hospital::Rng;
use ward_hospital::load::Kind;

use super::mix::harvest;
use super::together;
use crate::arguments::{Pace, SignIns};
use crate::client::Client;
use crate::record::{Phase, Record};
use crate::report::{Report, Slowed};
use crate::run::{self, Measured, Script, Watched};
use crate::target::Target;
use crowd::Crowd;

/// Seconds at the beginning of each block that are not counted.
const WARM_UP_S: u64 = 1;

pub async fn run(
    target: &Target,
    watched: &Watched,
    options: &SignIns,
    seed: u64,
) -> Result<Vec<Report>, String> {
    let mut setup = Client::new(target, 0, Record::new(Phase::new(None)))?;
    let mut known = Vec::new();
    harvest(&mut setup, Kind::Patient, &mut known).await;
    harvest(&mut setup, Kind::Observation, &mut known).await;
    if known.is_empty() || options.clients == 0 {
        return Err("there is nothing to read, or nobody who reads".to_owned());
    }
    let known: Arc<[(Kind, String)]> = known.into();
    let mut crowd = Crowd::gather(target, options.people).await?;
    let (mut alone, mut beside, mut signing_in) = (None, None, None);
    for round in 0..=options.rounds {
        let readers = || readers(options, &known, seed ^ round << 40);
        let quiet = run::run(target, watched, &pace(options), readers()).await?;
        let arriving = crowd.arrive();
        let busy = run::run(target, watched, &pace(options), readers()).await?;
        let (left, people) = arriving.leave().await?;
        crowd = left;
        // The first round warms what there is to be warmed.
        if round > 0 {
            add(&mut alone, quiet);
            add(&mut beside, busy);
            add(&mut signing_in, people);
        }
    }
    let report = |name: &str, measured: Option<Measured>| {
        let measured = measured.ok_or("there was no round")?;
        Ok::<Report, String>(Report::new(name.to_owned(), measured))
    };
    let alone = report("reads alone", alone)?;
    let mut beside = report("reads beside sign-ins", beside)?;
    beside.slowed = Some(Slowed::of(&beside, &alone));
    let signing_in = report("sign-ins beside reads", signing_in)?;
    Ok(vec![alone, beside, signing_in])
}

fn pace(options: &SignIns) -> Pace {
    Pace {
        clients: options.clients,
        warm_up: WARM_UP_S,
        duration: options.block,
        requests: None,
    }
}

fn add(sum: &mut Option<Measured>, block: Measured) {
    *sum = Some(match sum.take() {
        Some(sum) => together(sum, block),
        None => block,
    });
}

fn readers(options: &SignIns, known: &Arc<[(Kind, String)]>, seed: u64) -> Vec<Reader> {
    let clients = options.clients as u64;
    let between = between(options.rate, clients);
    let begun = Instant::now();
    (0..clients)
        .map(|n| Reader {
            known: known.clone(),
            rng: Rng::of(seed, n),
            // Not all at the same moment.
            due: begun + between.unwrap_or_default() * n as u32 / clients as u32,
            between,
        })
        .collect()
}

/// Between two reads of one of the clients, who together send so many a second; `None`: as soon as the last is answered.
fn between(rate: u64, clients: u64) -> Option<Duration> {
    (rate > 0).then(|| Duration::from_secs(clients) / u32::try_from(rate).unwrap_or(u32::MAX))
}

struct Reader {
    known: Arc<[(Kind, String)]>,
    rng: Rng,
    due: Instant,
    between: Option<Duration>,
}

impl Script for Reader {
    async fn step(&mut self, client: &mut Client) -> bool {
        if let Some(between) = self.between {
            match self.due > Instant::now() {
                true => tokio::time::sleep_until(self.due.into()).await,
                // It waits since then, whoever is to blame that it was not sent.
                false => client.due = Some(self.due),
            }
            self.due += between;
        }
        let at = self.rng.below(self.known.len() as u64) as usize;
        let (kind, id) = &self.known[at];
        client.get("read", &format!("{}/{id}", kind.name())).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_are_spread_over_the_clients() {
        assert_eq!(between(0, 8), None);
        assert_eq!(between(1_000, 8), Some(Duration::from_millis(8)));
        let options = SignIns {
            people: 20,
            clients: 4,
            rate: 100,
            block: 1,
            rounds: 1,
        };
        let known: Arc<[(Kind, String)]> = vec![(Kind::Patient, "1".to_owned())].into();
        let readers = readers(&options, &known, 1);
        let first = readers[0].due;
        let after: Vec<u128> = readers
            .iter()
            .map(|r| (r.due - first).as_millis())
            .collect();
        assert_eq!(after, [0, 10, 20, 30]);
    }
}
