use super::sample::{KEY, document, extractor};
use crate::evaluate::{Candidate, World, matches};
use crate::plan::{Filter, Plan, SortKey, Total};
use crate::query::{Options, Summary, Used, parse};
use crate::terminology::Embedded;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind};

fn options(strict: bool) -> Options<'static> {
    Options {
        strict,
        terminology: &Embedded,
        now_us: 1_600_000_000_000_000,
        count_default: 20,
        count_max: 100,
    }
}

fn read(ty: &str, query: &[(&str, &str)], strict: bool) -> Result<(Plan, Used), Failure> {
    let types: Vec<_> = r4().resource_type(ty).into_iter().collect();
    parse(&extractor(), &types, query, &options(strict))
}

fn kind(ty: &str, name: &str, value: &str) -> Kind {
    read(ty, &[(name, value)], true)
        .map(|_| ())
        .unwrap_err()
        .kind
}

const PATIENT: &str = r#"{"resourceType":"Patient","id":"p1","active":true,"gender":"female","birthDate":"1980-05",
 "meta":{"profile":["http://p/x|2"],"tag":[{"system":"http://t","code":"a,b"}]},
 "identifier":[{"system":"http://h","value":"123","type":{"coding":[{"system":"http://y","code":"MR"}]}},{"value":"x|y"}],
 "name":[{"family":"Müller","given":["Anna Maria"],"text":"Anna Müller"}],"telecom":[{"system":"phone","value":"555"},{"system":"email","value":"a@b"}],
 "address":[{"city":"Zürich"}],"managingOrganization":{"reference":"Organization/o1"},
 "generalPractitioner":[{"reference":"Practitioner/9"},{"identifier":{"system":"http://npi","value":"7"}}]}"#;

fn hit(name: &str, value: &str) -> bool {
    let (plan, _) = read("Patient", &[(name, value)], true)
        .unwrap_or_else(|f| panic!("{name}={value}: {:?}", f.issues));
    holds(&plan.filter, PATIENT)
}

/// Whether a resource, updated in July 2017, matches.
fn holds(filter: &Filter, json: &str) -> bool {
    let document = document(json);
    let entries = extractor().extract(document.root(), &|_| None);
    let candidate = Candidate {
        id: document.root().text("id").unwrap_or_default(),
        ty: document.root().ty(),
        updated_us: 1_500_000_000_000_000,
        entries: &entries,
        node: Some(document.root()),
    };
    let world = World {
        key: Some(&KEY),
        others: None,
    };
    matches(filter, candidate, world).unwrap()
}

#[test]
fn every_form_of_question() {
    for (name, value) in [
        ("_id", "p1"),
        ("_id", "zzz,p1"),
        ("_lastUpdated", "2017-07-14"),
        ("_lastUpdated", "gt2017-01-01"),
        ("gender", "female"),
        ("gender", "male,female"),
        ("gender", "http://hl7.org/fhir/administrative-gender|female"),
        ("gender", "http://hl7.org/fhir/administrative-gender|"),
        ("gender", "|female"),
        ("gender:not", "male"),
        ("gender:not", "male,other"),
        ("_id:not", "p2,p3"),
        ("_id:not", "not an id"),
        ("active", "true"),
        ("deceased", "false"),
        ("identifier", "123"),
        ("identifier", "http://h|123"),
        ("identifier", "http://h|"),
        ("identifier", r"|x\|y"),
        ("identifier:of-type", "http://y|MR|123"),
        ("_tag", r"a\,b"),
        ("_tag", r"http://t|a\,b"),
        ("_tag", "http://t|"),
        ("_tag:not", "other"),
        ("_profile", "http://p/x"),
        ("_profile", "http://p/x|2"),
        ("family", "MULL"),
        ("name", "anna mu"),
        ("given", "Anna"),
        ("family:exact", "Müller"),
        ("family:contains", "lle"),
        ("phonetic", "anna"),
        ("address", "zurich"),
        ("address-city", "zü"),
        ("phone", "555"),
        ("email", "a@b"),
        ("telecom", "555"),
        ("birthdate", "1980"),
        ("birthdate", "1980-05"),
        ("birthdate", "ne1980-05-03"),
        ("birthdate", "lt1981"),
        ("birthdate", "ap1980-07"),
        ("organization", "o1"),
        ("organization", "Organization/o1"),
        ("organization", "http://ward.test/fhir/Organization/o1"),
        ("organization:Organization", "o1"),
        ("general-practitioner", "9"),
        ("general-practitioner:Practitioner", "9"),
        ("general-practitioner:identifier", "http://npi|7"),
        ("general-practitioner:identifier", "7"),
        ("organization:missing", "false"),
        ("link:missing", "true"),
        ("death-date:missing", "true"),
        ("gender:missing", "false"),
        ("deceased:missing", "false"),
        ("_id:missing", "false"),
        ("_tag:missing", "false"),
        ("_profile:missing", "false"),
        ("_security:missing", "true"),
    ] {
        assert!(hit(name, value), "{name}={value}");
    }
}

