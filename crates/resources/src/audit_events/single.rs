//! read, vread and history of one AuditEvent, which has one version. <https://hl7.org/fhir/R4/http.html#read>

use super::event::{Event, Seen, entity, place, place_of};
use super::names::names;
use crate::bundle_json::{BundleWriter, Response, status_line};
use crate::engine::{Context, stored};
use crate::place::demand_type;
use crate::preconditions::not_modified;
use crate::read::{NO_ROW, not_found};
use crate::reply::Reply;
use crate::search::links::url;
use crate::shown::{Shown, is_shown};
use std::sync::Arc;
use ward_access::Action;
use ward_fhir::date::instant_text;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind};
use ward_storage::Row;

pub(super) async fn read(cx: Context<'_>, id: &str) -> Result<Reply> {
    demand_type(cx.access, super::ty(), Action::Read)?;
    let row = find(cx, id).await?;
    if not_modified(&cx.call.conditions, 1, row.updated_us)? {
        return Ok(Reply {
            version: Some(1),
            last_modified_us: Some(row.updated_us),
            entities: vec![entity(&row)],
            ..Reply::status(304)
        });
    }
    shown(cx, &row)
}

pub(super) async fn vread(cx: Context<'_>, id: &str, version: &str) -> Result<Reply> {
    demand_type(cx.access, super::ty(), Action::Read)?;
    let row = find(cx, id).await?;
    match version {
        "1" => shown(cx, &row),
        _ => Err(not_found()),
    }
}

pub(super) async fn history(cx: Context<'_>, id: &str) -> Result<Reply> {
    demand_type(cx.access, super::ty(), Action::Read)?;
    for (name, _) in &cx.call.parameters {
        if !is_shown(name) && name != "_count" {
            let name = crate::route::printable(name);
            let text = format!(
                "the history of an AuditEvent is its one version: it has no parameter '{name}'"
            );
            return Err(Failure::new(Kind::NotSupported, text));
        }
    }
    let (form, shaping) = Shown::asked_by(cx, &[super::ty()])?;
    let row = find(cx, id).await?;
    let path = format!("AuditEvent/{id}");
    let question = format!("{path}/_history?{}", crate::search::encode_query(&shaping));
    let links = [("self", url(cx, &question, None))];
    let mut bundle = BundleWriter::new("history", Some(1), &links);
    let (status, at) = (status_line(201), instant_text(row.updated_us));
    bundle
        .entry(Some(&format!("{}/{path}", cx.engine.settings.base)))
        .resource(&form.body(&row.body)?)
        .request("POST", "AuditEvent")
        .response(&Response {
            status: &status,
            version: Some(1),
            last_modified: Some(&at),
            ..Response::default()
        });
    Ok(Reply {
        entities: vec![entity(&row)],
        ..Reply::resource(200, bundle.finish())
    })
}

/// The event as the caller may see it. Absent and forbidden take the same statements.
pub(super) async fn find(cx: Context<'_>, id: &str) -> Result<Row> {
    let (number, nth) = place_of(cx, id).unwrap_or((NO_ROW, 0));
    let found = stored(cx.engine.store.record(number).await)?;
    let event = found.and_then(|found| Event::at(found, nth));
    let own = super::own(cx, Action::Read);
    let is_open = |event: &Event| {
        own.as_ref()
            .is_none_or(|own| own.contains(&event.patient()))
    };
    let event = event.filter(is_open).ok_or_else(not_found)?;
    let names = Arc::new(names(cx, std::slice::from_ref(&event)).await?);
    let mut seen = event.seen(cx, Action::Read, &names)?.map(Seen::kept);
    place(cx, Action::Read, seen.iter_mut()).await?;
    Ok(seen.ok_or_else(not_found)?.row)
}

fn shown(cx: Context<'_>, row: &Row) -> Result<Reply> {
    Ok(Reply {
        version: Some(1),
        last_modified_us: Some(row.updated_us),
        entities: vec![entity(row)],
        ..Reply::resource(200, Shown::asked(cx, &[super::ty()])?.body(&row.body)?)
    })
}
