//! What follows from Consents, and from patients that are merged, in the unit that writes them: a policy with the next version, and
//! every row of the record as it says. <https://hl7.org/fhir/R4/consent.html>

use super::family::{Pending, merged};
use super::known::{Answers, Known};
use super::policy::{CONSENTS_MAX, Policy, consent_type, naming, too_many};
use super::record::{Records, reference};
use crate::document::reread;
use crate::engine::{Engine, stored};
use crate::place::patient_type;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use ward_access::{Action, Maintenance, maintenance};
use ward_consent::{Consent, Effect, Fault, Provision, Reason, Ref, gone};
use ward_fhir::issue::Result;
use ward_fhir::{Document, Failure, TypeId};
use ward_search::entries::Entries;
use ward_storage::{CommitError, Current, Expect, Op, Rid, Row, Turn, Unit, Write};

/// Races that the writer of a consent loses before the record is closed for it.
const RACES_MAX: u32 = 6;
/// Patients whose lost races are counted.
const RACING_MAX: usize = 1_024;

/// A refusal, and which write of the unit it is about.
pub type At = (Failure, usize);

/// What a unit with consents leaves, once it has committed.
#[derive(Default)]
pub struct Followed {
    /// As they are from then on.
    policies: Vec<(Rid, Arc<Policy>)>,
    /// Whose records are closed until they are decided anew.
    closed: Vec<Rid>,
    /// Some consent in force cannot be evaluated, and denies (A24).
    pub has_unevaluable: bool,
}

/// Lost races by patient.
#[derive(Default)]
pub(crate) struct Races(Mutex<HashMap<Rid, u32>>);

impl Races {
    fn lost(&self, patients: &[Rid]) -> u32 {
        let lost = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        patients
            .iter()
            .filter_map(|patient| lost.get(patient))
            .copied()
            .max()
            .unwrap_or(0)
    }

    fn count(&self, patients: &[Rid]) {
        let mut lost = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lost.len() >= RACING_MAX {
            lost.clear();
        }
        for patient in patients {
            *lost.entry(*patient).or_default() += 1;
        }
    }

    fn forget(&self, patients: &[Rid]) {
        let mut lost = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lost.retain(|patient, _| !patients.contains(patient));
    }
}

/// Those who are one, with their references.
type Patients = BTreeMap<Rid, Ref>;

/// Writes that are about who sees a record.
struct Change {
    /// The unit's Consents as they are to be, by the number of their write.
    consents: Vec<(usize, Document)>,
    /// Patients whose merges change.
    links: Pending,
    /// Whose records they are about, as the store has them and as the unit leaves them.
    patients: Vec<Rid>,
}

impl Engine {
    /// Adds to a unit what follows from its Consents and merges; to be called when everything else is in it. `is_lenient`: consents that
    /// cannot be evaluated are taken all the same, and deny (R11).
    ///
    /// Statements: none of a unit without them; else about thirty, whatever the number of rows and provisions, and three for each other
    /// patient whose rows name this one. Errors:
    /// `BusinessRule` with every fault of a consent and its place; `TooCostly` for more than [`CONSENTS_MAX`].
    pub async fn follow(
        &self,
        unit: &mut Unit,
        is_lenient: bool,
    ) -> std::result::Result<Followed, At> {
        let at_first = |failure| (failure, 0);
        let Some(change) = self.change_of(unit).await.map_err(at_first)? else {
            return Ok(Followed::default());
        };
        let (known, has_unevaluable) = self.understood(&change, unit, is_lenient).await?;
        let families = self.families(&change).await.map_err(at_first)?;
        let patients = families.iter().flat_map(|family| family.keys().copied());
        let patients: Vec<Rid> = patients.collect();
        let records = match self.races.lost(&patients) >= RACES_MAX {
            true => None,
            false => self.read_records(&patients).await.map_err(at_first)?,
        };
        let Some(records) = records else {
            return Ok(close(unit, patients, has_unevaluable));
        };
        let policies = self.policies_of(&change, &families, &records, (unit, &known));
        let policies = policies.await.map_err(at_first)?;
        let decided = self.decide_anew(&records, &policies, unit).await;
        decided.map_err(at_first)?;
        let further = self.decide_further(&policies, unit).await;
        further.map_err(at_first)?;
        if has_unevaluable {
            self.call_for_review(&patients, unit);
        }
        Ok(Followed {
            policies: raised(policies),
            closed: Vec::new(),
            has_unevaluable,
        })
    }

    /// Has the records looked at once more right after the commit, which puts the consents before the privacy officer.
    fn call_for_review(&self, patients: &[Rid], unit: &mut Unit) {
        let now_us = self.now_us();
        let theirs = unit.turns.iter_mut();
        for turn in theirs.filter(|turn| patients.contains(&turn.patient)) {
            turn.due_us = Some(now_us);
        }
    }

