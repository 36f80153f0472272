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

/// Rows that are read at once, and bytes of resources with which a commit is full: what a batch holds in memory is no more than
/// this and one reading, however large resources are.
const ROWS_PER_READ: usize = 5;
const BYTES_PER_COMMIT: usize = 4 << 20;
/// How often a row is tried that others write each time; then the walk pauses.
const ATTEMPTS_MAX: usize = 16;

impl Engine {
    /// Indexes the rows anew; those that others write meanwhile one by one.
    pub(super) async fn anew(&self, walk: &Walk, rids: &[Rid]) -> Result<()> {
        let mut left = rids;
        while !left.is_empty() {
            match self.attempt(walk, left).await? {
                0 => return self.one_by_one(walk, left).await,
                done => left = &left[done..],
            }
        }
        Ok(())
    }

    async fn one_by_one(&self, walk: &Walk, rids: &[Rid]) -> Result<()> {
        for rid in rids {
            let mut done = 0;
            for _ in 0..ATTEMPTS_MAX {
                done = self.attempt(walk, &[*rid]).await?;
                if done > 0 {
                    break;
                }
            }
            if done == 0 {
                return Err(store_failure(StoreError::Unavailable));
            }
        }
        Ok(())
    }

    /// How many of them, from the first on, are done; 0: something has changed meanwhile.
    async fn attempt(&self, walk: &Walk, rids: &[Rid]) -> Result<usize> {
        let access = maintenance(Maintenance::Reindex);
        let (rows, passed) = self.rows(&access, walk, rids).await?;
        let writes = self.compose_anew(rows).await?;
        if writes.is_empty() {
            return Ok(passed);
        }
        let unit = Unit {
            writes,
            ..Unit::default()
        };
        let committed = self.store.commit(unit).await;
        self.heed(&committed).await;
        match committed {
            Ok(()) => Ok(passed),
            Err(CommitError::Unavailable) => Err(store_failure(StoreError::Unavailable)),
            Err(_) => Ok(0),
        }
    }

    /// Those that are still to be indexed anew, from the first on as far as a commit may go; and how many were looked at.
    async fn rows(&self, access: &Access, walk: &Walk, rids: &[Rid]) -> Result<(Vec<Row>, usize)> {
        let (mut rows, mut passed, mut bytes) = (Vec::new(), 0, 0);
        for rids in rids.chunks(ROWS_PER_READ) {
            let keys: Vec<(TypeId, Rid)> = rids.iter().map(|rid| (walk.ty, *rid)).collect();
            for current in stored(self.store.read_many(access, Action::Read, &keys).await)? {
                if let Current::Live(row) = current
                    && row.generation < walk.target
                {
                    bytes += row.body.len();
                    rows.push(row);
                }
            }
            passed += rids.len();
            if bytes >= BYTES_PER_COMMIT {
                break;
            }
        }
        Ok((rows, passed))
    }

    pub(crate) async fn compose_anew(&self, rows: Vec<Row>) -> Result<Vec<Write>> {
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
                visibility: row.visibility,
                policy: None,
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
