//! What a change of rules touches (L6): only resources with one of these codes are labelled anew, and until they are, both
//! sets count for them.

use super::held::Label;
use super::rules::{Codes, RuleId, RuleSet};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use ward_fhir::Node;

/// What triggers a rule. `F11*` stands for every code that begins with F11.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    Code {
        system: Box<str>,
        code: Box<str>,
    },
    Canonical(Box<str>),
    /// `Type/id`
    Reference(Box<str>),
}

/// What two sets say differently.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Affected {
    /// What triggers something else than before.
    pub signals: BTreeSet<Signal>,
    /// Labels that mean something else than before: another level, further labels. Resources that have one, whoever gave it,
    /// are affected, too.
    pub labels: BTreeSet<Label>,
    /// Types that have become part of the catalogue or left it.
    pub types: BTreeSet<&'static str>,
    /// Systems whose labels have become handling or ceased to be. Resources that have one of their labels are affected.
    pub systems: BTreeSet<Box<str>>,
}

impl Affected {
    /// By comparing what each signal does. Another name of a rule or other words about it change nothing.
    pub fn between(old: &RuleSet, new: &RuleSet) -> Affected {
        let (before, after) = (effects(old), effects(new));
        let either: BTreeSet<&Signal> = before.keys().chain(after.keys()).collect();
        let differs = |signal: &&&Signal| before.get(signal) != after.get(signal);
        let types = old.catalog.symmetric_difference(&new.catalog);
        Affected {
            signals: either
                .iter()
                .filter(differs)
                .map(|s| (*s).clone())
                .collect(),
            labels: meanings(old, new),
            types: types
                .map(|ty| ward_fhir::schema::r4().ty(*ty).name)
                .collect(),
            systems: old
                .handling
                .symmetric_difference(&new.handling)
                .cloned()
                .collect(),
        }
    }

    pub fn is_empty(&self) -> bool {
        let Affected {
            signals,
            labels,
            types,
            systems,
        } = self;
        signals.is_empty() && labels.is_empty() && types.is_empty() && systems.is_empty()
    }

    /// Whether a resource must be labelled anew: exact, by what both sets make of it and of its row. For rows that were chosen by
    /// their codes.
    pub fn touches(root: Node<'_>, old: &RuleSet, new: &RuleSet) -> bool {
        let none = super::Labels::none();
        let of = |rules| {
            let labels = super::relabelled(root, &none, rules);
            (super::RowClass::of(&labels, rules), labels)
        };
        of(old) != of(new) || super::derived(root, old) != super::derived(root, new)
    }
}

/// What gives each label and what follows from it, as a text that is the same for equal rules: labels whose texts differ between two
/// sets are those that a resource may get, or lose, by the change. What concerns all labels (the catalogue, handling) is in
/// each text.
pub fn marks(rules: &RuleSet) -> BTreeMap<Label, String> {
    let mut marks: BTreeMap<Label, BTreeSet<String>> = BTreeMap::new();
    for (signal, effects) in effects(rules) {
        for (gives, types, paths) in effects {
            for label in gives {
                let text = format!("{signal:?} {types:?} {paths:?}");
                marks.entry(label.clone()).or_default().insert(text);
            }
        }
    }
    for definition in rules.definitions() {
        let label = &definition.label;
        let text = format!("{:?} {:?}", definition.level, rules.kind(label));
        marks.entry(label.clone()).or_default().insert(text);
        for also in &definition.also {
            let text = format!("with {label:?}");
            marks.entry(also.clone()).or_default().insert(text);
        }
    }
    let catalog: BTreeSet<&str> = rules
        .catalog
        .iter()
        .map(|ty| ward_fhir::schema::r4().ty(*ty).name)
        .collect();
    let of_all = format!("{catalog:?} {:?}", rules.handling);
    let text = |texts: BTreeSet<String>| {
        let texts: Vec<String> = texts.into_iter().chain([of_all.clone()]).collect();
        texts.join("\n")
    };
    marks
        .into_iter()
        .map(|(label, texts)| (label, text(texts)))
        .collect()
}

/// What one rule does: labels, types, paths.
type Effect<'a> = (&'a [Label], Vec<u16>, &'a [super::rules::Path]);

fn effects(rules: &RuleSet) -> BTreeMap<Signal, BTreeSet<Effect<'_>>> {
    let mut all = BTreeMap::new();
    for (system, codes) in &rules.by_system {
        of_system(rules, system, codes, &mut all);
    }
    let mut of = |map: &HashMap<Box<str>, Vec<RuleId>>, signal: fn(Box<str>) -> Signal| {
        for (text, ids) in map {
            all.insert(
                signal(text.clone()),
                ids.iter().map(|id| effect(rules, *id)).collect(),
            );
        }
    };
    of(&rules.canonicals, Signal::Canonical);
    of(&rules.references, Signal::Reference);
    all
}

fn of_system<'a>(
    rules: &'a RuleSet,
    system: &str,
    codes: &'a Codes,
    all: &mut BTreeMap<Signal, BTreeSet<Effect<'a>>>,
) {
    let exact = codes
        .exact
        .iter()
        .map(|(code, ids)| (code.to_string(), ids));
    let beginnings = codes.beginnings.iter();
    let beginnings = beginnings.map(|(code, ids)| (format!("{code}*"), ids));
    for (code, ids) in exact.chain(beginnings) {
        let signal = Signal::Code {
            system: system.into(),
            code: code.into(),
        };
        all.insert(signal, ids.iter().map(|id| effect(rules, *id)).collect());
    }
}

fn effect(rules: &RuleSet, id: RuleId) -> Effect<'_> {
    let rule = &rules.rules[id as usize];
    let mut types: Vec<u16> = rule.types.iter().map(|ty| ty.0).collect();
    types.sort_unstable();
    (&rule.gives, types, &rule.paths)
}

fn meanings(old: &RuleSet, new: &RuleSet) -> BTreeSet<Label> {
    let either = old.definitions.keys().chain(new.definitions.keys());
    let means = |rules: &RuleSet, label: &Label| {
        let also = rules.definition(label).map(|d| d.also.clone());
        (
            rules.level(label),
            rules.kind(label),
            also.unwrap_or_default(),
        )
    };
    either
        .filter(|label| {
            let (before, after) = (means(old, label), means(new, label));
            (before.0, before.2) != (after.0, after.2) || before.1 != after.1
        })
        .cloned()
        .collect()
}
