//! The examples of the guides, as the server holds them: of equal ids the newest guide's, with a Provenance for some of
//! each type, and with what no guide has an example of (`added.json`).

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use ward_testkit::Client;

/// Resources of one Provenance.
const TARGETS: usize = 3;
/// Resources of one batch.
const BATCH: usize = 100;
/// What no guide has an example of.
const ADDED: &str = include_str!("added.json");

pub struct World {
    /// By `Type/id`.
    pub resources: BTreeMap<String, Value>,
    /// The guides' own search parameters by `Type.code`.
    definitions: BTreeMap<String, Value>,
}

impl World {
    pub fn load(ward: &Client, folder: &Path, versions: &[&str]) -> World {
        let mut world = World {
            resources: BTreeMap::new(),
            definitions: BTreeMap::new(),
        };
        for version in versions {
            world.read(&folder.join(format!("hl7.fhir.us.core-{version}.tgz")));
        }
        let added: Vec<Value> = serde_json::from_str(ADDED).unwrap();
        added.into_iter().for_each(|resource| world.add(resource));
        world.add_provenance();
        world.store(ward);
        world
    }

    fn read(&mut self, package: &Path) {
        let file = flate2::read::GzDecoder::new(std::fs::File::open(package).unwrap());
        for entry in tar::Archive::new(file).entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().to_string_lossy().into_owned();
            let is_definition = name.starts_with("package/SearchParameter-");
            let is_example = name.contains("/example/") && !name.ends_with("/.index.json");
            if !is_definition && !is_example {
                continue;
            }
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let resource: Value = serde_json::from_str(&text).unwrap();
            if is_definition {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                let name = format!("{}.{}", text(&resource["base"][0]), text(&resource["code"]));
                self.definitions.insert(name, resource);
            } else if resource["resourceType"] != "Bundle" {
                self.add(resource);
            }
        }
    }

    fn add(&mut self, resource: Value) {
        self.resources.insert(path(&resource), resource);
    }

    fn add_provenance(&mut self) {
        let mut by_type: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for path in self.resources.keys() {
            let ty = path.split('/').next().unwrap().to_owned();
            let targets = by_type.entry(ty).or_default();
            if targets.len() < TARGETS {
                targets.push(json!({ "reference": path }));
            }
        }
        for (ty, targets) in by_type {
            let agent = json!([{ "who": { "display": "someone" } }]);
            self.add(
                json!({ "resourceType": "Provenance", "id": format!("of-{}", ty.to_lowercase()),
                "target": targets, "recorded": "2024-02-03T04:05:06Z", "agent": agent }),
            );
        }
    }

    /// Everything goes in, and has then the time of its version.
    fn store(&mut self, ward: &Client) {
        let paths: Vec<String> = self.resources.keys().cloned().collect();
        let mut problems = Vec::new();
        for part in paths.chunks(BATCH) {
            let entry: Vec<Value> = part
                .iter()
                .map(|path| {
                    json!({ "resource": self.resources[path], "request": { "method": "PUT", "url": path } })
                })
                .collect();
            let batch = json!({ "resourceType": "Bundle", "type": "batch", "entry": entry });
            let answer = ward.post("", &batch).expect(200).json();
            for (path, entry) in part.iter().zip(answer["entry"].as_array().unwrap()) {
                let response = &entry["response"];
                if response["status"].as_str().unwrap().starts_with("201") {
                    let resource = self.resources.get_mut(path).unwrap();
                    resource["meta"]["lastUpdated"] = response["lastModified"].clone();
                } else {
                    problems.push(format!("{path}: {response}"));
                }
            }
        }
        assert!(problems.is_empty(), "not stored:\n{}", problems.join("\n"));
    }

    /// Stores the newest guide's own definition of `Type.code`, if it has one.
    pub fn define(&self, ward: &Client, name: &str) {
        if let Some(definition) = self.definitions.get(name) {
            ward.put(&path(definition), definition).expect(201);
        }
    }

    pub fn of_type<'a>(&'a self, ty: &'a str) -> impl Iterator<Item = (&'a String, &'a Value)> {
        let is_of = move |(path, _): &(&String, &Value)| path.split('/').next() == Some(ty);
        self.resources.iter().filter(is_of)
    }
}

fn path(resource: &Value) -> String {
    let text = |name: &str| resource[name].as_str().unwrap();
    format!("{}/{}", text("resourceType"), text("id"))
}
