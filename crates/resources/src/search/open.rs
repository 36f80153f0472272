//! Where Binaries are in reach: those that their `securityContext` closes are on no page, make none shorter, and are not counted.
//! <https://hl7.org/fhir/R4/binary-definitions.html#Binary.securityContext>
//!
//! The index knows nothing of what a Binary names as its context. So the page is filled with what is open, and from the total of
//! the index those that are closed are taken away, one by one.

use super::question::{Question, costly_place};
use crate::binary::are_open;
use crate::engine::Context;
use ward_access::{Access, Action, Sight};
use ward_fhir::TypeId;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_search::plan::{Filter, Plan, Total};
use ward_search::query::Contained;
use ward_storage::Page;

/// Binaries that are read at a time to be counted: each may be as large as a body may be.
pub const BINARIES_PER_STEP: u32 = 50;

/// Whether a Binary may be among the matches. It contains nothing, so that where containers are looked for it is a match of its own
/// at most.
pub fn is_met(access: &Access, plan: &Plan, contained: Option<&Contained>) -> bool {
    if contained.is_some_and(|c| !c.both || Some(c.ty) != binary()) {
        return false;
    }
    let stated = stated(&plan.filter);
    let types = stated.unwrap_or(&plan.types);
    let searched = |ty| *access.sight(ty, Action::Search) != Sight::Nothing;
    binary().is_some_and(|ty| (types.is_empty() || types.contains(&ty)) && searched(ty))
}

/// A page of what is open. Statements: those of a page and two for the contexts, for as many pages as it takes to fill one, and
/// where a total is asked for the same for every 50 Binaries.
pub async fn page(cx: Context<'_>, access: &Access, question: &Question) -> Result<Page> {
    let plan = &question.plan;
    let mut asked = plan.clone();
    if plan.count > 0 {
        // One more, which tells whether anything open follows.
        asked.count = plan.count.saturating_add(1);
    }
    let first = question.examine(cx, access, &asked).await?;
    let total = first.total;
    let is_whole = plan.after.is_none() && !first.more && plan.count > 0;
    let (mut page, closed) = filled(cx, access, question, asked, first).await?;
    page.total = match total {
        None => None,
        Some(total) if is_whole => Some(total.saturating_sub(closed)),
        Some(total) => counted(cx, access, question)
            .await?
            .map(|closed| total.saturating_sub(closed)),
    };
    Ok(page)
}

/// What is open of the pages that `asked` asks for, `found` and those after it, and how many were closed.
async fn filled(
    cx: Context<'_>,
    access: &Access,
    question: &Question,
    mut asked: Plan,
    mut found: Page,
) -> Result<(Page, u64)> {
    let count = question.plan.count as usize;
    let mut left = cx.engine.settings.rows_examined_max;
    let (mut rows, mut positions, mut closed) = (Vec::new(), Vec::new(), 0);
    asked.total = Total::None;
    loop {
        left = left.saturating_sub(found.rows.len());
        let open = are_open(cx, &found.rows).await?;
        closed += open.iter().filter(|open| !**open).count() as u64;
        let each = found.rows.into_iter().zip(found.positions).zip(open);
        for ((row, position), _) in each.filter(|(_, open)| *open) {
            rows.push(row);
            positions.push(position);
        }
        // Rather a short page than none where so many are closed.
        if rows.len() > count || !found.more || count == 0 || left == 0 {
            break;
        }
        asked.after = found.next;
        found = question.examine(cx, access, &asked).await?;
    }
    let is_full = rows.len() > count;
    rows.truncate(count);
    positions.truncate(count);
    let page = Page {
        more: is_full || found.more,
        next: if is_full {
            positions.last().cloned()
        } else {
            found.next
        },
        rows,
        positions,
        total: None,
    };
    Ok((page, closed))
}

/// How many of the matches are closed. `None`: more would have to be read than a question may look at, or what is counted is not
/// resources.
async fn counted(cx: Context<'_>, access: &Access, question: &Question) -> Result<Option<u64>> {
    let Some(ty) = binary().filter(|_| question.used.contained.is_none()) else {
        return Ok(None);
    };
    let mut plan = Plan {
        types: vec![ty],
        filter: question.plan.filter.clone(),
        sort: Vec::new(),
        count: BINARIES_PER_STEP,
        total: Total::None,
        after: None,
    };
    let mut left = cx.engine.settings.rows_examined_max;
    let mut closed = 0;
    let mut place = None;
    loop {
        let found = question.examine(cx, access, &plan).await?;
        left = left.saturating_sub(found.rows.len());
        let open = are_open(cx, &found.rows).await?;
        closed += open.iter().filter(|open| !**open).count() as u64;
        if !found.more {
            return Ok(Some(closed));
        }
        if left == 0 {
            return Ok(None);
        }
        if place.is_none() && !question.has_place() {
            place = Some(costly_place(cx)?);
        }
        plan.after = found.next;
    }
}

pub fn binary() -> Option<TypeId> {
    r4().resource_type("Binary")
}

fn stated(filter: &Filter) -> Option<&Vec<TypeId>> {
    match filter {
        Filter::Types(types) => Some(types),
        Filter::And(list) => list.iter().find_map(stated),
        _ => None,
    }
}
