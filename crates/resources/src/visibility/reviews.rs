//! What the server itself puts before the privacy officer, each as an open Task: consents that name somebody who is not there (A24), and labels
//! that have changed. <https://hl7.org/fhir/R4/task.html>
//!
//! A Task is stored before what it is about is done: that may then not come to be, but nothing is done without its review.

use super::consents::{denies_nobody, permits_to_nobody};
use super::decide::Decided;
use super::known::Answers;
use super::policy::Policy;
use crate::break_glass::REVIEW_SYSTEM;
use crate::call::{Body, Call, Format, Interaction};
use crate::engine::{Engine, store_failure, stored};
use crate::place::patient_type;
use crate::recorded::{Ended, compose_record};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use ward_access::{Access, Action, Caller, Identity, Maintenance, Scopes, maintenance};
use ward_audit::{Alert, Entity, Outcome};
use ward_consent::labels::Labels;
use ward_consent::{Consent, Ref};
use ward_fhir::date::instant_text;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, TypeId};
use ward_search::plan::{Plan, Total};
use ward_search::query::Options;
use ward_search::terminology::Embedded;
use ward_storage::{Current, Rid, StoreError};

/// `Task.code`, of [`REVIEW_SYSTEM`].
pub const CONSENT_REVIEW: &str = "consent-review";
pub const LABEL_REVIEW: &str = "label-review";

/// As whom the server writes for itself.
const OURSELVES: &str = "ward-server";

/// A resource whose labels somebody lowers who may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lowered {
    /// `Type/id`
    pub identity: Ref,
    pub home: Rid,
}

/// Whether something of the labels is taken away.
pub(super) fn is_lowered(before: &Labels, after: &Labels) -> bool {
    let mut held = before.iter();
    held.any(|held| !after.contains(&held.label)) || after.level() < before.level()
}

impl Engine {
    /// Puts each consent in force that names somebody who is not there before the privacy officer, once for each version of it.
    /// Statements: none where there is none, else three for each and those of a creation.
    pub(super) async fn review_consents(&self, patient: Rid, policy: &Policy) -> Result<()> {
        let now_us = self.now_us();
        let answers = Answers {
            known: &policy.known,
            house: self.house(),
        };
        let in_force = |consent: &&Consent| consent.is_active && consent.period.contains(now_us);
        for consent in policy.consents.iter().filter(in_force) {
            if let Some(why) = unevaluable(consent, &answers) {
                self.review_consent(consent, (patient, policy), why).await?;
            }
        }
        Ok(())
    }

    async fn review_consent(
        &self,
        consent: &Consent,
        (home, policy): (Rid, &Policy),
        why: &str,
    ) -> Result<()> {
        let version = format!("Consent/{}/_history/{}", consent.id, consent.version);
        let identifier = format!("{REVIEW_SYSTEM}|{version}");
        let asked = [("identifier", identifier.as_str())];
        let patient = consent.subject.as_ref().or(policy.subjects.first());
        if consent.id.is_empty() || self.is_reviewed(CONSENT_REVIEW, &asked).await? {
            return Ok(());
        }
        let mut task = self.task(CONSENT_REVIEW, "Review of a consent");
        task["description"] = format!(
            "This consent cannot be evaluated: {why}. It keeps all that it is about from everybody but the patient until it is mended."
        )
        .into();
        task["identifier"] = json!([{ "system": REVIEW_SYSTEM, "value": version }]);
        task["focus"] = focus("Consent", &version);
        if let Some(patient) = patient {
            about(&mut task, patient);
        }
        self.store_task(&task).await?;
        tracing::error!(alert = %Alert::UNEVALUABLE_CONSENT, "a consent in force cannot be evaluated, and denies");
        self.record_alert(consent, home).await
    }

