//! What the consents of a patient come to for each row of the record: read and compiled once for each version of the policy.
//! `docs/decisions/0020-consent-in-the-interactions.md`

use super::VisibilityClass;
use super::family::Pending;
use super::house::House;
use super::known::{Answers, Known};
use super::row::{asks, row};
use crate::break_glass::is_review;
use crate::document::reread;
use crate::engine::{Engine, stored};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use ward_access::{Maintenance, maintenance};
use ward_consent::labels::RowClass;
use ward_consent::{
    Class, Consent, LabelRule, Meaning, Need, Part, Ref, Residual, Row, Specialiser, next_change,
    read,
};
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, Node, TypeId};
use ward_search::plan::{Plan, SortKey, Total};
use ward_search::query::Options;
use ward_search::terminology::Embedded;
use ward_storage::Rid;

/// Patients whose policy is kept; when there are more, all are read anew.
const POLICIES_MAX: usize = 4_096;
/// Consents of one patient, and of records merged with it, that are in force together or not.
pub(crate) const CONSENTS_MAX: u32 = 1_000;

/// The consents of one patient at one version of the policy.
pub struct Policy {
    /// [`ward_storage::Write::policy`] of what is worked out by it.
    pub version: i64,
    /// The patient, and records that were merged with it.
    pub subjects: Vec<Ref>,
    pub consents: Vec<Consent>,
    pub(crate) known: Known,
}

/// Those that were read last, by home patient. Who is no member is taken for one without consents: a commit says if not.
#[derive(Default)]
pub struct Policies(Mutex<HashMap<Rid, Arc<Policy>>>);

/// A row whose class is wanted.
pub struct Judged<'a> {
    pub node: Node<'a>,
    /// `Type/id`, which `node` may not say yet.
    pub reference: Ref,
    pub labels: &'a RowClass,
    /// Patients in whose compartments it is, home first; none: shared.
    pub patients: &'a [Rid],
}

impl Policies {
    pub(crate) fn get(&self, patient: Rid) -> Option<Arc<Policy>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&patient).cloned()
    }

    pub(crate) fn keep(&self, patient: Rid, policy: Arc<Policy>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= POLICIES_MAX {
            known.clear();
        }
        known.insert(patient, policy);
    }
}

impl Policy {
    /// Of a patient without consents.
    pub fn none() -> Policy {
        Policy {
            version: 0,
            subjects: Vec::new(),
            consents: Vec::new(),
            known: Known::default(),
        }
    }

    /// For any number of rows at one moment.
    pub(crate) fn judge<'a>(&'a self, answers: &'a Answers<'a>, now_us: i64) -> Specialiser<'a> {
        let rules = answers.house.rules;
        Specialiser::new(&self.consents, &self.subjects, now_us, rules, answers)
    }

    /// Whether some consent is in force, or will be.
    pub fn says_something(&self) -> bool {
        self.consents.iter().any(|consent| consent.is_active)
    }

    /// The same under another version.
    pub(crate) fn at(&self, version: i64) -> Policy {
        Policy {
            version,
            subjects: self.subjects.clone(),
            consents: self.consents.clone(),
            known: self.known.clone(),
        }
    }

    /// Whether who wrote a row matters.
    pub fn asks_authors(&self) -> bool {
        let mut provisions = self.consents.iter().flat_map(|c| c.root.walk());
        provisions.any(|provision| {
            let c = &provision.criteria;
            c.actors.iter().any(|actor| actor.part == Part::Author)
                || c.data
                    .iter()
                    .any(|data| data.meaning == Meaning::AuthoredBy)
        })
    }

    /// Whether it matters what else a resource of the record refers to.
    pub fn asks_related(&self) -> bool {
        let mut provisions = self.consents.iter().flat_map(|c| c.root.walk());
        provisions.any(|provision| {
            let mut data = provision.criteria.data.iter();
            data.any(|data| data.meaning == Meaning::Related)
        })
    }

    /// When what it says changes by time alone, in microseconds since 1970.
    pub fn next_change(&self, now_us: i64) -> Option<i64> {
        next_change(&self.consents, &self.subjects, now_us)
    }
}

/// The class of one row. `judge`: of its home patient's policy; `None`: a shared row, on which no consent bears.
pub(crate) fn class_of(
    judged: &Judged<'_>,
    house: House<'_>,
    known: &Known,
    judge: Option<&mut Specialiser<'_>>,
) -> VisibilityClass {
    let row = row(judged.node, &judged.reference, judged.labels, house, known);
    let residual = judge.map(|judge| Residual::clone(&judge.residual(&row)));
    VisibilityClass {
        is_shared: residual.is_none(),
        residual: residual.unwrap_or_else(Residual::silent),
        class: class(judged.node, &row, house),
        labels: judged.labels.clone(),
    }
}

