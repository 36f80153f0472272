//! AuditEvents that other systems send (ITI-20): each becomes a Record of its own that holds it as it was sent, and is durable before it is
//! answered. <https://profiles.ihe.net/ITI/TF/Volume2/ITI-20.html> <https://hl7.org/fhir/R4/auditevent.html>
//!
//! Departs: no conditional create, and no transaction that also writes other resources; what is sent is not a resource that could be
//! changed, deleted or referred to by its sender's id.

use super::event::first_id;
use crate::call::{Call, Return};
use crate::document::{read_body, validate};
use crate::door::unrecorded;
use crate::engine::{Context, stored};
use crate::place::{demand_type, patient_type};
use crate::recorded::{Ended, compose_record};
use crate::reply::{Content, Reply};
use crate::write::success;
use bytes::Bytes;
use ward_access::Action;
use ward_audit::{Alert, Entity, RECEIVED_BYTES_MAX, Record};
use ward_fhir::date::instant_text;
use ward_fhir::issue::Result;
use ward_fhir::json::{self, Stamp};
use ward_fhir::reference::{self, Reference};
use ward_fhir::{Failure, Kind, Node, TypeId};
use ward_storage::Rid;

/// `detail.subtype` of the Record.
pub(super) const RECEIVED: &str = "received";
/// Patients by which an event that was sent is found; of more the first ones.
pub(super) const PATIENTS_NAMED_MAX: usize = 64;
/// Patients of the events of a Bundle that are looked up with one statement.
const LOCATED_AT_ONCE: usize = 4_096;

/// One that may be kept, but for whom it is about.
pub(super) struct Checked<'e> {
    /// In JSON.
    sent: Vec<u8>,
    /// The patients of this server whom it names, so that it is found by them.
    patients: Vec<(TypeId, &'e str)>,
}

/// What is to be kept of one.
pub(super) struct Received {
    record: Record,
}

/// Why one is not taken.
pub(super) enum Refused {
    Wrong(Failure),
    /// It says that this server has observed what it tells.
    Impersonates,
}

/// POST of one. Errors: 403 without the right and for an event in this server's name, 413 beyond [`RECEIVED_BYTES_MAX`], those of reading
/// and validating it, 503 when it cannot be kept. One statement, and one more where it names patients by ids of clients.
pub(super) async fn receive(cx: Context<'_>) -> Result<Reply> {
    demand_type(cx.access, super::ty(), Action::Create)?;
    demand_unconditional(cx.call)?;
    let document = read_body(cx.call, Some(super::ty()))?;
    let checked = match checked(cx, document.root()) {
        Ok(checked) => checked,
        Err(refused) => return refuse(cx, refused).await,
    };
    let received = received(cx, vec![checked]).await?;
    let ids = keep(cx, &received).await?;
    let (one, id) = received.first().zip(ids.first()).ok_or_else(unrecorded)?;
    Ok(one.reply(cx, id))
}

pub(super) fn demand_unconditional(call: &Call) -> Result<()> {
    match call.conditions.if_none_exist {
        None => Ok(()),
        Some(_) => Err(Failure::new(
            Kind::NotSupported,
            "an AuditEvent is not created conditionally: send it without If-None-Exist",
        )),
    }
}

/// Everything that can be wrong with one before it is kept.
pub(super) fn checked<'e>(
    cx: Context<'_>,
    event: Node<'e>,
) -> std::result::Result<Checked<'e>, Refused> {
    validate(cx.engine, event)?;
    if names_this_server(event, &cx.engine.settings.base) {
        return Err(Refused::Impersonates);
    }
    let mut sent = Vec::with_capacity(event.size() * 24);
    json::write(event, Stamp::default(), &mut sent);
    if sent.len() > RECEIVED_BYTES_MAX {
        return Err(Refused::Wrong(too_long(sent.len(), event)));
    }
    let patients = patients(event, &cx.engine.settings.base);
    Ok(Checked { sent, patients })
}

/// With the rows of all patients whom they name, in order. One statement for [`LOCATED_AT_ONCE`] of them, and none where none has an id that a client chose.
pub(super) async fn received(cx: Context<'_>, checked: Vec<Checked<'_>>) -> Result<Vec<Received>> {
    let named = checked.iter().flat_map(|one| &one.patients).copied();
    let named: Vec<(TypeId, &str)> = named.collect();
    let mut rids = Vec::with_capacity(named.len());
    for part in named.chunks(LOCATED_AT_ONCE) {
        rids.extend(stored(cx.engine.store.locate(part).await)?);
    }
    let mut rids = rids.into_iter();
    let received = checked.into_iter().map(|one| {
        let located = rids.by_ref().take(one.patients.len()).flatten();
        let entities: Vec<Entity> = located.map(about).collect();
        let ended = Ended {
            status: 201,
            turned_out: Some("create"),
            entities: &entities,
            ..Ended::default()
        };
        let mut record = compose_record(cx.engine.now_us(), cx.caller, cx.call, ended);
        record.detail.subtype = RECEIVED.to_owned();
        record.detail.received = one.sent;
        Received { record }
    });
    Ok(received.collect())
}

