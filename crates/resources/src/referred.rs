//! What leaves refers to what its reader may see, and to nothing else on this server.
//! `docs/decisions/0021-references-to-what-is-not-seen.md`, <https://hl7.org/fhir/R4/references.html>
//!
//! Done at the door, once for all interactions: what an answer names is looked up together. A target that is hidden and one that never
//! was are one and the same here, so that neither can be told from the other. Whoever is bound by nothing, and to whom
//! nothing is hidden, gets what is stored, and nothing is looked up.

mod cut;

use crate::call::Interaction;
use crate::document::reread;
use crate::engine::{Context, stored};
use crate::leaving;
use crate::place::{is_bound, patient_type};
use crate::reply::{Content, Reply};
use crate::seen::is_our_own;
use crate::write::Replaced;
use bytes::Bytes;
use cut::{Cut, places};
use std::collections::{BTreeSet, HashSet};
use ward_access::{Access, Action, Sight};
use ward_fhir::issue::Result;
use ward_fhir::reference::{self, Reference};
use ward_fhir::schema::r4;
use ward_fhir::{Document, Failure, Kind, Node, TypeId};
use ward_storage::{Op, Rid, Row};

/// The answer without references to what the caller does not see. What cannot be looked through does not leave.
pub(crate) async fn settle(cx: Context<'_>, reply: Reply) -> Reply {
    let Content::Resource(json) = &reply.content else {
        return reply;
    };
    let is_open = !cx.access.may_hide_any() || reply.refused.is_some();
    if is_open || is_our_own(&cx.call.interaction) || is_settled(cx, &reply) {
        return reply;
    }
    let settled = settled(cx, json, &reply).await;
    reply.settled(settled)
}

/// Entries of a batch are Calls of their own; those of a transaction are answered together.
fn is_settled(cx: Context<'_>, reply: &Reply) -> bool {
    match cx.call.interaction {
        Interaction::Bundle => !reply.recorded,
        _ => false,
    }
}

/// `None`: all that it names is seen.
async fn settled(cx: Context<'_>, json: &Bytes, reply: &Reply) -> Result<Option<Bytes>> {
    let base = cx.engine.settings.base.as_str();
    let is_stored = is_stored(&cx.call.interaction);
    let mut read = None;
    let named = match has_bundle(json, is_stored) {
        false => written(cx.access, json, base),
        true => named_in(
            cx,
            read.insert(leaving::read(json, UNREAD)?).root(),
            is_stored,
        ),
    };
    let shown = reply.entities.iter().map(|e| (e.rid, e.patient));
    let hidden = look_up(cx, named, &known(cx.access, shown)).await?;
    if hidden.is_empty() {
        return Ok(None);
    }
    let document = match read {
        Some(document) => document,
        None => leaving::read(json, UNREAD)?,
    };
    let cut = Cut::new(cx.access, base, &hidden).of(document.root(), is_stored);
    Ok(cut.map(|cut| leaving::written(cut.root(), json.len())))
}

/// Whether what is answered is a resource that is stored, and not a Bundle or Parameters around some.
pub(crate) fn is_stored(interaction: &Interaction) -> bool {
    !matches!(
        interaction,
        Interaction::HistoryInstance { .. }
            | Interaction::HistoryType { .. }
            | Interaction::HistorySystem
            | Interaction::SearchType { .. }
            | Interaction::SearchSystem
            | Interaction::SearchCompartment { .. }
            | Interaction::Bundle
            | Interaction::Operation { .. }
    )
}

/// Stored Bundles name resources by more than references.
fn has_bundle(json: &[u8], is_stored: bool) -> bool {
    let own = usize::from(!is_stored);
    reference::occurrences(json, r#""resourceType":"Bundle""#)
        .nth(own)
        .is_some()
}

/// What is on this server, by type and id.
type Named<'a> = BTreeSet<(TypeId, &'a str)>;

/// What the answer names of types in which something may be hidden, found without reading it.
fn written<'a>(access: &Access, json: &'a [u8], base: &str) -> Named<'a> {
    let references = reference::texts(json, r#""reference":""#);
    let attachments = reference::texts(json, r#""url":""#).filter(|url| url.contains("Binary/"));
    let named = references.chain(attachments);
    let named = named.filter_map(|text| local(text, base));
    named.filter(|(ty, _)| access.may_hide(*ty)).collect()
}

fn named_in<'a>(cx: Context<'_>, root: Node<'a>, is_stored: bool) -> Named<'a> {
    let mut named = Named::new();
    places(root, is_stored, &cx.engine.settings.base, &mut |place| {
        if cx.access.may_hide(place.ty) {
            named.insert((place.ty, place.id));
        }
    });
    named
}

/// The resource on this server that a text names.
fn local<'a>(text: &'a str, base: &str) -> Option<(TypeId, &'a str)> {
    let bare = match text.find('#') {
        Some(at) => &text[..at],
        None => text,
    };
    match reference::parse(bare, Some(base))? {
        Reference::Local { ty, id, .. } => Some((ty, id)),
        _ => None,
    }
}

/// Rows that an answer may name without a look-up: what it shows, the patients whose it is, and whom an app was launched for. To whom Patients are open as a type
/// is told whose record they look at, even where the Patient is hidden: a result of nobody is none.
fn known(access: &Access, shown: impl Iterator<Item = (Rid, Rid)>) -> HashSet<Rid> {
    let is_bound = is_bound(access, patient_type(), Action::Read);
    let home = |home: Rid| (!is_bound).then_some(home);
    let launched = match access.sight(patient_type(), Action::Read) {
        Sight::Patients(keys) if !access.hides_records() => keys,
        _ => &[][..],
    };
    let launched = launched.iter().map(|key| Some(key.rid));
    shown
        .flat_map(|(rid, patient)| [Some(rid), home(patient)])
        .chain(launched)
        .flatten()
        .collect()
}