#[test]
fn and_what_is_none() {
    for (name, value) in [
        ("_id", "p2"),
        ("_id", "not an id"),
        ("_lastUpdated", "lt2017-01-01"),
        ("gender", "Female"),
        ("gender", "http://elsewhere|female"),
        ("gender:not", "female"),
        ("_id:not", "p2,p1"),
        ("deceased", "true"),
        ("identifier", "http://other|123"),
        ("identifier", "|123"),
        ("identifier:of-type", "http://y|SS|123"),
        ("_tag", "a"),
        ("_profile", "http://p/x|3"),
        ("family", "anna"),
        ("family:exact", "Muller"),
        ("family:contains", "ann"),
        ("phone", "a@b"),
        ("email", "555"),
        ("birthdate", "1980-05-03"),
        ("birthdate", "gt1980"),
        ("organization", "Patient/o1"),
        ("organization", "http://elsewhere.test/fhir/Organization/o1"),
        ("general-practitioner:Organization", "9"),
        ("organization:missing", "true"),
        ("gender:missing", "true"),
        ("death-date:missing", "false"),
        ("deceased:missing", "true"),
        ("_tag:missing", "true"),
    ] {
        assert!(!hit(name, value), "{name}={value}");
    }
}

#[test]
fn refusals_say_what_is_wrong() {
    assert_eq!(kind("Patient", "birthdate", "yesterday"), Kind::Invalid);
    assert_eq!(kind("Patient", "birthdate", "gt"), Kind::Invalid);
    assert_eq!(
        kind("Patient", "organization", "no reference!"),
        Kind::Invalid
    );
    assert_eq!(kind("Patient", "identifier", "|"), Kind::Invalid);
    assert_eq!(kind("Patient", "identifier:of-type", "a|b"), Kind::Invalid);
    assert_eq!(kind("Patient", "gender:missing", "maybe"), Kind::Invalid);
    assert_eq!(kind("Patient", "gender:text", "x"), Kind::NotSupported);
    assert_eq!(
        kind("Patient", "organization:Patient", "x"),
        Kind::NotSupported
    );
    assert_eq!(kind("Patient", "_id:not-in", "x"), Kind::NotSupported);
    assert_eq!(kind("Patient", "_id:exact", "x"), Kind::NotSupported);
    assert_eq!(kind("Patient", "_query", "x"), Kind::NotSupported);
    assert_eq!(
        kind("Observation", "code-value-quantity", "a"),
        Kind::Invalid
    );
    assert_eq!(kind("Observation", "value-quantity", "abc"), Kind::Invalid);
    for value in ["1|x", "1|x|", "1|x|y|z", "1||y|z"] {
        assert_eq!(kind("Observation", "value-quantity", value), Kind::Invalid);
    }
    assert_eq!(kind("Patient", "_count", "-1"), Kind::Invalid);
    assert_eq!(kind("Patient", "_total", "some"), Kind::Invalid);
    assert_eq!(kind("Location", "_sort", "near"), Kind::NotSupported);
    assert_eq!(
        kind("Patient", "gender", &"x,".repeat(1000)),
        Kind::TooCostly
    );
    assert_eq!(
        kind(
            "Provenance",
            "target",
            &(0..100).map(|n| format!("{n},")).collect::<String>()
        ),
        Kind::TooCostly
    );
}

