//! Uris, compared as they are written; canonicals also without their version, also where they are references. <https://hl7.org/fhir/R4/search.html#uri>

use serde_json::Value;

pub fn matches(element: &Value, value: &str) -> bool {
    element == value || element.as_str().and_then(|t| t.split('|').next()) == Some(value)
}

/// `url|version` of a resource that has both. A version is a string, so its case does not count.
pub fn version(body: &Value, value: &str) -> bool {
    let Some((url, version)) = value.split_once('|') else {
        return false;
    };
    let own = body["version"].as_str().unwrap_or_default();
    body["url"] == url && !version.is_empty() && own.to_lowercase() == version.to_lowercase()
}

/// A canonical of the URL: in any version, or in the one that is named.
pub fn canonical(element: &Value, value: &str) -> bool {
    let own = element.as_str().unwrap_or_default();
    own == value || own.split('|').next() == Some(value)
}

/// `url|1.2` is above `url|1.2.3` and `url|1.2-draft`; without a version it is as for any uri.
pub fn below_canonical(element: &Value, value: &str) -> bool {
    let own = element.as_str().unwrap_or_default();
    match value.contains('|') {
        false => own.starts_with(value),
        true => {
            let rest = own.strip_prefix(value);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
        }
    }
}

pub fn below(element: &Value, value: &str) -> bool {
    element.as_str().is_some_and(|text| text.starts_with(value))
}

/// A canonical also without its version.
pub fn above(element: &Value, value: &str) -> bool {
    let own = element.as_str().unwrap_or_default();
    let url = own.split('|').next().unwrap_or(own);
    element.is_string() && (value.starts_with(own) || value.starts_with(url))
}
