//! A unit that is written and not committed: the state it makes can be read before it is decided whether it shall be.
//! For what sees its own effect and may still refuse it: the reads among the entries of a transaction.

use crate::contract::{CommitError, Current, HistoryQuery, Page, Rid, Row, StoreError};
use crate::core::Hits;
use crate::examine::Looking;
use crate::records::NewRecord;
use crate::store::{Store, hand, handed, search_page};
use crate::{examine, past};
use crate::{postgres, sqlite};
use std::collections::BTreeSet;
use std::time::Duration;
use ward_access::{Access, Action};
use ward_fhir::TypeId;
use ward_search::compartment::Compartments;
use ward_search::plan::Plan;

/// Time from the writing of a staged unit to its commit; others may wait for it so long. Afterwards it is given up.
pub const STAGED_MAX: Duration = Duration::from_secs(5);

/// Given up when dropped.
pub struct Staged(pub(crate) Backend);

pub(crate) enum Backend {
    Sqlite(sqlite::Staged),
    Postgres(Box<postgres::Staged>),
}

impl Staged {
    /// Commits the unit with its records; durable when it returns. `Unavailable`: nothing was written, or its time was over.
    pub async fn commit(self, records: Vec<NewRecord>) -> Result<(), CommitError> {
        match self.0 {
            Backend::Sqlite(staged) => staged.commit(records).await,
            Backend::Postgres(staged) => staged.commit(records).await,
        }
    }
}

/// The state that a read is answered from: what is committed, or what will be if a unit is. The questions are those of
/// [`Store`]; `Timeout` also says that the unit's time is over.
#[derive(Clone, Copy)]
pub struct View<'a> {
    store: &'a Store,
    staged: Option<&'a Staged>,
}

impl<'a> View<'a> {
    pub fn committed(store: &'a Store) -> View<'a> {
        View {
            store,
            staged: None,
        }
    }

    pub fn staged(store: &'a Store, staged: &'a Staged) -> View<'a> {
        View {
            store,
            staged: Some(staged),
        }
    }

    pub async fn locate(&self, ids: &[(TypeId, &str)]) -> Result<Vec<Option<Rid>>, StoreError> {
        let Some(staged) = self.staged else {
            return self.store.locate(ids).await;
        };
        self.store
            .locate_by(ids, async |keys| match &staged.0 {
                Backend::Sqlite(staged) => staged.locate(keys).await,
                Backend::Postgres(staged) => staged.locate(keys).await,
            })
            .await
    }

    pub async fn read(
        &self,
        access: &Access,
        action: Action,
        ty: TypeId,
        rid: Rid,
    ) -> Result<Current, StoreError> {
        if self.staged.is_none() {
            return self.store.read(access, action, ty, rid).await;
        }
        let mut found = self.read_many(access, action, &[(ty, rid)]).await?;
        Ok(found.pop().unwrap_or(Current::Absent))
    }

    pub async fn read_many(
        &self,
        access: &Access,
        action: Action,
        keys: &[(TypeId, Rid)],
    ) -> Result<Vec<Current>, StoreError> {
        let found = match self.staged.map(|staged| &staged.0) {
            None => self.store.read_many(access, action, keys).await,
            Some(Backend::Sqlite(staged)) => staged.read_many(access, action, keys).await,
            Some(Backend::Postgres(staged)) => staged.read_many(access, action, keys).await,
        };
        found.inspect(|found| hand(access, found.iter().filter_map(Current::row)))
    }

    pub async fn read_version(
        &self,
        access: &Access,
        memberships: &Compartments,
        ty: TypeId,
        rid: Rid,
        version: u32,
    ) -> Result<Option<Row>, StoreError> {
        let found = match self.staged.map(|staged| &staged.0) {
            None => self.store.version(access, ty, rid, version).await?,
            Some(Backend::Sqlite(staged)) => staged.read_version(access, ty, rid, version).await?,
            Some(Backend::Postgres(staged)) => {
                staged.read_version(access, ty, rid, version).await?
            }
        };
        match found {
            Some(row) if past::is_shown(access, memberships, Action::Read, &row)? => {
                self.hand_versions(access, Action::Read, [&row]).await?;
                Ok(Some(row))
            }
            _ => Ok(None),
        }
    }

