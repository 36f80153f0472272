//! search on type, system and compartment level. <https://hl7.org/fhir/R4/http.html#search>
//!
//! One path: query text, [`question::Question`], one page of the store, what is included with it, the Bundle.

pub(crate) mod apart;
mod back;
mod closed;
mod compartment;
mod contained;
mod encoding;
pub(crate) mod explain;
mod hierarchy;
pub(crate) mod included;
pub(crate) mod links;
mod long;
mod looked_at;
pub(crate) mod named;
pub(crate) mod open;
pub(crate) mod page;
pub(crate) mod question;
pub(crate) mod targets;
pub(crate) mod terminology;
mod wide;

pub use compartment::compartment;
pub use encoding::{Pairs, decode_query, encode_query};

use crate::engine::Context;
use crate::place::{demand_any, demand_type};
use crate::read::seen;
use crate::reply::Reply;
use included::Included;
use links::{Trail, links};
use question::Question;
use std::borrow::Cow;
use ward_access::{Access, Action};
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, TypeId};
use ward_search::entries::Term;
use ward_search::plan::Filter;
use ward_search::query::{Options, Summary, Used};
use ward_search::terminology::Embedded;
use ward_storage::{Page, Row};

pub async fn on_type(cx: Context<'_>, ty: TypeId) -> Result<Reply> {
    demand_type(cx.access, ty, Action::Search)?;
    answer(cx, cx.access, &[ty], r4().ty(ty).name, None).await
}

pub async fn system(cx: Context<'_>) -> Result<Reply> {
    demand_any(cx.access, Action::Search)?;
    answer(cx, cx.access, &[], "", None).await
}

/// Reads the query, asks the store for a page and for what is included with it, and writes the Bundle around the stored bytes.
/// `within` narrows the matches beside what the caller may see.
async fn answer(
    cx: Context<'_>,
    access: &Access,
    types: &[TypeId],
    path: &str,
    within: Option<Filter>,
) -> Result<Reply> {
    for _ in 0..cx.engine.settings.write_attempts_max {
        if let Some(reply) = attempt(cx, access, types, path, within.clone()).await? {
            return Ok(reply);
        }
    }
    let text = "what is indexed is being changed; try again";
    Err(Failure::new(Kind::Unavailable, text))
}

/// `None`: the index has changed while it was asked.
async fn attempt(
    cx: Context<'_>,
    access: &Access,
    types: &[TypeId],
    path: &str,
    within: Option<Filter>,
) -> Result<Option<Reply>> {
    let mut pairs = without_cursor(cx);
    let is_explained = explain::take(cx, &mut pairs);
    // What a compartment has of all types is asked as the system is.
    let level = if types.len() > 1 { &[] } else { types };
    let (pairs, is_named) = named::expand(cx, level, pairs).await?;
    crate::audit_events::demand_no_hop(&pairs)?;
    let strict = cx.call.prefer.strict || is_named;
    let mut question = Question::read(cx, types, &pairs, strict).await?;
    if let Some(filter) = within {
        question.and(filter);
    }
    demand_includable(&question.used)?;
    let mut further = Vec::new();
    if is_explained {
        question.used.pairs.push(("explain".into(), "true".into()));
        further = explain::issues(cx, access, &question).await?;
    }
    let text = format!("{path}?{}", encode_query(&question.used.pairs));
    let trail = Trail::open(cx, access, &text)?;
    let (page, trail) = back::page(cx, access, &mut question, trail).await?;
    let rows = once(&page);
    let included = included::of(cx, question.extractor(), &question.used.includes, &rows).await?;
    if !question.was_whole(cx).await? {
        return Ok(None);
    }
    let next = page.next.as_ref().filter(|_| page.more);
    let links = links(cx, access, &text, &trail, next);
    let body = page::bundle(cx, &page, &included, &question.used, &links, further)?;
    Ok(Some(Reply {
        entities: entities(&rows, &included),
        ..Reply::resource(200, body)
    }))
}

/// The rows of a page, each once: several contained resources of one may be matches.
fn once(page: &Page) -> Cow<'_, [Row]> {
    if page.positions.iter().all(|at| at.part == 0) {
        return Cow::Borrowed(&page.rows);
    }
    let mut rows = page.rows.clone();
    rows.dedup_by_key(|row| row.rid);
    Cow::Owned(rows)
}

/// Everything that leaves is remembered: matches and what came with them.
pub(crate) fn entities(rows: &[Row], included: &Included) -> Vec<ward_audit::Entity> {
    rows.iter().chain(&included.rows).map(seen).collect()
}

pub(crate) fn without_cursor(cx: Context<'_>) -> Pairs {
    let named = |(name, _): &&(String, String)| name != "_cursor";
    cx.call.parameters.iter().filter(named).cloned().collect()
}

/// <https://hl7.org/fhir/R4/search.html#summary>: a narrative without its data brings nothing with it.
pub(crate) fn demand_includable(used: &Used) -> Result<()> {
    if used.summary == Some(Summary::Text) && !used.includes.is_empty() {
        let text = "'_summary=text' cannot be combined with '_include' or '_revinclude'";
        return Err(Failure::new(Kind::Invalid, text));
    }
    Ok(())
}

/// Parameters that shape an answer, where there is nothing to match (read, history): unknown elements are left out.
pub(crate) fn shape(cx: Context<'_>, types: &[TypeId], pairs: &[(String, String)]) -> Result<Used> {
    let settings = &cx.engine.settings;
    let options = Options {
        strict: cx.call.prefer.strict,
        now_us: cx.engine.now_us(),
        count_default: settings.page_entries_default,
        count_max: settings.page_entries_max,
        terminology: &Embedded,
    };
    Ok(ward_search::query::parse(&cx.engine.extractor, types, pairs, &options)?.1)
}

/// The terms under which resources of a type are found by their canonical url.
pub(crate) fn url_terms(cx: Context<'_>, ty: TypeId, url: &str) -> Vec<Term> {
    let mut escaped = String::with_capacity(url.len());
    for c in url.chars() {
        if matches!(c, '\\' | ',' | '$' | '|') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    let options = Options {
        strict: true,
        now_us: 0,
        count_default: 1,
        count_max: 1,
        terminology: &Embedded,
    };
    let pairs = [("url", escaped)];
    match ward_search::query::parse(&cx.engine.extractor, &[ty], &pairs, &options) {
        Ok((plan, _)) => match plan.filter {
            Filter::AnyTerm(terms) => terms,
            _ => Vec::new(),
        },
        Err(_) => Vec::new(),
    }
}
