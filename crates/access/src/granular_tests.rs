use super::*;
use crate::{Scope, ScopeError, Scopes};
use ward_fhir::tree::Limits;

fn extractor() -> Extractor {
    let base = Some("https://ward.example/fhir");
    Extractor::new(Arc::new(Registry::new(r4())), TermKey([7; 16]), base)
}

fn compile(scope: &str) -> Result<Criterion, Undecidable> {
    let (ty, query) = scope.split_once('?').unwrap();
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    let query: Vec<(String, String)> = query.split('&').map(pair).collect();
    Criterion::compile(&extractor(), r4().resource_type(ty), &query)
}

fn matches_all(scope: &str, resource: &str) -> bool {
    let document = ward_fhir::json::read(resource.as_bytes(), None, &Limits::default()).unwrap();
    any([&compile(scope).unwrap()], document.root())
}

const GLUCOSE: &str = r#"{"resourceType":"Observation","id":"1","status":"final","effectiveDateTime":"2024-03-05",
    "meta":{"tag":[{"system":"http://tags","code":"t"}],"profile":["http://profile|1"]},
    "category":[{"coding":[{"system":"http://c","code":"laboratory"}]}],
    "code":{"coding":[{"system":"http://loinc.org","code":"2339-0"}]},
    "encounter":{"reference":"Encounter/7"},"subject":{"reference":"https://ward.example/fhir/Patient/1"}}"#;

#[test]
fn what_the_index_decides_is_taken() {
    for (scope, expected) in [
        ("Observation?category=http://c|laboratory", true),
        ("Observation?category=http://c|vital-signs", false),
        (
            "Observation?category=http://c|vital-signs,http://c|laboratory",
            true,
        ),
        (
            "Observation?category=http://c|laboratory&status=final",
            true,
        ),
        (
            "Observation?category=http://c|laboratory&status=amended",
            false,
        ),
        (
            "Observation?category=http://c|laboratory&category=http://c|vital-signs",
            false,
        ),
        ("Observation?code=http://loinc.org|2339-0", true),
        (
            "Observation?status=http://hl7.org/fhir/observation-status|final",
            true,
        ),
        ("Observation?encounter=Encounter/7", true),
        ("Observation?encounter=7", true),
        ("Observation?encounter=Encounter/8", false),
        ("Observation?patient=Patient/1", true),
        (
            "Observation?patient=https://ward.example/fhir/Patient/1",
            true,
        ),
        ("Observation?patient=Patient/2", false),
        ("Observation?date=ge2024", true),
        ("Observation?date=ge2024&date=lt2025", true),
        ("Observation?date=lt2024", false),
        ("Observation?_tag=http://tags|t", true),
        ("Observation?_profile=http://profile", true),
    ] {
        assert_eq!(matches_all(scope, GLUCOSE), expected, "{scope}");
    }
    let person = r#"{"resourceType":"Patient","name":[{"family":"Berg"}],"gender":"female"}"#;
    assert!(matches_all(
        "Patient?family:exact=Berg&gender=female",
        person
    ));
    assert!(!matches_all("Patient?family:exact=berg", person));
}

#[test]
fn whatever_else_is_asked_is_refused_as_a_whole() {
    for scope in [
        // A code without its system stands for codes of every system, which the store looks up.
        "Observation?category=laboratory",
        "Observation?category=http://c|",
        "Observation?category=http://c|laboratory,laboratory",
        "Observation?category=http://c|laboratory&code=2339-0",
        "Observation?category:not=http://c|laboratory",
        "Observation?category:text=lab",
        "Observation?category:missing=false",
        "Observation?code:in=http://hl7.org/fhir/ValueSet/observation-codes",
        "Observation?subject.name=berg",
        "Observation?subject:Patient.birthdate=2000",
        "Observation?_has:Provenance:target:agent=Practitioner/1",
        "Observation?_filter=status eq final",
        "Observation?_text=a",
        "Observation?_content=a",
        "Observation?_list=1",
        "Observation?_id=1",
        "Observation?_lastUpdated=ge2020",
        "Observation?_sort=date",
        "Observation?_count=1",
        "Observation?_type=Observation",
        "Observation?_include=Observation:subject",
        "Observation?_summary=true",
        "Observation?nonsense=1",
        "Observation?date=ap2024",
        "Observation?date=yesterday",
        "Observation?value-quantity=gt5",
        "Observation?code-value-quantity=http://a|b$gt5",
        "Observation?category=http%3A//c|laboratory",
        "Patient?name=berg",
        "Patient?family:contains=berg",
        "Location?near=1|2",
        "Patient?birthdate=",
    ] {
        assert_eq!(compile(scope).map(drop), Err(Undecidable), "{scope}");
        let text = format!("system/{}", scope.replacen('?', ".rs?", 1));
        let refused = Scope::parse(&text);
        assert!(
            matches!(refused, Err(ScopeError::Query | ScopeError::Value)),
            "{text}: {refused:?}"
        );
        let scopes = Scopes::parse(&text.replace(' ', "%20")).unwrap();
        assert_eq!(scopes.refused().len(), 1, "{text}");
        assert_eq!(scopes.resources().count(), 0, "{text}");
    }
    assert_eq!(
        Criterion::compile(&extractor(), None, &[]).map(drop),
        Err(Undecidable)
    );
}

#[test]
fn every_type_is_asked_only_what_all_have() {
    let query = |name: &str, value: &str| [(name.to_owned(), value.to_owned())];
    let compile =
        |name, value| Criterion::compile(&extractor(), None, &query(name, value)).map(drop);
    assert_eq!(compile("_tag", "http://a|b"), Ok(()));
    assert_eq!(compile("_profile", "http://a"), Ok(()));
    assert_eq!(compile("code", "http://a|b"), Err(Undecidable));
}

#[test]
fn terms_and_scopes_are_bounded() {
    let codes = |n: usize| -> String {
        let codes: Vec<String> = (0..n).map(|at| format!("s|{at}")).collect();
        format!("Observation?code={}", codes.join(","))
    };
    assert!(compile(&codes(SCOPE_TERMS_MAX)).is_ok());
    assert!(compile(&codes(SCOPE_TERMS_MAX + 1)).is_err());
    let many = |n: usize| -> String {
        let scopes: Vec<String> = (0..n)
            .map(|at| format!("user/Observation.r?code=s|{at}"))
            .collect();
        scopes.join(" ")
    };
    let full = Scopes::parse(&many(crate::GRANULAR_MAX)).unwrap();
    assert_eq!((full.resources().count(), full.refused().len()), (32, 0));
    let more = Scopes::parse(&format!("{} user/Patient.r", many(crate::GRANULAR_MAX + 1))).unwrap();
    assert_eq!((more.resources().count(), more.refused().len()), (33, 1));
}
