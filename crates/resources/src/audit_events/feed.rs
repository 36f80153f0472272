//! A Bundle of AuditEvents alone (ITI-20): taken together, in one commit. Of a batch each entry is judged by itself; of a transaction or a
//! collection all are taken or none. <https://profiles.ihe.net/ITI/TF/Volume2/ITI-20.html>

use super::receive::{Refused, checked, impersonation, keep, received, refuse};
use crate::bundle::{demand_size, name, write_entry};
use crate::bundle_json::BundleWriter;
use crate::call::{Call, Interaction};
use crate::door::unrecorded;
use crate::engine::Context;
use crate::place::demand_type;
use crate::reply::Reply;
use crate::write::TRANSACTION;
use ward_access::Action;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind, Node};

/// Whether all its entries bring AuditEvents. Else a batch or a transaction is one like any other.
pub(crate) fn is_feed(bundle: Node<'_>) -> bool {
    let is_collection = bundle.text("type") == Some("collection");
    let mut entries = bundle.all("entry").peekable();
    entries.peek().is_some()
        && entries.all(|entry| {
            let brings_one = entry
                .get("resource")
                .is_some_and(|node| super::is(node.ty()));
            brings_one && (is_collection || is_plain_post(entry))
        })
}

/// `POST AuditEvent` and nothing more.
fn is_plain_post(entry: Node<'_>) -> bool {
    entry.get("request").is_some_and(|request| {
        request.text("method") == Some("POST")
            && request.text("url") == Some("AuditEvent")
            && request
                .children()
                .all(|member| ["method", "url"].contains(&member.name()))
    })
}

/// Errors: those of [`super::receive::receive`], of a transaction and a collection those of each entry, with its place.
pub(crate) async fn feed(cx: Context<'_>, bundle: Node<'_>) -> Result<Reply> {
    demand_size(cx, bundle.all("entry").count())?;
    demand_type(cx.access, super::ty(), Action::Create)?;
    let is_batch = bundle.text("type") == Some("batch");
    let (mut good, mut entries) = (Vec::new(), Vec::new());
    for (at, entry) in bundle.all("entry").enumerate() {
        let Some(event) = entry.get("resource") else {
            return Err(name(
                Failure::new(Kind::Invalid, "this entry needs a resource"),
                at,
            ));
        };
        match checked(cx, event).map_err(|refused| named(refused, at)) {
            Err(Refused::Impersonates) if !is_batch => {
                return refuse(cx, Refused::Impersonates).await;
            }
            Err(Refused::Wrong(failure)) if !is_batch => return Err(failure),
            Err(refused) => entries.push(Err(refused)),
            Ok(checked) => {
                good.push(checked);
                entries.push(Ok(()));
            }
        }
    }
    let good = received(cx, good).await?;
    let ids = match good.is_empty() {
        true => Vec::new(),
        false => keep(cx, &good).await?,
    };
    let mut kept = good.iter().zip(&ids);
    let is_transaction = bundle.text("type") == Some("transaction");
    let kind = match is_transaction {
        true => "transaction-response",
        false => "batch-response",
    };
    let mut out = BundleWriter::new(kind, None, &[]);
    for entry in entries {
        let reply = match entry {
            Ok(()) => {
                let (received, id) = kept.next().ok_or_else(unrecorded)?;
                received.reply(cx, id)
            }
            Err(refused) => refused_entry(cx, refused).await,
        };
        write_entry(cx, &mut out, &reply);
    }
    Ok(Reply {
        interaction: is_transaction.then_some(TRANSACTION),
        ..Reply::resource(200, out.finish())
    })
}

fn named(refused: Refused, at: usize) -> Refused {
    match refused {
        Refused::Wrong(failure) => Refused::Wrong(name(failure, at)),
        Refused::Impersonates => Refused::Impersonates,
    }
}

/// Of a batch: a Call refused, with a Record of its own.
async fn refused_entry(cx: Context<'_>, refused: Refused) -> Reply {
    let call = Call {
        interaction: Interaction::Create { ty: super::ty() },
        body: None,
        ..cx.call.clone()
    };
    let failure = match refused {
        Refused::Wrong(failure) => failure,
        Refused::Impersonates => {
            let cx = Context { call: &call, ..cx };
            match refuse(cx, Refused::Impersonates).await {
                Ok(reply) => return reply,
                Err(_) => impersonation(),
            }
        }
    };
    cx.engine.refuse(cx.caller, &call, &failure, None).await
}
