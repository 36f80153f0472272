//! capabilities: the CapabilityStatement, generated from the registries that route and answer.
//! <https://hl7.org/fhir/R4/http.html#capabilities>

use crate::engine::{Context, Engine, ReferenceCheck};
use crate::operations::SERVED;
use crate::reply::Reply;
use serde_json::{Value, json};
use ward_fhir::issue::Result;
use ward_fhir::schema::{SearchType, TypeKind, r4};
use ward_fhir::{Failure, Kind, TypeId};

/// Resource types whose R4 content is normative. <https://hl7.org/fhir/R4/ansi.html>
const NORMATIVE: &[&str] = &[
    "Binary",
    "Bundle",
    "CapabilityStatement",
    "CodeSystem",
    "Observation",
    "OperationDefinition",
    "OperationOutcome",
    "Parameters",
    "Patient",
    "StructureDefinition",
    "ValueSet",
];

/// Interactions of the RESTful API at each level, as `route` knows them.
const ON_TYPE: &[&str] = &[
    "read",
    "vread",
    "update",
    "patch",
    "delete",
    "history-instance",
    "history-type",
    "create",
    "search-type",
];
const ON_SYSTEM: &[&str] = &["transaction", "batch", "search-system", "history-system"];

pub async fn capabilities(cx: Context<'_>) -> Result<Reply> {
    let mode = cx.call.parameter("mode").unwrap_or("full");
    let statement = match mode {
        "full" => statement(cx.engine, &all_types()),
        "normative" => statement(cx.engine, &normative_types()),
        "terminology" => terminology(cx.engine),
        _ => {
            return Err(Failure::new(
                Kind::Invalid,
                "mode is full, normative or terminology",
            ));
        }
    };
    Ok(Reply::resource(200, statement.to_string().into_bytes()))
}

pub fn all_types() -> Vec<TypeId> {
    let schema = r4();
    schema
        .types
        .iter()
        .filter(|t| t.kind == TypeKind::Resource && !t.is_abstract)
        .map(|t| t.id)
        .collect()
}

fn normative_types() -> Vec<TypeId> {
    all_types()
        .into_iter()
        .filter(|t| NORMATIVE.contains(&r4().ty(*t).name))
        .collect()
}

fn statement(engine: &Engine, types: &[TypeId]) -> Value {
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": BUILD_DATE,
        "kind": "instance",
        "software": { "name": "Ward", "version": env!("CARGO_PKG_VERSION") },
        "implementation": { "description": "Ward, a FHIR R4 server", "url": engine.settings().base },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "application/fhir+xml", "json", "xml"],
        "patchFormat": ["application/json-patch+json", "application/xml-patch+xml", "application/fhir+json", "application/fhir+xml"],
        "rest": [{
            "mode": "server",
            "documentation": "Every request but this one needs a bearer token; what the token's scopes do not reach does not exist for it.",
            "security": {
                "cors": true,
                "service": [{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR" }] }],
                "description": "OAuth 2.0 bearer tokens with SMART scopes (v1 and v2)."
            },
            "resource": types.iter().map(|t| resource(engine, *t)).collect::<Vec<_>>(),
            "interaction": ON_SYSTEM.iter().map(|c| json!({ "code": c })).collect::<Vec<_>>(),
            "searchParam": common_parameters(),
            "operation": operations(None),
            "compartment": ["http://hl7.org/fhir/CompartmentDefinition/patient"]
        }]
    })
}

/// The day of the build (`build.rs`): the statement changes with the software, not with the clock.
const BUILD_DATE: &str = env!("WARD_BUILD_DATE");

fn resource(engine: &Engine, ty: TypeId) -> Value {
    let name = r4().ty(ty).name;
    let settings = engine.settings();
    let mut value = json!({
        "type": name,
        "profile": format!("http://hl7.org/fhir/StructureDefinition/{name}"),
        "interaction": interactions(name).map(|c| json!({ "code": c })).collect::<Vec<_>>(),
        "versioning": "versioned-update",
        "readHistory": true,
        "updateCreate": true,
        "conditionalCreate": true,
        "conditionalRead": "full-support",
        "conditionalUpdate": true,
        "conditionalDelete": if settings.conditional_delete_max > 1 { "multiple" } else { "single" },
        "referencePolicy": reference_policy(settings.reference_check, settings.delete_check),
        "searchParam": search_parameters(engine, ty),
    });
    let operations = operations(Some(ty));
    if let Value::Array(list) = &operations
        && !list.is_empty()
    {
        value["operation"] = operations;
    }
    value
}

/// An AuditEvent is written once: see `write::demand_changeable`.
fn interactions(name: &str) -> impl Iterator<Item = &'static str> {
    let is_fixed = name == "AuditEvent";
    ON_TYPE
        .iter()
        .copied()
        .filter(move |code| !(is_fixed && matches!(*code, "patch" | "delete")))
}

fn reference_policy(check: ReferenceCheck, delete_check: bool) -> Vec<&'static str> {
    let mut policy = vec!["literal", "logical", "local"];
    if check == ReferenceCheck::Always || delete_check {
        policy.push("enforced");
    }
    policy
}

fn search_parameters(engine: &Engine, ty: TypeId) -> Vec<Value> {
    let served = engine.registry.of(ty).served();
    served.map(|p| json!({ "name": p.def.code, "definition": p.def.url, "type": search_type(p.def.ty) })).collect()
}

fn common_parameters() -> Vec<Value> {
    let common = [
        ("_id", "Resource-id", "token"),
        ("_lastUpdated", "Resource-lastUpdated", "date"),
    ];
    common
        .iter()
        .map(|(name, id, ty)| json!({ "name": name, "definition": format!("http://hl7.org/fhir/SearchParameter/{id}"), "type": ty }))
        .collect()
}

fn search_type(ty: SearchType) -> &'static str {
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

/// Operations of a type, or those on system level.
fn operations(ty: Option<TypeId>) -> Value {
    let fits = |s: &&crate::operations::Served| match ty {
        None => s.system,
        Some(ty) => {
            (s.on_type || s.instance) && (s.types.is_empty() || s.types.contains(&r4().ty(ty).name))
        }
    };
    SERVED
        .iter()
        .filter(fits)
        .map(|s| json!({ "name": s.name, "definition": s.definition }))
        .collect()
}

/// <https://hl7.org/fhir/R4/terminologycapabilities.html>: no terminology operation is served yet, and it says so.
fn terminology(engine: &Engine) -> Value {
    json!({
        "resourceType": "TerminologyCapabilities",
        "status": "active",
        "date": BUILD_DATE,
        "kind": "instance",
        "software": { "name": "Ward", "version": env!("CARGO_PKG_VERSION") },
        "implementation": { "description": "Ward, a FHIR R4 server", "url": engine.settings().base },
        "codeSearch": "explicit"
    })
}
