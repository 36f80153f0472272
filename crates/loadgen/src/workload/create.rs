//! Creates of a laboratory Observation (0.8 KB), nothing else: the durable write by itself.

use ward_hospital::Rng;
use ward_hospital::load::{self, Kind, Links};

use crate::arguments::Pace;
use crate::client::Client;
use crate::record::{Phase, Record};
use crate::report::Report;
use crate::run::{self, Script, Watched};
use crate::target::Target;

pub async fn run(
    target: &Target,
    watched: &Watched,
    pace: &Pace,
    seed: u64,
) -> Result<Report, String> {
    let mut scripts = Vec::with_capacity(pace.clients);
    for n in 0..pace.clients {
        let mut rng = Rng::of(seed, n as u64);
        let links = subjects(target, &mut rng).await?;
        scripts.push(Create { rng, links });
    }
    let measured = run::run(target, watched, pace, scripts).await?;
    Ok(Report::new("create".to_owned(), measured))
}

/// Creates what an Observation refers to, so that the references hold on every server.
pub async fn subjects(target: &Target, rng: &mut Rng) -> Result<Links, String> {
    let mut client = Client::new(target, 0, Record::new(Phase::new(None)))?;
    let mut links = Links::default();
    let seed = rng.next();
    let kinds = [
        Kind::Patient,
        Kind::Location,
        Kind::Organization,
        Kind::Practitioner,
        Kind::Encounter,
    ];
    for kind in kinds {
        let reply = client
            .create(kind.name(), load::body(kind, seed, None, 0, &links))
            .await;
        let Some(id) = reply.and_then(|r| r.id()) else {
            return Err(format!(
                "{} could not be created: {:?}",
                kind.name(),
                client.record.failures.keys().collect::<Vec<_>>()
            ));
        };
        match kind {
            Kind::Patient => links.patient = id,
            Kind::Location => links.location = id,
            Kind::Organization => links.organization = id,
            Kind::Practitioner => links.practitioner = id,
            _ => links.encounter = id,
        }
    }
    Ok(links)
}

struct Create {
    rng: Rng,
    links: Links,
}

impl Script for Create {
    async fn step(&mut self, client: &mut Client) -> bool {
        let body = load::body(Kind::Observation, self.rng.next(), None, 0, &self.links);
        if client
            .create(Kind::Observation.name(), body)
            .await
            .is_some()
        {
            client.record.moved(1);
        }
        true
    }
}