#[test]
fn unknown_parameters_name_the_nearest() {
    let failure = read("Patient", &[("birthDate", "1980")], true).unwrap_err();
    assert_eq!(failure.kind, Kind::NotSupported);
    assert!(
        failure.issues[0].diagnostics.contains("birthdate"),
        "{:?}",
        failure.issues
    );
    let (plan, used) = read("Patient", &[("gendr", "male"), ("family", "x")], false).unwrap();
    assert!(matches!(plan.filter, Filter::StringPrefix { .. }));
    assert_eq!(
        (&*used.ignored[0].name, &*used.ignored[0].nearest[0]),
        ("gendr", "gender")
    );
    assert_eq!(used.pairs, [("family".to_owned(), "x".to_owned())]);
    assert_eq!(
        used.ignored[0].issue().severity,
        ward_fhir::Severity::Warning
    );
}

#[test]
fn result_parameters_shape_the_page() {
    let query = [
        ("_count", "500"),
        ("_sort", "-birthdate,family,_id"),
        ("_total", "accurate"),
        ("_elements", "id,name"),
        ("_format", "json"),
    ];
    let (plan, used) = read("Patient", &query, true).unwrap();
    assert_eq!(
        (plan.count, plan.total, plan.sort.len()),
        (100, Total::Accurate, 3)
    );
    assert!(matches!(
        plan.sort[0],
        SortKey::Date {
            descending: true,
            ..
        }
    ));
    assert_eq!(used.elements, ["id", "name"]);
    assert!(
        used.pairs
            .contains(&("_count".to_owned(), "100".to_owned()))
    );
    let (plan, used) = read("Patient", &[("_summary", "count")], true).unwrap();
    assert_eq!(
        (plan.count, plan.total, used.summary),
        (0, Total::Accurate, Some(Summary::Count))
    );
}

/// `_summary=count` and `_count=0` hold wherever they stand.
#[test]
fn counts_are_settled_once() {
    for (query, expected) in [
        ("_summary=count", (0, Total::Accurate)),
        ("_summary=count&_count=5", (0, Total::Accurate)),
        ("_count=5&_summary=count", (0, Total::Accurate)),
        ("_summary=count&_total=none", (0, Total::Accurate)),
        ("_total=none&_summary=count", (0, Total::Accurate)),
        ("_summary=count&_total=estimate", (0, Total::Estimate)),
        ("_count=0&_total=none", (0, Total::Accurate)),
        ("_total=none&_count=0", (0, Total::Accurate)),
        ("_count=0&_count=5", (5, Total::None)),
        ("_summary=count&_summary=true&_count=5", (5, Total::None)),
        ("_count=5&_total=none", (5, Total::None)),
    ] {
        let pairs: Vec<(&str, &str)> = query.split('&').filter_map(|p| p.split_once('=')).collect();
        let (plan, _) = read("Patient", &pairs, true).unwrap();
        assert_eq!((plan.count, plan.total), expected, "{query}");
    }
}

#[test]
fn several_types_share_what_they_have_in_common() {
    let (plan, _) = read("", &[("_id", "x"), ("_tag", "a")], true).unwrap();
    assert!(plan.types.is_empty());
    assert!(read("", &[("name", "x")], true).is_err());
    let (plan, _) = read(
        "",
        &[("_type", "Patient,Practitioner"), ("identifier", "123")],
        true,
    )
    .unwrap();
    assert_eq!(plan.types.len(), 2);
    assert!(holds(&plan.filter, PATIENT));
    assert!(read("", &[("_type", "Nothing")], true).is_err());
    let not = |value| {
        let query = [("_type", "Patient,Practitioner"), ("identifier:not", value)];
        read("", &query, true).unwrap().0.filter
    };
    assert!(holds(&not("1"), PATIENT) && !holds(&not("123"), PATIENT));
    assert!(holds(
        &not("1"),
        r#"{"resourceType":"Practitioner","id":"x"}"#
    ));
}
