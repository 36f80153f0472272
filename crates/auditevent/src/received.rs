//! An AuditEvent that another system sent: as it was sent, under our id and version, and with our receipt.
//! <https://profiles.ihe.net/ITI/TF/Volume2/ITI-20.html>

use crate::extensions::{LEAF_NONCE, RECEIPT, SEQUENCE};
use crate::json::Json;
use crate::names::Names;
use crate::render::{Event, VERSION};
use ward_fhir::date::instant_text;
use ward_fhir::json::{Stamp, read, write};
use ward_fhir::tree::Limits;
use ward_seal::base64;

/// `None`: this Record is none, or what it holds cannot be read, which is refused when it is received.
pub(crate) fn rendered(event: &Event<'_>, names: &Names) -> Option<Vec<u8>> {
    let sent = &event.record.detail.received;
    let document = match sent.is_empty() {
        true => None,
        false => read(sent, None, &Limits::default()).ok(),
    }?;
    let at = instant_text(event.record.at_us);
    let stamp = Stamp {
        id: Some(event.id),
        version: Some((VERSION, &at)),
    };
    let mut json = Vec::with_capacity(sent.len() + 512);
    write(document.root(), stamp, &mut json);
    Some(with(json, &receipt(event, names, &at)))
}

/// Items of the array of extensions.
fn receipt(event: &Event<'_>, names: &Names, at: &str) -> Vec<u8> {
    let record = event.record;
    let mut json = Json::default();
    json.root(|j| {
        j.text("url", RECEIPT);
        j.array("extension", |j| {
            let mut part = |url: &str, member: &str, value: &str| {
                if !value.trim().is_empty() {
                    j.item(|j| {
                        j.text("url", url);
                        j.text(member, value);
                    });
                }
            };
            part("received", "valueInstant", at);
            part("by", "valueUri", &names.base);
            part("client", "valueString", &record.client_id);
            part("user", "valueString", &record.user);
            part("address", "valueString", &record.source);
            let sequence = event.sequence.map(|n| n.to_string());
            part(SEQUENCE, "valueString", &sequence.unwrap_or_default());
            let nonce = event.nonce.map(base64).unwrap_or_default();
            part(LEAF_NONCE, "valueBase64Binary", &nonce);
        });
    });
    json.into_bytes()
}

/// The resource with one extension more, before its own.
fn with(mut json: Vec<u8>, extension: &[u8]) -> Vec<u8> {
    const MEMBER: &[u8] = b"\"extension\":[";
    let (at, before, after): (usize, &[u8], &[u8]) = match member(&json, MEMBER) {
        Some(at) => (at + MEMBER.len(), b"", b","),
        None => (json.len() - 1, b",\"extension\":[", b"]"),
    };
    let inserted = [before, extension, after].concat();
    json.splice(at..at, inserted);
    json
}

/// Where a member of the outermost object begins, in compact JSON.
fn member(json: &[u8], name: &[u8]) -> Option<usize> {
    let (mut depth, mut in_text, mut at) = (0usize, false, 0);
    while let Some(byte) = json.get(at) {
        match byte {
            b'\\' if in_text => at += 1,
            b'"' if !in_text && depth == 1 && json[at..].starts_with(name) => return Some(at),
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => depth += 1,
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => (),
        }
        at += 1;
    }
    None
}
