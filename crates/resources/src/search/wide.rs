//! What more entries of the index fit than it combines: how many there are is of the whole store, what others keep hidden
//! included, so it refuses nothing. Each row that the caller may see decides instead, under the budget of rows.

use super::question::LIST_MEMBERS_MAX;
use crate::engine::{Context, stored};
use crate::masked;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind, TypeId};
use ward_search::check::{Ids, far_ends, loosen, with_far_ends};
use ward_search::extract::Extractor;
use ward_search::plan::{Check, Filter, Plan, Total};
use ward_storage::{Looking, Page, StoreError};

/// Times that a question is loosened: of its far ends, then of itself.
pub const LOOSENED_MAX: usize = 2;
/// Resources of one step.
const ROWS_PER_STEP: u32 = 500;

/// The plan without parts that `wide` names ([`StoreError::Wide`]), and the checks that stand for them. Where some are at the far
/// ends of hops, these are looked up first and the rest is left for the next time. Statements: none, or for each such hop one for
/// every 500 resources of its type and two more.
///
/// Errors: `TooCostly` for what is behind two hops, and where more than 10,000 match at a far end.
pub async fn loosened(
    cx: Context<'_>,
    extractor: &Extractor,
    plan: &Plan,
    wide: u64,
) -> Result<(Plan, Vec<Check>)> {
    let mut plan = plan.clone();
    let ends = far_ends(&plan.filter, wide);
    if ends.is_empty() {
        let split = loosen(plan.filter, wide, extractor)?;
        plan.filter = split.index;
        return Ok((plan, split.checks));
    }
    let mut found = Vec::new();
    for (ty, filter) in ends {
        found.push(matching(cx, extractor, ty, filter).await?);
    }
    plan.filter = with_far_ends(plan.filter, wide, found);
    Ok((plan, Vec::new()))
}

/// What the caller may search of the type and matches.
pub(super) async fn matching(
    cx: Context<'_>,
    extractor: &Extractor,
    ty: TypeId,
    filter: Filter,
) -> Result<Ids> {
    let mut plan = Plan {
        types: vec![ty],
        filter,
        sort: Vec::new(),
        count: ROWS_PER_STEP,
        total: Total::None,
        after: None,
    };
    let mut ids = Ids::new();
    loop {
        let page = search(cx, extractor, &plan).await?;
        ids.extend(page.rows.iter().map(|row| row.id.to_string()));
        if ids.len() > LIST_MEMBERS_MAX {
            let text = format!(
                "more than {LIST_MEMBERS_MAX} resources match behind a chained parameter; narrow it"
            );
            return Err(Failure::new(Kind::TooCostly, text));
        }
        if !page.more {
            return Ok(ids);
        }
        plan.after = page.next;
    }
}

/// A page for what decides a question before it is asked.
pub async fn search(cx: Context<'_>, extractor: &Extractor, plan: &Plan) -> Result<Page> {
    let wide = match cx.view.search(cx.access, plan).await {
        Err(StoreError::Wide(wide)) => wide,
        other => return stored(other),
    };
    let split = loosen(plan.filter.clone(), wide, extractor)?;
    let plan = Plan {
        filter: split.index,
        ..plan.clone()
    };
    let looking = Looking {
        checks: &split.checks,
        score: None,
        contained: None,
        extractor,
        rows_max: cx.engine.settings.rows_examined_max,
        view: &|row| masked::view(cx.access, row).ok(),
    };
    stored(cx.view.examine(cx.access, &plan, looking).await)
}
