//! `meta.security` read and written. <https://hl7.org/fhir/R4/resource-definitions.html#Meta.security>
//!
//! What the service said carries the DS4P extension "classifier", by which it is known again, and where a rule names a law the
//! extension "basis". What a client states has none of ours. A client who sends our mark with a label of their own only makes
//! that label one which the service may take back.

use super::held::{Held, Label, Labels, Origin};
use super::output::is_notice;
use super::rules::RuleSet;
use super::{ACT_CODE, CONFIDENTIALITY, LABEL_BYTES_MAX, SECURITY_LABELS_MAX, level_of};
use crate::sensitivity::Confidentiality;
use ward_fhir::issue::Result;
use ward_fhir::tree::Builder;
use ward_fhir::{Document, Failure, Kind, Node};

const BASIS: &str =
    "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-sec-label-basis";
const CLASSIFIER: &str =
    "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-sec-label-classifier";
/// The system of the classifier's identifier; its value is `rule` or `carried`, with `/R` behind it where a client had stated R.
const SERVICE: &str = "urn:ward:labelling";

impl Labels {
    /// What `meta.security` of a resource states, with the marks of the service: for a body that is stored.
    pub fn stored(root: Node<'_>) -> Labels {
        let mut labels = Labels::none();
        for coding in codings(root) {
            let (system, code) = pair(coding);
            match system == CONFIDENTIALITY {
                _ if code.is_empty() => {}
                true => stored_level(&mut labels, coding, level_of(code)),
                false => labels.add(&Label::new(system, code), origin(coding)),
            }
        }
        labels
    }

    /// The same for a body that a client sends: all of it is the client's word.
    /// Errors: `BusinessRule` for more than `SECURITY_LABELS_MAX` labels or one longer than `LABEL_BYTES_MAX`, with its place.
    pub fn stated(root: Node<'_>) -> Result<Labels> {
        let mut labels = Labels::none();
        for (position, coding) in codings(root).enumerate() {
            let (system, code) = pair(coding);
            if position == SECURITY_LABELS_MAX {
                return Err(refused(
                    coding,
                    "a resource carries at most 64 security labels",
                ));
            }
            if system.len() > LABEL_BYTES_MAX || code.len() > LABEL_BYTES_MAX {
                return Err(refused(
                    coding,
                    "a security label is at most 255 bytes long",
                ));
            }
            match system == CONFIDENTIALITY {
                _ if code.is_empty() || is_notice(coding) => {}
                true => labels.state(level_of(code)),
                false => labels.add(&Label::new(system, code), Origin::Client),
            }
        }
        Ok(labels)
    }
}

fn refused(coding: Node<'_>, text: &str) -> Failure {
    Failure::new(Kind::BusinessRule, text).at(coding.expression())
}

/// The codings of `meta.security` of a resource.
pub(super) fn codings<'a>(root: Node<'a>) -> impl Iterator<Item = Node<'a>> {
    let meta = root.get("meta");
    meta.into_iter()
        .flat_map(|meta| meta.children().filter(|c| c.name() == "security"))
}

/// System and code of a coding; empty where it has none.
pub(super) fn pair(coding: Node<'_>) -> (&str, &str) {
    let text = |name| coding.text(name).unwrap_or_default();
    (text("system"), text("code"))
}

fn stored_level(labels: &mut Labels, coding: Node<'_>, level: Confidentiality) {
    let Some(mark) = mark(coding) else {
        return labels.state(level);
    };
    if let Some((_, stated)) = mark.split_once('/') {
        labels.state(level_of(stated));
    }
    labels.raise(level);
}

fn origin(coding: Node<'_>) -> Origin {
    match mark(coding) {
        None => Origin::Client,
        Some("carried") => Origin::Carried,
        Some(_) => Origin::Rule,
    }
}

/// What the service wrote at a label of its own.
fn mark(coding: Node<'_>) -> Option<&str> {
    let classifier = |node: &Node<'_>| node.text("url") == Some(CLASSIFIER);
    let found = coding.all("extension").find(classifier)?;
    let identifier = found.get("value")?.get("identifier")?;
    let is_ours = identifier.text("system") == Some(SERVICE);
    identifier.text("value").filter(|_| is_ours)
}

/// Whether a label says who classified it or why: that goes only to who may see labels.
pub(super) fn is_mark(extension: Node<'_>) -> bool {
    matches!(extension.text("url"), Some(BASIS | CLASSIFIER))
}

