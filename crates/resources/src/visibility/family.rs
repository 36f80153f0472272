//! Patients whose records are one: those that were merged, by the links between them.
//! <https://hl7.org/fhir/R4/patient.html#links>

use super::row::local;
use crate::document::reread;
use crate::engine::{Engine, stored};
use crate::place::patient_type;
use std::collections::BTreeMap;
use ward_access::{Action, Maintenance, maintenance};
use ward_consent::Ref;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind, Node};
use ward_search::plan::{Plan, Total};
use ward_search::query::Options;
use ward_search::terminology::Embedded;
use ward_storage::{Current, Rid, Row};

/// Records that are one. More are refused: they would be looked through with each write of a consent.
pub(crate) const FAMILY_MAX: usize = 64;
/// Links that are followed, one after the other.
const ROUNDS_MAX: usize = 8;

/// Links of Patients as they are about to be, and are not stored yet.
pub(crate) type Pending = BTreeMap<Rid, Vec<Ref>>;

/// Of one record, and those that were merged with it: a consent of any of them is one of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Family {
    /// With their references, in the order of their rows.
    pub patients: BTreeMap<Rid, Ref>,
}

impl Family {
    pub fn subjects(&self) -> Vec<Ref> {
        self.patients.values().cloned().collect()
    }
}

/// Patients that a Patient says it replaces, or is replaced by.
pub(crate) fn merged(patient: Node<'_>, base: &str) -> Vec<Ref> {
    let links = patient.all("link").filter(|link| {
        let ty = link.text("type");
        ty == Some("replaces") || ty == Some("replaced-by")
    });
    let others = links.filter_map(|link| local(link.get("other")?, base));
    others
        .filter(|other| other.starts_with("Patient/"))
        .collect()
}

impl Engine {
    /// The records that are one with these. Statements: two for each link on the way, and two. Errors: `TooCostly` for more than
    /// [`FAMILY_MAX`].
    pub(crate) async fn family(&self, patients: &[Rid], pending: &Pending) -> Result<Family> {
        let mut family = Family {
            patients: BTreeMap::new(),
        };
        let mut open = patients.to_vec();
        for _ in 0..ROUNDS_MAX {
            open.retain(|rid| *rid != 0 && !family.patients.contains_key(rid));
            open.sort_unstable();
            open.dedup();
            if open.is_empty() {
                return Ok(family);
            }
            if family.patients.len() + open.len() > FAMILY_MAX {
                return Err(too_many());
            }
            let found = self.patients(&open).await?;
            let mut next = Vec::new();
            for (rid, row) in open.iter().zip(found) {
                let id = match &row {
                    Some(row) => row.id.to_string(),
                    None => self.store.public_id(*rid),
                };
                family.patients.insert(*rid, format!("Patient/{id}").into());
                match (pending.get(rid), row) {
                    (Some(links), _) => next.extend(links.iter().cloned()),
                    (None, Some(row)) => {
                        next.extend(merged(reread(&row.body)?.root(), &self.settings.base));
                    }
                    (None, None) => {}
                }
            }
            let fresh: Vec<&str> = open.iter().map(|rid| &*family.patients[rid]).collect();
            let mut found = self.naming(&fresh).await?;
            found.retain(|rid| !pending.contains_key(rid));
            let names = |links: &[Ref]| links.iter().any(|link| fresh.contains(&&**link));
            let about = pending.iter().filter(|(_, links)| names(links));
            found.extend(about.map(|(rid, _)| *rid));
            found.extend(self.rows_of(&next).await?);
            open = found;
        }
        Err(too_many())
    }

    /// `None`: not there, or deleted, or none has been stored yet.
    async fn patients(&self, rids: &[Rid]) -> Result<Vec<Option<Row>>> {
        let access = maintenance(Maintenance::Policies);
        let keys: Vec<_> = rids.iter().map(|rid| (patient_type(), *rid)).collect();
        let rows = self.store.read_many(&access, Action::Read, &keys).await;
        let row = |current| match current {
            Current::Live(row) => Some(row),
            Current::Deleted(_) | Current::Absent => None,
        };
        Ok(stored(rows)?.into_iter().map(row).collect())
    }

    async fn rows_of(&self, references: &[Ref]) -> Result<Vec<Rid>> {
        let ids: Vec<_> = references
            .iter()
            .filter_map(|reference| Some((patient_type(), reference.strip_prefix("Patient/")?)))
            .collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rids = stored(self.store.locate(&ids).await)?;
        Ok(rids.into_iter().flatten().collect())
    }

    /// Patients that say of one of these that it was merged with them.
    async fn naming(&self, references: &[&str]) -> Result<Vec<Rid>> {
        let options = Options {
            strict: true,
            now_us: 0,
            count_default: FAMILY_MAX as u32,
            count_max: FAMILY_MAX as u32,
            terminology: &Embedded,
        };
        let named = references.join(",");
        let pairs = [("link", named.as_str())];
        let types = [patient_type()];
        let (plan, _) = ward_search::query::parse(&self.extractor, &types, &pairs, &options)?;
        let plan = Plan {
            total: Total::None,
            ..plan
        };
        let access = maintenance(Maintenance::Policies);
        let page = stored(self.store.search(&access, &plan).await)?;
        if page.more {
            return Err(too_many());
        }
        let mut rids = Vec::new();
        for row in page.rows {
            let document = reread(&row.body)?;
            let others = merged(document.root(), &self.settings.base);
            if others.iter().any(|other| references.contains(&&**other)) {
                rids.push(row.rid);
            }
        }
        Ok(rids)
    }
}

fn too_many() -> Failure {
    let text = format!("more than {FAMILY_MAX} patients are linked as one");
    Failure::new(Kind::TooCostly, text)
}
