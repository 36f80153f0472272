//! By what rows are indexed, as this process knows it.

use super::{Generations, Set};
use crate::engine::{Engine, stored};
use std::sync::Arc;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind};
use ward_storage::CommitError;

impl Engine {
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
    pub(crate) async fn set_of(&self, generation: u32) -> Result<Set> {
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
