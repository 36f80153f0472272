//! What the index does not decide: rows that it proposes are opened and looked at, under a budget.
//! <https://hl7.org/fhir/R4/search.html>
//!
//! Two reasons: a criterion that only the resource answers (`_content`, `:text`), and a sort by a value that no index holds,
//! or by relevance.
//! The Access predicate is in every proposal, so what is looked at is what the caller may see, and the budget is of
//! that alone.

use crate::contract::{Page, Row, StoreError};
use crate::order::Order;
use crate::staged::View;
use std::cmp::Ordering;
use ward_access::Access;
use ward_fhir::{Document, Node};
use ward_search::definition::LOOKED_UP_FROM;
use ward_search::entries::Entries;
use ward_search::extract::Extractor;
use ward_search::plan::{Check, Plan, Position, SortKey, SortValue, Total};
use ward_search::query::{Contained, Score, sort_text};

/// Rows that one question may have looked at, unless the caller says otherwise: about half a second.
pub const ROWS_EXAMINED_MAX: usize = 20_000;
/// Characters of a text that decide its place; what is equal so far is told apart by row id.
const SORT_CHARS_MAX: usize = 200;
/// Rows that are proposed at a time, at least.
const ROWS_PER_STEP: u32 = 200;

/// Whether no index holds the values.
pub fn is_gathered(key: &SortKey) -> bool {
    match key {
        SortKey::Quantity { .. } | SortKey::Text { .. } | SortKey::Score { .. } => true,
        SortKey::Date { param, .. } | SortKey::String { param, .. } => *param >= LOOKED_UP_FROM,
        SortKey::Each { keys, .. } => keys.iter().any(|(_, key)| is_gathered(key)),
        SortKey::Updated { .. } | SortKey::Id { .. } | SortKey::Absent { .. } => false,
    }
}

/// How two rows of a search follow each other in its order.
pub fn compare(sort: &[SortKey], a: &Position, b: &Position) -> Ordering {
    Order::of_positions(sort).compare(a, b)
}

/// What rows are looked at for, besides what the plan's filter asks of the index.
#[derive(Clone, Copy)]
pub struct Looking<'a> {
    /// Every row must pass them.
    pub checks: &'a [Check],
    /// By what `SortKey::Score` orders.
    pub score: Option<&'a Score>,
    /// Where contained resources are the matches, a row may have several.
    pub contained: Option<&'a Contained>,
    pub extractor: &'a Extractor,
    /// Rows that may be looked at.
    pub rows_max: usize,
    /// A row as whoever asks sees it. `None`: it cannot be read.
    pub view: &'a (dyn Fn(&Row) -> Option<Document> + Sync),
}

impl Looking<'_> {
    /// Whether the index alone answers the plan, in its order.
    pub fn is_spared(&self, plan: &Plan) -> bool {
        self.checks.is_empty() && !plan.sort.iter().any(is_gathered)
    }
}

pub async fn examine(
    view: View<'_>,
    access: &Access,
    plan: &Plan,
    looking: Looking<'_>,
) -> Result<Page, StoreError> {
    let gathered = plan.sort.iter().any(is_gathered);
    let all = gathered || plan.total != Total::None;
    let mut proposals = Proposals::new(view, access, plan, all, looking);
    let mut hits: Vec<(Position, Row)> = Vec::new();
    let order = Order::of_positions(&plan.sort);
    let mut total: u64 = 0;
    while let Some(step) = proposals.next().await? {
        for (position, row) in step {
            let matches = looking.look(&row, position, &plan.sort)?;
            total += matches.len() as u64;
            let is_after = |position: &Position| {
                let after = |after: &Position| order.compare(position, after) == Ordering::Greater;
                plan.after.as_ref().is_none_or(after)
            };
            let matches = matches.into_iter().filter(is_after);
            hits.extend(matches.map(|position| (position, row.clone())));
        }
        if gathered {
            hits.sort_by(|(a, _), (b, _)| order.compare(a, b));
        }
        hits.truncate(plan.count as usize + 1);
        if !all && hits.len() > plan.count as usize {
            break;
        }
    }
    let more = hits.len() > plan.count as usize;
    hits.truncate(plan.count as usize);
    let (positions, rows): (Vec<Position>, Vec<Row>) = hits.into_iter().unzip();
    Ok(Page {
        more,
        next: positions.last().cloned().filter(|_| more),
        rows,
        positions,
        total: (plan.total != Total::None).then_some(total),
    })
}

/// Rows by the index, step by step.
struct Proposals<'a> {
    view: View<'a>,
    access: &'a Access,
    plan: Plan,
    /// Rows that may still be looked at.
    left: usize,
    done: bool,
}

