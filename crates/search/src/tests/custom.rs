use super::sample::{BASE, KEY, document, registry};
use crate::check::split;
use crate::custom::{self, PATHS_MAX, STEPS_MAX};
use crate::definition::{CUSTOM_FROM, Custom, LOOKED_UP_FROM};
use crate::extract::Extractor;
use crate::plan::{Filter, Plan, SortKey};
use crate::query::{Options, Used, parse, sort_text};
use crate::registry::Registry;
use crate::terminology::Embedded;
use std::sync::Arc;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind};

/// A SearchParameter of these parts, each as JSON after its name.
fn definition(code: &str, ty: &str, bases: &str, expression: &str) -> String {
    format!(
        r#"{{"resourceType":"SearchParameter","url":"http://example.org/{code}","name":"x","status":"active","description":"x",
        "code":"{code}","type":"{ty}","base":[{bases}],"expression":"{expression}"}}"#
    )
}

fn read(
    code: &str,
    ty: &str,
    bases: &str,
    expression: &str,
) -> Result<Option<Arc<Custom>>, Failure> {
    let document = document(&definition(code, ty, bases, expression));
    custom::read(document.root(), &registry(), LOOKED_UP_FROM)
}

fn extractor(definitions: &[(&str, &str, &str, &str)]) -> Extractor {
    let custom = definitions
        .iter()
        .enumerate()
        .map(|(at, (code, ty, bases, expression))| {
            let document = document(&definition(code, ty, bases, expression));
            let read = custom::read(document.root(), &registry(), LOOKED_UP_FROM + at as u16);
            read.unwrap_or_else(|f| panic!("{code}: {:?}", f.issues))
                .unwrap()
        });
    let registry = Registry::with(&registry(), custom.collect());
    Extractor::new(Arc::new(registry), KEY, Some(BASE))
}

fn ask(extractor: &Extractor, ty: &str, name: &str, value: &str) -> Result<(Plan, Used), Failure> {
    let options = Options {
        strict: true,
        terminology: &Embedded,
        now_us: 0,
        count_default: 20,
        count_max: 100,
    };
    let types: Vec<_> = r4().resource_type(ty).into_iter().collect();
    parse(extractor, &types, &[(name, value)], &options)
}

#[test]
fn what_is_no_bounded_path_is_refused_where_it_stands() {
    let steps = format!("Patient{}", ".extension".repeat(STEPS_MAX + 1));
    let paths = vec!["Patient.id"; PATHS_MAX + 1].join(" | ");
    let patient = "\"Patient\"";
    let refused = [
        (
            "a",
            "token",
            patient,
            "Patient.name.first()",
            "expression",
            "'first()' (from character 14)",
        ),
        (
            "a",
            "token",
            patient,
            "Patient.gender | Patient.name.where(use = 'old' or true)",
            "expression",
            "from character 31",
        ),
        (
            "a",
            "token",
            patient,
            "Patient.descendants()",
            "expression",
            "'descendants()'",
        ),
        (
            "a",
            "token",
            patient,
            "Patient.nothing",
            "expression",
            "does not exist (Patient: 'nothing')",
        ),
        (
            "a",
            "token",
            patient,
            "Observation.code",
            "expression",
            "does not reach",
        ),
        (
            "a",
            "token",
            "\"Patient\",\"Group\"",
            "Patient.gender",
            "expression",
            "(Group)",
        ),
        (
            "a",
            "date",
            patient,
            "Patient.gender",
            "expression",
            "cannot read",
        ),
        (
            "a",
            "date",
            patient,
            "Patient.deceased.exists() and Patient.deceased != false",
            "type",
            "token",
        ),
        ("a", "token", patient, &steps, "expression", "steps"),
        ("a", "token", patient, &paths, "expression", "paths"),
        ("a", "composite", patient, "Patient", "type", "composites"),
        ("a", "special", patient, "Patient.name", "type", "special"),
        (
            "a",
            "token",
            "\"Resource\"",
            "Resource.language",
            "base[0]",
            "of which there are resources",
        ),
        ("a.b", "token", patient, "Patient.gender", "code", "letters"),
        (
            "_count",
            "token",
            patient,
            "Patient.gender",
            "code",
            "letters",
        ),
        (
            "explain",
            "token",
            patient,
            "Patient.gender",
            "code",
            "reads this name",
        ),
        (
            "gender",
            "token",
            patient,
            "Patient.maritalStatus",
            "code",
            "reads something else",
        ),
        (
            "gender",
            "string",
            patient,
            "Patient.gender",
            "code",
            "reads something else",
        ),
    ];
    for (code, ty, bases, expression, element, text) in refused {
        let failure = read(code, ty, bases, expression).expect_err(expression);
        let issue = &failure.issues[0];
        assert_eq!(failure.kind, Kind::BusinessRule, "{expression}");
        assert_eq!(
            issue.expression.as_deref(),
            Some(&*format!("SearchParameter.{element}")),
            "{issue:?}"
        );
        assert!(
            issue.diagnostics.contains(text),
            "{expression}: {}",
            issue.diagnostics
        );
    }
}

