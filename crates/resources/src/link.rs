//! References inside resources: which literal ones must resolve, and the rewriting of a transaction's own identities
//! everywhere they may stand. <https://hl7.org/fhir/R4/http.html#trules>

use crate::binary::is_open;
use crate::engine::{Context, ReferenceCheck, stored};
use crate::read::NO_ROW;
use std::collections::{HashMap, HashSet};
use ward_access::Action;
use ward_fhir::issue::Result;
use ward_fhir::reference::{self, Reference};
use ward_fhir::schema::{Primitive, TypeKind, r4};
use ward_fhir::tree::NodeIndex;
use ward_fhir::{Document, Failure, Kind, Node, TypeId, narrative};
use ward_storage::{Current, Guard, Rid};

/// Literal references of a resource that must exist, as guards that hold them until the commit.
/// What the caller may not read at all is not looked up: the answer would tell of its existence.
/// `own` are the identities (`Type/id`) that the unit itself writes.
pub async fn check(
    cx: Context<'_>,
    node: Node<'_>,
    in_transaction: bool,
    own: &HashSet<String>,
) -> Result<Vec<Guard>> {
    let checked = check_all(cx, &[(0, node)], in_transaction, own).await;
    checked.map_err(|(failure, _)| failure)
}

/// The same for several resources of one unit, each with a number. Error: with the number of the first whose reference does not
/// resolve.
pub async fn check_all(
    cx: Context<'_>,
    nodes: &[(usize, Node<'_>)],
    in_transaction: bool,
    own: &HashSet<String>,
) -> std::result::Result<Vec<Guard>, (Failure, usize)> {
    let wanted = match cx.engine.settings.reference_check {
        ReferenceCheck::Never => false,
        ReferenceCheck::Transaction => in_transaction,
        ReferenceCheck::Always => true,
    };
    if !wanted {
        return Ok(Vec::new());
    }
    let (mut places, mut seen) = (Vec::new(), HashSet::new());
    for (at, node) in nodes {
        for reference in literals(*node) {
            let Some(text) = reference.value() else {
                continue;
            };
            if let Some(Reference::Local { ty, id, .. }) =
                reference::parse(text, Some(&cx.engine.settings.base))
                && cx.access.may(ty, Action::Read)
                && !own.contains(&identity(ty, id))
                && seen.insert((ty, id))
            {
                places.push(((ty, id), (*at, reference)));
            }
        }
    }
    exist(cx, places).await
}

pub fn identity(ty: TypeId, id: &str) -> String {
    format!("{}/{id}", r4().ty(ty).name)
}

/// A target, and where it is referred to.
type Place<'a> = ((TypeId, &'a str), (usize, Node<'a>));

async fn exist(
    cx: Context<'_>,
    places: Vec<Place<'_>>,
) -> std::result::Result<Vec<Guard>, (Failure, usize)> {
    let Some((_, (first, _))) = places.first() else {
        return Ok(Vec::new());
    };
    let of_all = |failure| (failure, *first);
    let keys: Vec<(TypeId, &str)> = places.iter().map(|(key, _)| *key).collect();
    let rids = stored(cx.engine.store.locate(&keys).await).map_err(of_all)?;
    let rids = rids.into_iter().map(|rid| rid.unwrap_or(NO_ROW));
    let located: Vec<(TypeId, Rid)> = keys.iter().map(|key| key.0).zip(rids).collect();
    let found = stored(
        cx.engine
            .store
            .read_many(cx.access, Action::Read, &located)
            .await,
    )
    .map_err(of_all)?;
    for ((_, (at, reference)), current) in places.iter().zip(found) {
        let is_seen = match current {
            Current::Live(row) => is_open(cx, &row).await.map_err(of_all)?,
            Current::Deleted(_) | Current::Absent => false,
        };
        if !is_seen {
            return Err((unresolved(*reference), *at));
        }
    }
    Ok(located
        .into_iter()
        .map(|(ty, rid)| Guard::Exists { ty, rid })
        .collect())
}

fn unresolved(node: Node<'_>) -> Failure {
    Failure::new(
        Kind::Reference,
        "the reference does not resolve to an existing resource",
    )
    .at(node.expression())
}

/// Every `Reference.reference` in the subtree.
fn literals<'a>(node: Node<'a>) -> impl Iterator<Item = Node<'a>> {
    let reference = reference_type();
    node.descendants_and_self()
        .filter(move |n| n.ty() == reference)
        .filter_map(|n| n.get("reference"))
}

