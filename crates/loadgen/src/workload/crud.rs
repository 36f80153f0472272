//! W1: nine linked types are created in order, read, changed in one scalar, and deleted in reverse order: 36 requests.

use ward_hospital::Rng;
use ward_hospital::load::{self, Kind, Links};

use crate::arguments::Pace;
use crate::client::Client;
use crate::report::Report;
use crate::run::{self, Script, Watched};
use crate::target::Target;

pub async fn run(
    target: &Target,
    watched: &Watched,
    pace: &Pace,
    seed: u64,
) -> Result<Report, String> {
    let scripts = (0..pace.clients)
        .map(|n| Crud {
            rng: Rng::of(seed, n as u64),
        })
        .collect();
    let measured = run::run(target, watched, pace, scripts).await?;
    Ok(Report::new("crud".to_owned(), measured))
}

struct Crud {
    rng: Rng,
}

impl Script for Crud {
    async fn step(&mut self, client: &mut Client) -> bool {
        let seed = self.rng.next();
        let mut links = Links::default();
        let mut made: Vec<(Kind, String)> = Vec::with_capacity(Kind::CRUD.len());
        for kind in Kind::CRUD {
            let reply = client
                .create(kind.name(), load::body(kind, seed, None, 0, &links))
                .await;
            // What could not be created cannot be linked to: the rest of this iteration would only repeat the failure.
            let Some(id) = reply.and_then(|r| r.id()) else {
                break;
            };
            link(&mut links, kind, &id);
            made.push((kind, id));
        }
        for (kind, id) in &made {
            client.get("read", &format!("{}/{id}", kind.name())).await;
        }
        for (kind, id) in &made {
            client
                .update(
                    &format!("{}/{id}", kind.name()),
                    load::body(*kind, seed, Some(id), 1, &links),
                )
                .await;
        }
        for (kind, id) in made.iter().rev() {
            client.delete(&format!("{}/{id}", kind.name())).await;
        }
        true
    }
}

fn link(links: &mut Links, kind: Kind, id: &str) {
    let field = match kind {
        Kind::Patient => &mut links.patient,
        Kind::Location => &mut links.location,
        Kind::Organization => &mut links.organization,
        Kind::Practitioner => &mut links.practitioner,
        Kind::Encounter => &mut links.encounter,
        Kind::Claim => &mut links.claim,
        _ => return,
    };
    id.clone_into(field);
}
