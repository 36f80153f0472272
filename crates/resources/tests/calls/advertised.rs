//! What `/metadata` lists is served: every parameter with every modifier, every include and revinclude of every type is read
//! in strict mode without a refusal, and answered by the store.

use crate::house::{House, json, loader, text, type_id};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use ward_fhir::schema::r4;
use ward_resources::Content;
use ward_resources::route::Method::Get;
use ward_search::extract::Extractor;
use ward_search::query::{Options, parse};
use ward_search::registry::Registry;
use ward_search::terminology::Embedded;

pub async fn everything_that_is_listed_is_served(house: House) {
    let statement = json(&house.ask(&loader(), Get, "metadata", None).await);
    let asked = Asked::new();
    let rest = &statement["rest"][0];
    let mut count = 0;
    for resource in rest["resource"].as_array().unwrap() {
        let ty = resource["type"].as_str().unwrap();
        for listed in resource["searchParam"].as_array().unwrap() {
            let questions = questions(ty, listed);
            for (name, value) in &questions {
                asked.demand(ty, name, value);
                count += 1;
            }
            answered(&house, ty, &questions).await;
        }
        for (name, list) in [
            ("_include", &resource["searchInclude"]),
            ("_revinclude", &resource["searchRevInclude"]),
        ] {
            let values = list.as_array().unwrap().iter();
            let values = values.map(|value| (name.to_owned(), value.as_str().unwrap().to_owned()));
            let values: Vec<(String, String)> = values.collect();
            for (name, value) in &values {
                asked.demand(ty, name, value);
                count += 1;
            }
            answered(&house, ty, &values).await;
        }
    }
    for listed in rest["searchParam"].as_array().unwrap() {
        let name = listed["name"].as_str().unwrap();
        let Some((name, value)) = shaping(name) else {
            let questions = questions("", listed);
            questions.iter().for_each(|(n, v)| asked.demand("", n, v));
            answered(&house, "", &questions).await;
            continue;
        };
        asked.demand("Patient", name, value);
        answered(&house, "Patient", &[(name.to_owned(), value.to_owned())]).await;
    }
    // 146 types, each with its own and the common ones.
    assert!(count > 15_000, "{count}");
}

/// Includes that one search may have.
const INCLUDES_MAX: usize = 20;

/// All of them as criteria of as few searches as their bounds permit, which the store answers.
async fn answered(house: &House, ty: &str, questions: &[(String, String)]) {
    for some in questions.chunks(INCLUDES_MAX) {
        let criteria = some.iter().map(|(name, value)| format!("&{name}={value}"));
        let url = format!("{ty}?_count=1{}", criteria.collect::<String>());
        let reply = house.ask(&loader(), Get, &url, None).await;
        let said = text(&reply);
        assert_eq!(reply.status, 200, "{said}\n{url}");
    }
}

/// Names of the parameters in the query of an operation of the OpenAPI document, each there once.
fn queried(document: &Value, path: &str, method: &str) -> BTreeSet<String> {
    let listed = document["paths"][path][method]["parameters"].as_array();
    let listed = listed.unwrap_or_else(|| panic!("{method} {path}")).iter();
    let resolved = listed.map(|p| {
        let pointer = p["$ref"].as_str().unwrap().trim_start_matches('#');
        document
            .pointer(pointer)
            .unwrap_or_else(|| panic!("{pointer}"))
    });
    let mut names = BTreeSet::new();
    for parameter in resolved.filter(|p| p["in"] == "query") {
        let name = parameter["name"].as_str().unwrap();
        assert!(names.insert(name.to_owned()), "{method} {path} {name}");
    }
    names
}

fn names(list: &Value) -> BTreeSet<String> {
    let list = list.as_array().unwrap().iter();
    list.map(|p| p["name"].as_str().unwrap().to_owned())
        .collect()
}

pub async fn both_documents_list_the_same(house: House) {
    let statement = json(&house.ask(&loader(), Get, "metadata", None).await);
    let reply = house.ask(&loader(), Get, "openapi.json", None).await;
    let Content::Raw { bytes, .. } = &reply.content else {
        panic!("no document")
    };
    let document: Value = serde_json::from_slice(bytes).unwrap();
    let rest = &statement["rest"][0];
    let common = names(&rest["searchParam"]);
    let of_type = |ty: &str| {
        let all = rest["resource"].as_array().unwrap();
        let own = all.iter().find(|r| r["type"] == ty).unwrap();
        let own = names(&own["searchParam"]);
        own.union(&common).cloned().collect::<BTreeSet<_>>()
    };
    for (path, method, expected) in [
        ("/", "get", common.clone()),
        ("/_search", "post", common.clone()),
        ("/Observation", "get", of_type("Observation")),
        ("/Observation/_search", "post", of_type("Observation")),
        ("/Patient/{id}/*", "get", common.clone()),
        ("/Patient/{id}/Observation", "get", of_type("Observation")),
        ("/Encounter/{id}/Encounter", "get", of_type("Encounter")),
        ("/Device/{id}/Account/_search", "post", of_type("Account")),
    ] {
        let listed = queried(&document, path, method);
        assert!(expected.is_subset(&listed), "{method} {path}: {listed:?}");
        let body = &document["paths"][path][method]["requestBody"]["content"];
        let form = body.get("application/x-www-form-urlencoded");
        assert_eq!(form.is_some(), method == "post", "{method} {path}");
    }
    for method in ["get", "post"] {
        let last = queried(&document, "/Observation/$lastn", method);
        assert!(
            ["max", "patient", "code", "_include"]
                .iter()
                .all(|n| last.contains(*n))
        );
        assert!(!last.contains("_sort") && !last.contains("_count"));
        for path in [
            "/Patient/$everything",
            "/Patient/{id}/$everything",
            "/Encounter/{id}/$everything",
        ] {
            let own = [
                "_count",
                "_elements",
                "_since",
                "_summary",
                "_type",
                "end",
                "start",
            ];
            assert_eq!(
                queried(&document, path, method),
                own.map(str::to_owned).into(),
                "{path}"
            );
        }
    }
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let has_body = matches!(method.as_str(), "post" | "put" | "patch");
            assert_eq!(
                operation.get("requestBody").is_some(),
                has_body,
                "{method} {path}"
            );
        }
    }
}

