//! Committing: each request for itself while few are under way, in batches above that.
//!
//! PostgreSQL shares flushes between transactions by itself: below about 16 in flight batches draw or lose (0.23-1.0
//! of single commits at 8 clients), above they win (1.3-1.7 times at 32).
//!
//! A statement costs 80 us before its first row and about 75 for each (2026-11, Observation), so the size of a batch
//! decides: one writer at a time takes what has queued while the one before committed, and only large batches go side by
//! side. Two writers for small ones, or one that starts while the other flushes, took 1.2 to 1.6 times the CPU.

use super::connection::Failure;
use super::pool::{Pool, Pooled};
use super::tables;
use super::write;
use crate::batch;
use crate::contract::CommitError;
use crate::core::{Core, Prepared};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc, oneshot};

/// Commits under way before new ones are queued for the writers.
pub const DIRECT_MAX: usize = 16;
/// Batches of a process under way at once, if they are large.
pub const WRITERS: usize = 2;
/// Resource versions of a batch from which another one would gain nothing by waiting for it to grow.
const LARGE_WRITES: usize = 64;
/// Units waiting for the writers; more wait in their callers.
const QUEUE_MAX: usize = 1_024;
/// Further attempts of a unit that met a conflict between transactions.
const RETRIES_MAX: usize = 3;

pub type Commit = (Prepared, oneshot::Sender<Result<(), CommitError>>);

/// Starts the writers on a thread of their own; they end when the queue's sender is dropped.
pub fn start(pool: Arc<Pool>, core: Arc<Core>) -> std::io::Result<mpsc::Sender<Commit>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (sender, receiver) = mpsc::channel(QUEUE_MAX);
    let queue = Mutex::new(Queue {
        receiver,
        waiting: VecDeque::new(),
    });
    std::thread::Builder::new()
        .name("ward-postgres-writer".into())
        .spawn(move || {
            runtime.block_on(futures_util::future::join_all(
                (0..WRITERS).map(|_| run(&pool, &core, &queue)),
            ));
        })?;
    Ok(sender)
}

struct Queue {
    receiver: mpsc::Receiver<Commit>,
    /// Received, and not yet taken: a unit that must not meet another one in a batch.
    waiting: VecDeque<Commit>,
}

impl Queue {
    /// What has queued and goes together; `None` when there will be no more.
    async fn next(&mut self, core: &Core) -> Option<Vec<Commit>> {
        if self.waiting.is_empty() {
            self.waiting.push_back(self.receiver.recv().await?);
        }
        while self.waiting.len() < QUEUE_MAX {
            match self.receiver.try_recv() {
                Ok(commit) => self.waiting.push_back(commit),
                Err(_) => break,
            }
        }
        Some(batch::take(
            &mut self.waiting,
            |(prepared, _): &Commit| &prepared.unit,
            &core.cipher,
        ))
    }
}

async fn run(pool: &Pool, core: &Core, queue: &Mutex<Queue>) {
    loop {
        let mut turn = queue.lock().await;
        let Some(batch) = turn.next(core).await else {
            return;
        };
        let (prepared, answers): (Vec<Prepared>, Vec<_>) = batch.into_iter().unzip();
        let writes: usize = prepared.iter().map(|p| p.unit.writes.len()).sum();
        let turn = (writes < LARGE_WRITES).then_some(turn);
        let outcomes = commit(pool, core, &prepared.iter().collect::<Vec<_>>()).await;
        drop(turn);
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
        core.settled(prepared, outcome.is_ok());
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

/// Writes one unit and leaves its transaction open on the connection that is given back.
pub async fn open(pool: &Pool, core: &Core, prepared: &Prepared) -> Result<Pooled, CommitError> {
    for attempt in 0..=RETRIES_MAX {
        let Ok(pooled) = pool.get().await else { break };
        let opened = match tables::ensure(&pooled, prepared.unit.writes.iter()).await {
            Ok(()) => write::open(&pooled, core, prepared, attempt > 0).await,
            Err(failure) => Err(failure),
        };
        match opened {
            Ok(Ok(())) => return Ok(pooled),
            Ok(Err(refused)) => {
                pooled.release();
                return Err(refused);
            }
            Err(Failure::Conflict) => pooled.release(),
            Err(Failure::Broken) => break,
            Err(_) => {
                pooled.release();
                break;
            }
        }
    }
    Err(CommitError::Unavailable)
}

async fn attempt(
    pool: &Pool,
    core: &Core,
    batch: &[&Prepared],
    careful: bool,
) -> Result<Vec<Result<(), CommitError>>, Failure> {
    let pooled = pool.get().await?;
    let writes = batch.iter().flat_map(|prepared| &prepared.unit.writes);
    let done = match tables::ensure(&pooled, writes).await {
        Ok(()) => write::write(&pooled, core, batch, careful).await,
        Err(failure) => Err(failure),
    };
    if done != Err(Failure::Broken) {
        pooled.release();
    }
    done
}