#[test]
fn what_the_package_has_adds_nothing() {
    let known = read("gender", "token", "\"Patient\"", "Patient.gender").unwrap();
    assert!(known.is_none());
    let both = "\"Patient\",\"RelatedPerson\"";
    let also = read(
        "gender",
        "token",
        both,
        "Patient.gender | RelatedPerson.gender",
    )
    .unwrap();
    assert!(also.is_none());
    // The case of a code counts.
    let added = read("Gender", "token", "\"Patient\"", "Patient.gender")
        .unwrap()
        .unwrap();
    assert_eq!(added.bases.len(), 1);
}

const PATIENT: &str = r#"{"resourceType":"Patient","id":"p","deceasedBoolean":true,"birthDate":"1980-05-01",
 "extension":[{"url":"http://x/race","valueCoding":{"system":"http://r","code":"a"}},{"url":"http://x/other","valueString":"b"},
  {"url":"http://x/since","valueDate":"2020-02-02"},{"url":"http://x/weight","valueQuantity":{"value":70,"code":"kg","system":"http://unitsofmeasure.org"}},
  {"url":"http://x/clinic","valueReference":{"reference":"Organization/o1"}}],
 "telecom":[{"system":"phone","value":"9"},{"system":"email","value":"1@x"}]}"#;

const DEFINITIONS: &[(&str, &str, &str, &str)] = &[
    (
        "race",
        "token",
        "\"Patient\"",
        "Patient.extension('http://x/race').value",
    ),
    (
        "race-where",
        "token",
        "\"Patient\"",
        "Patient.extension.where(url='http://x/race').value.ofType(Coding)",
    ),
    (
        "since",
        "date",
        "\"Patient\"",
        "Patient.extension('http://x/since').value",
    ),
    (
        "weight",
        "quantity",
        "\"Patient\"",
        "Patient.extension('http://x/weight').value.as(Quantity)",
    ),
    (
        "clinic",
        "reference",
        "\"Patient\"",
        "Patient.extension('http://x/clinic').value",
    ),
    (
        "note",
        "string",
        "\"Patient\",\"Group\"",
        "Patient.extension('http://x/other').value | Group.name",
    ),
    (
        "gone",
        "token",
        "\"Patient\"",
        "Patient.deceased.exists() and Patient.deceased != false",
    ),
    (
        "mail",
        "token",
        "\"Patient\"",
        "Patient.telecom.where(system='email')",
    ),
];

