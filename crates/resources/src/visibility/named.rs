//! Whom consents name, and who changes: a deny of somebody who is gone may be of anybody (R5, T24), and who has moved is of another
//! organization. The records of the patients whose consents name them are decided anew.
//!
//! The unit that changes such a resource puts it among those who are due, where at that moment a Consent refers to it: under its row id, made negative,
//! so that it is no patient's. A process that ends in between leaves it to whoever looks next.

use super::family::Pending;
use super::known::tells_same;
use super::policy::consent_type;
use super::record::reference;
use super::row::local;
use crate::document::reread;
use crate::engine::{Engine, store_failure, stored};
use std::collections::BTreeSet;
use ward_access::{Action, Maintenance, maintenance};
use ward_consent::Ref;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Node, TypeId};
use ward_search::entries::Term;
use ward_storage::{Current, Expect, Op, Rid, Row, StoreError, Turn, Unit, Write};

/// Types of whom and what consents name beyond the record of their patient.
const NAMED: [&str; 10] = [
    "CareTeam",
    "Device",
    "Group",
    "HealthcareService",
    "Location",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "RelatedPerson",
];
/// Of these it counts alone whether they are there: what else they say is about nobody's place.
const THEMSELVES: [&str; 3] = ["Patient", "Practitioner", "RelatedPerson"];
/// Consents that are read by one statement.
const CONSENTS_PER_STEP: u32 = 500;
/// How often one is begun again that others write meanwhile.
const ATTEMPTS_MAX: usize = 8;

/// Whom a unit changes of those whom consents may name.
#[derive(Default)]
pub(super) struct Changed {
    rids: Vec<Rid>,
    /// What a Consent that is about them refers to.
    terms: Vec<Term>,
    /// They are among those who are due.
    is_called: bool,
}

impl Engine {
    /// Puts whom the unit changes among those who are due, if Consents name them, and organizations that may keep something; to be called when everything else is in it. Statements: none of a
    /// unit without them, else one, and one more where it replaces or deletes some.
    pub(super) async fn call_due(&self, unit: &mut Unit) -> Result<Changed> {
        let is_about = |write: &&Write| is_about(write) || self.is_in_record(write);
        let writes = unit.writes.iter().filter(is_about);
        let writes: Vec<&Write> = writes
            .filter(|write| !self.is_named_by_none(write, unit))
            .collect();
        if writes.is_empty() {
            return Ok(Changed::default());
        }
        let replaced = self.replaced_by(&writes).await?;
        let (mut rids, mut named) = (Vec::new(), BTreeSet::new());
        let mut keeps = false;
        for write in writes {
            let old = replaced.get(&write.rid);
            if self.is_same(write, old)? {
                continue;
            }
            rids.push(write.rid);
            keeps |= self.moves_keeper(write);
            if write.op != Op::Delete {
                named.extend(self.named_by(write.ty, None, &write.body)?);
            }
            if let Some(old) = old {
                named.extend(self.named_by(old.ty, Some(&old.id), &old.body)?);
            }
        }
        let mut changed = Changed {
            rids,
            terms: self.targets_of(&named),
            is_called: false,
        };
        if !changed.rids.is_empty() && (keeps || self.may_be_named(&changed.terms).await) {
            changed.is_called = true;
            unit.turns.extend(turns(&changed.rids, Some(self.now_us())));
        }
        Ok(changed)
    }

    /// Whether it changes something of a record whose consents ask what their data refers to.
    fn is_in_record(&self, write: &Write) -> bool {
        let is_new = write.expect == Expect::Absent && write.alias.is_none();
        let stays = matches!(write.expect, Expect::Stays(_));
        write.patient != 0 && !stays && !is_new && self.policy(write.patient).asks_related()
    }

    /// What others refer to is not deleted where that is looked at, but by a unit that writes these as well. A PractitionerRole says of a
    /// Practitioner, whom consents may name, for whom they act.
    fn is_named_by_none(&self, write: &Write, unit: &Unit) -> bool {
        let is_role = r4().ty(write.ty).name == "PractitionerRole";
        let has_consents = || unit.writes.iter().any(|write| write.ty == consent_type());
        write.op == Op::Delete && self.settings.delete_check && !is_role && !has_consents()
    }

    /// Whether consents are told nothing else by the version to come.
    fn is_same(&self, write: &Write, old: Option<&Row>) -> Result<bool> {
        match old.filter(|old| old.op != Op::Delete && write.op != Op::Delete) {
            Some(old) => {
                let (before, after) = (reread(&old.body)?, reread(&write.body)?);
                let base = &self.settings.base;
                Ok(tells_same(before.root(), after.root(), base))
            }
            None => Ok(false),
        }
    }

    /// To be called when the unit has committed. One statement where nobody was due: a Consent may have come meanwhile.
    pub(super) async fn called(&self, changed: Changed) {
        if changed.rids.is_empty() {
            return;
        }
        if !changed.is_called {
            if !self.may_be_named(&changed.terms).await {
                return;
            }
            let unit = Unit {
                turns: turns(&changed.rids, Some(self.now_us())),
                ..Unit::default()
            };
            if self.store.commit(unit).await.is_err() {
                tracing::warn!(
                    "whom consents name has changed, and their records could not be put among those that are due"
                );
            }
        }
        self.due_asked.notify_one();
    }

