use super::sample::registry;
use crate::hot::{self, Role};
use crate::registry::Registry;
use std::time::{Duration, Instant};
use ward_fhir::schema::{TypeKind, r4};

fn resource_types() -> impl Iterator<Item = ward_fhir::TypeId> {
    r4().types
        .iter()
        .filter(|t| t.kind == TypeKind::Resource && !t.is_abstract)
        .map(|t| t.id)
}

/// Every (type, parameter) pair of the package is served, or listed with its reason in `not-served.tsv`, and so is every
/// definition that no type reaches.
#[test]
fn every_definition_is_served_or_listed() {
    let registry = registry();
    let mut listed = vec!["definition\ttype\treason".to_owned()];
    let mut reached = std::collections::HashSet::new();
    for ty in resource_types() {
        for parameter in registry.of(ty).all() {
            reached.insert(parameter.def.number());
            match parameter.service {
                Ok(()) => assert!(
                    parameter.is_column()
                        || !parameter.owners.is_empty()
                        || matches!(
                            parameter.code(),
                            "_text" | "_content" | "_filter" | "_query"
                        ),
                    "{}",
                    parameter.def.url()
                ),
                // The same for all types.
                Err(_) if parameter.def.bases().len() == 1 && parameter.code().starts_with('_') => {
                    reached.remove(&parameter.def.number());
                }
                Err(reason) => listed.push(format!(
                    "{}\t{}\t{reason}",
                    parameter.def.url(),
                    r4().ty(ty).name
                )),
            }
        }
    }
    for def in r4()
        .search_parameters
        .iter()
        .filter(|d| !reached.contains(&d.id))
    {
        let reason = match def.code {
            _ if def.bases.is_empty() => "the definition names no resource type",
            _ => "an example of how a definition is written",
        };
        listed.push(format!("{}\t-\t{reason}", def.url));
    }
    listed[1..].sort();
    let text = listed.join("\n") + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tests/not-served.tsv");
    if std::env::var_os("WARD_BLESS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), text);
}

#[test]
fn sharing_finds_the_same_elements() {
    let registry = registry();
    let owners = |ty: &str, code: &str| {
        let types = registry.of(r4().resource_type(ty).unwrap());
        let found = types.find(code).unwrap().owners.iter();
        let name = |o: &crate::registry::Owner| {
            let code = types
                .all()
                .find(|p| p.def.number() == o.param)
                .unwrap()
                .code();
            o.only
                .map_or(code.to_owned(), |t| format!("{code}:{}", r4().ty(t).name))
        };
        let mut names: Vec<String> = found.map(name).collect();
        names.sort();
        names
    };
    assert_eq!(owners("Observation", "patient"), ["subject:Patient"]);
    assert_eq!(
        owners("Observation", "combo-code"),
        ["code", "component-code"]
    );
    assert_eq!(
        owners("Observation", "combo-value-quantity"),
        ["component-value-quantity", "value-quantity"]
    );
    assert_eq!(owners("Observation", "code"), ["code"]);
    assert_eq!(owners("Immunization", "patient"), ["patient"]);
    assert_eq!(owners("Patient", "family"), ["family"]);
    assert_eq!(owners("Patient", "phone"), ["phone"]);
    assert_eq!(owners("Patient", "phonetic").len(), 1);
}

#[test]
fn hot_parameters_are_served_and_indexed_by_themselves() {
    let registry = registry();
    for ty in resource_types() {
        let hot = hot::of(r4().ty(ty).name);
        for code in [hot.date, hot.code, hot.category, hot.value] {
            if hot.role(code) != Role::None {
                let parameter = registry.find(ty, code).unwrap();
                assert!(
                    parameter
                        .owners
                        .iter()
                        .any(|o| o.param == parameter.def.number()),
                    "{} {code}",
                    r4().ty(ty).name
                );
            }
        }
    }
}

#[test]
fn start_costs_nothing_and_a_type_little() {
    let schema = r4();
    let from = Instant::now();
    let registry = Registry::new(schema);
    assert!(from.elapsed() < Duration::from_millis(5));
    let from = Instant::now();
    registry.of(schema.resource_type("Observation").unwrap());
    eprintln!("compiled Observation in {:?}", from.elapsed());
    let from = Instant::now();
    resource_types().for_each(|ty| assert!(registry.of(ty).all().count() > 0));
    eprintln!("compiled all types in {:?}", from.elapsed());
}