#[test]
fn each_kind_is_answered_by_looking() {
    let extractor = extractor(DEFINITIONS);
    let patient = document(PATIENT);
    let hit = |name: &str, value: &str| {
        let (plan, _) = ask(&extractor, "Patient", name, value)
            .unwrap_or_else(|f| panic!("{name}: {:?}", f.issues));
        let split = split(plan.filter, &extractor).unwrap();
        assert!(matches!(split.index, Filter::All), "{name}");
        assert_eq!(split.checks.len(), 1, "{name}");
        split.checks.iter().all(|c| (c.test)(patient.root()))
    };
    for (name, yes, no) in [
        ("race", "a", "b"),
        ("race", "http://r|a", "http://x|a"),
        ("race:not", "b", "a"),
        ("race:missing", "false", "true"),
        ("race-where", "a", "b"),
        ("since", "2020", "2021"),
        ("since", "lt2021", "gt2021"),
        (
            "weight",
            "70|http://unitsofmeasure.org|kg",
            "70|http://unitsofmeasure.org|g",
        ),
        ("weight", "gt69", "gt71"),
        ("clinic", "Organization/o1", "Organization/o2"),
        ("note", "B", "a"),
        ("note:exact", "b", "B"),
        ("gone", "true", "false"),
        ("mail", "1@x", "9"),
        ("_filter", "race eq a", "race eq b"),
        ("_filter", "not (race eq b)", "not (race eq a)"),
    ] {
        assert!(hit(name, yes), "{name}={yes}");
        assert!(!hit(name, no), "{name}={no}");
    }
}

#[test]
fn what_takes_the_index_is_refused_and_sorts_are_gathered() {
    let extractor = extractor(DEFINITIONS);
    for (ty, name, value) in [
        ("Patient", "clinic.name", "x"),
        ("Organization", "_has:Patient:clinic:gender", "male"),
        ("Organization", "_revinclude", "Patient:clinic"),
    ] {
        let failure = ask(&extractor, ty, name, value)
            .map(|_| ())
            .expect_err(name);
        assert_eq!(failure.kind, Kind::NotSupported, "{name}");
    }
    let inside = ask(&extractor, "Observation", "patient:Patient.race", "a")
        .unwrap()
        .0;
    assert_eq!(
        split(inside.filter, &extractor).unwrap_err().kind,
        Kind::TooCostly
    );
    ask(&extractor, "Patient", "_include", "Patient:clinic").unwrap();
    let patient = document(PATIENT);
    for (code, text) in [("race", "a"), ("mail", "1@x")] {
        let (plan, _) = ask(&extractor, "Patient", "_sort", code).unwrap();
        let [SortKey::Text { param, .. }] = plan.sort[..] else {
            panic!("{code}: {:?}", plan.sort)
        };
        let sorted = sort_text(extractor.registry(), param, false, patient.root());
        assert_eq!(sorted.as_deref(), Some(text));
    }
    // Gathered by the values that the index would have.
    for code in ["note", "since"] {
        let (plan, _) = ask(&extractor, "Patient", "_sort", code).unwrap();
        let ([SortKey::String { param, .. }] | [SortKey::Date { param, .. }]) = plan.sort[..]
        else {
            panic!("{code}: {:?}", plan.sort)
        };
        assert!(param >= LOOKED_UP_FROM, "{code}");
    }
}

#[test]
fn what_clients_define_changes_no_entry_of_others() {
    let plain = Extractor::new(registry(), KEY, Some(BASE));
    let more = extractor(DEFINITIONS);
    let patient = document(PATIENT);
    let (was, is) = (
        plain.extract(patient.root(), &|_| None),
        more.extract(patient.root(), &|_| None),
    );
    let own = |t: &&crate::entries::TermEntry| t.param < CUSTOM_FROM || t.param == u16::MAX;
    let kept: Vec<_> = is.terms.iter().filter(own).copied().collect();
    assert_eq!(kept, was.terms);
    assert_eq!(
        (is.code, is.date_us, &is.targets),
        (was.code, was.date_us, &was.targets)
    );
    assert!(is.terms.len() > was.terms.len());
}