impl<'a> Proposals<'a> {
    /// `all`: from the first row on, in an order that costs nothing.
    fn new(
        view: View<'a>,
        access: &'a Access,
        plan: &Plan,
        all: bool,
        looking: Looking<'_>,
    ) -> Self {
        let gathered = plan.sort.iter().any(is_gathered);
        let plan = Plan {
            count: plan.count.max(ROWS_PER_STEP),
            total: Total::None,
            sort: if gathered {
                Vec::new()
            } else {
                plan.sort.clone()
            },
            after: plan
                .after
                .clone()
                .filter(|_| !all)
                .map(|after| match looking.contained {
                    Some(_) => with_its_row(after),
                    None => after,
                }),
            ..plan.clone()
        };
        Proposals {
            view,
            access,
            plan,
            left: looking.rows_max,
            done: false,
        }
    }

    async fn next(&mut self) -> Result<Option<Vec<(Position, Row)>>, StoreError> {
        if self.done {
            return Ok(None);
        }
        if self.left == 0 {
            return Err(StoreError::TooCostly);
        }
        // Where each step is answered at once, nothing else would let the thread see that the client has gone away.
        tokio::task::yield_now().await;
        self.plan.count = self
            .plan
            .count
            .min(u32::try_from(self.left).unwrap_or(u32::MAX));
        let hits = self.view.hits(self.access, &self.plan).await?;
        self.left = self.left.saturating_sub(hits.rows.len());
        self.done = !hits.more;
        self.plan.after = hits.rows.last().map(|(position, _)| position.clone());
        Ok(Some(hits.rows))
    }
}

impl Looking<'_> {
    /// Where the matches of a row stand: none unless it passes the checks, and several where they are what it contains.
    fn look(
        &self,
        row: &Row,
        position: Position,
        sort: &[SortKey],
    ) -> Result<Vec<Position>, StoreError> {
        let document = (self.view)(row).ok_or(StoreError::Integrity)?;
        let node = document.root();
        if !self.checks.iter().all(|check| (check.test)(node)) {
            return Ok(Vec::new());
        }
        let position = match sort.iter().any(is_gathered) {
            true => self.gathered(row, node, sort)?,
            false => position,
        };
        let Some(contained) = self.contained else {
            return Ok(vec![position]);
        };
        let of_part = |part| Position {
            part,
            ..position.clone()
        };
        Ok(contained.parts(node).into_iter().map(of_part).collect())
    }

    /// Where a row stands in an order that no index has.
    fn gathered(
        &self,
        row: &Row,
        node: Node<'_>,
        sort: &[SortKey],
    ) -> Result<Position, StoreError> {
        let entries = self.extractor.extract(node, &|_| None);
        let values = sort
            .iter()
            .map(|key| self.value(key, row, node, &entries))
            .collect::<Result<_, _>>()?;
        Ok(Position {
            values,
            rid: row.rid,
            part: 0,
        })
    }

    /// What the row is sorted by: the least of its values ascending, the greatest descending.
    fn value(
        &self,
        key: &SortKey,
        row: &Row,
        node: Node<'_>,
        entries: &Entries,
    ) -> Result<SortValue, StoreError> {
        Ok(match key.of_type(row.ty) {
            SortKey::Each { .. } | SortKey::Absent { .. } => SortValue::Missing,
            SortKey::Updated { .. } => SortValue::Integer(row.updated_us),
            SortKey::Id { .. } => SortValue::Integer(row.rid),
            SortKey::Score { .. } => {
                SortValue::Real(self.score.ok_or(StoreError::Integrity)?.of(node))
            }
            SortKey::Date { param, descending } => {
                let dates = || entries.dates.iter().filter(|d| d.param == param);
                let end = match descending {
                    false => dates().map(|d| d.low_us).min(),
                    true => dates().map(|d| d.high_us).max(),
                };
                end.map_or(SortValue::Missing, SortValue::Integer)
            }
            SortKey::String { param, descending } => {
                let texts = entries.strings.iter().filter(|s| s.param == param);
                let texts = texts.map(|s| &s.value);
                let end = match descending {
                    false => texts.min(),
                    true => texts.max(),
                };
                end.map_or(SortValue::Missing, |text| SortValue::Text(text.clone()))
            }
            SortKey::Quantity { param, descending } => {
                let term = self.extractor.key().number(param);
                let numbers = || entries.quantities.iter().filter(|q| q.term == term);
                let end = match descending {
                    false => numbers().map(|q| q.low).min_by(f64::total_cmp),
                    true => numbers().map(|q| q.high).max_by(f64::total_cmp),
                };
                end.map_or(SortValue::Missing, SortValue::Real)
            }
            SortKey::Text { param, descending } => {
                let text = sort_text(self.extractor.registry(), param, descending, node);
                let cut = |text: String| text.chars().take(SORT_CHARS_MAX).collect();
                text.map_or(SortValue::Missing, |text| SortValue::Text(cut(text)))
            }
        })
    }
}

/// The position before all matches of the row that a page ended in, which may have more. In every order row ids descend where all
/// else is the same.
fn with_its_row(after: Position) -> Position {
    Position {
        rid: after.rid.saturating_add(1),
        part: 0,
        ..after
    }
}
