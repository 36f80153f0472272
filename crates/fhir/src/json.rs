//! FHIR JSON in and out. <https://hl7.org/fhir/R4/json.html>

mod names;
mod pretty;
mod read;
mod scan;
mod write;

pub(crate) use scan::number_end;

pub use pretty::pretty;
pub use read::{read, read_string};
pub use write::{Stamp, write, write_string};
