//! `_list`: what a List holds. <https://hl7.org/fhir/R4/search.html#list>

use super::{Stored, World, reference, walk};
use serde_json::Value;

/// Whether the resource is in the List with this id; entries marked as deleted hold nothing.
pub fn has(world: &World, stored: &Stored, id: &str) -> bool {
    let Some(list) = world.get(&format!("List/{id}")) else {
        return false;
    };
    let entries = walk::elements(&list.body, "entry").into_iter();
    let mut kept = entries.filter(|entry| entry["deleted"] != Value::Bool(true));
    kept.any(|entry| {
        let item = entry["item"]["reference"]
            .as_str()
            .and_then(reference::local);
        item == Some(stored.path())
    })
}
