//! Bringing the index up to the search parameters that clients define and to the types whose words it has, beside the traffic.
//!
//! What is left to do is what the rows say ([`Generations`]): a walk over the rows of each type that is not there yet, a
//! bounded batch at a time, each batch one commit that writes entries, counters and generations and makes no version. A
//! process that ends loses nothing but its place; of several over one database one does it.

mod anew;

use crate::engine::{Engine, stored};
use crate::generations::Generations;
use crate::search_parameters::Snapshot;
use serde_json::json;
use std::time::{Duration, Instant};
use ward_fhir::TypeId;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_storage::{Indexed, Rid};

/// Rows that one commit indexes anew.
const ROWS_PER_BATCH: usize = 50;
/// Rows whose generation is looked at in one step.
const ROWS_PER_STEP: u32 = 1_000;
/// How often progress is told to other processes, and logged.
const TOLD_EVERY: Duration = Duration::from_secs(1);
const LOGGED_EVERY: Duration = Duration::from_secs(30);

/// How far the work of this process is.
#[derive(Default)]
pub struct Indexer {
    walk: Option<Walk>,
    told: Option<Instant>,
    logged: Option<Instant>,
}

struct Walk {
    ty: TypeId,
    /// The generation that its rows must reach.
    target: u32,
    after: Option<Indexed>,
    /// Live rows passed, and in all when it began.
    done: u64,
    all: u64,
}

impl Engine {
    /// A step of the work, a few milliseconds of it; `false`: nothing is left, or another process does it.
    pub async fn index(&self, indexer: &mut Indexer) -> Result<bool> {
        let mut served = self.asking().await?;
        let generations = self.generations()?;
        if !self.lags(&generations, &served) && generations.stale().is_empty() {
            indexer.walk = None;
            return Ok(false);
        }
        if !self.hold(indexer).await? {
            indexer.walk = None;
            return Ok(false);
        }
        if self.lags(&generations, &served) {
            // What others may have defined meanwhile belongs to the same generation.
            self.served.expire();
            served = self.asking().await?;
            return self.raise(&served).await.map(|()| true);
        }
        let stale = generations.stale();
        let is_stale = |walk: &Walk| stale.contains(&(walk.ty, walk.target));
        let Some(walk) = indexer.walk.as_mut().filter(|walk| is_stale(walk)) else {
            indexer.walk = None;
            return self.begin(indexer, &stale).await.map(|()| true);
        };
        if self.walk(walk).await? {
            let (ty, generation) = (walk.ty, walk.target);
            self.reached(&[(ty, generation)]).await?;
            tracing::info!(resource = r4().ty(ty).name, generation, "index built");
            indexer.walk = None;
        }
        Ok(true)
    }

    /// Makes the work go on without waiting.
    pub(crate) fn ask_to_index(&self) {
        self.served.expire();
        self.index_asked.notify_one();
    }

    /// Ends when somebody asks for it.
    pub async fn index_asked(&self) {
        self.index_asked.notified().await;
    }

    /// Whether something else is wanted by now than rows are to be indexed by.
    pub(crate) fn lags(&self, generations: &Generations, served: &Snapshot) -> bool {
        let next = generations.raised(
            (&served.wanted(), &self.settings.full_text),
            served.mark(),
            &self.extractor,
            &self.registry,
        );
        next.is_some()
    }

    /// Whether the work is this process's to do.
    async fn hold(&self, indexer: &mut Indexer) -> Result<bool> {
        let due = |at: Option<Instant>, every| at.is_none_or(|at| at.elapsed() >= every);
        if !due(indexer.told, TOLD_EVERY) {
            return Ok(true);
        }
        let told = indexer.walk.as_ref().map_or(json!({}), |walk| {
            json!({ "type": r4().ty(walk.ty).name, "generation": walk.target, "done": walk.done })
        });
        let held = stored(self.store.work(&told.to_string()).await)?;
        indexer.told = held.then(Instant::now);
        if let Some(walk) = indexer
            .walk
            .as_ref()
            .filter(|_| held && due(indexer.logged, LOGGED_EVERY))
        {
            let resource = r4().ty(walk.ty).name;
            tracing::info!(
                resource,
                rows = walk.done,
                of = walk.all,
                "building the index"
            );
            indexer.logged = Some(Instant::now());
        }
        Ok(held)
    }

