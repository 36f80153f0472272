//! Whether an event meets a question: judged on the event as the caller sees it. <https://hl7.org/fhir/R4/search.html>

use super::contexts::Left;
use super::event::{Event, Seen};
use super::names::names;
use super::narrowed::Narrowed;
use crate::engine::Context;
use crate::search::apart::Apart;
use std::sync::Arc;
use ward_access::Action;
use ward_fhir::issue::Result;
use ward_search::check::decide;
use ward_storage::StoredRecord;

/// Those of the events of some Records that match, in their order. Statements: those of [`names`].
pub(super) async fn matching(
    cx: Context<'_>,
    apart: &Apart,
    narrowed: &Narrowed,
    records: Vec<StoredRecord>,
) -> Result<Vec<(Event, Seen)>> {
    let own = super::own(cx, Action::Search);
    let open = |record| match &own {
        Some(own) => Event::about(record, own),
        None => Event::all(record),
    };
    let store = &cx.engine.store;
    let has_context = |r: &StoredRecord| {
        narrowed.contexts == Left::Every || narrowed.contexts.has(store.record_context(&r.record))
    };
    let records = records.into_iter().filter(has_context);
    let events = records.flat_map(open);
    let events: Vec<Event> = events.collect();
    let names = Arc::new(names(cx, &events).await?);
    let mut found = Vec::new();
    for event in events {
        if let Some(seen) = event.seen(cx, Action::Search, &names)?
            && is_match(apart, &seen)
        {
            found.push((event, seen));
        }
    }
    Ok(found)
}

fn is_match(apart: &Apart, seen: &Seen) -> bool {
    let filters = apart.criteria.iter().map(|criterion| &criterion.filter);
    let decided = decide(apart.extractor(), filters, seen.document.root());
    decided.into_iter().all(|is_met| is_met)
}
