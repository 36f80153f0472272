//! Which references carry labels, and to whom: an Encounter's to its data, an Observation's to the report of it.
//!
//! `takes` names what the labels of a resource depend on, `gives` what depends on its labels: before a write the first are asked
//! for what they give (`given`) and the union is the `carried` of `label`; when the labels of a resource have changed, the second
//! are labelled anew, and theirs in turn. That ends, and lets go of what its source has lost: where a way leads back (a report to its
//! results, a visit to its reason) only own labels are carried (`Amount::Own`).
//!
//! Data may close a circle of rows that carry all (two orders that name each other as `basedOn`): what was carried round it stays
//! when its source has lost it. That hides too much and never too little, so a label's way is not kept to prevent it.

use super::find::found;
use super::held::{Held, Labels, Origin};
use super::rules::{Kind, RuleSet};
use std::collections::BTreeSet;
use std::sync::OnceLock;
use ward_fhir::reference::{self, Reference};
use ward_fhir::schema::{SearchType, r4};
use ward_fhir::{Node, TypeId};

/// How much of a resource's labels is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Amount {
    /// Every label it has.
    All,
    /// Those that it has for itself: from rules or from clients.
    Own,
    /// Those that are about the person, not about a part of the record (`PERSON`).
    Person,
}

/// Labels of a Patient that hold for the whole record.
pub const PERSON: [&str; 2] = ["CEL", "EMP"];

/// Somebody whose labels are taken, or who takes labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Neighbour<'a> {
    /// What the resource names: a literal reference, a canonical or the URL of a Binary, as it stands there.
    Named {
        text: &'a str,
        /// As far as the text tells it.
        ty: Option<TypeId>,
        amount: Amount,
    },
    /// Resources that name this one in an element.
    Referring {
        ty: TypeId,
        /// `DiagnosticReport.result`
        path: &'static str,
        /// The search parameter that finds them; R4 has none for some, which are then found in the record of the patient.
        parameter: Option<&'static str>,
        amount: Amount,
    },
}

/// Who gets the labels: the resource that has the reference, or the one that it names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    Holder,
    Target,
}

struct Row {
    /// `Encounter.location.location`, or `*.encounter` for every element of that name that has no row of its own.
    at: &'static str,
    /// Types of what is named; any where there are none.
    targets: &'static [&'static str],
    to: To,
    amount: Amount,
}

const fn row(at: &'static str, targets: &'static [&'static str], to: To, amount: Amount) -> Row {
    Row {
        at,
        targets,
        to,
        amount,
    }
}

const VISIT: &[&str] = &["Encounter", "EpisodeOfCare"];

/// `docs/guide/labels.md` has the same table in words.
const ROWS: &[Row] = &[
    row("*.encounter", VISIT, To::Holder, Amount::All),
    row("*.context", VISIT, To::Holder, Amount::All),
    row("Encounter.episodeOfCare", VISIT, To::Holder, Amount::All),
    row("Encounter.partOf", VISIT, To::Holder, Amount::All),
    row(
        "Encounter.location.location",
        &["Location"],
        To::Holder,
        Amount::All,
    ),
    row("*.reasonReference", &[], To::Holder, Amount::All),
    row("Encounter.reasonReference", &[], To::Holder, Amount::Own),
    row("*.addresses", &["Condition"], To::Holder, Amount::All),
    row("ClinicalImpression.problem", &[], To::Holder, Amount::All),
    row(
        "Claim.diagnosis.diagnosis",
        &["Condition"],
        To::Holder,
        Amount::All,
    ),
    row(
        "ExplanationOfBenefit.diagnosis.diagnosis",
        &["Condition"],
        To::Holder,
        Amount::All,
    ),
    row("*.medication", &["Medication"], To::Holder, Amount::All),
    row(
        "MedicationAdministration.request",
        &[],
        To::Holder,
        Amount::All,
    ),
    row(
        "MedicationDispense.authorizingPrescription",
        &[],
        To::Holder,
        Amount::All,
    ),
    row("*.basedOn", &[], To::Holder, Amount::All),
    row("Encounter.basedOn", &[], To::Holder, Amount::Own),
    row(
        "QuestionnaireResponse.questionnaire",
        &["Questionnaire"],
        To::Holder,
        Amount::All,
    ),
    row("DiagnosticReport.result", &[], To::Holder, Amount::All),
    row("DiagnosticReport.result", &[], To::Target, Amount::Own),
    row("DiagnosticReport.media.link", &[], To::Holder, Amount::All),
    row("DiagnosticReport.media.link", &[], To::Target, Amount::Own),
    row("Observation.hasMember", &[], To::Holder, Amount::All),
    row("Observation.hasMember", &[], To::Target, Amount::Own),
    row("Observation.derivedFrom", &[], To::Holder, Amount::All),
    row("Composition.section.entry", &[], To::Holder, Amount::All),
    row("Composition.section.entry", &[], To::Target, Amount::Own),
    row("Binary.securityContext", &[], To::Holder, Amount::All),
    row("*.subject", &["Patient"], To::Holder, Amount::Person),
    row("*.patient", &["Patient"], To::Holder, Amount::Person),
    row("*.beneficiary", &["Patient"], To::Holder, Amount::Person),
];

/// What carries labels to the resource.
pub fn takes<'a>(root: Node<'a>) -> BTreeSet<Neighbour<'a>> {
    let mut found = takes_named(root);
    found.extend(takes_referring(root.ty()));
    found
}

