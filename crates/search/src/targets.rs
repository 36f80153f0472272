//! Which resources a caller may ask by, as the other ends of references. <https://hl7.org/fhir/R4/search.html#reference>
//!
//! A reference to what is not seen leaves without saying to what. A search by it would tell all the same, so that it matches nothing: what is
//! hidden and what never was are one. What is seen is not this crate's affair.

use ward_fhir::TypeId;

/// Asked while a query is read, of each literal reference in it.
pub trait Targets: Sync {
    /// Whether resources of `types` may be found by their reference to this one under the entries of `param`.
    fn resolves(&self, types: &[TypeId], param: u16, ty: TypeId, id: &str) -> bool;

    /// Whether some of the type may be hidden, so that what stands beside a reference to one, and the order of their ids, tell of it.
    fn may_hide(&self, types: &[TypeId], param: u16, ty: TypeId) -> bool;
}

/// Elements that are about one target each, which an element in them refers to: what else they say goes from an answer with the reference.
/// Of AuditEvents, which are asked as they are shown, it is for whoever shows them to say.
const ENTRIES: &[(&str, &str, &str)] = &[
    ("Bundle", "entry", "resource"),
    ("Composition", "section", "entry"),
    ("Group", "member", "entity"),
    ("Group", "quantity", ""),
    ("List", "entry", "item"),
    ("Provenance", "entity", "what"),
];

/// What in an element of a resource refers to the target that the element is about; `None`: it is about none.
pub(crate) fn entry_of(ty: &str, element: &str) -> Option<&'static str> {
    let mut entries = ENTRIES.iter();
    let found = entries.find(|(of, name, _)| *of == ty && *name == element);
    found.map(|(.., refers)| *refers)
}

/// For whom nothing is hidden, and for what the server itself asks.
pub struct Every;

impl Targets for Every {
    fn resolves(&self, _: &[TypeId], _: u16, _: TypeId, _: &str) -> bool {
        true
    }

    fn may_hide(&self, _: &[TypeId], _: u16, _: TypeId) -> bool {
        false
    }
}
