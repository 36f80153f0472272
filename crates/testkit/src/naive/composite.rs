//! Composites: all parts in one element. <https://hl7.org/fhir/R4/search.html#combining>

use super::criterion::split;
use super::parameters::{Kind, Parameter};
use super::{date, number, reference, string, token, walk};
use serde_json::Value;

/// `value$value…` of the parts in their order.
pub fn matches(body: &Value, parameter: &Parameter, value: &str, now_us: i64) -> bool {
    let values = split(value, '$');
    let parts: Vec<&str> = parameter.more.split('$').collect();
    values.len() == parts.len()
        && places(body, parameter).into_iter().any(|place| {
            let mut pairs = parts.iter().zip(&values);
            pairs.all(|(part, value)| {
                let mut ends = ends(body, place, part).into_iter();
                ends.any(|(name, end)| holds(name, end, value, now_us))
            })
        })
}

/// Whether all parts are there, in some element.
pub fn is_present(body: &Value, parameter: &Parameter) -> bool {
    places(body, parameter).into_iter().any(|place| {
        parameter.more.split('$').all(|part| {
            let mut ends = ends(body, place, part).into_iter();
            ends.any(|(name, end)| walk::has_value(end, kind(name)))
        })
    })
}

fn places<'v>(body: &'v Value, parameter: &Parameter) -> Vec<&'v Value> {
    let each = parameter.paths.iter().flat_map(|path| match *path {
        "" => vec![body],
        path => walk::elements(body, path),
    });
    each.collect()
}

/// The elements of a part: one of several names, `/name` of the resource, `^name` of the resource alone where parts are read from it.
fn ends<'v, 'p>(body: &'v Value, place: &'v Value, part: &'p str) -> Vec<(&'p str, &'v Value)> {
    let each = part.split(',').flat_map(|name| {
        let found = match (name.strip_prefix('/'), name.strip_prefix('^')) {
            (Some(path), _) => walk::elements(body, path),
            (_, Some(path)) if std::ptr::eq(place, body) => walk::elements(body, path),
            (_, Some(_)) => Vec::new(),
            _ => walk::elements(place, name),
        };
        let name = name.trim_start_matches(['/', '^']);
        found.into_iter().map(move |end| (name, end))
    });
    each.collect()
}

fn holds(name: &str, end: &Value, value: &str, now_us: i64) -> bool {
    match kind(name) {
        Kind::Quantity => number::quantity(end, value),
        Kind::Number => number::matches(end, value),
        Kind::Date => date::range(end).is_some_and(|at| date::compare(value, at, now_us)),
        Kind::String => string::starts(end, value),
        Kind::Reference => reference::matches(end, value, "", "DocumentReference"),
        _ => token::matches(end, value, ""),
    }
}

fn kind(name: &str) -> Kind {
    match name {
        "valueQuantity" | "valueRange" | "valueSampledData" => Kind::Quantity,
        "start" | "end" | "windowStart" | "windowEnd" => Kind::Number,
        "valueDateTime" | "valuePeriod" => Kind::Date,
        "valueString" | "valueCodeableConcept.text" => Kind::String,
        "target" => Kind::Reference,
        _ => Kind::Token,
    }
}
