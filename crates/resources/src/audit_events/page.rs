//! One page of the events that a search finds, and how many there are. <https://hl7.org/fhir/R4/http.html#paging>

use super::event::{Seen, place, place_of};
use super::look::matching;
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
use ward_storage::{Page, StoredRecord};

/// Records that are counted by the index; of more it tells about how many there are.
pub const COUNTED_MAX: usize = 1_000_000;
/// Of more an estimate tells about how many there are.
const ESTIMATED_FROM: usize = 10_000;
/// Records that are read at first, where the index may propose more than what matches.
const PROPOSED: usize = 64;
/// Ids of one search.
const IDS_MAX: usize = 500;

/// The events after a position, `plan.count` of them.
///
/// Errors: `TooCostly` where more Records would have to be looked at than a search may.
pub(super) async fn page(
    cx: Context<'_>,
    apart: &mut Apart,
    narrowed: &Narrowed,
    sorted: &Sorted,
    after: Option<Position>,
) -> Result<Page> {
    let counted = counted(cx, apart, narrowed).await?;
    let is_counting = apart.plan.total != Total::None && counted.is_none();
    if sorted.is_gathered() || (is_counting && !narrowed.is_exact) {
        apart.demand_place(cx)?;
    }
    let mut taking = Taking {
        sorted,
        after,
        count: apart.plan.count as usize,
        hits: Vec::new(),
        total: 0,
    };
    let mut source = Source::of(cx, narrowed, &taking, is_counting).await?;
    let is_whole = sorted.is_gathered() || is_counting;
    let ended = loop {
        if !is_whole && taking.is_full() {
            break Ok(());
        }
        let step = match source.step().await {
            Ok(Some(step)) => step,
            Ok(None) => break Ok(()),
            Err(failure) => break Err(failure),
        };
        for (event, seen) in matching(cx, apart, narrowed, step).await? {
            let position = sorted.position(apart, &event, &seen);
            taking.take(position, seen);
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
    let more = taking.ends_before_more();
    let hits = taking.hits.iter_mut().map(|(_, seen)| seen);
    place(cx, Action::Search, hits).await?;
    Ok(taking.page(total, more))
}

/// What was found so far.
struct Taking<'s> {
    sorted: &'s Sorted,
    after: Option<Position>,
    count: usize,
    hits: Vec<(Position, Seen)>,
    total: u64,
}

impl Taking<'_> {
    /// One more than the page holds tells that there is another.
    fn is_full(&self) -> bool {
        self.hits.len() > self.count || self.count == 0
    }

    fn take(&mut self, position: Position, seen: Seen) {
        self.total += 1;
        let after = self.after.as_ref();
        let is_before = |after| self.sorted.compare(&position, after) != Ordering::Greater;
        if self.count == 0 || after.is_some_and(is_before) {
            return;
        }
        self.hits.push((position, seen));
        if self.hits.len() <= self.count + 1 {
            return;
        }
        if self.sorted.is_gathered() {
            // Sorted now and then, so that what is kept is bounded.
            if self.hits.len() > 2 * self.count + 2 {
                self.settle();
            }
        } else {
            self.hits.truncate(self.count + 1);
        }
    }

    fn settle(&mut self) {
        self.hits
            .sort_by(|(a, _), (b, _)| self.sorted.compare(a, b));
        self.hits.truncate(self.count + 1);
    }

    /// Leaves what the page holds; whether there is more.
    fn ends_before_more(&mut self) -> bool {
        self.settle();
        let more = self.hits.len() > self.count;
        self.hits.truncate(self.count);
        more
    }

    fn page(self, total: Option<u64>, more: bool) -> Page {
        let (positions, seen): (Vec<Position>, Vec<Seen>) = self.hits.into_iter().unzip();
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
    Named(Option<Vec<StoredRecord>>),
}

impl<'a> Source<'a> {
    async fn of(
        cx: Context<'a>,
        narrowed: &Narrowed,
        taking: &Taking<'_>,
        is_counting: bool,
    ) -> Result<Source<'a>> {
        if let Some(ids) = &narrowed.ids {
            let mut records = named(cx, ids).await?;
            let order = taking.sorted.walked();
            records.sort_by_key(|r| (order.by_time.then_some(r.record.at_us), r.id));
            if order.newest_first {
                records.reverse();
            }
            return Ok(Source::Named(Some(records)));
        }
        let is_whole = taking.sorted.is_gathered() || is_counting;
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

    async fn step(&mut self) -> Result<Option<Vec<StoredRecord>>> {
        match self {
            Source::Log(walk) => walk.step().await,
            Source::Named(records) => Ok(records.take()),
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

/// The Records of ids; one statement for each.
async fn named(cx: Context<'_>, ids: &BTreeSet<String>) -> Result<Vec<StoredRecord>> {
    if ids.len() > IDS_MAX {
        let text = format!("a search may name {IDS_MAX} AuditEvents by their ids at most");
        return Err(Failure::new(Kind::TooCostly, text));
    }
    let numbers: BTreeSet<i64> = ids
        .iter()
        .filter_map(|id| place_of(cx, id))
        .map(|(id, _)| id)
        .collect();
    let mut records = Vec::new();
    for id in numbers {
        records.extend(stored(cx.engine.store.record(id).await)?);
    }
    Ok(records)
}

/// By the index alone; `None`: it does not tell, or is not asked.
async fn counted(cx: Context<'_>, apart: &Apart, narrowed: &Narrowed) -> Result<Option<u64>> {
    let [question] = narrowed.branches.as_slice() else {
        return Ok(None);
    };
    let is_whole = *cx.access.sight(super::ty(), Action::Search) == ward_access::Sight::Everything;
    if apart.plan.total == Total::None || !narrowed.is_exact || narrowed.ids.is_some() || !is_whole
    {
        return Ok(None);
    }
    let most = match apart.plan.total {
        Total::Estimate => ESTIMATED_FROM,
        Total::Accurate | Total::None => COUNTED_MAX,
    };
    let counted = cx.engine.store.count_records(question, most).await;
    let (events, is_exact) = stored(counted)?;
    match is_exact || apart.plan.total == Total::Estimate {
        true => Ok(Some(events)),
        false => Err(too_many()),
    }
}

fn too_many() -> Failure {
    let text = format!(
        "more than {COUNTED_MAX} records match, which are not counted one by one; add the parameter date, or ask for _total=estimate"
    );
    Failure::new(Kind::TooCostly, text)
}
