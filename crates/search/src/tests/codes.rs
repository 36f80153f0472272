//! Where the case of a code counts. <https://hl7.org/fhir/R4/search.html#token>

use super::sample::{BASE, KEY, document, extractor, registry};
use super::small::{Small, kind, read};
use crate::custom;
use crate::definition::LOOKED_UP_FROM;
use crate::edition::Edition;
use crate::entries::Entries;
use crate::evaluate::{Candidate, World, matches};
use crate::extract::Extractor;
use crate::param::token::case::Case;
use crate::plan::Filter;
use crate::query::{Options, parse};
use crate::registry::Registry;
use crate::terminology::Embedded;
use std::sync::Arc;
use ward_fhir::schema::{TypeKind, r4};
use ward_fhir::{Kind, TypeId};

const ACT: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const TYPES: &str = "http://terminology.hl7.org/CodeSystem/v2-0203";
const UCUM: &str = "http://unitsofmeasure.org";

fn condition(id: &str, coding: &str) -> String {
    format!(
        r#"{{"resourceType":"Condition","id":"{id}","subject":{{"reference":"Patient/p"}},"code":{{"coding":[{coding}]}},
        "encounter":{{"reference":"Encounter/e"}}}}"#
    )
}

fn small() -> Small {
    let of = |id: &str, system: &str, code: &str| {
        condition(id, &format!(r#"{{"system":"{system}","code":"{code}"}}"#))
    };
    let conditions = [
        of("lab", "urn:lab", "Ab-1"),
        of("act", ACT, "IMP"),
        of("small", ACT, "ab-1"),
        of("unit", UCUM, "Mg"),
        of("mr", TYPES, "mr"),
        condition("bare", r#"{"code":"Xy"}"#),
    ];
    let mut all: Vec<&str> = conditions.iter().map(String::as_str).collect();
    all.extend([
        r#"{"resourceType":"Patient","id":"p","gender":"male","identifier":[{"value":"V","type":{"coding":[
            {"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"},
            {"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"IMP"}]}}]}"#,
        r#"{"resourceType":"Encounter","id":"e","status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},
            "type":[{"coding":[{"system":"urn:lab","code":"Visit"}]}]}"#,
        r#"{"resourceType":"DocumentReference","id":"d","status":"current","content":[{"attachment":{"contentType":"Text/XML"}}]}"#,
        r#"{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"component":[
            {"code":{"coding":[{"system":"urn:lab","code":"Abo"}]},"valueCodeableConcept":{"coding":[{"system":"urn:lab","code":"Rh"}]}}]}"#,
        r#"{"resourceType":"SearchParameter","id":"s","url":"urn:s","name":"S","status":"active","description":"x","code":"Some-Code",
            "base":["Patient"],"type":"token","expression":"Patient.id"}"#,
    ]);
    Small::new(&all)
}

#[test]
fn case_counts_in_the_code_systems_that_say_so() {
    let small = small();
    for (query, found) in [
        ("Condition?code=urn:lab|Ab-1", "Condition/lab"),
        ("Condition?code=urn:lab|aB-1", "Condition/lab"),
        ("Condition?code=urn:LAB|ab-1", ""),
        ("Condition?code=|AB-1", ""),
        ("Condition?code=urn:lab|", "Condition/lab"),
        // In lower case it is what the one system means and how the other writes it.
        ("Condition?code=ab-1", "Condition/lab Condition/small"),
        ("Condition?code=AB-1", "Condition/lab"),
        ("Condition?code=Ab-1", "Condition/lab"),
        ("Condition?code=IMP", "Condition/act"),
        ("Condition?code=imp", ""),
        ("Condition?code=|xY", "Condition/bare"),
        ("Condition?code=XY,IMP", "Condition/act Condition/bare"),
        ("Condition?code=Mg", "Condition/unit"),
        ("Condition?code=mg,MG", ""),
        (
            "Condition?code:not=AB-1",
            "Condition/act Condition/small Condition/unit Condition/mr Condition/bare",
        ),
        (
            "Condition?code:not=XY,imp,MG,urn:lab|ab-1",
            "Condition/act Condition/small Condition/unit Condition/mr",
        ),
        ("Patient?gender=Male", ""),
        ("Patient?gender=|MALE", ""),
        (
            "DocumentReference?contenttype=text/xml",
            "DocumentReference/d",
        ),
        (
            "DocumentReference?contenttype=|TEXT/xml",
            "DocumentReference/d",
        ),
        ("SearchParameter?code=some-code", "SearchParameter/s"),
        ("Condition?_filter=code eq AB-1", "Condition/lab"),
        (
            "Condition?_filter=code ne AB-1 and code ne imp and code ne xy",
            "Condition/act Condition/small Condition/unit Condition/mr",
        ),
        (
            "Observation?component-code-value-concept=urn:lab|ABO$RH",
            "Observation/o",
        ),
        (
            "Observation?combo-code-value-concept=aBO$urn:lab|rh",
            "Observation/o",
        ),
        ("Observation?component-code-value-concept=|abo$rh", ""),
        ("Condition?encounter.type=VISIT&code=AB-1", "Condition/lab"),
        ("Condition?encounter.class=amb", ""),
        ("Encounter?_has:Condition:encounter:code=xy", "Encounter/e"),
        ("Encounter?_has:Condition:encounter:code=imp", ""),
    ] {
        assert_eq!(small.find(query), found, "{query}");
        assert_eq!(small.find_split(query), found, "{query}");
    }
}