fn reference_type() -> TypeId {
    static REFERENCE: std::sync::OnceLock<TypeId> = std::sync::OnceLock::new();
    *REFERENCE.get_or_init(|| r4().type_id("Reference").unwrap_or(TypeId(u16::MAX)))
}

/// Conditional references (`Patient?identifier=...`) of a subtree: the element that holds the text, and its parts.
pub fn conditional<'a>(node: Node<'a>) -> impl Iterator<Item = (Node<'a>, TypeId, &'a str)> {
    literals(node).filter_map(|n| match reference::parse(n.value()?, None)? {
        Reference::Conditional { ty, query } => Some((n, ty, query)),
        _ => None,
    })
}

/// Replaces every occurrence of an identity in `map` under `node`: references, uri-like primitives, narrative links.
/// `local_base` is the base of the entry's own fullUrl, against which relative references stand for identities.
pub fn replacements(
    node: Node<'_>,
    map: &HashMap<String, String>,
    local_base: Option<&str>,
) -> Vec<(NodeIndex, String)> {
    let mut found = Vec::new();
    for n in node.descendants_and_self() {
        let Some(text) = n.value() else { continue };
        match role(n) {
            Role::Link => {
                if let Some(new) = target(text, map, local_base) {
                    found.push((n.index(), new));
                }
            }
            Role::Narrative => {
                if let Some(new) = rewrite_narrative(text, map, local_base) {
                    found.push((n.index(), new));
                }
            }
            Role::Other => {}
        }
    }
    found
}

pub fn apply(document: &mut Document, replacements: Vec<(NodeIndex, String)>) {
    for (index, text) in replacements {
        document.set_value(index, &text);
    }
}

/// The new text of a link; a fragment after the identity is kept.
pub fn target(
    text: &str,
    map: &HashMap<String, String>,
    local_base: Option<&str>,
) -> Option<String> {
    if let Some(new) = map.get(text) {
        return Some(new.clone());
    }
    if let Some((identity, fragment)) = text.split_once('#')
        && let Some(new) = map.get(identity)
    {
        return Some(format!("{new}#{fragment}"));
    }
    if text.contains(':') {
        return None;
    }
    map.get(&format!("{}/{text}", local_base?)).cloned()
}

fn rewrite_narrative(
    div: &str,
    map: &HashMap<String, String>,
    local_base: Option<&str>,
) -> Option<String> {
    let mut spans = Vec::new();
    narrative::links(div, &mut |span| spans.push(span));
    let mut out = String::new();
    let mut done = 0;
    for span in spans {
        if let Some(new) = target(&div[span.clone()], map, local_base) {
            out.push_str(&div[done..span.start]);
            out.push_str(&new);
            done = span.end;
        }
    }
    (done > 0).then(|| out + &div[done..])
}

enum Role {
    Link,
    Narrative,
    Other,
}

fn role(node: Node<'_>) -> Role {
    match node.type_def().kind {
        TypeKind::Primitive(
            Primitive::Uri
            | Primitive::Url
            | Primitive::Canonical
            | Primitive::Oid
            | Primitive::Uuid,
        ) => {
            // Extension.url names a definition, never an instance.
            if node.json_name() == "url"
                && node.parent().is_some_and(|p| p.type_name() == "Extension")
            {
                Role::Other
            } else {
                Role::Link
            }
        }
        TypeKind::Primitive(Primitive::Xhtml) => Role::Narrative,
        TypeKind::Primitive(Primitive::String)
            if node.json_name() == "reference"
                && node.parent().is_some_and(|p| p.ty() == reference_type()) =>
        {
            Role::Link
        }
        _ => Role::Other,
    }
}

/// Links of a subtree that look like an identity of this Bundle (`urn:uuid:`, `urn:oid:`) but are in no entry.
pub fn dangling<'a>(node: Node<'a>) -> Option<Node<'a>> {
    literals(node).find(|n| {
        n.value()
            .is_some_and(|t| t.starts_with("urn:uuid:") || t.starts_with("urn:oid:"))
    })
}
