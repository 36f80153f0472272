//! Consents and security labels: a Consent resource becomes compiled rules, rules meet a row and a caller and give a
//! verdict; the labelling service says how sensitive a resource is.
//!
//! This crate must *not* know: HTTP, SQL, a clock, a database or who keeps policies. Time, terminology and the
//! memberships of people are arguments.

mod action;
mod code;
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
mod rules;
mod sensitivity;
mod settle;
mod tri;

pub use action::{Action, Actions};
pub use code::{Coding, Ref};
pub use facts::{Caller, Kind, Kinship, Lookup, NoLookup, Relation, Row};
pub use fault::{Fault, Reason};
pub use interpret::{Decision, Question, Step, interpret};
pub use level::Level;
pub use period::{Period, Span};
pub use provision::{
    Actor, Consent, Content, Criteria, Data, Effect, Label, Meaning, NESTING_MAX, PROVISIONS_MAX,
    Part, Provision,
};
pub use purpose::{BREAK_GLASS, TPO, TREATMENT, covers};
pub use read::read;
pub use rules::{Base, Default, LabelRule, Need, Reach, Rules};
pub use sensitivity::{Confidentiality, is_within};
pub use settle::{By, Class, Obligations, Verdict};
pub use tri::Tri;

#[cfg(test)]
mod examples_tests;
#[cfg(test)]
mod fixture;
