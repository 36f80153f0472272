//! Records of patients, decided anew: who sees each row, its old versions and what was deleted, by a policy that is another one from
//! the same unit on.

use super::policy::{Judged, Policy};
use crate::document::reread;
use crate::engine::{Engine, store_failure, stored};
use crate::place::compartments;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use ward_access::{Maintenance, maintenance};
use ward_consent::Ref;
use ward_consent::labels::{Labels, RowClass};
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Document, Node, TypeId};
use ward_search::entries::Entries;
use ward_search::plan::{Filter, Plan, Total};
use ward_storage::{
    Expect, Generation, Guard, Op, RecordMark, Revision, Rid, Row, StoreError, Turn, Unit, Write,
};

/// Rows, old versions not counted, that one unit decides anew. Larger records are closed meanwhile.
pub(crate) const ROWS_MAX: usize = 2_000;

/// The records of patients who are one, as they were read.
pub(crate) struct Records {
    pub each: Vec<Record>,
    pub rows: Vec<Row>,
    deleted: Vec<Row>,
    past: Vec<Row>,
}

impl Records {
    /// Rows that lie in no record.
    pub fn of_nobody(rows: Vec<Row>, past: Vec<Row>) -> Records {
        Records {
            // Nobody's policy never changes.
            each: vec![Record {
                patient: 0,
                version: 0,
                mark: RecordMark::default(),
            }],
            rows,
            deleted: Vec::new(),
            past,
        }
    }
}

pub(crate) struct Record {
    pub patient: Rid,
    /// Of its policy, before the rows were read.
    pub version: i64,
    mark: RecordMark,
}

/// Something whose class is worked out.
struct Item {
    of: Of,
    document: Document,
    reference: Ref,
    labels: RowClass,
    home: Rid,
    rid: Rid,
}

#[derive(Clone, Copy)]
enum Of {
    /// A live row that stays as it is.
    Row(usize),
    /// What the unit itself writes.
    Write(usize),
    /// A version of the history, or one that the unit makes part of it; with the id that it has.
    Past { version: u32, visibility: i32 },
}

impl Engine {
    /// `None`: they have more than [`ROWS_MAX`] rows. Statements: one, two for each of the patients, and one.
    pub(crate) async fn read_records(&self, patients: &[Rid]) -> Result<Option<Records>> {
        let access = maintenance(Maintenance::Policies);
        let versions = stored(self.store.policies(patients).await)?;
        let (mut each, mut rows, mut deleted) = (Vec::new(), Vec::new(), Vec::new());
        for (patient, version) in patients.iter().zip(versions) {
            let left = |taken: usize| (ROWS_MAX + 1).saturating_sub(taken) as u32;
            let most = left(rows.len() + deleted.len());
            let live = stored(self.store.at_home(&access, *patient, None, most).await)?;
            each.push(Record {
                patient: *patient,
                version,
                mark: RecordMark::of(&live),
            });
            rows.extend(live);
            let most = left(rows.len() + deleted.len());
            let gone = self.store.deleted_at_home(&access, *patient, most.max(1));
            deleted.extend(stored(gone.await)?);
            if rows.len() + deleted.len() > ROWS_MAX {
                return Ok(None);
            }
        }
        let rids: Vec<Rid> = rows.iter().chain(&deleted).map(|row| row.rid).collect();
        let past = match rids.is_empty() {
            true => Vec::new(),
            false => stored(self.store.superseded(&access, &rids).await)?,
        };
        Ok(Some(Records {
            each,
            rows,
            deleted,
            past,
        }))
    }

    /// Adds to a unit that raises these policies all that follows from them. `policies`: of each record, as the unit leaves it.
    pub(crate) async fn decide_anew(
        &self,
        records: &Records,
        policies: &HashMap<Rid, Arc<Policy>>,
        unit: &mut Unit,
    ) -> Result<()> {
        // Before the rows are judged: what changes meanwhile is due at once.
        let now_us = self.now_us();
        let items = self.items(records, policies, unit)?;
        let ids = self.ids_of(&items, policies).await?;
        self.apply(records, &items, &ids, unit).await?;
        for record in &records.each {
            let patient = record.patient;
            let due_us = policies.get(&patient).and_then(|p| p.next_change(now_us));
            unit.raises.push(patient);
            unit.turns.push(Turn {
                patient,
                due_us,
                is_closed: false,
            });
            unit.guards.push(Guard::Record {
                patient,
                mark: record.mark,
            });
        }
        unit.raises.sort_unstable();
        unit.raises.dedup();
        Ok(())
    }

