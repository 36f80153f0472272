//! FHIRPath 2.0 (<http://hl7.org/fhirpath/N1>) with the additions of R4 (<https://hl7.org/fhir/R4/fhirpath.html>).
//!
//! `compile` turns text into an [`Expression`] once; `evaluate` runs it over the document tree as often as wanted.
//! Both are bounded: text size, nesting, steps, string sizes. Nothing panics on any input.
//!
//! This crate must *not* know: a clock, the network, a database, who is asking, or what a search is. The instant of
//! `now()` and everything behind `resolve`, `memberOf` and `conformsTo` come in through [`Context`] and [`Host`].

mod compile;
mod error;
mod evaluate;
mod function;
mod host;
mod names;
mod syntax;
pub mod ucum;
mod value;

pub use compile::{compile, compile_for, compile_on};
pub use error::{EvaluationError, SyntaxError};
pub use evaluate::{Context, Expression};
pub use host::{Coded, Host, Offline, reference_type, resolve_within};
pub use value::{Collection, Item, Kind, Precision, Quantity, SystemType, Temporal, TypeName};

/// Longest expression text accepted, in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 16 * 1024;
/// Deepest nesting of an expression; a step of a path counts as one level.
pub const DEPTH_MAX: u16 = 128;
/// Default of [`Context::steps_max`]: roughly the number of operators, nodes and items touched. For expressions that come
/// from clients set it lower (100,000 is about 10 ms).
pub const STEPS_MAX: u64 = 1_000_000;
/// Longest string an expression may build, in bytes.
pub const STRING_BYTES_MAX: usize = 1024 * 1024;
/// Longest regular expression, in bytes, and the size of its compiled form, in bytes.
pub const REGEX_BYTES_MAX: usize = 4 * 1024;
pub const REGEX_PROGRAM_BYTES_MAX: usize = 1024 * 1024;
