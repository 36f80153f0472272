//! What is part of what, however many steps away. <https://hl7.org/fhir/R4/search.html#recursive>

use super::criterion::plain;
use super::reference::{BASE, local};
use super::{Stored, World};
use std::collections::BTreeSet;

/// Types of which resources are parts of others by `partOf`.
pub const HIERARCHICAL: [&str; 3] = ["Encounter", "Location", "Organization"];

/// `Type/id` of the resource, and of all that it is part of (`above`) or that are part of it.
pub fn around(world: &World, targets: &str, value: &str, above: bool) -> BTreeSet<String> {
    let wanted = plain(value);
    let wanted = wanted.strip_prefix(BASE).unwrap_or(&wanted);
    let types = targets.split(',').filter(|ty| HIERARCHICAL.contains(ty));
    let mut all: BTreeSet<String> = match wanted.split_once('/') {
        None => types.map(|ty| format!("{ty}/{wanted}")).collect(),
        Some((ty, _)) => {
            let mut types = types;
            let known = types.any(|t| t == ty);
            known.then(|| wanted.to_owned()).into_iter().collect()
        }
    };
    loop {
        let before = all.len();
        for stored in &world.resources {
            let (own, Some(parent)) = (stored.path(), parent(stored)) else {
                continue;
            };
            match above {
                true if all.contains(&own) => drop(all.insert(parent)),
                false if all.contains(&parent) => drop(all.insert(own)),
                _ => {}
            }
        }
        if all.len() == before {
            return all;
        }
    }
}

/// What a resource is part of, where that is of its own type.
fn parent(stored: &Stored) -> Option<String> {
    let parent = local(stored.body["partOf"]["reference"].as_str()?)?;
    let is_same = parent.starts_with(&format!("{}/", stored.ty()));
    is_same.then_some(parent)
}
