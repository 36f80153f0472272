//! `_text` and `_content`: words of the narrative, or of the whole resource. <https://hl7.org/fhir/R4/search.html#content>
//!
//! Words are asked for by their beginning. All must be there; `OR` separates alternatives, `NOT` excludes, brackets keep
//! together, quotes and what is no letter and no digit keep words side by side. What the server sets (id, version, time) is no content.

use super::string::fold;
use serde_json::Value;

pub fn matches(body: &Value, everything: bool, value: &str) -> bool {
    let texts = match everything {
        true => contents(body),
        false => body["text"]["div"]
            .as_str()
            .map(shown)
            .into_iter()
            .collect(),
    };
    let texts: Vec<Vec<String>> = texts.iter().map(|text| words(text)).collect();
    let pieces = pieces(value);
    alternatives(&mut pieces.iter().map(String::as_str), &texts)
}

/// Whether one of the alternatives holds, up to the bracket that closes.
fn alternatives(pieces: &mut dyn Iterator<Item = &str>, texts: &[Vec<String>]) -> bool {
    let (mut any, mut all, mut is_excluded) = (false, true, false);
    while let Some(piece) = pieces.next() {
        let holds = match piece.to_lowercase().as_str() {
            ")" => break,
            "or" => {
                any |= all;
                all = true;
                continue;
            }
            "not" => {
                is_excluded = true;
                continue;
            }
            "and" => continue,
            "(" => alternatives(pieces, texts),
            _ => {
                let wanted = words(piece.trim_matches('"'));
                texts.iter().any(|text| side_by_side(text, &wanted))
            }
        };
        all &= holds != is_excluded;
        is_excluded = false;
    }
    any | all
}

/// What stands between spaces and brackets, or in quotes; and the brackets.
fn pieces(value: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut is_quoted = false;
    for c in value.chars() {
        match c {
            ' ' if !is_quoted => pieces.push(String::new()),
            '(' | ')' if !is_quoted => pieces.extend([c.to_string(), String::new()]),
            c => {
                is_quoted ^= c == '"';
                pieces.last_mut().expect("begun with one").push(c);
            }
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// The last by its beginning.
fn side_by_side(text: &[String], wanted: &[String]) -> bool {
    let Some((last, before)) = wanted.split_last() else {
        return false;
    };
    (0..text.len()).any(|at| {
        let here = text[at..].iter();
        let begins = here.zip(before).take_while(|(a, b)| a == b).count() == before.len();
        begins
            && text
                .get(at + before.len())
                .is_some_and(|word| word.starts_with(last))
    })
}

fn words(text: &str) -> Vec<String> {
    let text = fold(text);
    let words = text.split(|c: char| !c.is_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Every value but those of the server.
fn contents(body: &Value) -> Vec<String> {
    let mut body = body.clone();
    if let Some(body) = body.as_object_mut() {
        body.remove("id");
    }
    if let Some(meta) = body.get_mut("meta").and_then(Value::as_object_mut) {
        meta.remove("versionId");
        meta.remove("lastUpdated");
    }
    let mut texts = Vec::new();
    gather(&body, &mut texts);
    texts
}

fn gather(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match (name.as_str(), value) {
                    ("resourceType", _) => {}
                    ("div", Value::String(div)) => texts.push(shown(div)),
                    (_, value) => gather(value, texts),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, texts)),
        Value::String(text) => texts.push(text.clone()),
        Value::Null => {}
        plain => texts.push(plain.to_string()),
    }
}

/// Of the markup that is generated: paragraphs set apart, bold letters do not.
fn shown(div: &str) -> String {
    let mut out = String::new();
    for (at, part) in div.split('<').enumerate() {
        let (tag, text) = match at {
            0 => ("", part),
            _ => part.split_once('>').unwrap_or(("", part)),
        };
        if !["", "b", "/b"].contains(&tag) {
            out.push(' ');
        }
        out.push_str(text);
    }
    out
}
