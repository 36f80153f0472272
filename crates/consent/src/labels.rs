//! Security labels: how sensitive a resource is, said by rules and by clients, and what follows from it.
//! <https://hl7.org/fhir/R4/security-labels.html>, <https://hl7.org/fhir/uv/security-label-ds4p/>
//!
//! The road of a write: `Labels::stated` reads what the body states, `label` adds what the rules and the resources around it
//! say, `with_security` writes the result into `meta.security`, `RowClass::of` is what the row keeps. The text of the rules
//! is data (`labels/starter.txt`, `docs/guide/labels.md`); a hospital adds to it or replaces it.

mod carry;
mod change;
mod class;
mod clearance;
mod find;
mod groups;
mod held;
mod output;
mod rules;
mod service;
mod stated;

pub use carry::{
    Amount, Neighbour, PERSON, given, given_of, gives, gives_named, gives_referring, takes,
    takes_named, takes_referring,
};
pub use change::{Affected, Signal, marks};
pub use class::{BadClass, RowClass};
pub use clearance::{Clearance, Lacking};
pub use find::{Cause, causes};
pub use groups::{DATA_ABSENT_REASON, DATA_ABSENT_REASONS, Group, MASKED, Masking, Treatment};
pub use held::{Held, Label, Labels, Origin};
pub use output::{
    CONSENT_SCOPE, Disclosed, NOTICE_STATEMENT, Notice, View, high_water, notice, shown,
};
pub(crate) use rules::is_handling;
pub use rules::{Definition, Kind, LabelDefault, Mistake, Rule, RuleSet, STARTER};
pub use service::{derived, kept, label, refuse_removal, relabelled};
pub use stated::with_security;

use crate::code::{ACT_CODE, CONFIDENTIALITY};
use crate::sensitivity::Confidentiality;

/// Labels that HL7 has no code for.
pub const WARD_LABEL: &str = "urn:ward:label";
/// Security labels that one resource may carry; more are refused.
pub const SECURITY_LABELS_MAX: usize = 64;
/// Bytes of the system or the code of one label; longer ones are refused.
pub const LABEL_BYTES_MAX: usize = 255;

/// The level that a code states: the retired codes of the system (`S`, `T`, `B`, ...) and whatever else stands there all said
/// "more than normal".
fn level_of(code: &str) -> Confidentiality {
    Confidentiality::parse(code).unwrap_or(Confidentiality::Restricted)
}

#[cfg(test)]
mod tests;
