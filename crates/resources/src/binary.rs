//! Binary in its raw form: any media type in, the same out. <https://hl7.org/fhir/R4/binary.html#rest>

use crate::call::{Call, Format};
use crate::document::reread;
use crate::reply::Content;
use ward_fhir::issue::Result;
use ward_fhir::json::{self, write_string};
use ward_fhir::schema::r4;
use ward_fhir::tree::Limits;
use ward_fhir::{Document, Failure, Kind, TypeId};

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

/// The raw form of a stored Binary.
pub fn raw_reply(body: &[u8]) -> Result<Content> {
    let document = reread(body)?;
    let root = document.root();
    let bytes = match root.text("data") {
        None => Vec::new(),
        Some(data) => ward_seal::from_base64(data)
            .ok_or_else(|| Failure::new(Kind::Internal, "the stored data is not base64"))?,
    };
    Ok(Content::Raw {
        media_type: root
            .text("contentType")
            .unwrap_or("application/octet-stream")
            .to_owned(),
        bytes: bytes.into(),
    })
}
