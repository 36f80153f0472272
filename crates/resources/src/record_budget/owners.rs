//! Whose the resources are that lie in no compartment though they may be a patient's: a Device names who has it, and tells of them where
//! it is shown (S75). No row says so, and it is read where the resource says it.

use crate::document::reread;
use crate::engine::Engine;
use crate::place::patient_type;
use std::collections::{BTreeSet, HashMap};
use ward_access::{Access, Action, Compartments, Maintenance, maintenance};
use ward_audit::Entity;
use ward_fhir::TypeId;
use ward_fhir::reference::{self, Reference};
use ward_storage::{Current, Rid, Row, StoreError, View};

/// The patients whom shown versions of such resources name.
///
/// Statements: none where there is none of them; else one for all, one for each version that is no longer the current one, and one
/// where clients chose the ids of patients.
pub(super) async fn named(
    engine: &Engine,
    view: View<'_>,
    entities: &[Entity],
) -> Result<Vec<Rid>, StoreError> {
    let owned = entities.iter().filter(|entity| entity.patient == 0);
    let owned: BTreeSet<Shown> = owned.filter_map(Shown::of).collect();
    if owned.is_empty() {
        return Ok(Vec::new());
    }
    let access = maintenance(Maintenance::Owners);
    let keys: BTreeSet<(TypeId, Rid)> = owned.iter().map(Shown::key).collect();
    let keys: Vec<(TypeId, Rid)> = keys.into_iter().collect();
    let current = view.read_many(&access, Action::Read, &keys).await?;
    let current: HashMap<_, _> = keys.into_iter().zip(current).collect();
    let mut references = BTreeSet::new();
    for shown in &owned {
        let row = match current.get(&shown.key()) {
            Some(Current::Live(row)) if row.version == shown.version => Some(row.clone()),
            _ => former(engine, view, &access, shown).await?,
        };
        if let Some(row) = row {
            references.extend(reference_of(&row, shown.element)?);
        }
    }
    patients(engine, view, &references).await
}

/// A version of a resource of a type that may have an owner.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Shown {
    ty: TypeId,
    rid: Rid,
    version: u32,
    /// That says whose it is. It is called as its parameter.
    element: &'static str,
}

impl Shown {
    fn of(entity: &Entity) -> Option<Shown> {
        let ty = TypeId(entity.ty);
        Some(Shown {
            ty,
            rid: entity.rid,
            version: entity.version,
            element: Compartments::r4().owner(ty)?,
        })
    }

    fn key(&self) -> (TypeId, Rid) {
        (self.ty, self.rid)
    }
}

async fn former(
    engine: &Engine,
    view: View<'_>,
    access: &Access,
    shown: &Shown,
) -> Result<Option<Row>, StoreError> {
    let memberships = &engine.compartments;
    view.read_version(access, memberships, shown.ty, shown.rid, shown.version)
        .await
}

/// `None`: a deletion, or it names nobody.
fn reference_of(row: &Row, element: &str) -> Result<Option<String>, StoreError> {
    if row.body.is_empty() {
        return Ok(None);
    }
    let document = reread(&row.body).map_err(|_| StoreError::Integrity)?;
    let owner = document.root().get(element);
    let text = owner.and_then(|owner| owner.text("reference"));
    Ok(text.map(str::to_owned))
}

/// Whose id has no row is nobody.
async fn patients(
    engine: &Engine,
    view: View<'_>,
    references: &BTreeSet<String>,
) -> Result<Vec<Rid>, StoreError> {
    let local = |text: &String| match reference::parse(text, Some(&engine.settings.base))? {
        Reference::Local { ty, id, .. } if ty == patient_type() => Some(id.to_owned()),
        _ => None,
    };
    let ids: BTreeSet<String> = references.iter().filter_map(local).collect();
    let (mut rids, mut chosen) = (Vec::new(), Vec::new());
    for id in &ids {
        match engine.store.decode_id(id) {
            Some(rid) => rids.push(rid),
            None => chosen.push((patient_type(), id.as_str())),
        }
    }
    if !chosen.is_empty() {
        let located = view.locate(&chosen).await?;
        rids.extend(located.into_iter().flatten());
    }
    Ok(rids)
}