    /// The alert among the records of accesses (R11: outcome 8).
    async fn record_alert(&self, consent: &Consent, patient: Rid) -> Result<()> {
        let ty = super::policy::consent_type();
        let located = stored(self.store.locate(&[(ty, consent.id.as_str())]).await)?;
        let entity = located.into_iter().flatten().map(|rid| Entity {
            ty: ty.0,
            rid,
            version: consent.version.parse().unwrap_or(0),
            patient,
            action: b'R',
        });
        let entities: Vec<Entity> = entity.collect();
        let id = consent.id.clone();
        let call = Call::new(Interaction::Read { ty, id }, request_id(), OURSELVES.into());
        let caller = ourselves();
        let ended = Ended {
            status: 200,
            entities: &entities,
            ..Ended::default()
        };
        let mut record = compose_record(self.now_us(), &caller, &call, ended);
        record.outcome = Outcome::Serious;
        record.decision.alert = Some(Alert::UNEVALUABLE_CONSENT);
        let appended = self.log.append(&record).await;
        appended.map(drop).map_err(|_| crate::door::unrecorded())
    }

    /// Puts labels that this caller lowers before the privacy officer: one Task for each person and record until it is closed.
    /// Statements: none where nothing is lowered.
    pub(crate) async fn review_lowered(&self, caller: &Caller, decided: &Decided) -> Result<()> {
        let mut by_home: BTreeMap<Rid, &Ref> = BTreeMap::new();
        for lowered in &decided.lowered {
            by_home.entry(lowered.home).or_insert(&lowered.identity);
        }
        for (home, identity) in by_home {
            self.review_record(caller, home, identity).await?;
        }
        Ok(())
    }

    async fn review_record(&self, caller: &Caller, home: Rid, identity: &str) -> Result<()> {
        let patient = self.reference_of(home).await?;
        let mut asked = vec![("status", OPEN)];
        if let Some(patient) = &patient {
            asked.push(("patient", patient.as_str()));
        }
        match &caller.fhir_user {
            Some(user) => asked.push(("requester", user.as_str())),
            None => asked.push(("requester:missing", "true")),
        }
        if self.is_reviewed(LABEL_REVIEW, &asked).await? {
            return Ok(());
        }
        let mut task = self.task(LABEL_REVIEW, "Review of changed labels");
        task["description"] = "Labels were taken away or lowered: of this resource, and maybe of others in the same record since. Look whether that was right, and close this Task.".into();
        let ty = identity.split('/').next().unwrap_or_default();
        task["focus"] = focus(ty, identity);
        task["requester"] = match &caller.fhir_user {
            Some(user) => json!({ "reference": user }),
            None => json!({ "display": caller.subject }),
        };
        if let Some(patient) = &patient {
            about(&mut task, patient);
        }
        self.store_task(&task).await
    }

    /// Puts what other rules have changed before the privacy officer: one Task for a walk over all rows. `edition`: of the walk.
    pub(super) async fn review_walk(&self, edition: u64, changed: u64) -> Result<()> {
        let walk = format!("labels-{edition}");
        let identifier = format!("{REVIEW_SYSTEM}|{walk}");
        let asked = [("identifier", identifier.as_str())];
        if changed == 0 || self.is_reviewed(LABEL_REVIEW, &asked).await? {
            return Ok(());
        }
        let mut task = self.task(LABEL_REVIEW, "Review of changed labels");
        task["identifier"] = json!([{ "system": REVIEW_SYSTEM, "value": walk }]);
        task["description"] = format!(
            "The rules of labels have changed. Every resource was looked at, and {changed} have other labels than before. Look whether the rules say what was meant, and close this Task."
        )
        .into();
        self.store_task(&task).await
    }

    fn task(&self, code: &str, display: &str) -> Value {
        json!({
            "resourceType": "Task",
            "status": "requested",
            "intent": "order",
            "priority": "urgent",
            "code": { "coding": [{ "system": REVIEW_SYSTEM, "code": code, "display": display }] },
            "authoredOn": instant_text(self.now_us()),
            "performerType": [{ "text": "Privacy officer" }]
        })
    }

