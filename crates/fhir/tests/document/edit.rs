//! Documents that are built or changed.

use crate::round_trip::{parse, text};
use ward_fhir::schema::r4;
use ward_fhir::tree::Builder;

#[test]
fn a_value_set_later_is_escaped() {
    let mut document = parse(
        r#"{"resourceType":"Observation","status":"final","subject":{"reference":"urn:uuid:1"}}"#,
    );
    let at = document
        .root()
        .get("subject")
        .unwrap()
        .get("reference")
        .unwrap()
        .index();
    document.set_value(at, "Patient/\"1\"");
    assert_eq!(
        text(document.root()),
        r#"{"resourceType":"Observation","status":"final","subject":{"reference":"Patient/\"1\""}}"#
    );
    assert_eq!(document.node(at).value_span(), None);
}

#[test]
fn built_from_parts_of_another() {
    let patient = parse(
        r#"{"resourceType":"Patient","name":[{"family":"a\nb","_family":{"id":"x"}}],"active":true}"#,
    );
    let bundle = r4().resource_type("Bundle").unwrap();
    let mut builder = Builder::new(String::new());
    builder.open(None, bundle);
    builder.leaf("type", "collection").unwrap();
    builder.open_named("entry").unwrap();
    let entry = builder.current().unwrap().ty();
    let resource = r4().find_member(entry, "resource").unwrap().id;
    let copy = builder.copy(patient.root(), Some(resource));
    assert_eq!(
        builder.mismatch(resource),
        Some("the element does not repeat")
    );
    assert_eq!(builder.open_named("nothing"), None);
    assert_eq!(builder.open_named("resource"), None);
    builder.close();
    builder.close();
    let document = builder.finish();
    let expected = concat!(
        r#"{"resourceType":"Bundle","type":"collection","entry":[{"resource":"#,
        r#"{"resourceType":"Patient","name":[{"family":"a\nb","_family":{"id":"x"}}],"active":true}}]}"#
    );
    assert_eq!(text(document.root()), expected);
    let family = document
        .node(copy)
        .get("name")
        .unwrap()
        .get("family")
        .unwrap();
    assert_eq!(
        family.expression(),
        "Bundle.entry[0].resource.name[0].family"
    );
    assert_eq!(family.ancestors().count(), 4);
    assert_eq!(family.resource().type_name(), "Patient");
}

#[test]
fn choices_and_interrupted_runs_are_seen_while_building() {
    let mut builder = Builder::new(String::new());
    let observation = r4().resource_type("Observation").unwrap();
    builder.open(None, observation);
    builder.leaf("valueString", "a").unwrap();
    let member = |name| r4().find_member(observation, name).unwrap().id;
    assert_eq!(
        builder.mismatch(member("valueInteger")),
        Some("two choices of one element")
    );
    assert_eq!(builder.mismatch(member("note")), None);
    builder.open_named("note").unwrap();
    builder.close();
    assert_eq!(builder.mismatch(member("note")), None);
    builder.leaf("status", "final").unwrap();
    assert_eq!(
        builder.mismatch(member("note")),
        Some("repetitions of an element must be adjacent")
    );
}
