//! Whether an event meets a question: judged on the event as the caller sees it. <https://hl7.org/fhir/R4/search.html>

use super::contexts::Left;
use super::event::{Event, Seen};
use super::names::names;
use super::narrowed::Narrowed;
use super::walk::{events_max, too_costly};
use crate::engine::Context;
use crate::search::apart::Apart;
use std::sync::Arc;
use ward_access::Action;
use ward_fhir::issue::Result;
use ward_search::check::decide;
use ward_storage::StoredRecord;

/// Events that are looked at together, with what they name, at first; then twice as many each time.
const EVENTS_AT_FIRST: usize = 50;
const EVENTS_AT_ONCE: usize = 400;

/// Events that a search may still look at.
pub(super) struct Budget {
    left: usize,
}

impl Budget {
    pub fn new(cx: Context<'_>) -> Budget {
        Budget {
            left: events_max(cx),
        }
    }

    fn take(&mut self, cx: Context<'_>, events: usize) -> Result<()> {
        let left = self.left.checked_sub(events);
        self.left = left.ok_or_else(|| too_costly(cx))?;
        Ok(())
    }
}

/// Those of the events of some Records that are wanted and match, each in its turn, until `take` says `false`; whether it never did. Other tasks of the
/// thread get their turn. Statements: those of [`names`] for each [`EVENTS_AT_ONCE`] of them.
///
/// Errors: `TooCostly` where the budget is spent.
pub(super) async fn each_match(
    cx: Context<'_>,
    apart: &Apart,
    narrowed: &Narrowed,
    budget: &mut Budget,
    records: Vec<StoredRecord>,
    is_wanted: impl Fn(&Event) -> bool,
    mut take: impl FnMut(Event, Seen) -> bool,
) -> Result<bool> {
    let own = super::own(cx, Action::Search);
    let open = |record: StoredRecord| {
        let may_meet = narrowed.may_meet(cx, &record.record);
        let events = match &own {
            Some(own) => Event::about(record, own),
            None => Event::all(record),
        };
        events.into_iter().filter(move |event| may_meet(event))
    };
    let store = &cx.engine.store;
    let has_context = |r: &StoredRecord| {
        narrowed.contexts == Left::Every || narrowed.contexts.has(store.record_context(&r.record))
    };
    let records = records.into_iter().filter(has_context);
    let mut events = records.flat_map(open).filter(is_wanted);
    let mut at_once = EVENTS_AT_FIRST;
    loop {
        let some: Vec<Event> = events.by_ref().take(at_once).collect();
        if some.is_empty() {
            return Ok(true);
        }
        budget.take(cx, some.len())?;
        at_once = (at_once * 2).min(EVENTS_AT_ONCE);
        tokio::task::yield_now().await;
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
