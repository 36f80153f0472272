//! Contained resources: a chain goes into them as to any other, and nothing else finds them.
//! <https://hl7.org/fhir/R4/search.html#contained>
//!
//! One is looked at as a copy that carries its container, with `#id` in place of an id: nobody asks for that.

use super::Stored;
use serde_json::Value;

/// The member in which a copy carries its container.
const CONTAINER: &str = "_container";

pub fn is_contained(stored: &Stored) -> bool {
    stored.body.get(CONTAINER).is_some()
}

/// `Type/#id` of what a reference within the body's container leads to; `None`: it leads elsewhere.
pub fn path(body: &Value, reference: &str) -> Option<String> {
    type_of(body, reference).map(|ty| format!("{ty}/{reference}"))
}

/// The type of what it leads to.
pub fn type_of<'v>(body: &'v Value, reference: &str) -> Option<&'v str> {
    let id = reference.strip_prefix('#')?;
    let found = held(container(body)).find(|c| c["id"] == id)?;
    found["resourceType"].as_str()
}

/// What stands at `Type/#id` in the container of a resource, or in itself.
pub fn get(stored: &Stored, path: &str) -> Option<Stored> {
    let (ty, id) = path.split_once("/#")?;
    let found = held(container(&stored.body)).find(|c| c["resourceType"] == ty && c["id"] == id);
    found.map(|body| copy(stored, body))
}

/// The container and all that it contains, as they are seen from within.
pub fn members(stored: &Stored) -> Vec<Stored> {
    let container = container(&stored.body);
    let all = std::iter::once(container).chain(held(container));
    all.map(|body| copy(stored, body)).collect()
}

fn container(body: &Value) -> &Value {
    body.get(CONTAINER).unwrap_or(body)
}

fn held(container: &Value) -> impl Iterator<Item = &Value> {
    container["contained"].as_array().into_iter().flatten()
}

fn copy(stored: &Stored, body: &Value) -> Stored {
    let mut copy = body.clone();
    copy["id"] = format!("#{}", body["id"].as_str().unwrap_or_default()).into();
    copy[CONTAINER] = container(&stored.body).clone();
    Stored {
        body: copy,
        ..stored.clone()
    }
}
