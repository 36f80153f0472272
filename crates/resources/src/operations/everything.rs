//! `$everything` of a patient and of an encounter. <https://hl7.org/fhir/R4/patient-operation-everything.html>
//!
//! The patient's compartment comes page by page; the shared resources that a page refers to (practitioners, places,
//! medications) come with it, each once per page.

use crate::document::reread;
use crate::engine::{Context, stored};
use crate::place::demand_type;
use crate::read::{current, live};
use crate::reply::Reply;
use crate::search::entities;
use crate::search::included::Included;
use crate::search::links::{Trail, links};
use crate::search::page::bundle;
use crate::search::question::Question;
use crate::shown::is_shown;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use ward_access::{Access, Action};
use ward_fhir::date::PartialDate;
use ward_fhir::issue::Result;
use ward_fhir::reference::{self, Reference};
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, Node, TypeId};
use ward_search::hot;
use ward_search::plan::{Check, DateTest, Filter, Plan, Prefix, Total};
use ward_storage::{Current, Page, Rid, Row};

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
    let filter = referring(cx, id).await?;
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
async fn referring(cx: Context<'_>, id: &str) -> Result<Filter> {
    let reference = format!("Encounter/{id}");
    let mut filters = Vec::new();
    for compartment in r4().compartments.iter().filter(|c| c.code == "Encounter") {
        for (ty, codes) in &compartment.members {
            for code in codes
                .iter()
                .filter(|c| cx.engine.registry.find(*ty, c).is_some())
            {
                let pairs = [((*code).to_owned(), reference.clone())];
                filters.push(Question::read(cx, &[*ty], &pairs, true).await?.plan.filter);
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
    let mut asked = Asked::read(cx, filter, path)?;
    keep_readable(access, &mut asked.question.plan);
    let trail = Trail::open(cx, access, &asked.text)?;
    let start = trail.start()?;
    let first = first.filter(|row| start.is_none() && asked.holds(row));
    asked.question.plan.after = start;
    let page = asked.question.ask(cx, access).await?;
    let rows: Vec<Row> = first.into_iter().chain(page.rows).collect();
    let shared = Included {
        rows: referred(cx, &rows).await?,
        cut: false,
    };
    let next = page.next.filter(|_| page.more);
    let links = links(cx.engine, access, &asked.text, &trail, next.as_ref());
    let entities = entities(&rows, &shared);
    let page = Page {
        rows,
        more: false,
        next: None,
        total: None,
    };
    let body = bundle(cx, &page, &shared, &asked.question.used, &links, Vec::new())?;
    Ok(Reply {
        entities,
        ..Reply::resource(200, body)
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

/// What is asked besides whose record.
struct Asked {
    question: Question,
    /// For the links, without the cursor.
    text: String,
}

impl Asked {
    /// `start`, `end`, `_since`, `_type`, `_count`, `_summary` and `_elements`.
    fn read(cx: Context<'_>, filter: Filter, path: &str) -> Result<Asked> {
        let most = cx.engine.settings.everything_entries_max;
        let pairs: Vec<(String, String)> = super::parameters(cx)?
            .into_iter()
            .filter(|(name, _)| name != "_cursor")
            .collect();
        let shape: Vec<_> = pairs.iter().filter(|(n, _)| is_shown(n)).cloned().collect();
        let plan = Plan {
            types: Vec::new(),
            filter,
            sort: Vec::new(),
            count: most,
            total: Total::None,
            after: None,
        };
        let used = crate::search::shape(cx, &[], &shape)?;
        let mut question = Question::of_index(cx, plan, used);
        let (mut start, mut end) = (None, None);
        for (name, value) in &pairs {
            match name.as_str() {
                "start" => start = Some(date(name, value)?),
                "end" => end = Some(date(name, value)?),
                "_since" => {
                    let since = date(name, value)?;
                    question.and(Filter::Updated(DateTest {
                        prefix: Prefix::Ge,
                        low_us: since.low_us(),
                        high_us: since.high_us(),
                    }));
                }
                "_type" => question.plan.types.extend(types(value)?),
                "_count" => question.plan.count = crate::history::count(value, most)?.max(1),
                shaping if is_shown(shaping) => {}
                _ => {
                    let name = crate::route::printable(name);
                    return Err(Failure::new(
                        Kind::NotSupported,
                        format!(
                            "$everything takes start, end, _since, _type, _count, _summary and _elements, not '{name}'"
                        ),
                    ));
                }
            }
        }
        if start.is_some() || end.is_some() {
            let from = start.map_or(i64::MIN, |d| d.low_us());
            let to = end.map_or(i64::MAX, |d| d.high_us());
            question.checks.push(cared_for_within(cx, from, to));
        }
        let text = format!("{path}?{}", crate::search::encode_query(&pairs));
        Ok(Asked { question, text })
    }

    /// Whether a resource that comes by itself is asked for.
    fn holds(&self, row: &Row) -> bool {
        let types = &self.question.plan.types;
        types.is_empty() || types.contains(&row.ty)
    }
}

fn types(value: &str) -> Result<Vec<TypeId>> {
    let ty = |name| {
        r4().resource_type(name)
            .ok_or_else(|| Failure::new(Kind::Invalid, "_type takes resource types of R4"))
    };
    value.split(',').map(ty).collect()
}

fn date(name: &str, value: &str) -> Result<PartialDate> {
    // A plus sign that was not percent-encoded arrives as a space.
    PartialDate::parse(&value.replace(' ', "+"), true)
        .ok_or_else(|| Failure::new(Kind::Invalid, format!("{name} takes a date or an instant")))
}

/// `start` and `end` bound care dates: the time that the type's clinical date parameter names must touch [from, to]. A Patient,
/// and whatever has no such date, belongs to the record at any time.
fn cared_for_within(cx: Context<'_>, from: i64, to: i64) -> Check {
    let extractor = cx.engine.extractor.clone();
    let test = move |node: Node<'_>| {
        let parameter = extractor
            .registry()
            .find(node.ty(), hot::of(node.type_name()).date);
        let Some(parameter) = parameter.filter(|_| node.type_name() != "Patient") else {
            return true;
        };
        let entries = extractor.extract(node, &|_| None);
        let mut dates = entries
            .dates
            .iter()
            .filter(|d| d.param == parameter.def.number())
            .peekable();
        dates.peek().is_none() || dates.any(|d| d.low_us <= to && d.high_us >= from)
    };
    Check {
        name: "start".to_owned(),
        test: Arc::new(test),
    }
}

/// Live resources outside the rows that they refer to, as far as the caller may read them.
async fn referred(cx: Context<'_>, rows: &[Row]) -> Result<Vec<Row>> {
    let present: HashSet<Rid> = rows.iter().map(|r| r.rid).collect();
    // In their order, so that an answer is the same each time.
    let mut wanted: BTreeSet<(TypeId, String)> = BTreeSet::new();
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
