//! The words of FHIR R4 (4.0.1): definitions, the document tree, JSON and XML, primitives, references and errors.
//!
//! This crate must *not* know: a clock, an async runtime, the network, a database, who is asking, or what a search is.

pub mod date;
pub mod issue;
pub mod json;
pub mod narrative;
pub mod primitive;
pub mod reference;
pub mod schema;
pub mod tree;
pub mod xml;

pub use issue::{Failure, Issue, Kind, Severity};
pub use schema::{ElementId, MemberId, Schema, TypeId};
pub use tree::{Document, Node};
