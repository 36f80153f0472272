//! The order of matches. <https://hl7.org/fhir/R4/search.html#sort>
//!
//! Several values: the least counts ascending, the greatest descending. None: last either way. Equal: the latest made first.

use super::parameters::{Kind, find};
use super::string::{fold, texts};
use super::{Stored, date, number, walk};
use crate::generate::SORT_CHARS;
use serde_json::Value;
use std::cmp::Ordering;

pub fn sort(found: &mut [&Stored], keys: &str) {
    let keys: Vec<&str> = keys.split(',').filter(|k| !k.is_empty()).collect();
    found.sort_by(|a, b| {
        let by_key = keys.iter().map(|key| by(key, a, b));
        let first = by_key.into_iter().find(|order| order.is_ne());
        let natural = if keys.is_empty() {
            b.natural_us.cmp(&a.natural_us)
        } else {
            Ordering::Equal
        };
        first.unwrap_or(natural).then(b.made.cmp(&a.made))
    });
}

/// What a resource is ordered by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(i128),
    Text(String),
}

fn by(key: &str, a: &Stored, b: &Stored) -> Ordering {
    let (code, descending) = match key.strip_prefix('-') {
        Some(code) => (code, true),
        None => (key, false),
    };
    match (value(a, code, descending), value(b, code, descending)) {
        (Some(a), Some(b)) if descending => b.cmp(&a),
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

fn value(stored: &Stored, code: &str, descending: bool) -> Option<Key> {
    match code {
        "_lastUpdated" => return Some(Key::Number(stored.updated_us.into())),
        // Departs as Ward does: by when the id was made.
        "_id" => return Some(Key::Number(stored.made.into())),
        _ => {}
    }
    let parameter = find(stored.ty(), code)?;
    let ends = parameter
        .paths
        .iter()
        .flat_map(|p| walk::elements(&stored.body, p));
    if parameter.kind == Kind::Truth {
        let mut ends = ends;
        let is_true = ends.any(|end| *end != Value::Bool(false));
        return Some(Key::Text(is_true.to_string()));
    }
    let keys = ends.flat_map(|end| keys(parameter.kind, end, descending));
    if descending { keys.max() } else { keys.min() }
}

fn keys(kind: Kind, end: &Value, descending: bool) -> Vec<Key> {
    let text = |v: &Value| v.as_str().map(|t| Key::Text(t.to_owned()));
    let one = match kind {
        Kind::Date => date::range(end)
            .map(|(low, high)| Key::Number(if descending { high } else { low }.into())),
        Kind::Number | Kind::Quantity => {
            let reach = match kind {
                Kind::Number => number::reach(end, 1_000),
                _ => number::in_base_units(end),
            };
            reach.map(|(low, high)| Key::Number(if descending { high } else { low }))
        }
        // Departs as Ward does: by how it begins.
        Kind::String => {
            let start = |t: &&str| fold(t).chars().take(SORT_CHARS).collect();
            return texts(end).iter().map(start).map(Key::Text).collect();
        }
        Kind::Token => match end {
            Value::Bool(truth) => Some(Key::Text(truth.to_string())),
            Value::String(_) => text(end),
            // The first code of a concept, or its text; the value of an identifier.
            _ => {
                let codings = end.get("coding").map(walk::flat).unwrap_or_default();
                let coded = codings.iter().find_map(|c| text(&c["code"]));
                coded
                    .or_else(|| text(&end["code"]))
                    .or_else(|| text(&end["text"]))
                    .or_else(|| text(&end["value"]))
            }
        },
        Kind::Contact => text(&end["value"]),
        Kind::Reference => text(&end["reference"]),
        Kind::Inline => text(&end["id"]),
        Kind::Uri | Kind::Canonical | Kind::Caseless | Kind::Media => text(end),
        Kind::Composite | Kind::Truth | Kind::Position => None,
    };
    one.into_iter().collect()
}

/// What orders a resource without `_sort`: the beginning of its clinical date, or where that is open its end.
pub fn clinical_date(body: &Value) -> Option<i64> {
    let ty = body["resourceType"].as_str()?;
    let code = CLINICAL.iter().find(|row| row.0 == ty)?.1;
    let paths = find(ty, code)?.paths.iter();
    let mut ranges = paths
        .flat_map(|p| walk::elements(body, p))
        .filter_map(date::range);
    let (low, high) = ranges.next()?;
    Some(if low == i64::MIN { high } else { low })
}

const CLINICAL: &[(&str, &str)] = &[
    ("Patient", "birthdate"),
    ("Encounter", "date"),
    ("Observation", "date"),
    ("Condition", "onset-date"),
    ("MedicationRequest", "authoredon"),
    ("ServiceRequest", "authored"),
    ("DiagnosticReport", "date"),
    ("RiskAssessment", "date"),
    ("ChargeItem", "occurrence"),
    ("DocumentReference", "date"),
    ("List", "date"),
];
