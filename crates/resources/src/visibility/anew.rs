//! Rows that the service labels anew: what rules and resources around them say now, with what clients stated. A row whose labels are as
//! they should be makes no version; where only its class is another, that is written into it.

use super::decide::{class_ids, decide};
use super::draft::{By, Draft};
use super::policy::Judged;
use super::spread::Listed;
use crate::document::reread;
use crate::engine::{Engine, store_failure, stored};
use crate::place::{self, Destination, Literally};
use crate::recorded::hash;
use crate::write::{Identity, Replaced, entity};
use std::collections::BTreeMap;
use ward_access::{Action, Maintenance, maintenance};
use ward_audit::{Decision, Detail, Outcome, Record};
use ward_consent::labels::{Labels, RowClass, relabelled};
use ward_fhir::issue::Result;
use ward_fhir::{Document, TypeId};
use ward_storage::{CommitError, Current, NewRecord, Op, Revision, Rid, Row, StoreError, Unit};

/// How often rows are tried that others write each time.
const ATTEMPTS_MAX: usize = 8;
/// As which records name the service.
const SERVICE: &str = "urn:ward:labelling";
/// Subtype of those records.
const LABELS: &str = "label-change";

impl Engine {
    /// Labels these rows anew, and gives them the classes that follow; `with_history`: their superseded versions, too. What that spreads to,
    /// on the list already.
    pub(super) async fn label_anew(
        &self,
        keys: &[(TypeId, Rid)],
        with_history: bool,
    ) -> Result<(Vec<Listed>, usize)> {
        for _ in 0..ATTEMPTS_MAX {
            match self.attempt_anew(keys, with_history).await? {
                Ok(done) => return Ok(done),
                Err(CommitError::Unavailable) => break,
                Err(_) => {}
            }
        }
        Err(store_failure(StoreError::Unavailable))
    }

    async fn attempt_anew(
        &self,
        keys: &[(TypeId, Rid)],
        with_history: bool,
    ) -> Result<std::result::Result<(Vec<Listed>, usize), CommitError>> {
        let rows = self.live(keys).await?;
        let rids: Vec<Rid> = rows.keys().copied().collect();
        // By what this process took for the policies until now nothing might seem to carry labels, and no commit would say otherwise.
        let homes: Vec<Rid> = rows.values().map(|row| row.patient).collect();
        self.read_policies(&homes).await?;
        let documents = rows.values().map(|row| reread(&row.body));
        let documents = documents.collect::<Result<Vec<Document>>>()?;
        let of = |(document, row): (&Document, &Row)| {
            Destination::of(self, document.root(), Some(row.rid), &Literally)
        };
        let mut destinations: Vec<Destination> =
            documents.iter().zip(rows.values()).map(of).collect();
        place::locate(self, &mut destinations).await?;
        let placements = place::settle(self, destinations).await?;
        let each = rows.into_values().zip(&documents).zip(placements);
        let drafts: Vec<Draft<'_>> = each
            .map(|((row, document), placement)| Draft {
                node: document.root(),
                identity: Identity {
                    ty: row.ty,
                    rid: row.rid,
                    id: row.id.to_string(),
                    register: false,
                },
                placement,
                replaced: Replaced::Version(row),
                by: By::Service,
            })
            .collect();
        let decided = decide(self, &drafts, &Literally).await;
        let mut decided = decided.map_err(|(failure, _)| failure)?;
        if with_history {
            decided.unit.revisions = self.superseded_anew(&rids).await?;
        }
        if decided.unit.writes.is_empty() && decided.unit.revisions.is_empty() {
            return Ok(Ok((Vec::new(), 0)));
        }
        let changed = decided.versions().count();
        let followed = decided.follow(self, true).await;
        followed.map_err(|(failure, _)| failure)?;
        let listed = self.list(std::mem::take(&mut decided.spreads)).await?;
        let records = self.records_of(&decided.unit);
        let committed = decided.run(self, async |unit| {
            self.store.commit(Unit { records, ..unit }).await
        });
        match committed.await {
            Ok(()) => Ok(Ok((listed, changed))),
            Err(error) => {
                self.unlist(&listed).await;
                Ok(Err(error))
            }
        }
    }

    async fn live(&self, keys: &[(TypeId, Rid)]) -> Result<BTreeMap<Rid, Row>> {
        let access = maintenance(Maintenance::Labels);
        let found = stored(self.store.read_many(&access, Action::Read, keys).await)?;
        let live = found.into_iter().filter_map(|current| match current {
            Current::Live(row) => Some((row.rid, row)),
            Current::Deleted(_) | Current::Absent => None,
        });
        Ok(live.collect())
    }

    /// The patients in whose records rows are at home.
    pub(super) async fn homes_of(&self, keys: &[(TypeId, Rid)]) -> Result<Vec<Rid>> {
        let rows = self.live(keys).await?;
        let mut homes: Vec<Rid> = rows.values().map(|row| row.patient).collect();
        homes.retain(|home| *home != 0);
        homes.sort_unstable();
        homes.dedup();
        Ok(homes)
    }

    /// Other classes for superseded versions: by what each of them says and was labelled with.
    async fn superseded_anew(&self, rids: &[Rid]) -> Result<Vec<Revision>> {
        let access = maintenance(Maintenance::Labels);
        let mut rows = stored(self.store.superseded(&access, rids).await)?;
        rows.retain(|row| row.op != Op::Delete && !row.body.is_empty());
        let documents = rows.iter().map(|row| reread(&row.body));
        let documents = documents.collect::<Result<Vec<Document>>>()?;
        let rules = self.label_rules();
        let labels: Vec<RowClass> = documents
            .iter()
            .map(|document| {
                let said = relabelled(document.root(), &Labels::none(), rules);
                RowClass::of(&Labels::stored(document.root()).union(&said), rules)
            })
            .collect();
        let each = rows.iter().zip(&documents).zip(&labels);
        let judged: Vec<Judged<'_>> = each
            .map(|((row, document), labels)| Judged {
                node: document.root(),
                reference: crate::link::identity(row.ty, &row.id).into(),
                labels,
                patients: match row.patient {
                    0 => &[],
                    _ => std::slice::from_ref(&row.patient),
                },
            })
            .collect();
        let ids = class_ids(self, &judged).await?;
        let changed = rows
            .iter()
            .zip(ids)
            .filter(|(row, id)| row.visibility != *id);
        let revision = |(row, visibility): (&Row, i32)| Revision {
            rid: row.rid,
            version: row.version,
            visibility,
        };
        Ok(changed.map(revision).collect())
    }

    /// Who labelled what anew. Index entries anew change nothing that anybody wrote.
    fn records_of(&self, unit: &Unit) -> Vec<NewRecord> {
        let versions = unit
            .writes
            .iter()
            .filter(|write| !write.body.is_empty() || write.op == Op::Delete);
        let entities: Vec<_> = versions.clone().map(entity).collect();
        if entities.is_empty() {
            return Vec::new();
        }
        let record = Record {
            at_us: self.now_us(),
            request_id: [0; 16],
            interaction: "update".into(),
            client_id: SERVICE.into(),
            user: String::new(),
            purpose: String::new(),
            source: String::new(),
            outcome: Outcome::Success,
            status: 200,
            query: String::new(),
            entities,
            decision: Decision::default(),
            detail: Detail {
                subtype: LABELS.into(),
                hashes: versions.filter_map(hash).collect(),
                ..Detail::default()
            },
        };
        vec![self.store.new_record(&record)]
    }
}
