//! Binary in its raw form: any media type in, the same out. <https://hl7.org/fhir/R4/binary.html#rest>

use crate::attached::closed;
use crate::call::{Call, Format};
use crate::document::reread;
use crate::engine::{Context, stored};
use crate::read::{NO_ROW, not_found};
use crate::reply::{Content, Reply};
use ward_access::Action;
use ward_fhir::issue::Result;
use ward_fhir::json::{self, write_string};
use ward_fhir::reference::{self, Reference};
use ward_fhir::schema::r4;
use ward_fhir::tree::Limits;
use ward_fhir::{Document, Failure, Kind, TypeId};
use ward_storage::{Current, Rid, Row};

/// A raw body as a Binary resource, with the `id` of an update. Only Binary takes one.
pub fn document(call: &Call, ty: TypeId, id: Option<&str>) -> Result<Document> {
    let raw = call.body.as_ref().and_then(|b| match &b.format {
        Format::Raw(media_type) => Some((media_type, &b.bytes)),
        _ => None,
    });
    let Some((media_type, bytes)) = raw.filter(|_| r4().ty(ty).name == "Binary") else {
        return Err(Failure::new(
            Kind::UnsupportedMediaType,
            "this interaction takes application/fhir+json or application/fhir+xml",
        ));
    };
    let mut text = b"{\"resourceType\":\"Binary\"".to_vec();
    if let Some(id) = id {
        text.extend_from_slice(b",\"id\":");
        write_string(id, &mut text);
    }
    text.extend_from_slice(b",\"contentType\":");
    write_string(media_type, &mut text);
    if let Some(reference) = &call.security_context {
        text.extend_from_slice(b",\"securityContext\":{\"reference\":");
        write_string(reference, &mut text);
        text.push(b'}');
    }
    if !bytes.is_empty() {
        text.extend_from_slice(b",\"data\":\"");
        text.extend_from_slice(ward_seal::base64(bytes).as_bytes());
        text.push(b'"');
    }
    text.push(b'}');
    json::read(&text, Some(ty), &Limits::default())
}

/// 404 unless the caller may read what the Binary's `securityContext` names: it stands for the content's sensitivity.
/// Any other resource is open. <https://hl7.org/fhir/R4/binary-definitions.html#Binary.securityContext>
pub(crate) async fn demand_open(cx: Context<'_>, row: &Row) -> Result<()> {
    if is_open(cx, row).await? {
        Ok(())
    } else {
        Err(not_found())
    }
}

pub(crate) async fn is_open(cx: Context<'_>, row: &Row) -> Result<bool> {
    if !is_binary(row.ty) {
        return Ok(true);
    }
    Ok(are_open(cx, std::slice::from_ref(row)).await? == [true])
}

/// Keeps what is open.
pub(crate) async fn retain_open(cx: Context<'_>, rows: &mut Vec<Row>) -> Result<()> {
    if rows.iter().any(|row| is_binary(row.ty)) {
        let mut open = are_open(cx, rows).await?.into_iter();
        rows.retain(|_| open.next() == Some(true));
    }
    Ok(())
}

/// Whether each is; one look-up and one read for all, and what [`closed`] costs. A context that cannot be found or understood is closed.
pub(crate) async fn are_open(cx: Context<'_>, rows: &[Row]) -> Result<Vec<bool>> {
    let closed = closed(cx, rows).await?;
    let mut open: Vec<bool> = rows.iter().map(|row| !closed.contains(&row.rid)).collect();
    let mut contexts: Vec<(usize, TypeId, String)> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        if !is_binary(row.ty) || row.body.is_empty() {
            continue;
        }
        let document = reread(&row.body)?;
        let Some(context) = document.root().get("securityContext") else {
            continue;
        };
        open[at] = false;
        let text = context.text("reference").unwrap_or_default();
        if let Some(Reference::Local { ty, id, .. }) =
            reference::parse(text, Some(&cx.engine.settings.base))
        {
            contexts.push((at, ty, id.to_owned()));
        }
    }
    if contexts.is_empty() {
        return Ok(open);
    }
    let keys: Vec<(TypeId, &str)> = contexts.iter().map(|c| (c.1, c.2.as_str())).collect();
    let rids = stored(cx.view.locate(&keys).await)?.into_iter();
    let rids = rids.map(|rid| rid.unwrap_or(NO_ROW));
    let located: Vec<(TypeId, Rid)> = keys.iter().map(|key| key.0).zip(rids).collect();
    let read = cx.view.read_many(cx.access, Action::Read, &located);
    for ((at, ..), current) in contexts.iter().zip(stored(read.await)?) {
        open[*at] = matches!(current, Current::Live(_)) && !closed.contains(&rows[*at].rid);
    }
    Ok(open)
}

/// Whether what may be read depends on a context that the resource names.
pub(crate) fn is_binary(ty: TypeId) -> bool {
    r4().ty(ty).name == "Binary"
}

/// A stored Binary in its own media type, with what bounds its readers.
pub fn raw_reply(body: &[u8]) -> Result<Reply> {
    let document = reread(body)?;
    let root = document.root();
    let bytes = match root.text("data") {
        None => Vec::new(),
        Some(data) => ward_seal::from_base64(data)
            .ok_or_else(|| Failure::new(Kind::Internal, "the stored data is not base64"))?,
    };
    let context = root.get("securityContext");
    Ok(Reply {
        content: Content::Raw {
            media_type: root
                .text("contentType")
                .unwrap_or("application/octet-stream")
                .to_owned(),
            bytes: bytes.into(),
        },
        security_context: context.and_then(|c| c.text("reference")).map(str::to_owned),
        ..Reply::status(200)
    })
}
