//! References: `id`, `Type/id`, a version, an absolute URL. <https://hl7.org/fhir/R4/search.html#reference>

use super::criterion::plain;
use serde_json::Value;

/// The server's own base: what is below it is local, however it is written.
pub const BASE: &str = "http://127.0.0.1:8080/fhir/";

/// `only`: the type that `:[type]` names, or nothing. `targets`: the types that the parameter may refer to.
pub fn matches(element: &Value, value: &str, only: &str, targets: &str) -> bool {
    let Some(stored) = element["reference"].as_str() else {
        return false;
    };
    let wanted = plain(value);
    let wanted = wanted.strip_prefix(BASE).unwrap_or(&wanted);
    let stored = stored.strip_prefix(BASE).unwrap_or(stored);
    if !only.is_empty() && type_name(stored) != only {
        return false;
    }
    if !wanted.contains('/') {
        let ty = type_name(stored);
        return local(stored) == Some(format!("{ty}/{wanted}"))
            && targets.split(',').any(|t| t == ty);
    }
    // Without a version the reference may have one, with a version it must be that.
    stored == wanted || local(stored).as_deref() == Some(wanted)
}

/// Whether a value means a resource that stands inside of another, by its type and id.
pub fn is_to(inside: &Value, value: &str) -> bool {
    let wanted = plain(value);
    let wanted = wanted.strip_prefix(BASE).unwrap_or(&wanted);
    let (ty, id) = wanted.split_once('/').unwrap_or(("Composition", wanted));
    inside["resourceType"] == ty && inside["id"] == id
}

/// `Type/id` of a reference to this store, without its version.
pub fn local(text: &str) -> Option<String> {
    let text = text.strip_prefix(BASE).unwrap_or(text);
    if text.contains(':') {
        return None;
    }
    let mut parts = text.split('/');
    let (ty, id) = (parts.next()?, parts.next()?);
    Some(format!("{ty}/{id}"))
}

/// Type of the target: as the text says, or as `type` says.
pub fn type_of(element: &Value) -> Option<&str> {
    match element["reference"].as_str() {
        Some(text) => Some(type_name(text.strip_prefix(BASE).unwrap_or(text))),
        None => element["type"].as_str(),
    }
}

/// The segment before the id.
fn type_name(text: &str) -> &str {
    let text = text.split("/_history/").next().unwrap_or(text);
    let segments: Vec<&str> = text.split('/').collect();
    segments.len().checked_sub(2).map_or("", |at| segments[at])
}
