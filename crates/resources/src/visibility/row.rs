//! A resource as consents ask about it: what it is about, who wrote it, when, and who keeps it (R4).
//! `docs/decisions/0019-residuals-of-consents.md`

use super::house::House;
use super::known::Known;
use std::sync::Arc;
use ward_consent::labels::{Kind, RowClass, RuleSet};
use ward_consent::{Coding, Period, Ref, Row, Span};
use ward_fhir::reference::{self, Reference};
use ward_fhir::schema::r4;
use ward_fhir::{Node, TypeId};

/// Elements that name who wrote a resource, or answers for what it says. Who merely took part in what it is about is none of them.
const AUTHORS: &[&str] = &[
    "agent",
    "assessor",
    "asserter",
    "attester",
    "authenticator",
    "author",
    "enterer",
    "expressedBy",
    "informationSource",
    "interpreter",
    "operator",
    "orderer",
    "performer",
    "prescriber",
    "provider",
    "recorder",
    "reporter",
    "requester",
    "resultsInterpreter",
    "sender",
    "source",
];

/// Elements that name the organization that keeps a resource.
const CUSTODIANS: &[&str] = &[
    "custodian",
    "serviceProvider",
    "managingOrganization",
    "owner",
];

/// Elements with the clinical date, the one that counts first: when it was, before when it was written down.
const DATES: &[&str] = &[
    "effective",
    "occurrence",
    "performed",
    "onset",
    "started",
    "period",
    "servicedPeriod",
    "billablePeriod",
    "collected",
    "start",
    "whenHandedOver",
    "identified",
    "dateTime",
    "date",
    "authoredOn",
    "authored",
    "dateWritten",
    "recordedDate",
    "recorded",
    "sent",
    "created",
    "issued",
];

const MEDIA_TYPES: &str = "urn:ietf:bcp:13";

/// `reference` is the resource's own, which it may not say yet. Who stands behind authors and above organizations is taken from
/// `known` ([`asks`]); what is missing there cannot be told. Cost: linear in the resource.
pub(crate) fn row(
    node: Node<'_>,
    reference: &str,
    labels: &RowClass,
    house: House<'_>,
    known: &Known,
) -> Row {
    let is_consent = node.type_name() == "Consent";
    let grantors = node.all("performer").filter(|_| is_consent);
    Row {
        reference: reference.into(),
        profiles: profiles(node),
        documents: documents(node),
        codes: codes(node),
        confidentiality: labels.level,
        sensitivities: sensitivities(labels, house.labels),
        authors: authors(node, house, known),
        date: date(node),
        refers_to: references(node, house.base),
        custodian: custodian(node, house, known),
        grantors: grantors.filter_map(|g| local(g, house.base)).collect(),
    }
}

/// What must be looked up to tell who wrote and who keeps a resource.
pub(crate) fn asks(node: Node<'_>, house: House<'_>, with_authors: bool) -> Vec<Ref> {
    let mut asked = Vec::new();
    if !house.is_alone() {
        asked.extend(keepers(node).filter_map(|keeper| local(keeper, house.base)));
        asked.retain(|keeper| **keeper != *house.organization);
    }
    if with_authors {
        let named = author_nodes(node).filter_map(|author| local(author, house.base));
        asked.extend(named.filter(|author| author.starts_with("PractitionerRole/")));
    }
    asked
}

/// Sensitivities among the labels: what says how to handle a row says nothing of what it is about.
pub(crate) fn sensitivities(labels: &RowClass, rules: &RuleSet) -> Vec<Coding> {
    let is_one = |label: &&Coding| rules.kind(label) == Kind::Sensitivity;
    labels.labels.iter().filter(is_one).cloned().collect()
}

/// `Type/id` of a Reference to a resource of this store.
pub(crate) fn local(node: Node<'_>, base: &str) -> Option<Ref> {
    match reference::parse(node.text("reference")?, Some(base))? {
        Reference::Local { ty, id, .. } => Some(format!("{}/{id}", r4().ty(ty).name).into()),
        _ => None,
    }
}

/// Every literal reference to a resource of this store, each once.
pub(crate) fn references(node: Node<'_>, base: &str) -> Vec<Ref> {
    let mut all: Vec<Ref> = reference_nodes(node)
        .filter_map(|reference| local(reference, base))
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn reference_nodes<'a>(node: Node<'a>) -> impl Iterator<Item = Node<'a>> {
    node.descendants_and_self()
        .filter(|node| node.type_name() == "Reference")
}

fn profiles(node: Node<'_>) -> Vec<Arc<str>> {
    let metas = node.all("meta");
    let all = metas.flat_map(|meta| meta.children().filter(|c| c.name() == "profile"));
    all.filter_map(Node::value).map(Arc::from).collect()
}

