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

/// Events that are looked at together, with what they name.
const EVENTS_AT_ONCE: usize = 1_000;

/// Those of the events of some Records that are wanted and match, each in its turn, until `take` says `false`; whether it never did. Statements: those of
/// [`names`] for each [`EVENTS_AT_ONCE`] of them.
pub(super) async fn each_match(
    cx: Context<'_>,
    apart: &Apart,
    narrowed: &Narrowed,
    records: Vec<StoredRecord>,
    is_wanted: impl Fn(&Event) -> bool,
    mut take: impl FnMut(Event, Seen) -> bool,
) -> Result<bool> {
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
    let mut events = records.flat_map(open).filter(is_wanted);
    loop {
        let some: Vec<Event> = events.by_ref().take(EVENTS_AT_ONCE).collect();
        if some.is_empty() {
            return Ok(true);
        }
        let names = Arc::new(names(cx, &some).await?);
        for event in some {
            if let Some(seen) = event.seen(cx, Action::Search, &names)?
                && is_match(apart, &seen)
                && !take(event, seen)
            {
                return Ok(false);
            }
        }
    }
}

fn is_match(apart: &Apart, seen: &Seen) -> bool {
    let filters = apart.criteria.iter().map(|criterion| &criterion.filter);
    let decided = decide(apart.extractor(), filters, seen.document.root());
    decided.into_iter().all(|is_met| is_met)
}
