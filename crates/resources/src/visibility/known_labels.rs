//! What stored resources give to those around them, as it was read last: compared at each commit that rests on it.

use super::neighbours::Versions;
use crate::document::reread;
use crate::engine::Engine;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use ward_consent::labels::{Amount, Labels, derived, given_of};
use ward_fhir::issue::Result;
use ward_storage::{Rid, Row};

/// Resources that are kept; when there are more, all are read anew.
const RESOURCES_MAX: usize = 8_192;

/// What one version of a resource gives.
pub(crate) struct Gives {
    pub version: u32,
    pub home: Rid,
    /// The policy of its home, from before it was read: while that holds, no later version gives more. `None`: not asked, since the
    /// resource lies elsewhere than what is written, and its version is compared.
    policy: Option<i64>,
    all: Labels,
    own: Labels,
    person: Labels,
}

impl Gives {
    pub fn of(engine: &Engine, row: &Row, versions: &Versions) -> Result<Gives> {
        let document = reread(&row.body)?;
        let (root, rules) = (document.root(), engine.label_rules());
        let mut labels = Labels::stored(root);
        if !engine.labels_are_complete() {
            // It may not have been labelled yet.
            labels = labels.union(&derived(root, rules));
        }
        let given = |amount| given_of(root, labels.clone(), amount, rules);
        Ok(Gives {
            version: row.version,
            home: row.patient,
            policy: versions.get(&row.patient).copied(),
            all: given(Amount::All),
            own: given(Amount::Own),
            person: given(Amount::Person),
        })
    }

    pub fn amount(&self, amount: Amount) -> &Labels {
        match amount {
            Amount::All => &self.all,
            Amount::Own => &self.own,
            Amount::Person => &self.person,
        }
    }
}

#[derive(Default)]
pub(crate) struct KnownLabels(Mutex<HashMap<Rid, Arc<Gives>>>);

impl KnownLabels {
    /// For a unit that writes to these records.
    pub fn get(&self, rid: Rid, versions: &Versions) -> Option<Arc<Gives>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gives = known.get(&rid)?;
        let holds = match versions.get(&gives.home) {
            Some(version) => gives.policy == Some(*version),
            None => true,
        };
        holds.then(|| gives.clone())
    }

    pub fn keep(&self, rid: Rid, gives: Arc<Gives>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= RESOURCES_MAX {
            known.clear();
        }
        known.insert(rid, gives);
    }

    pub fn forget(&self, rids: &[Rid]) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for rid in rids {
            known.remove(rid);
        }
    }
}