#[test]
fn terminologies_and_types_of_identifiers_take_no_account_of_case_either() {
    let small = small();
    for (query, found) in [
        (
            format!("Patient?identifier:of-type={TYPES}|mr|v"),
            "Patient/p",
        ),
        (
            format!("Patient?identifier:of-type={TYPES}|MR|V"),
            "Patient/p",
        ),
        (
            format!("Patient?identifier:of-type={ACT}|IMP|v"),
            "Patient/p",
        ),
        (format!("Patient?identifier:of-type={ACT}|imp|v"), ""),
        (
            "Condition?code:in=http://hl7.org/fhir/ValueSet/identifier-type".into(),
            "Condition/mr",
        ),
        (
            "Condition?code:not-in=http://hl7.org/fhir/ValueSet/identifier-type".into(),
            "Condition/lab Condition/act Condition/small Condition/unit Condition/bare",
        ),
        (format!("Condition?code:below={TYPES}|Mr"), "Condition/mr"),
        (format!("Condition?code:above={TYPES}|MR"), "Condition/mr"),
        (
            format!("Condition?code:below={ACT}|_ActEncounterCode"),
            "Condition/act",
        ),
        (format!("Condition?code:below={ACT}|_actencountercode"), ""),
    ] {
        assert_eq!(small.find(&query), found, "{query}");
    }
    assert_eq!(kind("Patient?gender:below=MALE"), Kind::Invalid);
}

