//! By what rows are indexed, as this process knows it: the store's own state may be newer where others write to it too.

use crate::contract::Indexing;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Default)]
pub struct Remembered(Mutex<Arc<Indexing>>);

impl Remembered {
    pub fn get(&self) -> Arc<Indexing> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Of two that were read at the same time the later one stays.
    pub fn learn(&self, read: Indexing) -> Arc<Indexing> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if read.revision > known.revision {
            *known = Arc::new(read);
        }
        known.clone()
    }
}
