//! One page of the events that a search finds, and how many there are. <https://hl7.org/fhir/R4/http.html#paging>

use super::event::{Event, Kept, Seen, place, place_of};
use super::look::{Budget, each_match};
use super::narrowed::Narrowed;
use super::sorted::Sorted;
use super::walk::{Start, Walk};
use crate::engine::{Context, stored};
use crate::search::apart::Apart;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use ward_access::Action;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind};
use ward_search::plan::{Position, SortValue, Total};
use ward_storage::{Page, RecordQuestion, StoredRecord};

/// Records that are counted by the index; of more it tells about how many there are.
pub const COUNTED_MAX: usize = 1_000_000;
/// Of more an estimate tells about how many there are.
const ESTIMATED_FROM: usize = 10_000;
/// Records that are read at first, where the index may propose more than what matches.
const PROPOSED: usize = 64;
/// Ids of one search.
const IDS_MAX: usize = 500;
/// Ids that are read at once.
const IDS_AT_ONCE: usize = 100;
/// Bytes of the events on a page, of more than one: it is shorter than was asked for, and another follows.
pub(super) const PAGE_BYTES_MAX: usize = 8 << 20;

/// The events after a position, `plan.count` of them, or as many as have [`PAGE_BYTES_MAX`].
///
/// Errors: `TooCostly` where more Records would have to be looked at than a search may.
pub(super) async fn page(
    cx: Context<'_>,
    apart: &mut Apart,
    narrowed: &Narrowed,
    sorted: &Sorted,
    after: Option<Position>,
) -> Result<Page> {
    if apart.plan.total != Total::None && is_looked_at(apart, narrowed) {
        apart.demand_place(cx)?;
    }
    let counted = counted(cx, apart, narrowed).await?;
    let is_counting = apart.plan.total != Total::None && counted.is_none();
    if sorted.is_gathered() || (is_counting && !narrowed.is_exact) {
        apart.demand_place(cx)?;
    }
    // Ids are looked up in their own order.
    let is_gathered = sorted.is_gathered() || narrowed.ids.is_some();
    let mut taking = Taking {
        sorted,
        after,
        is_gathered,
        count: apart.plan.count as usize,
        hits: Vec::new(),
        bytes: 0,
        more: false,
        total: 0,
    };
    let is_whole = is_gathered || is_counting;
    let mut source = Source::of(cx, narrowed, &taking, is_whole)?;
    let mut budget = Budget::new(cx);
    let ended = loop {
        if !is_whole && taking.is_full() {
            break Ok(());
        }
        let step = match source.step(cx).await {
            Ok(Some(step)) => step,
            Ok(None) => break Ok(()),
            Err(failure) => break Err(failure),
        };
        // What stands before the page is not rendered, unless it is counted.
        let after = taking.after.clone().filter(|_| !is_whole);
        let is_behind = |event: &Event| match (&after, sorted.place(event)) {
            (Some(after), Some(place)) => sorted.compare(&place, after) == Ordering::Greater,
            _ => true,
        };
        let is_wanted = |event: &Event| is_named(cx, narrowed, event) && is_behind(event);
        let take = |event: Event, seen: Seen| {
            let position = sorted.position(apart, &event, &seen);
            taking.take(position, seen);
            is_whole || !taking.is_full()
        };
        let looked = each_match(cx, apart, narrowed, &mut budget, step, is_wanted, take);
        if let Err(failure) = looked.await {
            break Err(failure);
        }
    };
    // An estimate that costs too much is left out; the page is not.
    let is_estimate =
        apart.plan.total == Total::Estimate && taking.is_full() && !sorted.is_gathered();
    let total = match (ended, counted) {
        (Err(failure), _) if !is_estimate => return Err(failure),
        (Err(_), _) => None,
        (Ok(()), Some(counted)) => Some(counted),
        (Ok(()), None) => is_counting.then_some(taking.total),
    };
    taking.settle();
    let hits = taking.hits.iter_mut().map(|(_, seen)| seen);
    place(cx, Action::Search, hits).await?;
    Ok(taking.page(total))
}

