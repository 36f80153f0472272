use super::*;
use serde_json::json;

const NOW_S: i64 = 1_796_000_000;

fn consent(members: Value) -> Value {
    let mut consent = json!({
        "resourceType": "Consent", "id": "c1", "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": "Patient/ada"}, "dateTime": "2026-03-01"
    });
    for (name, value) in members.as_object().unwrap() {
        consent[name] = value.clone();
    }
    consent
}

fn said(members: Value) -> ConsentShown {
    let resource = consent(members);
    let read = read(&resource, &Settings::default()).unwrap();
    let names = Names::from([("Practitioner/x".to_owned(), "Dr. Hopper".to_owned())]);
    shown(&resource, &read, &names, false, NOW_S)
}

fn label(code: &str) -> Value {
    json!({"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": code})
}

#[test]
fn one_rule_is_one_sentence_in_parts() {
    let shown = said(json!({"provision": {
        "type": "deny",
        "period": {"end": "2030-01-31"},
        "actor": [{"role": {"coding": [{"code": "IRCP"}]}, "reference": {"reference": "Practitioner/x"}}],
        "securityLabel": [label("SDV"), label("VIO"), label("HIV")],
        "purpose": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT"}]
    }}));
    assert_eq!(shown.title, "Kept from Dr. Hopper");
    assert_eq!(
        (shown.state.as_str(), shown.is_in_force),
        ("in force", true)
    );
    let [rule] = shown.rules.as_slice() else {
        panic!("{shown:?}");
    };
    assert_eq!(rule.what, "HIV or abuse and violence");
    assert_eq!(rule.purposes, "For treatment");
    assert_eq!(rule.until, "Until 31 January 2030");
    assert_eq!(shown.given, "1 March 2026");
}

#[test]
fn exceptions_stand_below_what_they_are_exceptions_from() {
    let opt_out = json!({"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTOUT"}]});
    let shown = said(json!({
        "policyRule": opt_out,
        "provision": {"provision": [{"type": "permit", "class": [{"system": "http://hl7.org/fhir/resource-types", "code": "MedicationRequest"}]}]}
    }));
    assert_eq!(shown.title, "Kept private, with exceptions");
    assert!(shown.rules[0].who.contains("those who treat you"));
    assert_eq!(shown.rules[1].what, "Prescriptions");
    assert!(shown.rules[1].is_exception && shown.rules[1].is_permit);
    assert_eq!(shown.rules[1].until, "Until it is withdrawn");
}

#[test]
fn what_is_open_to_everybody_is_open_to_everybody() {
    let shown = said(json!({"provision": {"type": "permit"}}));
    assert_eq!(shown.title, "Open to everybody");
    let shown = said(json!({"provision": {"type": "deny"}}));
    assert_eq!(shown.title, "Kept from everybody but you");
}

#[test]
fn what_cannot_be_read_says_what_it_does() {
    let shown = said(json!({"provision": {"type": "deny", "purpose": [{"code": "x"}]}}));
    assert_eq!(shown.title, "A consent that cannot be read");
    assert!(shown.doubt.unwrap().contains("kept from everybody but you"));
}

#[test]
fn what_does_not_count_says_why() {
    let deny = json!({"type": "deny"});
    let of = |members: Value| {
        let shown = said(members);
        (shown.state, shown.is_in_force)
    };
    let withdrawn = of(json!({"status": "inactive", "provision": deny}));
    assert_eq!(withdrawn, ("withdrawn".to_owned(), false));
    let over = of(json!({"provision": {"type": "deny", "period": {"end": "2026-01-31"}}}));
    assert_eq!(over, ("over since 1 February 2026".to_owned(), false));
    let later = of(json!({"provision": {"type": "deny", "period": {"start": "2027-01-31"}}}));
    assert_eq!(later, ("from 31 January 2027".to_owned(), false));
}
