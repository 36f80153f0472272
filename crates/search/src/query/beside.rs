//! Parameters that read what is said beside the target of a reference: in the Reference itself, or in an entry that is about the target.
//! Where that may be hidden both leave the answer, so nothing is asked by them: 403, whatever the data.

use super::Reader;
use crate::param::untold;
use crate::program::{Atom, Guard, Hop};
use crate::registry::Parameter;
use crate::targets::entry_of;
use ward_fhir::schema::ElementDef;
use ward_fhir::{Failure, TypeId};

impl Reader<'_> {
    /// `ty`: whose resources are asked.
    pub(super) fn demand_bare(&self, ty: TypeId, parameter: &Parameter) -> Result<(), Failure> {
        let hides = |target| {
            let number = parameter.def.number();
            self.targets.may_hide(&[ty], number, target)
        };
        let is_told = |atom: &Atom| {
            let mut entered = self.entered(atom);
            entered.any(|element| self.leads_to(element).any(hides))
        };
        match parameter.atoms.iter().any(is_told) {
            true => Err(untold(parameter.code())),
            false => Ok(()),
        }
    }

    /// The references, and entries about a target, of which a path reads more than to what they are.
    fn entered<'r>(&'r self, atom: &'r Atom) -> impl Iterator<Item = &'r ElementDef> {
        let schema = self.registry.schema();
        let element = |hop: &Hop| schema.element(schema.member(hop.member).element);
        let is_asked =
            |guard: &Guard| matches!(guard, Guard::ChildEquals(..) | Guard::HasExtension(_));
        let entered = atom.hops.iter().enumerate().filter(move |(at, hop)| {
            let next = atom.hops.get(at + 1).map(element);
            if schema.ty(schema.member(hop.member).ty).name == "Reference" {
                return next.is_some() || hop.guards.iter().any(is_asked);
            }
            let path = element(hop).path;
            let (ty, name) = path.split_once('.').unwrap_or_default();
            entry_of(ty, name).is_some_and(|refers| next.is_none_or(|next| next.name != refers))
        });
        entered.map(move |(_, hop)| element(hop))
    }

    /// The types of what it may lead to; an entry says that of none.
    fn leads_to<'r>(&'r self, element: &'r ElementDef) -> impl Iterator<Item = TypeId> {
        let listed = element.types.iter().flat_map(|part| &part.targets).copied();
        let is_any = element.types.iter().all(|part| part.targets.is_empty());
        let all = is_any.then(|| self.resource_types());
        listed.chain(all.into_iter().flatten())
    }
}
