//! What is known about a row, a caller and the two of them together. Whoever asks looks all of it up before.

use crate::action::{Action, Actions};
use crate::code::{Coding, Ref};
use crate::period::Span;
use crate::purpose::{BREAK_GLASS, TREATMENT, covers};
use crate::sensitivity::{Confidentiality, is_within};
use std::collections::BTreeSet;
use std::sync::Arc;

/// One version of one resource, as far as consents ask about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Its type comes first.
    pub reference: Ref,
    pub profiles: Vec<Arc<str>>,
    /// Types and media types, of a document.
    pub documents: Vec<Coding>,
    /// Every coding in it.
    pub codes: Vec<Coding>,
    pub confidentiality: Confidentiality,
    pub sensitivities: Vec<Coding>,
    /// Authors, with what they stand for (the Practitioner of a PractitionerRole). `None`: cannot be told.
    pub authors: Option<Vec<Ref>>,
    /// Clinical date. `None`: it has none.
    pub date: Option<Span>,
    pub refers_to: Vec<Ref>,
    /// The Organization that keeps it. `None`: cannot be told.
    pub custodian: Option<Ref>,
    /// Of a Consent: who gave it.
    pub grantors: Vec<Ref>,
}

/// Who asks. All of it is known: a caller whose memberships could not be looked up must be refused before.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Caller {
    /// User, PractitionerRoles, Organizations with those they are part of, care teams, groups, client application, device.
    pub actors: BTreeSet<Ref>,
    /// Codes of v3-ActReason that are asserted and authorised (R12).
    pub purposes: BTreeSet<Arc<str>>,
    pub action: Action,
    /// Has the privacy role (R23).
    pub is_privacy: bool,
}

/// What a caller is to one patient.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relation {
    pub kind: Kinship,
    /// Treats the patient, at an organization that the caller belongs to.
    pub treats: bool,
    /// Until when the glass is broken, in microseconds since 1970: for this patient and by this caller, with right, reason and step-up (R22).
    pub break_glass_until_us: Option<i64>,
    /// What law says about this caller and this record: a legal hold, an order of a court (R10).
    pub law: Option<crate::Effect>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kinship {
    /// The patient.
    Own,
    /// Acts for the patient.
    Proxy,
    #[default]
    Other,
}

/// What is looked up elsewhere. Answers must not change while one patient's consents are evaluated.
pub trait Lookup {
    /// Whether `ancestor` includes `code`, both of the same system and not equal. `None`: terminology cannot tell.
    fn subsumes(&self, ancestor: &Coding, code: &Coding) -> Option<bool>;
    /// Whether the resource is there, not deleted.
    fn is_there(&self, reference: &str) -> bool;
    /// Whether the resource `from` refers to `to`. `None`: it cannot be told.
    fn refers(&self, from: &str, to: &str) -> Option<bool>;
    /// Whether a Practitioner, PractitionerRole, Organization or the like is part of the Organization. `None`: it cannot be told.
    fn belongs(&self, member: &str, organization: &str) -> Option<bool>;
    /// Whether what is said of the label `wide` holds for `label`. Where rules give labels, theirs is the answer
    /// ([`crate::labels::RuleSet::is_label_within`]).
    fn is_label_within(&self, label: &Coding, wide: &Coding) -> bool {
        is_within(label, wide)
    }
}

/// Nothing but equality is known, and everything that is named exists.
#[derive(Clone, Copy, Debug)]
pub struct NoLookup;

impl Lookup for NoLookup {
    fn subsumes(&self, _: &Coding, _: &Coding) -> Option<bool> {
        None
    }
    fn is_there(&self, _: &str) -> bool {
        true
    }
    fn refers(&self, _: &str, _: &str) -> Option<bool> {
        None
    }
    fn belongs(&self, _: &str, _: &str) -> Option<bool> {
        None
    }
}

impl Row {
    pub fn type_name(&self) -> &str {
        type_of(&self.reference)
    }
}

impl Caller {
    /// Whether what this caller reads leaves the organization that keeps it. Unknown custodians are others.
    pub fn is_elsewhere(&self, custodian: Option<&Ref>) -> bool {
        custodian.is_none_or(|custodian| !self.actors.contains(custodian))
    }

    /// What the request does with the data (R4).
    pub fn actions(&self, kind: Kinship, custodian: Option<&Ref>) -> Actions {
        let actions = Actions::of([self.action]);
        let is_read = self.action == Action::Access;
        if is_read && kind == Kinship::Other && self.is_elsewhere(custodian) {
            actions.and(Action::Disclose)
        } else {
            actions
        }
    }

    /// Whether one of the purposes is for what `listed` is for. Breaking the glass is one while it is broken only.
    pub fn has_purpose(&self, listed: &str, has_broken_glass: bool) -> bool {
        let counts = |purpose: &&Arc<str>| has_broken_glass || ***purpose != *BREAK_GLASS;
        let mut purposes = self.purposes.iter().filter(counts);
        purposes.any(|purpose| covers(listed, purpose))
    }

    pub fn treats_or_pays(&self) -> bool {
        let mut tpo = crate::purpose::TPO.into_iter();
        tpo.any(|listed| self.has_purpose(listed, false))
    }

    pub fn is_for_treatment(&self) -> bool {
        self.has_purpose(TREATMENT, false)
    }

    /// Whether the caller may be the one that a reference led to before it was deleted. One without an identity of that
    /// kind cannot.
    pub fn could_be(&self, kind: Kind) -> bool {
        kind == Kind::Any || self.actors.iter().any(|actor| Kind::of(actor) == kind)
    }
}

impl Relation {
    pub fn has_broken_glass(&self, now_us: i64) -> bool {
        self.break_glass_until_us
            .is_some_and(|until| now_us < until)
    }
}

/// Before the id of a client of the authorization server, which is no resource: who names it denies or permits what is asked through it.
pub const CLIENT: &str = "urn:ward:client:";

/// What kind of identity a reference leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Practitioner or PractitionerRole.
    Practitioner,
    Patient,
    RelatedPerson,
    Device,
    /// Memberships: nobody is surely outside.
    Any,
}

impl Kind {
    pub fn of(reference: &str) -> Kind {
        match type_of(reference) {
            "Practitioner" | "PractitionerRole" => Kind::Practitioner,
            "Patient" => Kind::Patient,
            "RelatedPerson" => Kind::RelatedPerson,
            "Device" => Kind::Device,
            _ => Kind::Any,
        }
    }
}

/// Whoever is registered as a client can be named, and what is denied to one stays so when the registration has ended.
pub(crate) fn is_there(who: &str, lookup: &dyn Lookup) -> bool {
    who.starts_with(CLIENT) || lookup.is_there(who)
}

pub(crate) fn type_of(reference: &str) -> &str {
    reference.split('/').next().unwrap_or_default()
}
