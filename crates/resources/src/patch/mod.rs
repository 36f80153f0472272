//! The three patch formats, each from a document and a patch to the JSON text of the new resource.
//! <https://hl7.org/fhir/R4/http.html#patch>
//!
//! Pure: no storage, no access. The caller reads the result again as any body that is written (so it is validated), and
//! decides about `id` and `meta`. A patch that cannot be understood is 400; one that is understood and cannot be applied to
//! this resource, a failed `test` included, is 422 (RFC 5789, 2.2).

mod fhirpath;
mod json;
#[cfg(test)]
mod official;
mod xml;

pub use fhirpath::fhirpath;
pub use json::json;
pub use xml::xml;

use ward_fhir::{Failure, Kind};

/// Operations of one patch.
pub const OPERATIONS_MAX: usize = 1_000;
/// Nesting of a patch document and of what it makes.
pub const DEPTH_MAX: usize = 128;
/// Values (JSON), nodes (XML) or elements (FHIRPath) a patched resource may have, and of all that one patch may copy.
pub const NODES_MAX: usize = 1_000_000;

/// Elements visited by all operations of one patch together (about a second).
const WORK_MAX: usize = 20_000_000;

/// 422: understood, but this resource cannot be changed so.
fn unprocessable(operation: usize, what: impl std::fmt::Display) -> Failure {
    Failure::new(
        Kind::BusinessRule,
        format!("patch operation {}: {what}", operation + 1),
    )
}

/// 400: not a patch.
fn malformed(operation: usize, what: impl std::fmt::Display) -> Failure {
    Failure::new(
        Kind::Invalid,
        format!("patch operation {}: {what}", operation + 1),
    )
}

fn too_many_operations() -> Failure {
    Failure::new(
        Kind::TooCostly,
        format!("a patch may have at most {OPERATIONS_MAX} operations"),
    )
}

fn too_big(operation: usize) -> Failure {
    let text = format!(
        "patch operation {}: the resource would become too large or too deep",
        operation + 1
    );
    Failure::new(Kind::TooCostly, text)
}
