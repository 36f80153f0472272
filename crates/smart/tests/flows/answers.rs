//! What an answer of the authorization server holds.

use crate::house::*;
use serde_json::Value;
use std::collections::BTreeMap;
use ward_smart::{Answer, Page};

/// The body of an answer with status 200.
pub fn ok(answer: Answer) -> Value {
    assert_eq!(answer.status(), 200, "{answer:?}");
    json_of(answer)
}

/// Status and `error` of a refusal; nothing else is in it but the description (S51).
pub fn refused(answer: Answer) -> (u16, String) {
    let status = answer.status();
    assert!(status >= 400, "{answer:?}");
    let body = json_of(answer);
    assert!(body["error_description"].is_string(), "{body}");
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    (status, body["error"].as_str().unwrap().to_owned())
}

pub fn json_of(answer: Answer) -> Value {
    match answer {
        Answer::Json { body, .. } => serde_json::from_str(&body).unwrap(),
        other => panic!("no JSON: {other:?}"),
    }
}

pub fn header(answer: &Answer, name: &str) -> Option<String> {
    match answer {
        Answer::Json { headers, .. } => headers
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, v)| v.clone()),
        _ => None,
    }
}

pub fn shown(answer: Answer) -> Page {
    match answer {
        Answer::Page { page, .. } => *page,
        other => panic!("no page: {other:?}"),
    }
}

/// The parameters that the client gets at its redirect URI.
pub fn returned(answer: &Answer) -> BTreeMap<String, String> {
    let Answer::Redirect { to, .. } = answer else {
        panic!("no redirect: {answer:?}")
    };
    let query = to
        .strip_prefix(CALLBACK)
        .unwrap_or_else(|| panic!("not to the client: {to}"));
    pairs(query.trim_start_matches('?')).into_iter().collect()
}

pub fn code(answer: &Answer) -> String {
    returned(answer)
        .remove("code")
        .unwrap_or_else(|| panic!("no code: {answer:?}"))
}

/// `error` at the redirect URI, with the state that was sent and no code.
pub fn error(answer: &Answer) -> String {
    let mut parameters = returned(answer);
    assert!(!parameters.contains_key("code"));
    assert_eq!(parameters["iss"], ISSUER);
    parameters.remove("error").unwrap()
}

/// The claims of a token, unchecked.
pub fn claims(token: &Value) -> Value {
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&ward_seal::from_base64url(payload).unwrap()).unwrap()
}

pub fn pairs(query: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            let mut digit = || char::from(rest.next().unwrap()).to_digit(16).unwrap();
            bytes.push(match byte {
                b'%' => u8::try_from(digit() * 16 + digit()).unwrap(),
                b'+' => b' ',
                other => other,
            });
        }
        String::from_utf8(bytes).unwrap()
    };
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}
