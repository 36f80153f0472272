//! The document from outside: what survives, what is refused and where, what never breaks it.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod bad_input;
mod edit;
mod json_value;
mod mutations;
mod primitives;
mod round_trip;
mod shared;
