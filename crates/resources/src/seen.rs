//! What leaves to a caller who sees some elements of a type: each resource of an answer, wherever it stands in it, is cut to
//! those and says so. <https://hl7.org/fhir/R4/search.html#elements>
//!
//! Done at the door, once for all interactions, and for no other caller. What is looked at on the way to an answer (what a page
//! refers to, what is grouped or checked) is looked at as the caller sees it.

use crate::call::{Call, Interaction};
use crate::document::reread;
use crate::engine::{Context, Engine};
use crate::leaving;
use crate::reply::{Content, Reply};
use crate::shown::{marked, subsetted};
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use ward_access::{Access, Action, Compartments};
use ward_fhir::issue::Result;
use ward_fhir::schema::{MemberId, r4};
use ward_fhir::tree::Builder;
use ward_fhir::{Document, Failure, Kind, Node, TypeId};
use ward_search::extract::Extractor;
use ward_search::hot;
use ward_search::plan::{Plan, SortKey};
use ward_search::seen::Seen;

/// The answer as the caller may see it. What cannot be cut does not leave.
pub(crate) fn cut(access: &Access, call: &Call, reply: Reply) -> Reply {
    let Some(seen) = access.seen().filter(|_| reply.refused.is_none()) else {
        return reply;
    };
    let content = match &reply.content {
        Content::Empty => return reply,
        Content::Resource(_) if is_our_own(&call.interaction) => return reply,
        Content::Resource(json) => cut_json(seen, json).map(Content::Resource),
        Content::Raw { .. } => demand_raw(access).map(|()| reply.content.clone()),
    };
    match content {
        Ok(content) => Reply { content, ..reply },
        // What was written stays written, with its Record.
        Err(failure) => Reply {
            recorded: reply.recorded,
            ..Reply::failure(&failure)
        },
    }
}

/// A stored version as the caller sees it, without a mark.
pub(crate) fn view(access: &Access, body: &[u8]) -> Result<Document> {
    let document = reread(body)?;
    Ok(match access.seen() {
        Some(seen) if has_part(seen, document.root()) => {
            Cut { seen, marks: false }.of(document.root())
        }
        _ => document,
    })
}

/// Answers of which every byte is the server's: none of them holds a resource that is stored.
pub(crate) fn is_our_own(interaction: &Interaction) -> bool {
    match interaction {
        Interaction::Capabilities | Interaction::OpenApi => true,
        Interaction::Operation { name, .. } => OF_NO_RESOURCE.contains(&name.as_str()),
        _ => false,
    }
}

const OF_NO_RESOURCE: [&str; 8] = [
    "access-report",
    "activity",
    "disclosures",
    "meta",
    "meta-add",
    "meta-delete",
    "reindex",
    "validate",
];

/// A Binary in its own media type is the element that holds it.
fn demand_raw(access: &Access) -> Result<()> {
    let ty = r4().resource_type("Binary").unwrap_or(TypeId(u16::MAX));
    match access.elements(ty) {
        None => Ok(()),
        Some(_) => Err(hidden(
            "a Binary in its own media type is not given: your role shows a part of it; ask for it as a resource",
        )),
    }
}

fn cut_json(seen: &Seen, json: &Bytes) -> Result<Bytes> {
    let document = leaving::read(json, UNREAD)?;
    let root = document.root();
    if !has_part(seen, root) {
        return Ok(json.clone());
    }
    let cut = Cut { seen, marks: true }.of(root);
    Ok(leaving::written(cut.root(), json.len()))
}

fn has_part(seen: &Seen, root: Node<'_>) -> bool {
    let mut nodes = root.descendants_and_self();
    nodes.any(|node| node.is_resource() && seen.elements(node.ty()).is_some())
}

struct Cut<'s> {
    seen: &'s Seen,
    /// Each resource that is cut says so, whether something was taken from it or not.
    marks: bool,
}

