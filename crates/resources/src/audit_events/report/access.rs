//! `Patient/[id]/$access-report`: who saw or changed the record of a patient, when, how, in which role and for what purpose. (45 CFR 164.312(b);
//! security specification 4.2, patient reports a)

use super::asked::Asked;
use super::gathered::gathered;
use super::told::{People, answer, resources, text, what, who};
use super::unseen::Unseen;
use crate::engine::Context;
use crate::read::seen;
use crate::reply::Reply;
use ward_fhir::issue::Result;
use ward_storage::RecordQuestion;

/// What was done and given: what was refused, and what found nothing, is in none of its entries. Statements: those of a page of AuditEvents of a
/// patient, and those of [`Unseen::of`].
pub(crate) async fn access_report(cx: Context<'_>, id: &str) -> Result<Reply> {
    let asked = Asked::read(cx)?;
    let patient = super::patient(cx, id).await?;
    let question = RecordQuestion {
        patients: Some(vec![patient.rid]),
        ..RecordQuestion::default()
    };
    let found = gathered(cx, question, &asked, |event| {
        super::is_done(&event.stored.record) && !super::of(event, patient.rid).is_empty()
    });
    let found = found.await?;
    let unseen = Unseen::of(cx, &found.events, patient.rid).await?;
    let own = [format!("Patient/{}", patient.id), format!("Patient/{id}")];
    let people = People::told(cx);
    let head = text("patient", &own[0]).into_iter().collect();
    let reply = answer(cx, head, "access", &found, |event| {
        let record = &event.stored.record;
        let about = unseen.without(super::of(event, patient.rid));
        let mut parts = what(cx, event);
        parts.extend(who(record, &found.names, people, &own));
        parts.extend(resources(record, &found.names, &about));
        parts
    });
    Ok(Reply {
        entities: vec![seen(&patient)],
        ..reply
    })
}