/// What the caller does not see, be it hidden or not there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Hidden(HashSet<(TypeId, String)>);

impl Hidden {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (TypeId, &str)> {
        self.0.iter().map(|(ty, id)| (*ty, id.as_str()))
    }

    pub fn has(&self, ty: TypeId, id: &str) -> bool {
        // Few are hidden, and the set is asked with what it holds.
        !self.0.is_empty() && self.0.contains(&(ty, id.to_owned()))
    }
}

/// Those of what a query names that the caller does not see.
pub(crate) async fn unseen(cx: Context<'_>, named: &BTreeSet<(TypeId, String)>) -> Result<Hidden> {
    if named.is_empty() {
        return Ok(Hidden::default());
    }
    let named = named.iter().map(|(ty, id)| (*ty, id.as_str()));
    look_up(cx, named.collect(), &known(cx.access, std::iter::empty())).await
}

/// One statement for ids of clients, and one for what is there.
async fn look_up(cx: Context<'_>, named: Named<'_>, shown: &HashSet<Rid>) -> Result<Hidden> {
    let store = &cx.engine.store;
    let named: Vec<(TypeId, &str)> = named.into_iter().collect();
    let rids = stored(store.locate(&named).await)?;
    let located = named.iter().zip(&rids);
    let asked: Vec<(TypeId, Rid)> = located
        .filter_map(|((ty, _), rid)| Some((*ty, (*rid)?)))
        .filter(|(_, rid)| !shown.contains(rid))
        .collect();
    let visible = stored(store.visible(cx.access, &asked).await)?;
    let seen = asked.iter().zip(visible).filter(|(_, visible)| *visible);
    let seen: HashSet<(TypeId, Rid)> = seen.map(|(key, _)| *key).collect();
    let is_seen = |ty: TypeId, rid: &Option<Rid>| {
        rid.is_some_and(|rid| shown.contains(&rid) || seen.contains(&(ty, rid)))
    };
    let hidden = named
        .iter()
        .zip(&rids)
        .filter(|((ty, _), rid)| !is_seen(*ty, rid));
    let hidden = hidden.map(|((ty, id), _)| (*ty, (*id).to_owned()));
    Ok(Hidden(hidden.collect()))
}

/// What a stored version names and the caller does not see.
pub(crate) async fn of_row(cx: Context<'_>, row: &Row, root: Node<'_>) -> Result<Hidden> {
    if !cx.access.may_hide_any() {
        return Ok(Hidden::default());
    }
    let named = named_in(cx, root, true);
    let shown = [(row.rid, row.patient)].into_iter();
    look_up(cx, named, &known(cx.access, shown)).await
}

/// A resource without what is hidden, as it leaves but for the mark. `None`: nothing is.
pub(crate) fn without(cx: Context<'_>, root: Node<'_>, hidden: &Hidden) -> Option<Document> {
    if hidden.is_empty() {
        return None;
    }
    let base = cx.engine.settings.base.as_str();
    Cut::new(cx.access, base, hidden).unmarked().of(root, true)
}

/// What is hidden and named in a resource, each as often as it is.
pub(crate) fn named(cx: Context<'_>, root: Node<'_>, hidden: &Hidden) -> Vec<(TypeId, String)> {
    let mut named = Vec::new();
    places(root, true, &cx.engine.settings.base, &mut |place| {
        if hidden.has(place.ty, place.id) {
            named.push((place.ty, place.id.to_owned()));
        }
    });
    named.sort_unstable();
    named
}

/// Refuses to replace a version by one that leaves out what the caller does not see of it: who states it all again may. (R18)
pub(crate) async fn demand_kept(
    cx: Context<'_>,
    next: Node<'_>,
    replaced: &Replaced,
) -> Result<()> {
    let row = match replaced {
        Replaced::Version(row) if row.op != Op::Delete && cx.access.may_hide_any() => row,
        _ => return Ok(()),
    };
    let before = reread(&row.body)?;
    let hidden = of_row(cx, row, before.root()).await?;
    if hidden.is_empty() {
        return Ok(());
    }
    let mut left = hidden.0;
    places(next, true, &cx.engine.settings.base, &mut |place| {
        left.remove(&(place.ty, place.id.to_owned()));
    });
    match left.is_empty() {
        true => Ok(()),
        false => Err(lost(next.type_name())),
    }
}

fn lost(ty: &str) -> Failure {
    let text = "the stored version refers to what you do not see, and this would leave that out; change it by a patch";
    Failure::new(Kind::BusinessRule, text).at(ty)
}

/// What a patch says that it would change and that is not the caller's to see.
pub(crate) fn touched(ty: TypeId) -> Failure {
    let text =
        "the patch touches what you do not see of the resource, or what stands in a list with it";
    Failure::new(Kind::BusinessRule, text).at(r4().ty(ty).name)
}

/// Whether the type itself may be named to the caller.
fn is_told(access: &Access, ty: TypeId) -> bool {
    access.may(ty, Action::Read)
}

const UNREAD: &str =
    "the answer could not be looked through for what you may not see; nothing of it is given";

#[cfg(test)]
#[path = "referred_tests.rs"]
mod tests;
