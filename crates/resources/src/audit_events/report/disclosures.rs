//! `Patient/[id]/$disclosures`: the accounting of disclosures, of the six years before now where no time is asked for. (45 CFR 164.528)
//!
//! Not in it: what was given for treatment, payment or health care operations, and to the patients themselves. What was given for no purpose
//! that anybody named is in it, for nobody can say that it was for one of these.

use super::super::event::Event;
use super::asked::Asked;
use super::gathered::gathered;
use super::told::{People, answer, code, resources, text, what, who};
use super::unseen::Unseen;
use crate::engine::{Context, stored};
use crate::read::seen;
use crate::reply::Reply;
use ward_access::{BREAK_GLASS, Purpose};
use ward_audit::{Entity, Record};
use ward_fhir::issue::Result;
use ward_storage::{RecordQuestion, Rid, Row};

/// Statements: one for the contexts, and those of a page of AuditEvents of a patient and of [`Unseen::of`].
pub(crate) async fn disclosures(cx: Context<'_>, id: &str) -> Result<Reply> {
    let mut asked = Asked::read(cx)?;
    asked.from_us = asked.from_us.or(Some(cx.engine.now_us() - SIX_YEARS_US));
    let patient = super::patient(cx, id).await?;
    let own = [format!("Patient/{}", patient.id), format!("Patient/{id}")];
    let question = RecordQuestion {
        patients: Some(vec![patient.rid]),
        contexts: Some(contexts(cx).await?),
        ..RecordQuestion::default()
    };
    let is_wanted = |event: &Event| is_accounted(event, &patient, &own);
    let found = gathered(cx, question, &asked, is_wanted).await?;
    let unseen = Unseen::of(cx, &found.events, patient.rid).await?;
    let people = People::told(cx);
    let head = text("patient", &own[0]).into_iter().collect();
    let reply = answer(cx, head, "disclosure", &found, |event| {
        let record = &event.stored.record;
        let mut parts = what(cx, event);
        parts.extend(who(record, &found.names, people, &own));
        if record.purpose.trim().is_empty() {
            parts.push(code("purpose", "unknown"));
        }
        let given = unseen.without(given(event, patient.rid));
        parts.extend(resources(record, &found.names, &given));
        parts
    });
    Ok(Reply {
        entities: vec![seen(&patient)],
        ..reply
    })
}

/// Those of Records that may be accounted for: few of the log's are.
async fn contexts(cx: Context<'_>) -> Result<Vec<i64>> {
    let all = stored(cx.engine.store.record_contexts(0).await)?;
    let accounted = all
        .into_iter()
        .filter(|(_, context)| super::is_done(context) && is_outside_care(&context.purpose));
    Ok(accounted.map(|(id, _)| id).collect())
}

fn is_accounted(event: &Event, patient: &Row, own: &[String]) -> bool {
    let record = &event.stored.record;
    super::is_done(record)
        && is_outside_care(&record.purpose)
        && !own.contains(&record.user)
        && !given(event, patient.rid).is_empty()
}

/// Whether a Record may be in an accounting of disclosures, by what it has in common with others
/// ([`ward_storage::audit_row::context_of`]).
pub fn may_be_accounted(record: &Record) -> bool {
    let is_given = |entity: &Entity| entity.patient != 0 && matches!(entity.action, b'R' | b'E');
    super::is_done(record)
        && is_outside_care(&record.purpose)
        && record.entities.iter().any(is_given)
}

/// What left the house: what was written was not given to anybody.
fn given(event: &Event, patient: Rid) -> Vec<Entity> {
    let mut about = super::of(event, patient);
    about.retain(|entity| matches!(entity.action, b'R' | b'E'));
    about
}

/// Whether one of the purposes is none of treatment, payment and operations, emergencies being treatment; or none is known.
fn is_outside_care(purposes: &str) -> bool {
    let is_care = |code: &str| {
        let purpose = Purpose::of(code);
        let within = |wider: &&str| {
            let wider = Purpose::of(wider);
            purpose
                .zip(wider)
                .is_some_and(|(purpose, wider)| purpose.is_within(wider))
        };
        CARE.iter().any(within)
    };
    purposes.trim().is_empty() || purposes.split_ascii_whitespace().any(|code| !is_care(code))
}

const CARE: [&str; 4] = ["TREAT", "HPAYMT", "HOPERAT", BREAK_GLASS];
/// With two leap days at most.
const SIX_YEARS_US: i64 = (6 * 365 + 2) * 86_400_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn care_is_treatment_payment_and_operations() {
        for purposes in [
            "TREAT",
            "ETREAT",
            "HPAYMT CLMATTCH",
            "HOPERAT",
            "HCOMPL",
            "BTG",
        ] {
            assert!(!is_outside_care(purposes), "{purposes}");
        }
        for purposes in ["", "HRESCH", "PUBHLTH", "TREAT HRESCH", "HMARKT", "no code"] {
            assert!(is_outside_care(purposes), "{purposes}");
        }
    }
}
