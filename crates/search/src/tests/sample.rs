//! Reading `../shared` and small resources for the tests.

use crate::entries::{Entries, TermKey};
use crate::extract::Extractor;
use crate::registry::Registry;
use std::collections::HashMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use ward_fhir::schema::r4;
use ward_fhir::tree::{Document, Limits};

pub const KEY: TermKey = TermKey([42; 16]);
pub const BASE: &str = "http://ward.test/fhir";

pub fn registry() -> Arc<Registry> {
    static REGISTRY: OnceLock<Arc<Registry>> = OnceLock::new();
    REGISTRY
        .get_or_init(|| Arc::new(Registry::new(r4())))
        .clone()
}

pub fn extractor() -> Extractor {
    Extractor::new(registry(), KEY, Some(BASE))
}

pub fn document(json: &str) -> Document {
    ward_fhir::json::read(json.as_bytes(), None, &Limits::default())
        .unwrap_or_else(|f| panic!("{:?}", f.issues))
}

pub fn entries(json: &str) -> Entries {
    extractor().extract(document(json).root(), &|_| None)
}

/// The lines of a compressed file under `../shared`, or `None` where the folder does not exist.
pub fn lines(path: &str) -> Option<Vec<String>> {
    let shared = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared"));
    if !shared.exists() {
        eprintln!("shared data absent: skipped");
        return None;
    }
    let file = std::fs::File::open(shared.join(path)).unwrap();
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    Some(text.lines().map(str::to_owned).collect())
}

/// The distinct resources of the Synthea bundles, `urn:uuid` references turned into `Type/id`.
pub fn synthea() -> Option<Vec<(String, Document)>> {
    let mut found: HashMap<String, Document> = HashMap::new();
    for line in lines("data/examples/synthea-r4-dev-80.ndjson.gz")? {
        let bundle: serde_json::Value = serde_json::from_str(&line).unwrap();
        let entries = bundle["entry"].as_array().unwrap();
        let names: HashMap<&str, String> = entries
            .iter()
            .map(|e| (e["fullUrl"].as_str().unwrap(), identity(&e["resource"])))
            .collect();
        for entry in entries {
            let mut resource = entry["resource"].clone();
            rewrite(&mut resource, &names);
            found.insert(identity(&resource), document(&resource.to_string()));
        }
    }
    let mut sorted: Vec<_> = found.into_iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    Some(sorted)
}

fn identity(resource: &serde_json::Value) -> String {
    format!(
        "{}/{}",
        resource["resourceType"].as_str().unwrap(),
        resource["id"].as_str().unwrap()
    )
}

fn rewrite(value: &mut serde_json::Value, names: &HashMap<&str, String>) {
    match value {
        serde_json::Value::String(text) => {
            if let Some(name) = names.get(text.as_str()) {
                *text = name.clone();
            }
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(|v| rewrite(v, names)),
        serde_json::Value::Object(map) => map.values_mut().for_each(|v| rewrite(v, names)),
        _ => {}
    }
}