/// A review, as of a broken glass, is between the privacy role and the patient, like a Consent (R23): no deny of the patient hides it from that
/// role, and whoever broke the glass does not close it.
fn class(node: Node<'_>, row: &Row, house: House<'_>) -> Class {
    let class = Class::of(row, house.rules);
    match is_review(node) {
        true => Class {
            is_consent: true,
            authors: Vec::new(),
            ..class
        },
        false => class,
    }
}

impl Engine {
    /// As far as this process knows it: no statement. Of another version the commit is refused; then [`Engine::read_policies`].
    pub fn policy(&self, patient: Rid) -> Arc<Policy> {
        let none = || Arc::new(Policy::none());
        self.policies.get(patient).unwrap_or_else(none)
    }

    /// Reads the policies that these patients have by now, and keeps them. Statements: one, and about six for each patient with consents
    /// whose policy is not known here.
    pub async fn read_policies(&self, patients: &[Rid]) -> Result<()> {
        let mut patients: Vec<Rid> = patients.iter().copied().filter(|rid| *rid != 0).collect();
        patients.sort_unstable();
        patients.dedup();
        // Before the consents: what is read of a later version is refused like one of an earlier.
        let versions = stored(self.store.policies(&patients).await)?;
        for (patient, version) in patients.iter().zip(versions) {
            let kept = self.policies.get(*patient);
            let is_known = kept.map_or(version == 0, |kept| kept.version == version);
            if !is_known {
                let policy = self.read_policy(*patient, version).await?;
                self.policies.keep(*patient, Arc::new(policy));
            }
        }
        Ok(())
    }

    pub(crate) async fn read_policy(&self, patient: Rid, version: i64) -> Result<Policy> {
        let family = self.family(&[patient], &Pending::new()).await?;
        let consents = self.consents_of(family.patients.keys().copied()).await?;
        let subjects = naming(family.subjects(), &consents);
        self.compiled(consents, subjects, version, Known::default())
            .await
    }

    /// With what the consents are evaluated against; what is `known` already is not read.
    pub(crate) async fn compiled(
        &self,
        consents: Vec<Consent>,
        subjects: Vec<Ref>,
        version: i64,
        mut known: Known,
    ) -> Result<Policy> {
        let house = self.house();
        let (mut asked, mut people) = named(&consents);
        if !consents.is_empty() && !house.is_alone() {
            asked.push(house.organization.into());
        }
        people.retain(|person| person.starts_with("Practitioner/"));
        known.learn(self, asked).await?;
        known.learn_roles(self, &people).await?;
        Ok(Policy {
            version,
            subjects,
            consents,
            known,
        })
    }

    /// All Consents in the records of these patients, whatever they say: by the record, for of a patient who is not there nothing else
    /// says by which id a client knows them. One statement for each patient.
    async fn consents_of(&self, patients: impl Iterator<Item = Rid>) -> Result<Vec<Consent>> {
        let plan = all_consents(self)?;
        let mut consents = Vec::new();
        for patient in patients {
            let access = maintenance(Maintenance::Consents).narrow(self.patient_key(patient));
            let page = stored(self.store.search(&access, &plan).await)?;
            if page.more || consents.len() + page.rows.len() > CONSENTS_MAX as usize {
                return Err(too_many());
            }
            for row in &page.rows {
                let document = reread(&row.body)?;
                consents.push(self.read_consent(document.root()));
            }
        }
        Ok(consents)
    }

    pub(crate) fn read_consent(&self, node: Node<'_>) -> Consent {
        let house = self.house();
        read(node, house.rules, Some(house.base))
    }

