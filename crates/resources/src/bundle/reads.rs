//! The reads among the entries of a transaction. They come last and see what it makes, and one that fails fails the whole:
//! so they are answered before the commit. <https://hl7.org/fhir/R4/http.html#trules>

use super::batch::too_much;
use super::compose::{Composed, Outcome};
use super::entry::{Entry, name};
use crate::door::read_within;
use crate::engine::Context;
use crate::record_budget;
use crate::reply::{Content, Reply};
use crate::write::{commit_seeing, entity, record};
use ward_audit::Entity;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind};
use ward_storage::{CommitError, Staged, View};

/// Commits the unit, its reads answered. What was touched, for the Record.
pub async fn commit(
    cx: Context<'_>,
    entries: &[Entry],
    unit: Composed,
) -> Result<std::result::Result<(Vec<Outcome>, Vec<Entity>), CommitError>> {
    let Composed {
        decided,
        mut outcomes,
        mut seen,
        ..
    } = unit;
    let store = cx.engine.store();
    let reads = outcomes
        .iter()
        .filter(|o| matches!(o, Outcome::Read))
        .count();
    let writes = &decided.unit.writes;
    if writes.is_empty() || reads == 0 {
        // Nothing to see but what is committed already.
        seen.extend(answer(cx, entries, &mut outcomes, View::committed(store)).await?);
        let committed = commit_seeing(cx, 200, decided, seen).await;
        return Ok(committed.map(|entities| (outcomes, entities)));
    }
    demand_few(cx, reads)?;
    if cx.engine.is_behind(cx, &decided.unit).await? {
        return Ok(Err(CommitError::Guard(usize::MAX)));
    }
    cx.engine.review_lowered(cx.caller, &decided).await?;
    let mut entities: Vec<Entity> = decided.versions().map(entity).chain(seen).collect();
    let alert = decided.alert();
    let mut refused = None;
    let committed = decided.commit(cx.engine, async |unit| {
        let staged: Staged = store.stage(unit).await?;
        // A failure drops the staged unit, which takes it back.
        let view = View::staged(store, &staged);
        let shown = async {
            let access = &cx.engine.judged_anew(cx.caller, cx.access).await?;
            let seeing = Context { access, ..cx };
            let shown = answer(seeing, entries, &mut outcomes, view).await?;
            record_budget::demand(cx, view, &shown)
                .await
                .map(|()| shown)
        };
        match shown.await {
            Ok(shown) => entities.extend(shown),
            Err(failure) => {
                refused = Some(failure);
                return Err(CommitError::Unavailable);
            }
        }
        let record = record(cx, 200, &entities, alert);
        staged.commit(record).await
    });
    let committed = committed.await;
    match refused {
        Some(failure) => Err(failure),
        None => Ok(committed.map(|()| (outcomes, entities))),
    }
}

/// Answers the reads in their order; what they show.
async fn answer(
    cx: Context<'_>,
    entries: &[Entry],
    outcomes: &mut [Outcome],
    view: View<'_>,
) -> Result<Vec<Entity>> {
    let mut shown = Vec::new();
    let mut bytes = 0;
    for (entry, outcome) in entries.iter().zip(outcomes) {
        if !matches!(outcome, Outcome::Read) {
            continue;
        }
        let mut reply = read_within(cx, &entry.call, view)
            .await
            .map_err(|f| name(f, entry.at))?;
        bytes += size(&reply);
        if bytes > cx.engine.settings().bundle_answer_bytes_max {
            return Err(name(too_much(cx), entry.at));
        }
        shown.append(&mut reply.entities);
        *outcome = Outcome::Answered(Box::new(reply));
    }
    Ok(shown)
}

fn size(reply: &Reply) -> usize {
    match &reply.content {
        Content::Empty => 0,
        Content::Resource(bytes) | Content::Raw { bytes, .. } => bytes.len(),
    }
}

fn demand_few(cx: Context<'_>, reads: usize) -> Result<()> {
    let most = cx.engine.settings().transaction_reads_max;
    if reads <= most {
        return Ok(());
    }
    Err(Failure::new(
        Kind::TooLarge,
        format!(
            "the transaction has {reads} reads beside its writes; at most {most} are taken (transaction_reads_max)"
        ),
    ))
}
