//! A checker of profiles as they are published: what their differentials say of cardinality, fixed values and patterns, slices by
//! value, types, required bindings and constraints, over those of the profile they build on.
//! <https://hl7.org/fhir/R4/profiling.html>

use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;
use ward_fhir::{Document, Node};

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");

/// Resources of a package. `None`: the data are not there.
fn package(file: &str) -> Option<Vec<Value>> {
    let Ok(file) = std::fs::File::open(format!("{SHARED}/{file}")) else {
        println!("shared data absent: skipped");
        return None;
    };
    let lines = std::io::BufReader::new(flate2::read::MultiGzDecoder::new(file)).lines();
    let read = |line: std::io::Result<String>| serde_json::from_str(&line.unwrap()).unwrap();
    Some(lines.map(read).collect())
}

pub(super) struct Guide {
    definitions: HashMap<String, Value>,
    pub(super) examples: Vec<Value>,
}

/// The elements of a profile by their ids, each with all that the profiles under it say.
pub(super) type Elements = BTreeMap<String, Value>;

impl Guide {
    pub(super) fn balp() -> Option<Guide> {
        let all = package("igs/ihe-balp-1.1.5-current.ndjson.gz")?;
        let (examples, definitions) = all
            .into_iter()
            .partition(|r| r["resourceType"] == "AuditEvent");
        let definitions: Vec<Value> = definitions;
        let by_url = |d: Value| Some((d["url"].as_str()?.to_owned(), d));
        Some(Guide {
            definitions: definitions.into_iter().filter_map(by_url).collect(),
            examples,
        })
    }

    pub(super) fn elements(&self, url: &str) -> Elements {
        let Some(profile) = self.definitions.get(url) else {
            assert!(
                url.starts_with("http://hl7.org/fhir/"),
                "{url} is not known"
            );
            return Elements::new();
        };
        let mut elements = self.elements(profile["baseDefinition"].as_str().unwrap());
        for element in profile["differential"]["element"].as_array().unwrap() {
            let id = element["id"].as_str().unwrap().to_owned();
            let known = elements
                .entry(id)
                .or_insert_with(|| Value::Object(Map::new()));
            for (member, value) in element.as_object().unwrap() {
                known[member] = value.clone();
            }
        }
        elements
    }

    /// Whether the code is in a value set: by its list, or by a system as a whole.
    fn has(&self, value_set: &str, coding: &Value) -> bool {
        let url = value_set.split('|').next().unwrap();
        let includes = self.definitions[url]["compose"]["include"]
            .as_array()
            .unwrap();
        includes.iter().any(|include| {
            let concepts = match include["concept"].as_array() {
                Some(concepts) => concepts,
                None => self.definitions[include["system"].as_str().unwrap()]["concept"]
                    .as_array()
                    .unwrap(),
            };
            let has_code = concepts
                .iter()
                .any(|concept| concept["code"] == coding["code"]);
            include["system"] == coding["system"] && has_code
        })
    }

    /// Where an AuditEvent departs from a profile.
    pub(super) fn faults(&self, url: &str, event: &Value) -> Vec<String> {
        let document = super::document(&event.to_string());
        let mut check = Check {
            guide: self,
            elements: &self.elements(url),
            document: &document,
            faults: Vec::new(),
        };
        check.children(event, "AuditEvent", "AuditEvent");
        check.faults
    }
}

struct Check<'a> {
    guide: &'a Guide,
    elements: &'a Elements,
    document: &'a Document,
    faults: Vec<String>,
}

