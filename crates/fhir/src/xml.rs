//! FHIR XML in and out, driven by the same schema tables; no DTD, no entities beyond the five of XML.
//! <https://hl7.org/fhir/R4/xml.html>

pub mod markup;
mod pretty;
mod read;
#[cfg(test)]
mod tests;
mod write;
mod xhtml;

pub use pretty::pretty;
pub use read::read;
pub use write::{escape_attribute, escape_text, write};

/// The namespace of every FHIR element.
pub const FHIR_NAMESPACE: &str = "http://hl7.org/fhir";
/// The namespace of narrative.
pub const XHTML_NAMESPACE: &str = "http://www.w3.org/1999/xhtml";
