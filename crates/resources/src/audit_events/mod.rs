//! AuditEvents: Records of the audit log, read and searched as resources. <https://hl7.org/fhir/R4/auditevent.html>
//! <https://profiles.ihe.net/ITI/TF/Volume2/ITI-81.html>
//!
//! They are rows of no table of resources. What is stored is a Record, sealed; what leaves is rendered of it, one AuditEvent for each
//! patient (of changes for each resource). So nothing changes or removes one: PUT, PATCH and DELETE are 405 for everybody, at every door. Whoever
//! is bound to patients gets what is about them and nobody else, without what a query of others said.

mod contexts;
mod event;
mod feed;
mod look;
mod names;
mod narrowed;
mod page;
mod proof;
mod receive;
pub(crate) mod report;
mod search;
mod single;
mod sorted;
mod stream;
mod walk;

pub(crate) use contexts::Contexts;
pub(crate) use feed::{feed, is_feed};
pub(crate) use proof::proof;
pub(crate) use search::demand_no_hop;

pub use event::record_of_event;
pub use report::may_be_accounted;
pub use stream::{FEED_ROWS, Streamed};

use crate::call::{Call, Interaction};
use crate::engine::Context;
use crate::reply::Reply;
use std::pin::Pin;
use std::sync::OnceLock;
use ward_access::{Action, PatientKey, Sight};
use ward_audit::Record;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, TypeId};
use ward_storage::Rid;

pub(crate) fn ty() -> TypeId {
    static TYPE: OnceLock<TypeId> = OnceLock::new();
    *TYPE.get_or_init(|| r4().resource_type("AuditEvent").unwrap_or(TypeId(u16::MAX)))
}

pub(crate) fn is(of: TypeId) -> bool {
    of == ty()
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<Reply>> + 'a>>;

/// The answer to an interaction on AuditEvents; `None`: it is on others.
pub(crate) fn interaction(cx: Context<'_>) -> Option<Answer<'_>> {
    Some(match &cx.call.interaction {
        Interaction::Create { ty } if is(*ty) => Box::pin(receive::receive(cx)),
        Interaction::Read { ty, id } if is(*ty) => Box::pin(single::read(cx, id)),
        Interaction::Vread { ty, id, version } if is(*ty) => {
            Box::pin(single::vread(cx, id, version))
        }
        Interaction::HistoryInstance { ty, id } if is(*ty) => Box::pin(single::history(cx, id)),
        Interaction::HistoryType { ty } if is(*ty) => {
            Box::pin(std::future::ready(Err(no_history())))
        }
        Interaction::SearchType { ty } if is(*ty) => Box::pin(search::on_type(cx)),
        Interaction::SearchSystem if is_alone(cx.call) => Box::pin(search::on_type(cx)),
        Interaction::SearchCompartment {
            compartment,
            id,
            ty: Some(ty),
        } if is(*ty) => Box::pin(search::compartment(cx, *compartment, id)),
        other if changes(other) => Box::pin(std::future::ready(Err(unchangeable()))),
        _ => return None,
    })
}

/// Whether it is on AuditEvents and would change or remove one.
pub(crate) fn changes(interaction: &Interaction) -> bool {
    match interaction {
        Interaction::Update { ty, .. }
        | Interaction::ConditionalUpdate { ty }
        | Interaction::Patch { ty, .. }
        | Interaction::ConditionalPatch { ty }
        | Interaction::Delete { ty, .. }
        | Interaction::ConditionalDelete { ty } => is(*ty),
        _ => false,
    }
}

/// What Records say of a Call that asks the log, whether or not it finds anything: it was used.
pub(crate) fn subtype(call: &Call) -> &'static str {
    if let Interaction::Operation { name, .. } = &call.interaction {
        return report::subtype(name);
    }
    let is_asked = match &call.interaction {
        Interaction::Read { ty, .. }
        | Interaction::Vread { ty, .. }
        | Interaction::HistoryInstance { ty, .. }
        | Interaction::SearchType { ty }
        | Interaction::SearchCompartment { ty: Some(ty), .. } => is(*ty),
        Interaction::SearchSystem => is_alone(call),
        _ => false,
    };
    match is_asked {
        true => "audit-log",
        false => "",
    }
}

/// Whatever the caller's rights.
pub(crate) fn unchangeable() -> Failure {
    let text = "an AuditEvent is never changed or deleted, and nobody gives one its id; it is read and searched";
    Failure::new(Kind::MethodNotAllowed, text)
}

fn no_history() -> Failure {
    let text = "AuditEvents have one version each: AuditEvent?_sort=-_lastUpdated and date=ge… tell what is new";
    Failure::new(Kind::NotSupported, text)
}

/// Whether a search over all types is over AuditEvents and nothing else.
fn is_alone(call: &Call) -> bool {
    call.parameter("_type") == Some("AuditEvent")
}

/// Patients to whom the caller is bound; `None`: to none.
fn own(cx: Context<'_>, action: Action) -> Option<Vec<Rid>> {
    match cx.access.sight(ty(), action) {
        Sight::Patients(keys) => {
            let closed = cx.access.closed();
            let open = keys.iter().filter(|key| !closed.contains(&key.rid));
            Some(open.map(|key| key.rid).collect())
        }
        Sight::Nothing => Some(Vec::new()),
        Sight::Everything => None,
        // Of several grants one that is bound to nobody reaches all.
        Sight::Matching(grants) => {
            let closed = cx.access.closed();
            let bounds = grants.iter().map(|grant| grant.patients.as_deref());
            let bounds: Option<Vec<&[PatientKey]>> = bounds.collect();
            let rids = |keys: Vec<&[PatientKey]>| {
                let rids = keys.into_iter().flatten().map(|key| key.rid);
                rids.filter(|rid| !closed.contains(rid)).collect()
            };
            bounds.map(rids)
        }
    }
}

/// Whether a filter in their scopes keeps events from the caller beyond whose they are: then nothing is told of many events together, and of a
/// Record nothing but the event.
fn is_filtered(cx: Context<'_>, action: Action) -> bool {
    matches!(cx.access.sight(ty(), action), Sight::Matching(_))
}

/// Whether it says that somebody has to look at an access to the patient: what is made of it is the privacy officer's, and told to nobody who is
/// bound to the patient.
fn is_alert(record: &Record) -> bool {
    record.interaction == "alert"
}

/// Whether an event is rendered as another system sent it.
fn is_foreign(record: &Record) -> bool {
    !record.detail.received.is_empty()
}