struct Asked(Extractor);

impl Asked {
    fn new() -> Self {
        let key = ward_search::entries::TermKey([3; 16]);
        Self(Extractor::new(Arc::new(Registry::new(r4())), key, None))
    }

    fn demand(&self, ty: &str, name: &str, value: &str) {
        let types: Vec<_> = (!ty.is_empty()).then(|| type_id(ty)).into_iter().collect();
        let options = Options {
            strict: true,
            now_us: 1_700_000_000_000_000,
            count_default: 20,
            count_max: 100,
            terminology: &Embedded,
        };
        if let Err(failure) = parse(&self.0, &types, &[(name, value)], &options) {
            let said = &failure.issues[0].diagnostics;
            panic!("{ty}?{name}={value}: {said}");
        }
    }
}

/// The parameter alone, and with each modifier that its documentation names.
fn questions(ty: &str, listed: &Value) -> Vec<(String, String)> {
    let name = listed["name"].as_str().unwrap();
    let kind = listed["type"].as_str().unwrap();
    let text = listed["documentation"].as_str().unwrap_or_default();
    if let Some(value) = special(name) {
        assert!(!text.contains("Modifiers "), "{name} takes none: {text}");
        return vec![value];
    }
    let modifiers = text.split("Modifiers ").nth(1).unwrap_or_default();
    let modifiers = modifiers.split('.').next().unwrap_or_default();
    let mut questions = vec![(name.to_owned(), plain(kind, name, ty))];
    for modifier in modifiers.split_whitespace() {
        let value = match modifier {
            ":missing" => "false",
            ":in" | ":not-in" => "http://hl7.org/fhir/ValueSet/administrative-gender",
            // Media types have a beginning and no hierarchy.
            ":below" if kind == "token" && !modifiers.contains(":above") => "text/xml",
            ":above" | ":below" if kind == "token" => {
                "http://terminology.hl7.org/CodeSystem/v3-ActCode|IMP"
            }
            ":above" | ":below" => "a",
            ":of-type" => "http://example.org|MR|1",
            _ => "x",
        };
        questions.push((format!("{name}{modifier}"), value.to_owned()));
    }
    if let Some(targets) = text.split("Refers to ").nth(1) {
        let targets = targets.split(';').next().unwrap_or_default();
        for target in targets.split(", ") {
            questions.push((format!("{name}:{target}"), "x".to_owned()));
            // Events of the log are asked for themselves.
            if text.contains("chains with a dot") && target != "AuditEvent" {
                questions.push((format!("{name}:{target}._id"), "x".to_owned()));
            }
        }
    }
    if text.contains("Prefixes ") {
        let prefixes = text.split("Prefixes ").nth(1).unwrap();
        for prefix in prefixes.trim_end_matches('.').split(' ') {
            let value = format!("{prefix}{}", plain(kind, name, ty));
            questions.push((name.to_owned(), value));
        }
    }
    questions
}

fn special(name: &str) -> Option<(String, String)> {
    let (asked, value) = match name {
        "_filter" => ("_filter", "_lastUpdated gt 2020"),
        "_text" | "_content" => (name, "word"),
        "_list" => ("_list", "1"),
        "_has" => ("_has:Observation:patient:code", "x"),
        "_type" => ("_type", "Patient,Observation"),
        "near" => ("near", "48.1|11.5|10|km"),
        // Whoever answers it has replaced it by what it names: `named.rs`.
        "_query" => ("_id", "x"),
        _ => return None,
    };
    Some((asked.to_owned(), value.to_owned()))
}

fn shaping(name: &str) -> Option<(&str, &str)> {
    let value = match name {
        "_count" => "1",
        "_sort" => "-_lastUpdated",
        "_total" => "accurate",
        "_summary" => "true",
        "_elements" => "id",
        "_include" => "Patient:organization",
        "_revinclude" => "Observation:patient",
        "_contained" => "true",
        "_containedType" => "container",
        "_score" => "true",
        _ => return None,
    };
    Some((name, value))
}

/// A value of the kind.
fn plain(kind: &str, name: &str, ty: &str) -> String {
    let text = match kind {
        "date" => "2020-01-01",
        "number" | "quantity" => "1",
        "composite" => return composite(ty, name),
        _ => "x",
    };
    text.to_owned()
}

/// A value of each component.
fn composite(ty: &str, name: &str) -> String {
    let registry = Registry::new(r4());
    let parameter = registry.find(type_id(ty), name).unwrap();
    let component = |(url, _): &(&str, &str)| {
        let mut all = r4().search_parameters.iter();
        let kind = all.find(|p| p.url == *url).unwrap().ty;
        let kind = format!("{kind:?}").to_lowercase();
        plain(&kind, "", ty)
    };
    let parts: Vec<String> = parameter.def.components().iter().map(component).collect();
    parts.join("$")
}