    async fn raise(&self, served: &Snapshot) -> Result<()> {
        let (wanted, mark) = (served.wanted(), served.mark());
        let wanted = (wanted.as_slice(), self.settings.full_text.as_slice());
        self.change(|now| now.raised(wanted, mark, &self.extractor, &self.registry))
            .await
    }

    async fn reached(&self, types: &[(TypeId, u32)]) -> Result<()> {
        let with = |now: Generations, (ty, target): &(TypeId, u32)| now.reached(*ty, *target);
        self.change(|now| Some(types.iter().fold(now.clone(), with)))
            .await
    }

    /// Until it is stored, or there is nothing to change.
    async fn change(&self, next: impl Fn(&Generations) -> Option<Generations>) -> Result<()> {
        loop {
            stored(self.store.load_indexing().await)?;
            let now = self.generations()?;
            let Some(next) = next(&now) else {
                return Ok(());
            };
            let generation = next.current().generation;
            let changed = self
                .store
                .change_indexing(now.revision, generation, next.state());
            if stored(changed.await)? {
                // Questions are read by it from now on.
                self.served.expire();
                return Ok(());
            }
        }
    }

    /// Types without rows are there at once, and in one change; of the others the one with fewest rows is walked next, so that most
    /// are soon.
    async fn begin(&self, indexer: &mut Indexer, stale: &[(TypeId, u32)]) -> Result<()> {
        let types: Vec<TypeId> = stale.iter().map(|(ty, _)| *ty).collect();
        let counted = stored(self.store.counted(&types).await)?;
        let mut empty = Vec::new();
        for (next, _) in stale.iter().zip(&counted).filter(|(_, all)| **all == 0) {
            // The counters tell where to look; that there is nothing the rows themselves say.
            if stored(self.store.indexed(next.0, None, 1).await)?.is_empty() {
                empty.push(*next);
            }
        }
        if !empty.is_empty() {
            return self.reached(&empty).await;
        }
        let least = stale.iter().zip(counted).min_by_key(|(_, all)| *all);
        let Some(((ty, target), all)) = least.map(|(next, all)| (*next, all)) else {
            return Ok(());
        };
        let resource = r4().ty(ty).name;
        tracing::info!(
            resource,
            generation = target,
            rows = all,
            "building the index"
        );
        indexer.logged = Some(Instant::now());
        indexer.walk = Some(Walk {
            ty,
            target,
            after: None,
            done: 0,
            all,
        });
        Ok(())
    }

    /// A step of the walk; whether it has ended.
    async fn walk(&self, walk: &mut Walk) -> Result<bool> {
        let rows = stored(self.store.indexed(walk.ty, walk.after, ROWS_PER_STEP).await)?;
        let older = |row: &&Indexed| row.generation < walk.target;
        let batch: Vec<Indexed> = rows
            .iter()
            .filter(older)
            .take(ROWS_PER_BATCH)
            .copied()
            .collect();
        let is_whole = batch.len() < ROWS_PER_BATCH;
        let last = if is_whole { rows.last() } else { batch.last() };
        let Some(last) = last.copied() else {
            return Ok(true);
        };
        let rids: Vec<Rid> = batch.iter().map(|row| row.rid).collect();
        self.anew(walk, &rids).await?;
        let passed = rows
            .iter()
            .position(|row| *row == last)
            .map_or(0, |at| at + 1);
        walk.done += passed as u64;
        walk.after = Some(last);
        Ok(is_whole && rows.len() < ROWS_PER_STEP as usize)
    }
}
