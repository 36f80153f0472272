//! Invariants as FHIRPath. <https://hl7.org/fhir/R4/conformance-rules.html#constraints>

use ward_fhir::schema::Invariant;
use ward_fhir::{Issue, Kind, Node, Severity};
use ward_fhirpath::{Context, EvaluationError};

/// No invariant of R4 asks for the time, and validation knows no clock.
const NOW_US: i64 = 0;

pub(crate) struct Expression(ward_fhirpath::Expression);

/// Why an invariant could not be decided.
pub(crate) struct Fault(EvaluationError);

impl Expression {
    /// Errors say why the text is not FHIRPath or not supported.
    pub fn compile(text: &str) -> Result<Self, String> {
        ward_fhirpath::compile(text)
            .map(Self)
            .map_err(|error| error.to_string())
    }

    /// An empty answer holds: there was nothing to judge, or dates of different precision cannot be ordered (`per-1`).
    pub fn holds(&self, node: Node<'_>) -> Result<bool, Fault> {
        self.0
            .test(node, &Context::at(NOW_US))
            .map(|answer| answer != Some(false))
            .map_err(Fault)
    }
}

impl Fault {
    /// A refusal when the budget ran out, since then nobody knows; else a warning, since the expression is at fault.
    pub fn issue(&self, invariant: &Invariant) -> Issue {
        let text = format!(
            "{} could not be decided: {} [{}]",
            invariant.key, self.0, invariant.expression
        );
        match self.0 {
            EvaluationError::StepsExceeded | EvaluationError::StringTooLong => {
                Issue::error(Kind::TooCostly, text)
            }
            _ => Issue::error(Kind::Invariant, text).severity(Severity::Warning),
        }
    }
}
