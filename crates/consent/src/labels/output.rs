//! Labels on the way out (R16): what a Bundle carries, what a caller without `see-labels` does not get, and the notice that goes
//! with records of treatment for substance use.
//!
//! That a copy is not whole (`SUBSETTED`) is said by who cuts it: `resources::shown`.

use super::class::RowClass;
use super::held::{Label, Labels, Origin};
use super::rules::{Kind, LabelDefault, RuleSet};
use super::stated::{is_mark, pair};
use super::{ACT_CODE, CONFIDENTIALITY};
use std::collections::BTreeMap;
use ward_fhir::tree::{Builder, NodeIndex};
use ward_fhir::{Document, Node};

/// How labels are shown to a caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The role has `see-labels`: all labels, and who classified them and why.
    pub sees_labels: bool,
}

/// The resources of an answer that are disclosed under Part 2, by their place in it ([`Node::index`]). With each goes the notice, and
/// where consents permit the disclosure, what they permit ([`crate::scope`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disclosed(BTreeMap<NodeIndex, Option<String>>);

impl Disclosed {
    pub fn add(&mut self, resource: Node<'_>, scope: Option<String>) {
        self.0.insert(resource.index(), scope);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What goes with a disclosure of records of treatment for substance use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The refrain that the resource carries: `NORDSCLCD`, no redisclosure without consent directive.
    pub label: Label,
    /// 42 CFR 2.32(a)(2), word for word.
    pub statement: &'static str,
}

const STATEMENT: &str = "42 CFR part 2 prohibits unauthorized use or disclosure of these records.";
const NO_REDISCLOSURE: &str = "NORDSCLCD";

/// Extension of the notice's label: the statement of 42 CFR 2.32.
pub const NOTICE_STATEMENT: &str = "urn:ward:redisclosure-notice";
/// Extension of the notice's label: which consents permit the disclosure, and what they permit.
pub const CONSENT_SCOPE: &str = "urn:ward:consent-scope";

/// The notice, where the labels of a class ask for one.
pub fn notice(class: &RowClass, rules: &RuleSet) -> Option<Notice> {
    let asked = rules.defaults(class);
    asked
        .contains(&LabelDefault::RedisclosureNotice)
        .then(|| Notice {
            label: Label::act(NO_REDISCLOSURE),
            statement: STATEMENT,
        })
}

/// What the meta of a Bundle carries: the high-water mark of its entries, and for who sees labels their sensitivities. Nothing
/// where all entries are unlabelled. Obligations and refrains never: on a Bundle they would tell what was taken out.
pub fn high_water<'a>(
    entries: impl IntoIterator<Item = &'a RowClass>,
    view: View,
    rules: &RuleSet,
) -> Labels {
    let mut labels = Labels::none();
    for class in entries
        .into_iter()
        .filter(|c| **c != RowClass::unlabelled())
    {
        labels.state(class.level.max(super::Confidentiality::Normal));
        let shown = class.labels.iter().filter(|_| view.sees_labels);
        for label in shown.filter(|label| rules.kind(label) == Kind::Sensitivity) {
            labels.add(label, Origin::Client);
        }
    }
    labels
}

/// The resource, or what is answered around some, as its labels are shown to a caller: without `see-labels` the level and the labels of
/// purpose and integrity stay, and what tells the subject goes, wherever a Meta stands. What is disclosed gets its notice.
/// `None`: as it is. Cost: a look for `meta.security`; linear where something changes.
pub fn shown(
    root: Node<'_>,
    view: View,
    disclosed: &Disclosed,
    rules: &RuleSet,
) -> Option<Document> {
    let cut = Shown {
        view,
        rules,
        disclosed,
    };
    let has_other = || root.descendants_and_self().any(|node| cut.changes(node));
    (!disclosed.is_empty() || has_other()).then(|| {
        let mut builder = Builder::new(String::new());
        cut.copy(&mut builder, root);
        builder.finish()
    })
}

struct Shown<'a> {
    view: View,
    rules: &'a RuleSet,
    disclosed: &'a Disclosed,
}

