//! When an element is there, for `:missing`: "elements present with extensions but no @value" are not.
//! <https://hl7.org/fhir/R4/search.html#missing>

use crate::param::Form;
use ward_fhir::Node;

/// Whether an element has what a parameter reads of it. Linear in the element, mostly one step.
pub(super) fn has_value(node: Node<'_>, form: Form) -> bool {
    match form {
        Form::Contact | Form::Quantity | Form::Money => node.text("value").is_some(),
        _ => is_valued(node),
    }
}

/// Some value stands in it, and not in an extension. Recursion: the depth of the document.
fn is_valued(node: Node<'_>) -> bool {
    let of_itself = |child: &Node<'_>| !matches!(child.name(), "id" | "extension");
    node.value().is_some() || node.children().filter(of_itself).any(is_valued)
}
