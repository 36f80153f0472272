//! Which codes make a resource how sensitive: the rules, read from text and made ready for one pass over a resource.
//!
//! Rules are immutable once compiled; a change of the text is another `RuleSet`, and `Affected` tells what must be labelled
//! anew (L6).

mod compile;
mod parse;

pub use parse::Mistake;

use super::groups::Masking;
use super::held::Label;
use super::{ACT_CODE, CONFIDENTIALITY};
use crate::sensitivity::{Confidentiality, is_within};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use ward_fhir::TypeId;
use ward_fhir::schema::codes::r4_codes;

/// The rules that Ward brings (`docs/guide/labels.md`).
pub const STARTER: &str = include_str!("starter.txt");

/// What a label means where no consent says anything (R9, R10, R13, R16, R22).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LabelDefault {
    /// Not disclosed to another organisation without a consent that opens it.
    ConsentToDisclose,
    /// A general consent does not open it: the consent must name the label.
    OwnConsent,
    /// Only its author reads it.
    AuthorOnly,
    /// Hidden from persons who act for the patient.
    HiddenFromProxies,
    /// Not the patient's to see by their own right.
    HiddenFromPatient,
    /// Not opened by break-glass.
    NotByBreakGlass,
    /// Never said that something was withheld.
    NeverRevealed,
    /// A disclosure carries the notice that forbids to disclose it further.
    RedisclosureNotice,
}

/// One label of the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    pub label: Label,
    pub about: Box<str>,
    /// The level that a resource with this label has at least.
    pub level: Confidentiality,
    /// The law that asks for it: a code of v3-ActCode.
    pub basis: Option<Box<str>>,
    /// Labels that every resource with this one has, too.
    pub also: Vec<Label>,
    /// Wider labels: who is cleared for one of them is cleared for this one.
    pub within: BTreeSet<Label>,
    pub defaults: BTreeSet<LabelDefault>,
    /// What who is not cleared for it does not get of a resource that they see all the same (R15). Nothing: they do not see it.
    pub masking: Masking,
}

/// What a code in `meta.security` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// How confidential.
    Confidentiality,
    /// What it is about: nobody sees it who is not cleared for it.
    Sensitivity,
    /// What to do with it, or what for: obligations, refrains, laws, purposes, integrity.
    Handling,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub name: Box<str>,
    pub about: Box<str>,
    pub gives: Vec<Label>,
    /// Only in resources of these types; in all of them where there are none.
    pub types: Vec<TypeId>,
    /// Only at or below these elements; anywhere where there are none.
    pub paths: Vec<Path>,
    /// The codes it listens to, as they were written: for people.
    pub codes: Vec<Listed>,
}

/// `Condition.code`: the type, and the names of elements below it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    pub ty: TypeId,
    pub elements: Vec<Box<str>>,
}

/// One code of a rule. `F11*` stands for every code that begins with F11.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub system: Box<str>,
    pub code: Box<str>,
    pub about: Box<str>,
}

pub(super) type RuleId = u32;

#[derive(Default, Clone)]
pub struct RuleSet {
    pub(super) definitions: BTreeMap<Label, Definition>,
    pub(super) rules: Vec<Rule>,
    pub(super) by_system: HashMap<Box<str>, Codes>,
    pub(super) canonicals: HashMap<Box<str>, Vec<RuleId>>,
    /// `Location/ward-3`
    pub(super) references: HashMap<Box<str>, Vec<RuleId>>,
    pub(super) catalog: BTreeSet<TypeId>,
    pub(super) handling: BTreeSet<Box<str>>,
}

/// The rules of one code system, which all URIs of it share.
#[derive(Default, Clone)]
pub(super) struct Codes {
    pub exact: HashMap<Box<str>, Vec<RuleId>>,
    /// Beginnings of codes, and the lengths that occur.
    pub beginnings: HashMap<Box<str>, Vec<RuleId>>,
    pub lengths: BTreeSet<usize>,
}

/// The codes of a value set as (system, code); `None` when it is not known or cannot be told now.
pub type Expand<'a> = &'a dyn Fn(&str) -> Option<Vec<(String, String)>>;

impl RuleSet {
    /// Reads and compiles the texts in order; a later one replaces labels and rules of the same name. Value sets are
    /// expanded once, here. Errors: every mistake with its line; one that cannot be expanded is a mistake, so that rules are
    /// never in force in part. Cost: linear in the texts and expansions.
    pub fn compile(texts: &[&str], expand: Expand<'_>) -> Result<RuleSet, Vec<Mistake>> {
        compile::compile(parse::parse(texts)?, expand)
    }

    /// No rule and no definition: labels are only what clients state.
    pub fn empty() -> RuleSet {
        RuleSet::default()
    }

    /// The starter set alone.
    pub fn starter() -> RuleSet {
        let none = |_: &str| None;
        RuleSet::compile(&[STARTER], &none).expect("the starter set is compiled by tests")
    }

    pub fn definition(&self, label: &Label) -> Option<&Definition> {
        self.definitions.get(label)
    }