/// Their public ids, in order: all are durable, or none.
pub(super) async fn keep(cx: Context<'_>, received: &[Received]) -> Result<Vec<String>> {
    let store = &cx.engine.store;
    let records = received.iter().map(|one| store.new_record(&one.record));
    let kept = store.keep_records(records.collect()).await;
    let numbers = kept.map_err(|_| unrecorded())?.into_iter();
    Ok(numbers.map(|number| first_id(cx, number)).collect())
}

impl Received {
    pub(super) fn reply(&self, cx: Context<'_>, id: &str) -> Reply {
        let at_us = self.record.at_us;
        let content = match cx.call.prefer.returns {
            Some(Return::Minimal) => Content::Empty,
            Some(Return::OperationOutcome) => Content::Resource(Bytes::from(success(201))),
            None | Some(Return::Representation) => self.content(id),
        };
        Reply {
            content,
            version: Some(1),
            last_modified_us: Some(at_us),
            location: Some(format!("AuditEvent/{id}/_history/1")),
            recorded: true,
            ..Reply::status(201)
        }
    }

    fn content(&self, id: &str) -> Content {
        let sent = &self.record.detail.received;
        let Ok(document) = json::read(sent, None, &ward_fhir::tree::Limits::default()) else {
            return Content::Empty;
        };
        let at = instant_text(self.record.at_us);
        let stamp = Stamp {
            id: Some(id),
            version: Some(("1", &at)),
        };
        let mut body = Vec::with_capacity(sent.len() + 128);
        json::write(document.root(), stamp, &mut body);
        Content::Resource(Bytes::from(body))
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Refused {
        Refused::Wrong(failure)
    }
}

/// The answer to one that is not taken. An event in this server's name leaves a Record that is an alert (A25).
pub(super) async fn refuse(cx: Context<'_>, refused: Refused) -> Result<Reply> {
    let failure = match refused {
        Refused::Wrong(failure) => return Err(failure),
        Refused::Impersonates => impersonation(),
    };
    let reply = Reply::failure(&failure);
    let ended = Ended {
        turned_out: Some("create"),
        ..Ended::with(&reply)
    };
    let mut record = compose_record(cx.engine.now_us(), cx.caller, cx.call, ended);
    record.detail.subtype = RECEIVED.to_owned();
    record.decision.alert = Some(Alert::AUDIT_GAP);
    tracing::warn!("an AuditEvent in this server's name was sent by another system");
    match cx.engine.log.append(&record).await {
        Ok(_) => Ok(Reply {
            recorded: true,
            ..reply
        }),
        Err(_) => Err(unrecorded()),
    }
}

pub(super) fn impersonation() -> Failure {
    Failure::new(
        Kind::Forbidden,
        "source.observer is this server, which records what it observes by itself",
    )
    .at("AuditEvent.source.observer")
}

fn too_long(bytes: usize, event: Node<'_>) -> Failure {
    let text = format!("the AuditEvent has {bytes} bytes; at most {RECEIVED_BYTES_MAX} are taken");
    Failure::new(Kind::TooLarge, text).at(event.expression())
}

/// Whether its observer is this server, as its own events name it.
fn names_this_server(event: Node<'_>, base: &str) -> bool {
    let observers = event
        .get("source")
        .and_then(|source| source.get("observer"));
    observers.is_some_and(|observer| {
        let identifier = observer.get("identifier");
        let names = [
            observer.text("reference"),
            identifier.and_then(|identifier| identifier.text("value")),
            observer.text("display"),
        ];
        names.into_iter().flatten().any(|name| is_base(name, base))
    })
}

/// Scheme, case and slashes at the end make no other server of it.
fn is_base(name: &str, base: &str) -> bool {
    let bare = |url: &str| {
        let url = url.trim().trim_end_matches('/');
        let without_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
        without_scheme.to_ascii_lowercase()
    };
    let (name, base) = (bare(name), bare(base));
    !name.is_empty() && (name == base || base.strip_suffix("/fhir") == Some(name.as_str()))
}

/// The patients of this server whom an event names, each once.
fn patients<'e>(event: Node<'e>, base: &str) -> Vec<(TypeId, &'e str)> {
    let patient = patient_type();
    let mut named: Vec<(TypeId, &'e str)> = Vec::new();
    let references = event
        .descendants_and_self()
        .filter(|node| node.type_name() == "Reference");
    for text in references.filter_map(|node| node.text("reference")) {
        let Some(Reference::Local { ty, id, .. }) = reference::parse(text, Some(base)) else {
            continue;
        };
        if ty == patient && named.len() < PATIENTS_NAMED_MAX && !named.contains(&(ty, id)) {
            named.push((ty, id));
        }
    }
    named
}

fn about(patient: Rid) -> Entity {
    Entity {
        ty: patient_type().0,
        rid: patient,
        version: 0,
        patient,
        action: b'R',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_server_is_known_by_its_base() {
        let base = "https://ward.example/fhir";
        for name in [
            "https://ward.example/fhir",
            "HTTPS://Ward.Example/fhir/",
            "http://ward.example/fhir",
            "ward.example/fhir",
            "https://ward.example",
            "ward.example",
        ] {
            assert!(is_base(name, base), "{name}");
        }
        for name in [
            "",
            "Device/1",
            "https://ward.example/fhir/Device/1",
            "https://lab.example/fhir",
            "fhir",
        ] {
            assert!(!is_base(name, base), "{name}");
        }
    }
}
