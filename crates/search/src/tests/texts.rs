use super::sample::{KEY, entries, lines};
use super::small::{Small, kind, read, refusal};
use crate::terminology::{Embedded, Terminology};
use std::collections::BTreeSet;
use ward_fhir::Kind;

fn small() -> Small {
    Small::new(&[
        r#"{"resourceType":"Condition","id":"c1","subject":{"reference":"Patient/1"},"code":{"coding":[
            {"system":"http://snomed.info/sct","code":"38341003","display":"Hypertensive disorder"}],"text":"High blood pressure"}}"#,
        r#"{"resourceType":"Condition","id":"c2","subject":{"reference":"Patient/1"},"code":{"coding":[
            {"system":"http://snomed.info/sct","code":"38341003"}]}}"#,
        r#"{"resourceType":"Condition","id":"c3","subject":{"reference":"Patient/1"},"code":{"text":"Bluthochdruck, schwer"}}"#,
        r#"{"resourceType":"Patient","id":"p","gender":"male","identifier":[{"type":{"text":"Medical record number"},"system":"http://h","value":"7"}]}"#,
        r#"{"resourceType":"Encounter","id":"e1","status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"ACUTE"}}"#,
        r#"{"resourceType":"Encounter","id":"e2","status":"planned","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"}}"#,
        r#"{"resourceType":"Encounter","id":"e3","status":"planned","class":{"system":"http://elsewhere","code":"AMB"}}"#,
        r#"{"resourceType":"ValueSet","id":"v1","status":"active","url":"http://acme.test/fhir/ValueSet/1"}"#,
        r#"{"resourceType":"ValueSet","id":"v2","status":"active","url":"urn:oid:1.2.3"}"#,
        r#"{"resourceType":"QuestionnaireResponse","id":"q1","status":"completed","questionnaire":"http://acme.test/q|1.2.3"}"#,
        r#"{"resourceType":"QuestionnaireResponse","id":"q2","status":"completed","questionnaire":"http://acme.test/q|1.20"}"#,
        r#"{"resourceType":"QuestionnaireResponse","id":"q3","status":"completed","questionnaire":"http://acme.test/q","meta":{"profile":["http://acme.test/p/a|2"]}}"#,
    ])
}

#[test]
fn texts_and_displays() {
    let small = small();
    for (query, found) in [
        ("Condition?code:text=hypertensive", "Condition/c1"),
        ("Condition?code:text=disorder", "Condition/c1"),
        ("Condition?code:text=HIGH BLOOD", "Condition/c1"),
        (
            "Condition?code:text=schwer,disorder",
            "Condition/c1 Condition/c3",
        ),
        ("Condition?code:text=ypertensive", ""),
        ("Patient?identifier:text=medical", "Patient/p"),
        ("Patient?identifier:text=7", ""),
        (
            "Condition?code:not=http://snomed.info/sct|38341003",
            "Condition/c3",
        ),
    ] {
        assert_eq!(small.find(query), found, "{query}");
        assert_eq!(small.find_split(query), found, "{query}, split");
    }
    assert_eq!(kind("Patient?gender:text=x"), Kind::NotSupported);
    assert_eq!(kind("Patient?birthdate:text=x"), Kind::NotSupported);
}

#[test]
fn phrases_belong_to_terms() {
    let found = entries(
        r#"{"resourceType":"Condition","subject":{"reference":"Patient/1"},"code":{"coding":[{"system":"s","code":"c","display":"Flu"}],"text":"Flu"},
            "category":[{"text":"Only text"}]}"#,
    );
    let of = |value: &str| {
        found
            .phrases
            .iter()
            .filter(|p| p.value == value)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("flu").len(), 1);
    assert_eq!(of("flu")[0].term, KEY.token(of("flu")[0].param, "s", "c"));
    let text = of("only text")[0];
    assert!(text.term == KEY.text(text.param, "only text") && found.has_term(text.term));
}

