//! Strings: case, accents and surplus space do not count. <https://hl7.org/fhir/R4/search.html#string>

use super::criterion::plain;
use super::walk::flat;
use serde_json::Value;

pub fn starts(element: &Value, value: &str) -> bool {
    let wanted = fold(&plain(value));
    texts(element).iter().any(|t| fold(t).starts_with(&wanted))
}

/// A name of a person: as a whole, or any part of it after a space or hyphen.
pub fn starts_a_part(element: &Value, value: &str) -> bool {
    text(element, value)
}

pub fn contains(element: &Value, value: &str) -> bool {
    let wanted = fold(&plain(value));
    texts(element).iter().any(|t| fold(t).contains(&wanted))
}

/// `:text`: it begins with it, or a word after a space or hyphen does.
pub fn text(element: &Value, value: &str) -> bool {
    let wanted = fold(&plain(value));
    let begins = |text: &str| {
        let mut found = text.match_indices(&wanted);
        found.any(|(at, _)| at == 0 || text[..at].ends_with([' ', '-']))
    };
    texts(element).iter().any(|t| begins(&fold(t)))
}

pub fn exact(element: &Value, value: &str) -> bool {
    texts(element).contains(&plain(value).as_str())
}

/// The element's text, or those of the parts of a name or an address.
pub fn texts(element: &Value) -> Vec<&str> {
    const PARTS: [&str; 11] = [
        "text",
        "family",
        "given",
        "prefix",
        "suffix",
        "line",
        "city",
        "district",
        "state",
        "postalCode",
        "country",
    ];
    match element {
        Value::String(text) => vec![text],
        Value::Object(_) => {
            let parts = PARTS.iter().filter_map(|part| element.get(part));
            parts.flat_map(flat).filter_map(Value::as_str).collect()
        }
        _ => Vec::new(),
    }
}

/// The letters with marks that the generated data uses.
pub fn fold(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        for c in word.chars().flat_map(char::to_lowercase) {
            match c {
                'ä' | 'å' | 'á' => out.push('a'),
                'ö' | 'ø' => out.push('o'),
                'ü' => out.push('u'),
                'é' => out.push('e'),
                'ß' => out.push_str("ss"),
                c => out.push(c),
            }
        }
    }
    out
}