impl Check<'_> {
    /// The children of an element (`id` in the profile, `path` in the resource).
    fn children(&mut self, value: &Value, id: &str, path: &str) {
        let prefix = format!("{id}.");
        let below = self
            .elements
            .range(prefix.clone()..)
            .map(|(id, _)| id.clone());
        let below = below.take_while(|id| id.starts_with(&prefix));
        let direct = |id: &String| !id[prefix.len()..].contains(['.', ':']);
        let children: Vec<String> = below.filter(direct).collect();
        for child in children {
            let name = &child[prefix.len()..];
            let found = found(value, name);
            self.all(&child, &format!("{path}.{name}"), &found);
        }
    }

    fn all(&mut self, id: &str, path: &str, found: &[(usize, &Value)]) {
        let definition = self.elements[id].clone();
        self.count(&definition, path, found.len());
        for (n, value) in found {
            self.one(&definition, id, &format!("{path}[{n}]"), value);
        }
        let prefix = format!("{id}:");
        let slices: Vec<String> = self
            .elements
            .keys()
            .filter(|key| {
                key.strip_prefix(&prefix)
                    .is_some_and(|name| !name.contains('.'))
            })
            .cloned()
            .collect();
        let mut sliced = vec![false; found.len()];
        for slice in &slices {
            let of_slice: Vec<(usize, &Value)> = found
                .iter()
                .enumerate()
                .filter(|(_, (_, value))| self.is_of(&definition, slice, value))
                .map(|(at, (n, value))| {
                    sliced[at] = true;
                    (*n, *value)
                })
                .collect();
            let definition = self.elements[slice].clone();
            self.count(&definition, &format!("{path} ({slice})"), of_slice.len());
            for (n, value) in of_slice {
                self.one(&definition, slice, &format!("{path}[{n}]"), value);
            }
        }
        if definition["slicing"]["rules"] == "closed" && sliced.contains(&false) {
            self.faults
                .push(format!("{path}: of no slice, which are closed"));
        }
    }

    fn count(&mut self, definition: &Value, path: &str, count: usize) {
        let min = definition["min"].as_u64().unwrap_or(0);
        let max = definition["max"]
            .as_str()
            .and_then(|max| max.parse::<u64>().ok());
        if (count as u64) < min || max.is_some_and(|max| count as u64 > max) {
            self.faults.push(format!("{path}: {count} times"));
        }
    }

    fn one(&mut self, definition: &Value, id: &str, path: &str, value: &Value) {
        if !is_as_fixed(definition, value) {
            self.faults
                .push(format!("{path}: not the value that is fixed"));
        }
        if !self.is_bound(definition, value) {
            self.faults.push(format!("{path}: not in the value set"));
        }
        if !refers_rightly(definition, value) {
            self.faults
                .push(format!("{path}: a reference to another type"));
        }
        for constraint in definition["constraint"].as_array().into_iter().flatten() {
            let expression = constraint["expression"].as_str().unwrap();
            let expression = ward_fhirpath::compile(expression).unwrap();
            let focus = node(self.document.root(), path);
            let held = expression
                .test(focus, &ward_fhirpath::Context::at(0))
                .unwrap();
            if held == Some(false) {
                self.faults.push(format!("{path}: {}", constraint["key"]));
            }
        }
        self.children(value, id, path);
    }

    /// Whether the required binding, if there is one, holds.
    fn is_bound(&self, definition: &Value, value: &Value) -> bool {
        let binding = &definition["binding"];
        let Some(value_set) = binding["valueSet"].as_str() else {
            return true;
        };
        if binding["strength"] != "required" {
            return true;
        }
        match value["coding"].as_array() {
            Some(codings) => codings
                .iter()
                .any(|coding| self.guide.has(value_set, coding)),
            None => self.guide.has(value_set, value),
        }
    }

    /// Whether a value has what tells its slice from others.
    fn is_of(&self, sliced: &Value, slice: &str, value: &Value) -> bool {
        let of_url = serde_json::json!([{ "type": "value", "path": "url" }]);
        let discriminators = match &sliced["slicing"]["discriminator"] {
            Value::Null => &of_url,
            discriminators => discriminators,
        };
        discriminators
            .as_array()
            .unwrap()
            .iter()
            .all(|discriminator| {
                assert!(matches!(
                    discriminator["type"].as_str(),
                    Some("value" | "pattern")
                ));
                let path = discriminator["path"].as_str().unwrap();
                if path == "url" {
                    // A slice of a slice is of the same extension.
                    let whole = slice.rsplit_once('/').map_or(slice, |(whole, _)| whole);
                    let profiles = &self.elements[whole]["type"][0]["profile"];
                    let mut profiles = profiles.as_array().into_iter().flatten();
                    return profiles.any(|url| *url == value["url"]);
                }
                let (id, value) = match path {
                    "$this" => (slice.to_owned(), value),
                    "value.ofType(Identifier).type" => (
                        format!("{slice}.value[x].type"),
                        &value["valueIdentifier"]["type"],
                    ),
                    _ => (format!("{slice}.{path}"), &value[path]),
                };
                let Some(definition) = self.elements.get(&id) else {
                    return true;
                };
                !value.is_null()
                    && is_as_fixed(definition, value)
                    && self.is_bound(definition, value)
            })
    }
}

/// Values of a member by their place; of a choice of types whichever is there.
fn found<'a>(value: &'a Value, name: &str) -> Vec<(usize, &'a Value)> {
    let members = value.as_object().into_iter().flatten();
    let choice = name.strip_suffix("[x]");
    let is_it = |member: &str| match choice {
        Some(stem) => member.starts_with(stem),
        None => member == name,
    };
    let of_name = members.filter(|(member, _)| is_it(member));
    let values = of_name.flat_map(|(_, value)| match value {
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    });
    values.enumerate().collect()
}

/// The element at `AuditEvent.agent[1]`.
fn node<'a>(root: Node<'a>, path: &str) -> Node<'a> {
    let steps = path.split('.').skip(1);
    steps.fold(root, |at, step| {
        let (name, n) = step.trim_end_matches(']').split_once('[').unwrap();
        let name = name.split(' ').next().unwrap();
        at.all(name).nth(n.parse().unwrap()).unwrap()
    })
}

fn is_as_fixed(definition: &Value, value: &Value) -> bool {
    let members = definition.as_object().into_iter().flatten();
    members.into_iter().all(|(member, wanted)| {
        match (member.starts_with("fixed"), member.starts_with("pattern")) {
            (true, _) => wanted == value,
            (_, true) => fits(wanted, value),
            _ => true,
        }
    })
}

/// A pattern: all that it has, and in lists each of its items.
fn fits(pattern: &Value, value: &Value) -> bool {
    match (pattern, value) {
        (Value::Object(pattern), Value::Object(value)) => pattern
            .iter()
            .all(|(member, pattern)| value.get(member).is_some_and(|value| fits(pattern, value))),
        (Value::Array(pattern), Value::Array(value)) => pattern
            .iter()
            .all(|pattern| value.iter().any(|value| fits(pattern, value))),
        _ => pattern == value,
    }
}

fn refers_rightly(definition: &Value, value: &Value) -> bool {
    let types = definition["type"].as_array().into_iter().flatten();
    let targets: Vec<&Value> = types
        .filter_map(|ty| ty["targetProfile"].as_array())
        .flatten()
        .collect();
    let Some(reference) = value["reference"].as_str().or(value["type"].as_str()) else {
        return true;
    };
    let ty = reference.split('/').next().unwrap();
    targets.is_empty()
        || targets
            .iter()
            .any(|url| url.as_str().unwrap().ends_with(&format!("/{ty}")))
}