#[test]
fn value_sets_and_hierarchies() {
    let small = small();
    const ACT: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
    for (query, found) in [
        (format!("Encounter?class:below={ACT}|IMP"), "Encounter/e1"),
        (
            format!("Encounter?class:below={ACT}|_ActEncounterCode"),
            "Encounter/e1 Encounter/e2",
        ),
        (format!("Encounter?class:below={ACT}|AMB"), "Encounter/e2"),
        (format!("Encounter?class:above={ACT}|ACUTE"), "Encounter/e1"),
        (
            "Encounter?class:in=http://terminology.hl7.org/ValueSet/v3-ActEncounterCode".into(),
            "Encounter/e1 Encounter/e2",
        ),
        (
            "Encounter?class:not-in=http://terminology.hl7.org/ValueSet/v3-ActEncounterCode".into(),
            "Encounter/e3",
        ),
        (
            "Patient?gender:in=http://hl7.org/fhir/ValueSet/administrative-gender".into(),
            "Patient/p",
        ),
        (
            "Patient?gender:not-in=http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1".into(),
            "",
        ),
        ("Encounter?status:below=finished".into(), "Encounter/e1"),
    ] {
        assert_eq!(small.find(&query), found, "{query}");
    }
    let (kind_of, text) = refusal("Encounter?class:in=http://no.such/set");
    assert!(
        kind_of == Kind::Invalid && text.contains("not known"),
        "{text}"
    );
    assert_eq!(
        kind("Condition?code:in=http://hl7.org/fhir/ValueSet/condition-code"),
        Kind::NotSupported
    );
    assert_eq!(
        kind("Condition?code:below=http://snomed.info/sct|38341003"),
        Kind::NotSupported
    );
    for modifier in ["above", "below"] {
        let unknown = format!("Encounter?class:{modifier}={ACT}|NOSUCH");
        assert_eq!(small.find(&unknown), "", "{unknown}");
    }
    let set = "http://hl7.org/fhir/ValueSet/administrative-gender";
    assert_eq!(
        small.find(&format!("Patient?gender:in={set}|4.0.1")),
        "Patient/p"
    );
    let (kind_of, text) = refusal(&format!("Patient?gender:in={set}|9.9"));
    assert!(
        kind_of == Kind::Invalid && text.contains("not known"),
        "{text}"
    );
    let (_, text) = refusal("Encounter?class:above=http://no.such/system|x");
    assert!(text.contains("not known"), "{text}");
    assert_eq!(kind("Condition?code:below=38341003"), Kind::Invalid);
    assert_eq!(kind("Condition?code:above=|x"), Kind::Invalid);
}

/// HL7's own expansions are the witness for ours.
#[test]
fn expansions_agree_with_the_official_ones() {
    let Some(lines) = lines("data/definitions/r4-expansions-4.0.1/ValueSet.ndjson.gz") else {
        return;
    };
    let (mut compared, mut wider) = (0, Vec::new());
    for line in lines {
        let official: serde_json::Value = serde_json::from_str(&line).unwrap();
        let url = official["url"].as_str().unwrap();
        let mut theirs = BTreeSet::new();
        contains(&official["expansion"], &mut theirs);
        let whole = official["expansion"]["total"].as_u64();
        match Embedded.expand(url) {
            Ok(ours) if whole.is_none_or(|n| n as usize == theirs.len()) => {
                compared += 1;
                let ours: BTreeSet<_> = ours.into_iter().collect();
                assert!(theirs.is_subset(&ours), "{url}");
                if ours != theirs {
                    wider.push(url.to_owned());
                }
            }
            // Some are of other packages, some draw from systems that are not held.
            Ok(_) | Err(_) => {}
        }
    }
    assert!(compared > 450, "{compared}");
    assert_eq!(wider, WIDER);
}

/// The official ones leave out codes that are inactive; what is stored may have them.
const WIDER: &[&str] = &[
    "http://hl7.org/fhir/ValueSet/c80-doc-typecodes",
    "http://hl7.org/fhir/ValueSet/diagnostic-service-sections",
    "http://hl7.org/fhir/ValueSet/observation-interpretation",
    "http://hl7.org/fhir/ValueSet/patient-contactrelationship",
    "http://hl7.org/fhir/ValueSet/relatedperson-relationshiptype",
    "http://hl7.org/fhir/ValueSet/security-labels",
    "http://terminology.hl7.org/ValueSet/v2-0487",
    "http://terminology.hl7.org/ValueSet/v2-0916",
    "http://terminology.hl7.org/ValueSet/v3-ActCode",
];

fn contains(parent: &serde_json::Value, codes: &mut BTreeSet<(String, String)>) {
    for item in parent["contains"].as_array().into_iter().flatten() {
        let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        codes.insert((text("system"), text("code")));
        contains(item, codes);
    }
}

