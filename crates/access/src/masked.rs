//! Groups of elements that a caller does not get of rows that they see (R15), by the rows' visibility ids; and of which resources
//! that was said while a Call was answered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use ward_fhir::TypeId;
use ward_search::groups::Groups;

/// What of one row does not leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Veil {
    /// Their place tells that something was there.
    pub masked: Groups,
    /// Nothing is left of them; of a group that is in both too.
    pub redacted: Groups,
}

/// By visibility id, those that have a veil alone. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Masked {
    /// In the order of the ids.
    ids: Arc<[(i32, Veil)]>,
    /// Of any of them.
    groups: Groups,
}

/// Resources that the store has given out for a Call and that have a veil: whatever leaves of them is cut.
#[derive(Debug, Default)]
pub struct Handed(Mutex<BTreeMap<(TypeId, Arc<str>), Veil>>);

impl Veil {
    pub const fn groups(self) -> Groups {
        self.masked.and(self.redacted)
    }

    pub const fn is_empty(self) -> bool {
        self.groups().is_empty()
    }

    /// What either takes.
    pub const fn and(self, other: Veil) -> Veil {
        Veil {
            masked: self.masked.and(other.masked),
            redacted: self.redacted.and(other.redacted),
        }
    }
}

impl Masked {
    /// These, and what there is from ids on that are greater than all of these.
    pub fn with(&self, more: &[(i32, Veil)]) -> Masked {
        if more.is_empty() {
            return self.clone();
        }
        let ids = [&self.ids[..], more].concat();
        Masked {
            groups: ids.iter().map(|(_, veil)| veil.groups()).collect(),
            ids: ids.into(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The groups that are masked in some rows.
    pub const fn groups(&self) -> Groups {
        self.groups
    }

    pub fn veil(&self, visibility: i32) -> Veil {
        let at = self.ids.binary_search_by_key(&visibility, |(id, _)| *id);
        at.map_or(Veil::default(), |at| self.ids[at].1)
    }

    /// The ids of rows in which one of the groups is masked.
    pub(crate) fn masking(&self, groups: Groups) -> impl Iterator<Item = usize> {
        let masks = move |veil: &Veil| !veil.groups().within(groups).is_empty();
        let ids = self.ids.iter().filter(move |(_, veil)| masks(veil));
        ids.filter_map(|(id, _)| usize::try_from(*id).ok())
    }
}

impl Handed {
    pub fn note(&self, ty: TypeId, id: &Arc<str>, veil: Veil) {
        let mut handed = self.lock();
        let known = handed.entry((ty, id.clone())).or_default();
        *known = known.and(veil);
    }

    /// What was said of one so far.
    pub fn of(&self, ty: TypeId, id: &Arc<str>) -> Veil {
        let handed = self.lock();
        handed.get(&(ty, id.clone())).copied().unwrap_or_default()
    }

    /// What was given out so far.
    pub fn all(&self) -> BTreeMap<(TypeId, Arc<str>), Veil> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<(TypeId, Arc<str>), Veil>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