    fn items(
        &self,
        records: &Records,
        policies: &HashMap<Rid, Arc<Policy>>,
        unit: &Unit,
    ) -> Result<Vec<Item>> {
        let written = written(unit);
        let mut items = Vec::new();
        for (at, row) in records.rows.iter().enumerate() {
            let of = match written.contains(&row.rid) {
                true => past(row),
                false => Of::Row(at),
            };
            items.push(self.item(of, row)?);
        }
        for row in records.past.iter().filter(|row| row.op != Op::Delete) {
            items.push(self.item(past(row), row)?);
        }
        for (at, write) in unit.writes.iter().enumerate() {
            if write.op != Op::Delete && !write.body.is_empty() {
                let document = reread(&write.body)?;
                let reference = reference(write.ty, document.root().text("id").unwrap_or_default());
                items.push(Item {
                    of: Of::Write(at),
                    labels: self.stored_labels(document.root()),
                    document,
                    reference,
                    home: write.patient,
                    rid: write.rid,
                });
            }
        }
        items.retain(|item| policies.contains_key(&item.home));
        Ok(items)
    }

    fn item(&self, of: Of, row: &Row) -> Result<Item> {
        let document = reread(&row.body)?;
        Ok(Item {
            of,
            labels: self.stored_labels(document.root()),
            document,
            reference: reference(row.ty, &row.id),
            home: row.patient,
            rid: row.rid,
        })
    }

    /// What the stored labels of a resource come to.
    pub(crate) fn stored_labels(&self, node: Node<'_>) -> RowClass {
        RowClass::of(&Labels::stored(node), self.house().labels)
    }

