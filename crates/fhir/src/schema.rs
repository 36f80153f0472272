//! The R4 definitions as one read-only table, loaded once from the compact file that `cargo xtask profiles` writes.
//! <https://hl7.org/fhir/R4/structuredefinition.html>

pub mod codes;
mod table;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

/// A named or anonymous type: `Patient`, `HumanName`, `string`, and backbone types such as `Patient.contact`.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeId(pub u16);

/// The units of measure, which the package does not define: "some code systems are case sensitive (e.g. UCUM)".
/// <https://hl7.org/fhir/R4/search.html#token>
const UCUM: &str = "http://unitsofmeasure.org";

/// One element definition (`Patient.contact.name`, `Observation.value[x]`).
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ElementId(pub u32);

/// One JSON/XML member name of a type: an element together with one of its types (`valueQuantity`).
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemberId(pub u32);

/// The R4 core definitions. Built on first use (under 50 ms) and shared.
pub fn r4() -> &'static Schema {
    static R4: OnceLock<Schema> = OnceLock::new();
    R4.get_or_init(|| {
        table::load(R4_TABLE)
            .expect("the embedded table is built and checked by `cargo xtask profiles`")
    })
}

/// `hl7.fhir.r4.core` 4.0.1; its manifest lies beside it.
const R4_TABLE: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../fhir-profiles/r4-core-4.0.1.table.zst"
));

pub struct Schema {
    pub package: Package,
    pub types: Vec<TypeDef>,
    pub elements: Vec<ElementDef>,
    pub members: Vec<Member>,
    pub invariants: Vec<Invariant>,
    pub search_parameters: Vec<SearchParameterDef>,
    pub operations: Vec<OperationDef>,
    pub compartments: Vec<CompartmentDef>,
    pub value_sets: Vec<ValueSetDef>,
    pub type_names: HashMap<&'static str, TypeId>,
    pub value_set_urls: HashMap<&'static str, usize>,
    /// Code systems of the package whose codes are case sensitive, by their urls.
    pub case_sensitive_systems: HashSet<&'static str>,
}

