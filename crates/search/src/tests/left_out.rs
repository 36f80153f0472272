//! What a query names and nobody knows: left out once, or refused, with what may have been meant.

use super::small::read;

/// What has no effect is told of once, with what it was read as.
#[test]
fn what_is_left_out_is_named_once() {
    for (query, expected) in [
        (
            "Patient?_sort=nosuch",
            "Unknown sort parameter 'nosuch' was ignored.",
        ),
        (
            "Patient?_sort=brithdate",
            "Unknown sort parameter 'brithdate' was ignored. Did you mean birthdate?",
        ),
        (
            "Patient?_include=Patient:lnk",
            "Unknown reference parameter 'lnk' was ignored. Did you mean link?",
        ),
        (
            "Patient?_elements=nam",
            "Unknown element 'nam' was ignored. Did you mean name?",
        ),
        (
            "Patient?famly=a",
            "Unknown search parameter 'famly' was ignored. Did you mean family?",
        ),
    ] {
        let (_, used) = read(query, false).unwrap();
        let said: Vec<String> = used.ignored.iter().map(|i| i.issue().diagnostics).collect();
        assert_eq!(said, [expected], "{query}");
        assert!(used.pairs.is_empty(), "{query}");
    }
    for (query, expected) in [
        (
            "Observation?subject:Pateint.name=a",
            "did you mean Patient.",
        ),
        ("?_type=Pateint", "did you mean Patient."),
        ("?_type=Zzzzzzzz", "can be searched here."),
    ] {
        let text = read(query, true).unwrap_err().issues[0].diagnostics.clone();
        assert!(text.ends_with(expected), "{text}");
    }
}
