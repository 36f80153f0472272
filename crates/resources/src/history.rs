//! history on instance, type and system level. <https://hl7.org/fhir/R4/http.html#history>

use crate::binary::{is_binary, retain_open};
use crate::bundle_json::{BundleWriter, Response, status_line};
use crate::cursor;
use crate::engine::{Context, stored};
use crate::place::{demand_any, demand_type};
use crate::read::{NO_ROW, as_looked_up, locate, not_found, seen};
use crate::reply::Reply;
use crate::search::Pairs;
use crate::search::links::url;
use crate::shown::{Shown, is_shown};
use ward_access::Action;
use ward_fhir::date::{PartialDate, instant_text};
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, TypeId};
use ward_storage::{HistoryQuery, HistoryScope, Op, Page, Rid, Row};

pub async fn instance(cx: Context<'_>, ty: TypeId, id: &str) -> Result<Reply> {
    demand_type(cx.access, ty, Action::Read)?;
    let rid = locate(cx, ty, id).await?.unwrap_or(NO_ROW);
    let path = format!("{}/{id}/_history", r4().ty(ty).name);
    let answered = answer(cx, HistoryScope::Instance { ty, rid }, &path).await;
    if answered.is_err() {
        as_looked_up(cx, ty, id).await?;
    }
    answered
}

pub async fn on_type(cx: Context<'_>, ty: TypeId) -> Result<Reply> {
    demand_type(cx.access, ty, Action::Search)?;
    answer(
        cx,
        HistoryScope::Type(ty),
        &format!("{}/_history", r4().ty(ty).name),
    )
    .await
}

pub async fn system(cx: Context<'_>) -> Result<Reply> {
    demand_any(cx.access, Action::Search)?;
    answer(cx, HistoryScope::System, "_history").await
}

async fn answer(cx: Context<'_>, scope: HistoryScope, path: &str) -> Result<Reply> {
    let on_instance = matches!(scope, HistoryScope::Instance { .. });
    let types: Vec<TypeId> = match &scope {
        HistoryScope::Instance { ty, .. } | HistoryScope::Type(ty) => vec![*ty],
        HistoryScope::System => Vec::new(),
    };
    let (shown, shaping) = Shown::asked_by(cx, &types)?;
    let (query, question) = query(cx, scope, path, shaping)?;
    let (page, next) = open_versions(cx, &query, &types).await?;
    if on_instance
        && page.rows.is_empty()
        && !page.more
        && query.since_us.is_none()
        && query.at_us.is_none()
        && query.after.is_none()
    {
        return Err(not_found());
    }
    let entities = page.rows.iter().map(seen).collect();
    Ok(Reply {
        entities,
        ..Reply::resource(200, bundle(cx, &page, next.as_deref(), &question, &shown)?)
    })
}

/// A page, and where the next one starts. Of Binaries what their contexts close makes it no shorter: statements are those of a
/// page and two for the contexts, for as many pages as it takes to fill one.
async fn open_versions(
    cx: Context<'_>,
    query: &HistoryQuery,
    types: &[TypeId],
) -> Result<(Page, Option<Vec<u8>>)> {
    let count = query.count as usize;
    let mut asked = query.clone();
    if count > 0 && (types.is_empty() || types.iter().any(|ty| is_binary(*ty))) {
        // One more, which tells whether anything open follows.
        asked.count = query.count.saturating_add(1);
    }
    let mut left = cx.engine.settings.rows_examined_max;
    let mut kept = Vec::new();
    loop {
        let versions = cx.view.history(cx.access, &cx.engine.compartments, &asked);
        let mut page = stored(versions.await)?;
        left = left.saturating_sub(page.rows.len());
        let last = page.rows.last().map(position_of);
        retain_open(cx, &mut page.rows).await?;
        kept.append(&mut page.rows);
        page.more |= kept.len() > count;
        // Rather a short page than none where so many are closed.
        let is_full = asked.count == query.count || kept.len() > count;
        if is_full || !page.more || left == 0 || last.is_none() {
            let last = match kept.len() > count {
                true => kept[..count].last().map(position_of),
                false => last,
            };
            kept.truncate(count);
            let next = last.filter(|_| page.more).map(bytes);
            return Ok((Page { rows: kept, ..page }, next));
        }
        asked.after = last;
    }
}

