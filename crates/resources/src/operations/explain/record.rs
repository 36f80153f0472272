//! Rows of a record with what consents ask about them, read whoever may see them: what is told of them is whether others may.

use crate::document::reread;
use crate::engine::{Context, stored};
use crate::place::compartments;
use crate::read::{NO_ROW, live, locate};
use crate::visibility::{Known, Policy, VisibilityClass, asks, is_for_authors, row};
use std::sync::Arc;
use ward_access::{Action, Maintenance, maintenance};
use ward_consent::labels::{Labels, RowClass};
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Document, Failure, Kind, TypeId};
use ward_storage::{Current, Rid, Row};

/// Resources of one record that one of these operations looks through.
pub(super) const RESOURCES_MAX: usize = 20_000;
const PAGE: u32 = 1_000;

/// One resource.
pub(super) struct Entry {
    pub row: Row,
    pub document: Document,
    pub labels: RowClass,
    /// As it is stored; `None`: nobody's to see.
    pub class: Option<Arc<VisibilityClass>>,
    /// Patients in whose records it is, home first.
    pub patients: Vec<Rid>,
}

impl Entry {
    /// `Type/id`
    pub fn reference(&self) -> String {
        format!("{}/{}", self.type_name(), self.row.id)
    }

    pub fn type_name(&self) -> &'static str {
        r4().ty(self.row.ty).name
    }

    /// As consents look at it.
    pub fn asked(&self, cx: Context<'_>, known: &Known) -> ward_consent::Row {
        let house = cx.engine.house();
        let reference = self.reference();
        row(self.document.root(), &reference, &self.labels, house, known)
    }
}

/// One resource by its id. Errors: 404 and 410 as of a read.
pub(super) async fn one(cx: Context<'_>, ty: TypeId, id: &str) -> Result<Entry> {
    let access = maintenance(Maintenance::Explain);
    let rid = locate(cx, ty, id).await?.unwrap_or(NO_ROW);
    let current = stored(cx.engine.store.read(&access, Action::Read, ty, rid).await)?;
    let mut entries = entries(cx, vec![live(current)?]).await?;
    entries.pop().ok_or_else(crate::read::not_found)
}

/// The same by its row. `None`: it is not there any more.
pub(super) async fn at(cx: Context<'_>, ty: TypeId, rid: Rid) -> Result<Option<Entry>> {
    let access = maintenance(Maintenance::Explain);
    match stored(cx.engine.store.read(&access, Action::Read, ty, rid).await)? {
        Current::Live(row) => Ok(entries(cx, vec![row]).await?.pop()),
        Current::Deleted(_) | Current::Absent => Ok(None),
    }
}

/// All that is at home with a patient. Error: too costly beyond [`RESOURCES_MAX`].
pub(super) async fn all(cx: Context<'_>, patient: Rid) -> Result<Vec<Entry>> {
    let access = maintenance(Maintenance::Explain);
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let page = cx.engine.store.at_home(&access, patient, after, PAGE);
        let page = stored(page.await)?;
        let is_last = page.len() < PAGE as usize;
        after = page.last().map(|row| row.rid);
        all.extend(entries(cx, page).await?);
        if is_last {
            return Ok(all);
        }
        if all.len() >= RESOURCES_MAX {
            let text = format!(
                "the record has more than {RESOURCES_MAX} resources; ask about one of them"
            );
            return Err(Failure::new(Kind::TooCostly, text));
        }
    }
}

async fn entries(cx: Context<'_>, rows: Vec<Row>) -> Result<Vec<Entry>> {
    let documents = rows.iter().map(|row| reread(&row.body));
    let documents: Vec<Document> = documents.collect::<Result<_>>()?;
    let nodes: Vec<_> = documents
        .iter()
        .zip(&rows)
        .map(|(document, row)| (document.root(), row.rid))
        .collect();
    let patients = compartments(cx.engine, &nodes).await?;
    let rules = &cx.engine.consent().labels;
    let labelling = cx.engine.labelling().await?;
    let mut entries = Vec::with_capacity(rows.len());
    for ((row, document), patients) in rows.into_iter().zip(documents).zip(patients) {
        let class = cx.engine.visibility.class(row.visibility).map(|class| {
            // As masks judge it while new rules of labels are walked over the rows.
            let id = usize::try_from(row.visibility).unwrap_or(usize::MAX);
            labelling.judged(id, &class).map_or(class, Arc::new)
        });
        let of_body = || RowClass::of(&Labels::stored(document.root()), rules);
        entries.push(Entry {
            labels: class
                .as_ref()
                .map_or_else(of_body, |class| class.labels.clone()),
            class,
            document,
            patients,
            row,
        });
    }
    Ok(entries)
}

/// What consents of this policy are evaluated against for these.
pub(super) async fn known(cx: Context<'_>, policy: &Policy, entries: &[Entry]) -> Result<Known> {
    let house = cx.engine.house();
    let mut asked = Vec::new();
    for entry in entries {
        let with_authors = policy.asks_authors() || is_for_authors(&entry.labels, house);
        asked.extend(asks(entry.document.root(), house, with_authors));
    }
    let mut known = Known::default();
    known.learn(cx.engine, asked).await?;
    Ok(policy.known.with(&known))
}

/// The policy of a patient as it is stored now.
pub(super) async fn policy(cx: Context<'_>, patient: Rid) -> Result<Arc<Policy>> {
    cx.engine.read_policies(&[patient]).await?;
    Ok(cx.engine.policy(patient))
}
