//! What may be asked where only some elements of a type are seen.

use super::sample::{KEY, document, extractor, registry};
use crate::custom;
use crate::definition::CUSTOM_FROM;
use crate::extract::Extractor;
use crate::query::{Options, Used, parse};
use crate::registry::Registry;
use crate::seen::{Elements, Seen};
use crate::terminology::Embedded;
use std::sync::Arc;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, TypeId};

fn ty(name: &str) -> TypeId {
    r4().resource_type(name).unwrap()
}

fn seen(types: &[(&str, &[&str])]) -> Arc<Seen> {
    let elements = |(name, named): &(&str, &[&str])| {
        let ty = ty(name);
        (ty, Elements::of(r4(), ty, |e| named.contains(&e)))
    };
    Arc::new(types.iter().map(elements).collect())
}

/// A clerk's: codes and dates of conditions, names of patients, and where places are.
fn clerk() -> Arc<Seen> {
    seen(&[
        ("Condition", &["code", "onset", "category", "encounter"]),
        ("Patient", &["name", "identifier"]),
        ("Location", &["name"]),
        ("Observation", &["code", "value"]),
    ])
}

fn read_by(extractor: &Extractor, query: &str, strict: bool) -> Result<Used, Failure> {
    let (name, text) = query.split_once('?').unwrap();
    let types: Vec<TypeId> = r4().resource_type(name).into_iter().collect();
    let pairs: Vec<(&str, &str)> = text.split('&').filter_map(|p| p.split_once('=')).collect();
    let options = Options {
        strict,
        now_us: 0,
        count_default: 20,
        count_max: 100,
        terminology: &Embedded,
    };
    parse(extractor, &types, &pairs, &options).map(|(_, used)| used)
}

