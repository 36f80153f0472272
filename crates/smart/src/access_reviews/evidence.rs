//! The evidence: the review with all its items, who decided what of them when and why, and how many of each, signed with the key of the
//! audit log. It can be taken at any time, and says at which stage it is.

use super::{Visitor, items};
use crate::answer::{Answer, File, OAuthError};
use crate::dates;
use crate::state::{AccessReview, Decided, Decision, GrantKind, ReviewItem};
use crate::trail::Trail;
use serde_json::{Map, Value, json};

pub(super) async fn answer(
    visitor: &Visitor<'_>,
    review: &AccessReview,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    trail.event("evidence");
    trail.decided("review", &review.id);
    let held = items(visitor.server, review, visitor.now_s()).await?;
    let items: Vec<&ReviewItem> = held.iter().map(|held| &held.row).collect();
    let store = visitor.server.store();
    let checkpoint = store.log_checkpoint(None).await?;
    let mut document = document(review, &items);
    document["takenBy"] = json!(visitor.session.account);
    document["checkpoint"] = json!(checkpoint.map(|note| note.to_string()));
    let now_us = visitor.now_s().saturating_mul(1_000_000);
    let signed = store.sign_evidence(document, now_us).await?;
    Ok(Answer::File {
        name: format!("access-review-{}.json", dates::iso_day(review.opened_s)),
        file: File::Json(signed),
    })
}

/// What is signed. Times are instants in UTC.
pub(super) fn document(review: &AccessReview, items: &[&ReviewItem]) -> Value {
    json!({
        "id": review.id,
        "name": review.name,
        "openedBy": review.opened_by,
        "opened": dates::instant(review.opened_s),
        "deadline": dates::instant(review.deadline_s),
        "kinds": review.kinds.iter().map(|kind| kind.word()).collect::<Vec<_>>(),
        "patients": review.patients,
        "breakGlassSince": review.kinds.contains(&GrantKind::BreakGlass).then(|| dates::instant(review.since_s)),
        "reviewers": review.reviewers,
        "stage": review.stage.word(),
        "closed": review.closed_s.map(dates::instant),
        "counts": counts(items),
        "items": items.iter().map(|item| one(item)).collect::<Vec<_>>(),
    })
}

/// Of every decision, and of what is undecided.
pub(super) fn counts(items: &[&ReviewItem]) -> Value {
    let is = |item: &&&ReviewItem, decision: Option<Decision>| {
        item.decided.as_ref().map(|decided| decided.decision) == decision
    };
    let count = |decision| items.iter().filter(|item| is(item, decision)).count();
    let mut counts = Map::new();
    counts.insert("undecided".to_owned(), json!(count(None)));
    for decision in Decision::ALL {
        counts.insert(decision.word().to_owned(), json!(count(Some(decision))));
    }
    Value::Object(counts)
}

fn one(item: &ReviewItem) -> Value {
    let facts = item.facts.iter();
    let mut one = json!({
        "n": item.n,
        "kind": item.kind.word(),
        "of": item.of,
        "title": item.title,
        "facts": facts.map(|(label, value)| json!([label, value])).collect::<Vec<_>>(),
        "owners": item.owners,
    });
    if let Some(role) = &item.role {
        one["role"] = json!(role);
    }
    if let Some(decided) = &item.decided {
        one["decision"] = decision(decided);
    }
    one
}

/// With what it was before, where it was changed.
fn decision(decided: &Decided) -> Value {
    let mut told = json!({
        "decision": decided.decision.word(),
        "by": decided.by,
        "reason": decided.reason,
        "at": dates::instant(decided.at_s),
        "effect": decided.effect.word(),
    });
    if let Some(from) = &decided.from {
        told["from"] = decision(from);
    }
    told
}
