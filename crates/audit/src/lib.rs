//! One Record for every Call, made durable before the answer leaves.
//!
//! This crate must *not* know: SQL, HTTP, FHIR documents. It knows compact rows, files and (later) trees.

mod decision;
mod entry;
mod error;
mod folder;
mod interaction;
pub mod log;
mod queue;
mod reader;
pub mod record;
mod scan;
mod segment;
mod varint;
mod writer;

pub use decision::{Alert, ConsentVersion, Decision};
pub use error::LogError;
pub use folder::Claim;
pub use log::Log;
pub use record::{Entity, Outcome, Record};
