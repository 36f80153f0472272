//! The one place where a [`Caller`] becomes an [`Access`]. <https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html>
//!
//! Scopes are united, each in its own context (S69, S78). What is not understood grants nothing.

use crate::access::{Access, Action};
use crate::caller::{Caller, Identity};
use crate::compartment::Compartments;
use crate::granted::Granted;
use crate::granular::{Criterion, Granular};
use crate::grid::{Grid, Reach};
use crate::mask::Mask;
use crate::part::Part;
use crate::policies::Policies;
use crate::role::{AUDIT_EVENT, Roles};
use crate::scope::{Context, ResourceScope, Target};
use crate::sight::{PatientKey, Sight};
use std::sync::{Arc, OnceLock};
use ward_fhir::TypeId;
use ward_fhir::schema::{TypeDef, r4};

/// What was looked up for this caller, in the state the call is answered from.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The launch patient's row. `None` (not asked for, unknown, deleted): `patient/` scopes grant nothing.
    pub patient: Option<PatientKey>,
    /// What each of [`Caller::granular`] was compiled to, in that order. What is `None` or missing grants nothing.
    pub criteria: Vec<Option<Arc<Criterion>>>,
    /// Visibility ids this caller sees.
    pub mask: Mask,
    /// Those of rows that they may change or delete, where consents permit less of that than of reading.
    pub changeable: Mask,
}

impl Facts {
    /// No launch patient and nothing compiled, for a caller who sees these visibility ids and may change what they see.
    pub fn of(mask: Mask) -> Facts {
        Facts {
            patient: None,
            criteria: Vec::new(),
            changeable: mask.clone(),
            mask,
        }
    }
}

/// What the caller may see and do. Costs a few reference counts: scopes and roles were worked out with the Caller. With
/// granular scopes some allocations for each, and each type it names.
pub fn decide(caller: &Caller, facts: &Facts) -> Access {
    let patients = facts
        .patient
        .map_or(Sight::Nothing, |key| Sight::Patients([key].into()));
    let shared = facts.patient.map_or(Sight::Nothing, |_| Sight::Everything);
    let plain = |ty: TypeId, action| match caller.grid.reach(ty, action) {
        Reach::Nothing => Sight::Nothing,
        Reach::Patients => patients.clone(),
        Reach::Shared => shared.clone(),
        Reach::Everything => Sight::Everything,
    };
    let granted = match caller.granular() {
        [] => None,
        granular => Granted::new(granular, facts, plain).map(Arc::new),
    };
    Access {
        grid: caller.grid.clone(),
        granted,
        launch: caller.launch.clone().filter(|_| facts.patient.is_some()),
        part: caller.part.clone(),
        patients,
        shared,
        mask: facts.mask.clone(),
        changeable: facts.changeable.clone(),
        closed: Arc::default(),
        home: None,
        handed: Arc::default(),
        fingerprint: caller.fingerprint,
        before: None,
    }
}

/// Work of the server itself that no caller asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maintenance {
    /// Does a reference's target exist? Reads and searches; its answer must never leave the server.
    ReferenceCheck,
    /// Has a resource that the caller does not see an id under which they would create one? Reads; its answer leaves the server as
    /// a refusal only.
    TakenId,
    /// Filling a demo store. Creates, updates, reads and searches; only before the server listens.
    DemoImport,
    /// What clients define search parameters by. Reads and searches SearchParameter only; what it finds decides how queries
    /// are read, and is told in the CapabilityStatement.
    SearchParameters,
    /// In which roles a person is on duty. Reads and searches PractitionerRole only; what it finds decides what the person may do.
    Rota,
    /// Whose resources are that lie in no compartment and are counted for somebody. Reads types that may have an owner; what it finds
    /// decides how many patients a client has seen, and is told to nobody.
    Owners,
    /// Whom a caller stands for beside themselves. Reads and searches PractitionerRole, Organization, CareTeam and Group only; what it
    /// finds decides which consents are about the caller.
    Memberships,
    /// Who sees what of a record. Reads; of what it finds is told that it is there, and who sees it, to those who look after consents.
    Explain,
    /// What rows and people are called in AuditEvents. Reads; of what it finds logical ids, names of people and labels go on, to whom
    /// the events are shown.
    Names,
    /// Whose record a refused Call was about. Reads; what it finds goes into the Record of the Call and nowhere else.
    Refused,
    /// Extracting index entries anew from what is stored. Reads; nothing of it leaves the store.
    Reindex,
    /// What carries security labels to a resource that is written, and what it carries them to. Reads and searches; of what it finds
    /// only labels go on, into `meta.security` of the resources around.
    Labels,
    /// What a patient's consents say. Reads and searches Consent only; what it finds decides who sees the record.
    Consents,
    /// What consents are evaluated against: rows of the record, people and organizations that are named, merged patients. Reads and
    /// searches; what it finds decides who sees the record.
    Policies,
    /// Whether versions are those that the audit log says were written. Reads; of what it finds is told that it is another.
    Versions,
    /// Why somebody may have opened a record, and which alerts are closed. Reads and searches; what it finds decides what privacy
    /// officers are told.
    Detection,
}

