//! Policies that change by time, and records that are closed until somebody has decided them anew.
//!
//! Who is due is a row of the store, so any process can do it, and one that ends loses nothing. A record that is late, or larger than
//! one unit decides, is hidden from everybody meanwhile: each process asks twice a second which those are.

use super::policy::Policy;
use crate::engine::{Engine, store_failure, stored};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use ward_access::{Access, Maintenance, maintenance};
use ward_fhir::issue::Result;
use ward_storage::{CommitError, Rid, StoreError, Turn, Unit};

/// Whoever is due for longer is hidden until that is done.
pub const LATE_US: i64 = 5_000_000;
/// How long a process has whom it has taken, in microseconds; then another takes them.
const HELD_US: i64 = 30_000_000;
/// Patients that one step takes.
const PATIENTS_PER_STEP: u32 = 16;
/// How often a record is begun again that others write meanwhile.
pub(super) const ATTEMPTS_MAX: usize = 8;
/// How long other processes take to learn that a record is closed: two rounds of their watch.
const LEARNT_WITHIN: Duration = Duration::from_secs(1);

/// Patients whose records nobody sees, in order.
#[derive(Default)]
pub(crate) struct Closed(RwLock<Arc<[Rid]>>);

impl Closed {
    pub fn get(&self) -> Arc<[Rid]> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, closed: Vec<Rid>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = closed.into();
    }

    fn add(&self, patients: &[Rid]) {
        let mut all = [&self.get()[..], patients].concat();
        all.sort_unstable();
        all.dedup();
        self.set(all);
    }
}

impl Engine {
    /// An access without the records that are closed now.
    pub(crate) fn without_closed(&self, access: Access) -> Access {
        let closed = self.closed.get();
        match closed.is_empty() {
            true => access,
            false => access.without(&closed),
        }
    }

    /// Learns whose records are closed: to be called twice a second. One statement.
    pub async fn watch_closed(&self) -> std::result::Result<(), StoreError> {
        let mut closed = self.store.closed(self.now_us() - LATE_US).await?;
        // Whom consents name is nobody's record.
        closed.retain(|patient| *patient > 0);
        self.closed.set(closed);
        Ok(())
    }

    /// Records have been closed: nobody here sees them from now on, and when this returns nobody anywhere does.
    pub(crate) async fn closing(&self, patients: &[Rid]) {
        if patients.is_empty() {
            return;
        }
        self.closed.add(patients);
        self.due_asked.notify_one();
        if self.store.is_shared() {
            tokio::time::sleep(LEARNT_WITHIN).await;
        }
    }

    /// Ends when somebody has closed a record here.
    pub async fn due_asked(&self) {
        self.due_asked.notified().await;
    }

    /// Decides the records anew of those who are due; `false`: nobody is.
    pub async fn decide_due(&self) -> Result<bool> {
        let now_us = self.now_us();
        let due = self
            .store
            .take_due(now_us, now_us + HELD_US, PATIENTS_PER_STEP);
        let due = stored(due.await)?;
        // What fails of one keeps nobody else waiting.
        let mut ended = Ok(());
        for patient in &due {
            let decided = match *patient {
                named @ ..0 => self.decide_named(-named).await,
                patient => self.decide_patient(patient).await,
            };
            ended = ended.and(decided);
        }
        if !due.is_empty() {
            stored(self.watch_closed().await)?;
        }
        ended.map(|()| !due.is_empty())
    }

    pub(super) async fn decide_patient(&self, patient: Rid) -> Result<()> {
        for _ in 0..ATTEMPTS_MAX {
            let Some(records) = self.read_records(&[patient]).await? else {
                return self.decide_closed(patient).await;
            };
            let version = records.each[0].version;
            let policy = Arc::new(self.read_policy(patient, version).await?);
            self.alert(patient, &policy).await;
            let policies = HashMap::from([(patient, policy.clone())]);
            let mut unit = Unit::default();
            self.decide_anew(&records, &policies, &mut unit).await?;
            // Else nothing would be refused that was read before another policy.
            if unit.writes.iter().all(|write| write.policy.is_none()) {
                unit.writes.extend(self.witness(&policy, patient).await?);
            }
            match self.store.commit(unit).await {
                Ok(()) => {
                    let policy = Arc::new(policy.at(version + 1));
                    self.policies.keep(patient, policy);
                    return Ok(());
                }
                Err(CommitError::Unavailable) => {
                    return Err(store_failure(StoreError::Unavailable));
                }
                Err(error) => self.heed(&Err::<(), _>(error)).await,
            }
        }
        self.decide_closed(patient).await
    }

