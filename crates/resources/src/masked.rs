//! Elements that a caller does not get of a row which they see (R15): what leaves of it, and what may be asked and changed.
//! `docs/decisions/0022-elements-that-are-masked.md`, <https://hl7.org/fhir/R4/security-labels.html>
//!
//! The store remembers which of the resources that it gave out for a Call have a veil; the door cuts what leaves of them, whatever
//! interaction made the answer. Nobody else pays for it.

use crate::call::{Call, Interaction};
use crate::leaving;
use crate::reply::{Content, Reply};
use crate::seen::is_our_own;
use crate::shown::{marked, subsetted};
use crate::write::Replaced;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use ward_access::{Access, Veil};
use ward_consent::labels::{
    DATA_ABSENT_REASON, DATA_ABSENT_REASONS, Group, MASKED, Masking, Treatment,
};
use ward_fhir::issue::Result;
use ward_fhir::schema::{MemberId, SearchParameterDef, r4};
use ward_fhir::tree::Builder;
use ward_fhir::{Document, Failure, Kind, Node, TypeId};
use ward_search::extract::Extractor;
use ward_search::groups::Groups;
use ward_storage::{Op, Row};

/// The answer as the caller may see it. What cannot be cut does not leave.
pub(crate) fn cut(access: &Access, call: &Call, reply: Reply) -> Reply {
    if reply.refused.is_some() || is_our_own(&call.interaction) {
        return reply;
    }
    // Not by the mask of this access: a Call whose attempt was lost goes on with another.
    let handed = Handed::of(access);
    if handed.0.is_empty() {
        return reply;
    }
    let body = match &reply.content {
        Content::Empty => return reply,
        Content::Resource(json) => handed.cut(json).map(Some),
        Content::Raw { .. } => handed.demand_raw().map(|()| None),
    };
    reply.settled(body)
}

/// A stored version as the caller sees it, without a mark: for whatever is made of it.
pub(crate) fn view(access: &Access, row: &Row) -> Result<Document> {
    let document = crate::seen::view(access, &row.body)?;
    Ok(without(access, row, &document).unwrap_or(document))
}

/// The same of a document that is the version or a change of it. `None`: the caller sees all of it.
pub(crate) fn without(access: &Access, row: &Row, document: &Document) -> Option<Document> {
    let masking = masking(veil_of(access, row));
    (!masking.is_empty()).then(|| {
        let mut builder = Builder::new(String::new());
        Cut::default().copy(&mut builder, document.root(), None, &masking);
        builder.finish()
    })
}

/// What of a document is not the caller's to see, each with its place: equal where a change has left it alone.
pub(crate) fn taken(
    access: &Access,
    row: &Row,
    document: &Document,
) -> Vec<(String, Option<String>)> {
    let masking = masking(veil_of(access, row));
    if masking.is_empty() {
        return Vec::new();
    }
    let nodes = document.root().descendants_and_self();
    let taken = nodes.filter(|node| masking.treatment(*node) != Treatment::Keep);
    let text = |node: Node<'_>| (node.expression(), node.value().map(str::to_owned));
    taken
        .flat_map(|node| node.descendants_and_self().map(text).collect::<Vec<_>>())
        .collect()
}

/// Refuses to replace a version of which the caller sees a part: what is stored of the rest would be lost, and an answer that depended
/// on it would tell it (R18).
pub(crate) fn demand_whole(access: &Access, call: &Call, replaced: &Replaced) -> Result<()> {
    // Patches, and what operations change, have been found to leave the rest alone.
    let is_put =
        !call.interaction.is_patch() && !matches!(call.interaction, Interaction::Operation { .. });
    match replaced {
        Replaced::Version(row)
            if is_put && row.op != Op::Delete && !veil_of(access, row).is_empty() =>
        {
            let text = "elements of the stored version are masked for you, and this would leave them out; change it by a patch";
            Err(Failure::new(Kind::BusinessRule, text).at(r4().ty(row.ty).name))
        }
        _ => Ok(()),
    }
}

/// How this caller asks: what is masked in a row is not told by any parameter.
pub(crate) fn asking(extractor: Extractor, access: &Access) -> Extractor {
    match access.masked_groups() {
        Groups::NONE => extractor,
        masked => extractor.masking(masked, reads),
    }
}

/// What an obligation comes to, as the store knows it. Text would tell what was taken out, so it goes with whatever is.
pub(crate) fn veil(masking: &Masking) -> Veil {
    if masking.is_empty() {
        return Veil::default();
    }
    let groups = |all: &BTreeSet<Group>| all.iter().map(|group| number(*group)).collect();
    let redacted: Groups = groups(&masking.redacted);
    Veil {
        masked: groups(&masking.masked),
        redacted: redacted.and(number(Group::Narrative)),
    }
}

fn masking(veil: Veil) -> Masking {
    let of = |groups: Groups| {
        let all = Group::ALL.into_iter();
        all.filter(|group| !number(*group).within(groups).is_empty())
            .collect()
    };
    Masking {
        masked: of(veil.masked),
        redacted: of(veil.redacted),
    }
}

fn number(group: Group) -> Groups {
    let at = Group::ALL.iter().position(|one| *one == group);
    at.map_or(Groups::ALL, Groups::of)
}

