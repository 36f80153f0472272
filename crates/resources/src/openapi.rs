//! The OpenAPI 3.1 document, generated from the registries that route, search and operate.
//! <https://spec.openapis.org/oas/v3.1.0>

use crate::capabilities::parameters::{COMMON, EVERYWHERE, SHAPING, documentation};
use crate::capabilities::{all_types, interactions};
use crate::engine::{Context, Engine};
use crate::operations::{SERVED, Served, changes_state};
use crate::reply::{Content, Reply};
use crate::route::ROUTES;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_search::registry::{Parameter, Registry};

/// Made once: it changes with the software, the base URL and the search parameters only.
pub async fn openapi(cx: Context<'_>) -> Result<Reply> {
    let served = cx.engine.asking().await?;
    let made = || Bytes::from(document(cx.engine, served.registry()).to_string());
    Ok(Reply {
        content: Content::Raw {
            media_type: "application/json".to_owned(),
            bytes: served.documents.openapi.get_or_init(made).clone(),
        },
        ..Reply::status(200)
    })
}

fn document(engine: &Engine, registry: &Registry) -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Ward, a FHIR R4 server",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The RESTful API of FHIR R4 (4.0.1): https://hl7.org/fhir/R4/http.html. HEAD is answered wherever GET is."
        },
        "servers": [{ "url": engine.settings().base }],
        "security": [{ "bearer": [] }],
        "paths": paths(registry),
        "components": {
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer" } },
            "parameters": components(registry),
            "responses": {
                "resource": { "description": "A FHIR resource: what was asked for, or a Bundle of it.", "content": fhir() },
                "outcome": { "description": "An OperationOutcome that says what was wrong and where.", "content": fhir() }
            }
        }
    })
}

fn fhir() -> Value {
    json!({
        "application/fhir+json": { "schema": { "type": "object", "required": ["resourceType"] } },
        "application/fhir+xml": { "schema": { "type": "string" } }
    })
}

/// The parameters of a search that is POSTed, beside those in its URL.
fn form() -> Value {
    let pairs = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    json!({ "required": false, "content": { "application/x-www-form-urlencoded": { "schema": pairs } } })
}

fn paths(registry: &Registry) -> Value {
    let mut paths = Map::new();
    for (template, methods) in ROUTES {
        for (path, name) in expand(template) {
            let offered = |code: &str| {
                name.is_none_or(|n| {
                    let is_row = template.starts_with("/{type}");
                    !is_row || code == "batch" || interactions(n).any(|c| c == code)
                })
            };
            let entries = methods.iter().filter(|(_, code)| offered(code));
            let entries = entries.map(|(method, code)| {
                (
                    (*method).to_owned(),
                    operation(registry, template, &path, name, method, code),
                )
            });
            paths.insert(path.clone(), Value::Object(entries.collect()));
        }
    }
    for served in SERVED {
        for path in operation_paths(served) {
            let entry = paths.entry(path.clone()).or_insert_with(|| json!({}));
            for method in methods_of(served) {
                let mut parameters = in_path(&path);
                parameters.extend(asked(registry, served.name));
                entry[*method] = json!({
                    "summary": format!("${}", served.name),
                    "externalDocs": { "url": served.definition },
                    "parameters": parameters,
                    "responses": responses(false),
                });
                if *method == "post" {
                    let is_needed = changes_state(served.name);
                    entry[*method]["requestBody"] =
                        json!({ "required": is_needed, "content": fhir() });
                }
            }
        }
    }
    Value::Object(paths)
}

/// Parameters of an operation that searches; the others take what they need in the body.
fn asked(registry: &Registry, name: &str) -> Vec<Value> {
    match name {
        "everything" => {
            let own = [
                "start",
                "end",
                "_since",
                "_type",
                "_count",
                "_summary",
                "_elements",
            ];
            own.iter().map(|name| reference(name)).collect()
        }
        "lastn" => {
            // It has one page, in an order of its own.
            let shaping = SHAPING.iter().map(|(name, _)| *name);
            let shaping = shaping.filter(|name| !matches!(*name, "_count" | "_sort"));
            let own = std::iter::once("max").chain(shaping).map(reference);
            own.chain(criteria(registry, Some("Observation"))).collect()
        }
        _ => Vec::new(),
    }
}

/// Paths of a template with the type each is about.
fn expand(template: &str) -> Vec<(String, Option<&'static str>)> {
    if template.starts_with("/{owner}") {
        return within_compartments(template);
    }
    let names: Vec<&'static str> = match template {
        t if t.contains("{type}") => all_types().iter().map(|ty| r4().ty(*ty).name).collect(),
        _ => return vec![(template.to_owned(), None)],
    };
    let path = |name: &str| template.replace("{type}", name);
    names.into_iter().map(|n| (path(n), Some(n))).collect()
}

/// Each type of each compartment by itself, for its own criteria, and all of them.
fn within_compartments(template: &str) -> Vec<(String, Option<&'static str>)> {
    let mut paths = Vec::new();
    for compartment in &r4().compartments {
        let template = template.replace("{owner}", compartment.code);
        let members = compartment.members.iter();
        let members = members.filter(|(_, codes)| !codes.is_empty());
        let mut names: Vec<&'static str> = members.map(|(ty, _)| r4().ty(*ty).name).collect();
        names.push(compartment.code);
        names.sort_unstable();
        names.dedup();
        let path = |name: &str| template.replace("{member}", name);
        paths.push((path("*"), None));
        paths.extend(names.into_iter().map(|n| (path(n), Some(n))));
    }
    paths
}

