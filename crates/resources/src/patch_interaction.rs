//! patch and conditional patch, in the three formats of R4. <https://hl7.org/fhir/R4/http.html#patch>

use crate::binary::demand_open;
use crate::call::{Body, Format};
use crate::conditional::{Matches, find};
use crate::create::multiple;
use crate::document::{read, validate};
use crate::engine::{Context, stored};
use crate::labelled_output;
use crate::masked;
use crate::patch;
use crate::place::{demand_home, demand_type, reads_what_it_updates};
use crate::preconditions::{demand_match, demand_none_match};
use crate::read::{current, live, not_found, seen};
use crate::referred;
use crate::reply::Reply;
use crate::seen::view;
use crate::update::put;
use crate::visibility::demand_kept_labels;
use crate::write::{Replaced, Written, conflict};
use ward_access::Action;
use ward_fhir::issue::Result;
use ward_fhir::json::Stamp;
use ward_fhir::schema::r4;
use ward_fhir::tree::Limits;
use ward_fhir::{Document, Failure, Kind, TypeId, json};
use ward_storage::{CommitError, Guard, Row};

pub async fn patch(cx: Context<'_>, ty: TypeId, id: &str) -> Result<Reply> {
    demand_type(cx.access, ty, Action::Update)?;
    let mut last = CommitError::Unavailable;
    for _ in 0..cx.engine.settings.write_attempts_max {
        let row = live(current(cx, Action::Update, ty, id).await?)?;
        match attempt(cx, &row, Vec::new()).await? {
            Ok(reply) => return Ok(reply),
            Err(CommitError::Unavailable) => return Err(conflict(CommitError::Unavailable)),
            Err(error) => last = error,
        }
    }
    Err(conflict(last))
}

pub async fn conditional_patch(cx: Context<'_>, ty: TypeId) -> Result<Reply> {
    demand_type(cx.access, ty, Action::Update)?;
    let query = crate::search::encode_query(&cx.call.parameters);
    let mut last = CommitError::Unavailable;
    let mut access = cx.access.clone();
    for _ in 0..cx.engine.settings.write_attempts_max {
        let cx = Context {
            access: &access,
            ..cx
        };
        let (rid, guards) = match find(cx, ty, &query).await? {
            Matches::None(_) => return Err(not_found()),
            Matches::Many => return Err(multiple()),
            Matches::One(rid, guards) => (rid, guards),
        };
        let row = live(stored(
            cx.engine
                .store
                .read(cx.access, Action::Update, ty, rid)
                .await,
        )?)?;
        match attempt(cx, &row, guards).await? {
            Ok(reply) => return Ok(reply),
            Err(CommitError::Unavailable) => return Err(conflict(CommitError::Unavailable)),
            Err(error) => last = error,
        }
        access = cx.engine.access_anew(cx).await?;
    }
    Err(conflict(last))
}

async fn attempt(
    cx: Context<'_>,
    row: &Row,
    guards: Vec<Guard>,
) -> Result<std::result::Result<Reply, CommitError>> {
    demand_open(cx, row).await?;
    demand_match(&cx.call.conditions, Some(row.version))?;
    let body = cx
        .call
        .body
        .as_ref()
        .ok_or_else(|| Failure::new(Kind::Invalid, "a patch needs a body"))?;
    let Some(document) = apply(cx, row, body).await? else {
        return unchanged(cx, row).map(Ok);
    };
    validate(cx.engine, document.root())?;
    let written = put(
        cx,
        &document,
        row.ty,
        Some(&row.id),
        (Some(row.rid), Replaced::Version(row.clone())),
        guards,
    )
    .await?;
    // The rest of the resource is not the caller's to read because they changed a part of it.
    let shown = reads_what_it_updates(cx.access, row.ty);
    Ok(written.map(|reply| reply.shown(shown)))
}

/// A patch that changes nothing makes no version: the current one is the answer, to who may make one.
fn unchanged(cx: Context<'_>, row: &Row) -> Result<Reply> {
    demand_home(row, cx.access, row.ty, Action::Update)?;
    demand_none_match(&cx.call.conditions, Some(row.version))?;
    let reply = Written::stored(row.clone()).reply(200, cx.call.prefer.returns, vec![seen(row)]);
    Ok(Reply {
        recorded: false,
        ..reply.shown(reads_what_it_updates(cx.access, row.ty))
    })
}

/// The patched document, `None` when it is the same as before; its identity must be unchanged, and security labels stay. To the patch, what the caller does
/// not see of the resource is not there, labels that are not shown to them among it: those stay as of a body that leaves them out (L2).
pub(crate) async fn apply(cx: Context<'_>, row: &Row, body: &Body) -> Result<Option<Document>> {
    let before = labelled_output::view_of(cx, view(cx.access, &row.body)?);
    let hidden = referred::of_row(cx, row, before.root()).await?;
    let without = |document: &Document| {
        let masked = masked::without(cx.access, row, document);
        let left = masked.as_ref().unwrap_or(document);
        referred::without(cx, left.root(), &hidden).or(masked)
    };
    let taken = |document: &Document| masked::taken(cx.access, row, document);
    let after = match without(&before) {
        None => patched(&before, row, body)?,
        Some(shown) => {
            let asked = patched(&shown, row, body)?;
            // The same patch of all that is stored must come to the same for who sees a part of it.
            let touched = || referred::touched(row.ty);
            let after = patched(&before, row, body).map_err(|_| touched())?;
            let seen = |document: &Document| match without(document) {
                Some(seen) => text_of(&seen),
                None => text_of(document),
            };
            let named = |document: &Document| referred::named(cx, document.root(), &hidden);
            let is_kept = named(&before) == named(&after) && taken(&before) == taken(&after);
            if seen(&asked) != seen(&after) || !is_kept {
                return Err(touched());
            }
            after
        }
    };
    if text_of(&after) == text_of(&before) {
        return Ok(None);
    }
    demand_kept_labels(cx, before.root(), after.root())?;
    Ok(Some(after))
}

fn patched(before: &Document, row: &Row, body: &Body) -> Result<Document> {
    let bytes = match body.format {
        Format::JsonPatch => patch::json(before.root(), &body.bytes)?,
        Format::XmlPatch => patch::xml(before.root(), &body.bytes)?,
        Format::Json | Format::Xml => {
            let parameters = read(body, r4().resource_type("Parameters"))?;
            patch::fhirpath(before.root(), parameters.root())?
        }
        Format::Raw(_) => {
            return Err(Failure::new(
                Kind::UnsupportedMediaType,
                "a patch is application/json-patch+json, application/xml-patch+xml, or Parameters in application/fhir+json or fhir+xml",
            ));
        }
    };
    let after = json::read(&bytes, Some(row.ty), &Limits::default()).map_err(unprocessable)?;
    if after.root().text("id") != Some(&row.id) {
        return Err(
            Failure::new(Kind::BusinessRule, "a patch cannot change the logical id")
                .at(format!("{}.id", after.root().type_name())),
        );
    }
    Ok(after)
}

fn text_of(document: &Document) -> Vec<u8> {
    let mut text = Vec::new();
    json::write(document.root(), Stamp::default(), &mut text);
    text
}

/// The patch itself was well-formed; what it makes is not a resource.
fn unprocessable(mut failure: Failure) -> Failure {
    failure.kind = Kind::BusinessRule;
    failure
}
