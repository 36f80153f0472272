//! Quantity parameters. <https://hl7.org/fhir/R4/search.html#quantity>
//!
//! Rows of one Quantity: any unit; coded unit (`system|code`); and its code when the system is not UCUM, its text when that
//! differs from the code. So a plain UCUM quantity costs two rows. Units are compared as written: 1 g does not find 1000 mg yet.

use super::number::{read, test};
use super::string::any;
use super::{Ask, Form, prefix};
use crate::escape::{split_once, unescape};
use crate::extract::Collector;
use crate::plan::Filter;
use crate::registry::Leaf;
use ward_fhir::{Failure, Node};

/// Modifiers answered now, beside `:missing`.
pub(crate) const MODIFIERS: &[&str] = &[];

const UCUM: &str = "http://unitsofmeasure.org";
const CURRENCY: &str = "urn:iso:std:iso:4217";

pub(crate) fn index(out: &mut Collector<'_>, node: Node<'_>, leaf: &Leaf) {
    match leaf.form {
        Form::Money => {
            let range = node.text("value").and_then(read).map(|v| (v, v));
            store(
                out,
                leaf,
                range,
                Unit {
                    system: Some(CURRENCY),
                    code: node.text("currency"),
                    text: None,
                },
            );
        }
        Form::Range => range(out, node, leaf),
        Form::Samples => samples(out, node, leaf),
        _ => store(out, leaf, simple(node), Unit::of(node)),
    }
}

#[derive(Clone, Copy)]
struct Unit<'a> {
    system: Option<&'a str>,
    code: Option<&'a str>,
    text: Option<&'a str>,
}

impl<'a> Unit<'a> {
    fn of(node: Node<'a>) -> Self {
        Self {
            system: node.text("system"),
            code: node.text("code"),
            text: node.text("unit"),
        }
    }
}

/// A value with a comparator is open on one side.
fn simple(node: Node<'_>) -> Option<(f64, f64)> {
    let value = node.text("value").and_then(read)?;
    Some(match node.text("comparator") {
        Some("<") => (f64::NEG_INFINITY, value.next_down()),
        Some("<=") => (f64::NEG_INFINITY, value),
        Some(">") => (value.next_up(), f64::INFINITY),
        Some(">=") => (value, f64::INFINITY),
        _ => (value, value),
    })
}

fn range(out: &mut Collector<'_>, node: Node<'_>, leaf: &Leaf) {
    let (low, high) = (node.get("low"), node.get("high"));
    let end = |n: Option<Node<'_>>| n.and_then(|n| n.text("value")).and_then(read);
    let (from, to) = (end(low), end(high));
    if from.is_none() && to.is_none() {
        return;
    }
    let ends = (
        from.unwrap_or(f64::NEG_INFINITY),
        to.unwrap_or(f64::INFINITY),
    );
    let unit = low.or(high).map_or(
        Unit {
            system: None,
            code: None,
            text: None,
        },
        Unit::of,
    );
    store(out, leaf, Some(ends), unit);
}

/// From the lower to the upper limit of detection, in the unit of the origin.
fn samples(out: &mut Collector<'_>, node: Node<'_>, leaf: &Leaf) {
    let limits = node
        .text("lowerLimit")
        .and_then(read)
        .zip(node.text("upperLimit").and_then(read));
    if let (Some(limits), Some(origin)) = (limits, node.get("origin")) {
        store(out, leaf, Some(limits), Unit::of(origin));
    }
}

fn store(out: &mut Collector<'_>, leaf: &Leaf, range: Option<(f64, f64)>, unit: Unit<'_>) {
    let Some((low, high)) = range else { return };
    let key = out.key();
    out.value(leaf, if low.is_finite() { low } else { high });
    let term = key.number(leaf.param);
    out.quantity(leaf, term, low, high);
    if let (Some(system), Some(code)) = (unit.system, unit.code) {
        out.quantity(leaf, key.unit(leaf.param, system, code), low, high);
    }
    let code = unit.code.filter(|_| unit.system != Some(UCUM));
    let text = unit.text.filter(|t| Some(*t) != unit.code);
    for name in [code, text].into_iter().flatten() {
        out.quantity(leaf, key.unit_text(leaf.param, name), low, high);
    }
}

/// `[prefix]number`, `[prefix]number|system|code`, `[prefix]number||code`
pub(crate) fn ask(ask: &Ask<'_>, value: &str) -> Result<Filter, Failure> {
    if let Some(modifier) = ask.modifier {
        return Err(ask.bad_modifier(modifier, &["missing"]));
    }
    let bad = || {
        ask.bad("must be 'number', 'number|system|code' or 'number||code', optionally after a prefix such as 'ge'")
    };
    let (number, unit) = match split_once(value, b'|') {
        None => (value, None),
        Some((number, rest)) => (number, Some(split_once(rest, b'|').ok_or_else(bad)?)),
    };
    let (prefix, text) = prefix(number);
    let test = test(prefix, text).ok_or_else(bad)?;
    Ok(any(&ask.parameter.owners, |owner| match unit {
        None | Some(("", "")) => Filter::Quantity {
            term: ask.key.number(owner.param),
            test,
        },
        Some(("", code)) => {
            let code = unescape(code);
            let terms = [
                ask.key.unit(owner.param, UCUM, &code),
                ask.key.unit_text(owner.param, &code),
            ];
            Filter::Or(terms.map(|term| Filter::Quantity { term, test }).into())
        }
        Some((system, code)) => Filter::Quantity {
            term: ask
                .key
                .unit(owner.param, &unescape(system), &unescape(code)),
            test,
        },
    }))
}
