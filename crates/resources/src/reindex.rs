//! Bringing the index up to the search parameters that clients define, beside the traffic.
//!
//! What is left to do is what the rows say ([`Generations`]): a walk over the rows of each type that is not there yet, a
//! bounded batch at a time, each batch one commit that writes entries, counters and generations and makes no version. A
//! process that ends loses nothing but its place; of several over one database one does it.

use crate::document::reread;
use crate::engine::{Engine, store_failure, stored};
use crate::generations::Generations;
use crate::place::{self, Destination, Literally};
use bytes::Bytes;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ward_access::{Access, Action, Maintenance, maintenance};
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Document, Failure, Kind, TypeId};
use ward_search::entries::Entries;
use ward_storage::{
    CommitError, Current, Expect, Generation, Indexed, Op, Rid, Row, StoreError, Unit, Write,
};

/// Rows that one commit indexes anew.
const ROWS_PER_BATCH: usize = 50;
/// Rows whose generation is looked at in one step.
const ROWS_PER_STEP: u32 = 1_000;
/// A row that is written by others each time is left to its next write.
const ATTEMPTS_MAX: usize = 16;
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
        let walking = indexer.walk.as_ref().map(|walk| (walk.ty, walk.target));
        let next = stale.iter().copied().find(|next| Some(*next) == walking);
        let Some((ty, target)) = next.or(stale.first().copied()) else {
            return Ok(false);
        };
        if Some((ty, target)) != walking {
            self.begin(indexer, ty, target).await?;
        }
        let ended = match &mut indexer.walk {
            Some(walk) => self.walk(walk).await?,
            None => return Ok(false),
        };
        if ended {
            self.reached(ty, target).await?;
            tracing::info!(
                resource = r4().ty(ty).name,
                generation = target,
                "index built"
            );
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

    /// Whether clients define something else by now than rows are to be indexed by.
    pub(crate) fn lags(
        &self,
        generations: &Generations,
        served: &crate::search_parameters::Snapshot,
    ) -> bool {
        let next = generations.raised(
            &served.wanted(),
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

    async fn raise(&self, served: &crate::search_parameters::Snapshot) -> Result<()> {
        let (wanted, mark) = (served.wanted(), served.mark());
        self.change(|now| now.raised(&wanted, mark, &self.extractor, &self.registry))
            .await
    }

    async fn reached(&self, ty: TypeId, target: u32) -> Result<()> {
        self.change(|now| Some(now.reached(ty, target))).await
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

    async fn begin(&self, indexer: &mut Indexer, ty: TypeId, target: u32) -> Result<()> {
        let counted = stored(self.store.counted(&[ty]).await)?;
        let all = counted.first().copied().unwrap_or(0);
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
        self.anew(walk, batch.iter().map(|row| row.rid).collect())
            .await?;
        let passed = rows
            .iter()
            .position(|row| *row == last)
            .map_or(0, |at| at + 1);
        walk.done += passed as u64;
        walk.after = Some(last);
        Ok(is_whole && rows.len() < ROWS_PER_STEP as usize)
    }

    /// Indexes the rows anew; those that others write meanwhile one by one.
    async fn anew(&self, walk: &Walk, rids: Vec<Rid>) -> Result<()> {
        if rids.is_empty() || self.attempt(walk, &rids).await? {
            return Ok(());
        }
        for rid in rids {
            let mut done = false;
            for _ in 0..ATTEMPTS_MAX {
                done = self.attempt(walk, &[rid]).await?;
                if done {
                    break;
                }
            }
            if !done {
                return Err(store_failure(StoreError::Unavailable));
            }
        }
        Ok(())
    }

    /// `false`: something has changed meanwhile.
    async fn attempt(&self, walk: &Walk, rids: &[Rid]) -> Result<bool> {
        let access = maintenance(Maintenance::Reindex);
        let rows = self.rows(&access, walk, rids).await?;
        let writes = self.compose_anew(rows).await?;
        if writes.is_empty() {
            return Ok(true);
        }
        let unit = Unit {
            writes,
            ..Unit::default()
        };
        let committed = self.store.commit(unit).await;
        self.heed(&committed).await;
        match committed {
            Ok(()) => Ok(true),
            Err(CommitError::Unavailable) => Err(store_failure(StoreError::Unavailable)),
            Err(_) => Ok(false),
        }
    }

    /// Those that are still to be indexed anew.
    async fn rows(&self, access: &Access, walk: &Walk, rids: &[Rid]) -> Result<Vec<Row>> {
        let keys: Vec<(TypeId, Rid)> = rids.iter().map(|rid| (walk.ty, *rid)).collect();
        let found = stored(self.store.read_many(access, Action::Read, &keys).await)?;
        let rows = found.into_iter().filter_map(|current| match current {
            Current::Live(row) if row.generation < walk.target => Some(row),
            _ => None,
        });
        Ok(rows.collect())
    }

    async fn compose_anew(&self, rows: Vec<Row>) -> Result<Vec<Write>> {
        let mut documents: Vec<Document> = Vec::with_capacity(rows.len());
        for row in &rows {
            documents.push(reread(&row.body)?);
        }
        let mut destinations: Vec<Destination> = documents
            .iter()
            .zip(&rows)
            .map(|(document, row)| {
                Destination::of(self, document.root(), Some(row.rid), &Literally)
            })
            .collect();
        place::locate(self, &mut destinations).await?;
        let placements = place::settle(self, destinations).await?;
        let generations = self.generations()?;
        let new = generations.current();
        let mut writes = Vec::with_capacity(rows.len());
        for ((row, document), placement) in rows.iter().zip(&documents).zip(&placements) {
            let old = self.set_of(row.generation).await?;
            let extract = |extractor: &ward_search::extract::Extractor| -> Entries {
                let mut entries = extractor.extract(document.root(), &|_| None);
                placement.add_terms(self, &mut entries);
                entries
            };
            let (entries, old_entries) = (extract(&new.extractor), extract(&old.extractor));
            writes.push(Write {
                ty: row.ty,
                rid: row.rid,
                alias: None,
                expect: Expect::Stays(row.version),
                version: row.version,
                updated_us: row.updated_us,
                op: Op::Update,
                patient: row.patient,
                visibility: 0,
                body: Bytes::new(),
                entries,
                old_entries,
                generation: Generation {
                    new: new.generation,
                    old: row.generation,
                },
            });
            tokio::task::yield_now().await;
        }
        Ok(writes)
    }

    /// What rows are indexed by, as it is known here.
    pub(crate) fn generations(&self) -> Result<Arc<Generations>> {
        let indexing = self.store.indexing();
        let known = self.served.generations();
        if let Some(known) = known.filter(|known| known.revision == indexing.revision) {
            return Ok(known);
        }
        let read = Generations::read(&indexing, &self.extractor, &self.registry)?;
        Ok(self.served.keep_generations(read))
    }

    /// What a row of this generation was indexed by. One statement where another process has raised it.
    pub(crate) async fn set_of(&self, generation: u32) -> Result<crate::generations::Set> {
        if let Some(set) = self.generations()?.of(generation) {
            return Ok(set.clone());
        }
        stored(self.store.load_indexing().await)?;
        let generations = self.generations()?;
        let set = generations.of(generation).cloned();
        set.ok_or_else(|| Failure::new(Kind::Internal, "a row is of no known generation"))
    }

    /// Learns by what is written, where a commit was refused because it is otherwise by now.
    pub(crate) async fn heed<T>(&self, committed: &std::result::Result<T, CommitError>) {
        if matches!(committed, Err(CommitError::Generation)) {
            // If it fails, the next attempt is refused as well.
            let _ = self.store.load_indexing().await;
        }
    }
}
