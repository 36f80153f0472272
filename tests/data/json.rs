//! JSON compared by its texts: member order is free, the writing of a number is not (`1.10` is not `1.1`).

use serde_json::value::RawValue;
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Object(BTreeMap<String, Json>),
    Array(Vec<Json>),
    Text(String),
    /// A number, `true`, `false` or `null` as it was written.
    Literal(String),
}

impl Json {
    pub fn parse(text: &str) -> Json {
        match text.trim_start().as_bytes().first() {
            Some(b'{') => {
                let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).unwrap();
                Json::Object(
                    members
                        .into_iter()
                        .map(|(name, value)| (name, Json::parse(value.get())))
                        .collect(),
                )
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text).unwrap();
                Json::Array(
                    items
                        .into_iter()
                        .map(|item| Json::parse(item.get()))
                        .collect(),
                )
            }
            Some(b'"') => Json::Text(serde_json::from_str(text).unwrap()),
            _ => Json::Literal(text.trim().to_owned()),
        }
    }

    pub fn member(&self, name: &str) -> Option<&Json> {
        let Json::Object(members) = self else {
            return None;
        };
        members.get(name)
    }

    pub fn text(&self, name: &str) -> &str {
        match self.member(name) {
            Some(Json::Text(text)) => text,
            _ => "",
        }
    }

    pub fn items(&self, name: &str) -> &[Json] {
        match self.member(name) {
            Some(Json::Array(items)) => items,
            _ => &[],
        }
    }

    pub fn into_member(self, name: &str) -> Option<Json> {
        let Json::Object(mut members) = self else {
            return None;
        };
        members.remove(name)
    }

    pub fn into_items(self, name: &str) -> Vec<Json> {
        match self.into_member(name) {
            Some(Json::Array(items)) => items,
            _ => Vec::new(),
        }
    }

    /// Without what the server sets: `meta.versionId` and `meta.lastUpdated`.
    pub fn unversioned(mut self) -> Json {
        let Json::Object(members) = &mut self else {
            return self;
        };
        let mut meta_is_empty = false;
        if let Some(Json::Object(meta)) = members.get_mut("meta") {
            meta.retain(|name, _| {
                let plain = name.trim_start_matches('_');
                // Labels are added by rules (docs/guide/labels.md): tests/rest/labels.rs.
                !matches!(plain, "versionId" | "lastUpdated" | "security")
            });
            meta_is_empty = meta.is_empty();
        }
        if meta_is_empty {
            members.remove("meta");
        }
        self
    }

    pub fn without(mut self, name: &str) -> Json {
        if let Json::Object(members) = &mut self {
            members.remove(name);
        }
        self
    }

    pub fn with(mut self, name: &str, text: &str) -> Json {
        if let Json::Object(members) = &mut self {
            members.insert(name.to_owned(), Json::Text(text.to_owned()));
        }
        self
    }

    /// Every text goes through `change`.
    pub fn each_text(self, change: &impl Fn(String) -> String) -> Json {
        match self {
            Json::Object(members) => Json::Object(
                members
                    .into_iter()
                    .map(|(name, value)| (name, value.each_text(change)))
                    .collect(),
            ),
            Json::Array(items) => Json::Array(
                items
                    .into_iter()
                    .map(|item| item.each_text(change))
                    .collect(),
            ),
            Json::Text(text) => Json::Text(change(text)),
            literal => literal,
        }
    }

    /// Calls `see` with every text, in the order of the members' names.
    pub fn for_each_text<'a>(&'a self, see: &mut impl FnMut(&'a str)) {
        match self {
            Json::Object(members) => members.values().for_each(|v| v.for_each_text(see)),
            Json::Array(items) => items.iter().for_each(|item| item.for_each_text(see)),
            Json::Text(text) => see(text),
            Json::Literal(_) => {}
        }
    }

    /// The first place where two documents differ, with both texts there.
    pub fn difference(&self, other: &Json) -> Option<String> {
        match (self, other) {
            _ if self == other => None,
            (Json::Object(left), Json::Object(right)) => {
                let names: std::collections::BTreeSet<&String> =
                    left.keys().chain(right.keys()).collect();
                names
                    .into_iter()
                    .find_map(|name| match (left.get(name), right.get(name)) {
                        (Some(l), Some(r)) => l.difference(r).map(|d| format!(".{name}{d}")),
                        (l, r) => Some(format!(".{name}: {l:?} / {r:?}")),
                    })
            }
            (Json::Array(left), Json::Array(right)) if left.len() == right.len() => left
                .iter()
                .zip(right)
                .enumerate()
                .find_map(|(n, (l, r))| l.difference(r).map(|d| format!("[{n}]{d}"))),
            _ => Some(format!(": {self:?} / {other:?}")),
        }
    }
}

#[test]
fn the_writing_of_a_number_counts() {
    assert_eq!(
        Json::parse("{\"b\": [1.10], \"a\": true}"),
        Json::parse("{\"a\":true,\"b\":[ 1.10 ]}")
    );
    let difference = Json::parse("{\"a\":[1.10]}").difference(&Json::parse("{\"a\":[1.1]}"));
    assert_eq!(
        difference.as_deref(),
        Some(".a[0]: Literal(\"1.10\") / Literal(\"1.1\")")
    );
}
