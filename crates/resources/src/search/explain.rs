//! `explain=true`: how a search is understood, for callers with all rights. <https://hl7.org/fhir/R4/search.html#errors>
//!
//! For others it is a parameter that does not exist.

use super::Pairs;
use super::question::Question;
use super::wide::{LOOSENED_MAX, loosened};
use crate::engine::{Context, stored};
use ward_access::{Access, Action, Sight};
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Issue, Kind, Severity};
use ward_search::plan::{Check, Plan};
use ward_search::query::Used;
use ward_search::shape;
use ward_storage::StoreError;

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

/// Every action on every row of every type, and every element; nobody changes or deletes an AuditEvent.
pub fn has_all_rights(cx: Context<'_>) -> bool {
    if cx.access.seen().is_some() {
        return false;
    }
    let everything = |ty, action| *cx.access.sight(ty, action) == Sight::Everything;
    crate::capabilities::all_types().into_iter().all(|ty| {
        let mut actions = Action::ALL.into_iter();
        let changes = |action| matches!(action, Action::Update | Action::Delete);
        let is_fixed = |action| changes(action) && crate::audit_events::is(ty);
        actions.all(|action| everything(ty, action) || is_fixed(action))
    })
}

/// The plan, the statements that answer it and the counters that chose them, without any value, stored or asked for. A few
/// more statements than the search itself.
pub async fn issues(cx: Context<'_>, access: &Access, question: &Question) -> Result<Vec<Issue>> {
    let (mut plan, mut checks) = (question.plan.clone(), question.checks.clone());
    let mut explanation = cx.engine.store.explain(access, &plan).await;
    for _ in 0..LOOSENED_MAX {
        let Err(StoreError::Wide(wide)) = explanation else {
            break;
        };
        let (without, further) = loosened(cx, question.extractor(), &plan, wide).await?;
        plan = without;
        checks.extend(further);
        explanation = cx.engine.store.explain(access, &plan).await;
    }
    let explanation = stored(explanation)?;
    let mut lines = understood(&plan, &checks, &question.used);
    // The counters know all rows: they would tell how many are hidden.
    if !explanation.counters.is_empty() && !access.may_hide_any() {
        let counted = explanation.counters.iter();
        let each: Vec<String> = counted
            .map(|(ty, rows)| format!("{} {rows}", r4().ty(*ty).name))
            .collect();
        lines.push(format!("rows behind each term: {}", each.join(", ")));
    }
    for statement in explanation.statements {
        lines.push(format!("{} by: {}", statement.purpose, statement.sql));
        lines.push(format!("steps:\n{}", statement.steps.join("\n")));
    }
    let issue = |line: String| {
        let text: String = line.chars().take(TEXT_CHARS_MAX).collect();
        Issue::error(Kind::Informational, text).severity(Severity::Information)
    };
    Ok(lines.into_iter().map(issue).collect())
}

fn understood(plan: &Plan, checks: &[Check], used: &Used) -> Vec<String> {
    let types: Vec<&str> = plan.types.iter().map(|ty| r4().ty(*ty).name).collect();
    let checks: Vec<&str> = checks.iter().map(|c| c.name.as_str()).collect();
    let order: Vec<String> = plan.sort.iter().map(shape::sort).collect();
    let or = |list: String, none: &str| {
        if list.is_empty() {
            none.to_owned()
        } else {
            list
        }
    };
    vec![
        format!("types: {}", or(types.join(", "), "all")),
        format!("answered by the index: {}", shape::filter(&plan.filter)),
        format!(
            "decided by looking at each resource: {}",
            or(checks.join(", "), "nothing")
        ),
        format!(
            "order: {}",
            or(order.join(", "), "clinical date, latest first")
        ),
        format!("entries: {}, total: {:?}", plan.count, plan.total),
        format!("includes: {}", used.includes.len()),
    ]
}