/// Of a Record that was found by the ids of its events, only these.
fn is_named(cx: Context<'_>, narrowed: &Narrowed, event: &Event) -> bool {
    let id = || cx.engine.store.event_id(event.number());
    narrowed.ids.as_ref().is_none_or(|ids| ids.contains(&id()))
}

/// What was found so far.
struct Taking<'s> {
    sorted: &'s Sorted,
    after: Option<Position>,
    /// Found in another order than that of the answer.
    is_gathered: bool,
    count: usize,
    hits: Vec<(Position, Kept)>,
    /// Of their bodies.
    bytes: usize,
    /// There are some behind those.
    more: bool,
    total: u64,
}

impl Taking<'_> {
    /// There is more than the page holds, which tells that there is another.
    fn is_full(&self) -> bool {
        self.more || self.count == 0 || self.hits.len() > self.count || self.is_heavy()
    }

    fn is_heavy(&self) -> bool {
        self.bytes > PAGE_BYTES_MAX && self.hits.len() > 1
    }

    fn take(&mut self, position: Position, seen: Seen) {
        self.total += 1;
        let after = self.after.as_ref();
        let is_before = |after| self.sorted.compare(&position, after) != Ordering::Greater;
        if self.count == 0 || after.is_some_and(is_before) {
            return;
        }
        if !self.is_gathered && self.is_full() {
            self.more = true;
            return;
        }
        self.bytes += seen.row.body.len();
        self.hits.push((position, seen.kept()));
        // Sorted now and then, so that what is kept is bounded.
        let is_much = self.hits.len() > 2 * self.count + 2 || self.bytes > 2 * PAGE_BYTES_MAX;
        if self.is_gathered && is_much {
            self.settle();
        }
    }

    /// Leaves what the page holds, in order.
    fn settle(&mut self) {
        self.hits
            .sort_by(|(a, _), (b, _)| self.sorted.compare(a, b));
        let mut bytes = 0;
        let fits = |(n, (_, seen)): &(usize, &(Position, Kept))| {
            let is_within = bytes + seen.row.body.len() <= PAGE_BYTES_MAX || *n == 0;
            bytes += seen.row.body.len();
            is_within && *n < self.count
        };
        let kept = self.hits.iter().enumerate().take_while(fits).count();
        self.more |= kept < self.hits.len();
        self.hits.truncate(kept);
        let bodies = self.hits.iter().map(|(_, seen)| seen.row.body.len());
        self.bytes = bodies.sum();
    }

    fn page(self, total: Option<u64>) -> Page {
        let more = self.more;
        let (positions, seen): (Vec<Position>, Vec<Kept>) = self.hits.into_iter().unzip();
        Page {
            more,
            next: positions.last().cloned().filter(|_| more),
            rows: seen.into_iter().map(|seen| seen.row).collect(),
            positions,
            total,
        }
    }
}

/// Where Records come from: the log, or the ids that were named.
enum Source<'a> {
    Log(Box<Walk<'a>>),
    Named(Vec<i64>),
}

impl<'a> Source<'a> {
    fn of(
        cx: Context<'a>,
        narrowed: &Narrowed,
        taking: &Taking<'_>,
        is_whole: bool,
    ) -> Result<Source<'a>> {
        if let Some(ids) = &narrowed.ids {
            return Ok(Source::Named(named(cx, ids)?));
        }
        let start = taking.after.as_ref().filter(|_| !is_whole).map(start_of);
        let step = match narrowed.is_close && !is_whole {
            true => taking.count + 1,
            false => (taking.count + 1).max(PROPOSED),
        };
        let branches = narrowed.branches.clone();
        let order = taking.sorted.walked();
        let walk = Walk::new(cx, branches, order, start, step);
        Ok(Source::Log(Box::new(walk)))
    }

    async fn step(&mut self, cx: Context<'_>) -> Result<Option<Vec<StoredRecord>>> {
        match self {
            Source::Log(walk) => walk.step().await,
            Source::Named(numbers) if numbers.is_empty() => Ok(None),
            Source::Named(numbers) => {
                let some: Vec<i64> = numbers.drain(..numbers.len().min(IDS_AT_ONCE)).collect();
                Ok(Some(stored(cx.engine.store.records_by_id(&some).await)?))
            }
        }
    }
}

