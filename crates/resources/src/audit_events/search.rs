//! search of AuditEvents. <https://hl7.org/fhir/R4/auditevent.html#search> <https://profiles.ihe.net/ITI/TF/Volume2/ITI-81.html>

use super::event::entity;
use super::narrowed::narrowed;
use super::page::page;
use super::sorted::Sorted;
use crate::engine::Context;
use crate::place::demand_type;
use crate::reply::Reply;
use crate::search::apart::{Apart, no_hop};
use crate::search::links::{Trail, links};
use crate::search::page::bundle;
use crate::search::{
    Pairs, demand_includable, encode_query, included, named, targets, without_cursor,
};
use std::cmp::Ordering;
use ward_access::Action;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Document, Failure, Kind, TypeId};
use ward_search::plan::Position;
use ward_storage::Page;

pub(super) async fn on_type(cx: Context<'_>) -> Result<Reply> {
    demand_type(cx.access, super::ty(), Action::Search)?;
    answer(cx, "AuditEvent", None).await
}

/// `Patient/1/AuditEvent` and the like: what names its owner by a parameter of the definition of the compartment.
pub(super) async fn compartment(cx: Context<'_>, owner: TypeId, id: &str) -> Result<Reply> {
    demand_type(cx.access, super::ty(), Action::Search)?;
    let name = r4().ty(owner).name;
    let definition = r4().compartments.iter().find(|c| c.code == name);
    let members = definition.iter().flat_map(|c| &c.members);
    let codes = members
        .filter(|(ty, _)| super::is(*ty))
        .flat_map(|(_, codes)| codes);
    let Some(code) = codes.into_iter().next() else {
        let text = format!("AuditEvents are in no compartment of the type {name}");
        return Err(Failure::new(Kind::NotSupported, text));
    };
    let is_asked = targets::is_asked(cx, owner, id).await?;
    let value = match is_asked {
        true => format!("{name}/{id}"),
        // By one that is not seen nothing is found, as by one that is not there.
        false => format!("{name}/-"),
    };
    let within = ((*code).to_owned(), value);
    answer(cx, &format!("{name}/{id}/AuditEvent"), Some(within)).await
}

/// Statements: those of reading the query, one for contexts, one to five for each way in which a criterion may be met and for each step
/// of Records, of which a page of what the index decides takes one, three for names, and those of includes.
async fn answer(cx: Context<'_>, path: &str, within: Option<(String, String)>) -> Result<Reply> {
    let (pairs, is_named) = named::expand(cx, &[super::ty()], without_cursor(cx)).await?;
    let strict = cx.call.prefer.strict || is_named;
    let mut pairs: Pairs = pairs;
    let count = pairs.len();
    demand_whole(&pairs)?;
    pairs.extend(within);
    let mut apart = Apart::read(cx, super::ty(), &pairs, strict, &identified).await?;
    demand_includable(&apart.used)?;
    if pairs.len() > count {
        // The path says it already.
        apart.used.pairs.pop();
    }
    let own = super::own(cx, Action::Search);
    let narrowed = narrowed(cx, &apart, own.as_deref()).await?;
    let sorted = Sorted::of(&apart);
    let text = format!("{path}?{}", encode_query(&apart.used.pairs));
    let trail = Trail::open(cx, cx.access, &text)?;
    let found = page(cx, &mut apart, &narrowed, &sorted, trail.start()?).await?;
    let found = up_to(found, &sorted, trail.until()?);
    let documents = found
        .rows
        .iter()
        .map(|row| crate::document::reread(&row.body));
    let included = match apart.used.includes.is_empty() {
        true => included::none(),
        false => {
            let documents = documents.collect::<Result<Vec<Document>>>()?;
            let known = found.rows.iter().map(|row| row.rid).collect();
            included::of_documents(
                cx,
                apart.extractor(),
                &apart.used.includes,
                documents,
                known,
            )
            .await?
        }
    };
    let next = found.next.as_ref().filter(|_| found.more);
    let links = links(cx, cx.access, &text, &trail, next);
    let body = bundle(cx, &found, &included, &apart.used, &links, Vec::new())?;
    let shown = found.rows.iter().map(entity);
    let beside = included.rows.iter().map(crate::read::seen);
    Ok(Reply {
        entities: shown.chain(beside).collect(),
        ..Reply::resource(200, body)
    })
}

/// The identifier that an event has itself instead of a reference (ITI-81), beside that of what it refers to.
fn identified(name: &str) -> Option<String> {
    match name {
        "agent.identifier" | "patient.identifier" | "source.identifier" | "entity.identifier" => {
            Some(name.replace('.', ":"))
        }
        _ => None,
    }
}

fn demand_whole(pairs: &[(String, String)]) -> Result<()> {
    let is_of_parts = |(name, value): &(String, String)| {
        name == "_contained" && ["true", "both"].contains(&value.as_str())
    };
    if pairs.iter().any(is_of_parts) {
        let text =
            "AuditEvents of this server contain no resources: '_contained' is not asked of them";
        return Err(Failure::new(Kind::NotSupported, text));
    }
    Ok(())
}

/// A page that was gone back to ends where the page after it begins.
fn up_to(found: Page, sorted: &Sorted, until: Option<Position>) -> Page {
    let Some(until) = until else {
        return found;
    };
    let is_before = |at: &&Position| sorted.compare(at, &until) != Ordering::Greater;
    let kept = found.positions.iter().take_while(is_before).count();
    let mut found = found;
    if kept < found.positions.len() {
        found.rows.truncate(kept);
        found.positions.truncate(kept);
        found.more = true;
        found.next = Some(until);
    }
    found
}

/// Refuses a search over other types that would have to look at AuditEvents on its way, which no table of resources has.
pub(crate) fn demand_no_hop(pairs: &[(String, String)]) -> Result<()> {
    let leads = |(name, value): &(String, String)| {
        let code = name.split(':').next().unwrap_or_default();
        let is_include = matches!(code, "_include" | "_revinclude");
        name.contains(":AuditEvent.")
            || name.contains("_has:AuditEvent:")
            || (is_include && value.split(':').next() == Some("AuditEvent"))
            || (name == "_type" && value.split(',').any(|ty| ty == "AuditEvent"))
    };
    match pairs.iter().any(leads) {
        true => Err(no_hop(super::ty())),
        false => Ok(()),
    }
}
