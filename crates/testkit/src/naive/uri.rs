//! Uris, compared as they are written; canonicals also without their version. <https://hl7.org/fhir/R4/search.html#uri>

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

pub fn below(element: &Value, value: &str) -> bool {
    element.as_str().is_some_and(|text| text.starts_with(value))
}

pub fn above(element: &Value, value: &str) -> bool {
    element.as_str().is_some_and(|text| value.starts_with(text))
}
