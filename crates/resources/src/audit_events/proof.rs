//! `AuditEvent/[id]/$proof`: what shows that an event is in the log, to be checked without this server (`ward audit verify-proof`).
//! Format: docs/guide/auditing-format.md.

use super::event::{place_of, record_of};
use super::single::find;
use crate::engine::{Context, stored};
use crate::operations::audit_log::{answer, not_yet, text};
use crate::place::demand_type;
use crate::reply::Reply;
use ward_access::Action;
use ward_audit::tlog_proof::TlogProof;
use ward_fhir::date::instant_text;
use ward_fhir::issue::Result;

/// Of an event that the caller sees. Who is bound to patients, or by a filter in their scopes, gets the entry without the Record behind it, which may name others, too: it
/// shows that the event is there, when it was and of which class.
pub(crate) async fn proof(cx: Context<'_>, id: &str) -> Result<Reply> {
    demand_type(cx.access, super::ty(), Action::Read)?;
    let is_whole = super::own(cx, Action::Read).is_none() && !super::is_filtered(cx, Action::Read);
    let row = match find(cx, id).await {
        Err(absent) if is_whole => return removed(cx, id).await?.ok_or(absent),
        found => found?,
    };
    let proof = stored(cx.engine.store.log_proof(record_of(&row)).await)?;
    let proof = proof.ok_or_else(|| not_yet("the event has not been numbered and signed"))?;
    let proof = match is_whole {
        true => proof,
        false => TlogProof {
            leaf: proof.leaf.redacted(),
            ..proof
        },
    };
    let reply = answer(vec![text("proof", &proof.to_string())])?;
    Ok(Reply {
        entities: vec![super::event::entity(&row)],
        ..reply
    })
}

/// Of an event that was taken out of the log: that its entry is there, and the removal. For who sees the whole log: whose it was is not known
/// any more.
async fn removed(cx: Context<'_>, id: &str) -> Result<Option<Reply>> {
    let Some((number, _)) = place_of(cx, id) else {
        return Ok(None);
    };
    let Some(removed) = stored(cx.engine.store.log_removed(number).await)? else {
        return Ok(None);
    };
    let (removal, at) = (&removed.removal, instant_text(removed.removal.time_us));
    let told = [
        ("proof", removed.proof.to_string()),
        ("removed", at),
        ("rule", removal.rule.clone()),
        ("removal", removed.note.to_string()),
    ];
    let told = told.iter().map(|(name, value)| text(name, value));
    Ok(Some(answer(told.collect())?))
}
