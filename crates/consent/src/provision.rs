//! What a Consent says, once it is read. <https://hl7.org/fhir/R4/consent.html>

use crate::action::Actions;
use crate::code::{Coding, Ref};
use crate::fault::Fault;
use crate::period::{Period, Span};
use crate::sensitivity::Confidentiality;
use std::sync::Arc;

/// Levels of provisions below the root (R6).
pub const NESTING_MAX: usize = 8;
/// Provisions of one Consent, the root counted.
pub const PROVISIONS_MAX: usize = 1_000;
/// What the provisions of one Consent list, with what they take over from its root.
pub const CRITERIA_MAX: usize = 10_000;

/// One Consent, in either encoding: a base by `policyRule` or by the type of the root (IHE PCF).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    pub id: String,
    /// `meta.versionId`; empty where there is none.
    pub version: String,
    /// `None`: none that can be read, and the consent is taken to be about whoever it was found for.
    pub subject: Option<Ref>,
    /// Whether status and scope are those of a privacy consent in force (R1).
    pub is_active: bool,
    /// When it applies at all.
    pub period: Period,
    /// Category, policy and organization: among consents of one group the newest supersedes the others (R8).
    pub group: String,
    /// `dateTime`; `None` where it has none.
    pub date: Option<Span>,
    /// Whether a verification says so (R2).
    pub is_verified: bool,
    /// Who gave it: `performer`.
    pub grantors: Vec<Ref>,
    /// Empty of criteria and children where there are faults.
    pub root: Provision,
    /// Not empty: it cannot be evaluated, and denies (R11).
    pub faults: Vec<Fault>,
    /// What is understood, but perhaps not as it was meant.
    pub doubts: Vec<Fault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    Deny,
    Permit,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provision {
    pub effect: Effect,
    /// FHIRPath into the Consent.
    pub expression: String,
    /// A base that stops sharing with others (`OPTOUT`), from which the custodian's own treatment team may be exempt (R10a).
    pub is_opt_out: bool,
    /// Children are exceptions from it that hold by themselves (root of IHE PCF), and are not bound by its criteria.
    pub is_open: bool,
    pub criteria: Criteria,
    pub children: Vec<Provision>,
}

/// All that are present must match; of each list one (R4). Empty lists are absent criteria.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Criteria {
    pub period: Option<Period>,
    pub actors: Vec<Actor>,
    pub actions: Actions,
    /// Codes of v3-ActReason, sorted.
    pub purposes: Vec<Arc<str>>,
    pub contents: Vec<Content>,
    pub codes: Vec<Coding>,
    pub labels: Vec<Label>,
    pub data_period: Option<Period>,
    pub data: Vec<Data>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Actor {
    pub part: Part,
    /// `None`: a reference that leads nowhere here; it may be anybody.
    pub who: Option<Ref>,
}

/// How an actor is involved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Who receives: every role but the next two.
    Recipient,
    /// `AUT`: who wrote the data.
    Author,
    /// `CST`: who keeps the data.
    Custodian,
}

/// `class`
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Content {
    Type(Arc<str>),
    /// Canonical URL without version.
    Profile(Arc<str>),
    /// Type of a document, or media type of what it holds.
    Document(Coding),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    Confidentiality(Confidentiality),
    Sensitivity(Coding),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Data {
    pub meaning: Meaning,
    pub reference: Ref,
}

/// <https://hl7.org/fhir/R4/valueset-consent-data-meaning.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Meaning {
    Instance,
    /// The instance and what it refers to. A deny covers what refers to the instance, too (T14).
    Related,
    /// The instance and what refers to it.
    Dependents,
    AuthoredBy,
}

impl Consent {
    /// Whether it is one of this patient's that is in force (R1). A patient has several ids after a merge.
    pub fn applies(&self, subjects: &[Ref], now_us: i64) -> bool {
        let is_about = |subject: &Ref| subjects.contains(subject);
        self.is_active && self.subject.as_ref().is_none_or(is_about) && self.period.contains(now_us)
    }
}

impl Provision {
    /// That denies everything.
    pub(crate) fn refusal() -> Provision {
        Provision::bare(Effect::Deny, "Consent")
    }

    pub(crate) fn bare(effect: Effect, expression: &str) -> Provision {
        Provision {
            effect,
            expression: expression.to_owned(),
            is_opt_out: false,
            is_open: false,
            criteria: Criteria::default(),
            children: Vec::new(),
        }
    }

    /// Itself and all below, parents first.
    pub fn walk(&self) -> impl Iterator<Item = &Provision> {
        let mut left = vec![self];
        std::iter::from_fn(move || {
            let next = left.pop()?;
            left.extend(next.children.iter().rev());
            Some(next)
        })
    }
}
