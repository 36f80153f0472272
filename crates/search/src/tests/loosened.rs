//! What too many entries of the index fit is decided by each resource, and the rest by the index as before.

use super::sample::extractor;
use super::small::{Small, read};
use crate::check::{far_ends, loosen, with_far_ends};
use crate::plan::Filter;
use ward_fhir::Kind;
use ward_fhir::schema::r4;

const ALL: u64 = u64::MAX;

#[test]
fn a_loosened_question_finds_the_same() {
    let coded = |id: &str, text: &str, code: &str, value: u8| {
        format!(
            r#"{{"resourceType":"Observation","id":"{id}","status":"final","code":{{"text":"{text}"}},
            "component":[{{"code":{{"coding":[{{"system":"urn:a","code":"{code}"}}]}},
            "valueQuantity":{{"value":{value},"system":"http://unitsofmeasure.org","code":"mg"}}}}]}}"#
        )
    };
    let small = Small::new(&[
        &coded("a", "body height", "x", 5),
        &coded("b", "weight", "y", 7),
        &coded("c", "height", "z", 9),
        r#"{"resourceType":"ValueSet","id":"v","url":"http://a/b/c","status":"draft"}"#,
    ]);
    for (query, found) in [
        (
            "Observation?code:text=height",
            "Observation/a Observation/c",
        ),
        (
            "Observation?code:text=height&component-code-value-quantity=urn:a|$gt6",
            "Observation/c",
        ),
        (
            "Observation?component-code-value-quantity=urn:a|$gt6",
            "Observation/b Observation/c",
        ),
        (
            "Observation?_filter=code co \"eigh\" and not (code co \"body\")",
            "Observation/b Observation/c",
        ),
        (
            "Observation?_filter=code co \"body\" or code co \"wei\"",
            "Observation/a Observation/b",
        ),
        ("ValueSet?url:below=http://a/b", "ValueSet/v"),
        ("ValueSet?url:below=http://a/x", ""),
    ] {
        assert_eq!(small.find(query), found, "{query}");
        for wide in [0, 1, 2, 3, ALL] {
            assert_eq!(small.find_loosened(query, wide), found, "{query}, {wide:b}");
        }
    }
}

#[test]
fn only_what_is_named_is_loosened() {
    let (plan, _) = read("Observation?code:text=height,width&status=final", true).unwrap();
    let text = |wide| {
        let split = loosen(plan.filter.clone(), wide, &extractor()).unwrap();
        (crate::shape::filter(&split.index), split.checks.len())
    };
    let (index, checks) = text(0);
    assert!(index.matches("phrase").count() == 2, "{index}");
    let (loosened, more) = text(0b10);
    assert!(loosened.matches("phrase").count() < 2, "{loosened}");
    assert!(checks > 0 && more >= checks);
}

#[test]
fn far_ends_are_looked_up_by_themselves() {
    let query = "ServiceRequest?based-on:CarePlan.instantiates-uri:below=http://a&instantiates-uri:below=http://b";
    let (plan, _) = read(query, true).unwrap();
    let filter = plan.filter;
    let refused = loosen(filter.clone(), ALL, &extractor()).unwrap_err();
    assert_eq!(refused.kind, Kind::TooCostly, "no row decides it");
    let near = [0b01, 0b10].map(|wide| far_ends(&filter, wide).len());
    assert_eq!(near.iter().sum::<usize>(), 1, "{near:?}");
    let ends = far_ends(&filter, ALL);
    assert_eq!(ends.len(), 1);
    assert_eq!(ends[0].0, r4().resource_type("CarePlan").unwrap());
    assert!(matches!(&ends[0].1, Filter::Phrase { value, .. } if value == "http://a"));
    let text = |ids: &[&str]| {
        let found = vec![ids.iter().map(|id| (*id).to_owned()).collect()];
        format!("{:?}", with_far_ends(filter.clone(), ALL, found))
    };
    assert!(text(&["x"]).contains("Ids([\"x\"])") && text(&["x"]).contains("http://b"));
    assert!(text(&[]).contains("Nothing") && !text(&[]).contains("http://a"));
}
