//! Decisions by consents as Records of their own: every deny of a resource that was asked for, or that a search of a patient's record would
//! have shown ([`searched`](super::searched)), and the first permit for each person, patient and session. <https://profiles.ihe.net/ITI/BALP/StructureDefinition-IHE.BasicAudit.AuthZconsent.html>
//!
//! Masks hold one bit where this tells which consents decided; so it is worked out behind the answers, by a task beside the traffic. The
//! Record of the Call itself is durable before its answer leaves, as ever, and names the patient.

use super::record;
use super::searched::{Searched, Searches};
use crate::call::{Call, Interaction};
use crate::engine::{Context, Engine, stored};
use crate::reply::Reply;
use crate::visibility::explain::{Asking, Explained, Subject};
use crate::visibility::{Answers, Policy};
use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use ward_access::{Caller, Maintenance, maintenance};
use ward_audit::{ConsentVersion, Decision, Detail, Entity, Outcome, Record};
use ward_consent::{Effect, Step};
use ward_fhir::TypeId;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_storage::{Rid, View};

/// Decisions that wait; of more the oldest are given up, which is an error in the log.
const WAITING_MAX: usize = 20_000;
/// Permits that are remembered as told; then they are told again.
const TOLD_MAX: usize = 200_000;
/// What one step works out.
const STEP: usize = 500;
const INTERACTION: &str = "consent-decision";
const BY_CONSENT: &str = "AuthZ-Consent";
const BY_ROLE: &str = "AuthZ-Role";
/// Nothing is opened by asking.
const GLASS_US: i64 = 3_600_000_000;

/// What is still to be worked out, and which permits are told already.
#[derive(Default)]
pub(crate) struct Decisions {
    waiting: Mutex<VecDeque<Asked>>,
    searches: Searches,
    told: Mutex<HashSet<u64>>,
    hasher: RandomState,
    come: tokio::sync::Notify,
}

/// One resource that was asked for.
pub(super) struct Asked {
    pub by: Arc<By>,
    pub key: (TypeId, Rid),
    pub patient: Rid,
    pub is_refused: bool,
}

/// The Call.
pub(super) struct By {
    pub caller: Caller,
    request_id: [u8; 16],
    client_request_id: Option<Arc<str>>,
    source: Arc<str>,
    breaks_glass: bool,
}

impl By {
    pub fn of(caller: &Caller, call: &Call) -> Arc<By> {
        Arc::new(By {
            caller: caller.clone(),
            request_id: call.request_id,
            client_request_id: call.client_request_id.clone(),
            source: call.source.clone(),
            breaks_glass: call.break_glass.is_some(),
        })
    }
}

impl Decisions {
    /// The Call showed these. About 50 ns for each patient whose permit is told.
    pub fn permitted(&self, caller: &Caller, call: &Call, entities: &[Entity]) {
        let mut by = None;
        let mut patient = 0;
        for entity in entities {
            if entity.patient == 0 || entity.patient == patient {
                continue;
            }
            patient = entity.patient;
            if self.is_first(caller, call, patient) {
                let by = by.get_or_insert_with(|| By::of(caller, call));
                self.push(Asked {
                    by: by.clone(),
                    key: (TypeId(entity.ty), entity.rid),
                    patient,
                    is_refused: false,
                });
            }
        }
    }

    /// The Call was refused this one.
    pub fn refused(&self, caller: &Caller, call: &Call, key: (TypeId, Rid), patient: Rid) {
        self.push(Asked {
            by: By::of(caller, call),
            key,
            patient,
            is_refused: true,
        });
    }

    /// The Call was answered: whether consents kept something from it is looked for later.
    pub fn searched(&self, caller: &Caller, call: &Call, reply: &Reply, patient: Rid) {
        if self.searches.asked(caller, call, reply, patient) {
            self.come.notify_one();
        }
    }

