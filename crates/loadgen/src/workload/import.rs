//! W2: transaction Bundles, each sent once, in a fixed order; the shared ones first and one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::arguments::{Import, Pace};
use crate::client::Client;
use crate::record::{Phase, Record};
use crate::report::Report;
use crate::run::{self, Script, Watched};
use crate::sources::{self, Bundle};
use crate::target::Target;

pub async fn run(
    target: &Target,
    watched: &Watched,
    options: &Import,
    seed: u64,
) -> Result<Report, String> {
    let bundles = match options.generate {
        Some(patients) => {
            let range = options.first_patient..options.first_patient + patients;
            sources::generated(seed, range, options.entries_per_patient)?
        }
        None => sources::read(&options.paths)?,
    };
    first(target, &bundles.first).await?;
    let queue = Arc::new(Queue {
        bundles: bundles.rest,
        next: AtomicUsize::new(0),
    });
    let scripts = (0..options.clients)
        .map(|_| Sender(queue.clone()))
        .collect();
    let pace = Pace {
        clients: options.clients,
        warm_up: 0,
        duration: options.duration,
        requests: None,
    };
    let measured = run::run(target, watched, &pace, scripts).await?;
    Ok(Report::new("import".to_owned(), measured))
}

/// Shared resources are not part of the measure, but nothing works without them.
async fn first(target: &Target, bundles: &[Bundle]) -> Result<(), String> {
    let mut client = Client::new(target, 0, Record::new(Phase::new(None)))?;
    for bundle in bundles {
        if client.transaction(bundle.text.clone()).await.is_none() {
            return Err(format!(
                "shared resources were refused: {:?}",
                client.record.failures.keys().collect::<Vec<_>>()
            ));
        }
    }
    Ok(())
}

struct Queue {
    bundles: Vec<Bundle>,
    next: AtomicUsize,
}

struct Sender(Arc<Queue>);

impl Script for Sender {
    async fn step(&mut self, client: &mut Client) -> bool {
        let n = self.0.next.fetch_add(1, Ordering::Relaxed);
        let Some(bundle) = self.0.bundles.get(n) else {
            return false;
        };
        if client.transaction(bundle.text.clone()).await.is_some() {
            client.record.moved(bundle.entries);
        }
        true
    }
}
