//! A parameter without a value asks for nothing: left out with a warning, or refused. Never is it what matches nothing.

use super::small::{kind, read, refusal};
use crate::plan::Filter;
use ward_fhir::Kind;

const BLANK: &[&str] = &[
    "Patient?name=",
    "Patient?name= ",
    "Patient?name=,",
    "Patient?name:exact=",
    "Patient?name:missing=",
    "Patient?identifier=",
    "Patient?gender:not=",
    "Patient?_id=",
    "Patient?_id:not=",
    "Patient?birthdate=",
    "Patient?organization=",
    "Patient?organization.name=",
    "Patient?_has:Observation:patient:code=",
    "Patient?_filter=",
    "Patient?_text=",
    "Patient?_list=",
    "Patient?_query=",
    "Patient?_sort=",
    "Patient?_count=",
    "Patient?_total=",
    "Patient?_summary=",
    "Patient?_elements=",
    "Patient?_include=",
    "Patient?_contained=",
    "Patient?nosuch=",
    "?_type=",
];

#[test]
fn what_has_no_value_is_left_out_and_told() {
    for query in BLANK {
        let (plan, used) = read(query, false).unwrap_or_else(|f| panic!("{query}: {:?}", f.issues));
        assert!(matches!(plan.filter, Filter::All), "{query}");
        assert!(used.pairs.is_empty() && plan.sort.is_empty(), "{query}");
        let name = query.split(['?', '=']).nth(1).unwrap();
        let said: Vec<String> = used.ignored.iter().map(|i| i.issue().diagnostics).collect();
        let expected = format!("The search parameter '{name}' was ignored: it has no value.");
        assert_eq!(said, [expected], "{query}");
    }
    let (plan, used) = read("Patient?name=&gender=male", false).unwrap();
    assert!(!matches!(plan.filter, Filter::All | Filter::Nothing));
    assert_eq!(used.pairs, [("gender".to_owned(), "male".to_owned())]);
}

#[test]
fn and_refused_where_nothing_is_left_out() {
    for query in BLANK {
        let (kind_of, text) = refusal(query);
        assert_eq!(kind_of, Kind::Invalid, "{query}");
        assert!(text.ends_with("it has no value."), "{query}: {text}");
    }
    // What is left of a value when accents do not count; a value inside an expression.
    for query in [
        "Patient?name=\u{301}",
        "Patient?identifier:text=\u{301}",
        "Patient?_filter=name eq \"\"",
        "Patient?_filter=name co \" \"",
        "Patient?_filter=gender ne \"\"",
        "Observation?code-value-quantity=$5",
    ] {
        assert_eq!(kind(query), Kind::Invalid, "{query}");
    }
    // One of several may be.
    let (plan, _) = read("Patient?gender=male,", true).unwrap();
    assert!(matches!(plan.filter, Filter::AnyTerm(_)));
}
