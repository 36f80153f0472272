//! Misuse of records, judged from a stream of accesses: who looked at what without a reason that work gives, and who behaves
//! unlike themselves and their peers. Explained accesses are subtracted first, what is left is scored (A1 to A30).
//!
//! Must not know: SQL, HTTP, FHIR documents, a clock, async. Time is in the [`Access`]es, look-ups are [`Facts`].
//! What is remembered is bounded by [`thresholds::Thresholds`] and the constants of [`detector`].

pub mod access;
pub mod alert;
mod baseline;
mod bounded;
mod case;
pub mod detector;
pub mod drill;
mod explain;
pub mod facts;
pub mod feedback;
mod memory;
pub mod rule;
mod rules;
#[cfg(test)]
mod tests;
pub mod thresholds;
mod window;

pub use access::{Access, Act, Key, Labels, Outcome};
pub use alert::{Alert, Reason, Subject};
pub use detector::Detector;
pub use explain::Explanation;
pub use facts::{Duty, Facts, Home, Kin, Kind, Patient, Person, Point, Stay, Tie};
pub use feedback::{Feedback, Verdict};
pub use rule::Rule;
pub use thresholds::Thresholds;
