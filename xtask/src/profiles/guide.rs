//! Packages without base definitions (US Core, IHE BALP): what they constrain and add, as a table of its own.
//! <https://hl7.org/fhir/R4/profiling.html>
//!
//! One record per line, fields separated by tabs, as in `table.rs`; types are written by name, since they are another
//! package's. Order: `D`, `I`, `F` with its `G`, `V` with its `S`, `P` with its `K`, `O`.
//!
//! | record | fields |
//! |---|---|
//! | `ward-guide` | format, package name, version, sha256 of the input |
//! | `D` | a package that this one builds on: name, version |
//! | `I` | key, `E`rror or `W`arning, human text, expression; its position is its number |
//! | `F` | url, version, type, kind, derivation, base url, abstract, `D`ifferential or `S`napshot, count of `G`, contexts `type:expression` |
//! | `G` | element id, path, slice name, min, max, flags `m`odifier `s`ummary m`u`st support, types `code=profile,profile>target,target;code`, strength, value set, invariants, content reference, JSON of slicing, fixed and pattern values, bounds |
//! | `V` `S` `P` `K` `O` | as in `table.rs` |

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::invariants::Invariants;
use super::package::{Package, items_of, text_of, texts_of};
use super::registry::Registry;
use super::table::{Lines, flag, numbers, write_invariants, write_registry, write_value_set};
use super::value_sets::{Codes, expand_all};

/// Raised when the records change their meaning.
const FORMAT: &str = "1";
/// Members of an ElementDefinition that bound a value, each followed by the name of a type or by nothing.
const BOUNDS: [&str; 5] = ["fixed", "pattern", "minValue", "maxValue", "maxLength"];

pub struct Guide {
    invariants: Invariants,
    profiles: Vec<Profile>,
    value_sets: BTreeMap<String, Option<Codes>>,
    registry: Registry,
}

/// A StructureDefinition: the fields of its `F` record, and of each `G` below it.
struct Profile {
    fields: Vec<String>,
    elements: Vec<Vec<String>>,
}

impl Guide {
    pub fn build(package: &Package) -> Result<Self, String> {
        let mut invariants = Invariants::default();
        let profiles: Vec<Profile> = package
            .all("StructureDefinition")
            .map(|d| profile(d, &mut invariants))
            .collect();
        let urls: BTreeSet<&str> = package.all("ValueSet").map(|v| text_of(v, "url")).collect();
        let registry = Registry::build(package, &|name| Ok(name.to_owned()))?;
        let is_empty = profiles.is_empty() && urls.is_empty();
        if is_empty && registry.search_parameters.is_empty() && registry.operations.is_empty() {
            return Err("there are no definitions in this package: a table is made of StructureDefinition, ValueSet, \
                        CodeSystem, SearchParameter, OperationDefinition and CompartmentDefinition"
                .to_owned());
        }
        Ok(Self {
            invariants,
            profiles,
            value_sets: expand_all(package, &urls),
            registry,
        })
    }

    pub fn table(&self, package: &Package) -> String {
        let mut out = Lines::default();
        let head = [&package.name, &package.version, &package.sha256];
        out.line(&["ward-guide", FORMAT, head[0], head[1], head[2]]);
        for (name, version) in &package.dependencies {
            out.line(&["D", name, version]);
        }
        write_invariants(&mut out, &self.invariants);
        for profile in &self.profiles {
            out.record("F", &profile.fields);
            for element in &profile.elements {
                out.record("G", element);
            }
        }
        for (url, codes) in &self.value_sets {
            write_value_set(&mut out, url, codes.as_ref());
        }
        write_registry(&mut out, &self.registry);
        out.into_text()
    }

    /// Names and counts, for the manifest.
    pub fn counts(&self) -> Vec<(&'static str, usize)> {
        let elements = self.profiles.iter().map(|p| p.elements.len()).sum();
        let enumerated = self.value_sets.values().flatten().count();
        vec![
            ("structure_definitions", self.profiles.len()),
            ("elements", elements),
            ("invariants", self.invariants.all.len()),
            ("search_parameters", self.registry.search_parameters.len()),
            ("operations", self.registry.operations.len()),
            ("value_sets", self.value_sets.len()),
            ("value_sets_enumerated", enumerated),
        ]
    }
}

/// The differential says what the profile adds; a definition without one is taken by its snapshot.
fn profile(definition: &Value, invariants: &mut Invariants) -> Profile {
    let differential = items_of(&definition["differential"], "element");
    let (form, elements) = if differential.is_empty() {
        ("S", items_of(&definition["snapshot"], "element"))
    } else {
        ("D", differential)
    };
    let contexts: Vec<String> = items_of(definition, "context")
        .iter()
        .map(|c| format!("{}:{}", text_of(c, "type"), text_of(c, "expression")))
        .collect();
    let text = |member: &str| text_of(definition, member).to_owned();
    Profile {
        fields: vec![
            text("url"),
            text("version"),
            text("type"),
            text("kind"),
            text("derivation"),
            text("baseDefinition"),
            flag(definition["abstract"] == true).to_owned(),
            form.to_owned(),
            elements.len().to_string(),
            contexts.join(","),
        ],
        elements: elements.iter().map(|e| element(e, invariants)).collect(),
    }
}

fn element(element: &Value, invariants: &mut Invariants) -> Vec<String> {
    let text = |member: &str| text_of(element, member).to_owned();
    let flags = [
        ("isModifier", 'm'),
        ("isSummary", 's'),
        ("mustSupport", 'u'),
    ];
    let min = element["min"].as_u64().map(|min| min.to_string());
    vec![
        text("id"),
        text("path"),
        text("sliceName"),
        min.unwrap_or_default(),
        text("max"),
        flags
            .iter()
            .filter(|f| element[f.0] == true)
            .map(|f| f.1)
            .collect(),
        items_of(element, "type")
            .iter()
            .map(type_ref)
            .collect::<Vec<_>>()
            .join(";"),
        text_of(&element["binding"], "strength").to_owned(),
        text_of(&element["binding"], "valueSet").to_owned(),
        numbers(&invariants.of(element)),
        text("contentReference"),
        values(element),
    ]
}

fn type_ref(ty: &Value) -> String {
    let list = |sign: &str, member: &str| match texts_of(ty, member) {
        urls if urls.is_empty() => String::new(),
        urls => format!("{sign}{}", urls.join(",")),
    };
    let code = text_of(ty, "code");
    format!(
        "{code}{}{}",
        list("=", "profile"),
        list(">", "targetProfile")
    )
}

/// Slicing without its prose, fixed and pattern values, bounds; empty when there are none.
fn values(element: &Value) -> String {
    let mut kept = Map::new();
    for (member, value) in element.as_object().into_iter().flatten() {
        if BOUNDS.iter().any(|bound| member.starts_with(bound)) {
            kept.insert(member.clone(), value.clone());
        }
    }
    if let Some(slicing) = element["slicing"].as_object() {
        let mut slicing = slicing.clone();
        slicing.remove("description");
        kept.insert("slicing".to_owned(), Value::Object(slicing));
    }
    if kept.is_empty() {
        String::new()
    } else {
        Value::Object(kept).to_string()
    }
}