    /// What the unit's own consents are evaluated against, and whether one in force cannot be. Errors: it may not be stored.
    async fn understood(
        &self,
        change: &Change,
        unit: &Unit,
        is_lenient: bool,
    ) -> std::result::Result<(Known, bool), At> {
        let read = |(at, document): &(usize, Document)| (*at, self.read_consent(document.root()));
        let consents: Vec<(usize, Consent)> = change.consents.iter().map(read).collect();
        let own = consents
            .iter()
            .map(|(_, consent)| consent.clone())
            .collect();
        let told = self.told(unit).map_err(|failure| (failure, 0))?;
        let compiled = self.compiled(own, Vec::new(), 0, told).await;
        let known = compiled.map_err(|failure| (failure, 0))?.known;
        let answers = Answers {
            known: &known,
            house: self.house(),
        };
        let mut has_unevaluable = false;
        for (at, consent) in consents.iter().filter(|(_, consent)| consent.is_active) {
            let mut faults = consent.faults.clone();
            faults.extend(permits_to_nobody(consent, &answers));
            has_unevaluable |= !faults.is_empty() || denies_nobody(consent, &answers);
            if !is_lenient {
                refuse(&faults).map_err(|failure| (failure, *at))?;
            }
        }
        Ok((known, has_unevaluable))
    }

    /// To be called when the unit's commit has ended.
    pub async fn followed(
        &self,
        followed: Followed,
        committed: std::result::Result<(), CommitError>,
    ) {
        let kept = followed.policies.iter().map(|(patient, _)| *patient);
        let patients: Vec<Rid> = kept.chain(followed.closed.iter().copied()).collect();
        if patients.is_empty() {
            return;
        }
        match committed {
            Ok(()) => {
                self.races.forget(&patients);
                for (patient, policy) in followed.policies {
                    self.policies.keep(patient, policy);
                }
                self.closing(&followed.closed).await;
            }
            Err(_) => self.races.count(&patients),
        }
    }

    /// `None`: the unit is about nobody's policy. One statement where a Consent or a link of patients is replaced.
    async fn change_of(&self, unit: &Unit) -> Result<Option<Change>> {
        let is_about = |write: &&Write| {
            !matches!(write.expect, Expect::Stays(_))
                && (write.ty == consent_type() || self.may_link(write))
        };
        let about: Vec<&Write> = unit.writes.iter().filter(is_about).collect();
        if about.is_empty() {
            return Ok(None);
        }
        let replaced = self.replaced_by(&about).await?;
        let mut change = Change {
            consents: Vec::new(),
            links: Pending::new(),
            patients: Vec::new(),
        };
        for (at, write) in unit.writes.iter().enumerate().filter(|(_, w)| is_about(w)) {
            let old = replaced.get(&write.rid);
            if write.ty == patient_type() {
                self.relink(&mut change, write, old)?;
                continue;
            }
            change.patients.push(write.patient);
            change.patients.extend(old.map(|row| row.patient));
            if write.op != Op::Delete {
                change.consents.push((at, reread(&write.body)?));
            }
        }
        change.patients.retain(|patient| *patient != 0);
        Ok((!change.patients.is_empty() || !change.consents.is_empty()).then_some(change))
    }

    fn relink(&self, change: &mut Change, write: &Write, old: Option<&Row>) -> Result<()> {
        let links = |body: &[u8]| -> Result<BTreeSet<Ref>> {
            let document = reread(body)?;
            Ok(merged(document.root(), &self.settings.base)
                .into_iter()
                .collect())
        };
        let new = match write.op {
            Op::Delete => BTreeSet::new(),
            _ => links(&write.body)?,
        };
        let old = match old.filter(|row| row.op != Op::Delete) {
            Some(row) => links(&row.body)?,
            None => BTreeSet::new(),
        };
        if new != old {
            change.patients.push(write.rid);
            change.links.insert(write.rid, new.into_iter().collect());
        }
        Ok(())
    }

    /// Whether a Patient says something of links, or did so until now; more may be taken for such, never fewer.
    fn may_link(&self, write: &Write) -> bool {
        let parameter = self.registry.find(patient_type(), "link");
        let numbers = parameter.map(|parameter| parameter.numbers_for(patient_type()));
        let numbers: Vec<u16> = numbers.into_iter().flatten().collect();
        let said = |entries: &Entries| {
            let mut terms = entries.terms.iter();
            terms.any(|term| numbers.contains(&term.param))
        };
        write.ty == patient_type() && (said(&write.entries) || said(&write.old_entries))
    }

    pub(super) async fn replaced_by(&self, writes: &[&Write]) -> Result<HashMap<Rid, Row>> {
        let replacing = writes.iter().filter(|write| write.expect != Expect::Absent);
        let keys: Vec<(TypeId, Rid)> = replacing.map(|write| (write.ty, write.rid)).collect();
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let access = maintenance(Maintenance::Policies);
        let rows = stored(self.store.read_many(&access, Action::Read, &keys).await)?;
        let row = |current| match current {
            Current::Live(row) | Current::Deleted(row) => Some((row.rid, row)),
            Current::Absent => None,
        };
        Ok(rows.into_iter().filter_map(row).collect())
    }

