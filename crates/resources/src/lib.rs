//! The interactions of the FHIR RESTful API, one file each, and the one door every Call goes through.
//! <https://hl7.org/fhir/R4/http.html>
//!
//! This crate must *not* know: HTTP libraries, SQL, tokens' encoding. It is the only caller of storage for clinical data.

mod attached;
mod audit_events;
pub mod bench;
pub mod binary;
mod break_glass;
pub mod bundle;
pub mod bundle_json;
pub mod call;
pub mod capabilities;
pub mod conditional;
pub mod create;
mod criteria;
pub mod cursor;
pub mod delete;
pub mod detection;
pub mod document;
pub mod door;
mod duty;
pub mod engine;
mod generations;
pub mod history;
mod kept;
mod labelled_output;
mod launch_patient;
mod leaving;
pub mod link;
mod masked;
mod moment;
pub mod openapi;
pub mod operations;
pub mod patch;
pub mod patch_interaction;
pub mod place;
mod places;
pub mod preconditions;
pub mod read;
mod record_budget;
mod recorded;
mod referred;
pub mod reindex;
pub mod reply;
pub mod route;
pub mod search;
mod search_parameters;
mod seen;
pub mod shown;
pub mod update;
pub mod visibility;
mod witness;
pub mod write;

pub use audit_events::{FEED_ROWS, Streamed, may_be_accounted, record_of_event};
pub use break_glass::{BrokenGlass, REVIEW_CODE, REVIEW_SYSTEM, over as glass_is_over};
pub use call::{Body, Call, Conditions, Format, Interaction, Prefer, Return};
pub use duty::{DutySettings, ROTA_KEPT, WallClock};
pub use engine::{ClientNames, Engine, ReferenceCheck, Settings};
pub use launch_patient::PATIENT_KEPT_US;
pub use record_budget::RECORD_BUDGET_ROWS;
pub use reply::{Content, Reply};
pub use visibility::ConsentSettings;
pub use witness::{ADD_CHECKPOINT_BYTES_MAX, WitnessSettings, Witnessed};
