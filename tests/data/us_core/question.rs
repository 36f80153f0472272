//! A question and what is wrong with the answer to it. <https://hl7.org/fhir/R4/search.html>

use std::collections::BTreeSet;
use ward_testkit::{Answer, Client};

pub struct Question {
    pub ty: String,
    /// Parameters that must be served for it.
    pub needs: Vec<String>,
    pub pairs: Vec<(String, String)>,
    pub matches: BTreeSet<String>,
    pub includes: BTreeSet<String>,
    /// Why no question could be made of the metadata's entry.
    pub unasked: Option<String>,
}

impl Question {
    /// `Type.parameter` of everything that must be defined for it.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let of_type = self.needs.iter().filter(|name| !name.starts_with('_'));
        of_type.map(|name| format!("{}.{name}", self.ty))
    }

    /// What of the entry the server does not offer.
    pub fn unserved(&self, served: &BTreeSet<String>) -> Option<String> {
        match self.names().find(|name| !served.contains(name)) {
            Some(_) => Some(self.needs.join("+")),
            None => self.unasked.clone(),
        }
    }

    /// What is wrong with the answer.
    pub fn problem(&self, ward: &Client, posted: bool) -> Option<String> {
        let query = encoded(&self.pairs);
        let shown = format!("{}?{query}", self.ty);
        let mut found = BTreeSet::new();
        let mut included = BTreeSet::new();
        let mut answer = self.ask(ward, &query, posted);
        for _ in 0..1_000 {
            if answer.status != 200 {
                return Some(format!("{shown}: {} {}", answer.status, answer.text()));
            }
            let page = answer.json();
            for entry in page["entry"].as_array().into_iter().flatten() {
                let url = entry["fullUrl"].as_str().unwrap_or_default();
                let path = url
                    .rsplit_once("/fhir/")
                    .map_or(url, |(_, path)| path)
                    .to_owned();
                let is_new = match entry["search"]["mode"].as_str() {
                    Some("match") => found.insert(path.clone()),
                    // Two pages may include the same.
                    Some("include") => {
                        included.insert(path.clone());
                        true
                    }
                    _ => return Some(format!("{shown}: {entry}")),
                };
                if !is_new {
                    return Some(format!("{shown}: {path} twice"));
                }
            }
            let links = page["link"].as_array().cloned().unwrap_or_default();
            let next = links.iter().find(|l| l["relation"] == "next");
            let Some(next) = next.and_then(|l| l["url"].as_str()) else {
                break;
            };
            answer = ward.get(next);
        }
        // What one page includes may be a match of another.
        let included: BTreeSet<String> = included.difference(&found).cloned().collect();
        let differing = |what: &str, expected: &BTreeSet<String>, found: &BTreeSet<String>| {
            let more: Vec<_> = found.difference(expected).take(5).collect();
            let less: Vec<_> = expected.difference(found).take(5).collect();
            format!(
                "{shown}: {what} {} of {}, too many {more:?}, missing {less:?}",
                found.len(),
                expected.len()
            )
        };
        if found != self.matches {
            return Some(differing("matches", &self.matches, &found));
        }
        (included != self.includes).then(|| differing("includes", &self.includes, &included))
    }

    /// By GET or by POST, which US Core asks for both; nothing of the question may be left out.
    fn ask(&self, ward: &Client, query: &str, posted: bool) -> Answer {
        let request = match posted {
            true => ward
                .request("POST", &format!("{}/_search?_count=50", self.ty))
                .body("application/x-www-form-urlencoded", query.into()),
            false => ward.request("GET", &format!("{}?_count=50&{query}", self.ty)),
        };
        request.header("Prefer", "handling=strict").send()
    }
}

fn encoded(pairs: &[(String, String)]) -> String {
    let byte = |b: u8| match b {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            (b as char).to_string()
        }
        _ => format!("%{b:02X}"),
    };
    let text = |text: &str| text.bytes().map(byte).collect::<String>();
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", text(name), text(value)));
    pairs.collect::<Vec<_>>().join("&")
}
