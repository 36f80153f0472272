//! Profiles, labels and tags of `Resource.meta`, in the order they are met; a coding is the same by system and code.
//! <https://hl7.org/fhir/R4/resource.html#Meta>

use std::collections::HashSet;
use ward_fhir::Node;
use ward_fhir::json::{self, Stamp, write_string};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Add,
    Delete,
}

/// Members of `meta` that are lists of marks.
const LISTS: [&str; 3] = ["profile", "security", "tag"];

#[derive(Default)]
pub struct Marks([List; 3]);

/// Marks of one list, each once.
#[derive(Default)]
struct List {
    keys: HashSet<Key>,
    items: Vec<(Key, Vec<u8>)>,
}

/// System and code; of a profile only the url.
type Key = (String, String);

impl Marks {
    /// Takes the marks of a resource; whether it has any.
    pub fn collect(&mut self, resource: Node<'_>) -> bool {
        resource
            .get("meta")
            .is_some_and(|meta| self.collect_meta(meta))
    }

    pub fn collect_meta(&mut self, meta: Node<'_>) -> bool {
        let mut any = false;
        for (list, name) in self.0.iter_mut().zip(LISTS) {
            for mark in meta.all(name) {
                any = true;
                let key = key(mark);
                if list.keys.insert(key.clone()) {
                    list.items.push((key, element(mark)));
                }
            }
        }
        any
    }

    pub fn to_meta(&self) -> Vec<u8> {
        let mut out = b"{".to_vec();
        for (list, name) in self.0.iter().zip(LISTS) {
            if !list.items.is_empty() {
                if out.len() > 1 {
                    out.push(b',');
                }
                out.extend_from_slice(format!("\"{name}\":").as_bytes());
                array(list.items.iter().map(|(_, json)| json), &mut out);
            }
        }
        out.push(b'}');
        out
    }
}

/// The change as a JSON Patch that leaves all other marks where they stand; `None` when there is nothing to change.
pub fn patch(resource: Node<'_>, asked: &Marks, change: Change) -> Option<Vec<u8>> {
    let mut operations = Vec::new();
    for (list, name) in asked.0.iter().zip(LISTS) {
        let present: Vec<Key> = resource
            .get("meta")
            .into_iter()
            .flat_map(|meta| meta.all(name))
            .map(key)
            .collect();
        match change {
            Change::Add => add(name, &present, list, &mut operations),
            Change::Delete => remove(name, &present, list, &mut operations),
        }
    }
    if operations.is_empty() {
        return None;
    }
    let mut out = Vec::new();
    array(operations.iter(), &mut out);
    Some(out)
}

fn add(name: &str, present: &[Key], asked: &List, operations: &mut Vec<Vec<u8>>) {
    let new = asked.items.iter().filter(|(key, _)| !present.contains(key));
    let new: Vec<&Vec<u8>> = new.map(|(_, json)| json).collect();
    if present.is_empty() && !new.is_empty() {
        let mut value = Vec::new();
        array(new.into_iter(), &mut value);
        operations.push(operation("add", &format!("/meta/{name}"), Some(&value)));
    } else {
        let path = format!("/meta/{name}/-");
        operations.extend(
            new.into_iter()
                .map(|value| operation("add", &path, Some(value))),
        );
    }
}

fn remove(name: &str, present: &[Key], asked: &List, operations: &mut Vec<Vec<u8>>) {
    let doomed: Vec<usize> = (0..present.len())
        .filter(|at| asked.keys.contains(&present[*at]))
        .collect();
    if doomed.is_empty() {
        return;
    }
    if doomed.len() == present.len() {
        // FHIR knows no empty lists.
        operations.push(operation("remove", &format!("/meta/{name}"), None));
        return;
    }
    // From the end, so that the places of those before stay.
    for at in doomed.into_iter().rev() {
        operations.push(operation("remove", &format!("/meta/{name}/{at}"), None));
    }
}

fn operation(op: &str, path: &str, value: Option<&[u8]>) -> Vec<u8> {
    let mut out = format!("{{\"op\":\"{op}\",\"path\":\"{path}\"").into_bytes();
    if let Some(value) = value {
        out.extend_from_slice(b",\"value\":");
        out.extend_from_slice(value);
    }
    out.push(b'}');
    out
}

fn key(mark: Node<'_>) -> Key {
    match mark.value() {
        Some(url) => (url.to_owned(), String::new()),
        None => {
            let text = |name| mark.text(name).unwrap_or_default().to_owned();
            (text("system"), text("code"))
        }
    }
}

/// The JSON of an element.
pub fn element(node: Node<'_>) -> Vec<u8> {
    let mut json = Vec::new();
    match node.value() {
        Some(text) => write_string(text, &mut json),
        None => json::write(node, Stamp::default(), &mut json),
    }
    json
}

fn array<'a>(items: impl Iterator<Item = &'a Vec<u8>>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (n, item) in items.enumerate() {
        if n > 0 {
            out.push(b',');
        }
        out.extend_from_slice(item);
    }
    out.push(b']');
}
