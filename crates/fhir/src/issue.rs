//! Errors are answers: the one table of kinds, and the OperationOutcome made of them.
//! <https://hl7.org/fhir/R4/operationoutcome.html>

use crate::json::write_string;

/// One row of the error table: what a caller may meet. `status`, `code` (IssueType) and `dotted` are part of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Not well-formed JSON or XML, invalid UTF-8, duplicate keys.
    Malformed,
    /// Well-formed, but not FHIR: unknown element, wrong type, bad primitive, empty value, two choices of one `[x]`.
    Structure,
    /// A required element is missing or a cardinality is exceeded.
    Cardinality,
    /// A code outside a required binding.
    CodeInvalid,
    /// An invariant of the definitions does not hold.
    Invariant,
    /// A reference that must resolve does not, or has a target type that is not allowed.
    Reference,
    /// A parameter, header or URL that cannot be understood.
    Invalid,
    /// An interaction, operation, parameter or media type that is not supported.
    NotSupported,
    MethodNotAllowed,
    NotAcceptable,
    UnsupportedMediaType,
    TooLarge,
    TooCostly,
    TooManyRequests,
    /// No token, or one that does not verify (401).
    Login,
    /// Known caller, not permitted (403).
    Forbidden,
    /// No role of this person is in force now: they are not on duty (403).
    ShiftEnded,
    /// No role of this person acts for the purpose of use that is asserted (403).
    OutOfPurpose,
    /// What is asked or written lies in elements that the caller's role does not show (403).
    HiddenElement,
    /// The caller may not break the glass, or asks for what a broken glass does not open (403).
    BreakGlass,
    /// A security label would be removed or lowered (403).
    LabelRemoval,
    NotFound,
    Gone,
    /// Version conflict, If-Match failed (412).
    Precondition,
    /// If-Match is required and missing (428).
    PreconditionRequired,
    /// Several matches for a conditional (412).
    MultipleMatches,
    /// Concurrent change or referential integrity (409).
    Conflict,
    Duplicate,
    /// Business rule refused (422).
    BusinessRule,
    Unavailable,
    Timeout,
    Internal,
    /// Not an error: the outcome of something that went well.
    Informational,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Fatal,
    Error,
    Warning,
    Information,
}

impl Severity {
    /// The code of <http://hl7.org/fhir/issue-severity>.
    pub const fn code(self) -> &'static str {
        match self {
            Severity::Fatal => "fatal",
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Information => "information",
        }
    }
}

/// One issue as it goes to the client. Never holds a stored value; what the client itself sent may be named.
#[derive(Clone, Debug)]
pub struct Issue {
    pub severity: Severity,
    pub kind: Kind,
    pub diagnostics: String,
    /** FHIRPath. */
    pub expression: Option<String>,
}

/// A refusal: the first issue decides the status.
#[derive(Clone, Debug)]
pub struct Failure {
    pub kind: Kind,
    pub issues: Vec<Issue>,
    /// Seconds to wait before another try, where that is known.
    pub retry_after_s: Option<u64>,
}

pub type Result<T> = std::result::Result<T, Failure>;

impl Kind {
    /// HTTP status, OperationOutcome issue code, stable dotted code.
    pub const fn row(self) -> (u16, &'static str, &'static str) {
        match self {
            Kind::Malformed => (400, "structure", "document.malformed"),
            Kind::Structure => (400, "structure", "document.structure"),
            Kind::Cardinality => (422, "required", "validation.cardinality"),
            Kind::CodeInvalid => (422, "code-invalid", "validation.code"),
            Kind::Invariant => (422, "invariant", "validation.invariant"),
            Kind::Reference => (422, "value", "validation.reference"),
            Kind::Invalid => (400, "invalid", "request.invalid"),
            Kind::NotSupported => (400, "not-supported", "request.not-supported"),
            Kind::MethodNotAllowed => (405, "not-supported", "request.method"),
            Kind::NotAcceptable => (406, "not-supported", "request.not-acceptable"),
            Kind::UnsupportedMediaType => (415, "not-supported", "request.media-type"),
            Kind::TooLarge => (413, "too-long", "limit.body"),
            Kind::TooCostly => (400, "too-costly", "limit.cost"),
            Kind::TooManyRequests => (429, "throttled", "limit.rate"),
            Kind::Login => (401, "login", "access.login"),
            Kind::Forbidden => (403, "forbidden", "access.forbidden"),
            Kind::ShiftEnded => (403, "forbidden", "access.shift-ended"),
            Kind::OutOfPurpose => (403, "forbidden", "access.purpose"),
            Kind::HiddenElement => (403, "forbidden", "access.hidden-element"),
            Kind::BreakGlass => (403, "forbidden", "access.break-glass"),
            Kind::LabelRemoval => (403, "forbidden", "access.label-removal"),
            Kind::NotFound => (404, "not-found", "resource.not-found"),
            Kind::Gone => (410, "deleted", "resource.deleted"),
            Kind::Precondition => (412, "conflict", "version.precondition"),
            Kind::PreconditionRequired => (428, "required", "version.required"),
            Kind::MultipleMatches => (412, "multiple-matches", "conditional.multiple-matches"),
            Kind::Conflict => (409, "conflict", "version.conflict"),
            Kind::Duplicate => (409, "duplicate", "resource.duplicate"),
            Kind::BusinessRule => (422, "business-rule", "resource.business-rule"),
            Kind::Unavailable => (503, "transient", "server.unavailable"),
            Kind::Timeout => (503, "timeout", "server.timeout"),
            Kind::Internal => (500, "exception", "server.internal"),
            Kind::Informational => (200, "informational", "ok"),
        }
    }
    pub const fn status(self) -> u16 {
        self.row().0
    }
}

