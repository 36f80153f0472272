//! Where records live: one narrow contract, two stores (embedded SQLite, PostgreSQL 15+), each with its own SQL.
//! The only user of diesel.
//!
//! This crate must *not* know: HTTP, tokens, FHIR interactions, or what a resource means beyond its index entries.

mod allocator;
pub mod audit_row;
mod batch;
mod broad;
mod clinical;
mod codec;
mod compare;
pub mod contract;
mod core;
mod counted;
mod dictionaries;
mod estimate;
mod examine;
mod home;
mod id;
mod index;
mod indexing;
mod keys;
mod known;
mod meter;
mod migrations;
mod names;
mod order;
mod past;
mod postgres;
mod quantity;
mod question;
mod reach;
mod records;
mod rotation;
pub mod sent;
mod sqlite;
mod staged;
pub mod state;
mod store;
mod tree;
mod visibility;

pub use contract::*;
pub use examine::{Looking, ROWS_EXAMINED_MAX, compare, is_gathered};
pub use home::leads_home;
pub use past::VERSIONS_EXAMINED_MAX;
pub use records::follow::{PLACE_BYTES, RecordPlace};
pub use records::{NewRecord, RecordQuestion, StoredRecord};
pub use rotation::{RotateError, Rotation, rotate_master};
pub use staged::{STAGED_MAX, Staged, View};
pub use store::Store;
pub use tree::{
    Anchored, ENTRIES_AT_ONCE_MAX, EXPIRED_AT_ONCE, Expiry, ExportLine, Filed, Filing, Gap, Held,
    Horizon, LogEntry, LogExport, LogRun, Misfiled, NumberError, Numbered, Numbering, Recount,
    Removed, TakeError, Taken, Unrecorded, Walk,
};
pub use visibility::{CLASS_BYTES_MAX, NOBODY, RecordMark, Revision, VISIBILITY_IDS_MAX};