    /// The classes of rows by the policies that this process knows, whose versions are to be named where they are committed. `None`:
    /// the row is nobody's to see, being in several records of which one has consents that bear on it.
    ///
    /// Statements: none of rows without labels and of patients without consents; else one for each level of organizations above
    /// those that keep them, and what [`Engine::read_policies`] costs for rows in several records.
    pub async fn classes(&self, rows: &[Judged<'_>]) -> Result<Vec<Option<VisibilityClass>>> {
        let mut policies: HashMap<Rid, Arc<Policy>> = HashMap::new();
        for home in rows.iter().filter_map(|row| row.patients.first()) {
            policies.entry(*home).or_insert_with(|| self.policy(*home));
        }
        self.classes_by(&policies, rows).await
    }

    /// The same by these policies of the homes.
    pub(crate) async fn classes_by(
        &self,
        policies: &HashMap<Rid, Arc<Policy>>,
        rows: &[Judged<'_>],
    ) -> Result<Vec<Option<VisibilityClass>>> {
        let house = self.house();
        let now_us = self.now_us();
        let of = |row: &Judged<'_>| policies.get(row.patients.first()?);
        self.read_further(policies, rows).await?;
        let mut asked = Vec::new();
        for row in rows {
            let with_authors = of(row).is_some_and(|policy| policy.asks_authors())
                || is_for_authors(row.labels, house);
            asked.extend(asks(row.node, house, with_authors));
        }
        let mut own = Known::default();
        own.learn(self, asked).await?;
        let known: HashMap<Rid, Known> = policies
            .iter()
            .map(|(home, policy)| (*home, policy.known.with(&own)))
            .collect();
        let answers: HashMap<Rid, Answers<'_>> = known
            .iter()
            .map(|(home, known)| (*home, Answers { known, house }))
            .collect();
        let mut judges: HashMap<Rid, Specialiser<'_>> = policies
            .iter()
            .map(|(home, policy)| (*home, policy.judge(&answers[home], now_us)))
            .collect();
        let class = |row: &Judged<'_>| {
            let others = self.others(of(row), policies, row);
            if others.iter().any(|other| other.says_something()) {
                return None;
            }
            let home = row.patients.first();
            let known = home.and_then(|home| known.get(home)).unwrap_or(&own);
            let judge = home.and_then(|home| judges.get_mut(home));
            let class = class_of(row, house, known, judge);
            // Whoever is named beside the one at home would see it as their own, past what that one decided.
            (others.is_empty() || class.residual.is_silent()).then_some(class)
        };
        Ok(rows.iter().map(class).collect())
    }

    /// Policies of patients whose record is a further one of a row.
    async fn read_further(
        &self,
        policies: &HashMap<Rid, Arc<Policy>>,
        rows: &[Judged<'_>],
    ) -> Result<()> {
        let further = rows.iter().flat_map(|row| row.patients.iter().skip(1));
        let further: BTreeSet<Rid> = further
            .filter(|patient| !policies.contains_key(*patient))
            .copied()
            .collect();
        match further.is_empty() {
            true => Ok(()),
            false => self.read_policies(&Vec::from_iter(further)).await,
        }
    }

    /// Policies of the further patients of a row who are not the same person as the one at home.
    fn others(
        &self,
        home: Option<&Arc<Policy>>,
        policies: &HashMap<Rid, Arc<Policy>>,
        row: &Judged<'_>,
    ) -> Vec<Arc<Policy>> {
        let policy = |further: &Rid| match policies.get(further) {
            Some(policy) => policy.clone(),
            None => self.policy(*further),
        };
        let is_one = |further: &Arc<Policy>| {
            let same =
                |home: &Arc<Policy>| !home.subjects.is_empty() && home.subjects == further.subjects;
            home.is_some_and(same)
        };
        let further = row.patients.iter().skip(1).map(policy);
        further.filter(|further| !is_one(further)).collect()
    }
}

/// Whether a label of the row keeps it for whoever wrote it, or from the patient.
pub(crate) fn is_for_authors(labels: &RowClass, house: House<'_>) -> bool {
    let sensitivities = super::row::sensitivities(labels, house.labels);
    let is_one = |rule: &LabelRule| rule.need == Need::Author || !rule.is_for_patient;
    house.rules.of(&sensitivities).any(is_one)
}

/// Resources that consents name and that are asked about; people among them.
fn named(consents: &[Consent]) -> (Vec<Ref>, Vec<Ref>) {
    let (mut asked, mut people) = (Vec::new(), BTreeSet::new());
    for provision in consents.iter().flat_map(|consent| consent.root.walk()) {
        for who in provision
            .criteria
            .actors
            .iter()
            .filter_map(|a| a.who.as_ref())
        {
            asked.push(who.clone());
            people.insert(who.clone());
        }
        let data = provision.criteria.data.iter();
        let related = data.filter(|data| data.meaning == Meaning::Related);
        asked.extend(related.map(|data| data.reference.clone()));
    }
    (asked, people.into_iter().collect())
}

/// The patients as these consents, which are about them, name them. Of one who is not there, or no longer, nothing else says by which id
/// a client knows them.
pub(crate) fn naming(mut subjects: Vec<Ref>, consents: &[Consent]) -> Vec<Ref> {
    for named in consents
        .iter()
        .filter_map(|consent| consent.subject.as_ref())
    {
        if !subjects.contains(named) {
            subjects.push(named.clone());
        }
    }
    subjects.sort_unstable();
    subjects
}

fn all_consents(engine: &Engine) -> Result<Plan> {
    let options = Options {
        strict: true,
        now_us: 0,
        count_default: CONSENTS_MAX,
        count_max: CONSENTS_MAX,
        terminology: &Embedded,
    };
    let none: [(&str, &str); 0] = [];
    let types = [consent_type()];
    let (plan, _) = ward_search::query::parse(&engine.extractor, &types, &none, &options)?;
    Ok(Plan {
        sort: vec![SortKey::Id { descending: false }],
        total: Total::None,
        ..plan
    })
}

pub(crate) fn consent_type() -> TypeId {
    static CONSENT: std::sync::OnceLock<TypeId> = std::sync::OnceLock::new();
    *CONSENT.get_or_init(|| r4().resource_type("Consent").unwrap_or(TypeId(u16::MAX)))
}

pub(crate) fn too_many() -> Failure {
    let text = format!(
        "the patient has more than {CONSENTS_MAX} Consents; delete those that are not in force"
    );
    Failure::new(Kind::TooCostly, text)
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
