//! What is found, as a file: one event in each line with what proves it, or a report to be printed.

use super::charts::{Keeping, newest};
use super::events::named;
use super::filter::{Asked, typed};
use super::{Auditor, proof};
use crate::answer::{Answer, File, OAuthError};
use crate::dates;
use crate::page::{AUDIT_KINDS, AUDIT_OUTCOMES, AuditReport, AuditRow};
use serde_json::{Value, json};

/// Events in a file, the newest; a file says when there are more. Each proof is an answer of its own, and a record.
const EVENTS_MAX: usize = 500;

/// `ndjson` or `pdf`. What cannot be asked is told by the page.
pub(super) async fn answer(auditor: &Auditor<'_>, form: &str) -> Result<Answer, OAuthError> {
    let filter = typed(auditor.request);
    let Ok(asked) = Asked::of(&filter, auditor.request.now_s) else {
        return auditor.show(Ok(None)).await;
    };
    let keeping = match form {
        "ndjson" => Keeping::Whole,
        _ => Keeping::Told,
    };
    let found = match newest(auditor, &asked, EVENTS_MAX, keeping).await? {
        Ok(found) => found,
        Err(why) => return auditor.show(Err(why)).await,
    };
    let status = proof::status(auditor).await?;
    let day = dates::iso_day(auditor.request.now_s);
    if form == "ndjson" {
        let mut lines = String::new();
        for event in &found.resources {
            lines.push_str(&line(auditor, event).await?.to_string());
            lines.push('\n');
        }
        let goes_on = found.goes_on.then_some(found.resources.len());
        let end =
            json!({ "checkpoint": status.note, "events": found.resources.len(), "cutAt": goes_on });
        lines.push_str(&end.to_string());
        lines.push('\n');
        return Ok(Answer::File {
            name: format!("audit-{day}.ndjson"),
            file: File::Ndjson(lines),
        });
    }
    let mut facts = vec![
        ("Made".to_owned(), dates::moment(auditor.request.now_s)),
        ("By".to_owned(), auditor.session.name.clone()),
        ("From".to_owned(), dates::day(asked.from_s)),
        ("To".to_owned(), dates::day(asked.to_s - 1)),
    ];
    let kind = AUDIT_KINDS.iter().find(|(kind, ..)| *kind == filter.kind);
    let outcome = AUDIT_OUTCOMES
        .iter()
        .find(|(outcome, ..)| *outcome == filter.outcome);
    let filtered = [
        ("Patient", filter.patient.as_str()),
        ("Person", &filter.user),
        ("Client", &filter.client),
        ("Kind", kind.map_or("", |(_, words, ..)| *words)),
        ("Outcome", outcome.map_or("", |(_, words, ..)| *words)),
    ];
    let filtered = filtered.into_iter().filter(|(_, value)| !value.is_empty());
    facts.extend(filtered.map(|(label, value)| (label.to_owned(), value.to_owned())));
    let count = found.events.len();
    let rows = found.events.into_iter().map(|told| AuditRow {
        link: String::new(),
        when: dates::moment(told.at_s),
        who: named(&told.user),
        client: told.client,
        what: told.what,
        patient: named(&told.patient),
        outcome: told.outcome,
        is_failed: told.is_failed,
        is_emergency: told.is_emergency,
    });
    let report = AuditReport {
        title: "Audit log".to_owned(),
        facts,
        rows: rows.collect(),
        more: found
            .goes_on
            .then(|| format!("There are more: these are the newest {count}.")),
        proof: status,
    };
    Ok(Answer::File {
        name: format!("audit-{day}.pdf"),
        file: File::Report(Box::new(report)),
    })
}

async fn line(auditor: &Auditor<'_>, event: &Value) -> Result<Value, OAuthError> {
    let id = event["id"].as_str().unwrap_or_default();
    Ok(match proof::of(auditor, id).await? {
        Ok(proof) => json!({ "event": event, "proof": proof }),
        Err(why) => json!({ "event": event, "unproved": why }),
    })
}