impl Cut<'_> {
    fn of(&self, root: Node<'_>) -> Document {
        let mut builder = Builder::new(String::new());
        self.copy(&mut builder, root, None);
        builder.finish()
    }

    /// Recursion: resources within resources, and what is between them.
    fn copy(&self, builder: &mut Builder, node: Node<'_>, member: Option<MemberId>) {
        let elements = match node.is_resource() {
            true => self.seen.elements(node.ty()),
            false => None,
        };
        if elements.is_none() && !has_part(self.seen, node) {
            builder.copy(node, member);
            return;
        }
        builder.open(member, node.ty());
        let is_marked = self.marks && elements.is_some();
        for child in node.children() {
            if elements.is_some_and(|elements| !elements.keeps(child)) {
                continue;
            }
            if is_marked && child.name() == "meta" {
                marked(builder, child);
            } else {
                self.copy(builder, child, child.member());
            }
        }
        if is_marked && node.get("meta").is_none() && builder.open_named("meta").is_some() {
            subsetted(builder);
            builder.close();
        }
        builder.close();
    }
}

pub(crate) fn hidden(text: impl Into<String>) -> Failure {
    Failure::new(Kind::HiddenElement, text)
}

/// Extractors by what is seen, each made once.
#[derive(Default)]
pub(crate) struct Extractors(RwLock<HashMap<Arc<Seen>, Extractor>>);

/// Combinations of roles whose extractors are kept; when there are more, all are made anew.
const EXTRACTORS_MAX: usize = 64;

impl Extractors {
    /// `whole`: always the same one.
    pub fn of(&self, whole: &Extractor, seen: Option<&Arc<Seen>>) -> Extractor {
        let Some(seen) = seen else {
            return whole.clone();
        };
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(seen) {
            return known.clone();
        }
        drop(kept);
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= EXTRACTORS_MAX {
            kept.clear();
        }
        let new = || whole.within(seen);
        kept.entry(seen.clone()).or_insert_with(new).clone()
    }
}

impl Engine {
    /// The parameters of the R4 package, as far as they read what is seen.
    pub(crate) fn extractor_of(&self, seen: Option<&Arc<Seen>>) -> Extractor {
        self.extractors.of(&self.extractor, seen)
    }
}

/// Without `_sort` rows come by their clinical date. Where that lies in an element which is not seen, the order would tell it: they come
/// by their last change instead, the latest first.
pub(crate) fn settle_order(cx: Context<'_>, plan: &mut Plan) {
    let Some(seen) = cx.access.seen().filter(|_| plan.sort.is_empty()) else {
        return;
    };
    let extractor = cx.engine.extractor_of(Some(seen));
    let is_asked = |ty: TypeId| plan.types.is_empty() || plan.types.contains(&ty);
    let hides = |ty: TypeId| {
        let date = hot::of(r4().ty(ty).name).date;
        extractor.registry().of(ty).hides(date)
    };
    if seen.types().any(|(ty, _)| is_asked(ty) && hides(ty)) {
        plan.sort = vec![SortKey::Updated { descending: true }];
    }
}

/// Refuses to tell what is in a patient's compartment of types of which it is not seen whose record they belong to.
pub(crate) fn demand_placed(access: &Access, types: &[TypeId]) -> Result<()> {
    let is_told = |ty: &&TypeId| access.may(**ty, Action::Search) && !access.places(**ty);
    let Some(ty) = types.iter().find(is_told) else {
        return Ok(());
    };
    let name = r4().ty(*ty).name;
    Err(hidden(format!(
        "whose record a {name} belongs to is said by {}, and your role does not show all that they read; ask for other types \
         ('_type'), or for {name} by what you see of it",
        Compartments::r4().parameters(*ty).join(" and ")
    )))
}

const UNREAD: &str = "the answer could not be cut to what your role shows; nothing of it is given";

#[cfg(test)]
#[path = "seen_tests.rs"]
mod tests;
