//! Search parameters as the CapabilityStatement and the OpenAPI document tell of them.
//! <https://hl7.org/fhir/R4/searchparameter-registry.html>

use ward_fhir::TypeId;
use ward_fhir::schema::{SearchType, r4};
use ward_search::query::modifiers;
use ward_search::registry::{Parameter, Registry};

/// Parameters of every search: name, the last part of the definition's url, type.
pub const COMMON: &[(&str, &str, &str)] = &[
    ("_id", "Resource-id", "token"),
    ("_lastUpdated", "Resource-lastUpdated", "date"),
    ("_tag", "Resource-tag", "token"),
    ("_profile", "Resource-profile", "uri"),
    ("_security", "Resource-security", "token"),
    ("_source", "Resource-source", "uri"),
    ("_text", "DomainResource-text", "string"),
    ("_content", "Resource-content", "string"),
    ("_filter", "filter", "special"),
    ("_query", "Resource-query", "special"),
];

/// Parameters of every search that no SearchParameter of a type defines: name, type, what they do.
pub const EVERYWHERE: &[(&str, &str, &str)] = &[
    (
        "_list",
        "special",
        "Members of a List, by its id, as far as the caller may read it.",
    ),
    (
        "_has",
        "special",
        "Reverse chaining: _has:Type:reference:parameter=value, nested to any depth up to 8.",
    ),
    (
        "_type",
        "special",
        "Types of a search over several: Type,Type.",
    ),
];

/// Parameters that shape an answer: name and what they do. <https://hl7.org/fhir/R4/search.html#return>
pub const SHAPING: &[(&str, &str)] = &[
    ("_count", "Entries of a page; 0 asks for the total only."),
    (
        "_sort",
        "Parameters to sort by, with commas, _lastUpdated, _id and _score among them; a minus sign before one sorts downwards.",
    ),
    (
        "_score",
        "true or false: whether matches show their relevance. Not stated: where _text or _content grade them.",
    ),
    ("_total", "none, estimate or accurate."),
    ("_summary", "true, text, data, count or false."),
    (
        "_elements",
        "Elements to show, name or Type.name, with commas.",
    ),
    (
        "_include",
        "What the matches refer to: Type:parameter, Type:parameter:Target, Type:* or *; :iterate goes on from there.",
    ),
    (
        "_revinclude",
        "What refers to the matches: Type:parameter or *; :iterate goes on from there.",
    ),
    (
        "_contained",
        "true, false or both: whether criteria look at contained resources.",
    ),
    (
        "_containedType",
        "container or contained: which of them is returned.",
    ),
];

/// What a parameter reads and takes, and what it costs.
pub fn documentation(parameter: &Parameter) -> String {
    let mut text = match parameter.def.expression() {
        "" => String::new(),
        expression => format!("Reads {expression}. "),
    };
    let targets = targets(parameter);
    if !parameter.def.targets().is_empty() && !targets.is_empty() {
        let names: Vec<&str> = targets.iter().map(|ty| r4().ty(*ty).name).collect();
        let how = match parameter.is_chainable() {
            true => "chains with a dot",
            false => "by its URL",
        };
        text.push_str(&format!("Refers to {}; {how}. ", names.join(", ")));
    }
    let names: Vec<String> = modifiers(r4(), parameter)
        .iter()
        .map(|m| format!(":{m}"))
        .collect();
    if !names.is_empty() {
        text.push_str(&format!("Modifiers {}. ", names.join(" ")));
    }
    if matches!(
        parameter.def.ty(),
        SearchType::Date | SearchType::Number | SearchType::Quantity
    ) {
        text.push_str("Prefixes eq ne gt lt ge le sa eb ap. ");
    }
    if parameter.is_custom() {
        text.push_str("Defined by a client");
        text.push_str(match parameter.is_indexed() {
            true => ".",
            false => ": until the index is built, every resource that the other criteria leave is looked at.",
        });
    }
    text.trim_end().to_owned()
}

pub fn type_name(ty: SearchType) -> &'static str {
    match ty {
        SearchType::Number => "number",
        SearchType::Date => "date",
        SearchType::String => "string",
        SearchType::Token => "token",
        SearchType::Reference => "reference",
        SearchType::Composite => "composite",
        SearchType::Quantity => "quantity",
        SearchType::Uri => "uri",
        SearchType::Special => "special",
    }
}

/// Served reference parameters of a type.
pub fn references(registry: &Registry, ty: TypeId) -> impl Iterator<Item = &Parameter> {
    let served = registry.of(ty).served();
    served.filter(|p| p.def.ty() == SearchType::Reference)
}

/// Types that a reference parameter may lead to; none listed: any.
pub fn targets(parameter: &Parameter) -> Vec<TypeId> {
    parameter.targets(r4())
}
