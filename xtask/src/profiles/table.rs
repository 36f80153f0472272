//! The table as text: one record per line, fields separated by tabs, the first field naming the kind of record.
//! `crates/fhir/src/schema/table.rs` reads it and says what each field means.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::invariants::Invariants;
use super::package::{Package, text_of};
use super::registry::Registry;
use super::types::{ElementRow, Kind, TypeRow, Types};
use super::value_sets::Codes;

/// Raised when the records change their meaning; the reader refuses any other.
const FORMAT: &str = "1";

type ValueSets = BTreeMap<String, Option<Codes>>;

pub fn write(
    package: &Package,
    types: &Types,
    value_sets: &ValueSets,
    registry: &Registry,
) -> String {
    let mut out = Lines::default();
    let elements: usize = types.all.iter().map(|t| t.elements.len()).sum();
    let members: usize = types.all.iter().map(|t| Types::members(t).len()).sum();
    out.line(&[
        "ward-table",
        FORMAT,
        &package.name,
        &package.version,
        &package.sha256,
    ]);
    out.line(&[
        "N",
        &types.all.len().to_string(),
        &elements.to_string(),
        &members.to_string(),
    ]);
    write_invariants(&mut out, &types.invariants);
    for row in &types.all {
        write_type(&mut out, types, row);
    }
    for (url, codes) in value_sets {
        write_value_set(&mut out, url, codes.as_ref());
    }
    let mut exact = vec!["Y"];
    exact.extend(case_sensitive(package));
    out.line(&exact);
    write_registry(&mut out, registry);
    out.into_text()
}

/// The code systems whose codes are case sensitive, in order. <https://hl7.org/fhir/R4/codesystem-definitions.html#CodeSystem.caseSensitive>
fn case_sensitive(package: &Package) -> BTreeSet<&str> {
    let systems = package.all("CodeSystem");
    systems
        .filter(|system| system["caseSensitive"] == true)
        .map(|system| text_of(system, "url"))
        .collect()
}

/// Readable companion of a table: names and counts of what is in it.
pub fn manifest(package: &Package, table: &str, counts: &[(&str, usize)]) -> String {
    let mut out = String::from(
        "# Written by `cargo xtask profiles`; facts only, derived from the named package.\n",
    );
    let (name, version, sha256) = (&package.name, &package.version, &package.sha256);
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "name = \"{name}\"\nversion = \"{version}\"\ninput_sha256 = \"{sha256}\"\n"
    );
    let _ = writeln!(out, "table_bytes = {}", table.len());
    for (what, count) in counts {
        let _ = writeln!(out, "{what} = {count}");
    }
    out
}

/// Names and counts, for the manifest.
pub fn counts(
    package: &Package,
    types: &Types,
    value_sets: &ValueSets,
    registry: &Registry,
) -> Vec<(&'static str, usize)> {
    let kind = |kind: Kind| types.all.iter().filter(move |t| t.kind == kind);
    vec![
        (
            "resource_types",
            kind(Kind::Resource).filter(|t| !t.is_abstract).count(),
        ),
        ("data_types", kind(Kind::Complex).count()),
        ("primitive_types", kind(Kind::Primitive).count()),
        ("backbone_types", kind(Kind::Backbone).count()),
        ("elements", types.all.iter().map(|t| t.elements.len()).sum()),
        ("invariants", types.invariants.all.len()),
        ("search_parameters", registry.search_parameters.len()),
        ("operations", registry.operations.len()),
        ("compartments", registry.compartments.len()),
        ("value_sets", value_sets.len()),
        (
            "value_sets_enumerated",
            value_sets.values().flatten().count(),
        ),
        ("code_systems_case_sensitive", case_sensitive(package).len()),
    ]
}

pub fn write_invariants(out: &mut Lines, invariants: &Invariants) {
    for invariant in &invariants.all {
        let severity = if invariant.is_error { "E" } else { "W" };
        out.line(&[
            "I",
            &invariant.key,
            severity,
            &invariant.human,
            &invariant.expression,
        ]);
    }
}

