use super::sample::registry;
use crate::hot::{self, Role};
use crate::registry::Registry;
use std::time::{Duration, Instant};
use ward_fhir::schema::{SearchType, TypeKind, r4};

fn resource_types() -> impl Iterator<Item = ward_fhir::TypeId> {
    r4().types
        .iter()
        .filter(|t| t.kind == TypeKind::Resource && !t.is_abstract)
        .map(|t| t.id)
}

#[test]
fn every_path_parameter_compiles() {
    let registry = registry();
    let (mut served, mut refused) = (0, Vec::new());
    for ty in resource_types() {
        for parameter in registry.of(ty).all() {
            match parameter.service {
                Ok(()) => served += 1,
                Err(reason)
                    if matches!(parameter.ty(), SearchType::Composite | SearchType::Special) =>
                {
                    assert!(reason.ends_with("yet"))
                }
                Err(reason) => refused.push((r4().ty(ty).name, parameter.code(), reason)),
            }
            assert_eq!(
                parameter.is_served(),
                parameter.is_column() || !parameter.owners.is_empty(),
                "{}",
                parameter.def.url
            );
        }
    }
    eprintln!("served (type, parameter) pairs: {served}");
    refused.retain(|(_, code, _)| !matches!(*code, "_text" | "_content" | "_query"));
    let names: Vec<_> = refused
        .iter()
        .map(|(ty, code, _)| format!("{ty}.{code}"))
        .collect();
    assert_eq!(
        names,
        ["Patient.age", "Patient.birthOrderBoolean"],
        "{refused:?}"
    );
}

#[test]
fn sharing_finds_the_same_elements() {
    let registry = registry();
    let owners = |ty: &str, code: &str| {
        let types = registry.of(r4().resource_type(ty).unwrap());
        let found = types.find(code).unwrap().owners.iter();
        let name = |o: &crate::registry::Owner| {
            let code = types.all().find(|p| p.def.id == o.param).unwrap().code();
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
                    parameter.owners.iter().any(|o| o.param == parameter.def.id),
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
