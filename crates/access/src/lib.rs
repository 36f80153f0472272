//! Where scopes, compartments, roles, consent and labels meet: a [`Caller`] becomes an [`Access`] here and nowhere else.
//!
//! This crate must *not* know: HTTP, tokens' encoding, SQL, a clock or a database. Lookups and time are arguments.

mod access;
mod caller;
mod clearance;
mod compartment;
mod decide;
mod granted;
mod granular;
mod grid;
mod mask;
mod masked;
mod part;
mod policies;
mod purpose;
mod role;
mod role_codes;
mod rota;
mod scope;
mod scopes;
mod sight;

pub use access::{Access, Action};
pub use caller::{Caller, Identity, Registered};
pub use clearance::{
    ACT_CODE, CLEARANCE_LABELS_MAX, CONFIDENTIALITY, Clearance, ClearanceError, EVERY_SENSITIVITY,
    LabelCode, Level,
};
pub use compartment::Compartments;
pub use decide::{Facts, Maintenance, decide, maintenance};
pub use granular::{Criterion, Granular, SCOPE_TERMS_MAX, Undecidable};
pub use mask::{Hides, Mask};
pub use masked::{Handed, Masked, Veil};
pub use purpose::{
    ACT_REASON, BREAK_GLASS, PATIENT_REQUEST, PURPOSES_MAX, Purpose, PurposeError, Purposes,
};
pub use role::{
    CLEARANCE, ELEMENT, PATIENT, POLICY_BYTES_MAX, PRIVACY_OFFICER, RolePolicy, Roles, SEE_LABELS,
    TypePolicy,
};
pub use role_codes::RoleCodes;
pub use rota::{ASSIGNMENTS_MAX, LOOK_AHEAD_DAYS, Rota, Zone, period_us};
pub use scope::{Actions, Context, ResourceScope, Scope, ScopeError, Target};
pub use scopes::{GRANULAR_MAX, Scopes};
pub use sight::{Grant, PatientKey, Sight};
