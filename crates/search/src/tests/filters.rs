use super::small::{Small, kind, read, refusal};
use crate::query::lists;
use ward_fhir::Kind;

#[test]
fn filter_expressions() {
    let small = Small::new(&[
        r#"{"resourceType":"Patient","id":"p1","gender":"female","birthDate":"1980-05-03","active":true,
            "name":[{"family":"Peters","given":["Peter"]}],"managingOrganization":{"reference":"Organization/o1"}}"#,
        r#"{"resourceType":"Patient","id":"p2","gender":"male","birthDate":"2001","name":[{"family":"Petersen"}]}"#,
        r#"{"resourceType":"Patient","id":"p3"}"#,
        r#"{"resourceType":"Organization","id":"o1","name":"Acme","active":true}"#,
        r#"{"resourceType":"Observation","id":"b1","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"1234-5","display":"Sodium in blood"}]},
            "subject":{"reference":"Patient/p1"},"valueQuantity":{"value":150,"system":"http://unitsofmeasure.org","code":"mmol/L"},"effectivePeriod":{"start":"2020-01-01","end":"2020-03-01"}}"#,
        r#"{"resourceType":"Observation","id":"b2","status":"final","code":{"coding":[{"code":"bp"}]},"subject":{"reference":"Patient/p2"},
            "component":[{"code":{"coding":[{"code":"sys"}]},"valueQuantity":{"value":150}},{"code":{"coding":[{"code":"dia"}]},"valueQuantity":{"value":90}}]}"#,
        r#"{"resourceType":"Encounter","id":"e","status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"ACUTE"}}"#,
        r#"{"resourceType":"ValueSet","id":"v","status":"active","url":"http://acme.test/fhir/x"}"#,
    ]);
    for (query, found) in [
        ("Patient?_filter=name co \"eter\"", "Patient/p1 Patient/p2"),
        (
            "Patient?_filter=given eq \"peter\" and birthdate ge 1980-05-03",
            "Patient/p1",
        ),
        ("Patient?_filter=family eq PETERS", "Patient/p1"),
        ("Patient?_filter=family ne peters", "Patient/p2"),
        ("Patient?_filter=family sw peters", "Patient/p1 Patient/p2"),
        ("Patient?_filter=family ew sen", "Patient/p2"),
        (
            "Patient?_filter=gender eq male or family eq peters",
            "Patient/p1 Patient/p2",
        ),
        (
            "Patient?_filter=not (gender eq male)",
            "Patient/p1 Patient/p3",
        ),
        ("Patient?_filter=gender ne male", "Patient/p1"),
        ("Patient?_filter=gender pr false", "Patient/p3"),
        (
            "Patient?_filter=gender pr true and not (active eq true)",
            "Patient/p2",
        ),
        (
            "Patient?_filter=birthdate lt 1990 or birthdate sa 2000",
            "Patient/p1 Patient/p2",
        ),
        ("Patient?_filter=birthdate po 1980-05", "Patient/p1"),
        ("Patient?_filter=id eq p3", "Patient/p3"),
        ("Patient?_filter=organization.name eq acme", "Patient/p1"),
        (
            "Patient?_filter=organization[active eq true].name co cm",
            "Patient/p1",
        ),
        (
            "Patient?_filter=organization[active eq false].name co cm",
            "",
        ),
        (
            "Patient?_filter=organization re Organization/o1",
            "Patient/p1",
        ),
        (
            "Patient?_filter=_has:Observation:patient:code eq bp",
            "Patient/p2",
        ),
        (
            "Observation?_filter=code eq http://loinc.org|1234-5",
            "Observation/b1",
        ),
        ("Observation?_filter=code co sodium", "Observation/b1"),
        (
            "Observation?_filter=subject.name co pet and status eq final",
            "Observation/b1 Observation/b2",
        ),
        (
            "Observation?_filter=subject:Patient.id eq p2",
            "Observation/b2",
        ),
        (
            "Observation?_filter=value-quantity gt 149",
            "Observation/b1",
        ),
        (
            "Observation?_filter=value-quantity eq 150|http://unitsofmeasure.org|mmol/L",
            "Observation/b1",
        ),
        ("Observation?_filter=date po 2020-02", "Observation/b1"),
        ("Observation?_filter=date eq 2020-02", ""),
        (
            "Observation?_filter=code-value-quantity eq 1234-5$ge150",
            "Observation/b1",
        ),
        (
            "Observation?_filter=component-code-value-quantity[component-code eq sys].component-value-quantity gt 140",
            "Observation/b2",
        ),
        (
            "Observation?_filter=component-code-value-quantity[component-code eq dia].component-value-quantity gt 140",
            "",
        ),
        (
            "Encounter?_filter=class ss http://terminology.hl7.org/CodeSystem/v3-ActCode|IMP",
            "Encounter/e",
        ),
        (
            "Encounter?_filter=class sb http://terminology.hl7.org/CodeSystem/v3-ActCode|ACUTE",
            "Encounter/e",
        ),
        (
            "Encounter?_filter=class in http://terminology.hl7.org/ValueSet/v3-ActEncounterCode",
            "Encounter/e",
        ),
        (
            "Encounter?_filter=class ni http://terminology.hl7.org/ValueSet/v3-ActEncounterCode",
            "",
        ),
        ("ValueSet?_filter=url sw http://acme.test/", "ValueSet/v"),
        ("ValueSet?_filter=url co /fhir/", "ValueSet/v"),
        ("?_filter=_id eq p1", "Patient/p1"),
        (
            "?_type=Patient,Organization&_filter=name sw ac or name sw petersen",
            "Patient/p2 Organization/o1",
        ),
    ] {
        assert_eq!(small.find(query), found, "{query}");
    }
    for (query, expected) in [
        ("Patient?_filter=name", Kind::Invalid),
        ("Patient?_filter=_text pr true", Kind::Invalid),
        ("Patient?_filter=_text co bone", Kind::Invalid),
        ("Patient?_filter=_text:exact eq bone", Kind::NotSupported),
        (
            "Patient?_filter=_filter eq \"name eq x\"",
            Kind::NotSupported,
        ),
        ("Patient?_filter=_query eq x", Kind::NotSupported),
        ("Patient?_filter=_has eq x", Kind::Invalid),
        ("Patient?_filter=_list eq \"a b\"", Kind::Invalid),
        ("Patient?_filter=_sort eq name", Kind::NotSupported),
        ("Patient?_filter=nothing eq 1", Kind::NotSupported),
        ("Patient?_filter=gender gt male", Kind::Invalid),
        ("Patient?_filter=birthdate co 1", Kind::Invalid),
        ("Patient?_filter=birthdate eq x", Kind::Invalid),
        ("Patient?_filter=gender pr maybe", Kind::Invalid),
        ("Patient?_filter=family eq \"a\\u0000\"", Kind::Invalid),
        ("Patient?family=a\0", Kind::Invalid),
        ("Patient?fam\0=a", Kind::Invalid),
        (
            "Patient?_filter=gender[active eq true].name eq x",
            Kind::Invalid,
        ),
        ("Patient?_filter:x=gender eq male", Kind::NotSupported),
        (
            "Observation?_filter=component-code-value-quantity[status eq x].component-value-quantity gt 1",
            Kind::Invalid,
        ),
    ] {
        assert_eq!(kind(query), expected, "{query}");
    }
    let (_, text) = refusal("Patient?_filter=name xx 1");
    assert!(text.contains("position 5"), "{text}");
}

