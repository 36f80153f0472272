//! `$everything` of a patient and of an encounter. <https://hl7.org/fhir/R4/patient-operation-everything.html>
//!
//! The patient's compartment comes page by page; the shared resources that a page refers to (practitioners, places,
//! medications) come with it, each once per page.

use crate::bundle_json::BundleWriter;
use crate::cursor;
use crate::document::reread;
use crate::engine::{Context, stored};
use crate::place::demand_type;
use crate::read::{current, live, seen};
use crate::reply::Reply;
use std::collections::HashSet;
use ward_access::{Access, Action};
use ward_fhir::issue::Result;
use ward_fhir::reference::{self, Reference};
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, TypeId};
use ward_search::plan::{DateTest, Filter, Plan, Prefix, Total};
use ward_storage::{Current, Rid, Row};

pub async fn patient(cx: Context<'_>, id: &str) -> Result<Reply> {
    let ty = crate::place::patient_type();
    demand_type(cx.access, ty, Action::Read)?;
    let row = live(current(cx, Action::Read, ty, id).await?)?;
    let access = cx.access.narrow(cx.engine.patient_key(row.rid));
    answer(
        cx,
        &access,
        Filter::All,
        &format!("Patient/{id}/$everything"),
        None,
    )
    .await
}

/// The encounter and what refers to it.
pub async fn encounter(cx: Context<'_>, ty: TypeId, id: &str) -> Result<Reply> {
    demand_type(cx.access, ty, Action::Read)?;
    let row = live(current(cx, Action::Read, ty, id).await?)?;
    let filter = referring(cx, id)?;
    answer(
        cx,
        cx.access,
        filter,
        &format!("Encounter/{id}/$everything"),
        Some(row),
    )
    .await
}

/// What refers to the encounter by a parameter of the Encounter compartment.
fn referring(cx: Context<'_>, id: &str) -> Result<Filter> {
    let reference = format!("Encounter/{id}");
    let mut filters = Vec::new();
    for compartment in r4().compartments.iter().filter(|c| c.code == "Encounter") {
        for (ty, codes) in &compartment.members {
            for code in codes
                .iter()
                .filter(|c| cx.engine.registry.find(*ty, c).is_some())
            {
                let pairs = [((*code).to_owned(), reference.clone())];
                filters.push(crate::search::parse(cx, &[*ty], &pairs, true)?.0.filter);
            }
        }
    }
    Ok(Filter::Or(filters))
}

async fn answer(
    cx: Context<'_>,
    access: &Access,
    filter: Filter,
    path: &str,
    first: Option<Row>,
) -> Result<Reply> {
    let (mut plan, question, cursor) = plan(cx, filter, path)?;
    keep_readable(access, &mut plan);
    let on_first_page = cursor.is_none();
    if let Some(cursor) = cursor {
        let bytes = cursor::open(cx.engine, access, &question, &cursor)?;
        plan.after = Some(crate::search::open_position(&bytes)?);
    }
    let page = stored(cx.engine.store.search(access, &plan).await)?;
    let mut rows: Vec<Row> = first
        .into_iter()
        .filter(|row| on_first_page && (plan.types.is_empty() || plan.types.contains(&row.ty)))
        .collect();
    rows.extend(page.rows);
    let shared = referred(cx, &rows).await?;
    let base = &cx.engine.settings.base;
    let mut links = vec![("self", format!("{base}/{}", question.trim_end_matches('?')))];
    if let Some(next) = page.next.as_ref().filter(|_| page.more) {
        let separator = if question.ends_with('?') { "" } else { "&" };
        links.push((
            "next",
            format!(
                "{base}/{question}{separator}_cursor={}",
                cursor::sign(
                    cx.engine,
                    access,
                    &question,
                    &ward_search::cursor::encode(next)
                )
            ),
        ));
    }
    let mut bundle = BundleWriter::new("searchset", None, &links);
    for (mode, row) in rows
        .iter()
        .map(|r| ("match", r))
        .chain(shared.iter().map(|r| ("include", r)))
    {
        let url = format!("{base}/{}/{}", r4().ty(row.ty).name, row.id);
        bundle.entry(Some(&url)).resource(&row.body).search(mode);
    }
    let entities = rows.iter().chain(&shared).map(seen).collect();
    Ok(Reply {
        entities,
        ..Reply::resource(200, bundle.finish())
    })
}

