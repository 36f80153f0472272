//! The second table: code systems with their hierarchy and the composition of value sets, read by `ward_fhir::schema::codes`
//! only when a search asks for them. <https://hl7.org/fhir/R4/codesystem.html#hierarchy>

use serde_json::Value;

use super::package::{Package, items_of, text_of, texts_of};

const FORMAT: &str = "1";

/// The table as text; records as described in `crates/fhir/src/schema/codes.rs`.
pub fn write(package: &Package) -> String {
    let mut out = String::new();
    line(
        &mut out,
        &[
            "ward-codes",
            FORMAT,
            &package.name,
            &package.version,
            &package.sha256,
        ],
    );
    for system in package.all("CodeSystem") {
        let complete = text_of(system, "content") == "complete";
        let held = if complete { "C" } else { "P" };
        line(&mut out, &["S", text_of(system, "url"), held]);
        concepts(&mut out, system, 0);
    }
    for set in package.all("ValueSet") {
        let Some(compose) = set.get("compose") else {
            continue;
        };
        line(&mut out, &["V", text_of(set, "url")]);
        for (record, member) in [("I", "include"), ("X", "exclude")] {
            for component in items_of(compose, member) {
                write_component(&mut out, record, component);
            }
        }
    }
    out
}

fn concepts(out: &mut String, parent: &Value, depth: usize) {
    for concept in items_of(parent, "concept") {
        let properties = items_of(concept, "property").iter();
        let grouping = properties
            .clone()
            .any(|p| text_of(p, "code") == "notSelectable" && p["valueBoolean"] == true);
        let mark = if grouping { "!" } else { "" };
        let depth_text = format!("{mark}{depth}");
        let mut fields = vec!["H", &depth_text, text_of(concept, "code")];
        fields.extend(
            properties
                .filter(|p| matches!(text_of(p, "code"), "subsumedBy" | "parent"))
                .map(|p| text_of(p, "valueCode"))
                .filter(|code| !code.is_empty()),
        );
        line(out, &fields);
        concepts(out, concept, depth + 1);
    }
}

fn write_component(out: &mut String, record: &str, component: &Value) {
    let sets = texts_of(component, "valueSet").join(" ");
    let filters: Vec<String> = items_of(component, "filter")
        .iter()
        .map(|f| {
            [
                text_of(f, "op"),
                text_of(f, "property"),
                text_of(f, "value"),
            ]
            .join(" ")
        })
        .collect();
    let mut fields = vec![record, text_of(component, "system"), &sets];
    fields.extend(filters.iter().map(String::as_str));
    line(out, &fields);
    if component.get("concept").is_some() {
        let mut fields = vec!["K"];
        fields.extend(
            items_of(component, "concept")
                .iter()
                .map(|c| text_of(c, "code")),
        );
        line(out, &fields);
    }
}

/// Tabs and newlines structure the table; a code has neither.
fn line(out: &mut String, fields: &[&str]) {
    for (at, field) in fields.iter().enumerate() {
        if at > 0 {
            out.push('\t');
        }
        out.extend(field.chars().map(|c| if c.is_control() { ' ' } else { c }));
    }
    out.push('\n');
}
