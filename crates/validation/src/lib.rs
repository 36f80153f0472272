//! Base validation: what every R4 resource must hold before it is stored. <https://hl7.org/fhir/R4/validation.html>
//!
//! Cardinality, required bindings, reference and canonical targets, `fullUrl`, narrative, and the invariants of the base definitions. Lexical
//! forms, unknown elements and wrong types are refused earlier, by the readers of `ward_fhir`.
//!
//! This crate must *not* know: a clock, the network, a database, who is asking, or where a resource is stored.

mod binding;
mod bundle;
mod canonical;
mod existence;
mod native;
mod path;
mod plan;
mod reference;
#[cfg(test)]
mod tests;
mod walk;

use std::sync::OnceLock;

use ward_fhir::schema::{self, Schema};
use ward_fhir::{Issue, Node, TypeId};

pub use plan::Unsupported;

/// Issues found before validation of a resource stops.
pub const ISSUES_MAX: usize = 100;

/// The validator of the R4 core definitions, built on first use (tens of milliseconds) and shared.
pub fn r4() -> &'static Validator {
    static R4: OnceLock<Validator> = OnceLock::new();
    R4.get_or_init(|| Validator::new(schema::r4()))
}

/// The definitions, compiled for checking.
pub struct Validator {
    plan: plan::Plan,
}

/// Answers the type of a resource by its absolute URL.
pub type TargetType<'a> = &'a dyn Fn(&str) -> Option<TypeId>;

/// What validation may know beyond the document itself.
#[derive(Default, Clone, Copy)]
pub struct Context<'a> {
    /// Our own base URL without trailing slash: references under it are local.
    pub base: Option<&'a str>,
    /// Also report what should be mended but does not refuse (`dom-6`: no narrative; a `fullUrl` of another id).
    pub warnings: bool,
    /// Type of the target of a `urn:` or absolute reference that the document itself does not hold; `None`: not known, any
    /// type passes. Entries of a Bundle that is the document are found without it.
    pub target_type: Option<TargetType<'a>>,
}

impl Validator {
    /// Compiles every invariant once. Cost: tens of milliseconds.
    pub fn new(schema: &'static Schema) -> Self {
        Self {
            plan: plan::Plan::new(schema),
        }
    }

    /// Issues of a resource, its contained resources and (of a Bundle) its entries, in document order. Any of severity
    /// error refuses the resource; a warning says here that an invariant could not be decided.
    /// `node` is a resource, or any element to check only that. Cost: linear in the size of the subtree.
    pub fn validate(&self, node: Node<'_>) -> Vec<Issue> {
        self.validate_with(node, &Context::default())
    }

    /// The same with more knowledge, and with warnings where `context` asks for them: look at `Issue::severity`.
    pub fn validate_with(&self, node: Node<'_>, context: &Context<'_>) -> Vec<Issue> {
        walk::Walk::new(&self.plan, context, node).run()
    }

    /// Invariants of the definitions that cannot be checked, with the reason. Empty for R4 core, which a test holds.
    pub fn unsupported(&self) -> &[Unsupported] {
        &self.plan.unsupported
    }
}
