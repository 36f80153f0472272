//! Which rows of one type an action reaches.

use crate::granular::Criterion;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    Nothing,
    /// Rows in these patients' compartments only: `c` is one of the rids, or the row has one of the membership terms.
    Patients(Arc<[PatientKey]>),
    /// Every row (that the mask lets through).
    Everything,
    /// Rows that at least one of the grants reaches. Not empty.
    Matching(Arc<[Grant]>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatientKey {
    pub rid: i64,
    /// `search::term::membership` of the patient.
    pub membership: i64,
}

/// What one scope adds where granular ones decide. Both bounds hold.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Only rows in these compartments; `None`: in any, or none.
    pub patients: Option<Arc<[PatientKey]>>,
    /// Only rows that match; `None`: a plain scope.
    pub criterion: Option<Arc<Criterion>>,
}

/// The same criterion is the same one compiled: that two are of equal meaning is not looked for.
impl PartialEq for Grant {
    fn eq(&self, other: &Grant) -> bool {
        let same = match (&self.criterion, &other.criterion) {
            (None, None) => true,
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        };
        same && self.patients == other.patients
    }
}

impl Eq for Grant {}
