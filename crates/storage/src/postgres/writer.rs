//! Committing: each request for itself while few are under way, in batches by two writers above that.
//!
//! PostgreSQL shares flushes between transactions by itself: below about 16 in flight batches draw or lose (0.23-1.0
//! of single commits at 8 clients), above they win (1.3-1.7 times at 32).

use super::connection::Failure;
use super::pool::Pool;
use super::write;
use crate::batch;
use crate::contract::CommitError;
use crate::core::{Core, Prepared};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Commits under way before new ones are queued for the writers.
pub const DIRECT_MAX: usize = 16;
/// Writers of a process; units go to one by home patient.
pub const WRITERS: usize = 2;
/// Units waiting for one writer; more wait in their callers.
const QUEUE_MAX: usize = 1_024;
/// Further attempts of a unit that met a conflict between transactions.
const RETRIES_MAX: usize = 3;

pub type Commit = (Prepared, oneshot::Sender<Result<(), CommitError>>);

/// Starts the writers on a thread of their own; they end when the queues are dropped.
pub fn start(pool: Arc<Pool>, core: Arc<Core>) -> std::io::Result<Vec<mpsc::Sender<Commit>>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (senders, receivers): (Vec<_>, Vec<_>) =
        (0..WRITERS).map(|_| mpsc::channel(QUEUE_MAX)).unzip();
    std::thread::Builder::new()
        .name("ward-postgres-writer".into())
        .spawn(move || {
            runtime.block_on(futures_util::future::join_all(
                receivers.into_iter().map(|queue| run(&pool, &core, queue)),
            ));
        })?;
    Ok(senders)
}

async fn run(pool: &Pool, core: &Core, mut queue: mpsc::Receiver<Commit>) {
    let mut waiting = VecDeque::new();
    loop {
        if waiting.is_empty() {
            match queue.recv().await {
                Some(commit) => waiting.push_back(commit),
                None => return,
            }
        }
        while waiting.len() < QUEUE_MAX {
            match queue.try_recv() {
                Ok(commit) => waiting.push_back(commit),
                Err(_) => break,
            }
        }
        let batch = batch::take(
            &mut waiting,
            |(prepared, _): &Commit| &prepared.unit,
            &core.cipher,
        );
        let (prepared, answers): (Vec<Prepared>, Vec<_>) = batch.into_iter().unzip();
        let outcomes = commit(pool, core, &prepared.iter().collect::<Vec<_>>()).await;
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            // Whoever asked may have gone away; the outcome stands.
            let _ = answer.send(outcome);
        }
    }
}

/// Commits units together, or one by one when they met a conflict with another transaction.
pub async fn commit(pool: &Pool, core: &Core, batch: &[&Prepared]) -> Vec<Result<(), CommitError>> {
    let outcomes = match attempt(pool, core, batch, false).await {
        Ok(outcomes) => outcomes,
        Err(Failure::Conflict) => one_by_one(pool, core, batch).await,
        Err(_) => vec![Err(CommitError::Unavailable); batch.len()],
    };
    for (prepared, outcome) in batch.iter().zip(&outcomes) {
        core.keys.settled(&prepared.new_keys, outcome.is_ok());
    }
    outcomes
}

async fn one_by_one(pool: &Pool, core: &Core, batch: &[&Prepared]) -> Vec<Result<(), CommitError>> {
    let mut outcomes = Vec::with_capacity(batch.len());
    for prepared in batch {
        let mut outcome = Err(CommitError::Unavailable);
        for _ in 0..=RETRIES_MAX {
            match attempt(pool, core, &[prepared], true).await {
                Ok(done) => outcome = done.first().copied().unwrap_or(outcome),
                Err(Failure::Conflict) => continue,
                Err(_) => {}
            }
            break;
        }
        outcomes.push(outcome);
    }
    outcomes
}

async fn attempt(
    pool: &Pool,
    core: &Core,
    batch: &[&Prepared],
    careful: bool,
) -> Result<Vec<Result<(), CommitError>>, Failure> {
    let pooled = pool.get().await?;
    let done = write::write(&pooled, core, batch, careful).await;
    if done != Err(Failure::Broken) {
        pooled.release();
    }
    done
}