/// Of `takes`, what the resource names: [`Neighbour::Named`].
pub fn takes_named<'a>(root: Node<'a>) -> BTreeSet<Neighbour<'a>> {
    named(root, To::Holder)
}

/// Of `takes`, what may name a resource of the type: [`Neighbour::Referring`].
pub fn takes_referring<'a>(ty: TypeId) -> impl Iterator<Item = Neighbour<'a>> {
    referring(ty, To::Target)
}

/// What carries the labels of the resource on. After a change ask the old version too: what it no longer names loses labels.
pub fn gives<'a>(root: Node<'a>) -> BTreeSet<Neighbour<'a>> {
    let mut found = gives_named(root);
    found.extend(gives_referring(root.ty()));
    found
}

/// Of `gives`, what the resource names: [`Neighbour::Named`].
pub fn gives_named<'a>(root: Node<'a>) -> BTreeSet<Neighbour<'a>> {
    named(root, To::Target)
}

/// Of `gives`, what may name a resource of the type: [`Neighbour::Referring`].
pub fn gives_referring<'a>(ty: TypeId) -> impl Iterator<Item = Neighbour<'a>> {
    referring(ty, To::Holder)
}

/// What a stored resource gives, its sensitivities and its level: labels to pass to `label` as carried, joined with those of the other
/// neighbours. A catalogue's resource gives what the rules find in it, too.
pub fn given(source: Node<'_>, amount: Amount, rules: &RuleSet) -> Labels {
    given_of(source, Labels::stored(source), amount, rules)
}

/// The same of a resource that has these labels, whatever it states: one that is about to be written.
pub fn given_of(source: Node<'_>, labels: Labels, amount: Amount, rules: &RuleSet) -> Labels {
    let all = match rules.is_catalog(source.ty()) {
        true => labels.union(&found(source, rules)),
        false => labels,
    };
    let is_carried = |held: &Held| match amount {
        Amount::All => true,
        Amount::Own => held.origin != Origin::Carried,
        Amount::Person => PERSON.contains(&&*held.label.code),
    };
    let mut labels =
        all.filtered(|held| is_carried(held) && rules.kind(&held.label) == Kind::Sensitivity);
    let stated = labels.stated_level();
    labels = labels.without_levels();
    let of_labels = labels.iter().map(|held| rules.level(&held.label)).max();
    let level = match amount {
        Amount::All => all.has_level().then(|| all.level()),
        Amount::Own => stated.max(of_labels),
        Amount::Person => of_labels,
    };
    level.into_iter().for_each(|level| labels.raise(level));
    labels
}