    fn is_first(&self, caller: &Caller, call: &Call, patient: Rid) -> bool {
        let who = (&caller.subject, &caller.client_id, &caller.session);
        let how = call.break_glass.is_some();
        let permit = self.hasher.hash_one((who, how, patient));
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= TOLD_MAX {
            told.clear();
        }
        told.insert(permit)
    }

    fn push(&self, asked: Asked) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= WAITING_MAX {
            waiting.pop_front();
            tracing::error!(
                "too many decisions by consents wait; the oldest is not recorded apart"
            );
        }
        waiting.push_back(asked);
        self.come.notify_one();
    }

    fn take(&self) -> Vec<Asked> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let most = waiting.len().min(STEP);
        waiting.drain(..most).collect()
    }

    fn put_back(&self, asked: Vec<Asked>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        asked
            .into_iter()
            .rev()
            .for_each(|one| waiting.push_front(one));
    }
}

impl Engine {
    /// Waits until decisions by consents are to be recorded.
    pub async fn decisions_come(&self) {
        self.decisions.come.notified().await;
    }

    /// Records decisions by consents that wait. Whether there may be more. Statements: one, and about ten for each of a patient with
    /// consents. Error: the store cannot be read, or the Records not be written; what waits goes on waiting.
    pub async fn record_decisions(&self) -> Result<bool> {
        let (asked, searches) = (self.decisions.take(), self.decisions.searches.take());
        if asked.is_empty() && searches.is_empty() {
            return Ok(false);
        }
        match self.record_all(&asked, &searches).await {
            Ok(()) => Ok(true),
            Err(failure) => {
                self.decisions.put_back(asked);
                self.decisions.searches.put_back(searches);
                Err(failure)
            }
        }
    }

    async fn record_all(&self, asked: &[Asked], searches: &[Searched]) -> Result<()> {
        let asked_for = asked.iter().map(|one| one.patient);
        let searched = searches.iter().map(|one| one.patient);
        let mut patients: Vec<Rid> = asked_for.chain(searched).collect();
        patients.sort_unstable();
        patients.dedup();
        // Of most nobody has said anything.
        let versions = stored(self.store.policies(&patients).await)?;
        let has_consents = |patient: Rid| {
            let at = patients.binary_search(&patient).ok();
            at.is_some_and(|at| versions.get(at).is_some_and(|version| *version != 0))
        };
        for one in asked.iter().filter(|one| has_consents(one.patient)) {
            self.record_decision(one).await?;
        }
        for one in searches.iter().filter(|one| has_consents(one.patient)) {
            if let Some(hidden) = self.hidden_from(one).await? {
                self.record_decision(&hidden).await?;
            }
        }
        Ok(())
    }

    async fn record_decision(&self, asked: &Asked) -> Result<()> {
        if let Some(record) = self.decision(asked).await? {
            let written = self.log.append(&record).await;
            written.map_err(|_| crate::door::unrecorded())?;
        }
        Ok(())
    }

    /// `None`: the resource is gone, or no consent and no label refused it.
    async fn decision(&self, asked: &Asked) -> Result<Option<Record>> {
        let access = maintenance(Maintenance::Explain);
        let call = Call::new(
            Interaction::Unknown,
            asked.by.request_id,
            asked.by.source.clone(),
        );
        let cx = Context {
            engine: self,
            caller: &asked.by.caller,
            access: &access,
            call: &call,
            view: View::committed(&self.store),
            in_bundle: false,
        };
        let Some(entry) = record::at(cx, asked.key.0, asked.key.1).await? else {
            return Ok(None);
        };
        let policy = record::policy(cx, asked.patient).await?;
        let explained = explained(cx, asked, &entry, &policy).await?;
        let refused = explained.effect == Effect::Deny;
        if refused != asked.is_refused {
            return Ok(None);
        }
        let consents = self.versions(&explained).await;
        Ok(Some(
            self.decision_record(asked, &entry, &explained, consents),
        ))
    }