    /// Decides anew the records of all whose consents name this one, and what it keeps.
    pub(super) async fn decide_named(&self, rid: Rid) -> Result<()> {
        for _ in 0..ATTEMPTS_MAX {
            let row = self.changed_row(rid).await?;
            if let Some(row) = &row {
                let naming = self.naming_patients(row).await?;
                for patient in &naming {
                    self.decide_patient(*patient).await?;
                }
                let kept = self.kept_by(row).await?;
                self.decide_kept(&kept, &naming).await?;
            }
            // Refused where it was written again meanwhile.
            let mut unit = Unit {
                turns: turns(&[rid], None),
                ..Unit::default()
            };
            match row {
                Some(row) if row.op == Op::Delete => {
                    unit.writes = vec![self.tombstone(&row, row.visibility, None)?];
                }
                Some(row) => unit.writes = self.compose_anew(vec![row]).await?,
                None => {}
            }
            if self.try_run(unit).await?.is_ok() {
                return Ok(());
            }
        }
        Err(store_failure(StoreError::Unavailable))
    }

    async fn changed_row(&self, rid: Rid) -> Result<Option<Row>> {
        let is_named = |ty: &TypeId| NAMED.contains(&r4().ty(*ty).name);
        let types = r4().types.iter().enumerate();
        let types = types.filter_map(|(at, _)| Some(TypeId(u16::try_from(at).ok()?)));
        let (named, others): (Vec<TypeId>, Vec<TypeId>) = types
            .filter(|ty| r4().resource_type(r4().ty(*ty).name) == Some(*ty))
            .partition(is_named);
        match self.row_among(&named, rid).await? {
            Some(row) => Ok(Some(row)),
            None => self.row_among(&others, rid).await,
        }
    }

    async fn row_among(&self, types: &[TypeId], rid: Rid) -> Result<Option<Row>> {
        let access = maintenance(Maintenance::Policies);
        let keys: Vec<(TypeId, Rid)> = types.iter().map(|ty| (*ty, rid)).collect();
        let rows = stored(self.store.read_many(&access, Action::Read, &keys).await)?;
        Ok(rows.into_iter().find_map(|current| match current {
            Current::Live(row) | Current::Deleted(row) => Some(row),
            Current::Absent => None,
        }))
    }

    /// Those whose consents name it, or what it was a part of in any version; with those whose records are one with theirs.
    async fn naming_patients(&self, row: &Row) -> Result<BTreeSet<Rid>> {
        let access = maintenance(Maintenance::Policies);
        let mut versions = stored(self.store.superseded(&access, &[row.rid]).await)?;
        versions.push(row.clone());
        let mut named = BTreeSet::new();
        for version in &versions {
            named.extend(self.named_by(row.ty, Some(&row.id), &version.body)?);
        }
        let terms = self.targets_of(&named);
        let (mut homes, mut after) = (BTreeSet::new(), None);
        loop {
            let found = self
                .consents_naming(&terms, after, CONSENTS_PER_STEP)
                .await?;
            homes.extend(found.iter().map(|(_, home)| *home));
            match found.last() {
                Some((last, _)) => after = Some(*last),
                None => break,
            }
        }
        homes.remove(&0);
        let mut patients = BTreeSet::new();
        for home in homes {
            if patients.insert(home) {
                let family = self.family(&[home], &Pending::new()).await?;
                patients.extend(family.patients.into_keys());
            }
        }
        Ok(patients)
    }

    /// What cannot be told now is looked at by the job.
    async fn may_be_named(&self, terms: &[Term]) -> bool {
        let found = self.consents_naming(terms, None, 1).await;
        found.map_or(true, |found| !found.is_empty())
    }

    /// Consents that refer to any of them, wherever in them that stands, with the patients they are of.
    async fn consents_naming(
        &self,
        terms: &[Term],
        after: Option<Rid>,
        most: u32,
    ) -> Result<Vec<(Rid, Rid)>> {
        let access = maintenance(Maintenance::Policies);
        let found = self
            .store
            .referrers(&access, consent_type(), terms, after, most);
        stored(found.await)
    }

    /// What a Consent refers to that is about this resource as it is in a version: itself, for whom it stands and what it is part of.
    fn named_by(&self, ty: TypeId, id: Option<&str>, body: &[u8]) -> Result<Vec<Ref>> {
        let own = |id: &str| reference(ty, id);
        if body.is_empty() {
            return Ok(id.map(own).into_iter().collect());
        }
        let document = reread(body)?;
        let root = document.root();
        let mut named: Vec<Ref> = id.or(root.text("id")).map(own).into_iter().collect();
        let within = |name: &str| -> Vec<Ref> {
            let all = root.all(name);
            all.filter_map(|named: Node<'_>| local(named, &self.settings.base))
                .collect()
        };
        match r4().ty(ty).name {
            "PractitionerRole" => {
                named.extend([within("practitioner"), within("organization")].concat())
            }
            "Organization" => named.extend(within("partOf")),
            _ => {}
        }
        Ok(named)
    }

    fn targets_of(&self, named: &BTreeSet<Ref>) -> Vec<Term> {
        let key = self.store.term_key();
        let parts = named.iter().filter_map(|one| one.split_once('/'));
        parts.map(|(ty, id)| key.target(ty, id)).collect()
    }
}

/// Whether it changes somebody whom consents may name already: what has just got an id of the server's own nobody names.
fn is_about(write: &Write) -> bool {
    let name = r4().ty(write.ty).name;
    // Of patients who come nearly all are named by nobody but as whose record it is.
    let is_new = write.expect == Expect::Absent && (write.alias.is_none() || name == "Patient");
    let is_same = write.op == Op::Update && THEMSELVES.contains(&name);
    NAMED.contains(&name) && !matches!(write.expect, Expect::Stays(_)) && !is_new && !is_same
}

fn turns(rids: &[Rid], due_us: Option<i64>) -> Vec<Turn> {
    let turn = |rid: &Rid| Turn {
        patient: -rid,
        due_us,
        is_closed: false,
    };
    rids.iter().map(turn).collect()
}

#[cfg(test)]
#[path = "named_tests.rs"]
mod tests;