    pub fn definitions(&self) -> impl Iterator<Item = &Definition> {
        self.definitions.values()
    }

    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether what rules find in a resource of this type is not about it but for what refers to it: a Location of a
    /// programme, a Medication of a catalogue. Such a resource has the labels that clients state, and no others.
    pub fn is_catalog(&self, ty: TypeId) -> bool {
        self.catalog.contains(&ty)
    }

    /// What a label is. One of a system that nobody knows is a sensitivity: nobody sees it who is not cleared for it.
    pub fn kind(&self, label: &Label) -> Kind {
        if *label.system == *CONFIDENTIALITY {
            return Kind::Confidentiality;
        }
        if self.definitions.contains_key(label) {
            return Kind::Sensitivity;
        }
        match is_handling(label) || self.handling.contains(&*label.system) {
            true => Kind::Handling,
            false => Kind::Sensitivity,
        }
    }

    /// The level that a resource with this label has at least.
    pub fn level(&self, label: &Label) -> Confidentiality {
        match self.definitions.get(label) {
            Some(definition) => definition.level,
            None if self.kind(label) == Kind::Sensitivity => Confidentiality::Restricted,
            None => Confidentiality::Unrestricted,
        }
    }

    /// Whether what is said of `wide` holds for `label`: they are the same, or `wide` is above it, in the rules or in HL7's
    /// hierarchy.
    pub fn covers(&self, wide: &Label, label: &Label) -> bool {
        if wide == label {
            return true;
        }
        if let Some(definition) = self.definitions.get(label) {
            return definition.within.contains(wide);
        }
        is_within(label, wide)
    }

    /// The same for consents, where HL7's hierarchy holds beside that of the rules ([`crate::Lookup::is_label_within`]).
    pub fn is_label_within(&self, label: &Label, wide: &Label) -> bool {
        self.covers(wide, label) || is_within(label, wide)
    }
}

/// The codes above a label in HL7's hierarchy of v3-ActCode; those that only group are among them.
pub(super) fn above(label: &Label) -> impl Iterator<Item = &'static str> {
    let is_act = *label.system == *ACT_CODE;
    let above = is_act.then(|| r4_codes().ancestors(&label.system, &label.code));
    above.into_iter().flatten().flatten()
}

/// Whether HL7 says of a label that it says how to handle a resource, and nothing of what it is about.
pub(crate) fn is_handling(label: &Label) -> bool {
    let is_about =
        |above: Vec<&str>| *label.code == *SENSITIVITIES || above.contains(&SENSITIVITIES);
    let above = || r4_codes().ancestors(&label.system, &label.code);
    HANDLING.contains(&&*label.system)
        || *label.system == *ACT_CODE && above().is_ok_and(|above| !is_about(above))
}

/// HL7's systems of purposes, of integrity and provenance, and of laws by their older system.
const HANDLING: [&str; 3] = [
    "http://terminology.hl7.org/CodeSystem/v3-ActReason",
    "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "http://terminology.hl7.org/CodeSystem/v3-ActUSPrivacyLaw",
];
/// What groups the sensitivities of v3-ActCode.
pub(super) const SENSITIVITIES: &str = "_InformationSensitivityPolicy";

impl LabelDefault {
    pub const ALL: [LabelDefault; 8] = [
        LabelDefault::ConsentToDisclose,
        LabelDefault::OwnConsent,
        LabelDefault::AuthorOnly,
        LabelDefault::HiddenFromProxies,
        LabelDefault::HiddenFromPatient,
        LabelDefault::NotByBreakGlass,
        LabelDefault::NeverRevealed,
        LabelDefault::RedisclosureNotice,
    ];

    /// Its word in the text of rules.
    pub const fn word(self) -> &'static str {
        match self {
            LabelDefault::ConsentToDisclose => "consent-to-disclose",
            LabelDefault::OwnConsent => "own-consent",
            LabelDefault::AuthorOnly => "author-only",
            LabelDefault::HiddenFromProxies => "hidden-from-proxies",
            LabelDefault::HiddenFromPatient => "hidden-from-patient",
            LabelDefault::NotByBreakGlass => "not-by-break-glass",
            LabelDefault::NeverRevealed => "never-revealed",
            LabelDefault::RedisclosureNotice => "redisclosure-notice",
        }
    }

    pub(super) fn of(word: &str) -> Option<LabelDefault> {
        Self::ALL.into_iter().find(|default| default.word() == word)
    }
}

impl Codes {
    /// The rules of one code, each maybe more than once.
    pub fn rules(&self, code: &str, mut hit: impl FnMut(RuleId)) {
        if let Some(rules) = self.exact.get(code) {
            rules.iter().for_each(|rule| hit(*rule));
        }
        for length in &self.lengths {
            let Some(beginning) = code.get(..*length) else {
                break;
            };
            if let Some(rules) = self.beginnings.get(beginning) {
                rules.iter().for_each(|rule| hit(*rule));
            }
        }
    }
}
