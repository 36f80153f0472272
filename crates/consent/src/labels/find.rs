//! What the rules find in a resource: one pass over its nodes, in document order.
//!
//! Codings count wherever they stand, in contained resources and extensions too, so a container is as sensitive as what it
//! contains (T43). Free text is not read.

use super::held::{Label, Labels, Origin};
use super::rules::{Path, Rule, RuleId, RuleSet};
use super::{CONFIDENTIALITY, level_of, stated};
use crate::sensitivity::Confidentiality;
use std::borrow::Cow;
use std::sync::OnceLock;
use ward_fhir::schema::r4;
use ward_fhir::{MemberId, Node, TypeId};

/// Why a resource has a label: which rule, and the element that triggered it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    pub rule: Box<str>,
    pub gives: Vec<Label>,
    /// FHIRPath.
    pub expression: String,
}

/// What the rules find, as labels of origin `Rule`. A catalogue's resource is looked through like any other: what is found is
/// for what refers to it. Cost: linear; 14 ns a node, 0.7 us a
/// resource on Synthea (measured 2026-11, `examples/label_speed.rs`).
pub(super) fn found(root: Node<'_>, rules: &RuleSet) -> Labels {
    let mut labels = Labels::none();
    // A rule that matched gives nothing new the second time.
    let mut last: Option<RuleId> = None;
    each(root, rules, |hit| match hit {
        Hit::Rule(id, _) if last == Some(id) => {}
        Hit::Rule(id, _) => {
            last = Some(id);
            for label in &rules.rules[id as usize].gives {
                labels.add(label, Origin::Rule);
                raise(&mut labels, rules.level(label));
            }
        }
        Hit::Inner(system, code) if system == CONFIDENTIALITY => {
            raise(&mut labels, level_of(code));
        }
        Hit::Inner(system, code) => labels.add(&Label::new(system, code), Origin::Rule),
    });
    labels
}

/// What is found only raises: a part that is less confidential than normal says nothing of the rest (L5).
fn raise(labels: &mut Labels, level: Confidentiality) {
    if level >= Confidentiality::Normal {
        labels.raise(level);
    }
}

/// Every match of a rule, for people who ask why (R24).
pub fn causes(root: Node<'_>, rules: &RuleSet) -> Vec<Cause> {
    let mut causes = Vec::new();
    each(root, rules, |hit| {
        if let Hit::Rule(id, node) = hit {
            let rule = &rules.rules[id as usize];
            causes.push(Cause {
                rule: rule.name.clone(),
                gives: rule.gives.clone(),
                expression: node.expression(),
            });
        }
    });
    causes
}

enum Hit<'a> {
    Rule(RuleId, Node<'a>),
    /// A label that a resource inside states: system and code.
    Inner(&'a str, &'a str),
}

fn each<'a>(root: Node<'a>, rules: &RuleSet, mut hit: impl FnMut(Hit<'a>)) {
    let known = known();
    let canonicals = !rules.canonicals.is_empty();
    let references = !rules.references.is_empty();
    for node in root.descendants_and_self() {
        let ty = node.ty();
        if ty == known.coding {
            if node.member() == Some(known.security) {
                inner(node, root, &mut hit);
            } else {
                coding(node, known, rules, &mut hit);
            }
        } else if canonicals && ty == known.canonical {
            let url = node.value().unwrap_or_default();
            let url = url.split('|').next().unwrap_or_default();
            triggered(rules.canonicals.get(url), node, rules, &mut hit);
        } else if references && ty == known.reference {
            let text = node.children_of(known.literal).next();
            let text = text.and_then(Node::value).unwrap_or_default();
            triggered(rules.references.get(tail(text)), node, rules, &mut hit);
        }
    }
}

fn inner<'a>(node: Node<'a>, root: Node<'a>, hit: &mut impl FnMut(Hit<'a>)) {
    let (system, code) = stated::pair(node);
    if node.resource() != root && !code.is_empty() {
        hit(Hit::Inner(system, code));
    }
}

fn coding<'a>(node: Node<'a>, known: &Known, rules: &RuleSet, hit: &mut impl FnMut(Hit<'a>)) {
    let of = |member| node.children_of(member).next().and_then(Node::value);
    let (Some(system), Some(code)) = (of(known.system), of(known.code)) else {
        return;
    };
    let Some(codes) = rules.by_system.get(system) else {
        return;
    };
    codes.rules(&upper(code), |id| {
        if applies(&rules.rules[id as usize], node) {
            hit(Hit::Rule(id, node));
        }
    });
}

fn triggered<'a>(
    ids: Option<&Vec<RuleId>>,
    node: Node<'a>,
    rules: &RuleSet,
    hit: &mut impl FnMut(Hit<'a>),
) {
    for id in ids.into_iter().flatten() {
        if applies(&rules.rules[*id as usize], node) {
            hit(Hit::Rule(*id, node));
        }
    }
}

/// Rules are written in capitals where a system has letters; data are not always.
fn upper(code: &str) -> Cow<'_, str> {
    match code.bytes().any(|b| b.is_ascii_lowercase()) {
        true => Cow::Owned(code.to_ascii_uppercase()),
        false => Cow::Borrowed(code),
    }
}

/// `Location/ward-3` of a reference, whatever its base and version.
fn tail(text: &str) -> &str {
    let bare = text.split("/_history/").next().unwrap_or_default();
    let mut slashes = bare.rmatch_indices('/').map(|(at, _)| at);
    match slashes.nth(1) {
        Some(at) => &bare[at + 1..],
        None => bare,
    }
}

fn applies(rule: &Rule, node: Node<'_>) -> bool {
    let is_anywhere = rule.types.is_empty() && rule.paths.is_empty();
    if is_anywhere {
        return true;
    }
    let ty = node.resource().ty();
    (rule.types.is_empty() || rule.types.contains(&ty))
        && (rule.paths.is_empty() || rule.paths.iter().any(|path| lies_below(node, ty, path)))
}

/// Whether the node is the element of the path or in it, the path read from the nearest resource.
fn lies_below(node: Node<'_>, ty: TypeId, path: &Path) -> bool {
    if path.ty != ty {
        return false;
    }
    let up = std::iter::once(node).chain(node.ancestors());
    let mut names: Vec<&str> = up
        .take_while(|n| !n.is_resource())
        .map(Node::name)
        .collect();
    names.reverse();
    let wanted = path.elements.iter().map(|name| &**name);
    names.len() >= path.elements.len() && wanted.eq(names.into_iter().take(path.elements.len()))
}

struct Known {
    coding: TypeId,
    canonical: TypeId,
    reference: TypeId,
    system: MemberId,
    code: MemberId,
    /// `Meta.security`
    security: MemberId,
    /// `Reference.reference`
    literal: MemberId,
}

fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let ty = |name| r4().type_id(name).expect("a data type of R4");
        let member = |ty, name| r4().find_member(ty, name).expect("an element of R4").id;
        let (coding, reference) = (ty("Coding"), ty("Reference"));
        Known {
            coding,
            canonical: ty("canonical"),
            reference,
            system: member(coding, "system"),
            code: member(coding, "code"),
            security: member(ty("Meta"), "security"),
            literal: member(reference, "reference"),
        }
    })
}
