//! `:missing`, from whichever state of a parameter leaves a marker. <https://hl7.org/fhir/R4/search.html#modifiers>

use crate::entries::TermKey;
use crate::plan::Filter;
use crate::registry::composite::Alternative;
use crate::registry::{Marks, Parameter, TypeParameters};

pub(super) fn filter(
    key: &TermKey,
    types: &TypeParameters,
    parameter: &Parameter,
    wanted: bool,
) -> Filter {
    if !parameter.composite.is_empty() {
        let present = composite(key, types, parameter);
        return if wanted { not(present) } else { present };
    }
    let marker = key.marker(parameter.def.number());
    let marked = || Filter::AnyTerm(vec![marker]);
    match (parameter.marks, wanted) {
        (Marks::Missing, true) | (Marks::Present, false) => marked(),
        (Marks::Missing, false) | (Marks::Present, true) => not(marked()),
        (Marks::Listed, false) => Filter::AnyForm(vec![marker]),
        (Marks::Listed, true) => not(Filter::AnyForm(vec![marker])),
        (Marks::Nothing, _) if parameter.is_column() || parameter.truth => {
            if wanted {
                Filter::Nothing
            } else {
                Filter::All
            }
        }
        (Marks::Nothing, _) => {
            let owners = parameter
                .owners
                .iter()
                .filter_map(|o| types.all().find(|p| p.def.number() == o.param));
            let each = owners
                .filter(|p| p.def.number() != parameter.def.number())
                .map(|p| filter(key, types, p, wanted))
                .collect();
            if wanted {
                Filter::And(each)
            } else {
                Filter::Or(each)
            }
        }
    }
}

/// Present when all components of one of its expressions are.
fn composite(key: &TermKey, types: &TypeParameters, parameter: &Parameter) -> Filter {
    let present = |alternative: &Alternative| match alternative {
        Alternative::Tuple { owner, .. } => Filter::AnyTerm(vec![key.marker(*owner)]),
        Alternative::Whole { parts, .. } => Filter::And(
            parts
                .iter()
                .filter_map(|part| types.find(&part.code))
                .map(|p| filter(key, types, p, false))
                .collect(),
        ),
    };
    let mut any: Vec<Filter> = parameter.composite.iter().map(present).collect();
    if any.len() == 1 {
        any.remove(0)
    } else {
        Filter::Or(any)
    }
}

fn not(filter: Filter) -> Filter {
    Filter::Not(Box::new(filter))
}