/// `_since`, `_at`, `_count`, `_summary`, `_elements`, `_cursor`; anything else is refused, since it would silently change the answer.
/// With the question for the links, without the cursor; `shaping`: what of `_summary` and `_elements` was used.
fn query(
    cx: Context<'_>,
    scope: HistoryScope,
    path: &str,
    shaping: Pairs,
) -> Result<(HistoryQuery, String)> {
    let settings = &cx.engine.settings;
    let mut query = HistoryQuery {
        scope,
        since_us: None,
        at_us: None,
        count: settings.page_entries_default,
        after: None,
    };
    let mut cursor = None;
    let mut kept = Pairs::new();
    for (name, value) in &cx.call.parameters {
        match name.as_str() {
            "_since" => query.since_us = Some(date(name, value)?.low_us()),
            "_at" => {
                let at = date(name, value)?;
                query.at_us = Some((at.low_us(), at.high_us()));
            }
            "_count" => query.count = count(value, settings.page_entries_max)?,
            "_cursor" => {
                cursor = Some(value);
                continue;
            }
            shaping if is_shown(shaping) => continue,
            _ => {
                let name = crate::route::printable(name);
                return Err(Failure::new(
                    Kind::NotSupported,
                    format!(
                        "history has no parameter '{name}'; it has _since, _at, _count, _summary, _elements"
                    ),
                ));
            }
        }
        kept.push((name.clone(), value.clone()));
    }
    kept.extend(shaping);
    let question = format!("{path}?{}", crate::search::encode_query(&kept));
    if let Some(cursor) = cursor {
        query.after = Some(position(&cursor::open(
            cx.engine, cx.access, &question, cursor,
        )?)?);
    }
    Ok((query, question))
}

fn date(name: &str, value: &str) -> Result<PartialDate> {
    // A plus sign that was not percent-encoded arrives as a space.
    PartialDate::parse(&value.replace(' ', "+"), true).ok_or_else(|| {
        Failure::new(
            Kind::Invalid,
            format!("{name} takes an instant, dateTime or date"),
        )
    })
}

/// `_count=0` asks for no entries; larger than the limit is cut to it, as R4 permits.
pub(crate) fn count(value: &str, most: u32) -> Result<u32> {
    let count: u32 = value
        .parse()
        .map_err(|_| Failure::new(Kind::Invalid, "_count takes a non-negative integer"))?;
    Ok(count.min(most))
}

fn bundle(
    cx: Context<'_>,
    page: &Page,
    next: Option<&[u8]>,
    question: &str,
    shown: &Shown,
) -> Result<Vec<u8>> {
    let own = cx.call.parameter("_cursor").map(str::to_owned);
    let mut links = vec![("self", url(cx, question, own))];
    if let Some(next) = next {
        let cursor = cursor::seal(cx.engine, cx.access, question, next);
        links.push(("next", url(cx, question, Some(cursor))));
    }
    let mut bundle = BundleWriter::new("history", page.total, &links);
    for row in &page.rows {
        entry(cx, &mut bundle, row, shown)?;
    }
    Ok(bundle.finish())
}

fn entry(cx: Context<'_>, bundle: &mut BundleWriter, row: &Row, shown: &Shown) -> Result<()> {
    let base = &cx.engine.settings.base;
    let ty = r4().ty(row.ty).name;
    let url = format!("{ty}/{}", row.id);
    // What was POSTed is the first version of an id that the server gave.
    let is_posted = row.version == 1 && cx.engine.store.decode_id(&row.id).is_some();
    bundle.entry(Some(&format!("{base}/{url}")));
    let (method, target, status) = match row.op {
        Op::Create if is_posted => ("POST", ty, 201),
        Op::Create => ("PUT", url.as_str(), 201),
        Op::Update => ("PUT", url.as_str(), 200),
        Op::Delete => ("DELETE", url.as_str(), 204),
    };
    if row.op != Op::Delete {
        bundle.resource(&shown.body(&row.body)?);
    }
    bundle.request(method, target);
    let (line, at) = (status_line(status), instant_text(row.updated_us));
    bundle.response(&Response {
        status: &line,
        version: Some(row.version),
        last_modified: Some(&at),
        ..Response::default()
    });
    Ok(())
}

fn position_of(row: &Row) -> (i64, Rid, u32) {
    (row.updated_us, row.rid, row.version)
}

fn bytes((updated_us, rid, version): (i64, Rid, u32)) -> Vec<u8> {
    let mut out = Vec::with_capacity(20);
    out.extend_from_slice(&updated_us.to_le_bytes());
    out.extend_from_slice(&rid.to_le_bytes());
    out.extend_from_slice(&version.to_le_bytes());
    out
}

fn position(bytes: &[u8]) -> Result<(i64, i64, u32)> {
    let refused = || {
        Failure::new(
            Kind::Invalid,
            "the page link is not valid; start again from the first page",
        )
    };
    let at = bytes
        .get(0..8)
        .and_then(|b| b.try_into().ok())
        .map(i64::from_le_bytes)
        .ok_or_else(refused)?;
    let rid = bytes
        .get(8..16)
        .and_then(|b| b.try_into().ok())
        .map(i64::from_le_bytes)
        .ok_or_else(refused)?;
    let version = bytes
        .get(16..20)
        .and_then(|b| b.try_into().ok())
        .map(u32::from_le_bytes)
        .ok_or_else(refused)?;
    Ok((at, rid, version))
}
