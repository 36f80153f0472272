use super::sample::{BASE, document};
use crate::compartment::Compartments;
use ward_fhir::schema::r4;

fn patients(json: &str) -> Vec<String> {
    let document = document(json);
    Compartments::new(r4(), Some(BASE))
        .patients(document.root())
        .iter()
        .map(|s| s.to_string())
        .collect()
}

#[test]
fn the_first_is_whom_it_is_about() {
    let coverage = r#"{"resourceType":"Coverage","status":"active","policyHolder":{"reference":"Patient/p"},"beneficiary":{"reference":"Patient/b"},
        "payor":[{"reference":"Organization/1"},{"reference":"Patient/p"}]}"#;
    assert_eq!(patients(coverage), ["Patient/b", "Patient/p"]);
    let observation = r#"{"resourceType":"Observation","status":"final","code":{"text":"x"},"performer":[{"reference":"Patient/2"}],
        "subject":{"reference":"http://ward.test/fhir/Patient/1"}}"#;
    assert_eq!(
        patients(observation),
        ["http://ward.test/fhir/Patient/1", "Patient/2"]
    );
}

#[test]
fn references_not_yet_rewritten_are_returned_as_written() {
    let condition = r#"{"resourceType":"Condition","subject":{"reference":"urn:uuid:6f9619ff-8b86-4011-b42d-00c04fc964ff"}}"#;
    assert_eq!(
        patients(condition),
        ["urn:uuid:6f9619ff-8b86-4011-b42d-00c04fc964ff"]
    );
    let conditional =
        r#"{"resourceType":"Condition","subject":{"reference":"Patient?identifier=a|b"}}"#;
    assert_eq!(patients(conditional), ["Patient?identifier=a|b"]);
}

#[test]
fn others_are_in_none() {
    for json in [
        r#"{"resourceType":"Organization","name":"x"}"#,
        r#"{"resourceType":"Condition","subject":{"reference":"Group/1"}}"#,
        r##"{"resourceType":"Condition","subject":{"reference":"#p"},"contained":[{"resourceType":"Patient","id":"p"}]}"##,
        r#"{"resourceType":"Condition","subject":{"reference":"http://elsewhere.test/Patient/1"}}"#,
        r#"{"resourceType":"Patient","id":"1","generalPractitioner":[{"reference":"Practitioner/1"}],
            "link":[{"other":{"reference":"Patient/2"},"type":"seealso"}]}"#,
    ] {
        assert!(patients(json).is_empty(), "{json}");
    }
}
