//! Who may see what labels protect: dominance (L3), and what labels mean where no consent speaks (R9).

use super::class::RowClass;
use super::groups::Masking;
use super::held::Label;
use super::rules::{Definition, Kind, LabelDefault, RuleSet, SENSITIVITIES};
use crate::code::ACT_CODE;
use crate::rules::{LabelRule, Need};
use crate::sensitivity::Confidentiality;
use std::collections::BTreeSet;

/// What a caller is cleared for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Clearance {
    pub level: Confidentiality,
    /// Each opens the label itself and those below it; the group of all sensitivities of v3-ActCode (`_InformationSensitivityPolicy`) opens
    /// those of every other system, too.
    pub labels: BTreeSet<Label>,
}

/// What a caller is not cleared for: to be opened by a consent or a relationship, or the resource is not theirs to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lacking {
    /// The level that is asked for.
    pub level: Option<Confidentiality>,
    pub labels: Vec<Label>,
}

impl Clearance {
    /// For what is normal and has no label.
    pub fn normal() -> Clearance {
        Clearance {
            level: Confidentiality::Normal,
            labels: BTreeSet::new(),
        }
    }

    /// The clearance dominates the class: its level is at least as high **and** it covers every sensitivity (L3).
    pub fn dominates(&self, class: &RowClass, rules: &RuleSet) -> bool {
        self.lacking(class, rules).is_empty()
    }

    /// For every sensitivity up to a level.
    pub fn for_all(level: Confidentiality) -> Clearance {
        Clearance {
            level,
            labels: [Label::act(SENSITIVITIES)].into(),
        }
    }

    /// Of whom both bind: the lower level, and the labels that each is cleared for.
    pub fn within(&self, other: &Clearance, rules: &RuleSet) -> Clearance {
        let mine = self.labels.iter().filter(|l| other.covers(l, rules));
        let theirs = other.labels.iter().filter(|l| self.covers(l, rules));
        Clearance {
            level: self.level.min(other.level),
            labels: mine.chain(theirs).cloned().collect(),
        }
    }

    /// Whether it is for a label, or a wider one.
    fn covers(&self, label: &Label, rules: &RuleSet) -> bool {
        let is_every = |wide: &Label| wide.is_of(ACT_CODE) && *wide.code == *SENSITIVITIES;
        let mut labels = self.labels.iter();
        labels.any(|wide| is_every(wide) || rules.covers(wide, label))
    }

    pub fn lacking(&self, class: &RowClass, rules: &RuleSet) -> Lacking {
        let open = sensitivities(class, rules).filter(|label| !self.covers(label, rules));
        Lacking {
            level: (class.level > self.level).then_some(class.level),
            labels: open.cloned().collect(),
        }
    }
}

impl Lacking {
    pub fn is_empty(&self) -> bool {
        self.level.is_none() && self.labels.is_empty()
    }

    /// What a caller who lacks this does not get of a resource that they see: of each label what its rules take. `None`: they do not
    /// see it, since it is of a higher level or one of the labels takes it as a whole.
    pub fn masking(&self, rules: &RuleSet) -> Option<Masking> {
        let mut all = Masking::default();
        for label in &self.labels {
            let definition = rules.definition(label)?;
            if definition.masking.is_empty() {
                return None;
            }
            all = all.union(&definition.masking);
        }
        self.level.is_none().then_some(all)
    }
}

fn sensitivities<'a>(class: &'a RowClass, rules: &'a RuleSet) -> impl Iterator<Item = &'a Label> {
    let labels = class.labels.iter();
    labels.filter(|label| rules.kind(label) == Kind::Sensitivity)
}

impl RuleSet {
    /// What the labels of a class mean where no consent says anything (R9, R10, R13, R16, R22): of each label, together.
    pub fn defaults(&self, class: &RowClass) -> BTreeSet<LabelDefault> {
        let definitions = class
            .labels
            .iter()
            .filter_map(|label| self.definition(label));
        definitions
            .flat_map(|d| d.defaults.iter().copied())
            .collect()
    }

    /// The same for the engine that decides by consents: one rule for each label.
    pub fn label_rules(&self) -> Vec<LabelRule> {
        self.definitions().map(label_rule).collect()
    }
}

fn label_rule(definition: &Definition) -> LabelRule {
    let is = |default| definition.defaults.contains(&default);
    let disclosed = match is(LabelDefault::ConsentToDisclose) {
        true => Need::ConsentToDisclose,
        false => Need::Nothing,
    };
    LabelRule {
        label: definition.label.clone(),
        need: match is(LabelDefault::AuthorOnly) {
            true => Need::Author,
            false => disclosed,
        },
        is_named: is(LabelDefault::OwnConsent),
        opens_in_emergency: !is(LabelDefault::NotByBreakGlass),
        is_for_proxies: !is(LabelDefault::HiddenFromProxies),
        is_for_patient: !is(LabelDefault::HiddenFromPatient),
        has_notice: is(LabelDefault::RedisclosureNotice),
    }
}