/// The types that say who belongs to whom.
const MEMBERSHIPS: [&str; 4] = ["PractitionerRole", "Organization", "CareTeam", "Group"];

/// Access that is **not** decided from a caller: it sees every row. Never pass it on while answering a Call, except for the
/// check it is named after; each use names its purpose so that all of them can be found and reviewed.
pub fn maintenance(purpose: Maintenance) -> Access {
    let (actions, fingerprint): (&[Action], u64) = match purpose {
        Maintenance::ReferenceCheck => (&[Action::Read, Action::Search], 1),
        Maintenance::DemoImport => (
            &[Action::Create, Action::Read, Action::Update, Action::Search],
            2,
        ),
        Maintenance::SearchParameters => (&[Action::Read, Action::Search], 3),
        Maintenance::Reindex => (&[Action::Read], 4),
        Maintenance::Labels => (&[Action::Read, Action::Search], 11),
        Maintenance::Rota => (&[Action::Read, Action::Search], 5),
        Maintenance::TakenId => (&[Action::Read], 6),
        Maintenance::Refused => (&[Action::Read], 12),
        Maintenance::Owners => (&[Action::Read], 7),
        Maintenance::Memberships => (&[Action::Read, Action::Search], 8),
        Maintenance::Consents => (&[Action::Read, Action::Search], 9),
        Maintenance::Policies => (&[Action::Read, Action::Search], 10),
        Maintenance::Explain => (&[Action::Read], 11),
        Maintenance::Names => (&[Action::Read], 12),
        Maintenance::Versions => (&[Action::Read], 13),
        Maintenance::Detection => (&[Action::Read, Action::Search], 14),
    };
    let mut grid = Grid::default();
    let reached = |name: &str| match purpose {
        Maintenance::SearchParameters => name == "SearchParameter",
        Maintenance::Rota => name == "PractitionerRole",
        Maintenance::Memberships => MEMBERSHIPS.contains(&name),
        Maintenance::Consents => name == "Consent",
        Maintenance::Owners => Compartments::r4()
            .owned()
            .any(|(ty, _)| r4().ty(ty).name == name),
        _ => true,
    };
    for ty in resource_types().filter(|ty| reached(ty.name)) {
        actions
            .iter()
            .for_each(|action| grid.widen(ty.id, *action, Reach::Everything));
    }
    Access {
        grid: Arc::new(grid),
        patients: Sight::Nothing,
        shared: Sight::Nothing,
        granted: None,
        launch: None,
        part: None,
        mask: Mask::every(),
        changeable: Mask::every(),
        closed: Arc::default(),
        home: None,
        handed: Arc::default(),
        fingerprint,
        before: None,
    }
}

/// What decides how far scopes reach: who somebody is, by which policies, and what those show of a type.
pub(crate) struct Rights<'a> {
    identity: &'a Identity,
    pub policies: Policies<'a>,
    pub part: Option<Arc<Part>>,
}

