//! One Record for every Call, made durable before the answer leaves.
//!
//! This crate must *not* know: SQL, HTTP, FHIR documents. It knows compact rows, files and the tree that proves them.

pub mod checkpoint;
pub mod counted;
mod decision;
mod detail;
mod entry;
mod error;
mod events;
pub mod evidence;
pub mod export;
mod folder;
mod interaction;
pub mod issuer;
pub mod leaf;
pub mod log;
pub mod note;
mod queue;
mod reader;
pub mod record;
pub mod removal;
pub mod run;
mod scan;
mod sealed;
mod segment;
pub mod sequencer;
pub mod tlog_proof;
pub mod tree;
mod varint;
pub mod verifier;
mod version_hash;
pub mod witness;
mod writer;

pub use decision::{Alert, ConsentVersion, Decision};
pub use detail::{DETAIL_BYTES_MAX, Detail, RECEIVED_BYTES_MAX};
pub use error::LogError;
pub use folder::Claim;
pub use log::Log;
pub use record::{Entity, Outcome, Record};
pub use sealed::{Opened, RecordKey, SEALED_OVERHEAD_BYTES};
pub use version_hash::version_hash;