    /// Of versions counts what is masked in them and in the current ones (R19): one statement where anything is masked for the caller.
    async fn hand_versions<'r>(
        &self,
        access: &Access,
        action: Action,
        versions: impl IntoIterator<Item = &'r Row>,
    ) -> Result<(), StoreError> {
        if access.mask().masked().is_none() {
            return Ok(());
        }
        let versions: Vec<&Row> = versions.into_iter().collect();
        hand(access, versions.iter().copied());
        let keys: BTreeSet<(TypeId, Rid)> = versions.iter().map(|row| (row.ty, row.rid)).collect();
        let keys: Vec<(TypeId, Rid)> = keys.into_iter().collect();
        self.read_many(access, action, &keys).await.map(|_| ())
    }

    pub async fn history(
        &self,
        access: &Access,
        memberships: &Compartments,
        query: &HistoryQuery,
    ) -> Result<Page, StoreError> {
        let page = past::history(*self, access, memberships, query).await?;
        let action = query.scope.action();
        self.hand_versions(access, action, &page.rows).await?;
        Ok(page)
    }

    /// At most `count + 1`, of resources whose current version is seen.
    pub(crate) async fn versions(
        &self,
        access: &Access,
        query: &HistoryQuery,
    ) -> Result<Vec<Row>, StoreError> {
        match self.staged.map(|staged| &staged.0) {
            None => self.store.versions(access, query).await,
            Some(Backend::Sqlite(staged)) => staged.versions(access, query).await,
            Some(Backend::Postgres(staged)) => staged.versions(access, query).await,
        }
    }

    /// Of these types those that may have rows, by the counters: what is asked of many types can be spared the others. All of
    /// them inside a unit.
    pub async fn used(&self, types: &[TypeId]) -> Result<Vec<TypeId>, StoreError> {
        match self.staged {
            None => self.store.used(types).await,
            Some(_) => Ok(types.to_vec()),
        }
    }

    /// A page of matches; `count` 0 asks for the total only. `Integrity`: a sort that `examine` gathers, or a check.
    pub async fn search(&self, access: &Access, plan: &Plan) -> Result<Page, StoreError> {
        if plan.sort.iter().any(examine::is_gathered) {
            return Err(StoreError::Integrity);
        }
        Ok(search_page(self.hits(access, plan).await?))
    }

    /// A page for each of several plans that ask for references to what was found: terms that nobody counts.
    pub async fn referring(
        &self,
        access: &Access,
        plans: &[Plan],
    ) -> Result<Vec<Page>, StoreError> {
        if self.staged.is_none() {
            return self.store.referring(access, plans).await;
        }
        let mut pages = Vec::with_capacity(plans.len());
        for plan in plans {
            pages.push(self.search(access, plan).await?);
        }
        Ok(pages)
    }

    /// The same where the index does not decide alone: checks that only the resources answer, and sorts by values that no
    /// index holds. `TooCostly`: more than `rows_max` rows would have to be looked at.
    pub async fn examine(
        &self,
        access: &Access,
        plan: &Plan,
        looking: Looking<'_>,
    ) -> Result<Page, StoreError> {
        if looking.is_spared(plan) {
            return self.search(access, plan).await;
        }
        examine::examine(*self, access, plan, looking).await
    }

    pub(crate) async fn hits(&self, access: &Access, plan: &Plan) -> Result<Hits, StoreError> {
        let hits = match self.staged.map(|staged| &staged.0) {
            None => return self.store.hits(access, plan).await,
            Some(Backend::Sqlite(staged)) => staged.search(access, plan).await,
            Some(Backend::Postgres(staged)) => staged.search(access, plan).await,
        };
        hits.map(|hits| handed(access, hits))
    }
}
