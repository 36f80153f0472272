//! `explain=true`: how a search is understood, for callers with all rights. <https://hl7.org/fhir/R4/search.html#errors>
//!
//! For others it is a parameter that does not exist.

use super::Pairs;
use super::question::Question;
use crate::engine::Context;
use ward_access::{Action, Sight};
use ward_fhir::schema::r4;
use ward_fhir::{Issue, Kind, Severity};

/// Characters of one explanation.
const TEXT_CHARS_MAX: usize = 8_000;

/// Takes the parameter out of the query when this caller may use it; whether the answer explains itself.
pub fn take(cx: Context<'_>, pairs: &mut Pairs) -> bool {
    let asked = pairs.iter().any(|(n, v)| n == "explain" && v == "true");
    if !asked || !has_all_rights(cx) {
        return false;
    }
    pairs.retain(|(name, _)| name != "explain");
    true
}

/// Every action on every row of every type; nobody deletes an AuditEvent.
fn has_all_rights(cx: Context<'_>) -> bool {
    let everything = |ty, action| *cx.access.sight(ty, action) == Sight::Everything;
    crate::capabilities::all_types().into_iter().all(|ty| {
        let mut actions = Action::ALL.into_iter();
        let is_fixed = |action| action == Action::Delete && r4().ty(ty).name == "AuditEvent";
        actions.all(|action| everything(ty, action) || is_fixed(action))
    })
}

/// The plan as the stores get it, without any stored value: terms are keyed hashes.
pub fn issues(question: &Question) -> Vec<Issue> {
    let plan = &question.plan;
    let types: Vec<&str> = plan.types.iter().map(|ty| r4().ty(*ty).name).collect();
    let checks: Vec<&str> = question.checks.iter().map(|c| c.name.as_str()).collect();
    let lines = [
        format!(
            "types: {}",
            if types.is_empty() {
                "all".to_owned()
            } else {
                types.join(", ")
            }
        ),
        format!("answered by the index: {:?}", plan.filter),
        format!(
            "decided by looking at each resource: {}",
            if checks.is_empty() {
                "nothing".to_owned()
            } else {
                checks.join(", ")
            }
        ),
        format!(
            "order: {}",
            if plan.sort.is_empty() {
                "clinical date, latest first".to_owned()
            } else {
                format!("{:?}", plan.sort)
            }
        ),
        format!("entries: {}, total: {:?}", plan.count, plan.total),
        format!("includes: {}", question.used.includes.len()),
    ];
    lines
        .into_iter()
        .map(|line| {
            let text: String = line.chars().take(TEXT_CHARS_MAX).collect();
            Issue::error(Kind::Informational, text).severity(Severity::Information)
        })
        .collect()
}
