//! W4: small documents; of a hundred verbs 10 create, 60 read, 25 update (a read, then the write) and 5 delete; or reads
//! alone. Each client updates and deletes only what it created itself.

use std::sync::Arc;

use serde_json::Value;
use ward_hospital::Rng;
use ward_hospital::load::{self, Kind, Links};

use super::create::subjects;
use crate::arguments::Pace;
use crate::client::Client;
use crate::record::{Phase, Record};
use crate::report::Report;
use crate::run::{self, Measured, Script, Watched};
use crate::target::Target;

/// Type and its share in a hundred.
const TYPES: [(Kind, u64); 5] = [
    (Kind::Observation, 50),
    (Kind::Patient, 20),
    (Kind::Condition, 15),
    (Kind::Encounter, 10),
    (Kind::MedicationRequest, 5),
];
/// Documents that each client makes before the clock starts.
const OWN_AT_START: usize = 20;
/// Documents of each type that are looked for on the server, to be read.
const HARVEST_PER_TYPE: usize = 200;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Verbs {
    All,
    ReadOnly,
}

pub async fn run(
    target: &Target,
    watched: &Watched,
    pace: &Pace,
    seed: u64,
    verbs: Verbs,
) -> Result<Report, String> {
    let measured = measured(target, watched, pace, seed, verbs).await?;
    let workload = if verbs == Verbs::All { "mix" } else { "read" };
    Ok(Report::new(workload.to_owned(), measured))
}

pub(super) async fn measured(
    target: &Target,
    watched: &Watched,
    pace: &Pace,
    seed: u64,
    verbs: Verbs,
) -> Result<Measured, String> {
    let mut setup = Client::new(target, 0, Record::new(Phase::new(None)))?;
    let mut known = Vec::new();
    for (kind, _) in TYPES {
        harvest(&mut setup, kind, &mut known).await;
    }
    let mut scripts = Vec::with_capacity(pace.clients);
    for n in 0..pace.clients {
        let mut rng = Rng::of(seed, n as u64);
        let links = subjects(target, &mut rng).await?;
        let mut mix = Mix {
            rng,
            links,
            verbs,
            known: Arc::default(),
            own: Vec::new(),
        };
        for _ in 0..OWN_AT_START {
            mix.create(&mut setup).await;
        }
        known.extend(mix.own.iter().map(|own| (own.kind, own.id.clone())));
        scripts.push(mix);
    }
    if known.is_empty() {
        return Err(format!(
            "nothing to read: {:?}",
            setup.record.failures.keys().collect::<Vec<_>>()
        ));
    }
    let known = Arc::new(known);
    scripts.iter_mut().for_each(|s| s.known = known.clone());
    run::run(target, watched, pace, scripts).await
}

/// Ids of resources that are there already, as far as the server lets us search for them.
pub(super) async fn harvest(client: &mut Client, kind: Kind, known: &mut Vec<(Kind, String)>) {
    let path = format!("{}?_count={HARVEST_PER_TYPE}", kind.name());
    let Some(reply) = client.get("harvest", &path).await else {
        return;
    };
    let Ok(bundle) = serde_json::from_slice::<Value>(&reply.body) else {
        return;
    };
    let entries = bundle["entry"].as_array().into_iter().flatten();
    let ids = entries
        .filter_map(|e| e["resource"]["id"].as_str())
        .map(|id| (kind, id.to_owned()));
    known.extend(ids);
}

struct Mix {
    rng: Rng,
    links: Links,
    verbs: Verbs,
    /// What may be read; deleting it is left to its owner, who reads only others' and what is left of his own.
    known: Arc<Vec<(Kind, String)>>,
    own: Vec<Own>,
}

struct Own {
    kind: Kind,
    id: String,
    seed: u64,
    revision: u32,
    /// Made before the clock started: others read it, so it is never deleted.
    shared: bool,
}

impl Script for Mix {
    async fn step(&mut self, client: &mut Client) -> bool {
        if self.verbs == Verbs::ReadOnly {
            self.read(client).await;
            return true;
        }
        match self.rng.below(100) {
            0..10 => self.create(client).await,
            10..70 => self.read(client).await,
            70..95 => self.update(client).await,
            _ => self.delete(client).await,
        }
        true
    }
}

impl Mix {
    async fn create(&mut self, client: &mut Client) {
        let (kind, seed) = (self.kind(), self.rng.next());
        let reply = client
            .create(kind.name(), load::small(kind, seed, None, 0, &self.links))
            .await;
        if let Some(id) = reply.and_then(|r| r.id()) {
            let shared = self.known.is_empty();
            self.own.push(Own {
                kind,
                id,
                seed,
                revision: 0,
                shared,
            });
        }
    }

    async fn read(&mut self, client: &mut Client) {
        let n = self.rng.below(self.known.len() as u64) as usize;
        let (kind, id) = &self.known[n];
        client.get("read", &format!("{}/{id}", kind.name())).await;
    }

    async fn update(&mut self, client: &mut Client) {
        if self.own.is_empty() {
            return self.create(client).await;
        }
        let n = self.rng.below(self.own.len() as u64) as usize;
        let own = &mut self.own[n];
        let path = format!("{}/{}", own.kind.name(), own.id);
        if client.get("read", &path).await.is_some() {
            own.revision += 1;
            let body = load::small(own.kind, own.seed, Some(&own.id), own.revision, &self.links);
            client.update(&path, body).await;
        }
    }

    async fn delete(&mut self, client: &mut Client) {
        match self.own.iter().rposition(|own| !own.shared) {
            Some(n) => {
                let own = self.own.swap_remove(n);
                client
                    .delete(&format!("{}/{}", own.kind.name(), own.id))
                    .await;
            }
            None => self.create(client).await,
        }
    }

    fn kind(&mut self) -> Kind {
        let mut left = self.rng.below(100);
        for (kind, share) in TYPES {
            if left < share {
                return kind;
            }
            left -= share;
        }
        Kind::Observation
    }
}
