//! `Practitioner/[id]/$activity`: what somebody did, also what they were refused; for whoever may search the whole log.

use super::super::event::Event;
use super::asked::Asked;
use super::gathered::gathered;
use super::told::{People, answer, code, resources, text, what, who};
use crate::engine::Context;
use crate::reply::Reply;
use serde_json::{Value, json};
use ward_access::Action;
use ward_audit::{Entity, Outcome, Record};
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind, TypeId};
use ward_storage::RecordQuestion;

/// Statements: those of a page of AuditEvents of an agent.
pub(crate) async fn activity(cx: Context<'_>, ty: TypeId, id: &str) -> Result<Reply> {
    super::demand_unfiltered(cx)?;
    if super::super::own(cx, Action::Search).is_some() {
        let text = "what somebody did is told to those who may search the whole log";
        return Err(Failure::new(Kind::Forbidden, text));
    }
    let asked = Asked::read(cx)?;
    let person = super::there(cx, ty, id).await?;
    let mut known = vec![format!("Practitioner/{}", person.id)];
    known.extend((*id != *person.id).then(|| format!("Practitioner/{id}")));
    let actors = known.iter().map(|name| cx.engine.store.actor_key(name));
    let question = RecordQuestion {
        actors: Some(actors.collect()),
        ..RecordQuestion::default()
    };
    let found = gathered(cx, question, &asked, |event| {
        let record = &event.stored.record;
        known.contains(&record.user) && !super::super::is_foreign(record)
    });
    let found = found.await?;
    let head = text("practitioner", &known[0]).into_iter().collect();
    let reply = answer(cx, head, "activity", &found, |event| {
        let record = &event.stored.record;
        let mut parts = what(cx, event);
        parts.push(code("outcome", outcome(record)));
        parts.push(json!({ "name": "status", "valueUnsignedInt": record.status }));
        parts.extend(patient(event, &found.names.references));
        parts.extend(who(record, &found.names, People::Named, &[]));
        parts.extend(resources(record, &found.names, event.about_what()));
        parts
    });
    Ok(Reply {
        entities: found.events.iter().map(entity).collect(),
        ..reply
    })
}

fn outcome(record: &Record) -> &'static str {
    match record.outcome {
        Outcome::Success => "success",
        Outcome::Minor => "refused",
        Outcome::Serious | Outcome::Major => "failed",
    }
}

/// Whom it was about, and whether that was refused.
fn patient(event: &Event, references: &std::collections::HashMap<i64, String>) -> Option<Value> {
    let reference = references.get(&event.patient())?;
    text("patient", reference)
}

/// As the Record of the answer names the events in it.
fn entity(event: &Event) -> Entity {
    Entity {
        ty: super::super::ty().0,
        rid: -event.number(),
        version: 1,
        patient: event.patient(),
        action: b'R',
    }
}
