//! The searchset Bundle: matches, what comes with them, and what there is to say. <https://hl7.org/fhir/R4/bundle.html#searchset>

use super::included::Included;
use crate::bundle_json::BundleWriter;
use crate::engine::Context;
use crate::masked::view;
use crate::shown::Shown;
use ward_fhir::Issue;
use ward_fhir::issue::{Result, outcome_json};
use ward_fhir::schema::r4;
use ward_search::query::{Ignored, Used, part};
use ward_storage::{Page, Row};

/// The Bundle around bytes that are parsed only where something of them is to be changed or weighed.
pub fn bundle(
    cx: Context<'_>,
    page: &Page,
    included: &Included,
    used: &Used,
    links: &[(&str, String)],
    further: Vec<Issue>,
) -> Result<Vec<u8>> {
    let shown = Shown::of(used);
    let mut bundle = BundleWriter::new("searchset", page.total, links);
    for (at, row) in page.rows.iter().enumerate() {
        let part = page.positions.get(at).map_or(0, |position| position.part);
        found(cx, &mut bundle, (row, part), used, &shown)?;
    }
    let is_beside = !used.includes.is_empty();
    for row in &included.rows {
        let body = match is_beside {
            true => shown.beside(r4().ty(row.ty).name).body(&row.body)?,
            false => shown.body(&row.body)?,
        };
        bundle
            .entry(Some(&url(cx, row)))
            .resource(&body)
            .search("include", None);
    }
    let mut issues: Vec<Issue> = used.ignored.iter().map(Ignored::issue).collect();
    issues.extend(included.issue());
    issues.extend(further);
    if !issues.is_empty() {
        bundle
            .entry(None)
            .resource(&outcome_json(&issues))
            .search("outcome", None);
    }
    Ok(bundle.finish())
}

/// The entry of a match: a row, or a part of one.
fn found(
    cx: Context<'_>,
    bundle: &mut BundleWriter,
    (row, at): (&Row, u32),
    used: &Used,
    shown: &Shown,
) -> Result<()> {
    let score = used.score.as_ref().filter(|_| used.scored != Some(false));
    let document = match at > 0 || score.is_some() {
        true => Some(view(cx.access, row)?),
        false => None,
    };
    let score = match (score, &document) {
        (Some(score), Some(document)) => Some(score.of(document.root())),
        _ => (used.scored == Some(true)).then_some(EXACT),
    };
    let inside = document.as_ref().filter(|_| at > 0);
    let (url, body) = match inside.and_then(|document| part(document.root(), at)) {
        Some(node) => {
            let id = node.text("id").unwrap_or_default();
            (format!("{}#{id}", url(cx, row)), shown.resource(node))
        }
        None => (url(cx, row), shown.body(&row.body)?),
    };
    bundle
        .entry(Some(&url))
        .resource(&body)
        .search("match", score);
    Ok(())
}

/// The score of what is exactly what was asked for. <https://hl7.org/fhir/R4/search.html#score>
const EXACT: f64 = 1.0;

fn url(cx: Context<'_>, row: &Row) -> String {
    let base = &cx.engine.settings.base;
    [base.as_str(), "/", r4().ty(row.ty).name, "/", &row.id].concat()
}