impl Shown<'_> {
    /// Whether a node is a label that does not leave as it is.
    fn changes(&self, node: Node<'_>) -> bool {
        is_label(node)
            && !self.view.sees_labels
            && (!self.keeps(node) || node.all("extension").any(is_mark))
    }

    fn keeps(&self, coding: Node<'_>) -> bool {
        let (system, code) = pair(coding);
        let label = || Label::new(system, code);
        self.view.sees_labels
            || system == CONFIDENTIALITY
            // An answer of a batch has its notices already.
            || is_notice(coding)
            || (system != ACT_CODE && self.rules.kind(&label()) == Kind::Handling)
    }

    fn copy(&self, builder: &mut Builder, node: Node<'_>) {
        if !node.descendants_and_self().any(is_meta) {
            builder.copy(node, node.member());
            return;
        }
        if self.goes(node) {
            return;
        }
        let at = builder.open(node.member(), node.ty());
        if let Some(value) = node.value() {
            builder.value(at, value);
        }
        let mut notice = self.notice(node);
        for child in node.children() {
            if is_label(child) {
                // One that a client stated has no statement: ours takes its place.
                let is_stated = pair(child) == (ACT_CODE, NO_REDISCLOSURE);
                if !(is_stated && notice.is_some()) {
                    self.label(builder, child);
                }
                continue;
            }
            if child.name() == "tag" && child.position() == 0 {
                notice
                    .take()
                    .into_iter()
                    .for_each(|scope| add_notice(builder, scope));
            }
            self.copy(builder, child);
        }
        notice
            .into_iter()
            .for_each(|scope| add_notice(builder, scope));
        builder.close();
    }

    /// What is not written: a label that is not shown, what would be left empty, since FHIR has no empty element, and an
    /// extension or a parameter whose value would be.
    fn goes(&self, node: Node<'_>) -> bool {
        if is_label(node) {
            return !self.keeps(node);
        }
        if node.is_resource() || self.notice(node).is_some() || node.value().is_some() {
            return false;
        }
        let value = node.get("value").filter(|value| is_meta(*value));
        value.is_some_and(|value| self.goes(value))
            || (node.has_children() && node.children().all(|child| self.goes(child)))
    }

    /// What goes with the resource, if this is the meta of one that is disclosed.
    fn notice(&self, node: Node<'_>) -> Option<Option<&str>> {
        let of = node.parent().filter(|_| is_meta(node))?;
        let scope = self.disclosed.0.get(&of.index())?;
        Some(scope.as_deref())
    }

    fn label(&self, builder: &mut Builder, coding: Node<'_>) {
        if !self.keeps(coding) {
            return;
        }
        if self.view.sees_labels {
            builder.copy(coding, coding.member());
            return;
        }
        builder.open(coding.member(), coding.ty());
        let is_shown = |child: &Node<'_>| child.name() != "extension" || !is_mark(*child);
        for child in coding.children().filter(is_shown) {
            self.copy(builder, child);
        }
        builder.close();
    }
}

fn add_notice(builder: &mut Builder, scope: Option<&str>) {
    if builder.open_named("security").is_none() {
        return;
    }
    let said = [(NOTICE_STATEMENT, Some(STATEMENT)), (CONSENT_SCOPE, scope)];
    for (url, text) in said {
        if let Some(text) = text
            && builder.open_named("extension").is_some()
        {
            builder.leaf("url", url);
            builder.leaf("valueString", text);
            builder.close();
        }
    }
    builder.leaf("system", ACT_CODE);
    builder.leaf("code", NO_REDISCLOSURE);
    builder.close();
}

/// Whether a label is the notice of a disclosure: what comes back with it was read so, and states nothing.
pub(super) fn is_notice(coding: Node<'_>) -> bool {
    let mut extensions = coding.all("extension");
    extensions.any(|extension| extension.text("url") == Some(NOTICE_STATEMENT))
}

fn is_label(node: Node<'_>) -> bool {
    node.type_name() == "Coding" && node.name() == "security" && node.parent().is_some_and(is_meta)
}

/// That of a resource, or a value: of an extension, of the parameters of `$meta`.
fn is_meta(node: Node<'_>) -> bool {
    node.type_name() == "Meta"
}
