//! Values that searches ask for: read from the server before the clock starts, so that they hit, and one of each kind
//! that never does.

use std::collections::BTreeMap;

use serde_json::Value;
use ward_hospital::Rng;

use crate::client::Client;

/// Resources of each type that are looked at.
const HARVEST_PER_TYPE: usize = 2_000;
/// Entries of one page of the harvest.
const PAGE: usize = 500;
/// Values of one pool.
const POOL_MAX: usize = 500;
/// Pages that `{deep}` lies behind the first.
const DEEP_PAGES: usize = 49;
/// Searches whose page 50 is walked to.
pub const DEEP_STARTS: [&str; 2] = [
    "Observation?category=laboratory&_count=20",
    "Observation?category=vital-signs&_count=20",
];

/// By the word that stands for them.
pub struct Pools {
    values: BTreeMap<&'static str, Vec<String>>,
}

/// Word, type, path to its values: `[]` goes through a list, `system|code` joins the two of a coding.
const SOURCES: &[(&str, &str, &[&str])] = &[
    ("patient", "Patient", &["id"]),
    ("family", "Patient", &["name", "family"]),
    ("given", "Patient", &["name", "given"]),
    ("city", "Patient", &["address", "city"]),
    ("birthdate", "Patient", &["birthDate"]),
    ("organization", "Organization", &["name"]),
    ("practitioner", "Practitioner", &["id"]),
    ("location", "Location", &["id"]),
    ("encounter", "Encounter", &["id"]),
    ("class", "Encounter", &["class", "code"]),
    ("code", "Observation", &["code", "coding", CODING]),
    ("bare", "Observation", &["code", "coding", "code"]),
    ("category", "Observation", &["category", "coding", "code"]),
    ("date", "Observation", &["effectiveDateTime"]),
    ("value", "Observation", &["valueQuantity", "value"]),
    (
        "pressure",
        "Observation",
        &["component", "valueQuantity", "value"],
    ),
    ("condition", "Condition", &["code", "coding", CODING]),
    ("procedure", "Procedure", &["code", "coding", CODING]),
];
const CODING: &str = "system|code";

impl Pools {
    /// An error names what the server does not hold: without it nothing that is measured would mean anything.
    pub async fn harvest(client: &mut Client, words: &[String]) -> Result<Pools, String> {
        let mut values: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
        values.insert(
            "prefix",
            list(&["", "eq", "lt", "gt", "ge", "le", "sa", "eb"]),
        );
        values.insert("compare", list(&["", "lt", "gt", "ge", "le", "ne"]));
        let wanted = |word: &str| words.iter().any(|w| w == word);
        let mut types: Vec<&str> = SOURCES
            .iter()
            .filter(|s| wanted(s.0))
            .map(|s| s.1)
            .collect();
        types.dedup();
        for ty in types {
            let resources = resources(client, ty).await?;
            for (word, _, path) in SOURCES.iter().filter(|s| s.1 == ty && wanted(s.0)) {
                let mut found = Vec::new();
                resources.iter().for_each(|r| gather(r, path, &mut found));
                values.insert(word, thinned(found));
            }
        }
        if wanted("deep") {
            values.insert("deep", deep(client).await?);
        }
        match words
            .iter()
            .find(|w| values.get(w.as_str()).is_none_or(Vec::is_empty))
        {
            Some(word) => Err(format!("the server holds nothing to ask for as {{{word}}}")),
            None => Ok(Pools { values }),
        }
    }

    /// The question with its words replaced, and whether one of them was a deliberate miss.
    pub fn fill(&self, question: &str, rng: &mut Rng, misses_percent: u64) -> (String, bool) {
        let (mut text, mut rest, mut missed) = (String::new(), question, false);
        while let Some((before, after)) = rest.split_once('{') {
            let Some((word, further)) = after.split_once('}') else {
                break;
            };
            text.push_str(before);
            match miss(word) {
                Some(value) if rng.below(100) < misses_percent => {
                    missed = true;
                    text.push_str(value);
                }
                _ => text.push_str(self.draw(word, rng)),
            }
            rest = further;
        }
        text.push_str(rest);
        (encoded(&text), missed)
    }

    /// All values of a word.
    pub fn all(&self, word: &str) -> &[String] {
        self.values.get(word).map_or(&[], Vec::as_slice)
    }

    fn draw(&self, word: &str, rng: &mut Rng) -> &str {
        let Some(values) = self.values.get(word).filter(|v| !v.is_empty()) else {
            return "";
        };
        &values[rng.below(values.len() as u64) as usize]
    }
}

/// The words of questions.
pub fn words<'a>(questions: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut words: Vec<String> = questions
        .flat_map(|q| q.split('{').skip(1))
        .filter_map(|part| Some(part.split_once('}')?.0.to_owned()))
        .collect();
    words.sort();
    words.dedup();
    words
}