impl Issue {
    pub fn error(kind: Kind, diagnostics: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            kind,
            diagnostics: diagnostics.into(),
            expression: None,
        }
    }
    pub fn at(mut self, expression: impl Into<String>) -> Self {
        self.expression = Some(expression.into());
        self
    }
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }
}

impl Failure {
    pub fn new(kind: Kind, diagnostics: impl Into<String>) -> Self {
        Self {
            kind,
            issues: vec![Issue::error(kind, diagnostics)],
            retry_after_s: None,
        }
    }
    pub fn after(self, wait_s: u64) -> Self {
        Self {
            retry_after_s: Some(wait_s),
            ..self
        }
    }
    pub fn at(mut self, expression: impl Into<String>) -> Self {
        if let Some(i) = self.issues.first_mut() {
            i.expression = Some(expression.into())
        }
        self
    }
    pub fn status(&self) -> u16 {
        self.kind.status()
    }
    /// The issue list must not be empty; the first error decides the kind.
    pub fn from_issues(issues: Vec<Issue>) -> Self {
        let kind = issues.first().map_or(Kind::Internal, |i| i.kind);
        Self {
            kind,
            issues,
            retry_after_s: None,
        }
    }
    /// The OperationOutcome in JSON.
    pub fn to_json(&self) -> Vec<u8> {
        outcome_json(&self.issues)
    }
}

/// OperationOutcome bytes: severity, code, details.coding (system `urn:ward:error`, the dotted code), diagnostics,
/// expression. An empty list gives an informational "all is well", because an outcome must have an issue.
pub fn outcome_json(issues: &[Issue]) -> Vec<u8> {
    let mut out = b"{\"resourceType\":\"OperationOutcome\",\"issue\":[".to_vec();
    if issues.is_empty() {
        out.extend_from_slice(b"{\"severity\":\"information\",\"code\":\"informational\",\"diagnostics\":\"all is well\"}");
    }
    for (i, issue) in issues.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_issue(issue, &mut out);
    }
    out.extend_from_slice(b"]}");
    out
}

fn write_issue(issue: &Issue, out: &mut Vec<u8>) {
    let (_, code, dotted) = issue.kind.row();
    out.extend_from_slice(b"{\"severity\":\"");
    out.extend_from_slice(issue.severity.code().as_bytes());
    out.extend_from_slice(b"\",\"code\":\"");
    out.extend_from_slice(code.as_bytes());
    out.extend_from_slice(
        b"\",\"details\":{\"coding\":[{\"system\":\"urn:ward:error\",\"code\":\"",
    );
    out.extend_from_slice(dotted.as_bytes());
    out.extend_from_slice(b"\"}]}");
    if !issue.diagnostics.is_empty() {
        out.extend_from_slice(b",\"diagnostics\":");
        write_string(&issue.diagnostics, out);
    }
    if let Some(expression) = issue.expression.as_deref().filter(|e| !e.is_empty()) {
        out.extend_from_slice(b",\"expression\":[");
        write_string(expression, out);
        out.push(b']');
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_a_valid_resource() {
        let failure = Failure::new(Kind::Structure, "a \"quoted\"\nline").at("Patient.name[0]");
        let json = failure.to_json();
        let expected = concat!(
            r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"structure","#,
            r#""details":{"coding":[{"system":"urn:ward:error","code":"document.structure"}]},"#,
            r#""diagnostics":"a \"quoted\"\nline","expression":["Patient.name[0]"]}]}"#
        );
        assert_eq!(String::from_utf8_lossy(&json), expected);
        for issues in [failure.issues, Vec::new()] {
            let outcome = crate::json::read(
                &outcome_json(&issues),
                None,
                &crate::tree::Limits::default(),
            )
            .unwrap();
            assert_eq!(outcome.root().type_name(), "OperationOutcome");
        }
    }
}