/// Types of a document, and media types of whatever is attached.
fn documents(node: Node<'_>) -> Vec<Coding> {
    let has_type = |node: &Node<'_>| {
        let name = node.type_name();
        matches!(
            name,
            "DocumentReference" | "DocumentManifest" | "Composition"
        )
    };
    let all = node.descendants_and_self();
    let typed = all.filter(has_type).flat_map(|document| {
        let concepts = document.children().filter(|c| c.name() == "type");
        concepts.flat_map(codes)
    });
    let attached = node
        .descendants_and_self()
        .filter(|node| node.name() == "contentType")
        .filter_map(Node::value);
    let media_type = |text: &str| {
        let bare = text.split(';').next().unwrap_or_default().trim();
        Coding::new(MEDIA_TYPES, &bare.to_ascii_lowercase())
    };
    typed.chain(attached.map(media_type)).collect()
}

/// Every coding but what is said about the resource as such.
fn codes(node: Node<'_>) -> Vec<Coding> {
    let is_of_meta = |node: &Node<'_>| {
        let parent = node.parent();
        parent.is_some_and(|parent| parent.type_name() == "Meta")
    };
    let coding = |node: Node<'_>| {
        let code = node.text("code")?;
        Some(Coding::new(node.text("system").unwrap_or_default(), code))
    };
    let all = node.descendants_and_self();
    let mut codes: Vec<Coding> = all
        .filter(|node| node.type_name() == "Coding" && !is_of_meta(node))
        .filter_map(coding)
        .collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// A type that has no place for an author has none; where the place is empty, or names somebody who is not found, it cannot be
/// told.
fn authors(node: Node<'_>, house: House<'_>, known: &Known) -> Option<Vec<Ref>> {
    let mut elements = r4().elements_of(node.ty()).iter();
    if !elements.any(|element| AUTHORS.contains(&element.name)) {
        return Some(Vec::new());
    }
    let mut authors = Vec::new();
    for author in author_nodes(node) {
        let author = local(author, house.base)?;
        if author.starts_with("PractitionerRole/") {
            authors.extend(known.stands_for(&author)?.iter().cloned());
        }
        authors.push(author);
    }
    authors.sort_unstable();
    authors.dedup();
    (!authors.is_empty()).then_some(authors)
}

fn author_nodes<'a>(node: Node<'a>) -> impl Iterator<Item = Node<'a>> {
    node.children()
        .filter(|child| AUTHORS.contains(&child.name()))
        .flat_map(reference_nodes)
}

/// Where nobody has said which organization this is, all rows are of the one that there is.
pub(crate) fn custodian(node: Node<'_>, house: House<'_>, known: &Known) -> Option<Ref> {
    let ours = || Some(Ref::from(house.organization));
    if house.is_alone() {
        return ours();
    }
    let mut said = keepers(node).filter(leads_somewhere).peekable();
    if said.peek().is_none() {
        return ours();
    }
    let custodian = said.find_map(|keeper| local(keeper, house.base))?;
    match known.belongs(&custodian, house.organization, house) {
        Some(true) => ours(),
        _ => Some(custodian),
    }
}

/// Whether resources of a type may say who keeps them.
pub(crate) fn says_keeper(ty: TypeId) -> bool {
    let mut elements = r4().elements_of(ty).iter();
    elements.any(|element| CUSTODIANS.contains(&element.name))
}

fn keepers<'a>(node: Node<'a>) -> impl Iterator<Item = Node<'a>> {
    // R4 has no custodian of a Consent but the organization whose consent it is.
    let is_consent = node.type_name() == "Consent";
    let is_keeper =
        move |name| CUSTODIANS.contains(&name) || (is_consent && name == "organization");
    node.children()
        .filter(move |child| is_keeper(child.name()) && child.type_name() == "Reference")
}

/// A name alone says of nobody that they keep what is stored here.
fn leads_somewhere(reference: &Node<'_>) -> bool {
    reference.text("reference").is_some() || reference.get("identifier").is_some()
}

fn date(node: Node<'_>) -> Option<Span> {
    if node.type_name() == "Specimen" {
        return node.get("collection")?.get("collected").and_then(span);
    }
    let dated = DATES.iter().find_map(|name| node.get(name))?;
    let first = span(dated)?;
    // An illness lasts.
    let end = match dated.name() {
        "onset" => node.get("abatement"),
        _ => None,
    };
    let high = match end {
        Some(end) => span(end)?.high.max(first.high),
        None => first.high,
    };
    Some(Span { high, ..first })
}

/// `None`: an age, a text, or a time without bounds.
fn span(node: Node<'_>) -> Option<Span> {
    match node.type_name() {
        "date" | "dateTime" | "instant" => Span::parse(node.value()?),
        "Period" => {
            let period = Period::read(node)?;
            Some(Span {
                low: period.from,
                high: period.until.saturating_sub(1),
            })
        }
        "Timing" => {
            let repeat = node.all("repeat");
            let bounds =
                repeat.flat_map(|repeat| repeat.children().filter(|c| c.name() == "bounds"));
            let times: Option<Vec<Span>> = node.all("event").chain(bounds).map(span).collect();
            times?.into_iter().reduce(|a, b| Span {
                low: a.low.min(b.low),
                high: a.high.max(b.high),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