    /// Of all records that the change is about, those that are one from then on.
    async fn families(&self, change: &Change) -> Result<Vec<Patients>> {
        let before = self.family(&change.patients, &Pending::new()).await?;
        if change.links.is_empty() {
            let mut left: BTreeSet<Rid> = before.patients.keys().copied().collect();
            return match change.patients.len() {
                0 | 1 => Ok(vec![before.patients]),
                _ => self.parts(&mut left, &Pending::new()).await,
            };
        }
        let after = self.family(&change.patients, &change.links).await?;
        let both = before.patients.keys().chain(after.patients.keys());
        let mut left: BTreeSet<Rid> = both.copied().collect();
        self.parts(&mut left, &change.links).await
    }

    async fn parts(&self, left: &mut BTreeSet<Rid>, links: &Pending) -> Result<Vec<Patients>> {
        let mut parts = Vec::new();
        while let Some(first) = left.pop_first() {
            let part = self.family(&[first], links).await?.patients;
            left.retain(|patient| !part.contains_key(patient));
            parts.push(part);
        }
        Ok(parts)
    }

    /// The policy of each record as the unit leaves it, with the version from before.
    async fn policies_of(
        &self,
        change: &Change,
        families: &[Patients],
        records: &Records,
        (unit, known): (&Unit, &Known),
    ) -> Result<HashMap<Rid, Arc<Policy>>> {
        let own: BTreeSet<Rid> = unit.writes.iter().map(|write| write.rid).collect();
        let mut consents: Vec<(Rid, Consent)> = Vec::new();
        let is_kept = |row: &&Row| row.ty == consent_type() && !own.contains(&row.rid);
        for row in records.rows.iter().filter(is_kept) {
            let consent = self.read_consent(reread(&row.body)?.root());
            consents.push((row.patient, consent));
        }
        for (at, document) in &change.consents {
            let consent = self.read_consent(document.root());
            consents.push((unit.writes[*at].patient, consent));
        }
        if consents.len() > CONSENTS_MAX as usize {
            return Err(too_many());
        }
        let version: HashMap<Rid, i64> = records
            .each
            .iter()
            .map(|record| (record.patient, record.version))
            .collect();
        let mut policies = HashMap::new();
        for family in families {
            let subjects: Vec<Ref> = family.values().cloned().collect();
            let is_theirs = |(home, consent): &&(Rid, Consent)| {
                let subject = consent.subject.as_ref();
                family.contains_key(home) || subject.is_none_or(|one| subjects.contains(one))
            };
            let consents = consents.iter().filter(is_theirs);
            let consents: Vec<Consent> = consents.map(|(_, consent)| consent.clone()).collect();
            let subjects = naming(subjects, &consents);
            let policy = self.compiled(consents, subjects, 0, known.clone()).await?;
            for patient in family.keys() {
                let version = version.get(patient).copied().unwrap_or(0);
                policies.insert(*patient, Arc::new(policy.at(version)));
            }
        }
        Ok(policies)
    }

    /// What the unit says of people and organizations.
    fn told(&self, unit: &Unit) -> Result<Known> {
        let mut known = Known::default();
        for write in &unit.writes {
            if write.op != Op::Delete && !write.body.is_empty() {
                let document = reread(&write.body)?;
                let root = document.root();
                let reference = reference(write.ty, root.text("id").unwrap_or_default());
                known.tell(reference, Some(root), &self.settings.base);
            }
        }
        Ok(known)
    }
}

/// Whether it denies somebody who is not there, so that it is of anybody (R5, T24).
pub(crate) fn denies_nobody(consent: &Consent, answers: &Answers<'_>) -> bool {
    gone(consent, answers).any(|p| p.effect == Effect::Deny)
}

/// Permits to somebody who is not there (R11).
pub(crate) fn permits_to_nobody(consent: &Consent, answers: &Answers<'_>) -> Vec<Fault> {
    let to_nobody = gone(consent, answers).filter(|p| p.effect == Effect::Permit);
    let fault = |p: &Provision| Fault {
        reason: Reason::ActorGone,
        expression: format!("{}.actor", p.expression),
    };
    to_nobody.map(fault).collect()
}

pub(crate) fn refuse(faults: &[Fault]) -> Result<()> {
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Failure::from_issues(
            faults.iter().map(Fault::issue).collect(),
        )),
    }
}

/// With the version that the commit gives them.
fn raised(policies: HashMap<Rid, Arc<Policy>>) -> Vec<(Rid, Arc<Policy>)> {
    let raised =
        |(patient, policy): (Rid, Arc<Policy>)| (patient, Arc::new(policy.at(policy.version + 1)));
    policies.into_iter().map(raised).collect()
}

/// The unit as it is, with the records closed until somebody has decided them anew.
fn close(unit: &mut Unit, patients: Vec<Rid>, has_unevaluable: bool) -> Followed {
    unit.raises.extend(&patients);
    unit.raises.sort_unstable();
    unit.raises.dedup();
    unit.turns.extend(patients.iter().map(|patient| Turn {
        patient: *patient,
        due_us: Some(0),
        is_closed: true,
    }));
    Followed {
        policies: Vec::new(),
        closed: patients,
        has_unevaluable,
    }
}

#[cfg(test)]
#[path = "consents_tests.rs"]
mod tests;