/// The resource with `labels` as its `meta.security`: exactly one code of confidentiality first (HCS), then each label. Codings
/// that the resource has and a client stated are kept as they are, and so are those without a code, which say nothing that could be
/// compared. Without labels and level nothing is added. Cost: linear in the resource.
pub fn with_security(root: Node<'_>, labels: &Labels, rules: &RuleSet) -> Document {
    with_written(root, |builder| {
        if !labels.is_empty() {
            level(builder, root, labels);
        }
        for held in labels.iter() {
            one(builder, root, held, rules);
        }
        for own in codings(root).filter(|c| pair(*c).1.is_empty()) {
            builder.copy(own, own.member());
        }
    })
}

/// The resource with what `security` writes as the members `security` of its meta, and with nothing else of it changed.
pub(super) fn with_written(root: Node<'_>, security: impl Fn(&mut Builder)) -> Document {
    let mut builder = Builder::new(String::new());
    builder.open(None, root.ty());
    let has_meta = root.get("meta").is_some();
    let after = root.get("id").map(Node::index);
    if !has_meta && after.is_none() {
        meta(&mut builder, None, &security);
    }
    for child in root.children() {
        if child.name() == "meta" {
            meta(&mut builder, Some(child), &security);
            continue;
        }
        builder.copy(child, child.member());
        if !has_meta && after == Some(child.index()) {
            meta(&mut builder, None, &security);
        }
    }
    builder.close();
    builder.finish()
}

/// Before the tags, where the definition has it. A meta that would be left without anything is not written.
fn meta(builder: &mut Builder, old: Option<Node<'_>>, security: &impl Fn(&mut Builder)) {
    let written = |node: Node<'_>| node.children().any(|c| c.name() != "security");
    let mut probe = Builder::new(String::new());
    let Some(ty) = ward_fhir::schema::r4().type_id("Meta") else {
        return;
    };
    probe.open(None, ty);
    security(&mut probe);
    if probe.len() == 1 && !old.is_some_and(written) {
        return;
    }
    if builder.open_named("meta").is_none() {
        return;
    }
    let mut is_open = true;
    for child in old.into_iter().flat_map(Node::children) {
        if child.name() == "security" {
            continue;
        }
        if is_open && child.name() == "tag" {
            security(builder);
            is_open = false;
        }
        builder.copy(child, child.member());
    }
    if is_open {
        security(builder);
    }
    builder.close();
}

fn level(builder: &mut Builder, root: Node<'_>, labels: &Labels) {
    let level = labels.level();
    let stated = labels.stated_level();
    if stated == Some(level) || !labels.has_level() {
        let same = |c: &Node<'_>| pair(*c) == (CONFIDENTIALITY, level.code()) && mark(*c).is_none();
        if let Some(own) = codings(root).find(same) {
            builder.copy(own, own.member());
            return;
        }
    }
    if builder.open_named("security").is_none() {
        return;
    }
    if stated != Some(level) {
        let stated = stated.map(|s| format!("rule/{}", s.code()));
        classifier(builder, stated.as_deref().unwrap_or("rule"));
    }
    builder.leaf("system", CONFIDENTIALITY);
    builder.leaf("code", level.code());
    builder.close();
}

fn one(builder: &mut Builder, root: Node<'_>, held: &Held, rules: &RuleSet) {
    let label = &held.label;
    if held.origin == Origin::Client {
        let same = |c: &Node<'_>| pair(*c) == (&*label.system, &*label.code) && mark(*c).is_none();
        if let Some(own) = codings(root).find(same) {
            builder.copy(own, own.member());
            return;
        }
    }
    if builder.open_named("security").is_none() {
        return;
    }
    if held.origin != Origin::Client {
        if let Some(law) = rules.definition(label).and_then(|d| d.basis.as_ref()) {
            basis(builder, law);
        }
        let is_rule = held.origin == Origin::Rule;
        classifier(builder, if is_rule { "rule" } else { "carried" });
    }
    if !label.system.is_empty() {
        builder.leaf("system", &label.system);
    }
    builder.leaf("code", &label.code);
    builder.close();
}

fn basis(builder: &mut Builder, law: &str) {
    builder.open_named("extension");
    builder.leaf("url", BASIS);
    builder.open_named("valueCoding");
    builder.leaf("system", ACT_CODE);
    builder.leaf("code", law);
    builder.close();
    builder.close();
}

fn classifier(builder: &mut Builder, value: &str) {
    builder.open_named("extension");
    builder.leaf("url", CLASSIFIER);
    builder.open_named("valueReference");
    builder.open_named("identifier");
    builder.leaf("system", SERVICE);
    builder.leaf("value", value);
    builder.close();
    builder.close();
    builder.close();
}
