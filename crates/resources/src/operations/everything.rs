//! `$everything` of a patient, of all patients and of an encounter. <https://hl7.org/fhir/R4/patient-operation-everything.html>
//!
//! The compartments come page by page; the shared resources that a page refers to (practitioners, places, medications) come
//! with it, each once per page, as far as they are of the types and the time that are asked for. A page may so be shorter than asked for.

mod asked;
mod referred;
mod whose;

use self::asked::Asked;
use self::referred::referred;
use crate::engine::Context;
use crate::place::{demand_type, patient_type};
use crate::read::{current, live};
use crate::reply::Reply;
use crate::search::entities;
use crate::search::included::Included;
use crate::search::links::{Trail, links};
use crate::search::page::bundle;
use crate::search::question::Question;
use crate::search::targets::AskedBy;
use crate::seen::demand_placed;
use ward_access::{Access, Action};
use ward_fhir::TypeId;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_search::plan::Filter;
use ward_storage::{Page, Row};

pub async fn patient(cx: Context<'_>, id: &str) -> Result<Reply> {
    let ty = patient_type();
    demand_type(cx.access, ty, Action::Read)?;
    let row = live(current(cx, Action::Read, ty, id).await?)?;
    let access = cx.access.narrow(cx.engine.patient_key(row.rid));
    let asked = Asked::read(cx, Filter::All, &format!("Patient/{id}/$everything"))?;
    demand_placed(cx.access, &asked.searched())?;
    answer(cx, &access, asked, None).await
}

/// What is in the compartment of any patient whom the caller may read and search: nobody is found here who would not be
/// found by `GET Patient`. Statements: those of one patient, and up to two a page for whose record it holds.
pub async fn patients(cx: Context<'_>) -> Result<Reply> {
    for action in [Action::Read, Action::Search] {
        demand_type(cx.access, patient_type(), action)?;
    }
    let mut asked = Asked::read(cx, Filter::All, "Patient/$everything")?;
    asked.only_of_patients();
    demand_placed(cx.access, &asked.searched())?;
    answer(cx, cx.access, asked, None).await
}

/// The encounter and what refers to it.
pub async fn encounter(cx: Context<'_>, ty: TypeId, id: &str) -> Result<Reply> {
    demand_type(cx.access, ty, Action::Read)?;
    let row = live(current(cx, Action::Read, ty, id).await?)?;
    let filter = referring(cx, id).await?;
    let asked = Asked::read(cx, filter, &format!("Encounter/{id}/$everything"))?;
    answer(cx, cx.access, asked, Some(row)).await
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
                let (of, by) = ([*ty], Some(AskedBy::Every));
                let question = Question::read_by(cx, &of, &pairs, true, by);
                filters.push(question.await?.plan.filter);
            }
        }
    }
    Ok(Filter::Or(filters))
}

/// `first`: a resource that comes by itself, before the first page.
async fn answer(
    cx: Context<'_>,
    access: &Access,
    mut asked: Asked,
    first: Option<Row>,
) -> Result<Reply> {
    asked.keep_readable(access);
    let trail = Trail::open(cx, access, &asked.text)?;
    let start = trail.start()?;
    let first = first.filter(|_| start.is_none());
    asked.question.plan.after = start;
    let mut page = asked.question.ask(cx, access).await?;
    if asked.of_patients {
        whose::retain(cx, &mut page.rows).await?;
    }
    let mut rows: Vec<Row> = first.into_iter().chain(page.rows).collect();
    let mut shared = Included {
        rows: referred(cx, &rows, &asked).await?,
        cut: false,
    };
    for rows in [&mut rows, &mut shared.rows] {
        rows.retain(|row| asked.holds(row));
    }
    let next = page.next.filter(|_| page.more);
    let links = links(cx, access, &asked.text, &trail, next.as_ref());
    let entities = entities(&rows, &shared);
    let page = Page {
        rows,
        positions: Vec::new(),
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
