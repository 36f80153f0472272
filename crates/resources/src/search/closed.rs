//! Chains that lead to Binaries: those that their `securityContext` closes to the caller decide nothing.
//! <https://hl7.org/fhir/R4/binary-definitions.html#Binary.securityContext>
//!
//! The index knows nothing of contexts, so what matches at the far end is looked at first. What is closed is excluded by its id, and
//! not what is open named: a condition of a write then still holds the whole question.

use super::open::{BINARIES_PER_STEP, binary};
use super::question::costly_place;
use super::wide;
use crate::binary::are_open;
use crate::engine::Context;
use crate::places::Place;
use ward_access::{Action, Sight};
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind};
use ward_search::extract::Extractor;
use ward_search::plan::{Filter, Plan, Total};

/// The filter, as far as closed Binaries leave it. Statements: none, or for each hop that leads to Binaries one for every 50 of
/// them, and two for their contexts.
///
/// Errors: `TooCostly` where more than `limits.rows_examined_max` open ones match; `TooManyRequests` where there are more than 50
/// and the client has no place left for what no index bounds.
pub async fn left_out(
    cx: Context<'_>,
    extractor: &Extractor,
    filter: Filter,
    place: &mut Option<Place>,
) -> Result<Filter> {
    let mut asked = Vec::new();
    let filter = far_ends(filter, &mut |end| {
        asked.push(end.clone());
        end
    });
    let is_open = |ty| *cx.access.of_hops().sight(ty, Action::Search) != Sight::Nothing;
    if asked.is_empty() || !binary().is_some_and(is_open) {
        return Ok(filter);
    }
    let mut closed = Vec::new();
    for end in asked {
        closed.push(closed_of(cx, extractor, end, place).await?);
    }
    let mut closed = closed.into_iter();
    Ok(far_ends(filter, &mut |end| match closed.next() {
        Some(ids) if !ids.is_empty() => {
            Filter::And(vec![end, Filter::Not(Box::new(Filter::Ids(ids)))])
        }
        _ => end,
    }))
}

/// Logical ids of those that match and are closed.
async fn closed_of(
    cx: Context<'_>,
    extractor: &Extractor,
    filter: Filter,
    place: &mut Option<Place>,
) -> Result<Vec<String>> {
    let mut plan = Plan {
        types: binary().into_iter().collect(),
        filter,
        sort: Vec::new(),
        count: BINARIES_PER_STEP,
        total: Total::None,
        after: None,
    };
    let mut left = cx.engine.settings.rows_examined_max;
    let mut closed = Vec::new();
    loop {
        let page = wide::search(cx, extractor, &plan).await?;
        let open = are_open(cx, &page.rows).await?;
        for (row, open) in page.rows.iter().zip(open) {
            match open {
                // What is closed uses up nothing: how much of it there is decides no answer.
                true => left = left.saturating_sub(1),
                false => closed.push(row.id.to_string()),
            }
        }
        if !page.more {
            return Ok(closed);
        }
        if left == 0 {
            return Err(too_many(cx));
        }
        if place.is_none() {
            *place = Some(costly_place(cx)?);
        }
        plan.after = page.next;
    }
}

/// The filter with another in place of each that is asked of Binaries at the far end of a hop, the inmost first.
fn far_ends(filter: Filter, of: &mut dyn FnMut(Filter) -> Filter) -> Filter {
    let leads_there = filter.far_type().is_some() && filter.far_type() == binary();
    filter.with_inner(&mut |inner| {
        let inner = far_ends(inner, of);
        match leads_there {
            true => of(inner),
            false => inner,
        }
    })
}

fn too_many(cx: Context<'_>) -> Failure {
    let text = format!(
        "a chained parameter leads to more than {} Binaries, each of which would have to be looked at; narrow what is asked of them, \
         or name another type (name:Type)",
        cx.engine.settings.rows_examined_max
    );
    Failure::new(Kind::TooCostly, text)
}
