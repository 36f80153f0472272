//! An alert becomes a DetectedIssue, a Task that a privacy officer closes, and a Record with its number.
//! <https://hl7.org/fhir/R4/detectedissue.html>, <https://hl7.org/fhir/R4/task.html>
//!
//! It is open like the review of a broken glass: `Task?code=urn:ward:task|misuse-review&status=requested`. Both are for the privacy
//! role alone ([`is_review`](crate::break_glass::is_review)), not for whom it is about: neither lies in the patient's record, and neither says more of the patient than an id.

use super::facts::Known;
use super::feedback::open_task;
use crate::break_glass::REVIEW_SYSTEM;
use crate::call::{Body, Call, Conditions, Format, Interaction};
use crate::engine::Engine;
use crate::reply::Reply;
use serde_json::{Value, json};
use ward_access::{Caller, Identity, PRIVACY_OFFICER, Scopes};
use ward_audit::{self as audit, Decision, Detail, Entity, Outcome, Record};
use ward_detection::{Alert, Key};
use ward_fhir::date::instant_text;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind};

/// The code of the Tasks, of [`REVIEW_SYSTEM`].
pub const MISUSE_REVIEW_CODE: &str = "misuse-review";
/// System of the identifiers of alerts.
pub const ALERT_SYSTEM: &str = "urn:ward:misuse";
/// The interaction of their Records.
pub(super) const ALERT: &str = "alert";
/// Who writes them.
const OURSELVES: &str = "ward-detection";
/// Records of one user that are added to an alert.
const ADDED_MAX: usize = 50;

impl Engine {
    /// The same alert twice is one. Errors: the store does not take it.
    pub(super) async fn tell_misuse(&self, alert: &Alert, known: &Known) -> Result<()> {
        if let Some(first) = alert.follows
            && self.added(first, alert, known).await?
        {
            return Ok(());
        }
        tracing::warn!(rule = %alert.rule, "somebody has to look at an access");
        let mut entities: Vec<Entity> = Vec::new();
        if let Some(issue) = self
            .made("DetectedIssue", issue(alert, known), alert)
            .await?
        {
            let focus = reference(&issue).ok_or_else(refused)?;
            let task = task(self, alert, known, &focus);
            let task = self.made("Task", task, alert).await?;
            entities.extend(issue.entities);
            entities.extend(task.into_iter().flat_map(|task| task.entities));
        }
        self.note_alert(alert, entities).await
    }

    /// `None`: it is refused for good. The Record of the alert is there all the same.
    async fn made(&self, name: &str, body: Value, alert: &Alert) -> Result<Option<Reply>> {
        let ty = r4().resource_type(name).ok_or_else(refused)?;
        let conditions = Conditions {
            if_none_exist: Some(format!("identifier={ALERT_SYSTEM}|{}", id(alert.id))),
            ..Conditions::default()
        };
        let reply = self
            .wrote(Interaction::Create { ty }, &body, conditions)
            .await;
        match reply.status {
            200 | 201 => Ok(Some(reply)),
            409 | 412 | 429 | 500.. => Err(refused()),
            status => {
                tracing::error!(status, name, "what tells of an alert is refused");
                Ok(None)
            }
        }
    }

    async fn wrote(&self, interaction: Interaction, body: &Value, conditions: Conditions) -> Reply {
        let mut request_id = [0; 16];
        ward_seal::random::fill(&mut request_id);
        let mut call = Call::new(interaction, request_id, OURSELVES.into());
        call.body = Some(Body {
            bytes: body.to_string().into_bytes().into(),
            format: Format::Json,
        });
        call.conditions = conditions;
        self.answer(&ourselves(self.now_us()), &call).await
    }

    /// A further record of who is already told of; `false`: that is closed by now, or holds enough.
    async fn added(&self, first: u64, alert: &Alert, known: &Known) -> Result<bool> {
        let Some((mut task, version)) = open_task(self, &id(first)).await? else {
            return Ok(false);
        };
        let Some(input) = task["input"].as_array_mut() else {
            return Ok(false);
        };
        if input.len() >= ADDED_MAX {
            return Ok(true);
        }
        input.push(patient(self, "Also", alert.patient, known));
        let ty = r4().resource_type("Task").ok_or_else(refused)?;
        let interaction = Interaction::Update {
            ty,
            id: task["id"].as_str().unwrap_or_default().to_owned(),
        };
        let conditions = Conditions {
            if_match: Some(format!("W/\"{version}\"")),
            ..Conditions::default()
        };
        let reply = self.wrote(interaction, &task, conditions).await;
        match reply.status {
            200 => self.note_alert(alert, reply.entities).await.map(|()| true),
            409 | 412 => Ok(false),
            _ => Err(refused()),
        }
    }

    async fn note_alert(&self, alert: &Alert, entities: Vec<Entity>) -> Result<()> {
        let mut request_id = [0; 16];
        ward_seal::random::fill(&mut request_id);
        let record = Record {
            at_us: self.now_us(),
            request_id,
            interaction: ALERT.to_owned(),
            client_id: OURSELVES.to_owned(),
            user: String::new(),
            purpose: String::new(),
            source: String::new(),
            outcome: Outcome::Success,
            status: 200,
            query: format!("alert={}", id(alert.id)),
            entities,
            decision: Decision {
                alert: audit::Alert::of_number(alert.rule.number()),
                ..Decision::default()
            },
            detail: Detail {
                patient: alert.patient,
                ..Detail::default()
            },
        };
        let written = self.log.append(&record).await;
        written.map(|_| ()).map_err(|_| refused())
    }
}

