//! The walk over the rows of a store whose rules of labels have changed, or that is from before labels (L6): each is labelled anew and
//! gets its class, and so do its superseded versions. Modelled on `reindex`: a bounded batch at a time, beside the traffic.
//!
//! How far it is stands in the store, so that whoever goes on does so from there. Several processes that walk at once do nothing
//! twice that matters: a row that has what it should have is passed over.

use super::labelling::{Labelling, Walk};
use crate::capabilities::all_types;
use crate::engine::{Engine, stored};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ward_fhir::TypeId;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_storage::{Rid, Unit};

/// Rows of one step.
const ROWS_PER_STEP: u32 = 50;
/// Rows that one commit labels.
const ROWS_PER_COMMIT: usize = 10;
/// How often the state that other processes change is read.
const READ_EVERY: Duration = Duration::from_secs(2);
/// How often the list of labels to carry on is looked at without being asked.
const LOOKED_EVERY: Duration = Duration::from_secs(5);

/// Types whose labels others take are walked over first, so that most of the rest is labelled once. A Consent is what the classes of
/// its patient's rows follow from.
const FIRST: &[&str] = &[
    "Consent",
    "Location",
    "Medication",
    "Questionnaire",
    "Patient",
    "EpisodeOfCare",
    "Encounter",
    "Condition",
    "ServiceRequest",
    "MedicationRequest",
    "Observation",
    "Media",
    "DiagnosticReport",
];

/// What this process has done of it.
#[derive(Default)]
pub struct Labeller {
    read: Option<Instant>,
    looked: Option<Instant>,
}

impl Engine {
    /// A step of labelling in the background: of what is on the list, else of the walk. `false`: nothing is left.
    pub async fn label(&self, labeller: &mut Labeller) -> Result<bool> {
        let due = |at: Option<Instant>, every| at.is_none_or(|at| at.elapsed() >= every);
        if self.is_asked_to_label() || due(labeller.looked, LOOKED_EVERY) {
            if self.carry_labels_on().await? {
                return Ok(true);
            }
            labeller.looked = Some(Instant::now());
        }
        if due(labeller.read, READ_EVERY) {
            self.read_labelling().await?;
            labeller.read = Some(Instant::now());
        }
        let labelling = self.labelling().await?;
        if labelling.is_complete {
            return Ok(false);
        }
        self.walk_on(&labelling).await.map(|()| true)
    }

    async fn walk_on(&self, labelling: &Arc<Labelling>) -> Result<()> {
        let walk = &labelling.walk;
        let Some(ty) = next(walk) else {
            tracing::info!(
                rows = walk.rows,
                "every resource is labelled by the rules in force"
            );
            self.review_walk(labelling.edition, walk.changed).await?;
            return self.walked(labelling, walk.clone(), true).await;
        };
        let after = walk.at.filter(|(at, _)| *at == ty).map(|(_, row)| row);
        let rows = stored(self.store.indexed(ty, after, ROWS_PER_STEP).await)?;
        let mut now = walk.clone();
        match rows.last() {
            None => {
                now.done.insert(ty);
                now.at = None;
            }
            Some(last) => {
                now.at = Some((ty, *last));
                now.rows += rows.len() as u64;
            }
        }
        let keys: Vec<(TypeId, Rid)> = rows.iter().map(|row| (ty, row.rid)).collect();
        for some in keys.chunks(ROWS_PER_COMMIT) {
            if r4().ty(ty).name == "Consent" {
                self.raise_patients_of(some).await?;
            }
            let (listed, changed) = self.label_anew(some, true).await?;
            now.changed += changed as u64;
            self.carry_on(listed).await;
        }
        self.walked(labelling, now, false).await
    }

    /// Tells how far the walk is. Who has lost the race goes on from where the other is.
    async fn walked(&self, from: &Labelling, walk: Walk, is_complete: bool) -> Result<()> {
        let next = Labelling {
            walk,
            is_complete,
            edition: from.edition + u64::from(is_complete),
            ..from.clone()
        };
        if self
            .change_labelling(Some(from.version), next)
            .await?
            .is_none()
        {
            self.read_labelling().await?;
        }
        Ok(())
    }

    /// Consents that were stored before anything looked at them come into force: the policies of their patients get a version.
    async fn raise_patients_of(&self, keys: &[(TypeId, Rid)]) -> Result<()> {
        let homes = self.homes_of(keys).await?;
        let versions = stored(self.store.policies(&homes).await)?;
        let bare = homes
            .iter()
            .zip(versions)
            .filter(|(_, version)| *version == 0);
        let raises: Vec<Rid> = bare.map(|(home, _)| *home).collect();
        if raises.is_empty() {
            return Ok(());
        }
        let unit = Unit {
            raises,
            ..Unit::default()
        };
        // Whoever raised one in between has read them.
        self.store
            .commit(unit)
            .await
            .map_err(crate::write::conflict)
    }
}

/// The type that is walked over now.
fn next(walk: &Walk) -> Option<TypeId> {
    let first = FIRST.iter().filter_map(|name| r4().resource_type(name));
    let mut types = first.chain(all_types());
    types.find(|ty| !walk.done.contains(ty))
}