#[test]
fn uris_above_and_below() {
    let small = small();
    for (query, found) in [
        ("ValueSet?url:below=http://acme.test/fhir/", "ValueSet/v1"),
        ("ValueSet?url:below=http://acme.test/fhir/ValueSet/12", ""),
        (
            "ValueSet?url:above=http://acme.test/fhir/ValueSet/1/_history/5",
            "ValueSet/v1",
        ),
        ("ValueSet?url:above=http://acme.test/fhir/ValueSet/", ""),
        ("ValueSet?url=urn:oid:1.2.3", "ValueSet/v2"),
        (
            "QuestionnaireResponse?questionnaire=http://acme.test/q",
            "QuestionnaireResponse/q1 QuestionnaireResponse/q2 QuestionnaireResponse/q3",
        ),
        (
            "QuestionnaireResponse?questionnaire=http://acme.test/q|1.20",
            "QuestionnaireResponse/q2",
        ),
        (
            "QuestionnaireResponse?questionnaire:below=http://acme.test/q|1.2",
            "QuestionnaireResponse/q1",
        ),
        (
            "QuestionnaireResponse?questionnaire:below=http://acme.test/q|1",
            "QuestionnaireResponse/q1 QuestionnaireResponse/q2",
        ),
        (
            "QuestionnaireResponse?questionnaire:below=http://acme.test/",
            "QuestionnaireResponse/q1 QuestionnaireResponse/q2 QuestionnaireResponse/q3",
        ),
        (
            "QuestionnaireResponse?_profile:below=http://acme.test/p",
            "QuestionnaireResponse/q3",
        ),
        (
            "QuestionnaireResponse?_profile=http://acme.test/p/a|2",
            "QuestionnaireResponse/q3",
        ),
    ] {
        assert_eq!(small.find(query), found, "{query}");
        assert_eq!(small.find_split(query), found, "{query}, split");
    }
    assert_eq!(kind("ValueSet?url:below=urn:oid:1.2"), Kind::Invalid);
    assert_eq!(kind("ValueSet?url:contains=x"), Kind::NotSupported);
    assert_eq!(kind("Observation?patient:below=x"), Kind::NotSupported);
}

#[test]
fn words_and_scores() {
    let small = Small::new(&[
        r#"{"resourceType":"Patient","id":"1","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>Chronic pain, <b>pain</b></p></div>"}}"#,
        r#"{"resourceType":"Patient","id":"2","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Pain</div>"},"name":[{"text":"Ärger"}]}"#,
    ]);
    for (query, found) in [
        ("Patient?_text=pain", "Patient/1 Patient/2"),
        ("Patient?_text=chronic pain", "Patient/1"),
        ("Patient?_text=arger", ""),
        ("Patient?_content=arger", "Patient/2"),
        ("Patient?_content=arger OR chronic", "Patient/1 Patient/2"),
        ("Patient?_content=w3", ""),
    ] {
        assert_eq!(small.find(query), found, "{query}");
        assert_eq!(small.find_split(query), found, "{query}, split");
    }
    let (_, used) = read("Patient?_text=pain&_score=true", true).unwrap();
    assert_eq!(used.scored, Some(true));
    let score = used.score.unwrap();
    let of = |json: &str| score.of(super::sample::document(json).root());
    let two = of(
        r#"{"resourceType":"Patient","text":{"status":"generated","div":"<div>pain pain</div>"}}"#,
    );
    let one =
        of(r#"{"resourceType":"Patient","text":{"status":"generated","div":"<div>pain</div>"}}"#);
    assert_eq!((one, two), (1.0 / 2.0, 2.0 / 3.0));
    // Of several criteria each word counts.
    let (_, used) = read("Patient?_content=arger&_text=pain", true).unwrap();
    let both = used.score.unwrap().of(super::sample::document(
        r#"{"resourceType":"Patient","text":{"status":"generated","div":"<div>pain</div>"},"name":[{"text":"Ärger"}]}"#,
    ).root());
    assert_eq!(both, 2.0 / 3.0);
    assert_eq!(kind("Patient?_score=perhaps"), Kind::Invalid);
    assert_eq!(kind("Patient?_text="), Kind::Invalid);
    assert_eq!(kind("Patient?_text:exact=x"), Kind::NotSupported);
}

/// R4: the system of a ContactPoint is its code.
#[test]
fn contact_points_have_a_system() {
    let small = Small::new(&[
        r#"{"resourceType":"Patient","id":"p1","telecom":[{"system":"email","value":"a@b"},{"system":"phone","value":"1"}]}"#,
        r#"{"resourceType":"Patient","id":"p2","telecom":[{"system":"phone","value":"a@b"}]}"#,
        r#"{"resourceType":"Patient","id":"p3","telecom":[{"value":"a@b"}]}"#,
    ]);
    for (query, found) in [
        ("Patient?telecom=a@b", "Patient/p1 Patient/p2 Patient/p3"),
        ("Patient?telecom=email|a@b", "Patient/p1"),
        ("Patient?telecom=phone|a@b", "Patient/p2"),
        ("Patient?telecom=email|1", ""),
        ("Patient?telecom=|a@b", "Patient/p3"),
        ("Patient?telecom=email|", "Patient/p1"),
        ("Patient?email=email|a@b", "Patient/p1"),
        ("Patient?email=phone|a@b", ""),
        (
            "Patient?telecom=email|a@b,phone|a@b",
            "Patient/p1 Patient/p2",
        ),
        ("Patient?telecom:not=email|a@b", "Patient/p2 Patient/p3"),
    ] {
        assert_eq!(small.find(query), found, "{query}");
        assert_eq!(small.find_split(query), found, "{query}, split");
    }
}
