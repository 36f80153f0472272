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
        (
            "Patient?_smmary=true",
            "Unknown search parameter '_smmary' was ignored. Did you mean _summary?",
        ),
        (
            "Patient?_sort=_list",
            "Unknown sort parameter '_list' was ignored.",
        ),
        (
            "Patient?_sort:desc=birthdate",
            "The search parameter '_sort' was ignored: it takes no modifier; '_sort=-date' is the descending order.",
        ),
        (
            "Patient?_sort=_scor",
            "Unknown sort parameter '_scor' was ignored. Did you mean _score?",
        ),
        (
            "Patient?organization.nam=x",
            "Unknown search parameter 'organization.nam' was ignored. Did you mean organization.name?",
        ),
        (
            "Observation?patient.organization:Organization.nam=x",
            "Unknown search parameter 'patient.organization:Organization.nam' was ignored. \
             Did you mean patient.organization:Organization.name?",
        ),
        (
            "Patient?_has:Observation:patient:statu=x",
            "Unknown search parameter '_has:Observation:patient:statu' was ignored. Did you mean _has:Observation:patient:status?",
        ),
        (
            "Patient?_has:Observation:encountr:status=x",
            "Unknown search parameter '_has:Observation:encountr' was ignored. Did you mean _has:Observation:encounter?",
        ),
        (
            "Patient?_has:Observation:cod:status=x",
            "Unknown search parameter '_has:Observation:cod' was ignored.",
        ),
        (
            "Observation?statu.name=x",
            "Unknown search parameter 'statu' was ignored.",
        ),
        (
            "?name=x",
            "The search parameter 'name' was ignored: over all types only what each of them has is taken; \
             name those that are meant by '_type'.",
        ),
        (
            "?nosuch=x",
            "Unknown search parameter 'nosuch' was ignored.",
        ),
        (
            "Patient?organization._cout=x",
            "Unknown search parameter 'organization._cout' was ignored.",
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
        (
            "?_type=Patient,Observation&name=x",
            ": Observation has none.",
        ),
        ("?_type=Pateint", "did you mean Patient."),
        ("?_type=Zzzzzzzz", "must be a list of resource types."),
        (
            "?_type=Patient&_type=Condition",
            "_type=Patient,Practitioner.",
        ),
        ("Patient?_type=Condition", "_type=Patient,Practitioner."),
        (
            "Patient?_filter=organization.nam eq x",
            "Did you mean organization.name?",
        ),
        (
            "Questionnaire?_has:QuestionnaireResponse:questionnaire:status=x",
            "ask QuestionnaireResponse by the URL instead.",
        ),
    ] {
        let text = read(query, true).unwrap_err().issues[0].diagnostics.clone();
        assert!(text.ends_with(expected), "{text}");
    }
}

/// Given twice it narrows, as every criterion does.
#[test]
fn types_that_are_given_twice_narrow() {
    let types = |query: &str| read(query, true).unwrap().0.types;
    assert_eq!(
        types("?_type=Patient,Condition&_type=Condition,Observation"),
        types("?_type=Condition")
    );
    assert_eq!(types("Patient?_type=Patient,Condition").len(), 1);
    assert_eq!(types("?_type=Patient,"), types("?_type=Patient"));
}