    /// The consents that decided, each once.
    async fn versions(&self, explained: &Explained) -> Vec<ConsentVersion> {
        let Some(ty) = r4().resource_type("Consent") else {
            return Vec::new();
        };
        let mut consents: Vec<ConsentVersion> = Vec::new();
        for step in steps(explained) {
            let Some(rid) = self.row_of(ty, &step.consent).await else {
                continue;
            };
            let version = step.version.parse().unwrap_or(0);
            let consent = ConsentVersion { rid, version };
            if !consents.contains(&consent) {
                consents.push(consent);
            }
        }
        consents
    }

    fn decision_record(
        &self,
        asked: &Asked,
        entry: &record::Entry,
        explained: &Explained,
        consents: Vec<ConsentVersion>,
    ) -> Record {
        let Asked { by, patient, .. } = asked;
        let (outcome, status) = match asked.is_refused {
            true => (Outcome::Minor, 403),
            false => (Outcome::Success, 200),
        };
        let by_consent =
            explained.by == crate::visibility::explain::CONSENT || !consents.is_empty();
        let shown = Entity {
            action: b'E',
            ..crate::read::seen(&entry.row)
        };
        let caller = &by.caller;
        Record {
            at_us: self.now_us(),
            request_id: by.request_id,
            interaction: INTERACTION.to_owned(),
            client_id: caller.client_id.clone(),
            user: caller.fhir_user.clone().unwrap_or_default(),
            purpose: caller.acts_for().to_string(),
            source: by.source.to_string(),
            outcome,
            status,
            query: path(explained),
            // What was refused is not disclosed by its Record either.
            entities: if asked.is_refused {
                vec![]
            } else {
                vec![shown]
            },
            decision: Decision {
                break_glass: by.breaks_glass,
                consents,
                ..Decision::default()
            },
            detail: Detail {
                client_request_id: by.client_request_id.as_deref().unwrap_or_default().into(),
                token_id: caller.token_id.clone(),
                session: caller.session.clone().unwrap_or_default(),
                workstation: caller.workstation.clone().unwrap_or_default(),
                roles: caller.roles.join(" "),
                subtype: if by_consent { BY_CONSENT } else { BY_ROLE }.to_owned(),
                patient: if asked.is_refused { *patient } else { 0 },
                ..Detail::default()
            },
        }
    }
}

async fn explained(
    cx: Context<'_>,
    asked: &Asked,
    entry: &record::Entry,
    policy: &Policy,
) -> Result<Explained> {
    let engine = cx.engine;
    let known = record::known(cx, policy, std::slice::from_ref(entry)).await?;
    let answers = Answers {
        known: &known,
        house: engine.house(),
    };
    let done = ward_consent::Action::Access;
    let who = engine.consent_caller(&asked.by.caller, done).await?;
    let now_us = engine.now_us();
    let asking = Asking {
        who: &who,
        site: engine.consent(),
        action: done,
        glass_until_us: (asked.by.breaks_glass).then(|| now_us.saturating_add(GLASS_US)),
        now_us,
    };
    Ok(asking.explain(&Subject {
        row: &entry.asked(cx, &known),
        labels: &entry.labels,
        class: entry.class.as_deref(),
        policy: Some(policy),
        lookup: &answers,
    }))
}

fn steps(explained: &Explained) -> impl Iterator<Item = &Step> {
    explained.layers.iter().flat_map(|layer| &layer.steps)
}

/// How it was decided, in words of our own: the layer, its rule, and what is owed.
fn path(explained: &Explained) -> String {
    let mut path = format!("by={}", explained.by);
    let decided = explained
        .layers
        .iter()
        .find(|layer| layer.name == explained.by);
    if let Some(layer) = decided {
        path.push_str("&rule=");
        path.push_str(layer.rule);
    }
    let owed = explained.obligations;
    for (is_due, name) in [
        (owed.notice, "redisclosure-notice"),
        (owed.consent_copy, "consent-copy"),
        (owed.break_glass, "break-glass-record"),
    ] {
        if is_due {
            path.push_str("&obligation=");
            path.push_str(name);
        }
    }
    path
}
