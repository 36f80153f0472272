//! `Observation/$lastn`: the most recent observations of each kind. <https://hl7.org/fhir/R4/observation-operation-lastn.html>

use crate::document::reread;
use crate::engine::Context;
use crate::place::demand_type;
use crate::reply::Reply;
use crate::search::question::Question;
use crate::search::{encode_query, entities, included, links, page};
use crate::seen::hidden;
use std::collections::HashMap;
use ward_access::Action;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, Node, TypeId};
use ward_search::hot;
use ward_search::query::{Summary, is_blank};
use ward_storage::{Page, Row};

/// Observations that one question may look through.
pub const OBSERVATIONS_MAX: usize = 20_000;
/// Read at a time.
const ROWS_PER_STEP: u32 = 1_000;

/// By when it was, not by when it was stored: what has no such time comes last.
const LATEST_FIRST: [&str; 2] = ["_sort", "-date"];

/// Whose observations: one of these must be given.
const SUBJECTS: &[&str] = &["patient", "subject"];
/// Which observations: one of these must be given.
const KINDS: &[&str] = &[
    "category",
    "code",
    "code-value-concept",
    "code-value-date",
    "code-value-quantity",
    "code-value-string",
    "combo-code",
    "combo-code-value-concept",
    "combo-code-value-quantity",
    "component-code",
    "component-code-value-concept",
    "component-code-value-quantity",
];

/// Groups share a coding of `code`, or its text where there is none; each with its `max` (default 1) latest, latest first.
/// Reads every observation that the criteria match: a patient's record, not a hospital's.
pub async fn last(cx: Context<'_>, ty: TypeId) -> Result<Reply> {
    demand_type(cx.access, ty, Action::Search)?;
    demand_dates(cx, ty)?;
    let (max, mut pairs) = split(super::parameters(cx)?)?;
    demand_criteria(&pairs)?;
    let [name, value] = LATEST_FIRST.map(str::to_owned);
    pairs.push((name, value));
    let mut question = Question::read(cx, &[ty], &pairs, cx.call.prefer.strict).await?;
    question.plan.count = ROWS_PER_STEP;
    let mut rows = latest(cx, &mut question, max).await?;
    let total = rows.len() as u64;
    if question.used.summary == Some(Summary::Count) {
        rows.clear();
    }
    let found = included::of(cx, question.extractor(), &question.used.includes, &rows).await?;
    if !question.was_whole(cx).await? {
        let text = "what is indexed is being changed; try again";
        return Err(Failure::new(Kind::Unavailable, text));
    }
    let mut asked = question.used.pairs.clone();
    asked.retain(|(name, _)| name != "_sort");
    asked.push(("max".to_owned(), max.to_string()));
    let asked = format!("{}/$lastn?{}", r4().ty(ty).name, encode_query(&asked));
    let own = links::url(cx, &asked, None);
    let entities = entities(&rows, &found);
    let page = Page {
        total: Some(total),
        rows,
        positions: Vec::new(),
        more: false,
        next: None,
    };
    let body = page::bundle(
        cx,
        &page,
        &found,
        &question.used,
        &[("self", own)],
        Vec::new(),
    )?;
    Ok(Reply {
        entities,
        ..Reply::resource(200, body)
    })
}

fn split(pairs: Vec<(String, String)>) -> Result<(usize, Vec<(String, String)>)> {
    let mut max = 1;
    let mut rest = Vec::new();
    for (name, value) in pairs {
        match name.as_str() {
            "max" => {
                let number = value.parse().ok().filter(|n| *n > 0);
                max = number
                    .ok_or_else(|| Failure::new(Kind::Invalid, "max is a positive integer"))?;
            }
            "_count" | "_cursor" => {
                let text = "$lastn answers in one page; bound it by 'max'";
                return Err(Failure::new(Kind::NotSupported, text));
            }
            "_sort" if !is_blank(&value) => {
                let text = "$lastn has an order of its own and takes no '_sort'";
                return Err(Failure::new(Kind::Invalid, text));
            }
            _ => rest.push((name, value)),
        }
    }
    Ok((max, rest))
}

/// What is the last is said by the clinical date.
fn demand_dates(cx: Context<'_>, ty: TypeId) -> Result<()> {
    let date = hot::of(r4().ty(ty).name).date;
    let extractor = cx.engine.extractor_of(cx.access.seen());
    if extractor.registry().of(ty).hides(date) {
        let text =
            format!("$lastn goes by '{date}', which reads elements that your role does not show");
        return Err(hidden(text));
    }
    Ok(())
}

fn demand_criteria(pairs: &[(String, String)]) -> Result<()> {
    let has = |names: &[&str]| {
        pairs.iter().any(|(name, value)| {
            let code = name.split([':', '.']).next().unwrap_or(name);
            names.contains(&code) && !is_blank(value)
        })
    };
    if has(SUBJECTS) && has(KINDS) {
        return Ok(());
    }
    let text = "$lastn needs the parameter patient or subject, and category or one with a code, such as code";
    Err(Failure::new(Kind::Invalid, text))
}

/// The latest of each group, groups in the order of their latest.
async fn latest(cx: Context<'_>, question: &mut Question, max: usize) -> Result<Vec<Row>> {
    let mut groups: Vec<Vec<Row>> = Vec::new();
    let mut of_key: HashMap<String, usize> = HashMap::new();
    let mut seen = 0;
    loop {
        let page = question.ask(cx, cx.access).await?;
        seen += page.rows.len();
        for row in page.rows {
            let keys = keys(reread(&row.body)?.root());
            let group = keys.iter().find_map(|key| of_key.get(key).copied());
            let group = group.unwrap_or_else(|| {
                groups.push(Vec::new());
                groups.len() - 1
            });
            for key in keys {
                of_key.entry(key).or_insert(group);
            }
            if groups[group].len() < max {
                groups[group].push(row);
            }
        }
        if !page.more {
            return Ok(groups.into_iter().flatten().collect());
        }
        if seen >= OBSERVATIONS_MAX {
            let text = format!(
                "$lastn would have to look through more than {OBSERVATIONS_MAX} observations; add the parameter code or date to narrow it"
            );
            return Err(Failure::new(Kind::TooCostly, text));
        }
        question.plan.after = page.next;
    }
}

/// What kind of observation it is.
fn keys(observation: Node<'_>) -> Vec<String> {
    let Some(code) = observation.get("code") else {
        return vec![String::new()];
    };
    let coding = |c: Node<'_>| {
        let system = c.text("system").unwrap_or_default();
        Some(format!("{system}|{}", c.text("code")?))
    };
    let codings: Vec<String> = code.all("coding").filter_map(coding).collect();
    if codings.is_empty() {
        return vec![code.text("text").unwrap_or_default().to_lowercase()];
    }
    codings
}
