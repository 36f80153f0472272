//! Conditional interactions: the criteria of a search decide which resource is meant, and still hold at commit.
//! <https://hl7.org/fhir/R4/http.html#ccreate>

use crate::engine::{Context, stored};
use crate::place::demand_type;
use ward_access::Action;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind, TypeId};
use ward_search::plan::{Plan, Total};
use ward_storage::{Guard, Rid};

/// What the criteria match among what the caller may see.
pub enum Matches {
    /// Nothing; the guard keeps it so until the commit.
    None(Guard),
    One(Rid, Guard),
    Many,
}

/// Evaluates criteria such as `identifier=http://a|1`. Search rights are needed: the answer tells whether something exists.
pub async fn find(cx: Context<'_>, ty: TypeId, query: &str) -> Result<Matches> {
    let (plan, key) = criteria(cx, ty, query, 2)?;
    let page = stored(cx.engine.store.search(cx.access, &plan).await)?;
    let guard = |rids| Guard::Matches { key, plan, access: cx.access.clone(), rids };
    Ok(match page.rows.as_slice() {
        [] => Matches::None(guard(Vec::new())),
        [row] => Matches::One(row.rid, guard(vec![row.rid])),
        _ => Matches::Many,
    })
}

/// All matches up to `most`; more than that is refused by the caller. The guard holds the set until the commit.
pub async fn find_all(cx: Context<'_>, ty: TypeId, query: &str, most: u32) -> Result<(Vec<ward_storage::Row>, bool, Guard)> {
    let (plan, key) = criteria(cx, ty, query, most)?;
    let page = stored(cx.engine.store.search(cx.access, &plan).await)?;
    let rids = page.rows.iter().map(|r| r.rid).collect();
    Ok((page.rows, page.more, Guard::Matches { key, plan, access: cx.access.clone(), rids }))
}

/// Criteria are always strict: a parameter that were ignored would widen what is written.
fn criteria(cx: Context<'_>, ty: TypeId, query: &str, most: u32) -> Result<(Plan, i64)> {
    demand_type(cx.access, ty, Action::Search)?;
    let pairs = crate::search::decode_query(query);
    if pairs.is_empty() {
        return Err(Failure::new(Kind::Invalid, "a conditional interaction needs at least one search criterion"));
    }
    let (mut plan, _) = crate::search::parse(cx, &[ty], &pairs, true)?;
    if matches!(plan.filter, ward_search::plan::Filter::All) {
        return Err(Failure::new(Kind::Invalid, "the criteria of a conditional interaction select nothing in particular"));
    }
    plan.count = most;
    plan.total = Total::None;
    plan.sort.clear();
    let key = cx.engine.store.term_key().lock(ward_fhir::schema::r4().ty(ty).name, query);
    Ok((plan, key))
}
