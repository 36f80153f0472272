//! Why a consent cannot be evaluated, or not as it was meant (R11), and where.

use ward_fhir::{Issue, Kind, Severity};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A `modifierExtension`: none is known.
    ModifierExtension,
    ImplicitRules,
    /// An element that says whether the consent applies is missing or not understood: status, scope, patient.
    Header,
    /// Root `type` and `policyRule` say opposite things.
    BaseConflict,
    /// Nothing says what the base is.
    NoBase,
    /// A nested provision without `type`.
    NoType,
    /// A code, an element or a system that no rule is written for.
    Criterion,
    /// A reference that cannot lead to a resource here.
    Reference,
    /// Somebody who is named is not there any more. A permit to them is a fault of the whole consent (R11); a deny holds for
    /// everybody whom it may mean (T24).
    ActorGone,
    /// A date or period that cannot be read, or ends before it starts.
    Date,
    /// More than [`crate::NESTING_MAX`] levels.
    Nesting,
    /// More than [`crate::PROVISIONS_MAX`] provisions, or [`crate::CRITERIA_MAX`] criteria in them.
    TooMany,
    /// Not a fault by itself: a root without `type` that has criteria may be meant as the limits of the base or as an
    /// exception from it. Whatever either reading would forbid is forbidden.
    AmbiguousRoot,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub reason: Reason,
    /// FHIRPath into the Consent.
    pub expression: String,
}

impl Fault {
    /// As it is answered to whoever writes the consent: an error, or a warning where the consent works all the same.
    pub fn issue(&self) -> Issue {
        let issue = Issue::error(Kind::BusinessRule, self.reason.text()).at(&*self.expression);
        match self.reason {
            Reason::AmbiguousRoot => issue.severity(Severity::Warning),
            _ => issue,
        }
    }
}

impl Reason {
    pub const fn text(self) -> &'static str {
        match self {
            Reason::ModifierExtension => {
                "a modifier extension changes what this means, and it is not known here"
            }
            Reason::ImplicitRules => {
                "implicit rules change what this means, and they are not known here"
            }
            Reason::Header => "status, scope and patient must say whether this consent applies",
            Reason::BaseConflict => {
                "the type of the root provision and the policy rule say opposite things"
            }
            Reason::NoBase => {
                "neither a root type nor a policy rule nor a known policy says what holds in general"
            }
            Reason::NoType => "a nested provision must be of type permit or deny",
            Reason::Criterion => "this criterion cannot be decided here",
            Reason::Reference => "this reference leads to no resource here",
            Reason::ActorGone => "who is named here is not there any more",
            Reason::Date => "this date or period cannot be read, or ends before it starts",
            Reason::Nesting => "provisions are nested too deeply",
            Reason::TooMany => "there are too many provisions, or too much is listed in them",
            Reason::AmbiguousRoot => {
                "a root provision without type has criteria: whatever either reading forbids is forbidden; give it a type, or put the criteria into a nested provision"
            }
        }
    }
}
