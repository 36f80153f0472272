//! Bodies become documents: read, then validated.

use crate::call::{Body, Call, Format};
use crate::engine::Engine;
use ward_fhir::issue::{Result, Severity};
use ward_fhir::tree::Limits;
use ward_fhir::{Document, Failure, Issue, Kind, Node, TypeId, json, xml};

/// Reads the body of a Call as a resource (of type `expected`, when given).
pub fn read_body(call: &Call, expected: Option<TypeId>) -> Result<Document> {
    let body = call.body.as_ref().filter(|b| !b.bytes.is_empty());
    let body = body.ok_or_else(|| {
        Failure::new(
            Kind::Invalid,
            "this interaction needs a resource in the body",
        )
    })?;
    read(body, expected)
}

pub fn read(body: &Body, expected: Option<TypeId>) -> Result<Document> {
    let limits = Limits::default();
    match &body.format {
        Format::Json => json::read(&body.bytes, expected, &limits),
        Format::Xml => xml::read(&body.bytes, expected, &limits),
        Format::JsonPatch | Format::XmlPatch | Format::Raw(_) => Err(Failure::new(
            Kind::UnsupportedMediaType,
            "this interaction takes application/fhir+json or application/fhir+xml",
        )),
    }
}

/// Base validation: errors refuse the write, warnings do not.
pub fn validate(engine: &Engine, node: Node<'_>) -> Result<()> {
    let issues = engine.validator.validate(node);
    if issues.iter().any(is_error) {
        return Err(refusal(issues));
    }
    Ok(())
}

pub fn is_error(issue: &Issue) -> bool {
    matches!(issue.severity, Severity::Error | Severity::Fatal)
}

/// A refusal led by its first error, so that the status is that of an error and not of a warning.
fn refusal(mut issues: Vec<Issue>) -> Failure {
    issues.sort_by_key(|i| !is_error(i));
    Failure::from_issues(issues)
}

/// A stored version as a document. It was checked when it was written, so a failure here is the store's.
pub fn reread(json: &[u8]) -> Result<Document> {
    json::read(json, None, &Limits::default()).map_err(|_| {
        Failure::new(
            Kind::Internal,
            "a stored version does not read as a resource",
        )
    })
}
