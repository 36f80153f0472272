//! Names that no definition has: what to say about them. <https://hl7.org/fhir/R4/json.html>

use super::NAMED_BYTES_MAX;
use crate::schema::{TypeId, TypeKind, r4};

/// `Patient.colour` for an unknown member that could be a FHIRPath name, else the place of the object that holds it.
pub(super) fn place(parent: String, name: &str) -> String {
    let name = name.strip_prefix('_').unwrap_or(name);
    let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric())
        && name.starts_with(|c: char| c.is_ascii_alphabetic());
    if is_name && name.len() <= NAMED_BYTES_MAX {
        format!("{parent}.{name}")
    } else {
        parent
    }
}

pub(super) fn member(ty: TypeId, name: &str) -> String {
    if name == "fhir_comments" {
        return "`fhir_comments` is not part of R4".into();
    }
    let def = r4().ty(ty);
    let members = &r4().members[def.members.start as usize..def.members.end as usize];
    let near = nearest(name, members.iter().map(|m| m.json_name));
    format!("{} has no element {}{near}", def.name, shown(name))
}

pub(super) fn resource_type(name: &str) -> String {
    let types = r4()
        .types
        .iter()
        .filter(|t| t.kind == TypeKind::Resource && !t.is_abstract);
    let near = nearest(name, types.map(|t| t.name));
    format!("there is no resource type {}{near}", shown(name))
}

/// The name as sent when it is short printable ASCII.
fn shown(name: &str) -> String {
    if name.len() <= NAMED_BYTES_MAX && name.bytes().all(|b| b.is_ascii_graphic()) {
        format!("`{name}`")
    } else {
        "of that name".into()
    }
}

const NEAREST_MAX: usize = 3;

/// `; did you mean ...?` with the names at most two edits (or only letter case) away.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    if name.len() > NAMED_BYTES_MAX || name.is_empty() {
        return String::new();
    }
    let reach = if name.len() < 4 { 1 } else { 2 };
    let mut near: Vec<(usize, &str)> = known
        .filter_map(|k| {
            let edits = if k.eq_ignore_ascii_case(name) {
                0
            } else {
                edits(name.as_bytes(), k.as_bytes())
            };
            (edits <= reach).then_some((edits, k))
        })
        .collect();
    near.sort();
    near.truncate(NEAREST_MAX);
    if near.is_empty() {
        return String::new();
    }
    let names: Vec<String> = near.iter().map(|(_, k)| format!("`{k}`")).collect();
    format!("; did you mean {}?", names.join(" or "))
}

/// Levenshtein distance.
fn edits(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
