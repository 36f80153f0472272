//! What a caller may see and do. Storage functions that return clinical data ask for one; only `decide` makes one.

use crate::compartment::Compartments;
use crate::grid::{Grid, Reach};
use crate::mask::Mask;
use std::sync::Arc;
use ward_fhir::TypeId;

/// What a scope letter stands for (S66, S67). `Read`: read, vread, instance history. `Search`: search, type and system
/// history. `Update`: update, update-as-create, patch. Conditional interactions need `Search` as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    Create,
    Read,
    Update,
    Delete,
    Search,
}

/// Which rows of one type an action reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    Nothing,
    /// Rows in these patients' compartments only: `c` is one of the rids, or the row has one of the membership terms.
    Patients(Arc<[PatientKey]>),
    /// Every row (that the mask lets through).
    Everything,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatientKey {
    pub rid: i64,
    /// `search::term::membership` of the patient.
    pub membership: i64,
}

/// Cheap to clone. Cannot be built outside this crate.
#[derive(Clone, Debug)]
pub struct Access {
    pub(crate) grid: Arc<Grid>,
    /// What [`Reach::Patients`] comes to.
    pub(crate) patients: Sight,
    /// What [`Reach::Shared`] comes to.
    pub(crate) shared: Sight,
    pub(crate) mask: Mask,
    pub(crate) fingerprint: u64,
    /// Of a narrowed access: what it was before.
    pub(crate) before: Option<Arc<Access>>,
}

impl Action {
    pub const ALL: [Action; 5] = [
        Action::Create,
        Action::Read,
        Action::Update,
        Action::Delete,
        Action::Search,
    ];
}

impl Access {
    pub fn sight(&self, ty: TypeId, action: Action) -> &Sight {
        match self.grid.reach(ty, action) {
            Reach::Nothing => &Sight::Nothing,
            Reach::Patients => &self.patients,
            Reach::Shared => &self.shared,
            Reach::Everything => &Sight::Everything,
        }
    }

    /// Whether the action reaches any row of the type at all.
    pub fn may(&self, ty: TypeId, action: Action) -> bool {
        *self.sight(ty, action) != Sight::Nothing
    }

    /// Whether the action reaches any row of any type.
    pub fn may_any(&self, action: Action) -> bool {
        self.grid.types().any(|ty| self.may(ty, action))
    }

    pub fn mask(&self) -> &Mask {
        &self.mask
    }

    /// The same for the same user, client and launch patient, on every node and after a new token; what binds a paging
    /// cursor to its owner. Not for what they may see: that is decided afresh for each page.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// This access, inside one patient's compartment only (compartment search, `$everything`): types outside the Patient
    /// compartment give nothing. Never wider than this access. What a chain leads to is not of the matches, and is narrowed by
    /// nothing: see [`Access::of_hops`]. Costs a copy of the grid.
    pub fn narrow(&self, patient: PatientKey) -> Access {
        let is_own = matches!(&self.patients, Sight::Patients(keys) if keys.contains(&patient));
        let compartments = Compartments::r4();
        let grid = self.grid.map(|ty, reach| match reach {
            Reach::Patients if is_own => Reach::Patients,
            Reach::Everything if compartments.is_member(ty) => Reach::Patients,
            _ => Reach::Nothing,
        });
        Access {
            grid: Arc::new(grid),
            patients: Sight::Patients([patient].into()),
            shared: Sight::Nothing,
            before: Some(Arc::new(self.of_hops().clone())),
            ..self.clone()
        }
    }

    /// What the other ends of chains and `_has` may be: all that the caller may see.
    pub fn of_hops(&self) -> &Access {
        self.before.as_deref().unwrap_or(self)
    }
}