#[test]
fn criteria_of_no_element_mean_the_same_in_an_expression() {
    let small = Small::new(&[
        r#"{"resourceType":"Patient","id":"p1","gender":"female","text":{"status":"generated",
            "div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">A broken <b>bone</b></div>"}}"#,
        r#"{"resourceType":"Patient","id":"p2","gender":"male","name":[{"family":"Bone"}]}"#,
    ]);
    for (query, found) in [
        ("Patient?_filter=_text eq bone", "Patient/p1"),
        ("Patient?_filter=_text eq \"bone broken\"", "Patient/p1"),
        ("Patient?_filter=_content eq bone", "Patient/p1 Patient/p2"),
        ("Patient?_filter=not (_text eq bone)", "Patient/p2"),
        (
            "Patient?_filter=_text eq bone or gender eq male",
            "Patient/p1 Patient/p2",
        ),
        (
            "Patient?_filter=_content eq bone and gender eq male",
            "Patient/p2",
        ),
        ("?_filter=_text eq bone", "Patient/p1"),
        ("Patient?_filter=_id ne p1", "Patient/p2"),
    ] {
        assert_eq!(small.find(query), found, "{query}");
        assert_eq!(small.find_split(query), found, "{query}, split");
    }
    let listed = read("Patient?_filter=_list eq 42", true).unwrap().0.filter;
    let expected = read("Patient?_list=42", true).unwrap().0.filter;
    assert_eq!(lists(&listed), lists(&expected));
}
