//! The events of a report, page by page.

use super::super::event::Event;
use super::super::names::names;
use super::super::walk::{Order, Start, Walk};
use super::asked::Asked;
use crate::engine::Context;
use std::sync::Arc;
use ward_access::{Action, Sight};
use ward_auditevent::Names;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind};
use ward_storage::RecordQuestion;

const NEWEST_FIRST: Order = Order {
    by_time: false,
    newest_first: true,
};

pub(super) struct Gathered {
    pub events: Vec<Event>,
    pub names: Arc<Names>,
    pub more: bool,
}

/// The next events of a question that are wanted. Statements: one for each step of Records, and three for names.
pub(super) async fn gathered(
    cx: Context<'_>,
    question: RecordQuestion,
    asked: &Asked,
    is_wanted: impl Fn(&Event) -> bool,
) -> Result<Gathered> {
    let question = RecordQuestion {
        from_us: asked.from_us,
        until_us: asked.until_us,
        ..question
    };
    let whose = question.patients.clone();
    let start = asked.after.map(|(id, _)| Start { at_us: 0, id });
    let step = asked.count + 1;
    let mut walk = Walk::new(cx, vec![question], NEWEST_FIRST, start, step);
    let mut events = Vec::new();
    let most = asked.count + 1;
    while events.len() < most
        && let Some(records) = walk.step().await.map_err(told)?
    {
        let all = records.into_iter().flat_map(|record| match &whose {
            Some(patients) => Event::about(record, patients),
            None => Event::all(record),
        });
        let new = all.filter(|event| is_behind(event, asked.after));
        events.extend(new.filter(&is_wanted).take(most - events.len()));
    }
    let more = events.len() > asked.count;
    events.truncate(asked.count);
    let names = Arc::new(names(cx, &events).await?);
    if matches!(
        cx.access.sight(super::super::ty(), Action::Search),
        Sight::Matching(_)
    ) {
        events = seen(cx, events, &names)?;
    }
    Ok(Gathered {
        events,
        names,
        more,
    })
}

/// Within a Record events have the order of their places.
fn is_behind(event: &Event, after: Option<(i64, usize)>) -> bool {
    after.is_none_or(|(id, nth)| event.stored.id < id || event.stored.id == id && event.nth > nth)
}

/// Those that a caller sees who sees some events only.
fn seen(cx: Context<'_>, events: Vec<Event>, names: &Arc<Names>) -> Result<Vec<Event>> {
    let mut seen = Vec::with_capacity(events.len());
    for event in events {
        if event.seen(cx, Action::Search, names)?.is_some() {
            seen.push(event);
        }
    }
    Ok(seen)
}

fn told(failure: Failure) -> Failure {
    match failure.kind {
        Kind::TooCostly => Failure::new(
            Kind::TooCostly,
            "the report would have to look at too many records of the log; narrow it by start and end",
        ),
        _ => failure,
    }
}
