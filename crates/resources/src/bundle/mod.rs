//! batch and transaction. <https://hl7.org/fhir/R4/http.html#transaction>

mod batch;
mod compose;
mod entry;
mod identities;
mod reads;
mod records;
mod steps;
mod transaction;

pub(crate) use batch::{demand_size, write as write_entry};
pub(crate) use entry::name;

use crate::audit_events::{feed, is_feed};
use crate::document::{read_body, validate};
use crate::engine::Context;
use crate::reply::Reply;
use crate::write::TRANSACTION;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind};

pub async fn bundle(cx: Context<'_>) -> Result<Reply> {
    let document = read_body(cx.call, r4().resource_type("Bundle"))?;
    match document.root().text("type") {
        Some("batch" | "transaction" | "collection") if is_feed(document.root()) => {
            feed(cx, document.root()).await
        }
        Some("batch") => batch::batch(cx, &document).await,
        Some("transaction") => {
            let done = match validate(cx.engine, document.root()) {
                Ok(()) => {
                    // All its entries see the same.
                    let access = &cx.access.to_change();
                    transaction::transaction(Context { access, ..cx }, document).await
                }
                Err(failure) => Err(failure),
            };
            let reply = done.unwrap_or_else(|failure| Reply::failure(&failure));
            Ok(Reply {
                interaction: Some(TRANSACTION),
                ..reply
            })
        }
        _ => Err(Failure::new(
            Kind::Invalid,
            "a Bundle posted to the base is of type batch or transaction (or collection, of AuditEvents alone)",
        )
        .at("Bundle.type")),
    }
}
