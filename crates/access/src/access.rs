//! What a caller may see and do. Storage functions that return clinical data ask for one; only `decide` makes one.

use crate::compartment::Compartments;
use crate::granted::Granted;
use crate::grid::{Grid, Reach};
use crate::mask::{Hides, Mask};
use crate::masked::{Handed, Masked};
use crate::part::Part;
use crate::sight::{Grant, PatientKey, Sight};
use std::sync::Arc;
use ward_fhir::schema::r4;
use ward_fhir::{Node, TypeId};
use ward_search::compartment::Compartments as Memberships;
use ward_search::groups::Groups;
use ward_search::seen::{Elements, Seen};

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

/// Cheap to clone. Cannot be built outside this crate.
#[derive(Clone, Debug)]
pub struct Access {
    pub(crate) grid: Arc<Grid>,
    /// What [`Reach::Patients`] comes to.
    pub(crate) patients: Sight,
    /// What [`Reach::Shared`] comes to.
    pub(crate) shared: Sight,
    /// Where granular scopes decide, instead of the grid.
    pub(crate) granted: Option<Arc<Granted>>,
    /// Logical id of the patient that `patients` is about.
    pub(crate) launch: Option<Arc<str>>,
    /// Of types that are seen in part.
    pub(crate) part: Option<Arc<Part>>,
    pub(crate) mask: Mask,
    /// In place of `mask` where rows are changed or deleted.
    pub(crate) changeable: Mask,
    /// Patients whose records are hidden whatever the mask says, in order.
    pub(crate) closed: Arc<[i64]>,
    /// The one patient with whom rows are at home that are seen, but for those of nobody's record, of which `before` says what is seen.
    /// `None`: with whomever.
    pub(crate) home: Option<i64>,
    /// What the store has given out and is shown in part.
    pub(crate) handed: Arc<Handed>,
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

    /// As scopes write it.
    pub const fn letter(self) -> char {
        ['c', 'r', 'u', 'd', 's'][self as usize]
    }
}

impl Access {
    pub fn sight(&self, ty: TypeId, action: Action) -> &Sight {
        let granted = self.granted.as_ref();
        if let Some(sight) = granted.and_then(|granted| granted.sight(ty, action)) {
            return sight;
        }
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
            || self.granted.as_ref().is_some_and(|g| g.has(action))
    }

    /// Whether a resource in this state, at home with this patient, is the caller's to write (S71). `None` for a state: a
    /// deletion, which no granular scope reaches. One bound to compartments writes only what is at home in them.
    pub fn permits(
        &self,
        ty: TypeId,
        action: Action,
        home: Option<i64>,
        state: Option<Node<'_>>,
    ) -> bool {
        match self.sight(ty, action) {
            Sight::Nothing => false,
            Sight::Everything => true,
            Sight::Patients(keys) => is_home(keys, home),
            Sight::Matching(grants) => any(grants, state, |keys| is_home(keys, home)),
        }
    }

    /// Whether every version at home with this patient may be shown, whatever it says, once the current one is seen.
    pub fn shows_any_version(&self, ty: TypeId, action: Action, home: i64) -> bool {
        match self.sight(ty, action) {
            Sight::Nothing => false,
            Sight::Everything => true,
            Sight::Patients(keys) => is_home(keys, Some(home)),
            Sight::Matching(grants) => any(grants, None, |keys| is_home(keys, Some(home))),
        }
    }

    /// Whether a version of a resource whose current one is seen would be seen itself (R19): what a resource once was may be
    /// outside of what the caller may see. `None` for a state: a deletion, of which only the home is known.
    pub fn shows_version(
        &self,
        memberships: &Memberships,
        (ty, action): (TypeId, Action),
        home: i64,
        state: Option<Node<'_>>,
    ) -> bool {
        let is_in = |keys: &[PatientKey]| {
            is_home(keys, Some(home))
                || state.is_some_and(|node| self.names(memberships, keys, node))
        };
        match self.sight(ty, action) {
            Sight::Nothing => false,
            Sight::Everything => true,
            Sight::Patients(keys) => state.is_none() || is_in(keys),
            Sight::Matching(grants) => any(grants, state, is_in),
        }
    }

