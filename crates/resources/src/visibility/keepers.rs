//! Rows that an organization keeps which has moved: whether they are ours follows from what that is part of (`row::custodian`), and with it who is
//! disclosed to. They are decided anew by the job that the move calls (`named`).

use super::actors::NESTING_MAX;
use super::due::ATTEMPTS_MAX;
use super::policy::Policy;
use super::record::Records;
use super::row::says_keeper;
use crate::engine::{Engine, store_failure, stored};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use ward_access::{Action, Maintenance, maintenance};
use ward_fhir::TypeId;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_search::entries::Term;
use ward_storage::{CommitError, Current, Rid, Row, StoreError, Unit, Write};

/// Rows that are found by one statement.
const ROWS_PER_STEP: u32 = 500;
/// Rows of nobody's record that one commit decides.
const ROWS_PER_COMMIT: usize = 20;

/// What organizations keep.
#[derive(Default)]
pub(super) struct Kept {
    /// Patients in whose records some of it is.
    pub homes: BTreeSet<Rid>,
    shared: Vec<(TypeId, Rid)>,
}

/// An Organization as consents name it.
const ORGANIZATION: &str = "Organization";

impl Engine {
    /// Whether whose the rows are that it keeps may follow from a write: where nobody has said which organization this is, all are of the one
    /// that there is.
    pub(super) fn moves_keeper(&self, write: &Write) -> bool {
        r4().ty(write.ty).name == ORGANIZATION && !self.house().is_alone()
    }

    /// What an organization keeps, and those that are part of it, on every level. Statements: two for each level, and one for each 500 rows of each
    /// type that says who keeps it.
    pub(super) async fn kept_by(&self, row: &Row) -> Result<Kept> {
        let mut kept = Kept::default();
        if r4().ty(row.ty).name != ORGANIZATION || self.house().is_alone() {
            return Ok(kept);
        }
        let terms = self.with_those_below(row).await?;
        let types = r4().types.iter().enumerate();
        let types = types.filter_map(|(at, _)| Some(TypeId(u16::try_from(at).ok()?)));
        let is_one = |ty: &TypeId| r4().resource_type(r4().ty(*ty).name) == Some(*ty);
        for ty in types.filter(is_one).filter(|ty| says_keeper(*ty)) {
            for (rid, home) in self.all_referring(ty, &terms).await? {
                match home {
                    0 => kept.shared.push((ty, rid)),
                    home => drop(kept.homes.insert(home)),
                }
            }
        }
        Ok(kept)
    }

    async fn with_those_below(&self, row: &Row) -> Result<Vec<Term>> {
        let access = maintenance(Maintenance::Policies);
        let term = |row: &Row| self.target_of(row);
        let mut known = BTreeSet::from([row.rid]);
        let mut terms = vec![term(row)];
        let mut open = terms.clone();
        for _ in 0..NESTING_MAX {
            let below = self.all_referring(row.ty, &open).await?;
            let new = below.into_iter().filter(|(rid, _)| known.insert(*rid));
            let keys: Vec<(TypeId, Rid)> = new.map(|(rid, _)| (row.ty, rid)).collect();
            if keys.is_empty() {
                break;
            }
            let found = self.store.read_many(&access, Action::Read, &keys).await;
            let live = stored(found)?.into_iter().filter_map(live);
            open = live.map(|row| term(&row)).collect();
            terms.extend(&open);
        }
        Ok(terms)
    }

    fn target_of(&self, row: &Row) -> Term {
        self.store.term_key().target(r4().ty(row.ty).name, &row.id)
    }

    async fn all_referring(&self, ty: TypeId, terms: &[Term]) -> Result<Vec<(Rid, Rid)>> {
        let access = maintenance(Maintenance::Policies);
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let found = self
                .store
                .referrers(&access, ty, terms, after, ROWS_PER_STEP);
            let found = stored(found.await)?;
            match found.last() {
                Some((last, _)) => after = Some(*last),
                None => return Ok(all),
            }
            all.extend(found);
        }
    }

    /// Decides anew what is kept, but for the records of those who are `done`. A record is not closed meanwhile: nobody has decided anything about it.
    pub(super) async fn decide_kept(&self, kept: &Kept, done: &BTreeSet<Rid>) -> Result<()> {
        for patient in kept.homes.difference(done) {
            self.decide_open(*patient).await?;
        }
        for some in kept.shared.chunks(ROWS_PER_COMMIT) {
            self.decide_shared(some).await?;
        }
        Ok(())
    }

    async fn decide_open(&self, patient: Rid) -> Result<()> {
        for _ in 0..ATTEMPTS_MAX {
            let version = stored(self.store.policies(&[patient]).await)?;
            let version = version.first().copied().unwrap_or(0);
            let policy = Arc::new(self.read_policy(patient, version).await?);
            if self.decide_pages(&policy, patient).await? {
                return Ok(());
            }
        }
        Err(store_failure(StoreError::Unavailable))
    }

    async fn decide_shared(&self, keys: &[(TypeId, Rid)]) -> Result<()> {
        for _ in 0..ATTEMPTS_MAX {
            match self.shared_anew(keys).await? {
                Ok(()) => return Ok(()),
                Err(_) => continue,
            }
        }
        Err(store_failure(StoreError::Unavailable))
    }

    async fn shared_anew(
        &self,
        keys: &[(TypeId, Rid)],
    ) -> Result<std::result::Result<(), CommitError>> {
        let access = maintenance(Maintenance::Policies);
        let found = self.store.read_many(&access, Action::Read, keys).await;
        let live = stored(found)?.into_iter().filter_map(live);
        let rows: Vec<Row> = live.filter(|row| row.patient == 0).collect();
        let rids: Vec<Rid> = rows.iter().map(|row| row.rid).collect();
        let past = match rids.is_empty() {
            true => return Ok(Ok(())),
            false => stored(self.store.superseded(&access, &rids).await)?,
        };
        let records = Records::of_nobody(rows, past);
        let nobody = HashMap::from([(0, Arc::new(Policy::none()))]);
        let mut unit = Unit::default();
        self.apply_anew(&records, &nobody, &mut unit).await?;
        self.try_run(unit).await
    }
}

fn live(current: Current) -> Option<Row> {
    match current {
        Current::Live(row) => Some(row),
        Current::Deleted(_) | Current::Absent => None,
    }
}

#[cfg(test)]
#[path = "keepers_tests.rs"]
mod tests;
