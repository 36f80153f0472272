//! capabilities: the CapabilityStatement, generated from the registries that route and answer.
//! <https://hl7.org/fhir/R4/http.html#capabilities>

pub mod parameters;

use self::parameters::{
    COMMON, EVERYWHERE, SHAPING, documentation, references, targets, type_name,
};
use crate::engine::{Context, Engine, ReferenceCheck};
use crate::operations::SERVED;
use crate::reply::Reply;
use crate::route::{codes_on_system, codes_on_type};
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::OnceLock;
use ward_fhir::issue::Result;
use ward_fhir::schema::codes::r4_codes;
use ward_fhir::schema::{TypeKind, r4};
use ward_fhir::{Failure, Kind, TypeId};
use ward_search::registry::Registry;

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

pub async fn capabilities(cx: Context<'_>) -> Result<Reply> {
    let mode = cx.call.parameter("mode").unwrap_or("full");
    let engine = cx.engine;
    let served = engine.asking().await?;
    let (kept, registry) = (&served.documents, served.registry());
    let made = |statement: Value| Bytes::from(statement.to_string());
    let statement = match mode {
        "full" => kept
            .full
            .get_or_init(|| made(statement(engine, registry, &all_types()))),
        "normative" => kept
            .normative
            .get_or_init(|| made(statement(engine, registry, &normative_types()))),
        "terminology" => kept.terminology.get_or_init(|| made(terminology(engine))),
        _ => {
            return Err(Failure::new(
                Kind::Invalid,
                "mode is full, normative or terminology",
            ));
        }
    };
    Ok(Reply::resource(200, statement.clone()))
}

/// Documents that change with the software, its settings and the search parameters only, made on first use.
#[derive(Default)]
pub struct Documents {
    full: OnceLock<Bytes>,
    normative: OnceLock<Bytes>,
    terminology: OnceLock<Bytes>,
    pub(crate) openapi: OnceLock<Bytes>,
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

fn statement(engine: &Engine, registry: &Registry, types: &[TypeId]) -> Value {
    let referring = referring(registry);
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
            "security": engine.settings().security,
            "resource": types.iter().map(|t| resource(engine, registry, *t, &referring)).collect::<Vec<_>>(),
            "interaction": codes_on_system().iter().map(|c| json!({ "code": c })).collect::<Vec<_>>(),
            "searchParam": common_parameters(),
            "operation": operations(None),
            "compartment": compartments()
        }]
    })
}

/// The day of the build (`build.rs`): the statement changes with the software, not with the clock.
const BUILD_DATE: &str = env!("WARD_BUILD_DATE");

fn resource(engine: &Engine, registry: &Registry, ty: TypeId, referring: &Referring) -> Value {
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
        "searchInclude": includes(registry, ty),
        "searchRevInclude": referring.get(&ty).cloned().unwrap_or_default(),
        "searchParam": search_parameters(registry, ty),
    });
    let operations = operations(Some(ty));
    if let Value::Array(list) = &operations
        && !list.is_empty()
    {
        value["operation"] = operations;
    }
    match name {
        "AuditEvent" => fixed(value),
        _ => value,
    }
}

/// AuditEvents are taken in, read and searched: see `audit_events`.
pub(crate) fn interactions(name: &str) -> impl Iterator<Item = &'static str> {
    let is_fixed = name == "AuditEvent";
    codes_on_type()
        .into_iter()
        .filter(move |code| !is_fixed || OF_AUDIT_EVENTS.contains(code))
}

const OF_AUDIT_EVENTS: [&str; 4] = ["read", "vread", "search-type", "history-instance"];

/// What of a resource's entry says that AuditEvents are never changed.
fn fixed(mut entry: Value) -> Value {
    let changed = json!({
        "versioning": "versioned",
        "updateCreate": false,
        "conditionalCreate": false,
        "conditionalUpdate": false,
        "conditionalDelete": "not-supported",
        "documentation": "Rendered of the audit log, never changed or deleted. ITI-81 asks by agent.identifier, patient.identifier, \
            entity.identifier and source.identifier as well.",
    });
    if let (Value::Object(entry), Value::Object(changed)) = (&mut entry, changed) {
        entry.extend(changed);
    }
    entry
}

fn reference_policy(check: ReferenceCheck, delete_check: bool) -> Vec<&'static str> {
    let mut policy = vec!["literal", "logical", "local"];
    if check == ReferenceCheck::Always || delete_check {
        policy.push("enforced");
    }
    policy
}

/// `Type:parameter` of what may refer to each type.
type Referring = BTreeMap<TypeId, Vec<String>>;

fn referring(registry: &Registry) -> Referring {
    let mut referring = Referring::new();
    // AuditEvents are in no table that could be asked for what refers to something.
    let mut sources = all_types();
    sources.retain(|ty| !crate::audit_events::is(*ty));
    for source in sources {
        for parameter in references(registry, source).filter(|p| p.is_indexed()) {
            let value = format!("{}:{}", r4().ty(source).name, parameter.def.code());
            for target in targets(parameter) {
                referring.entry(target).or_default().push(value.clone());
            }
        }
    }
    referring
}

fn includes(registry: &Registry, ty: TypeId) -> Vec<String> {
    let name = r4().ty(ty).name;
    let own = references(registry, ty).map(|p| format!("{name}:{}", p.def.code()));
    ["*".to_owned(), format!("{name}:*")]
        .into_iter()
        .chain(own)
        .collect()
}

fn compartments() -> Vec<String> {
    let codes = r4().compartments.iter().map(|c| c.code.to_lowercase());
    codes
        .map(|code| format!("http://hl7.org/fhir/CompartmentDefinition/{code}"))
        .collect()
}

fn search_parameters(registry: &Registry, ty: TypeId) -> Vec<Value> {
    let served = registry.of(ty).served();
    served
        .map(|p| {
            let mut value =
                json!({ "name": p.def.code(), "definition": p.def.url(), "type": type_name(p.def.ty()) });
            let text = documentation(p);
            if !text.is_empty() {
                value["documentation"] = json!(text);
            }
            value
        })
        .collect()
}

/// What every search takes, whatever the types.
fn common_parameters() -> Vec<Value> {
    let defined = COMMON.iter().map(|(name, id, ty)| {
        json!({ "name": name, "definition": format!("http://hl7.org/fhir/SearchParameter/{id}"), "type": ty })
    });
    let everywhere = EVERYWHERE
        .iter()
        .map(|(name, ty, text)| json!({ "name": name, "type": ty, "documentation": text }));
    let shaping = SHAPING
        .iter()
        .map(|(name, text)| json!({ "name": name, "type": "special", "documentation": text }));
    defined.chain(everywhere).chain(shaping).collect()
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

/// <https://hl7.org/fhir/R4/terminologycapabilities.html>: what is held for the search modifiers; elements of operations that
/// are not served are absent.
fn terminology(engine: &Engine) -> Value {
    let systems = r4_codes().complete_systems();
    json!({
        "resourceType": "TerminologyCapabilities",
        "status": "active",
        "date": BUILD_DATE,
        "kind": "instance",
        "software": { "name": "Ward", "version": env!("CARGO_PKG_VERSION") },
        "implementation": { "description": "Ward, a FHIR R4 server", "url": engine.settings().base },
        "description": "Code systems of FHIR R4 that are held whole, for the search modifiers :in, :not-in, :above and :below; \
            ValueSet and CodeSystem resources of clients are used beside them. No terminology operation is served.",
        "codeSystem": systems.iter().map(|uri| json!({ "uri": uri })).collect::<Vec<_>>(),
        "codeSearch": "explicit"
    })
}
