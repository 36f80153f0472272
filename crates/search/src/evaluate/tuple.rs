//! Components of a composite that occur together. <https://hl7.org/fhir/R4/search.html#combining>

use super::number;
use crate::entries::{Entries, Term, TermKey};
use crate::plan::{Filter, Tuple, TupleEnd};

pub(super) fn matches(wanted: &Tuple, entries: &Entries, key: &TermKey) -> bool {
    let first = terms(&wanted.first, entries);
    match &wanted.second {
        TupleEnd::Term(second) => {
            let second = terms(second, entries);
            first.iter().any(|a| {
                second
                    .iter()
                    .any(|b| entries.has_term(key.tuple(wanted.param, &[*a, *b])))
            })
        }
        TupleEnd::Quantity { unit, test } => first.iter().any(|a| {
            let term = key.tuple(wanted.param, &[*a, *unit]);
            entries
                .quantities
                .iter()
                .any(|q| q.term == term && number(*test, q.low, q.high))
        }),
    }
}

/// The terms that an `AnyTerm` or `AnyForm` stands for.
fn terms(filter: &Filter, entries: &Entries) -> Vec<Term> {
    match filter {
        Filter::AnyTerm(terms) => terms.clone(),
        Filter::AnyForm(forms) => entries
            .vocabulary
            .iter()
            .filter(|v| forms.contains(&v.form))
            .map(|v| v.term)
            .collect(),
        _ => Vec::new(),
    }
}
