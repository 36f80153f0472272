//! batch: every entry a Call of its own, with its own answer and its own record.
//! <https://hl7.org/fhir/R4/http.html#brules>

use super::entry::{Entry, entries};
use crate::bundle_json::{BundleWriter, Response, status_line};
use crate::call::{Call, Interaction, Return};
use crate::door::in_steps;
use crate::engine::Context;
use crate::reply::{Content, Reply};
use std::time::Instant;
use ward_fhir::date::instant_text;
use ward_fhir::issue::Result;
use ward_fhir::{Document, Failure, Kind};

pub async fn batch(cx: Context<'_>, document: &Document) -> Result<Reply> {
    let bundle = document.root();
    let count = bundle.all("entry").count();
    demand_size(cx, count)?;
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let mut in_steps = false;
    let mut judged = None;
    let mut out = BundleWriter::new("batch-response", None, &[]);
    for entry in entries(cx, bundle) {
        let reply = match entry {
            // What is too much is refused, each entry in its own response.
            Ok(entry) if out.size() > cx.engine.settings().bundle_answer_bytes_max => {
                refuse(cx, entry.call, &too_much(cx)).await
            }
            Err(failure) => {
                let call = Call {
                    interaction: Interaction::Unknown,
                    body: None,
                    ..cx.call.clone()
                };
                refuse(cx, call, &failure).await
            }
            Ok(entry) => {
                let access = judged.as_ref().unwrap_or(cx.access);
                let has_written = entry.call.interaction.may_write();
                let reply = run(Context { access, ..cx }, entry, document).await;
                // Where that fails, what is new stays hidden.
                if has_written && let Ok(anew) = cx.engine.judged_again(cx.caller, cx.access).await
                {
                    judged = Some(anew);
                }
                reply
            }
        };
        in_steps |= reply.in_steps || reply.status == Kind::NotFound.status();
        write(cx, &mut out, &reply);
    }
    Ok(Reply {
        entries: Some(count),
        in_steps,
        ..Reply::resource(200, out.finish())
    })
}

/// An entry that is not done is a Call refused, with a record of its own.
async fn refuse(cx: Context<'_>, call: Call, failure: &Failure) -> Reply {
    cx.engine.refuse(cx.caller, &call, failure, None).await
}

pub fn too_much(cx: Context<'_>) -> Failure {
    let most = cx.engine.settings().bundle_answer_bytes_max;
    Failure::new(
        Kind::TooCostly,
        format!(
            "not done: the answers would have more than {most} bytes (bundle_answer_bytes_max); ask for less in one Bundle"
        ),
    )
}

pub fn demand_size(cx: Context<'_>, entries: usize) -> Result<()> {
    let most = cx.engine.settings().bundle_entries_max;
    if entries <= most {
        return Ok(());
    }
    Err(Failure::new(
        Kind::TooLarge,
        format!("the Bundle has {entries} entries; at most {most} are taken (bundle_entries_max)"),
    ))
}

/// Each in steps of its own: what little many of them take more or less would add up (T49).
async fn run(cx: Context<'_>, entry: Entry, document: &Document) -> Reply {
    let body = entry.body(document.root());
    let mut call = entry.call;
    call.body = body;
    call.begun = Instant::now();
    let answered = cx.engine.answer_within(cx.caller, cx.access, &call, true);
    in_steps(call.begun, answered.await).await
}

/// The answer to one Call as `Bundle.entry`: bodies only where asked for, or where the answer *is* a body.
pub fn write(cx: Context<'_>, out: &mut BundleWriter, reply: &Reply) {
    let line = status_line(reply.status);
    let last_modified = reply.last_modified_us.map(instant_text);
    let location = reply
        .location
        .as_ref()
        .map(|l| format!("{}/{l}", cx.engine.settings().base));
    let failed = reply.status >= 400;
    out.entry(
        location
            .as_deref()
            .and_then(|l| l.split("/_history/").next()),
    );
    let body = match &reply.content {
        Content::Resource(json) => Some(json.as_ref()),
        _ => None,
    };
    let is_write = reply.location.is_some();
    let wanted = !failed && (!is_write || cx.call.prefer.returns == Some(Return::Representation));
    if let Some(json) = body.filter(|_| wanted) {
        out.resource(json);
    }
    let asked_outcome = cx.call.prefer.returns == Some(Return::OperationOutcome);
    let outcome = if failed {
        body.map(<[u8]>::to_vec)
    } else if is_write && asked_outcome {
        Some(crate::write::success(reply.status))
    } else {
        None
    };
    out.response(&Response {
        status: &line,
        location: location.as_deref(),
        version: reply.version,
        last_modified: last_modified.as_deref(),
        outcome: outcome.as_deref(),
    });
}