/// How many terms and wider forms a question asks for.
fn asked(filter: &Filter) -> (usize, usize) {
    match filter {
        Filter::AnyTerm(terms) => (terms.len(), 0),
        Filter::AnyForm(forms) => (0, forms.len()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_code_of_a_system_is_one_term() {
    for (query, counts) in [
        ("Condition?code=urn:lab|Ab-1", (1, 0)),
        ("Condition?code=|Ab-1", (1, 0)),
        ("Condition?code=urn:lab|", (0, 1)),
        ("Condition?code=85354-9", (0, 1)),
        ("Condition?code=ab", (0, 1)),
        ("Condition?code=Ab", (0, 2)),
        ("Patient?gender=Male", (1, 0)),
        ("DocumentReference?contenttype=text/XML", (1, 0)),
    ] {
        let (plan, _) = read(query, true).unwrap();
        assert_eq!(asked(&plan.filter), counts, "{query}");
    }
}

fn of(extractor: &Extractor, json: &str) -> Entries {
    extractor.extract(document(json).root(), &|_| None)
}

/// What the second edition wrote is worked out again as it was, and found as before until it is indexed anew.
#[test]
fn rows_of_the_second_edition_are_found_as_before() {
    let json = condition(
        "x",
        r#"{"system":"urn:lab","code":"Ab"},{"system":"urn:lab","code":"1-2"}"#,
    );
    let (second, third) = (
        of(&extractor().of_edition(Edition::Second), &json),
        of(&extractor(), &json),
    );
    let condition = r4().resource_type("Condition").unwrap();
    let param = registry().find(condition, "code").unwrap().owners[0].param;
    let term = |code| KEY.token(param, "urn:lab", code);
    assert!(second.has_term(term("Ab")) && !second.has_term(term("ab")));
    assert!(third.has_term(term("ab")) && !third.has_term(term("Ab")));
    // What has no letters is as it was.
    let forms = |entries: &Entries, code| {
        let mut forms = entries.vocabulary.clone();
        forms.retain(|entry| entry.term == term(code));
        forms
    };
    assert_eq!(forms(&second, "1-2"), forms(&third, "1-2"));
    assert_eq!(
        (forms(&second, "Ab").len(), forms(&third, "ab").len()),
        (2, 3)
    );
    let behind = extractor().behind(vec![(condition, Edition::Second)]);
    assert_eq!(behind.oldest(&[]), Edition::Second);
    for (value, is_found) in [
        ("urn:lab|Ab", [true, true]),
        ("Ab", [true, true]),
        ("urn:lab|", [true, true]),
        ("urn:lab|AB", [false, true]),
        ("AB", [false, true]),
    ] {
        let filter = filter(&behind, condition, "code", value);
        let holds = [&second, &third].map(|entries| holds(&filter, condition, entries));
        assert_eq!(holds, is_found, "{value}");
    }
    // What the second edition has brought is asked of its rows as ever.
    let references = r4().resource_type("DocumentReference").unwrap();
    let behind = extractor().behind(vec![(references, Edition::Second)]);
    let filter = filter(&behind, references, "contenttype:below", "text");
    assert!(matches!(filter, Filter::Phrase { .. }), "{filter:?}");
}

fn filter(extractor: &Extractor, ty: TypeId, name: &str, value: &str) -> Filter {
    let options = Options {
        strict: true,
        terminology: &Embedded,
        now_us: 0,
        count_default: 20,
        count_max: 100,
    };
    let read = parse(extractor, &[ty], &[(name, value)], &options);
    read.unwrap_or_else(|f| panic!("{value}: {:?}", f.issues))
        .0
        .filter
}

fn holds(filter: &Filter, ty: TypeId, entries: &Entries) -> bool {
    let candidate = Candidate {
        id: "x",
        ty,
        updated_us: 0,
        entries,
        node: None,
    };
    let world = World {
        key: Some(&KEY),
        others: None,
    };
    matches(filter, candidate, world).unwrap()
}

/// Of R4's parameters only those over the values of an extension read elements of both kinds without a system; what a client
/// defines may.
#[test]
fn elements_of_both_kinds_are_told_apart() {
    let types = r4().types.iter();
    for ty in types.filter(|ty| ty.kind == TypeKind::Resource && !ty.is_abstract) {
        let all = registry();
        let mixed = all.of(ty.id).all().filter(|p| p.case == Case::Mixed);
        for parameter in mixed {
            let (code, expression) = (parameter.code(), parameter.def.expression());
            assert!(
                expression.contains("extension("),
                "{}.{code}: {expression}",
                ty.name
            );
        }
    }
    let definition = document(
        r#"{"resourceType":"SearchParameter","url":"urn:x","name":"x","status":"active","description":"x","code":"any","type":"token",
        "base":["CapabilityStatement"],"expression":"CapabilityStatement.kind | CapabilityStatement.format | CapabilityStatement.name"}"#,
    );
    let custom = custom::read(definition.root(), &registry(), LOOKED_UP_FROM - 1).unwrap();
    let own = Registry::with(&registry(), vec![custom.unwrap()]);
    let extractor = Extractor::new(Arc::new(own), KEY, Some(BASE));
    let ty = r4().resource_type("CapabilityStatement").unwrap();
    let json = r#"{"resourceType":"CapabilityStatement","kind":"instance","format":["application/FHIR+json","xml"],"name":"My-Name"}"#;
    for edition in [Edition::Second, Edition::Third] {
        let entries = of(&extractor.of_edition(edition), json);
        let is_new = edition == Edition::Third;
        let asking = match is_new {
            true => extractor.clone(),
            false => extractor.behind(vec![(ty, edition)]),
        };
        for (value, is_found) in [
            ("instance", true),
            ("INSTANCE", false),
            ("xml", true),
            ("XML", is_new),
            ("application/FHIR+json", true),
            ("application/fhir+json", is_new),
            ("My-Name", true),
            ("my-name", true),
        ] {
            let filter = filter(&asking, ty, "any", value);
            let found = holds(&filter, ty, &entries);
            // Before, one of them was asked for in both spellings.
            let is_loose = !is_new && ["INSTANCE", "XML"].contains(&value);
            assert!(found == is_found || is_loose, "{edition:?}: {value}");
        }
    }
}
