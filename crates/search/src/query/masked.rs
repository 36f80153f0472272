//! What may not tell of elements that are masked in some rows of the caller: each condition that reads them holds of no such row, as
//! if they were not there. So `:not` and `:missing=true` find it, and what asks for a value does not.

use super::Reader;
use super::criterion::Meaning;
use crate::groups::Groups;
use crate::plan::Filter;
use crate::registry::Parameter;
use ward_fhir::TypeId;

impl Reader<'_> {
    /// What a parameter asks of resources of its types.
    pub(super) fn told(&self, meaning: &Meaning<'_>, filter: Filter) -> Filter {
        shown(self.read_by(&meaning.types, meaning.parameter), filter)
    }

    /// Whether there is a value, which none of several conditions may say by itself.
    pub(super) fn present(&self, meaning: &Meaning<'_>, present: Filter) -> Filter {
        with(self.read_by(&meaning.types, meaning.parameter), present)
    }

    /// Whether it reads what is masked in some rows.
    pub(super) fn masks(&self, meaning: &Meaning<'_>) -> bool {
        !self.read_by(&meaning.types, meaning.parameter).is_empty()
    }

    /// What is asked of all the text of a resource.
    pub(super) fn told_of_all(&self, filter: Filter) -> Filter {
        shown(self.registry.masked(), filter)
    }

    /// What a reference parameter of a type leads to or from.
    pub(super) fn referred(&self, ty: TypeId, parameter: &Parameter, filter: Filter) -> Filter {
        with(self.read_by(&[ty], parameter), filter)
    }

    fn read_by(&self, types: &[TypeId], parameter: &Parameter) -> Groups {
        let each = types.iter();
        each.map(|ty| self.registry.read_by(*ty, parameter))
            .collect()
    }
}

/// The same filter, each condition of which holds only where the groups are shown.
fn shown(groups: Groups, filter: Filter) -> Filter {
    if groups.is_empty() {
        return filter;
    }
    match filter {
        Filter::And(_) | Filter::Or(_) | Filter::Not(_) => {
            filter.with_inner(&mut |inner| shown(groups, inner))
        }
        Filter::All | Filter::Nothing | Filter::Types(_) => filter,
        condition => with(groups, condition),
    }
}

/// The filter as a whole.
fn with(groups: Groups, filter: Filter) -> Filter {
    match groups.is_empty() {
        true => filter,
        false => Filter::And(vec![filter, Filter::Shows(groups)]),
    }
}