/// The references of a resource that are of a row, those in contained resources among them.
fn named<'a>(root: Node<'a>, to: To) -> BTreeSet<Neighbour<'a>> {
    let known = known();
    let mut found = BTreeSet::new();
    for node in root.descendants_and_self() {
        let ty = node.ty();
        if ty == known.attachment && to == To::Target {
            let url = node.text("url").filter(|url| is_binary(url));
            found.extend(url.map(|text| Neighbour::Named {
                text,
                ty: Some(known.binary),
                amount: Amount::All,
            }));
        } else if ty == known.reference || ty == known.canonical {
            let text = match ty == known.canonical {
                true => node.value(),
                false => node.text("reference"),
            };
            found.extend(text.into_iter().flat_map(|text| of_rows(node, text, to)));
        }
    }
    found
}

fn of_rows<'a>(
    node: Node<'a>,
    text: &'a str,
    to: To,
) -> impl Iterator<Item = Neighbour<'a>> + use<'a> {
    let named = target(node, text);
    let rows = ROWS.iter().filter(move |row| {
        row.to == to && stands_at(node, row.at) && is_target(row, named) && !text.starts_with('#')
    });
    rows.map(move |row| Neighbour::Named {
        text,
        ty: named,
        amount: row.amount,
    })
}

/// The type that a reference names: by its text, else by what it says of itself.
fn target(node: Node<'_>, text: &str) -> Option<TypeId> {
    let by_text = match reference::parse(text, None) {
        Some(Reference::Local { ty, .. } | Reference::Conditional { ty, .. }) => Some(ty),
        Some(Reference::Absolute { target, .. }) => target.map(|(ty, _)| ty),
        _ => None,
    };
    by_text.or_else(|| r4().resource_type(node.text("type")?))
}

/// What does not tell its type may be one of the row's.
fn is_target(row: &Row, named: Option<TypeId>) -> bool {
    let name = named.map(|ty| r4().ty(ty).name);
    row.targets.is_empty() || name.is_none_or(|name| row.targets.contains(&name))
}

fn stands_at(node: Node<'_>, at: &str) -> bool {
    if let Some(name) = at.strip_prefix("*.") {
        return node.name() == name && !has_own_row(node.resource().type_name(), name);
    }
    let Some((ty, rest)) = at.split_once('.') else {
        return false;
    };
    if !rest.ends_with(node.name()) || node.resource().type_name() != ty {
        return false;
    }
    let up = std::iter::once(node).chain(node.ancestors());
    let mut nodes: Vec<Node<'_>> = up.take_while(|n| !n.is_resource()).collect();
    // Sections within sections are sections.
    nodes.dedup_by(|above, below| above.ty() == below.ty() && above.name() == below.name());
    nodes.into_iter().map(Node::name).eq(rest.rsplit('.'))
}

fn has_own_row(ty: &str, name: &str) -> bool {
    let own = |row: &Row| {
        row.at
            .strip_prefix(ty)
            .and_then(|rest| rest.strip_prefix('.'))
            == Some(name)
    };
    ROWS.iter().any(own)
}

fn is_binary(url: &str) -> bool {
    match reference::parse(url, None) {
        Some(Reference::Local { ty, .. }) => ty == known().binary,
        Some(Reference::Absolute { target, .. }) => {
            target.is_some_and(|(ty, _)| ty == known().binary)
        }
        _ => false,
    }
}

/// The elements by which others name a resource of this type.
fn referring<'a>(ty: TypeId, to: To) -> impl Iterator<Item = Neighbour<'a>> {
    let name = r4().ty(ty).name;
    let of_type = move |place: &&Place| {
        let is_allowed = place.targets.is_empty() || place.targets.contains(&name);
        let row = &place.row;
        is_allowed && row.to == to && (row.targets.is_empty() || row.targets.contains(&name))
    };
    places()
        .iter()
        .filter(of_type)
        .map(|place| Neighbour::Referring {
            ty: place.holder,
            path: place.path,
            parameter: place.parameter,
            amount: place.row.amount,
        })
}

