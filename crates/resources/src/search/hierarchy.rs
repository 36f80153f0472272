//! `:above` and `:below` of references: what a resource is part of, and what is part of it.
//! <https://hl7.org/fhir/R4/search.html#recursive>
//!
//! Read level by level before the question is asked. At each step only what the caller may search leads further; a circle ends
//! where it began.

use crate::document::reread;
use crate::engine::{Context, stored};
use crate::referred::unseen;
use std::collections::BTreeSet;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind, TypeId};
use ward_search::extract::Extractor;
use ward_search::plan::{Filter, Hierarchy, Plan, Total};
use ward_search::query::{Include, Including, parent, referring};
use ward_storage::Row;

/// Resources of a hierarchy, above or below one.
pub const HIERARCHY_MAX: usize = 2_000;
/// Steps from it to the furthest.
pub const LEVELS_MAX: usize = 32;
/// Resources of one statement.
const ROWS_PER_STEP: u32 = 500;

/// The logical ids of the resource and of all above or below it that the caller sees. Statements: one for each level, and further ones for every 500
/// resources.
///
/// Errors: `TooCostly` beyond the limits.
pub async fn related(
    cx: Context<'_>,
    extractor: &Extractor,
    asked: &Hierarchy,
) -> Result<BTreeSet<String>> {
    let mut all = BTreeSet::from([asked.id.clone()]);
    let mut level = all.clone();
    for _ in 0..LEVELS_MAX {
        let mut next = BTreeSet::new();
        for row in rows(cx, extractor, asked, level).await? {
            match asked.above {
                true => next.extend(parents(extractor, asked, &row)?),
                false => drop(next.insert(row.id.to_string())),
            }
        }
        next.retain(|id| !all.contains(id));
        if next.is_empty() {
            return seen(cx, asked.ty, all).await;
        }
        all.extend(next.iter().cloned());
        if all.len() > HIERARCHY_MAX {
            break;
        }
        level = next;
    }
    let text = format!(
        "the hierarchy has more than {HIERARCHY_MAX} resources or {LEVELS_MAX} levels from there; ask for a smaller part of it"
    );
    Err(Failure::new(Kind::TooCostly, text))
}

/// Without those that the caller does not see, at which the way up has ended. One statement more for whom some may be hidden.
async fn seen(cx: Context<'_>, ty: TypeId, all: BTreeSet<String>) -> Result<BTreeSet<String>> {
    if !cx.access.may_hide(ty) {
        return Ok(all);
    }
    let named = all.into_iter().map(|id| (ty, id)).collect();
    let hidden = unseen(cx, &named).await?;
    let ids = named.into_iter().map(|(_, id)| id);
    Ok(ids.filter(|id| !hidden.has(ty, id)).collect())
}

/// Those of a level themselves (`above`), or what is part of them.
async fn rows(
    cx: Context<'_>,
    extractor: &Extractor,
    asked: &Hierarchy,
    level: BTreeSet<String>,
) -> Result<Vec<Row>> {
    let filter = match asked.above {
        true => Filter::Ids(level.into_iter().collect()),
        false => {
            let parts = Hierarchy {
                params: parameters(extractor, asked),
                ..asked.clone()
            };
            referring(extractor.key(), &parts, &level)
        }
    };
    let mut plan = Plan {
        types: vec![asked.ty],
        filter,
        sort: Vec::new(),
        count: ROWS_PER_STEP,
        total: Total::None,
        after: None,
    };
    let mut rows = Vec::new();
    loop {
        let page = stored(cx.view.search(cx.access, &plan).await)?;
        rows.extend(page.rows);
        if !page.more || rows.len() > HIERARCHY_MAX {
            return Ok(rows);
        }
        plan.after = page.next;
    }
}

/// Numbers of the parameters that hold by what a resource of the type is a part.
fn parameters(extractor: &Extractor, asked: &Hierarchy) -> Vec<u16> {
    let found = parent(extractor.registry(), asked.ty);
    found.map_or(Vec::new(), |p| p.numbers_for(asked.ty).collect())
}

fn parents(extractor: &Extractor, asked: &Hierarchy, row: &Row) -> Result<Vec<String>> {
    let Some(parent) = parent(extractor.registry(), asked.ty) else {
        return Ok(Vec::new());
    };
    let include = Include {
        iterate: false,
        reverse: false,
        source: Some(asked.ty),
        param: Some(parent.code().into()),
        target: Some(asked.ty),
    };
    let document = reread(&row.body)?;
    let found = include.targets(extractor, document.root()).into_iter();
    let ids = found.filter_map(|including| match including {
        Including::Resource { id, .. } => Some(id),
        Including::Canonical(_) => None,
    });
    Ok(ids.collect())
}