/// What no resource has.
fn miss(word: &str) -> Option<&'static str> {
    Some(match word {
        "patient" | "encounter" | "practitioner" | "location" => "absent-0000",
        "family" | "given" | "city" | "organization" => "Qqxyzzy",
        "birthdate" => "2190-01-01",
        "date" => "2190-01-01T00:00:00Z",
        "code" | "condition" | "procedure" => "http://loinc.org|00000-0",
        "bare" => "00000-0",
        "category" | "class" => "no-such-category",
        "value" | "pressure" => "99999999",
        _ => return None,
    })
}

async fn resources(client: &mut Client, ty: &str) -> Result<Vec<Value>, String> {
    let mut found = Vec::new();
    let mut path = Some(format!("{ty}?_count={PAGE}"));
    while let Some(asked) = path.take().filter(|_| found.len() < HARVEST_PER_TYPE) {
        let bundle = bundle(client, &asked).await?;
        let entries = bundle["entry"].as_array().into_iter().flatten();
        found.extend(entries.map(|e| e["resource"].clone()));
        path = next(client, &bundle);
    }
    Ok(found)
}

async fn deep(client: &mut Client) -> Result<Vec<String>, String> {
    let mut pages = Vec::new();
    for start in DEEP_STARTS {
        let mut path = start.to_owned();
        for _ in 0..DEEP_PAGES {
            let bundle = bundle(client, &path).await?;
            path = next(client, &bundle).ok_or_else(|| format!("{start}: has no page 50"))?;
        }
        pages.push(path);
    }
    Ok(pages)
}

async fn bundle(client: &mut Client, path: &str) -> Result<Value, String> {
    let reply = client.get("harvest", path).await;
    let reply = reply.ok_or_else(|| format!("{path}: {:?}", client.record.failures))?;
    serde_json::from_slice(&reply.body).map_err(|e| format!("{path}: {e}"))
}

/// The next link below the base.
fn next(client: &Client, bundle: &Value) -> Option<String> {
    let links = bundle["link"].as_array()?;
    let link = links.iter().find(|l| l["relation"] == "next")?;
    client.below_base(link["url"].as_str()?)
}

fn gather(value: &Value, path: &[&str], out: &mut Vec<String>) {
    match (value, path) {
        (Value::Array(list), _) => list.iter().for_each(|v| gather(v, path, out)),
        (Value::String(text), []) => out.push(text.clone()),
        (Value::Number(number), []) => out.push(number.to_string()),
        (Value::Object(_), [CODING]) => {
            if let (Some(system), Some(code)) = (value["system"].as_str(), value["code"].as_str()) {
                out.push(format!("{system}|{code}"));
            }
        }
        (Value::Object(map), [member, rest @ ..]) => {
            if let Some(inner) = map.get(*member) {
                gather(inner, rest, out);
            }
        }
        _ => {}
    }
}

/// Distinct values, at most `POOL_MAX` from all over the list.
fn thinned(mut values: Vec<String>) -> Vec<String> {
    values.sort();
    values.dedup();
    let step = values.len().div_ceil(POOL_MAX).max(1);
    values.into_iter().step_by(step).collect()
}

fn list(values: &[&str]) -> Vec<String> {
    values.iter().map(|v| (*v).to_owned()).collect()
}

/// What may not stand in a URL as it is; names and cities have blanks and accents.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        match byte {
            b'+'
            | b' '
            | b'"'
            | b'<'
            | b'>'
            | b'|'
            | b'\\'
            | b'^'
            | b'`'
            | b'{'
            | b'}'
            | b'#'
            | 0x00..=0x1f
            | 0x7f.. => out.push_str(&format!("%{byte:02X}")),
            _ => out.push(byte as char),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_drawn_and_the_share_of_misses_is_kept() {
        let pools = Pools {
            values: BTreeMap::from([
                ("family", list(&["O Hara", "Öz"])),
                ("prefix", list(&["ge"])),
            ]),
        };
        let question = "Patient?family={family}&birthdate={prefix}2000";
        assert_eq!(words([question].into_iter()), ["family", "prefix"]);
        let mut rng = Rng::of(1, 1);
        let mut misses = 0;
        for _ in 0..1_000 {
            let (text, missed) = pools.fill(question, &mut rng, 5);
            misses += u64::from(missed);
            assert_eq!(missed, text.contains("Qqxyzzy"));
            assert!(
                text.ends_with("&birthdate=ge2000") && text.is_ascii(),
                "{text}"
            );
        }
        assert!((20..=90).contains(&misses), "{misses}");
    }

    #[test]
    fn values_are_found_by_their_path() {
        let resource = serde_json::json!({
            "name": [{"given": ["A", "B"]}],
            "code": {"coding": [{"system": "s", "code": "c"}, {"code": "bare"}]},
        });
        let found = |path: &[&str]| {
            let mut out = Vec::new();
            gather(&resource, path, &mut out);
            out
        };
        assert_eq!(found(&["name", "given"]), ["A", "B"]);
        assert_eq!(found(&["code", "coding", CODING]), ["s|c"]);
        assert!(found(&["absent", "x"]).is_empty());
    }
}