pub struct Package {
    pub name: &'static str,
    pub version: &'static str,
    pub sha256: &'static str,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum TypeKind {
    Resource,
    Complex,
    Backbone,
    Primitive(Primitive),
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Primitive {
    Boolean,
    Integer,
    UnsignedInt,
    PositiveInt,
    Decimal,
    String,
    Markdown,
    Code,
    Id,
    Uri,
    Url,
    Canonical,
    Oid,
    Uuid,
    Base64Binary,
    Date,
    DateTime,
    Time,
    Instant,
    Xhtml,
}

pub struct TypeDef {
    pub id: TypeId,
    /// `Patient`, `HumanName`, `code`; for a backbone its path, `Patient.contact`.
    pub name: &'static str,
    pub kind: TypeKind,
    pub is_abstract: bool,
    /// `DomainResource` for `Patient`, `BackboneElement` for `Patient.contact`, `string` for `code`.
    pub base: Option<TypeId>,
    /// Indexes into `Schema::elements`, in specification order, inherited elements included
    /// (`id`, `extension`, `modifierExtension`, for resources also `id meta implicitRules language text contained`).
    pub elements: std::ops::Range<u32>,
    /// All members (choices expanded), sorted by `json_name`.
    pub members: std::ops::Range<u32>,
    /// Invariants on the type itself (root element), inherited ones included.
    pub invariants: Vec<u16>,
}

pub struct ElementDef {
    pub id: ElementId,
    /// `Patient.contact.name`; choices keep `[x]`: `Observation.value[x]`.
    pub path: &'static str,
    /// The FHIRPath name: `name`, and `value` for `value[x]`.
    pub name: &'static str,
    /// The type it belongs to.
    pub owner: TypeId,
    pub min: u32,
    /// `None` is `*`.
    pub max: Option<u32>,
    pub is_choice: bool,
    pub is_modifier: bool,
    pub is_summary: bool,
    /// Position among the owner's elements (XML order).
    pub order: u16,
    pub types: Vec<TypeRef>,
    pub binding: Option<Binding>,
    pub invariants: Vec<u16>,
    /// XML attribute instead of element (`Element.id`, `Extension.url`).
    pub is_xml_attribute: bool,
}

pub struct TypeRef {
    /// What the node's type is: a data type, a backbone type (also through contentReference), `Resource` for contained.
    pub ty: TypeId,
    /// For Reference and canonical: allowed target resource types; empty means any.
    pub targets: Vec<TypeId>,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    Example,
    Preferred,
    Extensible,
    Required,
}

pub struct Binding {
    pub strength: Strength,
    /** Canonical without version. */
    pub value_set: &'static str,
}

pub struct Member {
    pub id: MemberId,
    pub json_name: &'static str,
    pub element: ElementId,
    pub ty: TypeId,
    pub is_array: bool,
}

pub struct Invariant {
    pub key: &'static str,
    pub is_error: bool,
    pub human: &'static str,
    pub expression: &'static str,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum SearchType {
    Number,
    Date,
    String,
    Token,
    Reference,
    Composite,
    Quantity,
    Uri,
    Special,
}

pub struct SearchParameterDef {
    /// Stable number of the parameter in this package; part of index keys. Order of the official package.
    pub id: u16,
    pub url: &'static str,
    pub code: &'static str,
    pub ty: SearchType,
    pub bases: Vec<TypeId>,
    pub expression: &'static str,
    pub targets: Vec<TypeId>,
    pub multiple_or: bool,
    pub multiple_and: bool,
    pub comparators: Vec<&'static str>,
    pub modifiers: Vec<&'static str>,
    pub chains: Vec<&'static str>,
    /// (definition url, expression)
    pub components: Vec<(&'static str, &'static str)>,
}

pub struct OperationDef {
    pub url: &'static str,
    pub code: &'static str,
    pub affects_state: bool,
    pub system: bool,
    pub type_level: bool,
    pub instance: bool,
    pub resources: Vec<TypeId>,
}

pub struct CompartmentDef {
    pub code: &'static str,
    /** (member type, parameter codes; `{def}` is the type itself) */
    pub members: Vec<(TypeId, Vec<&'static str>)>,
}

pub struct ValueSetDef {
    pub url: &'static str,
    /** `None`: cannot be enumerated (BCP-47, MIME, ...): any well-formed code passes. Sorted by (system, code). */
    pub codes: Option<Vec<(&'static str, &'static str)>>,
}

impl Schema {
    pub fn type_id(&self, name: &str) -> Option<TypeId> {
        self.type_names.get(name).copied()
    }
    /// Concrete resource types only (146).
    pub fn resource_type(&self, name: &str) -> Option<TypeId> {
        self.type_id(name)
            .filter(|t| matches!(self.ty(*t).kind, TypeKind::Resource) && !self.ty(*t).is_abstract)
    }
    pub fn ty(&self, id: TypeId) -> &TypeDef {
        &self.types[id.0 as usize]
    }
    pub fn element(&self, id: ElementId) -> &ElementDef {
        &self.elements[id.0 as usize]
    }
    pub fn member(&self, id: MemberId) -> &Member {
        &self.members[id.0 as usize]
    }
    /// Binary search among the members of a type.
    pub fn find_member(&self, ty: TypeId, json_name: &str) -> Option<&Member> {
        let range = &self.ty(ty).members;
        let members = &self.members[range.start as usize..range.end as usize];
        members
            .binary_search_by(|m| m.json_name.cmp(json_name))
            .ok()
            .map(|i| &members[i])
    }
    pub fn elements_of(&self, ty: TypeId) -> &[ElementDef] {
        let range = &self.ty(ty).elements;
        &self.elements[range.start as usize..range.end as usize]
    }
    pub fn value_set(&self, url: &str) -> Option<&ValueSetDef> {
        self.value_set_urls.get(url).map(|i| &self.value_sets[*i])
    }
    /// Whether codes that differ in case alone are different ones in this code system: it says so in its definition, or R4
    /// does in its stead. <https://hl7.org/fhir/R4/codesystem-definitions.html#CodeSystem.caseSensitive>
    pub fn is_case_sensitive(&self, system: &str) -> bool {
        system == UCUM || self.case_sensitive_systems.contains(system)
    }
    /// True when `ty` is `ancestor` or derives from it (`is_a(code, string)`, `is_a(Patient, Resource)`).
    pub fn is_a(&self, ty: TypeId, ancestor: TypeId) -> bool {
        let mut at = Some(ty);
        while let Some(t) = at {
            if t == ancestor {
                return true;
            }
            at = self.ty(t).base;
        }
        false
    }
}