fn start_of(position: &Position) -> Start {
    let at_us = match position.values.first() {
        Some(SortValue::Integer(at_us)) => *at_us,
        _ => 0,
    };
    Start {
        at_us,
        id: position.rid,
    }
}

/// The numbers of the Records of ids.
fn named(cx: Context<'_>, ids: &BTreeSet<String>) -> Result<Vec<i64>> {
    if ids.len() > IDS_MAX {
        let text = format!("a search may name {IDS_MAX} AuditEvents by their ids at most");
        return Err(Failure::new(Kind::TooCostly, text));
    }
    let places = ids.iter().filter_map(|id| place_of(cx, id));
    let numbers: BTreeSet<i64> = places.map(|(id, _)| id).collect();
    Ok(numbers.into_iter().collect())
}

/// By the index alone, but for what other systems sent, which is looked at; `None`: it does not tell, or is not asked.
async fn counted(cx: Context<'_>, apart: &Apart, narrowed: &Narrowed) -> Result<Option<u64>> {
    // Those that other systems sent stand behind it.
    let Some(question) = narrowed.branches.first() else {
        return Ok(None);
    };
    let is_alone = narrowed
        .branches
        .iter()
        .skip(1)
        .all(|b| narrowed.sent.contains(b));
    let is_whole = *cx.access.sight(super::ty(), Action::Search) == ward_access::Sight::Everything;
    if apart.plan.total == Total::None
        || !narrowed.is_exact
        || narrowed.ids.is_some()
        || !is_whole
        || !is_alone
    {
        return Ok(None);
    }
    let most = match apart.plan.total {
        Total::Estimate => ESTIMATED_FROM,
        Total::Accurate | Total::None => COUNTED_MAX,
    };
    let store = &cx.engine.store;
    let (events, is_exact) = stored(store.count_records(question, most).await)?;
    match (is_exact, apart.plan.total) {
        (true, _) if !is_looked_at(apart, narrowed) => Ok(Some(events)),
        (true, _) => {
            let foreign = RecordQuestion {
                contexts: narrowed.sent.first().and_then(|sent| sent.contexts.clone()),
                ..question.clone()
            };
            let (foreign, _) = stored(store.count_records(&foreign, most).await)?;
            let own = events.saturating_sub(foreign);
            Ok(sent(cx, apart, narrowed).await?.map(|sent| own + sent))
        }
        (false, Total::Estimate) => Ok(Some(events)),
        (false, _) => Err(too_many()),
    }
}

/// Whether what other systems sent has to be looked at to be counted.
fn is_looked_at(apart: &Apart, narrowed: &Narrowed) -> bool {
    !narrowed.sent.is_empty() && !apart.criteria.is_empty()
}

/// How many of those that other systems sent match; `None`: those are too many to look at for an estimate.
async fn sent(cx: Context<'_>, apart: &Apart, narrowed: &Narrowed) -> Result<Option<u64>> {
    let order = Sorted::of(apart).walked();
    let mut walk = Walk::new(cx, narrowed.sent.clone(), order, None, PROPOSED);
    let mut budget = Budget::new(cx);
    let mut count = 0;
    loop {
        let step = match walk.step().await {
            Ok(Some(step)) => step,
            Ok(None) => return Ok(Some(count)),
            Err(failure) if apart.plan.total != Total::Estimate => return Err(failure),
            Err(_) => return Ok(None),
        };
        let all = |_: &Event| true;
        let take = |_, _| {
            count += 1;
            true
        };
        each_match(cx, apart, narrowed, &mut budget, step, all, take).await?;
    }
}

fn too_many() -> Failure {
    let text = format!(
        "more than {COUNTED_MAX} records match, which are not counted one by one; add the parameter date, or ask for _total=estimate"
    );
    Failure::new(Kind::TooCostly, text)
}
