//! Where scopes, compartments, roles, consent and labels meet: a [`Caller`] becomes an [`Access`] here and nowhere else.
//!
//! This crate must *not* know: HTTP, tokens' encoding, SQL, a clock or a database. Lookups and time are arguments.

mod access;
mod caller;
mod compartment;
mod decide;
mod grid;
mod mask;
mod role;
mod scope;
mod scopes;

pub use access::{Access, Action, PatientKey, Sight};
pub use caller::{Caller, Identity};
pub use compartment::Compartments;
pub use decide::{Facts, Maintenance, decide, maintenance};
pub use mask::Mask;
pub use role::{ELEMENT, POLICY_BYTES_MAX, RolePolicy, Roles, TypePolicy};
pub use scope::{Actions, Context, ResourceScope, Scope, ScopeError, Target};
pub use scopes::Scopes;
