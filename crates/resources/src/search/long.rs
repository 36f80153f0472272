//! Texts longer than the index keeps, where a part of them is asked for: the resources that have one are looked at first.
//! <https://hl7.org/fhir/R4/search.html#string>

use super::looked_at::LookedAt;
use super::question::LIST_MEMBERS_MAX;
use super::wide;
use crate::engine::Context;
use crate::masked::view;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind, TypeId};
use ward_search::check::decide;
use ward_search::extract::Extractor;
use ward_search::plan::{Filter, Plan, Total};
use ward_search::query::{LongTexts, Looked, long_texts, replace_long_texts};

/// Resources of one step.
const ROWS_PER_STEP: u32 = 500;

/// The filter, with what long texts decide of it as far as the caller may search them. Statements: none, or one for each
/// parameter of which a part is asked, and further ones for every 500 resources that have a long text of it.
///
/// Errors: `TooCostly` beyond `limits.rows_examined_max` such resources, or 10,000 of them that match.
pub async fn decided(
    cx: Context<'_>,
    extractor: &Extractor,
    types: &[TypeId],
    filter: Filter,
    looked_at: &mut LookedAt,
) -> Result<Filter> {
    let key = extractor.key();
    let groups = long_texts(&filter, types, key);
    if groups.is_empty() {
        return Ok(filter);
    }
    let count = groups.iter().map(|group| group.conditions.len()).sum();
    let mut looked = vec![Looked::default(); count];
    let mut left = cx.engine.settings.rows_examined_max;
    for group in &groups {
        look(cx, extractor, group, (&mut left, looked_at), &mut looked).await?;
    }
    Ok(replace_long_texts(filter, types, key, &looked))
}

async fn look(
    cx: Context<'_>,
    extractor: &Extractor,
    group: &LongTexts,
    (left, looked_at): (&mut usize, &mut LookedAt),
    looked: &mut [Looked],
) -> Result<()> {
    let mut plan = Plan {
        types: group.types.clone(),
        filter: group.candidates.clone(),
        sort: Vec::new(),
        count: ROWS_PER_STEP,
        total: Total::None,
        after: None,
    };
    loop {
        let page = wide::search(cx, extractor, &plan).await?;
        if plan.after.is_none() {
            looked_at.note(&plan, &page.rows);
        }
        *left = left.saturating_sub(page.rows.len());
        for row in &page.rows {
            let document = view(cx.access, row)?;
            let conditions = group.conditions.iter().map(|(_, filter)| filter);
            let found = decide(extractor, conditions, document.root());
            for ((place, _), is_match) in group.conditions.iter().zip(found) {
                looked[*place].any = true;
                if is_match {
                    looked[*place].matches.push((row.ty, row.id.to_string()));
                }
            }
        }
        let most = looked.iter().map(|l| l.matches.len()).max();
        if page.more && *left == 0 || most > Some(LIST_MEMBERS_MAX) {
            return Err(too_many());
        }
        if !page.more {
            return Ok(());
        }
        plan.after = page.next;
    }
}

fn too_many() -> Failure {
    let text = "too many resources have a longer text than the index keeps of what a part is asked for; add what narrows the \
                search, or ask for how the text begins";
    Failure::new(Kind::TooCostly, text)
}
