//! `AuditEvent/$audit-checkpoint` and `AuditEvent/$audit-consistency`: what shows that the audit log has only grown. For whoever may read
//! AuditEvents; nothing of any event is in it. Formats: docs/guide/auditing-format.md.

use crate::engine::{Context, stored};
use crate::place::demand_type;
use crate::reply::Reply;
use serde_json::{Value, json};
use ward_access::Action;
use ward_audit::checkpoint::Checkpoint;
use ward_audit::note::Note;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind, TypeId};

/// The last checkpoint, or with `size` the last one of that size.
pub async fn checkpoint(cx: Context<'_>, ty: TypeId) -> Result<Reply> {
    demand_type(cx.access, ty, Action::Read)?;
    let size = number(cx, "size")?;
    let note = stored(cx.engine.store.log_checkpoint(size).await)?;
    let note = note.ok_or_else(|| match size {
        None => not_yet("no checkpoint has been made"),
        Some(_) => Failure::new(Kind::NotFound, "no checkpoint has this size"),
    })?;
    let checkpoint = read(&note)?;
    answer(vec![
        text("origin", &checkpoint.origin),
        text("size", &checkpoint.size.to_string()),
        text("checkpoint", &note.to_string()),
    ])
}

/// The proof that the log at the size `to` (without it: that of the last checkpoint) begins with all of the log at the size `from`.
pub async fn consistency(cx: Context<'_>, ty: TypeId) -> Result<Reply> {
    demand_type(cx.access, ty, Action::Read)?;
    let store = &cx.engine.store;
    let from = number(cx, "from")?.ok_or_else(|| wrong("from", "is missing"))?;
    let asked = number(cx, "to")?;
    let last = stored(store.log_checkpoint(asked).await)?;
    let to = match (asked, &last) {
        (Some(to), _) => to,
        (None, Some(note)) => read(note)?.size,
        (None, None) => return Err(not_yet("no checkpoint has been made")),
    };
    if from > to {
        return Err(wrong("from", "is larger than to"));
    }
    let proof = stored(store.log_consistency(from, to).await)?;
    let proof = proof.ok_or_else(|| wrong("to", "is more than the log has entries"))?;
    let mut parameters = vec![text("from", &from.to_string()), text("to", &to.to_string())];
    let hashes = proof
        .iter()
        .map(|hash| json!({ "name": "hash", "valueBase64Binary": hash.to_base64() }));
    parameters.extend(hashes);
    parameters.extend(last.map(|note| text("checkpoint", &note.to_string())));
    answer(parameters)
}

pub(super) fn read(note: &Note) -> Result<Checkpoint> {
    Checkpoint::parse(note.text()).map_err(|_| {
        Failure::new(
            Kind::Internal,
            "a checkpoint of the audit log cannot be read",
        )
    })
}

pub(crate) fn answer(parameters: Vec<Value>) -> Result<Reply> {
    let body = json!({ "resourceType": "Parameters", "parameter": parameters });
    Ok(Reply::resource(200, body.to_string()))
}

pub(crate) fn text(name: &str, value: &str) -> Value {
    json!({ "name": name, "valueString": value })
}

/// It will be there in a second.
pub(crate) fn not_yet(why: &str) -> Failure {
    Failure::new(Kind::Unavailable, format!("{why} yet: ask again")).after(1)
}

fn number(cx: Context<'_>, name: &str) -> Result<Option<u64>> {
    let pairs = super::parameters(cx)?;
    let mut named = pairs.iter().filter(|(known, _)| known == name);
    let Some((_, value)) = named.next() else {
        return Ok(None);
    };
    let is_plain = value.bytes().all(|byte| byte.is_ascii_digit());
    match value.parse() {
        Ok(number) if is_plain && named.next().is_none() => Ok(Some(number)),
        _ => Err(wrong(name, "must be one number of entries")),
    }
}

fn wrong(name: &str, why: &str) -> Failure {
    Failure::new(Kind::Invalid, format!("the parameter '{name}' {why}"))
}
