//! Consents and security labels: a Consent resource becomes compiled rules, rules meet a row and a caller and give a
//! verdict; the labelling service says how sensitive a resource is.
//!
//! This crate must *not* know: HTTP, SQL, a clock, a database or who keeps policies. Time, terminology and the
//! memberships of people are arguments.

mod action;
mod class;
mod code;
mod context;
mod diagram;
mod due;
mod facts;
mod fault;
mod group;
mod interpret;
pub mod labels;
mod level;
mod matching;
mod period;
mod provision;
mod purpose;
mod read;
mod residual;
mod rules;
mod scope;
mod sensitivity;
mod settle;
mod specialise;
mod touch;
mod tri;

pub use action::{Action, Actions};
pub use class::Class;
pub use code::{Coding, Ref};
pub use context::{Context, Outcome, Varies};
pub use due::{BOUNDARIES_MAX, next_change, next_change_of};
pub use facts::{CLIENT, Caller, Kind, Kinship, Lookup, NoLookup, Relation, Row};
pub use fault::{Fault, Reason};
pub use interpret::{Decision, Question, Step, interpret};
pub use level::Level;
pub use matching::gone;
pub use period::{Period, Span};
pub use provision::{
    Actor, CRITERIA_MAX, Consent, Content, Criteria, Data, Effect, Label, Meaning, NESTING_MAX,
    PROVISIONS_MAX, Part, Provision,
};
pub use purpose::{BREAK_GLASS, EMERGENCY, TPO, TREATMENT, covers};
pub use read::read;
pub use residual::Residual;
pub use rules::{Base, Default, LabelRule, Need, Reach, Rules};
pub use scope::scope;
pub use sensitivity::{Confidentiality, is_within};
pub use settle::{By, Obligations, Verdict};
pub use specialise::Specialiser;
pub use touch::{Filter, Moment, Touch, touched};
pub use tri::Tri;

#[cfg(test)]
mod examples_tests;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod random;
