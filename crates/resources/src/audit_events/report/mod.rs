//! What patients, privacy officers and auditors ask of the log most: who saw a record, to whom it was disclosed outside of care, what somebody
//! did. Each is answered with Parameters, newest first in the order of the log, and each entry names its AuditEvent, whose proof can be asked for.
//!
//! Whoever may search AuditEvents asks: patients about themselves, whoever is bound to nobody about everybody. Who is bound to a patient is
//! told of no resource that is hidden from them (R17). Events that other systems sent are
//! in none of these, for they tell what was done elsewhere.

mod access;
mod activity;
mod asked;
mod disclosures;
mod gathered;
mod told;
mod unseen;

pub(crate) use access::access_report;
pub(crate) use activity::activity;
pub(crate) use disclosures::disclosures;
pub use disclosures::may_be_accounted;

use super::event::Event;
use crate::engine::{Context, stored};
use crate::place::{demand_type, patient_type};
use crate::read::{NO_ROW, locate, not_found};
use ward_access::{Action, Maintenance, maintenance};
use ward_audit::{Entity, Outcome, Record};
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind, TypeId};
use ward_storage::{Current, Rid, Row};

/// What the Record of a report says that it was. Empty: it is none.
pub(super) fn subtype(operation: &str) -> &'static str {
    match operation {
        "access-report" => "$access-report",
        "activity" => "$activity",
        "disclosures" => "$disclosures",
        _ => "",
    }
}

/// The patient whose log the caller may ask about: 404 else, as of one that is not there. Statements: one, and one for an id that a client
/// chose.
async fn patient(cx: Context<'_>, id: &str) -> Result<Row> {
    demand_unfiltered(cx)?;
    let row = there(cx, patient_type(), id).await?;
    let own = super::own(cx, Action::Search);
    let is_open = own.is_none_or(|own| own.contains(&row.rid));
    is_open.then_some(row).ok_or_else(not_found)
}

/// Reports look at all events of somebody: who may search some of them only is told none.
fn demand_unfiltered(cx: Context<'_>) -> Result<()> {
    demand_type(cx.access, super::ty(), Action::Search)?;
    match super::is_filtered(cx, Action::Search) {
        true => {
            let text = "reports are for scopes that reach AuditEvents without a filter; AuditEvent can be searched";
            Err(Failure::new(Kind::Forbidden, text))
        }
        false => Ok(()),
    }
}

/// A resource that is there or was. Whether the caller sees it is not asked: its log tells of it.
async fn there(cx: Context<'_>, ty: TypeId, id: &str) -> Result<Row> {
    let access = maintenance(Maintenance::Names);
    let rid = locate(cx, ty, id).await?.unwrap_or(NO_ROW);
    match stored(cx.view.read(&access, Action::Read, ty, rid).await)? {
        Current::Live(row) | Current::Deleted(row) => Ok(row),
        Current::Absent => Err(not_found()),
    }
}

/// What of an event is a patient's.
fn of(event: &Event, patient: Rid) -> Vec<Entity> {
    let about = event.about_what().iter();
    about
        .filter(|entity| entity.patient == patient)
        .copied()
        .collect()
}

/// Whether it gave or changed something of records, on this server. Decisions and alerts are about what other Records did.
fn is_done(record: &Record) -> bool {
    let is_decision = record.detail.subtype.starts_with("AuthZ-");
    record.outcome == Outcome::Success
        && !super::is_foreign(record)
        && !is_decision
        && OF_RECORDS.contains(&record.interaction.as_str())
}

/// Interactions that give or change.
const OF_RECORDS: [&str; 19] = [
    "batch",
    "break-glass",
    "create",
    "delete",
    "export",
    "history-instance",
    "history-system",
    "history-type",
    "import",
    "notify",
    "operation",
    "patch",
    "read",
    "search",
    "search-system",
    "search-type",
    "transaction",
    "update",
    "vread",
];