/// The search finds what the caller may search; each type of it must be theirs to read as well.
fn keep_readable(access: &Access, plan: &mut Plan) {
    let hidden = |ty: &TypeId| access.may(*ty, Action::Search) && !access.may(*ty, Action::Read);
    let asked = if plan.types.is_empty() {
        crate::capabilities::all_types()
    } else {
        plan.types.clone()
    };
    if !asked.iter().any(hidden) {
        return;
    }
    plan.types = asked.into_iter().filter(|ty| !hidden(ty)).collect();
    // No types at all would stand for all of them.
    if plan.types.is_empty() {
        plan.filter = Filter::Nothing;
    }
}

/// `_since`, `_type`, `_count` and the cursor; `start` and `end` bound care dates and are not served.
fn plan(cx: Context<'_>, filter: Filter, path: &str) -> Result<(Plan, String, Option<String>)> {
    let most = cx.engine.settings.everything_entries_max;
    let mut plan = Plan {
        types: Vec::new(),
        filter,
        sort: Vec::new(),
        count: most,
        total: Total::None,
        after: None,
    };
    let mut cursor = None;
    let mut kept = Vec::new();
    for (name, value) in parameters(cx)? {
        match name.as_str() {
            "_since" => {
                let since = ward_fhir::date::PartialDate::parse(&value.replace(' ', "+"), true)
                    .ok_or_else(|| Failure::new(Kind::Invalid, "_since takes an instant"))?;
                let test = DateTest {
                    prefix: Prefix::Ge,
                    low_us: since.low_us(),
                    high_us: since.high_us(),
                };
                plan.filter = Filter::And(vec![plan.filter, Filter::Updated(test)]);
            }
            "_type" => {
                for name in value.split(',') {
                    let ty = r4().resource_type(name).ok_or_else(|| {
                        Failure::new(Kind::Invalid, "_type takes resource types of R4")
                    })?;
                    plan.types.push(ty);
                }
            }
            "_count" => plan.count = crate::history::count(&value, most)?.max(1),
            "_cursor" => cursor = Some(value.clone()),
            _ => {
                let name = crate::route::printable(&name);
                return Err(Failure::new(
                    Kind::NotSupported,
                    format!("$everything takes _since, _type and _count here, not '{name}'"),
                ));
            }
        }
        if name != "_cursor" {
            kept.push((name, value));
        }
    }
    Ok((
        plan,
        format!("{path}?{}", crate::search::encode_query(&kept)),
        cursor,
    ))
}

/// From the query, or from a Parameters body on POST.
fn parameters(cx: Context<'_>) -> Result<Vec<(String, String)>> {
    let mut pairs = cx.call.parameters.clone();
    if cx.call.body.as_ref().is_some_and(|b| !b.bytes.is_empty()) {
        let document = crate::document::read_body(cx.call, r4().resource_type("Parameters"))?;
        for parameter in document.root().all("parameter") {
            if let (Some(name), Some(value)) = (parameter.text("name"), parameter.text("value")) {
                pairs.push((name.to_owned(), value.to_owned()));
            }
        }
    }
    Ok(pairs)
}

/// Live resources outside the rows that they refer to, as far as the caller may read them.
async fn referred(cx: Context<'_>, rows: &[Row]) -> Result<Vec<Row>> {
    let present: HashSet<Rid> = rows.iter().map(|r| r.rid).collect();
    let mut wanted: HashSet<(TypeId, String)> = HashSet::new();
    for row in rows {
        let document = reread(&row.body)?;
        for node in document
            .root()
            .descendants_and_self()
            .filter(|n| n.type_name() == "Reference")
        {
            if let Some(Reference::Local { ty, id, .. }) = node
                .text("reference")
                .and_then(|t| reference::parse(t, Some(&cx.engine.settings.base)))
                && !ward_access::Compartments::r4().is_member(ty)
            {
                wanted.insert((ty, id.to_owned()));
            }
        }
    }
    let keys: Vec<(TypeId, &str)> = wanted.iter().map(|(ty, id)| (*ty, id.as_str())).collect();
    let rids = stored(cx.engine.store.locate(&keys).await)?;
    let located: Vec<(TypeId, Rid)> = keys
        .iter()
        .zip(rids)
        .filter_map(|(k, rid)| rid.map(|rid| (k.0, rid)))
        .filter(|(_, rid)| !present.contains(rid))
        .collect();
    let found = stored(
        cx.engine
            .store
            .read_many(cx.access, Action::Read, &located)
            .await,
    )?;
    let live = |current| match current {
        Current::Live(row) => Some(row),
        _ => None,
    };
    let mut rows: Vec<Row> = found.into_iter().filter_map(live).collect();
    crate::binary::retain_open(cx, &mut rows).await?;
    Ok(rows)
}
