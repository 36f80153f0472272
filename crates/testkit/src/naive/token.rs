//! Tokens: `code`, `system|code`, `|code`, `system|`. <https://hl7.org/fhir/R4/search.html#token>

use super::criterion::{plain, split};
use super::string::fold;
use super::walk::flat;
use serde_json::Value;

/// `element`: a code, boolean, Coding, CodeableConcept or Identifier. `implied`: the system of a plain code.
pub fn matches(element: &Value, value: &str, implied: &str) -> bool {
    let mut pairs = Vec::new();
    match element {
        Value::String(code) => pairs.push((implied, code.as_str())),
        Value::Bool(truth) => pairs.push(("", if *truth { "true" } else { "false" })),
        Value::Object(_) => {
            let codings = element.get("coding").map(flat);
            for pair in codings.unwrap_or_else(|| vec![element]) {
                let code = pair.get("code").or(pair.get("value"));
                let code = code.and_then(Value::as_str);
                let system = pair.get("system").and_then(Value::as_str);
                if system.is_some() || code.is_some() {
                    pairs.push((system.unwrap_or_default(), code.unwrap_or_default()));
                }
            }
        }
        _ => {}
    }
    let parts: Vec<String> = split(value, '|').into_iter().map(plain).collect();
    let is_code = matches!(element, Value::String(_) | Value::Bool(_));
    let is_identifier = element.get("value").is_some();
    let same = |system: &str, code: &str, wanted: &str| match is_identifier || !is_exact(system) {
        true => same_letters(code, wanted),
        false => code == wanted,
    };
    pairs.iter().any(|(system, code)| match parts.as_slice() {
        [wanted] => same(system, code, wanted) && !code.is_empty(),
        [wanted, rest] if rest.is_empty() => system == wanted,
        // A plain code has no system of its own: `|code` finds it too.
        [none, wanted] if none.is_empty() => {
            same(system, code, wanted) && (system.is_empty() || is_code)
        }
        [wanted, rest] => system == wanted && same(system, code, rest),
        _ => false,
    })
}

/// Whether case counts in the codes of a system. By hand from the definitions: those of FHIR and of HL7 version 3 say so, those of
/// version 2 say nothing, and UCUM is the example of the specification.
fn is_exact(system: &str) -> bool {
    let is_of_hl7 = system.starts_with("http://hl7.org/fhir/")
        || system.starts_with("http://terminology.hl7.org/CodeSystem/");
    let is_of_version_2 = system.starts_with("http://terminology.hl7.org/CodeSystem/v2-");
    is_of_hl7 && !is_of_version_2 || system == "http://unitsofmeasure.org"
}

/// Whatever their case.
fn same_letters(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

/// `:text`: the text begins with it, or a word of it does: displays and texts of codes, the type's text of identifiers.
pub fn text(element: &Value, value: &str) -> bool {
    let wanted = fold(&plain(value));
    let mut texts: Vec<&Value> = vec![
        &element["text"],
        &element["display"],
        &element["type"]["text"],
    ];
    texts.extend(
        element
            .get("coding")
            .map(flat)
            .unwrap_or_default()
            .iter()
            .map(|c| &c["display"]),
    );
    texts.iter().filter_map(|t| t.as_str()).any(|text| {
        let text = fold(text);
        let starts = text.match_indices(&wanted);
        let mut starts = starts.map(|(at, _)| text[..at].chars().next_back());
        starts.any(|before| before.is_none_or(|c| !c.is_alphanumeric()))
    })
}

/// A ContactPoint: its value, or `system|value` with the code of its system, either of which may be left out.
pub fn contact(element: &Value, value: &str) -> bool {
    let own = |name: &str| element[name].as_str().unwrap_or_default();
    let parts: Vec<String> = split(value, '|').into_iter().map(plain).collect();
    match parts.as_slice() {
        [value] => same_letters(own("value"), value),
        [system, value] => {
            let is_asked = value.is_empty() || same_letters(own("value"), value);
            own("system") == system && is_asked
        }
        _ => false,
    }
}

/// A string as a token: its case does not count.
pub fn caseless(element: &Value, value: &str) -> bool {
    let own = element.as_str().unwrap_or_default();
    match split(value, '|').as_slice() {
        [wanted] | ["", wanted] => same_letters(own, &plain(wanted)),
        _ => false,
    }
}

/// `:below` of a media type: of each of its parameters, or of each type of its kind. Case and spaces do not count.
pub fn media_below(element: &Value, value: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().replace(' ', "");
    let (own, wanted) = (plain(element.as_str().unwrap_or_default()), plain(value));
    let rest = own.strip_prefix(&wanted);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([';', '/']))
}

/// `:of-type`: `system|code|value` of an Identifier.
pub fn of_type(element: &Value, value: &str) -> bool {
    let parts = split(value, '|');
    let [system, code, value] = parts.as_slice() else {
        return false;
    };
    let types = element["type"].get("coding").map(flat).unwrap_or_default();
    let own = element["value"].as_str();
    own.is_some_and(|own| same_letters(own, value))
        && types
            .iter()
            .any(|t| t["system"] == *system && is_code(t, system, code))
}

fn is_code(coding: &Value, system: &str, wanted: &str) -> bool {
    let own = coding["code"].as_str();
    own.is_some_and(|own| match is_exact(system) {
        true => own == wanted,
        false => same_letters(own, wanted),
    })
}