#[test]
fn elements_that_are_needed_are_always_seen() {
    let elements = Elements::of(r4(), ty("Observation"), |name| name == "value");
    for name in [
        "id",
        "meta",
        "implicitRules",
        "modifierExtension",
        "status",
        "code",
        "value",
    ] {
        assert!(elements.contains(name), "{name}");
    }
    for name in [
        "text",
        "contained",
        "extension",
        "language",
        "note",
        "subject",
    ] {
        assert!(!elements.contains(name), "{name}");
    }
    let text = r#"{"resourceType":"Observation","id":"1","status":"final","_status":{"id":"a"},"code":{},"valueString":"x","_issued":{"id":"b"}}"#;
    let text = text.replace(r#""code":{},"#, r#""code":{"text":"c"},"#);
    let document = document(&text);
    let root = document.root();
    let kept = root.children().filter(|child| elements.keeps(*child));
    let kept: Vec<&str> = kept.map(|child| child.json_name()).collect();
    assert_eq!(kept, ["id", "status", "code", "valueString"]);
}

/// Strict or not: what would be left out in silence would be another question.
#[test]
fn by_what_is_not_seen_nothing_is_asked() {
    let extractor = extractor().within(&clerk());
    for query in [
        "Condition?asserter=Practitioner/1",
        "Condition?asserter:missing=true",
        "Condition?severity:not=http://a|b",
        "Condition?asserter.name=a",
        "Condition?_sort=recorded-date",
        "Condition?_sort=code,-severity",
        "?_type=Encounter,Observation&_sort=-date",
        "?_type=Patient,Practitioner&_sort=name,gender",
        "Condition?_include=Condition:asserter",
        "Condition?_include:iterate=Condition:asserter",
        "Practitioner?_revinclude=Condition:asserter",
        "Practitioner?_has:Condition:asserter:code=http://a|b",
        "Patient?_has:Condition:subject:asserter=Practitioner/1",
        "Condition?_filter=severity eq http://a|b",
        "Condition?_filter=not (asserter pr true)",
        "Condition?_filter=code eq a or subject.birthdate eq 2000",
        "Condition?subject:Patient.birthdate=2000",
        "Condition?subject.birthdate=2000",
        "Encounter?subject.gender=male",
        "Condition?_text=a",
        "?_text=a",
        "Claim?_content=a",
        "?_content=a",
        "Condition?_filter=_text eq a",
        "Encounter?patient._text=a",
        "Condition?_contained=true&code=a",
        "Claim?_contained=both&status=active",
        "Patient?birthdate:missing=false",
        "Patient?address-city=a",
        "Patient?phone=1",
        "Patient?email=a@example.org",
        "Observation?component-code=http://a|b",
        "Observation?combo-code=http://a|b",
        "Observation?component-code-value-quantity=http://a|b$1",
        "Observation?combo-code-value-quantity=http://a|b$1",
        "Observation?date=2020",
        "Encounter?location:below=Location/1",
        "Condition?patient:missing=true",
        "?_type=Condition,Claim&asserter=Practitioner/1",
    ] {
        for strict in [true, false] {
            let refused = read_by(&extractor, query, strict).expect_err(query);
            assert_eq!(
                refused.kind,
                Kind::HiddenElement,
                "{query}: {:?}",
                refused.issues
            );
        }
    }
    let refused = read_by(&extractor, "Condition?asserter=Practitioner/1", false).unwrap_err();
    let text = &refused.issues[0].diagnostics;
    assert!(text.contains("'asserter' of Condition"), "{text}");
}

#[test]
fn by_what_is_seen_all_is_asked() {
    let extractor = extractor().within(&clerk());
    for query in [
        "Condition?code=http://a|b&onset-date=2020&_sort=-onset-date",
        "Condition?subject=Patient/1&patient=Patient/1&patient:identifier=a|1",
        "Condition?code:missing=true&_id=1&_lastUpdated=gt2020&_tag=a|b",
        "Condition?subject.name=a&encounter.status=finished",
        "Condition?_include=Condition:subject&_include=Condition:*",
        "Patient?_has:Condition:subject:code=http://a|b&family=x&_revinclude=*",
        "Observation?code-value-quantity=http://a|b$1&code-value-string=http://a|b$x",
        "Condition?_filter=code eq http://a|b and subject.name co a",
        "Claim?_text=a&_contained=false",
        "Condition?_elements=note&_summary=true",
        "?_id=1",
    ] {
        let used = read_by(&extractor, query, true);
        assert!(used.is_ok(), "{query}: {:?}", used.unwrap_err().issues);
    }
    // The same are told apart from names that nobody has.
    let refused = read_by(&extractor, "Condition?nonsense=1", true).unwrap_err();
    assert_eq!(refused.kind, Kind::NotSupported);
}

/// Whoever answers for a parameter reads no more than it does: what is left finds its owners among what is left, with the same
/// numbers and markers as the index was written by.
#[test]
fn what_is_left_is_answered_by_what_is_left() {
    let whole = registry();
    for def in r4()
        .types
        .iter()
        .filter(|t| r4().resource_type(t.name).is_some())
    {
        for element in r4().elements_of(def.id) {
            let one = Elements::of(r4(), def.id, |name| name == element.name);
            let seen: Arc<Seen> = Arc::new([(def.id, one)].into_iter().collect());
            let cut = Registry::within(&whole, seen);
            for parameter in cut.of(def.id).all() {
                let same = whole.find(def.id, parameter.code()).unwrap();
                assert!(parameter.owners == same.owners && parameter.marks == same.marks);
                for owner in &parameter.owners {
                    let mut left = cut.of(def.id).all();
                    assert!(
                        left.any(|p| p.def.number() == owner.param),
                        "{}.{} for {}",
                        def.name,
                        parameter.code(),
                        element.name
                    );
                }
                assert!(!cut.of(def.id).hides(parameter.code()));
            }
            let (left, hidden) = (cut.of(def.id).all().count(), &cut.of(def.id).hidden);
            assert_eq!(left + hidden.len(), whole.of(def.id).all().count());
        }
    }
}

/// Entries of what is seen are the same as in the index, and there are no others.
#[test]
fn what_is_hidden_leaves_no_entry() {
    let body = document(
        r#"{"resourceType":"Condition","id":"1","subject":{"reference":"Patient/1"},"asserter":{"reference":"Practitioner/1"},
        "code":{"coding":[{"system":"http://a","code":"b"}]},"severity":{"coding":[{"system":"http://a","code":"c"}]},"onsetDateTime":"2020"}"#,
    );
    let whole = extractor().extract(body.root(), &|_| None);
    let cut = extractor().within(&clerk()).extract(body.root(), &|_| None);
    assert!(cut.terms.iter().all(|entry| whole.terms.contains(entry)));
    let number = |code: &str| registry().find(ty("Condition"), code).unwrap().def.number();
    let has = |code: &str| cut.terms.iter().any(|entry| entry.param == number(code));
    assert!(has("code") && has("subject") && !has("asserter") && !has("severity"));
    assert_eq!(cut.dates, whole.dates);
}

#[test]
fn of_what_clients_define_nothing_is_known() {
    let definition = document(
        r#"{"resourceType":"SearchParameter","url":"http://example.org/p","name":"P","status":"active","description":"p",
        "code":"the-code","base":["Condition","Claim"],"type":"token","expression":"Condition.code | Claim.type"}"#,
    );
    let read = custom::read(definition.root(), &registry(), CUSTOM_FROM)
        .unwrap()
        .unwrap();
    let served = Arc::new(Registry::with(&registry(), vec![read]));
    let extractor = Extractor::new(served, KEY, None).within(&clerk());
    let refused = read_by(&extractor, "Condition?the-code=a", false).unwrap_err();
    assert_eq!(refused.kind, Kind::HiddenElement);
    assert!(read_by(&extractor, "Claim?the-code=a", true).is_ok());
}