impl<'a> Rights<'a> {
    pub fn of(identity: &'a Identity, known: &'a Roles) -> Rights<'a> {
        let policies = Policies::of(identity, known);
        Rights {
            part: Part::of(identity, &policies),
            identity,
            policies,
        }
    }

    /// How far the plain scopes reach, whoever the launch patient turns out to be.
    pub fn grid(&self) -> Grid {
        let mut grid = Grid::default();
        let scopes = self.identity.scopes.resources();
        for scope in scopes.filter(|scope| scope.query.is_empty()) {
            for ty in types_of(scope) {
                for action in Action::ALL {
                    grid.widen(ty.id, action, self.reach_of(scope, ty, action));
                }
            }
        }
        grid
    }

    /// The granular scopes, where they reach further than the plain ones: one that reaches as far absorbs them.
    pub fn granular(&self, plain: &Grid) -> Vec<Granular> {
        let further = |scope: &ResourceScope, ty: &TypeDef, action| {
            let reach = self.reach_of(scope, ty, action);
            let is_further = reach > plain.reach(ty.id, action);
            if is_further { reach } else { Reach::Nothing }
        };
        let granular = |scope: &ResourceScope| {
            let of_type = |ty: &'static TypeDef| {
                (ty.id, Action::ALL.map(|action| further(scope, ty, action)))
            };
            let ty = match scope.target {
                Target::Every => None,
                Target::Type(ty) => Some(ty),
            };
            Granular::new(ty, &scope.query, types_of(scope).map(of_type))
        };
        let scopes = || self.identity.scopes.resources();
        let written = scopes().filter(|scope| !scope.query.is_empty());
        let owned = scopes().flat_map(|scope| self.owned(scope, plain));
        written.filter_map(granular).chain(owned).collect()
    }

    /// What a `patient/` scope opens of types outside the compartment: what names the launch patient as its owner, to read and to
    /// search (S75). It is a granular scope that nobody has to write.
    fn owned(&self, scope: &ResourceScope, plain: &Grid) -> Vec<Granular> {
        let identity = self.identity;
        let Some(patient) = &identity.patient else {
            return Vec::new();
        };
        if scope.context != Context::Patient || !identity.is_user() {
            return Vec::new();
        }
        let owned = |(ty, parameter): (TypeId, &str)| {
            let reach = |action| match action {
                Action::Read | Action::Search
                    if scope.actions.contains(action)
                        && plain.reach(ty, action) == Reach::Nothing
                        && self.permit(scope.context, ty, action) =>
                {
                    Reach::Shared
                }
                _ => Reach::Nothing,
            };
            let mut query = vec![(parameter.to_owned(), format!("Patient/{patient}"))];
            query.extend(scope.query.iter().cloned());
            Granular::new(
                Some(ty),
                &query,
                std::iter::once((ty, Action::ALL.map(reach))),
            )
        };
        let types = Compartments::r4().owned();
        types
            .filter(|(ty, _)| scope.target.covers(*ty))
            .filter_map(owned)
            .collect()
    }

    /// How far one scope reaches, its parameters apart.
    fn reach_of(&self, scope: &ResourceScope, ty: &TypeDef, action: Action) -> Reach {
        if scope.actions.contains(action) && is_possible(scope.context, ty.name, action) {
            self.reach(scope.context, ty.id, action)
        } else {
            Reach::Nothing
        }
    }

    fn reach(&self, context: Context, ty: TypeId, action: Action) -> Reach {
        let identity = self.identity;
        match context {
            Context::System if identity.is_system() => Reach::Everything,
            Context::User if identity.is_user() && self.permit(context, ty, action) => {
                Reach::Everything
            }
            // Without a launch patient in the token there is no compartment to be in (S73). Which rows are in it is said by all
            // that they hold, also where a part of them is shown: what opens a row does not depend on what is seen of it.
            Context::Patient
                if identity.is_user()
                    && identity.patient.is_some()
                    && self.permit(context, ty, action) =>
            {
                Compartments::r4().reach(ty, action)
            }
            _ => Reach::Nothing,
        }
    }

    fn permit(&self, context: Context, ty: TypeId, action: Action) -> bool {
        let part = self.part.as_ref();
        let in_part = part.is_some_and(|part| part.elements(ty).is_some());
        self.policies.permit(context, ty, action, in_part)
    }
}

/// Nobody changes or removes an AuditEvent, and only a system brings one in.
fn is_possible(context: Context, ty: &str, action: Action) -> bool {
    match action {
        _ if ty != AUDIT_EVENT => true,
        Action::Read | Action::Search => true,
        Action::Create => context == Context::System,
        Action::Update | Action::Delete => false,
    }
}

fn types_of(scope: &ResourceScope) -> impl Iterator<Item = &'static TypeDef> {
    let (one, every) = match scope.target {
        Target::Type(ty) => (Some(r4().ty(ty)), None),
        Target::Every => (None, Some(resource_types())),
    };
    one.into_iter().chain(every.into_iter().flatten())
}

/// The concrete resource types. Chosen once: the table holds every data type and backbone too.
fn resource_types() -> impl Iterator<Item = &'static TypeDef> {
    static RESOURCES: OnceLock<Vec<&TypeDef>> = OnceLock::new();
    let is_resource = |ty: &&TypeDef| r4().resource_type(ty.name) == Some(ty.id);
    RESOURCES
        .get_or_init(|| r4().types.iter().filter(is_resource).collect())
        .iter()
        .copied()
}

#[cfg(test)]
#[path = "decide_tests.rs"]
pub(crate) mod tests;
