//! The codes of value sets, as far as the package itself can enumerate them.
//! <https://hl7.org/fhir/R4/valueset.html#composition>

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::package::{Package, items_of, text_of, texts_of, without_version};

/// Value sets may import value sets this deep.
const IMPORT_DEPTH_MAX: usize = 8;

/// (system, code)
pub type Codes = BTreeSet<(String, String)>;

/// Codes by value set url; `None` where the package does not hold them (BCP-47, MIME types, UCUM, currencies) or a
/// filter would have to be computed.
pub fn expand_all(package: &Package, urls: &BTreeSet<&str>) -> BTreeMap<String, Option<Codes>> {
    urls.iter()
        .map(|url| ((*url).to_owned(), expand(package, url, IMPORT_DEPTH_MAX)))
        .collect()
}

fn expand(package: &Package, url: &str, depth: usize) -> Option<Codes> {
    let compose = package
        .get("ValueSet", without_version(url))?
        .get("compose")?;
    let mut codes = Codes::new();
    for include in items_of(compose, "include") {
        codes.extend(component(package, include, depth)?);
    }
    for exclude in items_of(compose, "exclude") {
        for code in component(package, exclude, depth)? {
            codes.remove(&code);
        }
    }
    Some(codes)
}

/// One `include` or `exclude`: what its system and each of its value sets have in common.
fn component(package: &Package, include: &Value, depth: usize) -> Option<Codes> {
    let depth = depth.checked_sub(1)?;
    let mut sets = Vec::new();
    if include.get("system").is_some() {
        sets.push(of_system(package, include)?);
    }
    for url in texts_of(include, "valueSet") {
        sets.push(expand(package, url, depth)?);
    }
    sets.into_iter()
        .reduce(|a, b| a.intersection(&b).cloned().collect())
}

fn of_system(package: &Package, include: &Value) -> Option<Codes> {
    let system = text_of(include, "system");
    if include.get("filter").is_some() {
        return None;
    }
    let mut codes = Codes::new();
    if include.get("concept").is_some() {
        codes.extend(
            items_of(include, "concept")
                .iter()
                .map(|c| (system.to_owned(), text_of(c, "code").to_owned())),
        );
        return Some(codes);
    }
    let definition = package.get("CodeSystem", system)?;
    if text_of(definition, "content") != "complete" {
        return None;
    }
    add_concepts(system, definition, &mut codes);
    Some(codes)
}

/// A whole code system: its hierarchy without the concepts that only group others.
fn add_concepts(system: &str, parent: &Value, codes: &mut Codes) {
    for concept in items_of(parent, "concept") {
        if !is_grouping(concept) {
            codes.insert((system.to_owned(), text_of(concept, "code").to_owned()));
        }
        add_concepts(system, concept, codes);
    }
}

fn is_grouping(concept: &Value) -> bool {
    let properties = items_of(concept, "property").iter();
    properties
        .into_iter()
        .any(|p| text_of(p, "code") == "notSelectable" && p["valueBoolean"] == true)
}