fn issue(alert: &Alert, known: &Known) -> Value {
    let mut issue = json!({
        "resourceType": "DetectedIssue",
        "meta": restricted(),
        "identifier": [identifier(alert)],
        "status": "preliminary",
        "code": {
            "coding": [{ "system": ALERT_SYSTEM, "code": alert.rule.to_string(), "display": alert.rule.title() }]
        },
        "severity": if alert.points >= 100 { "high" } else { "moderate" },
        "identifiedDateTime": instant_text(alert.at_s.saturating_mul(1_000_000)),
        "detail": reasons(alert).join("; "),
        "evidence": evidence(alert)
    });
    if let Some(who) = person(alert.subject.user, known) {
        issue["implicated"] = json!([who]);
    }
    issue
}

/// The Records that it rests on, by their numbers in the log.
fn evidence(alert: &Alert) -> Value {
    let record =
        |seq: &i64| json!({ "coding": [{ "system": RECORD_SYSTEM, "code": seq.to_string() }] });
    let codes: Vec<Value> = alert.evidence.iter().map(record).collect();
    json!([{ "code": codes }])
}

fn task(engine: &Engine, alert: &Alert, known: &Known, focus: &str) -> Value {
    let instant = |seconds: i64| instant_text(seconds.saturating_mul(1_000_000));
    let mut input = Vec::new();
    if alert.subject.user != 0 {
        input.push(match person(alert.subject.user, known) {
            Some(reference) => json!({ "type": kind("who", "By whom"), "valueReference": reference }),
            None => json!({ "type": kind("who", "By whom"), "valueString": named(alert.subject.user, known) }),
        });
    }
    for (part, code, label) in [
        (alert.subject.client, "client", "Client"),
        (alert.subject.source, "source", "From"),
    ] {
        if part != 0 {
            input.push(json!({ "type": kind(code, label), "valueString": named(part, known) }));
        }
    }
    if alert.patient != 0 {
        input.push(patient(engine, "Record of", alert.patient, known));
    }
    for reason in &alert.reasons {
        let label = format!("{} {}", reason.rule, reason.rule.title());
        let text = format!("{} ({} points)", reason.text, reason.points);
        input.push(json!({ "type": kind(&reason.rule.to_string(), &label), "valueString": text }));
    }
    json!({
        "resourceType": "Task",
        "meta": restricted(),
        "identifier": [identifier(alert)],
        "status": "requested",
        "intent": "order",
        "priority": if alert.points >= 100 { "urgent" } else { "routine" },
        "code": { "coding": [{
            "system": REVIEW_SYSTEM,
            "code": MISUSE_REVIEW_CODE,
            "display": format!("{} {}", alert.rule, alert.rule.title())
        }] },
        "description": "Nothing in the records explains what was done here. Look whether there was a reason, and close this Task.",
        "focus": { "reference": focus },
        "authoredOn": instant(alert.since_s),
        "performerType": [{ "text": "Privacy officer" }],
        "input": input
    })
}

fn identifier(alert: &Alert) -> Value {
    json!({ "system": ALERT_SYSTEM, "value": id(alert.id) })
}

fn reasons(alert: &Alert) -> Vec<String> {
    let text = |reason: &ward_detection::Reason| {
        format!("{} {} ({})", reason.rule, reason.text, reason.points)
    };
    alert.reasons.iter().map(text).collect()
}

/// Type of an input, with what people read before it.
fn kind(code: &str, text: &str) -> Value {
    json!({ "coding": [{ "system": ALERT_SYSTEM, "code": code }], "text": text })
}

fn patient(engine: &Engine, label: &str, patient: i64, known: &Known) -> Value {
    let id = match known.patient_id(patient).filter(|id| !id.is_empty()) {
        Some(id) => id.to_owned(),
        None => engine.store.public_id(patient),
    };
    json!({ "type": kind("patient", label), "valueReference": { "reference": format!("Patient/{id}") } })
}

fn person(user: Key, known: &Known) -> Option<Value> {
    let text = known.named(user)?;
    let is_local = text
        .split_once('/')
        .is_some_and(|(ty, id)| r4().resource_type(ty).is_some() && !id.contains('/'));
    is_local.then(|| json!({ "reference": text }))
}

fn named(name: Key, known: &Known) -> &str {
    known.named(name).unwrap_or("not known any more")
}

fn restricted() -> Value {
    json!({ "security": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R" }] })
}

pub(super) fn id(id: u64) -> String {
    format!("{id:016x}")
}

/// `Type/id` of what was made, or was there.
fn reference(reply: &Reply) -> Option<String> {
    let mut parts = reply.location.as_deref()?.split('/');
    Some(format!("{}/{}", parts.next()?, parts.next()?))
}

/// Like somebody in the privacy role: alerts and their reviews are shown to that role alone, and it has to find those that are there.
fn ourselves(now_us: i64) -> Caller {
    Caller::new(Identity {
        subject: "detection".to_owned(),
        client_id: OURSELVES.to_owned(),
        fhir_user: Some(format!("Device/{OURSELVES}")),
        scopes: Scopes::parse("user/DetectedIssue.crs user/Task.crus").unwrap_or_default(),
        roles: vec![PRIVACY_OFFICER.to_owned()],
        expires_s: now_us.div_euclid(1_000_000),
        ..Identity::default()
    })
}

fn refused() -> Failure {
    Failure::new(Kind::Unavailable, "an alert cannot be stored")
}

/// System of the numbers of Records.
const RECORD_SYSTEM: &str = "urn:ward:record";
