//! The parameters that read only elements that are seen: by the others nothing can be asked.
//!
//! What is left is as it was, with the same numbers, owners and markers: the index knows of no callers. A parameter that is
//! answered from others' entries reads all that they read, so whoever may ask by it may ask by those.

use super::composite::Alternative;
use super::{Parameter, Registry, TypeParameters};
use crate::definition::Definition;
use crate::groups::{Groups, Reads};
use crate::program::{Atom, Guard};
use crate::seen::{Elements, Seen};
use std::sync::Arc;
use ward_fhir::TypeId;
use ward_fhir::schema::Schema;

impl Registry {
    /// The same without the parameters whose expression leaves the elements that are seen. Left out as well: those that clients
    /// defined for such a type, and those that are no plain paths from it, since of both nothing is known. Costs nothing until a
    /// type is used.
    pub fn within(whole: &Arc<Registry>, seen: Arc<Seen>) -> Self {
        let words = whole.words.iter().copied();
        Self {
            package: Some(whole.clone()),
            custom: whole.custom.clone(),
            // Of the others each resource is looked at.
            words: words.filter(|ty| seen.elements(*ty).is_none()).collect(),
            seen: Some(seen),
            ..Self::new(whole.schema)
        }
    }

    /// The same for a caller in some of whose rows these groups are masked. Costs a copy of the list of custom parameters.
    pub fn masking(whole: &Arc<Registry>, groups: Groups, reads: Reads) -> Self {
        Self {
            schema: whole.schema,
            package: Some(whole.clone()),
            custom: whole.custom.clone(),
            words: whole.words.clone(),
            seen: whole.seen.clone(),
            masked: Some((groups, reads)),
            types: Box::default(),
        }
    }

    /// The groups that are masked in some rows of the caller.
    pub fn masked(&self) -> Groups {
        self.masked.map_or(Groups::NONE, |(groups, _)| groups)
    }

    /// Those of them that a parameter of a type reads; of one that a client defined nothing is known, so it may read all.
    pub(crate) fn read_by(&self, ty: TypeId, parameter: &Parameter) -> Groups {
        let Some((groups, reads)) = self.masked else {
            return Groups::NONE;
        };
        let read = match &parameter.def {
            Definition::Package(def) => reads(self.schema.ty(ty).name, def),
            Definition::Custom(_) => Groups::ALL,
        };
        read.within(groups)
    }

    /// The elements that it is bound to; `None`: to none.
    pub fn seen(&self) -> Option<&Seen> {
        self.seen.as_deref()
    }
}

impl TypeParameters {
    /// Whether there is a parameter of this name that reads what is not seen.
    pub fn hides(&self, code: &str) -> bool {
        self.hidden.iter().any(|hidden| **hidden == *code)
    }

    /// Whether contained resources are among what is not seen: of what type a reference to one is, is then not told.
    pub(crate) fn hides_contained(&self) -> bool {
        self.hides_contained
    }

    pub(super) fn within(&self, schema: &'static Schema, ty: TypeId, elements: &Elements) -> Self {
        let is_seen = |parameter: &&Parameter| self.is_seen(schema, parameter, elements);
        let (seen, hidden): (Vec<&Parameter>, Vec<&Parameter>) =
            self.parameters.iter().partition(is_seen);
        Self {
            hidden: hidden.into_iter().map(|p| p.code().into()).collect(),
            hides_contained: !elements.contains("contained"),
            ..Self::laid_out(schema, ty, seen.into_iter().cloned().collect())
        }
    }

    fn is_seen(&self, schema: &Schema, parameter: &Parameter, elements: &Elements) -> bool {
        if parameter.is_custom() {
            return false;
        }
        match parameter.code() {
            "_text" => return elements.contains("text"),
            "_content" => return false,
            // Syntax for what is judged by itself.
            "_filter" | "_query" => return true,
            _ => {}
        }
        if !parameter.composite.is_empty() {
            let mut alternatives = parameter.composite.iter();
            return alternatives.all(|one| self.is_composite_seen(schema, one, elements));
        }
        // One that is not served stays refused as it is.
        let is_refused = !parameter.is_served();
        is_refused || !parameter.atoms.is_empty() && are_seen(schema, &parameter.atoms, elements)
    }

    /// The element that the values must share, and the parameters that answer them.
    fn is_composite_seen(
        &self,
        schema: &Schema,
        alternative: &Alternative,
        elements: &Elements,
    ) -> bool {
        let (parts, path) = match alternative {
            Alternative::Tuple { parts, path, .. } => (parts.as_slice(), Some(path)),
            Alternative::Whole { parts, within } => (parts.as_slice(), within.as_ref()),
        };
        let mut answering = parts.iter().map(|part| self.find(&part.code));
        let is_answered =
            |read: &Parameter| read.composite.is_empty() && self.is_seen(schema, read, elements);
        answering.all(|read| read.is_some_and(is_answered))
            && path.is_none_or(|path| are_seen(schema, path, elements))
    }
}

impl Parameter {
    /// Whether it asks what a reference points to, which for `#id` is said by what is contained.
    pub(crate) fn asks_for_target(&self) -> bool {
        let hops = self.atoms.iter().flat_map(|atom| &atom.hops);
        hops.flat_map(|hop| &hop.guards)
            .any(|guard| matches!(guard, Guard::ResolvesTo(_)))
    }
}

/// Whether each begins with an element that is seen: what is within one is seen with it.
fn are_seen(schema: &Schema, atoms: &[Atom], elements: &Elements) -> bool {
    atoms.iter().all(|atom| {
        let first = atom.hops.first().map(|hop| schema.member(hop.member));
        first.is_some_and(|member| elements.contains(schema.element(member.element).name))
    })
}