fn reads(ty: &str, parameter: &SearchParameterDef) -> Groups {
    let read = Group::read_by(ty, parameter);
    read.into_iter().map(number).collect()
}

/// Of the version and, where it is not the current one, of whatever else was given out of the resource (R19).
fn veil_of(access: &Access, row: &Row) -> Veil {
    if access.mask().masked().is_none() {
        return Veil::default();
    }
    let own = access.mask().veil(row.visibility);
    own.and(access.handed().of(row.ty, &row.id))
}

/// What was given out and has a veil.
struct Handed(BTreeMap<(TypeId, Arc<str>), Masking>);

impl Handed {
    fn of(access: &Access) -> Handed {
        let all = access.handed().all().into_iter();
        Handed(all.map(|(key, veil)| (key, masking(veil))).collect())
    }

    fn get(&self, resource: Node<'_>) -> Option<&Masking> {
        let id = resource.text("id")?;
        self.0.get(&(resource.ty(), Arc::from(id)))
    }

    fn has_any(&self, root: Node<'_>) -> bool {
        let mut nodes = root.descendants_and_self();
        nodes.any(|node| node.is_resource() && self.get(node).is_some())
    }

    /// A Binary in its own media type is the element that holds it.
    fn demand_raw(&self) -> Result<()> {
        let is_masked = |ty: TypeId, masking: &Masking| {
            r4().ty(ty).name == "Binary" && masking.hides(Group::Attachment)
        };
        match self
            .0
            .iter()
            .any(|((ty, _), masking)| is_masked(*ty, masking))
        {
            true => Err(Failure::new(
                Kind::HiddenElement,
                "a Binary in its own media type is not given: its data are masked for you; ask for it as a resource",
            )),
            false => Ok(()),
        }
    }

    fn cut(&self, json: &Bytes) -> Result<Bytes> {
        let document = leaving::read(json, UNREAD)?;
        let root = document.root();
        if !self.has_any(root) {
            return Ok(json.clone());
        }
        let mut builder = Builder::new(String::new());
        let cut = Cut { handed: Some(self) };
        cut.copy(&mut builder, root, None, &Masking::default());
        Ok(leaving::written(builder.finish().root(), json.len()))
    }
}

/// Of a single resource all is cut alike, and without a mark.
#[derive(Default)]
struct Cut<'h> {
    handed: Option<&'h Handed>,
}

impl Cut<'_> {
    /// `around`: of the resource that it stands in. Recursion: the depth of the document.
    fn copy(
        &self,
        builder: &mut Builder,
        node: Node<'_>,
        member: Option<MemberId>,
        around: &Masking,
    ) {
        let own = self.handed.filter(|_| node.is_resource());
        let own = own.and_then(|handed| handed.get(node));
        let both = own.map(|own| own.union(around));
        let masking = both.as_ref().unwrap_or(around);
        let is_open = self.handed.is_none_or(|handed| !handed.has_any(node));
        if masking.is_empty() && is_open {
            builder.copy(node, member);
            return;
        }
        let at = builder.open(member, node.ty());
        if let Some(value) = node.value() {
            builder.value(at, value);
        }
        let is_marked = own.is_some();
        for child in node.children() {
            match is_marked && child.name() == "meta" {
                true => marked(builder, child),
                false => self.child(builder, child, masking),
            }
        }
        if is_marked && node.get("meta").is_none() && builder.open_named("meta").is_some() {
            subsetted(builder);
            builder.close();
        }
        builder.close();
    }

    fn child(&self, builder: &mut Builder, child: Node<'_>, masking: &Masking) {
        if goes(child, masking) {
            return;
        }
        match masking.treatment(child) {
            Treatment::Keep => self.copy(builder, child, child.member(), masking),
            Treatment::Mask => mask(builder, child),
            Treatment::MaskBeside(name) => mask_beside(builder, child, name),
            Treatment::Remove => {}
        }
    }
}

/// Whether nothing is left of a node: FHIR has no empty element.
fn goes(node: Node<'_>, masking: &Masking) -> bool {
    match masking.treatment(node) {
        Treatment::Remove => true,
        Treatment::Mask | Treatment::MaskBeside(_) => false,
        Treatment::Keep if node.value().is_some() || node.is_resource() => false,
        Treatment::Keep => node.has_children() && node.children().all(|child| goes(child, masking)),
    }
}

fn mask(builder: &mut Builder, node: Node<'_>) {
    builder.open(node.member(), node.ty());
    if builder.open_named("extension").is_some() {
        builder.leaf("url", DATA_ABSENT_REASON);
        builder.leaf("valueCode", MASKED);
        builder.close();
    }
    builder.close();
}

fn mask_beside(builder: &mut Builder, node: Node<'_>, name: &str) {
    let is_there = node
        .parent()
        .is_some_and(|parent| parent.get(name).is_some());
    if is_there || builder.open_named(name).is_none() {
        return;
    }
    if builder.open_named("coding").is_some() {
        builder.leaf("system", DATA_ABSENT_REASONS);
        builder.leaf("code", MASKED);
        builder.close();
    }
    builder.close();
}

const UNREAD: &str =
    "the answer could not be cut to what is not masked for you; nothing of it is given";

#[cfg(test)]
#[path = "masked_tests.rs"]
mod tests;
