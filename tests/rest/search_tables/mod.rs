//! Tables of questions over HTTP on both stores: what each finds, what finds nothing, and what is refused.

mod composite;
mod filter;
mod near;

use super::search::{entries, make};
use super::search_limits::refused;
use super::unique;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use ward_testkit::Client;

/// The resources of one test, set apart by a tag, and what its table calls them.
struct Names<'w> {
    ward: &'w Client,
    tag: String,
    /// `Type/id` by name.
    paths: BTreeMap<&'static str, String>,
}

impl<'w> Names<'w> {
    fn new(ward: &'w Client) -> Names<'w> {
        Names {
            ward,
            tag: unique("table"),
            paths: BTreeMap::new(),
        }
    }

    fn make(&mut self, name: &'static str, mut body: Value) -> String {
        body["meta"] = json!({ "tag": [{ "code": self.tag }] });
        let path = make(self.ward, body);
        self.paths.insert(name, path.clone());
        path
    }

    /// `{name}` stands for `Type/id`, `{name.id}` for the id.
    fn told(&self, text: &str) -> String {
        let told = |text: String, (name, path): (&&str, &String)| {
            let id = path.split_once('/').map_or("", |(_, id)| id);
            let text = text.replace(&format!("{{{name}}}"), path);
            text.replace(&format!("{{{name}.id}}"), id)
        };
        self.paths.iter().fold(text.to_owned(), told)
    }

    /// Asks `types` (a type, or several of a search of all) with one parameter; the names of what is found, in order of name.
    fn found(&self, types: &str, parameter: &str, value: &str) -> String {
        let value = self.told(value);
        let mut pairs = vec![(parameter, value.as_str()), ("_tag", self.tag.as_str())];
        pairs.extend([("_total", "accurate"), ("_count", "50")]);
        let path = match types.contains(',') {
            true => {
                pairs.push(("_type", types));
                ""
            }
            false => types,
        };
        let pairs: Vec<String> = pairs
            .into_iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        let page = self.ward.get(&format!("{path}?{}", pairs.join("&")));
        assert_eq!(page.status, 200, "{parameter}={value}: {}", page.text());
        let page = page.json();
        let matches = entries(&page, "match");
        assert_eq!(page["total"], matches.len(), "{parameter}={value}");
        let mut names: Vec<&str> = matches.iter().map(|path| self.name(path)).collect();
        names.sort_unstable();
        names.join(" ")
    }

    fn name(&self, path: &str) -> &'static str {
        let found = self.paths.iter().find(|(_, p)| *p == path);
        found.map_or_else(|| panic!("{path} is of no one here"), |(name, _)| name)
    }

    /// Each row: the type, the value, and the names of what it finds.
    fn demand(&self, parameter: &str, rows: &[(&str, &str, &str)]) {
        for (types, value, expected) in rows {
            let found = self.found(types, parameter, value);
            assert_eq!(found, *expected, "{types}?{parameter}={value}");
        }
    }
}

/// Each row: the type, the parameter, the value, the type, and what the answer says.
fn demand_refused(ward: &Client, rows: &[(&str, &str, &str, &str, &str)]) {
    for (ty, parameter, value, code, says) in rows {
        println!("{ty}?{parameter}={value}");
        let stable = match *code {
            "invalid" => "request.invalid",
            "not-supported" => "request.not-supported",
            _ => "limit.cost",
        };
        let answer = ward.get(&format!("{ty}?{parameter}={}", encoded(value)));
        refused(answer, (400, code, stable), &[says]);
    }
}

/// A value as it stands in a URL.
pub fn encoded(value: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let one = |b: u8| match plain(b) {
        true => char::from(b).to_string(),
        false => format!("%{b:02X}"),
    };
    value.bytes().map(one).collect()
}
