//! Composite parameters: what occurs together in one element. <https://hl7.org/fhir/R4/search.html#combining>

use super::token::case::Case;
use super::{Ask, Form, date, number, quantity, reference, string, token};
use crate::entries::{QuantityEntry, TermEntry};
use crate::escape::split;
use crate::extract::Collector;
use crate::hot::Role;
use crate::plan::{Check, Filter, NumberTest, Tuple, TupleEnd};
use crate::program::Atom;
use crate::program::ends;
use crate::registry::Leaf;
use crate::registry::composite::{Alternative, Part};
use std::sync::Arc;
use ward_fhir::schema::SearchType;
use ward_fhir::{Failure, Node};

/// The entries of one element; `false`: one of its components is missing.
pub(crate) fn index(out: &mut Collector<'_>, node: Node<'_>, leaf: &Leaf) -> bool {
    let mut any = false;
    for alternative in &out.parameter(leaf).composite {
        let Alternative::Tuple { owner, path, parts } = alternative else {
            continue;
        };
        if *owner == leaf.param && path.iter().any(|a| a.leaf == node.ty()) {
            any |= tuple(out, node, leaf, parts);
        }
    }
    any
}

fn tuple(out: &mut Collector<'_>, node: Node<'_>, leaf: &Leaf, parts: &[Part; 2]) -> bool {
    let mut values = parts.iter().map(|part| {
        out.aside(|out| {
            for (end, form, case) in ends_of(out, node, part) {
                let leaf = Leaf {
                    param: part.param,
                    form,
                    indexed: true,
                    role: Role::None,
                    listed: false,
                    of_name: false,
                    media: false,
                    case,
                    ..*leaf
                };
                match part.ty {
                    SearchType::Token => token::index(out, end, &leaf),
                    SearchType::Reference => reference::index(out, end, &leaf),
                    _ => quantity::index(out, end, &leaf),
                }
            }
        })
    });
    let (Some(first), Some(second)) = (values.next(), values.next()) else {
        return false;
    };
    let key = out.key();
    for a in &first.terms {
        for b in &second.terms {
            out.term_entry(TermEntry {
                term: key.tuple(leaf.param, &[a.term, b.term]),
                param: leaf.param,
                counted: a.counted && b.counted,
            });
        }
        for b in &second.quantities {
            out.quantity_entry(QuantityEntry {
                term: key.tuple(leaf.param, &[a.term, b.term]),
                in_tuple: true,
                ..*b
            });
        }
    }
    let ends = second.terms.len() + second.quantities.len();
    first.terms.len().min(ends) > 0
}

fn ends_of<'n>(out: &Collector<'_>, node: Node<'n>, part: &Part) -> Vec<(Node<'n>, Form, Case)> {
    let schema = out.schema();
    let mut found = Vec::new();
    for atom in &part.atoms {
        if let Some(form) = Form::of(schema, part.ty, atom.leaf) {
            let case = part.case.of_one(schema, part.ty, atom);
            let ends = ends(node, &atom.hops).into_iter();
            found.extend(ends.map(|end| (end, form, case)));
        }
    }
    found
}

/// `value$value`, each as its own parameter reads it.
pub(crate) fn ask(ask: &Ask<'_>, value: &str) -> Result<Filter, Failure> {
    if let Some(modifier) = ask.modifier {
        return Err(ask.bad_modifier(modifier, &["missing"]));
    }
    let values: Vec<&str> = split(value, b'$').collect();
    let mut any = Vec::new();
    for alternative in &ask.parameter.composite {
        let parts = match alternative {
            Alternative::Whole { parts, .. } => parts.as_slice(),
            Alternative::Tuple { parts, .. } => parts.as_slice(),
        };
        if parts.len() != values.len() || values.iter().any(|v| v.is_empty()) {
            let names: Vec<&str> = parts.iter().map(|p| &*p.code).collect();
            return Err(ask.bad(&format!("must be '{}'", names.join("$"))));
        }
        any.push(match alternative {
            Alternative::Whole { parts, within } => whole(ask, parts, within.as_deref(), &values)?,
            Alternative::Tuple { owner, parts, .. } => {
                together(ask, *owner, parts, [values[0], values[1]])?
            }
        });
    }
    Ok(match any.len() {
        1 => any.remove(0),
        _ => Filter::Or(any),
    })
}

