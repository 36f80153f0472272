//! Records that are kept by themselves and answered by their numbers: events that other systems have sent; and where Records lie.

use super::NewRecord;
use crate::contract::StoreError;
use crate::store::{Backend, Store};

impl Store {
    /// Sees to it that Records of the next month, of `least` ids at least, have a partition of their own, and lets go those that have lost all of
    /// theirs to removals. To be called every minute or so. Five statements on PostgreSQL; the embedded store has one table.
    pub async fn tend_records(&self, now_us: i64, least: i64) -> Result<(), StoreError> {
        match &self.0 {
            Backend::Sqlite(_) => Ok(()),
            Backend::Postgres(store) => store.tend_records(now_us, least).await,
        }
    }

    /// Stores Records that come with no unit: all or none, durable when it answers. Their numbers, in the same order.
    pub async fn keep_records(&self, records: Vec<NewRecord>) -> Result<Vec<i64>, StoreError> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let contexts: Vec<i64> = records.iter().filter_map(NewRecord::fresh).collect();
        let kept = match &self.0 {
            Backend::Sqlite(store) => store.keep_records(records).await,
            Backend::Postgres(store) => store.keep_records(&records).await,
        }?;
        let keys = &self.core().records;
        contexts.into_iter().for_each(|ctx| keys.learn(ctx));
        Ok(kept)
    }
}
