//! The elements of a type that are seen, where not all are. What is asked and what is shown is cut to the same ones.
//! <https://hl7.org/fhir/R4/search.html#elements>
//!
//! Elements at the top of a resource, with all that is in them. Who sees which is not for this crate to know.

use std::collections::{BTreeMap, BTreeSet};
use ward_fhir::schema::{ElementDef, Schema};
use ward_fhir::{Node, TypeId};

/// By type; a type that is not among them is seen whole. Equal ones mean the same, whoever they were made for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seen(BTreeMap<TypeId, Elements>);

/// Those of one type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Elements(BTreeSet<&'static str>);

impl Seen {
    /// `None`: the type is seen whole.
    pub fn elements(&self, ty: TypeId) -> Option<&Elements> {
        self.0.get(&ty)
    }

    /// The types that are seen in part.
    pub fn types(&self) -> impl Iterator<Item = (TypeId, &Elements)> {
        self.0.iter().map(|(ty, elements)| (*ty, elements))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(TypeId, Elements)> for Seen {
    fn from_iter<I: IntoIterator<Item = (TypeId, Elements)>>(types: I) -> Seen {
        Seen(types.into_iter().collect())
    }
}

impl Elements {
    /// Those with one of the names (`onset` stands for every `onset[x]`), and those without which the rest would be no
    /// resource of the type or would mean something else: identity, meta, what has a minimum, and what modifies.
    pub fn of(schema: &'static Schema, ty: TypeId, is_named: impl Fn(&str) -> bool) -> Elements {
        let all = schema.elements_of(ty).iter();
        let kept = all.filter(|element| is_needed(element) || is_named(element.name));
        Elements(kept.map(|element| element.name).collect())
    }

    /// Whether the element with this name (without type: `onset`) is among them.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// The same for an element of a resource; what no definition knows is not.
    pub fn keeps(&self, child: Node<'_>) -> bool {
        child.element().is_some_and(|e| self.contains(e.name))
    }
}

fn is_needed(element: &ElementDef) -> bool {
    element.min > 0 || element.is_modifier || ALWAYS.contains(&element.name)
}

const ALWAYS: [&str; 3] = ["id", "meta", "implicitRules"];