    async fn store_task(&self, task: &Value) -> Result<()> {
        let mut call = Call::new(
            Interaction::Create { ty: task_type() },
            request_id(),
            OURSELVES.into(),
        );
        call.is_own = true;
        call.body = Some(Body {
            bytes: task.to_string().into_bytes().into(),
            format: Format::Json,
        });
        let reply = Box::pin(self.answer(&ourselves(), &call)).await;
        match reply.status {
            201 => Ok(()),
            409 | 503 => Err(store_failure(StoreError::Unavailable)),
            status => {
                tracing::error!(status, "a review could not be stored");
                let text = "the review of this could not be stored; nothing was done";
                Err(Failure::new(Kind::Internal, text))
            }
        }
    }

    /// Whether there is a Task like that. One statement.
    async fn is_reviewed(&self, code: &str, asked: &[(&str, &str)]) -> Result<bool> {
        let options = Options {
            strict: true,
            now_us: 0,
            count_default: 1,
            count_max: 1,
            terminology: &Embedded,
        };
        let code = format!("{REVIEW_SYSTEM}|{code}");
        let mut pairs = vec![("code", code.as_str())];
        pairs.extend_from_slice(asked);
        let types = [task_type()];
        let (plan, _) = ward_search::query::parse(&self.extractor, &types, &pairs, &options)?;
        let plan = Plan {
            total: Total::None,
            ..plan
        };
        let access: Access = maintenance(Maintenance::Policies);
        let page = stored(self.store.search(&access, &plan).await)?;
        Ok(!page.rows.is_empty())
    }

    /// `Patient/id`; `None`: nobody's record.
    async fn reference_of(&self, patient: Rid) -> Result<Option<String>> {
        if patient == 0 {
            return Ok(None);
        }
        let access = maintenance(Maintenance::Policies);
        let keys = [(patient_type(), patient)];
        let rows = stored(self.store.read_many(&access, Action::Read, &keys).await)?;
        let row = rows.into_iter().next();
        Ok(row.and_then(|current| match current {
            Current::Live(row) | Current::Deleted(row) => Some(format!("Patient/{}", row.id)),
            Current::Absent => None,
        }))
    }
}

/// Why, in plain words; `None`: it can be. What is not understood in a Consent was told when it was written.
fn unevaluable(consent: &Consent, answers: &Answers<'_>) -> Option<&'static str> {
    if denies_nobody(consent, answers) {
        return Some(
            "it denies somebody who is not there, so that nobody can prove to be somebody else",
        );
    }
    let permits = permits_to_nobody(consent, answers);
    (!permits.is_empty()).then_some("it permits somebody who is not there")
}

/// What it is about, by name: a reference would keep it from being deleted.
fn focus(ty: &str, name: &str) -> Value {
    json!({ "type": ty, "display": name })
}

/// Whose record it is in. Also for whom the patient's own consents hide the patient, and with that the reference (R17).
fn about(task: &mut Value, patient: &str) {
    task["for"] = json!({ "reference": patient });
    let id = patient.strip_prefix("Patient/").unwrap_or(patient);
    task["input"] = json!([{ "type": { "coding": [{ "system": REVIEW_SYSTEM, "code": "patient", "display": "Id of the patient" }] }, "valueId": id }]);
}

/// Nobody else writes such Tasks by lowering a label, and whoever lowers one need not be allowed to.
fn ourselves() -> Caller {
    Caller::new(Identity {
        subject: OURSELVES.to_owned(),
        client_id: OURSELVES.to_owned(),
        scopes: Scopes::parse("system/Task.c").unwrap_or_default(),
        ..Identity::default()
    })
}

fn request_id() -> [u8; 16] {
    let mut id = [0; 16];
    ward_seal::random::fill(&mut id);
    id
}

fn task_type() -> TypeId {
    r4().resource_type("Task").unwrap_or(TypeId(u16::MAX))
}

const OPEN: &str = "requested,received,accepted,ready,in-progress,on-hold";

#[cfg(test)]
#[path = "reviews_tests.rs"]
mod tests;
