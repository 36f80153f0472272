//! A closed loop: N clients, each doing one step after the other until time or work is over.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::arguments::Pace;
use crate::client::Client;
use crate::meter::{self, Usage};
use crate::record::{Phase, Record};
use crate::target::Target;

/// What one client does; made once per client, so it may keep what it created.
pub trait Script: Send + 'static {
    /// One iteration; false when there is nothing left to do.
    fn step(&mut self, client: &mut Client) -> impl Future<Output = bool> + Send;
}

/// Which processes are watched.
#[derive(Clone, Default)]
pub struct Watched {
    pub server: Vec<u32>,
    pub database: Vec<u32>,
}

/// What a run has measured.
pub struct Measured {
    pub clients: usize,
    pub seconds: f64,
    pub record: Record,
    pub server: Option<Usage>,
    pub database: Option<Usage>,
    pub own_cpu_ms: u64,
}

/// Runs one script per client; CPU is what was used in the measured time, memory what it was at the end.
pub async fn run<S: Script>(
    target: &Target,
    watched: &Watched,
    pace: &Pace,
    scripts: Vec<S>,
) -> Result<Measured, String> {
    let phase = Phase::new(pace.requests);
    let clients = scripts.len();
    let mut tasks = JoinSet::new();
    if pace.warm_up == 0 {
        phase.measure();
    }
    let (mut before, mut begun) = (Sample::take(watched), Instant::now());
    for (n, mut script) in scripts.into_iter().enumerate() {
        let mut client = Client::new(target, n, Record::new(phase.clone()))?;
        let phase = phase.clone();
        tasks.spawn(async move {
            while !phase.stopped() && script.step(&mut client).await {}
            client.record
        });
    }
    let timer = Timer {
        phase: phase.clone(),
        watched: watched.clone(),
    };
    let warm = timer.warm_up(pace.warm_up, &mut tasks).await;
    if let Some((sample, at)) = warm.sample {
        (before, begun) = (sample, at);
    }
    let mut records = warm.ended;
    let deadline = tokio::time::sleep(Duration::from_secs(pace.duration));
    tokio::pin!(deadline);
    loop {
        tokio::select! {
            ended = tasks.join_next() => match ended {
                Some(record) => records.push(record.map_err(|e| format!("a client ended: {e}"))?),
                None => break,
            },
            () = &mut deadline, if !phase.stopped() => phase.stop(),
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    let after = Sample::take(watched);
    let mut record = Record::new(phase);
    records.into_iter().for_each(|r| record.merge(r));
    let difference = |b: &Usage, a: &Usage| Usage {
        cpu_ms: a.cpu_ms.saturating_sub(b.cpu_ms),
        ..*a
    };
    Ok(Measured {
        clients,
        seconds,
        record,
        server: (!watched.server.is_empty()).then(|| difference(&before.server, &after.server)),
        database: (!watched.database.is_empty())
            .then(|| difference(&before.database, &after.database)),
        own_cpu_ms: after.own.cpu_ms.saturating_sub(before.own.cpu_ms),
    })
}

struct Sample {
    server: Usage,
    database: Usage,
    own: Usage,
}

impl Sample {
    fn take(watched: &Watched) -> Self {
        Self {
            server: meter::usage(&watched.server),
            database: meter::usage(&watched.database),
            own: meter::own(),
        }
    }
}

struct Timer {
    phase: Arc<Phase>,
    watched: Watched,
}

struct Warm {
    sample: Option<(Sample, Instant)>,
    ended: Vec<Record>,
}

impl Timer {
    /// Waits for the end of the warm-up, then lets the measuring begin; clients may have ended before.
    async fn warm_up(&self, seconds: u64, tasks: &mut JoinSet<Record>) -> Warm {
        let mut ended = Vec::new();
        if seconds == 0 {
            return Warm {
                sample: None,
                ended,
            };
        }
        let end = tokio::time::sleep(Duration::from_secs(seconds));
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => break,
                record = tasks.join_next() => match record {
                    Some(Ok(record)) => ended.push(record),
                    _ => break,
                },
            }
        }
        let sample = Sample::take(&self.watched);
        self.phase.measure();
        Warm {
            sample: Some((sample, Instant::now())),
            ended,
        }
    }
}
