//! Where a resource lives: the patients whose compartments it is in. The first is its home, which decides key and
//! shard; every further membership is a term. <https://hl7.org/fhir/R4/compartmentdefinition.html>

use crate::engine::{Engine, stored};
use crate::write::Replaced;
use std::collections::HashMap;
use ward_access::{Access, Action, Sight};
use ward_fhir::issue::Result;
use ward_fhir::reference::{self, Reference};
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, Node, TypeId};
use ward_search::entries::{Entries, TermEntry};
use ward_storage::{Rid, Row};

/// Row ids of the compartment patients, home first; empty for shared resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    pub patients: Vec<Rid>,
}

impl Placement {
    pub fn home(&self) -> Option<Rid> {
        self.patients.first().copied()
    }

    /// Whether the caller may write a resource placed so. One restricted to compartments writes only at home in them:
    /// a resource about another patient that merely names this one is not theirs to write.
    pub fn permits(&self, access: &Access, ty: TypeId, action: Action) -> bool {
        match access.sight(ty, action) {
            Sight::Nothing => false,
            Sight::Everything => true,
            Sight::Patients(keys) => keys.iter().any(|k| Some(k.rid) == self.home()),
        }
    }

    /// Adds the membership terms of all patients but the home.
    pub fn add_terms(&self, engine: &Engine, entries: &mut Entries) {
        for rid in self.patients.iter().skip(1) {
            let term = engine.store.term_key().membership(*rid);
            entries.terms.push(TermEntry {
                term,
                param: u16::MAX,
                counted: false,
            });
        }
        entries.terms.sort_unstable();
        entries.terms.dedup();
    }
}

/// Places a resource whose own row id may be known (`own`: a Patient is its own home). `known` maps references of the
/// same transaction to row ids. Ids of patients that do not exist yet are reserved, so that membership holds once they do.
pub async fn place(
    engine: &Engine,
    node: Node<'_>,
    own: Option<Rid>,
    known: &HashMap<String, Rid>,
) -> Result<Placement> {
    let patient = patient_type();
    let mut placement = Placement::default();
    if node.ty() == patient {
        placement.patients.extend(own);
    }
    let mut unknown: Vec<&str> = Vec::new();
    for text in engine.compartments.patients(node) {
        if let Some(rid) = known.get(text) {
            push(&mut placement, *rid);
        } else if let Some(Reference::Local { ty, id, .. }) =
            reference::parse(text, Some(&engine.settings.base))
            && ty == patient
        {
            match engine.store.decode_id(id) {
                Some(rid) => push(&mut placement, rid),
                None => unknown.push(id),
            }
        }
    }
    if !unknown.is_empty() {
        let keys: Vec<(TypeId, &str)> = unknown.iter().map(|id| (patient, *id)).collect();
        for rid in stored(engine.store.reserve(&keys).await)? {
            push(&mut placement, rid);
        }
    }
    Ok(placement)
}

fn push(placement: &mut Placement, rid: Rid) {
    if !placement.patients.contains(&rid) {
        placement.patients.push(rid);
    }
}

pub fn patient_type() -> TypeId {
    static PATIENT: std::sync::OnceLock<TypeId> = std::sync::OnceLock::new();
    *PATIENT.get_or_init(|| r4().resource_type("Patient").unwrap_or(TypeId(u16::MAX)))
}

/// 403 when the content lies outside what the caller may write.
pub fn demand(placement: &Placement, access: &Access, ty: TypeId, action: Action) -> Result<()> {
    if placement.permits(access, ty, action) {
        Ok(())
    } else {
        Err(not_theirs(ty, action))
    }
}

/// The same for the version that a write replaces.
pub fn demand_home_of(
    replaced: &Replaced,
    access: &Access,
    ty: TypeId,
    action: Action,
) -> Result<()> {
    match replaced {
        Replaced::Nothing => Ok(()),
        Replaced::Version(row) => demand_home(row, access, ty, action),
    }
}

/// 403 when the stored row is at home in a compartment that the caller may not write in.
pub fn demand_home(row: &Row, access: &Access, ty: TypeId, action: Action) -> Result<()> {
    demand(
        &Placement {
            patients: vec![row.patient],
        },
        access,
        ty,
        action,
    )
}

/// Whether who may update rows of the type may read those same rows: a patch answers with what it did not send.
pub fn reads_what_it_updates(access: &Access, ty: TypeId) -> bool {
    let read = access.sight(ty, Action::Read);
    *read == Sight::Everything || read == access.sight(ty, Action::Update)
}

fn not_theirs(ty: TypeId, action: Action) -> Failure {
    Failure::new(
        Kind::Forbidden,
        format!(
            "the token's scopes do not permit this {} of {}",
            verb(action),
            r4().ty(ty).name
        ),
    )
}

/// 403 when no scope reaches the type at all, whatever the data.
pub fn demand_type(access: &Access, ty: TypeId, action: Action) -> Result<()> {
    if access.may(ty, action) {
        return Ok(());
    }
    Err(Failure::new(
        Kind::Forbidden,
        format!(
            "the token's scopes do not permit {} of {}",
            verb(action),
            r4().ty(ty).name
        ),
    ))
}

fn verb(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Read => "read",
        Action::Update => "update",
        Action::Delete => "delete",
        Action::Search => "search",
    }
}