    /// Visibility ids of the items.
    async fn ids_of(
        &self,
        items: &[Item],
        policies: &HashMap<Rid, Arc<Policy>>,
    ) -> Result<Vec<i32>> {
        let nodes: Vec<(Node<'_>, Rid)> = items
            .iter()
            .map(|item| (item.document.root(), item.rid))
            .collect();
        let placed = compartments(self, &nodes).await?;
        let patients: Vec<Vec<Rid>> = items
            .iter()
            .zip(placed)
            .map(|(item, placed)| {
                // What is in nobody's record stays so until it is written again.
                if item.home == 0 {
                    return Vec::new();
                }
                let further = placed.into_iter().filter(|patient| *patient != item.home);
                std::iter::once(item.home).chain(further).collect()
            })
            .collect();
        let judged: Vec<Judged<'_>> = items
            .iter()
            .zip(&patients)
            .map(|(item, patients)| Judged {
                node: item.document.root(),
                reference: item.reference.clone(),
                labels: &item.labels,
                patients,
            })
            .collect();
        let classes = self.classes_by(policies, &judged).await?;
        let bytes: Vec<Option<Bytes>> = classes
            .into_iter()
            .map(|class| class.and_then(|class| class.to_bytes()))
            .collect();
        self.visibility.intern(self, &bytes).await
    }

    async fn apply(
        &self,
        records: &Records,
        items: &[Item],
        ids: &[i32],
        unit: &mut Unit,
    ) -> Result<()> {
        let policies: HashMap<Rid, i64> = records
            .each
            .iter()
            .map(|record| (record.patient, record.version))
            .collect();
        let (mut past, mut stays) = (Versions::new(), Vec::new());
        for (item, id) in items.iter().zip(ids) {
            let policy = policies.get(&item.home).copied();
            match item.of {
                Of::Row(at) => {
                    let mut own = unit.writes.iter_mut();
                    if let Some(write) = own.find(|write| write.rid == item.rid) {
                        (write.visibility, write.policy) = (*id, policy);
                    } else if records.rows[at].visibility != *id {
                        stays.push((records.rows[at].clone(), *id));
                    }
                }
                Of::Write(at) => {
                    let write = &mut unit.writes[at];
                    (write.visibility, write.policy) = (*id, policy);
                }
                Of::Past { version, .. } => {
                    past.entry(item.rid).or_default().insert(version, *id);
                }
            }
        }
        unit.revisions.extend(revisions(items, records, &past));
        self.bury(records, &past, &policies, unit)?;
        let (rows, ids): (Vec<Row>, Vec<i32>) = stays.into_iter().unzip();
        let composed = self.compose_anew(rows).await?;
        let stays = composed.into_iter().zip(ids);
        unit.writes.extend(stays.map(|(write, visibility)| Write {
            visibility,
            policy: policies.get(&write.patient).copied(),
            ..write
        }));
        Ok(())
    }

    /// A tombstone is seen by whoever sees the last version before it.
    fn bury(
        &self,
        records: &Records,
        past: &Versions,
        policies: &HashMap<Rid, i64>,
        unit: &mut Unit,
    ) -> Result<()> {
        for write in unit.writes.iter_mut().filter(|w| w.op == Op::Delete) {
            let policy = policies.get(&write.patient).copied();
            if let Some(id) = before(past, write.rid, write.version) {
                (write.visibility, write.policy) = (id, policy.or(write.policy));
            }
        }
        let written = written(unit);
        let left = records.deleted.iter();
        for row in left.filter(|row| !written.contains(&row.rid)) {
            let policy = policies.get(&row.patient).copied();
            let id = before(past, row.rid, row.version);
            if let Some(id) = id.filter(|id| *id != row.visibility) {
                unit.writes.push(self.tombstone(row, id, policy)?);
            }
        }
        Ok(())
    }

    /// A tombstone with another id.
    pub(super) fn tombstone(
        &self,
        row: &Row,
        visibility: i32,
        policy: Option<i64>,
    ) -> Result<Write> {
        Ok(Write {
            ty: row.ty,
            rid: row.rid,
            alias: None,
            expect: Expect::Stays(row.version),
            version: row.version,
            updated_us: row.updated_us,
            op: Op::Delete,
            patient: row.patient,
            visibility,
            policy,
            body: Bytes::new(),
            entries: Entries::default(),
            old_entries: Entries::default(),
            generation: Generation {
                new: self.generations()?.current().generation,
                old: row.generation,
            },
        })
    }

    /// Decides rows of a closed record anew, by its policy: those after `after`, as many as one commit takes. The last of them; `None`:
    /// there are no more. Errors of the commit: something has changed meanwhile.
    pub(crate) async fn decide_some(
        &self,
        policy: &Arc<Policy>,
        patient: Rid,
        after: Option<Rid>,
    ) -> Result<(Option<Rid>, Unit)> {
        let access = maintenance(Maintenance::Policies);
        let rows = self.store.at_home(&access, patient, after, ROWS_PER_COMMIT);
        let rows = stored(rows.await)?;
        let last = rows.last().map(|row| row.rid);
        let unit = self.decided(policy, patient, rows, Vec::new()).await?;
        Ok((last, unit))
    }

    /// The same of what was deleted: all of it, as nothing of it is written any more.
    pub(crate) async fn decide_deleted(&self, policy: &Arc<Policy>, patient: Rid) -> Result<Unit> {
        let access = maintenance(Maintenance::Policies);
        let deleted = self.store.deleted_at_home(&access, patient, u32::MAX >> 1);
        let deleted = stored(deleted.await)?;
        self.decided(policy, patient, Vec::new(), deleted).await
    }

    async fn decided(
        &self,
        policy: &Arc<Policy>,
        patient: Rid,
        rows: Vec<Row>,
        deleted: Vec<Row>,
    ) -> Result<Unit> {
        let policies = HashMap::from([(patient, policy.clone())]);
        self.decided_by(&policies, patient, rows, deleted).await
    }

    async fn decided_by(
        &self,
        policies: &HashMap<Rid, Arc<Policy>>,
        patient: Rid,
        rows: Vec<Row>,
        deleted: Vec<Row>,
    ) -> Result<Unit> {
        let access = maintenance(Maintenance::Policies);
        let rids: Vec<Rid> = rows.iter().chain(&deleted).map(|row| row.rid).collect();
        let past = match rids.is_empty() {
            true => return Ok(Unit::default()),
            false => stored(self.store.superseded(&access, &rids).await)?,
        };
        let records = Records {
            each: vec![Record {
                patient,
                version: policies.get(&patient).map_or(0, |policy| policy.version),
                mark: RecordMark::default(),
            }],
            rows,
            deleted,
            past,
        };
        let mut unit = Unit::default();
        self.apply_anew(&records, policies, &mut unit).await?;
        Ok(unit)
    }

    /// Adds to a unit the ids that rows, their old versions and what was deleted have by these policies.
    pub(super) async fn apply_anew(
        &self,
        records: &Records,
        policies: &HashMap<Rid, Arc<Policy>>,
        unit: &mut Unit,
    ) -> Result<()> {
        let items = self.items(records, policies, unit)?;
        let ids = self.ids_of(&items, policies).await?;
        self.apply(records, &items, &ids, unit).await
    }

    /// Adds to the unit what follows for rows in records of others that name one of these patients. Statements: one, and three for
    /// each of the others.
    pub(crate) async fn decide_further(
        &self,
        policies: &HashMap<Rid, Arc<Policy>>,
        unit: &mut Unit,
    ) -> Result<()> {
        let mut rows = self.naming_rows(policies).await?;
        let own = written(unit);
        rows.retain(|row| !policies.contains_key(&row.patient) && !own.contains(&row.rid));
        let mut homes: BTreeMap<Rid, Vec<Row>> = BTreeMap::new();
        for row in rows {
            homes.entry(row.patient).or_default().push(row);
        }
        self.read_policies(&Vec::from_iter(homes.keys().copied()))
            .await?;
        for (home, rows) in homes {
            let mut policies = policies.clone();
            policies.insert(home, self.policy(home));
            let decided = self.decided_by(&policies, home, rows, Vec::new()).await?;
            unit.writes.extend(decided.writes);
            unit.revisions.extend(decided.revisions);
        }
        Ok(())
    }

    /// Live rows that are in the compartments of these patients, and at home with another.
    async fn naming_rows(&self, policies: &HashMap<Rid, Arc<Policy>>) -> Result<Vec<Row>> {
        let key = self.store.term_key();
        let terms = policies.keys().map(|patient| key.membership(*patient));
        let terms: BTreeSet<i64> = terms.collect();
        let types = r4().types.iter().enumerate();
        let types = types.filter_map(|(at, _)| Some(TypeId(u16::try_from(at).ok()?)));
        let plan = Plan {
            types: types.filter(|ty| self.compartments.has_type(*ty)).collect(),
            filter: Filter::AnyTerm(terms.into_iter().collect()),
            sort: Vec::new(),
            count: ROWS_MAX as u32,
            total: Total::None,
            after: None,
        };
        let access = maintenance(Maintenance::Policies);
        let page = stored(self.store.search(&access, &plan).await)?;
        match page.more {
            true => Err(store_failure(StoreError::TooCostly)),
            false => Ok(page.rows),
        }
    }
}

/// Rows of a closed record that one commit decides anew.
const ROWS_PER_COMMIT: u32 = 50;

/// Ids of old versions by row and version.
type Versions = HashMap<Rid, BTreeMap<u32, i32>>;

/// That of the last one before a version.
fn before(past: &Versions, rid: Rid, version: u32) -> Option<i32> {
    let (_, id) = past.get(&rid)?.range(..version).next_back()?;
    Some(*id)
}

/// Old versions whose ids change, tombstones among them.
fn revisions(items: &[Item], records: &Records, past: &Versions) -> Vec<Revision> {
    let mut revisions = Vec::new();
    let mut revise = |rid, version, old, new: Option<i32>| {
        if let Some(visibility) = new.filter(|new| *new != old) {
            revisions.push(Revision {
                rid,
                version,
                visibility,
            });
        }
    };
    for item in items {
        if let Of::Past {
            version,
            visibility,
        } = item.of
        {
            let new = past
                .get(&item.rid)
                .and_then(|ids| ids.get(&version))
                .copied();
            revise(item.rid, version, visibility, new);
        }
    }
    for row in records.past.iter().filter(|row| row.op == Op::Delete) {
        let new = before(past, row.rid, row.version);
        revise(row.rid, row.version, row.visibility, new);
    }
    revisions
}

fn past(row: &Row) -> Of {
    Of::Past {
        version: row.version,
        visibility: row.visibility,
    }
}

/// Rows that get another version.
fn written(unit: &Unit) -> HashSet<Rid> {
    let versions = unit.writes.iter();
    let versions = versions.filter(|write| !matches!(write.expect, Expect::Stays(_)));
    versions.map(|write| write.rid).collect()
}

pub(crate) fn reference(ty: TypeId, id: &str) -> Ref {
    format!("{}/{id}", r4().ty(ty).name).into()
}