/// An element of a resource type that a row is about.
struct Place {
    holder: TypeId,
    path: &'static str,
    parameter: Option<&'static str>,
    /// What the definition allows there; anything where there are none.
    targets: Vec<&'static str>,
    row: &'static Row,
}

const BINARY: Row = row("*.url", &["Binary"], To::Target, Amount::All);

fn places() -> &'static [Place] {
    static PLACES: OnceLock<Vec<Place>> = OnceLock::new();
    PLACES.get_or_init(|| {
        let mut places = Vec::new();
        let types = r4().types.iter();
        for ty in types.filter(|ty| r4().resource_type(ty.name).is_some()) {
            places_of(ty.id, ty.id, 0, &mut places);
        }
        places
    })
}

/// Backbones inside one another; R4 has none deeper.
const DEPTH_MAX: usize = 8;

fn places_of(holder: TypeId, at: TypeId, depth: usize, places: &mut Vec<Place>) {
    let known = known();
    for element in r4().elements_of(at) {
        for of in &element.types {
            if of.ty == known.reference || of.ty == known.canonical {
                let targets: Vec<&str> = of.targets.iter().map(|ty| r4().ty(*ty).name).collect();
                let rows = ROWS
                    .iter()
                    .filter(|row| is_at(element.path, element.name, row.at));
                places.extend(rows.map(|row| Place {
                    holder,
                    path: element.path,
                    parameter: parameter(holder, element.path, ""),
                    targets: targets.clone(),
                    row,
                }));
            } else if of.ty == known.attachment {
                places.push(Place {
                    holder,
                    path: element.path,
                    parameter: parameter(holder, element.path, ".url"),
                    targets: Vec::new(),
                    row: &BINARY,
                });
            } else if depth < DEPTH_MAX
                && r4().ty(of.ty).name.starts_with(r4().ty(at).name)
                && of.ty != at
            {
                places_of(holder, of.ty, depth + 1, places);
            }
        }
    }
}

fn is_at(path: &str, name: &str, at: &str) -> bool {
    let path = path.strip_suffix("[x]").unwrap_or(path);
    match at.strip_prefix("*.") {
        Some(wanted) => {
            let ty = path.split('.').next().unwrap_or_default();
            wanted == name && !has_own_row(ty, name)
        }
        None => at == path,
    }
}

/// The search parameter whose expression names the element; the shortest code, so that `encounter` comes before others.
fn parameter(holder: TypeId, path: &str, tail: &str) -> Option<&'static str> {
    let path = format!("{}{tail}", path.strip_suffix("[x]").unwrap_or(path));
    let of = |parameter: &&ward_fhir::schema::SearchParameterDef| {
        parameter.bases.contains(&holder)
            && matches!(parameter.ty, SearchType::Reference | SearchType::Uri)
            && parts(parameter.expression).any(|part| part == path)
    };
    let found = r4().search_parameters.iter().filter(of);
    found
        .map(|parameter| parameter.code)
        .min_by_key(|code| (code.len(), *code))
}

/// The paths of an expression: `(Observation.value as Reference) | A.b` has `Observation.value` and `A.b`.
pub(super) fn parts(expression: &str) -> impl Iterator<Item = &str> {
    let all = expression
        .split('|')
        .map(|part| part.trim().trim_start_matches('('));
    all.map(|part| {
        let end = part.find([' ', ')', '(']).unwrap_or(part.len());
        let bare = &part[..end];
        // `A.b.where(...)` was cut before its parenthesis.
        let calls = [".where", ".as", ".ofType", ".exists"];
        let call = calls.iter().find_map(|call| bare.strip_suffix(call));
        call.unwrap_or(bare)
    })
}

struct Known {
    reference: TypeId,
    canonical: TypeId,
    attachment: TypeId,
    binary: TypeId,
}

fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let ty = |name| r4().type_id(name).expect("a type of R4");
        Known {
            reference: ty("Reference"),
            canonical: ty("canonical"),
            attachment: ty("Attachment"),
            binary: ty("Binary"),
        }
    })
}
