//! The one place where a [`Caller`] becomes an [`Access`]. <https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html>
//!
//! Scopes are united, each in its own context (S69, S78). What is not understood grants nothing.

use crate::access::{Access, Action, PatientKey, Sight};
use crate::caller::{Caller, Identity};
use crate::compartment::Compartments;
use crate::grid::{Grid, Reach};
use crate::mask::Mask;
use crate::role::{AUDIT_EVENT, RolePolicy, Roles};
use crate::scope::{Context, ResourceScope, Target};
use std::sync::{Arc, OnceLock};
use ward_fhir::schema::{TypeDef, r4};

/// What was looked up for this caller, in the state the call is answered from.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The launch patient's row. `None` (not asked for, unknown, deleted): `patient/` scopes grant nothing.
    pub patient: Option<PatientKey>,
    /// Visibility ids this caller sees.
    pub mask: Mask,
}

/// No launch patient, and nothing hidden.
impl Default for Facts {
    fn default() -> Facts {
        Facts {
            patient: None,
            mask: Mask::open(),
        }
    }
}

/// What the caller may see and do. Costs a few reference counts: scopes and roles were worked out with the Caller.
pub fn decide(caller: &Caller, facts: &Facts) -> Access {
    let patients = facts
        .patient
        .map_or(Sight::Nothing, |key| Sight::Patients([key].into()));
    let shared = facts.patient.map_or(Sight::Nothing, |_| Sight::Everything);
    Access {
        grid: caller.grid.clone(),
        patients,
        shared,
        mask: facts.mask.clone(),
        fingerprint: caller.fingerprint,
        before: None,
    }
}

/// Work of the server itself that no caller asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maintenance {
    /// Does a reference's target exist? Reads and searches; its answer must never leave the server.
    ReferenceCheck,
    /// Filling a demo store. Creates, updates, reads and searches; only before the server listens.
    DemoImport,
    /// What clients define search parameters by. Reads and searches SearchParameter only; what it finds decides how queries
    /// are read, and is told in the CapabilityStatement.
    SearchParameters,
    /// Extracting index entries anew from what is stored. Reads; nothing of it leaves the store.
    Reindex,
}

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
    };
    let mut grid = Grid::default();
    let reached =
        |name: &str| purpose != Maintenance::SearchParameters || name == "SearchParameter";
    for ty in resource_types().filter(|ty| reached(ty.name)) {
        actions
            .iter()
            .for_each(|action| grid.widen(ty.id, *action, Reach::Everything));
    }
    Access {
        grid: Arc::new(grid),
        patients: Sight::Nothing,
        shared: Sight::Nothing,
        mask: Mask::open(),
        fingerprint,
        before: None,
    }
}

/// How far the scopes reach for this identity, whoever the launch patient turns out to be.
pub(crate) fn grid(identity: &Identity, known: &Roles) -> Grid {
    let roles: Vec<&RolePolicy> = identity
        .roles
        .iter()
        .filter_map(|name| known.get(name))
        .map(|policy| &**policy)
        .collect();
    let mut grid = Grid::default();
    for scope in identity
        .scopes
        .resources()
        .filter(|scope| scope.query.is_empty())
    {
        for ty in types_of(scope) {
            for action in scope
                .actions
                .iter()
                .filter(|action| is_possible(scope.context, ty.name, *action))
            {
                grid.widen(
                    ty.id,
                    action,
                    reach(identity, &roles, scope.context, ty, action),
                );
            }
        }
    }
    grid
}

fn reach(
    identity: &Identity,
    roles: &[&RolePolicy],
    context: Context,
    ty: &TypeDef,
    action: Action,
) -> Reach {
    match context {
        Context::System if identity.is_system() => Reach::Everything,
        Context::User
            if identity.is_user()
                && roles
                    .iter()
                    .any(|role| role.sees_whole(ty.id) && role.actions(ty.id).contains(action)) =>
        {
            Reach::Everything
        }
        // Without a launch patient in the token there is no compartment to be in (S73).
        Context::Patient if identity.patient.is_some() => reach_of_patient(ty, action),
        _ => Reach::Nothing,
    }
}

fn reach_of_patient(ty: &TypeDef, action: Action) -> Reach {
    let compartments = Compartments::r4();
    let is_reading = matches!(action, Action::Read | Action::Search);
    if compartments.is_open_to_patients(ty.id) {
        Reach::Patients
    } else if compartments.is_shared(ty.id) && is_reading {
        Reach::Shared
    } else {
        Reach::Nothing
    }
}

/// Nobody removes an AuditEvent, and only a system brings one in (with its own id, as an update). That an existing one
/// cannot be changed is `resources`' to see: here an update of a new id and of an old one look alike.
fn is_possible(context: Context, ty: &str, action: Action) -> bool {
    match action {
        _ if ty != AUDIT_EVENT => true,
        Action::Read | Action::Search => true,
        Action::Create | Action::Update => context == Context::System,
        Action::Delete => false,
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
mod tests;
