//! Consents and security labels: a Consent resource becomes compiled rules, rules meet a row and a caller and give a
//! verdict; the labelling service says how sensitive a resource is.
//!
//! This crate must *not* know: HTTP, SQL, a clock, a database or who keeps policies. Time, terminology and the
//! memberships of people are arguments.
