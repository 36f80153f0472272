//! How far the numbering can come at this moment. On PostgreSQL it takes what lies below the oldest transaction that is still running.

use super::rows::Reads;
use crate::contract::StoreError;
use crate::store::{Backend, Store};

/// What is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// The oldest transaction that is still running, or `next`.
    pub oldest: i64,
    /// The transaction that comes next.
    pub next: i64,
}

impl Store {
    /// `None`: on SQLite nothing waits. One statement.
    pub async fn log_horizon(&self) -> Result<Option<Horizon>, StoreError> {
        if matches!(self.0, Backend::Sqlite(_)) {
            return Ok(None);
        }
        let rows = self.cells(HORIZON, &[], "ii").await?;
        let row = rows.first().ok_or(StoreError::Integrity)?;
        Ok(Some(Horizon {
            oldest: row.int(0)?,
            next: row.int(1)?,
        }))
    }
}

const HORIZON: &str = "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint, \
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint";