    /// The elements that are seen of types of which not all are; `None`: there is no such type.
    pub fn seen(&self) -> Option<&Arc<Seen>> {
        self.part.as_ref().map(|part| &part.seen)
    }

    /// The elements that are seen of a type, whatever is done with it; `None`: all of them.
    pub fn elements(&self, ty: TypeId) -> Option<&Elements> {
        self.part.as_ref().and_then(|part| part.elements(ty))
    }

    /// Whether it is seen of resources of the type whose record they belong to. Where it is not, [`Access::narrow`] leaves none.
    pub fn places(&self, ty: TypeId) -> bool {
        self.part.as_ref().is_none_or(|part| part.places(ty))
    }

    pub fn mask(&self) -> &Mask {
        &self.mask
    }

    /// To be called by the store with each resource that it gives out: one that is shown in part is remembered, and what leaves of it
    /// is cut ([`Access::handed`]).
    pub fn hand(&self, ty: TypeId, id: &Arc<str>, visibility: i32) {
        let veil = self.mask.veil(visibility);
        if !veil.is_empty() {
            self.handed.note(ty, id, veil);
        }
    }

    /// What was given out by this access and those that were made of it.
    pub fn handed(&self) -> &Handed {
        &self.handed
    }

    /// Whether [`Access::to_change`] is this one.
    pub fn changes_what_it_sees(&self) -> bool {
        self.mask == self.changeable
    }

    /// This access for changing and deleting: what may not be changed is as if it were not there. What is referred to on the way as well.
    pub fn to_change(&self) -> Access {
        let before = self.before.as_ref();
        Access {
            mask: self.changeable.clone(),
            before: before.map(|before| Arc::new(before.to_change())),
            ..self.clone()
        }
    }

    /// This access for what must hold at a commit: rows of classes that were given since it was decided count as seen
    /// ([`Mask::with_unknown`]). Nothing of them may be shown.
    pub fn with_unknown(&self, ids_max: usize) -> Access {
        let before = self.before.as_ref();
        Access {
            mask: self.mask.with_unknown(ids_max),
            before: before.map(|before| Arc::new(before.with_unknown(ids_max))),
            ..self.clone()
        }
    }

    /// This access by other masks: for what a Call does after it has written rows of classes that were new. Of a narrowed one as it was:
    /// its mask may be of the one patient.
    pub fn judged_anew(&self, mask: Mask, changeable: Mask) -> Access {
        if self.before.is_some() {
            return self.clone();
        }
        Access {
            mask,
            changeable,
            ..self.clone()
        }
    }

    /// This access for one patient's record alone, to read and search in it what the mask shows: of somebody who broke the glass (R22).
    /// What merely names the patient and is at home with another stays as hidden as it was, for the mask is not about that record: it is not
    /// in this one. The other ends of chains are of this record or of nobody's, where as much is seen as without ([`Access::of_nobody`]). Never
    /// more than the grid and the scopes reach.
    pub fn break_glass(&self, patient: PatientKey, mask: Mask) -> Access {
        let narrowed = self.narrow(patient);
        let hides = Hides {
            records: mask.hides().records,
            ..self.of_hops().mask.hides()
        };
        let granted = narrowed.granted.as_ref();
        Access {
            grid: Arc::new(narrowed.grid.only(&[Action::Read, Action::Search])),
            granted: granted.map(|granted| Arc::new(granted.only(&[Action::Read, Action::Search]))),
            mask: mask.hiding(hides),
            changeable: Mask::of(&[]),
            home: Some(patient.rid),
            ..narrowed
        }
    }

    /// Row ids of patients whose records are hidden whatever the mask says: what is at home with them. In order, mostly none.
    pub fn closed(&self) -> &Arc<[i64]> {
        &self.closed
    }

    /// Row id of the one patient with whom is at home what is seen of records, behind a broken glass.
    pub fn home(&self) -> Option<i64> {
        self.home
    }

    /// Behind a broken glass: what is seen of rows of nobody's record, as without it. `None`: what [`Access::mask`] shows.
    pub fn of_nobody(&self) -> Option<&Mask> {
        self.home.map(|_| &self.of_hops().mask)
    }

    /// The groups of elements that are masked in some rows that are seen.
    pub fn masked_groups(&self) -> Groups {
        let masks = [Some(&self.mask), self.of_nobody()];
        let masked = masks.into_iter().flatten().filter_map(Mask::masked);
        masked.map(Masked::groups).collect()
    }

