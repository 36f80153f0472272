//! What a Record means as an AuditEvent of FHIR R4, in the form of IHE BALP: types and codes, who took part, what it was about.
//! <https://hl7.org/fhir/R4/auditevent.html> <https://profiles.ihe.net/ITI/BALP/content.html>
//!
//! This crate must *not* know: SQL, HTTP, a clock. What a row or a person is called is an argument ([`Names`]).

mod agents;
mod code;
mod entities;
mod extensions;
mod json;
mod kind;
mod names;
mod parts;
mod profile;
mod received;
mod render;
#[cfg(test)]
mod tests;

pub use extensions::{EXTENSIONS, NOT_DISCLOSED};
pub use names::{Label, Names, Organization, User, Wanted};
pub use parts::Parts;
pub use render::{Event, render, render_context};
