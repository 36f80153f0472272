//! Labels on the way out (R16): what a Bundle carries, what a caller without `see-labels` does not get, and the notice that goes
//! with records of treatment for substance use.
//!
//! That a copy is not whole (`SUBSETTED`) is said by who cuts it: `resources::shown`.

use super::class::RowClass;
use super::held::{Label, Labels, Origin};
use super::rules::{Kind, LabelDefault, RuleSet};
use super::stated::{is_mark, pair};
use super::{ACT_CODE, CONFIDENTIALITY};
use ward_fhir::tree::Builder;
use ward_fhir::{Document, Node};

/// How labels are shown to a caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The role has `see-labels`: all labels, and who classified them and why.
    pub sees_labels: bool,
    /// The answer discloses the resource to another organisation, so records under Part 2 say that they may not be passed on.
    pub is_disclosure: bool,
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

/// The resource as its labels are shown to a caller: without `see-labels` the level and the labels of purpose and integrity stay,
/// and what tells the subject goes, wherever a Meta stands. A disclosed record under Part 2 gets its notice.
/// `None`: as it is. Cost: a look for `meta.security`; linear where something changes.
pub fn shown(root: Node<'_>, view: View, rules: &RuleSet) -> Option<Document> {
    let noticed = view.is_disclosure && {
        let class = RowClass::of(&Labels::stored(root), rules);
        notice(&class, rules).is_some()
    };
    let cut = Shown {
        view,
        rules,
        root,
        // One that a client stated is stripped with the other labels.
        notice: noticed && !(view.sees_labels && has_notice(root)),
    };
    let has_other = root.descendants_and_self().any(|node| cut.changes(node));
    (has_other || cut.notice).then(|| {
        let mut builder = Builder::new(String::new());
        cut.copy(&mut builder, root);
        builder.finish()
    })
}

fn has_notice(root: Node<'_>) -> bool {
    super::stated::codings(root).any(|coding| pair(coding) == (ACT_CODE, NO_REDISCLOSURE))
}

struct Shown<'a> {
    view: View,
    rules: &'a RuleSet,
    root: Node<'a>,
    notice: bool,
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
        let is_noticed = self.is_noticed(node);
        for child in node.children() {
            match is_label(child) {
                true => self.label(builder, child),
                false => {
                    if is_noticed && child.name() == "tag" && child.position() == 0 {
                        add_notice(builder);
                    }
                    self.copy(builder, child);
                }
            }
        }
        if is_noticed && node.get("tag").is_none() {
            add_notice(builder);
        }
        builder.close();
    }

    /// What is not written: a label that is not shown, what would be left empty, since FHIR has no empty element, and an
    /// extension or a parameter whose value would be.
    fn goes(&self, node: Node<'_>) -> bool {
        if is_label(node) {
            return !self.keeps(node);
        }
        if node.is_resource() || self.is_noticed(node) || node.value().is_some() {
            return false;
        }
        let value = node.get("value").filter(|value| is_meta(*value));
        value.is_some_and(|value| self.goes(value))
            || (node.has_children() && node.children().all(|child| self.goes(child)))
    }

    /// The meta that gets the notice.
    fn is_noticed(&self, node: Node<'_>) -> bool {
        self.notice && is_meta(node) && node.parent() == Some(self.root)
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

fn add_notice(builder: &mut Builder) {
    if builder.open_named("security").is_some() {
        builder.leaf("system", ACT_CODE);
        builder.leaf("code", NO_REDISCLOSURE);
        builder.close();
    }
}

fn is_label(node: Node<'_>) -> bool {
    node.type_name() == "Coding" && node.name() == "security" && node.parent().is_some_and(is_meta)
}

/// That of a resource, or a value: of an extension, of the parameters of `$meta`.
fn is_meta(node: Node<'_>) -> bool {
    node.type_name() == "Meta"
}
