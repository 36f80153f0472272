//! Which stored resource is which sent one, told by what they hold and refer to alone: a transaction gives ids of its own,
//! and the importer does not say which. <https://hl7.org/fhir/R4/http.html#trules>

use super::json::Json;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Resources by the names under which they refer to one another. No reference leads back to where it came from.
pub struct Records(pub HashMap<String, Json>);

/// The stored name of every sent resource, or what stands against it.
pub fn pair<'a, 'b>(
    sent: &'a Records,
    stored: &'b Records,
) -> Result<HashMap<&'a str, &'b str>, Vec<String>> {
    let (sent_by, stored_by) = (sent.by_content(), stored.by_content());
    let mut problems = Vec::new();
    for (content, names) in &sent_by {
        let count = stored_by.get(content).map_or(0, Vec::len);
        if names.len() != count {
            problems.push(format!("{names:?}: stored {count} times"));
        }
    }
    for (_, names) in stored_by.iter().filter(|(c, _)| !sent_by.contains_key(*c)) {
        problems.push(format!("{names:?} are stored and were not sent"));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut pairs = Pairs::default();
    for (content, names) in sent_by.iter().filter(|(_, names)| names.len() == 1) {
        pairs.bind(sent, stored, names[0], stored_by[content][0]);
    }
    let unknown = sent
        .0
        .keys()
        .filter(|n| !pairs.found.contains_key(n.as_str()));
    pairs
        .problems
        .extend(unknown.map(|name| format!("nothing tells which one {name} is")));
    if pairs.problems.is_empty() {
        Ok(pairs.found)
    } else {
        Err(pairs.problems)
    }
}

#[derive(Default)]
struct Pairs<'a, 'b> {
    found: HashMap<&'a str, &'b str>,
    back: HashMap<&'b str, &'a str>,
    problems: Vec<String>,
}

impl<'a, 'b> Pairs<'a, 'b> {
    /// The two are the same, and so is whatever they refer to.
    fn bind(
        &mut self,
        sent: &'a Records,
        stored: &'b Records,
        sent_name: &'a str,
        stored_name: &'b str,
    ) {
        let before = self.found.insert(sent_name, stored_name);
        let back = self.back.insert(stored_name, sent_name);
        if before == Some(stored_name) && back == Some(sent_name) {
            return;
        }
        if before.is_some() || back.is_some() {
            self.problems.push(format!(
                "{sent_name} is {stored_name}, which was {back:?}, and is {before:?}"
            ));
            return;
        }
        let (from, to) = (sent.references(sent_name), stored.references(stored_name));
        if from.len() != to.len() {
            self.problems.push(format!("{sent_name}: other references"));
        }
        for (from, to) in from.into_iter().zip(to) {
            self.bind(sent, stored, from, to);
        }
    }
}

impl Records {
    fn by_content(&self) -> HashMap<u64, Vec<&str>> {
        let (mut known, mut by_content) = (HashMap::new(), HashMap::<u64, Vec<&str>>::new());
        for name in self.0.keys() {
            let content = self.content(name, &mut known);
            by_content.entry(content).or_default().push(name);
        }
        by_content
    }

    /// What the resource holds, ids aside, with that of whatever it refers to.
    fn content<'a>(&'a self, name: &'a str, known: &mut HashMap<&'a str, u64>) -> u64 {
        if let Some(content) = known.get(name) {
            return *content;
        }
        let mut hasher = DefaultHasher::new();
        self.feed(&self.0[name], known, &mut hasher);
        let content = hasher.finish();
        known.insert(name, content);
        content
    }

    fn feed<'a>(
        &'a self,
        json: &'a Json,
        known: &mut HashMap<&'a str, u64>,
        hasher: &mut DefaultHasher,
    ) {
        match json {
            Json::Object(members) => {
                ('{', members.len()).hash(hasher);
                for (name, value) in members {
                    name.hash(hasher);
                    self.feed(value, known, hasher);
                }
            }
            Json::Array(items) => {
                ('[', items.len()).hash(hasher);
                for item in items {
                    self.feed(item, known, hasher);
                }
            }
            Json::Text(text) => match self.0.get_key_value(text) {
                Some((name, _)) => ('>', self.content(name, known)).hash(hasher),
                None => ('"', text).hash(hasher),
            },
            Json::Literal(text) => ('l', text).hash(hasher),
        }
    }

    /// The names in a resource, in the order of its members.
    fn references(&self, name: &str) -> Vec<&str> {
        let mut found = Vec::new();
        self.0[name].for_each_text(&mut |text| {
            if let Some((name, _)) = self.0.get_key_value(text) {
                found.push(name.as_str());
            }
        });
        found
    }
}

#[test]
fn twins_are_told_by_what_they_refer_to() {
    let records = |texts: &[(&str, &str)]| {
        let record = |(name, text): &(&str, &str)| ((*name).to_owned(), Json::parse(text));
        Records(texts.iter().map(record).collect())
    };
    // Two organizations that hold the same are told by who refers to them.
    let sent = records(&[
        ("s1", r#"{"name":"A"}"#),
        ("s2", r#"{"name":"A"}"#),
        ("s3", r#"{"of":"s1","n":1}"#),
        ("s4", r#"{"of":"s2","n":2}"#),
    ]);
    let stored = [
        ("t1", r#"{"name":"A"}"#),
        ("t2", r#"{"name":"A"}"#),
        ("t3", r#"{"of":"t2","n":1}"#),
        ("t4", r#"{"of":"t1","n":2}"#),
    ];
    let pairs = pair(&sent, &records(&stored)).map(|pairs| pairs["s1"].to_owned());
    assert_eq!(pairs, Ok("t2".to_owned()));
    for (n, other, problem) in [
        (3, r#"{"of":"t2","n":2}"#, "is"),
        (3, r#"{"of":"t1","n":3}"#, "stored 0 times"),
        (0, r#"{"name":"B"}"#, "stored"),
    ] {
        let mut changed = stored;
        changed[n].1 = other;
        let problems = pair(&sent, &records(&changed)).unwrap_err();
        assert!(problems.iter().any(|p| p.contains(problem)), "{problems:?}");
    }
}
