//! Classes of visibility, policies and records of the store, each on a connection of the pools.

use super::connection::Connection;
use super::{Postgres, visibility};
use crate::contract::{Rid, Row, StoreError};
use bytes::Bytes;
use ward_access::Access;
use ward_fhir::TypeId;
use ward_search::entries::Term;

impl Postgres {
    pub async fn intern_classes(&self, classes: &[Bytes]) -> Result<Vec<i32>, StoreError> {
        let known = reading!(self, connection => visibility::ids(connection, classes))?;
        if let Some(ids) = known.into_iter().collect() {
            return Ok(ids);
        }
        let pooled = self.shared.writes.get().await?;
        let interned = visibility::intern(&pooled, classes).await;
        Self::done(pooled, interned)
    }

    pub async fn policies(&self, patients: &[Rid]) -> Result<Vec<i64>, StoreError> {
        Ok(brief!(self, connection => visibility::policies(connection, patients))?)
    }

    pub async fn visible(
        &self,
        access: &Access,
        keys: &[(TypeId, Rid)],
    ) -> Result<Vec<bool>, StoreError> {
        Ok(brief!(self, connection => visibility::visible(connection, self.core(), access, keys))?)
    }

    pub async fn at_home(
        &self,
        access: &Access,
        patient: Rid,
        after: Rid,
        most: u32,
    ) -> Result<Vec<Row>, StoreError> {
        let stored = reading!(self, connection => visibility::at_home(connection, access, patient, after, most))?;
        self.open_rows(stored).await
    }

    pub async fn deleted_at_home(
        &self,
        access: &Access,
        patient: Rid,
        most: u32,
    ) -> Result<Vec<Row>, StoreError> {
        let stored = reading!(self, connection => visibility::deleted_at_home(connection, access, patient, most))?;
        self.open_rows(stored).await
    }

    pub async fn referrers(
        &self,
        access: &Access,
        ty: TypeId,
        targets: &[Term],
        page: (Rid, u32),
    ) -> Result<Vec<(Rid, Rid)>, StoreError> {
        reading!(self, connection => visibility::referrers(connection, access, ty, targets, page))
    }

    pub async fn take_due(
        &self,
        now_us: i64,
        held_until_us: i64,
        most: u32,
    ) -> Result<Vec<Rid>, StoreError> {
        let pooled = self.shared.writes.get().await?;
        let taken = visibility::take_due(&pooled, now_us, held_until_us, most).await;
        Self::done(pooled, taken)
    }

    pub async fn closed(&self, late_us: i64) -> Result<Vec<Rid>, StoreError> {
        Ok(brief!(self, connection => visibility::closed(connection, late_us))?)
    }

    pub async fn superseded(&self, access: &Access, rids: &[Rid]) -> Result<Vec<Row>, StoreError> {
        let stored =
            reading!(self, connection => visibility::superseded(connection, access, rids))?;
        self.open_rows(stored).await
    }

    pub async fn classes(&self, from: i32, most: u32) -> Result<Vec<Bytes>, StoreError> {
        reading!(self, connection => visibility::classes(connection, from, most))
    }
}