/// The filter of one component.
pub(crate) fn component(ask: &Ask<'_>, part: &Part, value: &str) -> Result<Filter, Failure> {
    let parameter = ask
        .types
        .find(&part.code)
        .ok_or_else(|| ask.bad("has a component that is not served"))?;
    let ask = Ask { parameter, ..*ask };
    match part.ty {
        SearchType::Token => token::ask(&ask, value),
        SearchType::Reference => reference::ask(&ask, value),
        SearchType::Quantity => quantity::ask(&ask, value),
        SearchType::Number => number::ask(&ask, value),
        SearchType::Date => date::ask(&ask, value),
        SearchType::String => string::ask(&ask, value),
        _ => Err(ask.bad("cannot be part of a composite")),
    }
}

fn whole(
    ask: &Ask<'_>,
    parts: &[Part],
    within: Option<&[Atom]>,
    values: &[&str],
) -> Result<Filter, Failure> {
    let mut all = Vec::new();
    let mut numbers = Vec::new();
    for (part, value) in parts.iter().zip(values) {
        let filter = component(ask, part, value)?;
        if let (SearchType::Number, Filter::Quantity { test, .. }) = (part.ty, &filter) {
            numbers.push((part.atoms.clone(), *test));
        }
        all.push(filter);
    }
    if let Some(path) = within.filter(|_| numbers.len() > 1) {
        all.push(one_element(ask.code(), path.to_vec(), numbers));
    }
    Ok(Filter::And(all))
}

/// All of the numbers are of the same element.
fn one_element(code: &str, path: Vec<Atom>, numbers: Vec<(Vec<Atom>, NumberTest)>) -> Filter {
    let holds = move |element: Node<'_>| {
        numbers.iter().all(|(atoms, test)| {
            let values = atoms.iter().flat_map(|a| ends(element, &a.hops));
            values
                .filter_map(|n| n.value().and_then(number::read))
                .any(|v| crate::evaluate::number(*test, v, v))
        })
    };
    let test = move |node: Node<'_>| {
        path.iter()
            .any(|a| ends(node, &a.hops).into_iter().any(&holds))
    };
    Filter::Check(Check {
        name: code.to_owned(),
        test: Arc::new(test),
    })
}

fn together(
    ask: &Ask<'_>,
    owner: u16,
    parts: &[Part; 2],
    values: [&str; 2],
) -> Result<Filter, Failure> {
    let first = leaves(component(ask, &parts[0], values[0])?);
    let second = leaves(component(ask, &parts[1], values[1])?);
    let mut any = Vec::new();
    for a in &first {
        for b in &second {
            let end = match b {
                Filter::Quantity { term, test } => TupleEnd::Quantity {
                    unit: *term,
                    test: *test,
                },
                other => TupleEnd::Term(Box::new(other.clone())),
            };
            any.push(Filter::Tuple(Tuple {
                param: owner,
                first: Box::new(a.clone()),
                has_first: parts[0].is_whole,
                has_second: parts[1].is_whole && matches!(end, TupleEnd::Term(_)),
                second: end,
            }));
        }
    }
    Ok(match any.len() {
        0 => Filter::Nothing,
        1 => any.remove(0),
        _ => Filter::Or(any),
    })
}

/// What is left of an `Or` of terms, forms and quantities.
fn leaves(filter: Filter) -> Vec<Filter> {
    match filter {
        Filter::Or(list) => list.into_iter().flat_map(leaves).collect(),
        Filter::AnyTerm(_) | Filter::AnyForm(_) | Filter::Quantity { .. } => vec![filter],
        _ => Vec::new(),
    }
}
