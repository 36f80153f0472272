//! `AuditEvent/[id]/$proof`: what shows that an event is in the log, to be checked without this server (`ward audit verify-proof`).
//! Format: docs/guide/auditing-format.md.

use super::event::record_of;
use super::single::find;
use crate::engine::{Context, stored};
use crate::operations::audit_log::{answer, not_yet, text};
use crate::place::demand_type;
use crate::reply::Reply;
use ward_access::Action;
use ward_audit::tlog_proof::TlogProof;
use ward_fhir::issue::Result;

/// Of an event that the caller sees. Who is bound to patients, or by a filter in their scopes, gets the entry without the Record behind it, which may name others, too: it
/// shows that the event is there, when it was and of which class.
pub(crate) async fn proof(cx: Context<'_>, id: &str) -> Result<Reply> {
    demand_type(cx.access, super::ty(), Action::Read)?;
    let row = find(cx, id).await?;
    let proof = stored(cx.engine.store.log_proof(record_of(&row)).await)?;
    let proof = proof.ok_or_else(|| not_yet("the event has not been numbered and signed"))?;
    let is_whole = super::own(cx, Action::Read).is_none() && !super::is_filtered(cx, Action::Read);
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
