//! The patient that a token was issued for: whether there is one, remembered for moments.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#patient-specific-scopes>
//!
//! Every Call of a patient's app depends on it, and a statement for each was a tenth of a read. Who was found holds until a commit of
//! this process that deletes a Patient has ended, and [`PATIENT_KEPT_US`] at most: so long may a deletion by another process over the
//! same store take. Absence is kept never: who was not found is looked for again with the next Call. Where the store cannot be read,
//! nothing opens once that time is over.

use crate::engine::{Engine, stored};
use crate::place::patient_type;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use ward_access::PatientKey;
use ward_fhir::issue::Result;
use ward_storage::{Op, Write};

/// How long a patient who was found is not looked for again, in microseconds of the engine's clock.
pub const PATIENT_KEPT_US: i64 = 2_000_000;
/// Patients that are remembered; when there are more, all are looked for anew.
const PATIENTS_MAX: usize = 4_096;

/// Those who were found last, by the id in the token.
#[derive(Default)]
pub(crate) struct LaunchPatients {
    found: Mutex<HashMap<Box<str>, Found>>,
    /// Raised by every commit of this process that deletes a Patient.
    deletions: AtomicU64,
}

#[derive(Clone, Copy)]
struct Found {
    key: PatientKey,
    /// Of `deletions` and of the clock, before it was looked for.
    asked: Asked,
}

#[derive(Clone, Copy)]
struct Asked {
    deletions: u64,
    at_us: i64,
}

impl LaunchPatients {
    /// To be called when a commit that deleted patients has ended, well or not.
    pub fn deleted(&self) {
        self.deletions.fetch_add(1, Ordering::AcqRel);
    }

    fn asked(&self, at_us: i64) -> Asked {
        Asked {
            deletions: self.deletions.load(Ordering::Acquire),
            at_us,
        }
    }

    fn get(&self, id: &str, now: Asked) -> Option<PatientKey> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let found = found.get(id)?;
        // A clock that was set back tells nothing.
        let is_young = (0..PATIENT_KEPT_US).contains(&(now.at_us - found.asked.at_us));
        (is_young && found.asked.deletions == now.deletions).then_some(found.key)
    }

    fn keep(&self, id: &str, found: Found) {
        let mut known = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= PATIENTS_MAX {
            known.clear();
        }
        known.insert(id.into(), found);
    }
}

/// Whether a commit of these ends what apps of some patient see.
pub(crate) fn deletes_patients(writes: &[Write]) -> bool {
    writes
        .iter()
        .any(|write| write.op == Op::Delete && write.ty == patient_type())
}

impl Engine {
    /// The patient that a token was issued for, if there is one now: an id that fits none, is only reserved, or whose
    /// patient was deleted opens nothing.
    ///
    /// Statements: none for one who was found in the last moments, else one, and one more for an id that a client chose.
    pub(crate) async fn launch_patient(&self, id: &str) -> Result<Option<PatientKey>> {
        // Before the statements: what is deleted meanwhile is looked for the next time.
        let asked = self.launch_patients.asked(self.now_us());
        if let Some(key) = self.launch_patients.get(id, asked) {
            return Ok(Some(key));
        }
        let ty = patient_type();
        let located = stored(self.store.locate(&[(ty, id)]).await)?;
        match located.first().copied().flatten() {
            Some(rid) if stored(self.store.is_live(ty, rid).await)? => {
                let key = self.patient_key(rid);
                self.launch_patients.keep(id, Found { key, asked });
                Ok(Some(key))
            }
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: PatientKey = PatientKey {
        rid: 4_096,
        membership: 7,
    };

    fn found(patients: &LaunchPatients, id: &str, at_us: i64) {
        let asked = patients.asked(at_us);
        patients.keep(id, Found { key: KEY, asked });
    }

    fn known(patients: &LaunchPatients, id: &str, at_us: i64) -> bool {
        patients.get(id, patients.asked(at_us)) == Some(KEY)
    }

    #[test]
    fn who_was_found_is_known_for_moments() {
        let patients = LaunchPatients::default();
        found(&patients, "a", 50);
        assert!(known(&patients, "a", 50) && known(&patients, "a", 49 + PATIENT_KEPT_US));
        assert!(!known(&patients, "a", 50 + PATIENT_KEPT_US));
        assert!(!known(&patients, "a", 49), "a clock that was set back");
        assert!(!known(&patients, "b", 50));
    }

    #[test]
    fn a_deletion_ends_what_was_looked_for_before_it() {
        let patients = LaunchPatients::default();
        let before = patients.asked(0);
        found(&patients, "a", 0);
        patients.deleted();
        assert!(!known(&patients, "a", 0));
        // Looked for before the deletion, and told after it.
        let late = Found {
            key: KEY,
            asked: before,
        };
        patients.keep("a", late);
        assert!(!known(&patients, "a", 0));
        found(&patients, "a", 0);
        assert!(known(&patients, "a", 0));
    }

    #[test]
    fn so_many_are_kept() {
        let patients = LaunchPatients::default();
        for n in 0..=PATIENTS_MAX {
            found(&patients, &n.to_string(), 0);
        }
        let held = patients.found.lock().unwrap().len();
        assert!(held <= PATIENTS_MAX, "{held}");
        assert!(known(&patients, &PATIENTS_MAX.to_string(), 0));
    }
}