fn operation(
    registry: &Registry,
    template: &str,
    path: &str,
    name: Option<&str>,
    method: &str,
    code: &str,
) -> Value {
    let mut parameters = in_path(path);
    let is_search = code.starts_with("search");
    let by_criteria = template == "/{type}" && matches!(method, "put" | "patch" | "delete");
    if is_search || by_criteria {
        parameters.extend(criteria(registry, name));
    }
    if is_search {
        parameters.extend(SHAPING.iter().map(|(name, _)| reference(name)));
    }
    if matches!(code, "read" | "vread") || code.starts_with("history") {
        parameters.extend(["_summary", "_elements"].iter().map(|n| reference(n)));
    }
    if code.starts_with("history") {
        parameters.extend(["_count", "_since", "_at"].iter().map(|n| reference(n)));
    }
    let mut operation = json!({
        "summary": code,
        "parameters": parameters,
        "responses": responses(code == "delete"),
    });
    if let Some(name) = name {
        operation["tags"] = json!([name]);
    }
    if code == "capabilities" {
        operation["security"] = json!([]);
    }
    if matches!(method, "post" | "put" | "patch") {
        operation["requestBody"] = match is_search {
            true => form(),
            false => json!({ "required": true, "content": fhir() }),
        };
    }
    operation
}

fn criteria(registry: &Registry, name: Option<&str>) -> Vec<Value> {
    let mut found: Vec<Value> = EVERYWHERE
        .iter()
        .map(|(name, ..)| reference(name))
        .collect();
    match name.and_then(|n| r4().resource_type(n)) {
        Some(ty) => found.extend(registry.of(ty).served().map(|p| reference(&key(p)))),
        None => found.extend(COMMON.iter().map(|(_, id, _)| reference(id))),
    }
    found
}

fn reference(key: &str) -> Value {
    json!({ "$ref": format!("#/components/parameters/{key}") })
}

/// The last part of a SearchParameter's url is unique in the package.
fn key(parameter: &Parameter) -> String {
    let url = parameter.def.url();
    match parameter.is_custom() {
        true => format!("custom-{}", parameter.def.number()),
        false => url.rsplit('/').next().unwrap_or(url).to_owned(),
    }
}

fn in_path(path: &str) -> Vec<Value> {
    let names = ["id", "vid"].iter();
    let names = names.filter(|name| path.contains(&format!("{{{name}}}")));
    names
        .map(|name| reference(&format!("path.{name}")))
        .collect()
}

fn components(registry: &Registry) -> Value {
    let mut all = Map::new();
    let mut add = |key: &str, name: &str, place: &str, text: &str| {
        let parameter = json!({
            "name": name, "in": place, "required": place == "path", "description": text, "schema": { "type": "string" }
        });
        all.insert(key.to_owned(), parameter);
    };
    add("path.id", "id", "path", "Logical id.");
    add("path.vid", "vid", "path", "Version id.");
    add(
        "_since",
        "_since",
        "query",
        "Only versions at or after this instant.",
    );
    add(
        "_at",
        "_at",
        "query",
        "Only versions current at some time of this date or instant.",
    );
    for (name, text) in OF_OPERATIONS {
        add(name, name, "query", text);
    }
    for (name, _, text) in EVERYWHERE {
        add(name, name, "query", text);
    }
    for (name, text) in SHAPING {
        add(name, name, "query", text);
    }
    for ty in all_types() {
        for parameter in registry.of(ty).served() {
            let text = documentation(parameter);
            add(&key(parameter), parameter.def.code(), "query", &text);
        }
    }
    Value::Object(all)
}

/// Parameters that operations alone have: name and what they do.
const OF_OPERATIONS: &[(&str, &str)] = &[
    ("start", "Only care from this date on."),
    ("end", "Only care up to this date."),
    ("max", "Observations of each kind; 1 if not stated."),
];

fn operation_paths(served: &Served) -> Vec<String> {
    let name = served.name;
    let all = all_types();
    let types = all.iter().map(|ty| r4().ty(*ty).name);
    let types: Vec<&str> = types
        .filter(|t| served.types.is_empty() || served.types.contains(t))
        .collect();
    let mut paths = Vec::new();
    if served.system {
        paths.push(format!("/${name}"));
    }
    for ty in types {
        if served.on_type {
            paths.push(format!("/{ty}/${name}"));
        }
        if served.instance {
            paths.push(format!("/{ty}/{{id}}/${name}"));
        }
    }
    paths
}

fn methods_of(served: &Served) -> &'static [&'static str] {
    if changes_state(served.name) {
        &["post"]
    } else {
        &["get", "post"]
    }
}

fn responses(is_delete: bool) -> Value {
    let ok = if is_delete { "204" } else { "200" };
    let mut responses = json!({
        "4XX": { "$ref": "#/components/responses/outcome" },
        "5XX": { "$ref": "#/components/responses/outcome" }
    });
    responses[ok] = if is_delete {
        json!({ "description": "Deleted." })
    } else {
        json!({ "$ref": "#/components/responses/resource" })
    };
    responses
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::{Method, route};

    #[test]
    fn every_operation_has_its_paths() {
        for served in SERVED {
            for path in operation_paths(served) {
                for method in methods_of(served) {
                    let method = Method::parse(&method.to_uppercase()).unwrap();
                    let path = path.replace("{id}", "1");
                    let found = route(method, path.trim_start_matches('/')).unwrap();
                    assert_eq!(found.code(), "operation", "{path}");
                }
            }
        }
    }
}
