//! Elements of a resource by path: `name.family`, `telecom[phone]`, `subject>Patient`. Lists are walked through.

use super::{Kind, contained, reference};
use serde_json::Value;

/// Every element at the path.
/// `name[x]`: only those whose `system` is `x`; `name>Type`: only references to that type (`where(resolve() is Type)`).
pub fn elements<'v>(body: &'v Value, path: &str) -> Vec<&'v Value> {
    let (path, target) = match path.split_once('>') {
        Some((path, target)) => (path, Some(target)),
        None => (path, None),
    };
    let mut here = vec![body];
    for step in path.split('.') {
        let (name, system) = match step.split_once('[') {
            Some((name, rest)) => (name, Some(rest.trim_end_matches(']'))),
            None => (step, None),
        };
        let below = here.into_iter().filter_map(|v| v.get(name));
        here = below.flat_map(flat).collect();
        here.retain(|v| system.is_none_or(|s| v["system"] == s));
    }
    here.retain(|v| {
        let inside = || contained::type_of(body, v["reference"].as_str()?);
        target.is_none_or(|t| inside().or_else(|| reference::type_of(v)) == Some(t))
    });
    here
}

/// Whether an element is more than its extensions. A contact point and a quantity are there with their value.
pub fn has_value(element: &Value, kind: Kind) -> bool {
    match (element, kind) {
        (Value::Object(_), Kind::Contact) => element.get("value").is_some(),
        (Value::Object(members), Kind::Quantity) if !is_wide(members) => {
            members.contains_key("value")
        }
        (Value::Object(members), _) => members
            .iter()
            .filter(|(name, _)| *name != "extension" && *name != "id" && !name.starts_with('_'))
            .any(|(_, member)| has_value(member, Kind::Token)),
        (Value::Array(list), _) => list.iter().any(|member| has_value(member, Kind::Token)),
        (value, _) => !value.is_null(),
    }
}

/// A Range or SampledData, which are there with any of their elements.
fn is_wide(members: &serde_json::Map<String, Value>) -> bool {
    ["low", "high", "origin"]
        .iter()
        .any(|name| members.contains_key(*name))
}

pub fn flat(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    }
}
