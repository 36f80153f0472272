//! Quantity parameters. <https://hl7.org/fhir/R4/search.html#quantity>
//!
//! Rows of one Quantity: any unit, as written; coded unit, in the canonical form of UCUM where it is one (1 g finds 1000 mg);
//! and its code when the system is not UCUM, its text when that differs from the code. So a plain UCUM quantity costs two rows.

use super::number::{read, test, test_as};
use super::string::any;
use super::{Ask, Form, prefix};
use crate::entries::{Term, TermKey};
use crate::escape::{split_once, unescape};
use crate::extract::Collector;
use crate::plan::Filter;
use crate::registry::Leaf;
use ward_fhir::{Failure, Node};
use ward_fhirpath::ucum::Canonical;

/// Modifiers answered now, beside `:missing`.
pub(crate) const MODIFIERS: &[&str] = &[];

const UCUM: &str = "http://unitsofmeasure.org";
const CURRENCY: &str = "urn:iso:std:iso:4217";

pub(crate) fn index(out: &mut Collector<'_>, node: Node<'_>, leaf: &Leaf) {
    let value = |read: Read<'_>| value(node, leaf.form, read);
    store(out, leaf, value, Unit::of_form(node, leaf.form));
}

/// What it is ordered by: in the base units of what it measures where its unit is one of UCUM (1 g comes after 100 mg), else
/// the number as written.
pub(crate) fn in_base_units(node: Node<'_>, form: Form) -> Option<(f64, f64)> {
    let unit = Unit::of_form(node, form);
    let code = unit.code.filter(|_| unit.system == Some(UCUM));
    let scaled = code.and_then(|code| {
        let canonical = Canonical::of(code)?;
        value(node, form, &|text| canonical.scale(text))
    });
    scaled.or_else(|| value(node, form, &read))
}

fn value(node: Node<'_>, form: Form, read: Read<'_>) -> Option<(f64, f64)> {
    match form {
        Form::Number => node.value().and_then(read).map(|v| (v, v)),
        Form::Money => node.text("value").and_then(read).map(|v| (v, v)),
        Form::Range => range(node, read),
        Form::Samples => samples(node, read),
        _ => simple(node, read),
    }
}

/// Reads a number: as written, or in other units.
type Read<'r> = &'r dyn Fn(&str) -> Option<f64>;

#[derive(Clone, Copy, Default)]
struct Unit<'a> {
    system: Option<&'a str>,
    code: Option<&'a str>,
    text: Option<&'a str>,
}

impl<'a> Unit<'a> {
    fn of_form(node: Node<'a>, form: Form) -> Self {
        let of = match form {
            Form::Number => None,
            Form::Money => {
                return Unit {
                    system: Some(CURRENCY),
                    code: node.text("currency"),
                    text: None,
                };
            }
            Form::Range => node.get("low").or(node.get("high")),
            Form::Samples => node.get("origin"),
            _ => Some(node),
        };
        of.map(Unit::of).unwrap_or_default()
    }

    fn of(node: Node<'a>) -> Self {
        Self {
            system: node.text("system"),
            code: node.text("code"),
            text: node.text("unit"),
        }
    }
}

/// A value with a comparator is open on one side.
fn simple(node: Node<'_>, read: Read<'_>) -> Option<(f64, f64)> {
    let value = node.text("value").and_then(read)?;
    Some(match node.text("comparator") {
        Some("<") => (f64::NEG_INFINITY, value.next_down()),
        Some("<=") => (f64::NEG_INFINITY, value),
        Some(">") => (value.next_up(), f64::INFINITY),
        Some(">=") => (value, f64::INFINITY),
        _ => (value, value),
    })
}

/// A missing end is open.
fn range(node: Node<'_>, read: Read<'_>) -> Option<(f64, f64)> {
    let end = |name| node.get(name).and_then(|n| n.text("value")).and_then(read);
    match (end("low"), end("high")) {
        (None, None) => None,
        (low, high) => Some((
            low.unwrap_or(f64::NEG_INFINITY),
            high.unwrap_or(f64::INFINITY),
        )),
    }
}

/// From the lower to the upper limit of detection, in the unit of the origin.
fn samples(node: Node<'_>, read: Read<'_>) -> Option<(f64, f64)> {
    let limit = |name| node.text(name).and_then(read);
    node.get("origin")?;
    limit("lowerLimit").zip(limit("upperLimit"))
}

fn store(
    out: &mut Collector<'_>,
    leaf: &Leaf,
    value: impl Fn(Read<'_>) -> Option<(f64, f64)>,
    unit: Unit<'_>,
) {
    let Some((low, high)) = value(&read) else {
        return;
    };
    let key = out.key();
    out.value(leaf, if low.is_finite() { low } else { high });
    out.quantity(leaf, key.number(leaf.param), low, high);
    if let (Some(system), Some(code)) = (unit.system, unit.code) {
        let (term, scale) = coded(key, leaf.param, system, code);
        let scaled = scale.and_then(|c| value(&|text| c.scale(text)));
        let (low, high) = scaled.unwrap_or((low, high));
        out.quantity(leaf, term, low, high);
    }
    let code = unit.code.filter(|_| unit.system != Some(UCUM));
    let text = unit.text.filter(|t| Some(*t) != unit.code);
    for name in [code, text].into_iter().flatten() {
        out.quantity(leaf, key.unit_text(leaf.param, name), low, high);
    }
}

/// The term of a coded unit, and how its numbers become canonical.
fn coded(key: &TermKey, param: u16, system: &str, code: &str) -> (Term, Option<Canonical>) {
    match Canonical::of(code).filter(|_| system == UCUM) {
        Some(canonical) => (key.unit(param, system, &canonical.unit()), Some(canonical)),
        None => (key.unit(param, system, code), None),
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
    // A system alone is no unit, and no unit has an unescaped bar.
    let is_unit = |(system, code): (&str, &str)| {
        (system.is_empty() || !code.is_empty()) && split_once(code, b'|').is_none()
    };
    if !unit.is_none_or(is_unit) {
        return Err(bad());
    }
    let (prefix, text) = prefix(number);
    let plain = test(prefix, text).ok_or_else(bad)?;
    let in_unit = |param: u16, system: &str, code: &str| {
        let (term, scale) = coded(ask.key, param, system, code);
        let scaled = scale.and_then(|c| test_as(prefix, text, &|t| c.scale(t)));
        Filter::Quantity {
            term,
            test: scaled.unwrap_or(plain),
        }
    };
    Ok(any(&ask.parameter.owners, |owner| match unit {
        None | Some(("", "")) => Filter::Quantity {
            term: ask.key.number(owner.param),
            test: plain,
        },
        Some(("", code)) => {
            let code = unescape(code);
            let by_text = Filter::Quantity {
                term: ask.key.unit_text(owner.param, &code),
                test: plain,
            };
            Filter::Or(vec![in_unit(owner.param, UCUM, &code), by_text])
        }
        Some((system, code)) => in_unit(owner.param, &unescape(system), &unescape(code)),
    }))
}
