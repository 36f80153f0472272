//! A unit whose transaction is open on a connection of its own: questions run on it until the unit is committed. A dropped
//! one closes its connection, which takes everything back.

use super::connection::Connection;
use super::pool::Pooled;
use super::{Postgres, current, history, read, records, search};
use crate::contract::{CommitError, Current, HistoryQuery, Rid, Row, StoreError};
use crate::core::{Core, Hits, LoadedKeys, Prepared, StoredRow};
use crate::records::NewRecord;
use crate::staged::STAGED_MAX;
use std::time::Instant;
use ward_access::{Access, Action};
use ward_fhir::TypeId;
use ward_search::plan::Plan;

pub struct Staged {
    store: Postgres,
    prepared: Prepared,
    /// Gone once committed.
    pooled: Option<Pooled>,
    end: Instant,
}

impl Drop for Staged {
    fn drop(&mut self) {
        if self.pooled.is_some() {
            self.core().settled(&self.prepared, false);
        }
    }
}

/// Runs one read within the time that the unit has left.
macro_rules! asking {
    ($staged:expr, $connection:ident => $read:expr) => {{
        let $connection = $staged.connection()?;
        let left = $staged.end.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, $read).await {
            Ok(done) => done.map_err(StoreError::from),
            Err(_) => Err(StoreError::Timeout),
        }
    }};
}

impl Staged {
    pub fn new(store: Postgres, prepared: Prepared, pooled: Pooled) -> Staged {
        Staged {
            store,
            prepared,
            pooled: Some(pooled),
            end: Instant::now() + STAGED_MAX,
        }
    }

    pub async fn commit(mut self, records: Vec<NewRecord>) -> Result<(), CommitError> {
        if Instant::now() > self.end {
            return Err(CommitError::Unavailable);
        }
        let unavailable = |_| CommitError::Unavailable;
        let connection = self.connection().map_err(unavailable)?;
        let values = records::values(&records);
        let put = connection.run(&records::PUT, &values);
        put.await.map_err(|_| CommitError::Unavailable)?;
        let committed = connection.batch("commit").await;
        committed.map_err(|_| CommitError::Unavailable)?;
        self.core().settled(&self.prepared, true);
        self.core().recorded(&records);
        if let Some(pooled) = self.pooled.take() {
            pooled.release();
        }
        Ok(())
    }

    pub async fn locate(&self, keys: &[(TypeId, &str)]) -> Result<Vec<Option<Rid>>, StoreError> {
        asking!(self, connection => read::aliases(connection, keys))
    }

    pub async fn read_many(
        &self,
        access: &Access,
        action: Action,
        keys: &[(TypeId, Rid)],
    ) -> Result<Vec<Current>, StoreError> {
        let found =
            asking!(self, connection => read::many(connection, self.core(), access, action, keys))?;
        let (at, stored): (Vec<usize>, Vec<StoredRow>) = found.into_iter().unzip();
        let mut all = vec![Current::Absent; keys.len()];
        for (at, row) in at.into_iter().zip(self.rows(stored).await?) {
            *all.get_mut(at).ok_or(StoreError::Integrity)? = current(row);
        }
        Ok(all)
    }

    pub async fn read_version(
        &self,
        access: &Access,
        ty: TypeId,
        rid: Rid,
        version: u32,
    ) -> Result<Option<Row>, StoreError> {
        let stored = asking!(self, connection => read::version(connection, self.core(), access, ty, rid, version))?;
        Ok(self.rows(stored.into_iter().collect()).await?.pop())
    }

    pub async fn versions(
        &self,
        access: &Access,
        query: &HistoryQuery,
    ) -> Result<Vec<Row>, StoreError> {
        let stored =
            asking!(self, connection => history::within(connection, self.core(), access, query))?;
        self.rows(stored).await
    }

    pub async fn search(&self, access: &Access, plan: &Plan) -> Result<Hits, StoreError> {
        let found =
            asking!(self, connection => search::within(connection, self.core(), access, plan))?;
        let rows = self.rows(found.rows).await?;
        Ok(Hits {
            rows: found.positions.into_iter().zip(rows).collect(),
            more: found.more,
            total: found.total,
        })
    }

    fn core(&self) -> &Core {
        self.store.core()
    }

    fn connection(&self) -> Result<&Connection, StoreError> {
        self.pooled.as_deref().ok_or(StoreError::Unavailable)
    }

    /// Keys of the unit itself are not remembered for others before it is committed.
    async fn rows(&self, stored: Vec<StoredRow>) -> Result<Vec<Row>, StoreError> {
        let core = self.core();
        let (held, missing) = core.keys_held(&self.prepared.new_keys, &stored)?;
        let loaded = match missing.is_empty() {
            true => LoadedKeys::default(),
            false => asking!(self, connection => read::row_keys(connection, core, &missing))?,
        };
        core.rows(stored, held, &loaded)
    }
}