    /// Whether there may be rows of the type that exist and are not the caller's to read, though the type is: by what bounds their
    /// scopes, by consents and labels, or in closed records. Of types that they do not reach: by consents, labels and closed records.
    /// What refers to such a type says whether they see the target.
    pub fn may_hide(&self, ty: TypeId) -> bool {
        match self.sight(ty, Action::Read) {
            Sight::Patients(_) | Sight::Matching(_) => true,
            Sight::Everything | Sight::Nothing => {
                let is_of_a_record = Compartments::r4().is_member(ty);
                let hides = self.mask.hides();
                let is_reviewed = || REVIEWS.contains(&r4().ty(ty).name);
                hides.shared
                    || (hides.reviews && is_reviewed())
                    || (is_of_a_record && self.hides_records())
            }
        }
    }

    /// Whether anything may be hidden in the records that the scopes reach.
    pub fn hides_records(&self) -> bool {
        self.mask.hides().records || !self.closed.is_empty()
    }

    /// The same of all types: `false` for who needs not be asked about any.
    pub fn may_hide_any(&self) -> bool {
        self.mask.hides() != Hides::NOTHING
            || !self.closed.is_empty()
            || self.granted.is_some()
            || self.launch.is_some()
            || self.before.is_some()
    }

    /// This access without what is at home with these patients: while it is decided anew who sees their records. Also of the other
    /// ends of chains. Meant for few: each statement compares each row with all of them.
    pub fn without(&self, patients: &[i64]) -> Access {
        let mut closed = [&self.closed[..], patients].concat();
        closed.sort_unstable();
        closed.dedup();
        let before = self.before.as_ref();
        Access {
            closed: closed.into(),
            before: before.map(|before| Arc::new(before.without(patients))),
            ..self.clone()
        }
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
            _ if !self.places(ty) => Reach::Nothing,
            Reach::Patients if is_own => Reach::Patients,
            Reach::Everything if compartments.is_member(ty) => Reach::Patients,
            _ => Reach::Nothing,
        });
        let granted = self.granted.as_ref();
        Access {
            grid: Arc::new(grid),
            patients: Sight::Patients([patient].into()),
            shared: Sight::Nothing,
            granted: granted.map(|granted| Arc::new(granted.narrow(patient, |ty| self.places(ty)))),
            launch: self.launch.clone().filter(|_| is_own),
            before: Some(Arc::new(self.of_hops().clone())),
            ..self.clone()
        }
    }

    /// What the other ends of chains and `_has` may be by scopes: all that the caller may see. Of records [`Access::home`] bounds them,
    /// and [`Access::of_nobody`] says what is seen of the rest.
    pub fn of_hops(&self) -> &Access {
        self.before.as_deref().unwrap_or(self)
    }

    /// Whether a resource names the patient that bounds the caller as one whose compartment it is in.
    fn names(&self, memberships: &Memberships, keys: &[PatientKey], node: Node<'_>) -> bool {
        let is_bound_so = matches!(&self.patients, Sight::Patients(own) if own.as_ref() == keys);
        let launch = self.launch.as_deref().filter(|_| is_bound_so);
        launch.is_some_and(|id| memberships.has(node, id))
    }
}

/// Whether one of the grants reaches a state, where `is_in` tells whether it lies in the compartments that bound one.
fn any(grants: &[Grant], state: Option<Node<'_>>, is_in: impl Fn(&[PatientKey]) -> bool) -> bool {
    let reaching = || {
        let bounds = |grant: &&Grant| grant.patients.as_deref().is_none_or(&is_in);
        grants.iter().filter(bounds)
    };
    reaching().any(|grant| grant.criterion.is_none())
        || state.is_some_and(|node| {
            crate::granular::any(
                reaching().filter_map(|grant| grant.criterion.as_deref()),
                node,
            )
        })
}

fn is_home(keys: &[PatientKey], home: Option<i64>) -> bool {
    keys.iter().any(|key| Some(key.rid) == home)
}

/// Types of what the privacy role alone sees, whoever's record it is about.
const REVIEWS: [&str; 3] = ["Consent", "DetectedIssue", "Task"];
