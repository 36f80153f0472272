//! Rows of a walk, extracted and committed anew.

use super::Walk;
use crate::document::reread;
use crate::engine::{Engine, store_failure, stored};
use crate::place::{self, Destination, Literally};
use bytes::Bytes;
use ward_access::{Access, Action, Maintenance, maintenance};
use ward_fhir::issue::Result;
use ward_fhir::{Document, TypeId};
use ward_search::entries::Entries;
use ward_search::extract::Extractor;
use ward_storage::{
    CommitError, Current, Expect, Generation, Op, Rid, Row, StoreError, Unit, Write,
};

/// How often a row is tried that others write each time; then the walk pauses.
const ATTEMPTS_MAX: usize = 16;

impl Engine {
    /// Indexes the rows anew; those that others write meanwhile one by one.
    pub(super) async fn anew(&self, walk: &Walk, rids: Vec<Rid>) -> Result<()> {
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
            let extract = |extractor: &Extractor| -> Entries {
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
}
