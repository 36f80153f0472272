//! The reads among the entries of a transaction. They come last and see what it makes, and one that fails fails the whole:
//! so they are answered before the commit. <https://hl7.org/fhir/R4/http.html#trules>

use super::batch::too_much;
use super::compose::{Composed, Outcome};
use super::entry::{Entry, name};
use super::records;
use crate::door::read_within;
use crate::engine::Context;
use crate::record_budget;
use crate::recorded::{Ended, compose_record};
use crate::reply::{Content, Reply};
use crate::write::{commit_recorded, entity, sealed};
use ward_audit::{Entity, Record};
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
        places,
        seen,
        ..
    } = unit;
    let mut records = vec![records::whole(cx, entries)];
    records.extend(records::changes(cx, entries, &decided, &places, &seen));
    records[0].decision.alert = decided.alert();
    let seen = seen.into_iter().map(|(_, entity)| entity);
    let mut entities: Vec<Entity> = decided.versions().map(entity).chain(seen).collect();
    let store = cx.engine.store();
    let reads = outcomes
        .iter()
        .filter(|o| matches!(o, Outcome::Read))
        .count();
    let writes = &decided.unit.writes;
    if writes.is_empty() || reads == 0 {
        // Nothing to see but what is committed already.
        let shown = answer(cx, entries, &mut outcomes, View::committed(store)).await?;
        entities.extend(shown.entities);
        records.extend(shown.records);
        let committed = commit_recorded(cx, decided, &records).await;
        return Ok(committed.map(|()| (outcomes, entities)));
    }
    demand_few(cx, reads)?;
    if cx.engine.is_behind(cx, &decided.unit).await? {
        return Ok(Err(CommitError::Guard(usize::MAX)));
    }
    cx.engine.review_lowered(cx.caller, &decided).await?;
    let mut refused = None;
    let committed = decided.commit(cx.engine, async |unit| {
        let staged: Staged = store.stage(unit).await?;
        // A failure drops the staged unit, which takes it back.
        let view = View::staged(store, &staged);
        let shown = async {
            let access = &cx.engine.judged_anew(cx.caller, cx.access).await?;
            let seeing = Context { access, ..cx };
            let shown = answer(seeing, entries, &mut outcomes, view).await?;
            record_budget::demand(cx, view, &shown.entities)
                .await
                .map(|()| shown)
        };
        match shown.await {
            Ok(shown) => {
                entities.extend(shown.entities);
                records.extend(shown.records);
            }
            Err(failure) => {
                refused = Some(failure);
                return Err(CommitError::Unavailable);
            }
        }
        staged.commit(sealed(cx, &records)).await
    });
    let committed = committed.await;
    match refused {
        Some(failure) => Err(failure),
        None => Ok(committed.map(|()| (outcomes, entities))),
    }
}

/// What the reads show, and their Records.
#[derive(Default)]
struct Shown {
    entities: Vec<Entity>,
    records: Vec<Record>,
}

/// Answers the reads in their order.
async fn answer(
    cx: Context<'_>,
    entries: &[Entry],
    outcomes: &mut [Outcome],
    view: View<'_>,
) -> Result<Shown> {
    let mut shown = Shown::default();
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
        let now_us = cx.engine.now_us();
        let record = compose_record(now_us, cx.caller, &entry.call, Ended::with(&reply));
        shown.records.push(record);
        shown.entities.append(&mut reply.entities);
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
