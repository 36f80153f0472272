//! Resources that are looked at before a question is asked, because no index tells what they decide of it: Lists, containers, and
//! texts longer than the index keeps.

use ward_fhir::TypeId;
use ward_search::plan::Plan;
use ward_storage::{Rid, Row};

/// What looking has shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct LookedAt {
    /// There were any: the answer depends on what they say.
    pub any: bool,
    /// What would have to be looked at, and is not there: the answer holds for as long as these find nothing.
    pub absent: Vec<Plan>,
    /// Lists whose members were asked for, in the versions that were read: the answer holds for as long as these are current.
    pub lists: Vec<(TypeId, Rid, u32)>,
}

impl LookedAt {
    /// Notes the first page of what may decide.
    pub fn note(&mut self, plan: &Plan, rows: &[Row]) {
        match rows.is_empty() {
            true => self.absent.push(plan.clone()),
            false => self.any = true,
        }
    }
}
