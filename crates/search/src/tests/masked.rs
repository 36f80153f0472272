//! What is asked where elements are masked in some rows.

use super::sample::extractor;
use crate::groups::Groups;
use crate::plan::{Filter, Plan, SortKey};
use crate::query::{Options, parse};
use crate::shape;
use crate::terminology::Embedded;
use ward_fhir::TypeId;
use ward_fhir::schema::{SearchParameterDef, r4};

const VALUE: Groups = Groups::of(0);
const PERFORMER: Groups = Groups::of(1);

fn reads(ty: &str, parameter: &SearchParameterDef) -> Groups {
    match (ty, parameter.code) {
        ("Observation", "value-quantity" | "value-string" | "value-concept") => VALUE,
        ("Observation", "performer") => PERFORMER,
        _ => Groups::NONE,
    }
}

fn plan(groups: Groups, query: &str) -> Plan {
    let extractor = extractor().masking(groups, reads);
    let (name, text) = query.split_once('?').unwrap();
    let types: Vec<TypeId> = r4().resource_type(name).into_iter().collect();
    let pairs: Vec<(&str, &str)> = text.split('&').filter_map(|p| p.split_once('=')).collect();
    let options = Options {
        strict: true,
        now_us: 0,
        count_default: 20,
        count_max: 100,
        terminology: &Embedded,
    };
    parse(&extractor, &types, &pairs, &options).unwrap().0
}

fn asked(query: &str) -> String {
    shape::filter(&plan(VALUE.and(PERFORMER), query).filter)
}

#[test]
fn each_condition_that_reads_it_holds_of_no_masked_row() {
    let masked = |query: &str| asked(query).matches("not masked").count();
    for query in [
        "Observation?code=a",
        "Observation?code:missing=true&date=2026",
        "Patient?_has:Observation:patient:code=a",
        "Observation?_sort=value-quantity",
    ] {
        assert_eq!(masked(query), 0, "{query}");
    }
    for query in [
        "Observation?value-quantity=gt5",
        "Observation?value-concept:not=a",
        "Observation?value-quantity:missing=true",
        "Observation?value-quantity:missing=false",
        "Observation?_filter=value-quantity gt 5",
        "Observation?_filter=value-quantity pr true",
        "Observation?code=a&performer=Practitioner/1",
        "Observation?performer:Practitioner.name=a",
        "Practitioner?_has:Observation:performer:code=a",
        "Patient?_has:Observation:patient:value-quantity=5",
        "DiagnosticReport?result.value-quantity=5",
        "Observation?_text=a",
        "Observation?_content=a",
    ] {
        assert!(masked(query) > 0, "{query}: {}", asked(query));
        let of_others = plan(Groups::of(5), query).filter;
        let is_of_text = query.contains("_text") || query.contains("_content");
        assert_eq!(shape::filter(&of_others).contains("not masked"), is_of_text);
    }
}

/// A row in which it is masked is one that has no value.
#[test]
fn what_denies_a_value_holds_of_masked_rows() {
    for query in [
        "Observation?value-concept:not=a",
        "Observation?value-quantity:missing=true",
        "Observation?_filter=value-quantity pr false",
        "Observation?_filter=not (value-quantity gt 5)",
    ] {
        let filter = plan(VALUE, query).filter;
        let Filter::Not(inner) = &filter else {
            panic!("{query}: {filter:?}");
        };
        assert!(shape::filter(inner).contains("not masked"), "{filter:?}");
    }
}

#[test]
fn what_is_masked_is_sorted_as_it_is_seen() {
    let sort = |groups, query| plan(groups, query).sort;
    let is_gathered = |keys: &[SortKey]| matches!(keys, [SortKey::Text { .. }]);
    assert!(!is_gathered(&sort(
        Groups::NONE,
        "Observation?_sort=value-date"
    )));
    assert!(!is_gathered(&sort(VALUE, "Observation?_sort=date")));
    assert!(is_gathered(&sort(VALUE, "Observation?_sort=value-string")));
}