    /// Tells the privacy officer which of the consents deny because they cannot be evaluated any more. They do so whether it is told or not.
    async fn alert(&self, patient: Rid, policy: &Policy) {
        if let Err(failure) = self.review_consents(patient, policy).await {
            tracing::error!(reason = ?failure.kind, "a consent that cannot be evaluated could not be put before the privacy officer");
        }
    }

    /// Closes a record, decides it a few rows at a time, and opens it. It stays closed where that fails, and is due.
    async fn decide_closed(&self, patient: Rid) -> Result<()> {
        let closed = Unit {
            raises: vec![patient],
            turns: vec![turn(patient, Some(0), true)],
            ..Unit::default()
        };
        self.run(closed).await?;
        self.closing(&[patient]).await;
        for _ in 0..ATTEMPTS_MAX {
            let version = stored(self.store.policies(&[patient]).await)?;
            let version = version.first().copied().unwrap_or(0);
            let policy = Arc::new(self.read_policy(patient, version).await?);
            self.policies.keep(patient, policy.clone());
            self.alert(patient, &policy).await;
            if self.decide_pages(&policy, patient).await? {
                return Ok(());
            }
        }
        Err(store_failure(StoreError::Unavailable))
    }

    /// `false`: the policy is another one by now.
    pub(super) async fn decide_pages(&self, policy: &Arc<Policy>, patient: Rid) -> Result<bool> {
        let now_us = self.now_us();
        let mut after = None;
        let mut attempts = 0;
        loop {
            let (last, unit) = self.decide_some(policy, patient, after).await?;
            let Some(last) = last else { break };
            if unit.writes.is_empty() && unit.revisions.is_empty() {
                after = Some(last);
                continue;
            }
            match self.try_run(unit).await? {
                Ok(()) => (after, attempts) = (Some(last), 0),
                Err(CommitError::Policy(_)) => return Ok(false),
                Err(_) if attempts < ATTEMPTS_MAX => attempts += 1,
                Err(_) => return Err(store_failure(StoreError::Unavailable)),
            }
        }
        let mut unit = self.decide_deleted(policy, patient).await?;
        unit.turns = vec![turn(patient, policy.next_change(now_us), false)];
        // That the policy is still this one is seen at a row: the first of the record says so.
        unit.writes.extend(self.witness(policy, patient).await?);
        match self.try_run(unit).await? {
            Ok(()) => Ok(true),
            Err(_) => Ok(false),
        }
    }

    /// A write of a row of the record that changes nothing of it, but is refused by another policy.
    async fn witness(
        &self,
        policy: &Arc<Policy>,
        patient: Rid,
    ) -> Result<Option<ward_storage::Write>> {
        let access = maintenance(Maintenance::Policies);
        let rows = stored(self.store.at_home(&access, patient, None, 1).await)?;
        let visibility: Vec<i32> = rows.iter().map(|row| row.visibility).collect();
        let composed = self.compose_anew(rows).await?;
        let each = composed.into_iter().zip(visibility);
        Ok(each
            .map(|(write, visibility)| ward_storage::Write {
                visibility,
                policy: Some(policy.version),
                ..write
            })
            .next())
    }

    async fn run(&self, unit: Unit) -> Result<()> {
        let committed = self.store.commit(unit).await;
        committed.map_err(|_| store_failure(StoreError::Unavailable))
    }

    pub(super) async fn try_run(&self, unit: Unit) -> Result<std::result::Result<(), CommitError>> {
        let committed = self.store.commit(unit).await;
        self.heed(&committed).await;
        match committed {
            Err(CommitError::Unavailable) => Err(store_failure(StoreError::Unavailable)),
            other => Ok(other),
        }
    }
}

fn turn(patient: Rid, due_us: Option<i64>, is_closed: bool) -> Turn {
    Turn {
        patient,
        due_us,
        is_closed,
    }
}