fn write_type(out: &mut Lines, types: &Types, row: &TypeRow) {
    let kind = match row.kind {
        Kind::Primitive => "P",
        Kind::Complex => "C",
        Kind::Resource => "R",
        Kind::Backbone => "B",
    };
    let members = Types::members(row);
    out.line(&[
        "T",
        &row.name,
        kind,
        if row.is_abstract { "1" } else { "0" },
        &row.base
            .as_ref()
            .and_then(|b| types.number(b))
            .map_or_else(String::new, |n| n.to_string()),
        &row.elements.len().to_string(),
        &members.len().to_string(),
        &numbers(&row.invariants),
    ]);
    for element in &row.elements {
        write_element(out, types, element);
    }
    for (json_name, element, ty, is_array) in members {
        let ty = types.number(ty).map_or_else(String::new, |n| n.to_string());
        out.line(&[
            "M",
            &json_name,
            &element.to_string(),
            &ty,
            if is_array { "1" } else { "0" },
        ]);
    }
}

fn write_element(out: &mut Lines, types: &Types, element: &ElementRow) {
    let number = |name: &String| types.number(name);
    let mut type_refs = String::new();
    for ty in &element.types {
        let targets: Vec<usize> = ty.targets.iter().filter_map(number).collect();
        let separator = if type_refs.is_empty() { "" } else { ";" };
        let own = number(&ty.name).unwrap_or_default();
        let colon = if targets.is_empty() { "" } else { ":" };
        // Writing to a String cannot fail.
        let _ = write!(type_refs, "{separator}{own}{colon}{}", numbers(&targets));
    }
    let flags = [
        (element.is_choice, 'c'),
        (element.is_modifier, 'm'),
        (element.is_summary, 's'),
        (element.is_xml_attribute, 'a'),
    ];
    let flags: String = flags.iter().filter(|f| f.0).map(|f| f.1).collect();
    let (strength, value_set) = element
        .binding
        .as_ref()
        .map_or(("", ""), |(s, v)| (s.as_str(), v.as_str()));
    out.line(&[
        "E",
        &element.path,
        &element.min.to_string(),
        &element.max,
        &flags,
        &type_refs,
        strength,
        value_set,
        &numbers(&element.invariants),
    ]);
}

pub fn write_value_set(out: &mut Lines, url: &str, codes: Option<&Codes>) {
    let Some(codes) = codes else {
        return out.line(&["V", url, "-"]);
    };
    out.line(&["V", url, &codes.len().to_string()]);
    let mut by_system: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (system, code) in codes {
        by_system.entry(system).or_default().push(code);
    }
    for (system, codes) in by_system {
        let mut fields = vec!["S", system];
        fields.extend(codes);
        out.line(&fields);
    }
}

pub fn write_registry(out: &mut Lines, registry: &Registry) {
    for p in &registry.search_parameters {
        out.line(&[
            "P",
            &p.url,
            &p.code,
            &p.ty,
            &p.bases.join(","),
            &p.expression,
            &p.targets.join(","),
            flag(p.multiple_or),
            flag(p.multiple_and),
            &p.comparators.join(","),
            &p.modifiers.join(","),
            &p.chains.join(","),
        ]);
        for (definition, expression) in &p.components {
            out.line(&["K", definition, expression]);
        }
    }
    for o in &registry.operations {
        let (state, resources) = (flag(o.affects_state), o.resources.join(","));
        out.line(&[
            "O",
            &o.url,
            &o.code,
            state,
            flag(o.system),
            flag(o.type_level),
            flag(o.instance),
            &resources,
        ]);
    }
    for compartment in &registry.compartments {
        out.line(&["C", &compartment.code]);
        for (member, parameters) in &compartment.members {
            out.line(&["B", member, &parameters.join(",")]);
        }
    }
}

pub fn flag(value: bool) -> &'static str {
    if value { "1" } else { "0" }
}

pub fn numbers(values: &[usize]) -> String {
    values
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(",")
}

#[derive(Default)]
pub struct Lines(String);

impl Lines {
    /// Runs of white space inside a field become one space: tabs and newlines structure the table.
    pub fn line(&mut self, fields: &[&str]) {
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                self.0.push('\t');
            }
            if field.contains(['\t', '\n', '\r']) {
                self.0
                    .push_str(&field.split_whitespace().collect::<Vec<_>>().join(" "));
            } else {
                self.0.push_str(field);
            }
        }
        self.0.push('\n');
    }

    pub fn record(&mut self, kind: &str, fields: &[String]) {
        let mut all = vec![kind];
        all.extend(fields.iter().map(String::as_str));
        self.line(&all);
    }

    pub fn into_text(self) -> String {
        self.0
    }
}
