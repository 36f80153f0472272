//! `$consent-decision`, `$effective-access`, `$access-impact`: who sees what of a patient's record, and why; for privacy officers, and for
//! patients of what a consent of theirs would change (R24, C3).

mod caller;
mod decision;
mod effective;
mod impact;
mod record;
mod recorded;
mod searched;

pub(super) use decision::decision;
pub(super) use effective::effective;
pub(super) use impact::impact;
pub(crate) use recorded::Decisions;

use crate::engine::Context;
use serde_json::{Value, json};
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind};

/// 403 to whoever does not look after consents.
fn demand_officer(cx: Context<'_>) -> Result<()> {
    if cx.caller.is_user() && cx.caller.is_privacy_officer() {
        return Ok(());
    }
    Err(Failure::new(
        Kind::Forbidden,
        "who sees what of a record is told to privacy officers",
    ))
}

fn code(name: &str, value: &str) -> Value {
    json!({ "name": name, "valueCode": value })
}

fn text(name: &str, value: &str) -> Value {
    json!({ "name": name, "valueString": value })
}

fn count(name: &str, value: usize) -> Value {
    json!({ "name": name, "valueUnsignedInt": value })
}

fn yes(name: &str, value: bool) -> Value {
    json!({ "name": name, "valueBoolean": value })
}

fn reference(name: &str, value: &str) -> Value {
    json!({ "name": name, "valueReference": { "reference": value } })
}

fn part(name: &str, parts: Vec<Value>) -> Value {
    json!({ "name": name, "part": parts })
}

fn parameters(parameter: Vec<Value>) -> String {
    json!({ "resourceType": "Parameters", "parameter": parameter }).to_string()
}
