//! Beyond the official cases: choices, extensions, contained resources, refusals and their status.

use ward_fhir::json;
use ward_fhir::tree::{Document, Limits};

fn read(text: &str) -> Document {
    json::read(text.as_bytes(), None, &Limits::default())
        .unwrap_or_else(|f| panic!("{text}: {:?}", f.issues))
}

/// `parts`: JSON objects of one operation.
fn operation(parts: &[&str]) -> String {
    format!(r#"{{"name":"operation","part":[{}]}}"#, parts.join(","))
}

fn patched(doc: &str, operations: &[String]) -> Result<String, u16> {
    let parameters = read(&format!(
        r#"{{"resourceType":"Parameters","parameter":[{}]}}"#,
        operations.join(",")
    ));
    let doc = read(doc);
    let out = super::fhirpath(doc.root(), parameters.root()).map_err(|f| f.status())?;
    let out = String::from_utf8(out).unwrap();
    read(&out);
    Ok(out)
}

const ADD: &str = r#"{"name":"type","valueCode":"add"}"#;
const INSERT: &str = r#"{"name":"type","valueCode":"insert"}"#;
const DELETE: &str = r#"{"name":"type","valueCode":"delete"}"#;
const REPLACE: &str = r#"{"name":"type","valueCode":"replace"}"#;
const MOVE: &str = r#"{"name":"type","valueCode":"move"}"#;

fn text(name: &str, value: &str) -> String {
    format!(r#"{{"name":"{name}","valueString":"{value}"}}"#)
}

fn path(value: &str) -> String {
    text("path", value)
}

const OBSERVATION: &str = r#"{"resourceType":"Observation","status":"final","code":{"text":"c"},"valueString":"x","note":[{"text":"a"},{"text":"b"}]}"#;

#[test]
fn a_choice_may_change_its_type() {
    let value = r#"{"name":"value","valueQuantity":{"value":1.10}}"#;
    let out = patched(
        OBSERVATION,
        &[operation(&[REPLACE, &path("Observation.value"), value])],
    )
    .unwrap();
    assert!(
        out.contains(r#""valueQuantity":{"value":1.10}"#) && !out.contains("valueString"),
        "{out}"
    );
    let out = patched(
        OBSERVATION,
        &[operation(&[
            ADD,
            &path("Observation"),
            &text("name", "effective"),
            r#"{"name":"value","valueDateTime":"2020"}"#,
        ])],
    );
    assert!(out.unwrap().contains(r#""effectiveDateTime":"2020""#));
}

#[test]
fn extensions_contained_resources_and_anonymous_types() {
    let doc = r#"{"resourceType":"Patient","birthDate":"2020"}"#;
    let extension = r#"{"name":"value","part":[{"name":"url","valueUri":"u"},{"name":"value","valueCode":"c"}]}"#;
    let out = patched(
        doc,
        &[operation(&[
            ADD,
            &path("Patient.birthDate"),
            &text("name", "extension"),
            extension,
        ])],
    )
    .unwrap();
    assert!(
        out.contains(r#""_birthDate":{"extension":[{"url":"u","valueCode":"c"}]}"#),
        "{out}"
    );
    let resource =
        r#"{"name":"value","resource":{"resourceType":"Basic","id":"b","code":{"text":"t"}}}"#;
    let out = patched(
        doc,
        &[operation(&[
            ADD,
            &path("Patient"),
            &text("name", "contained"),
            resource,
        ])],
    )
    .unwrap();
    assert!(
        out.contains(r#""contained":[{"resourceType":"Basic""#),
        "{out}"
    );
    let contact = r#"{"name":"value","part":[{"name":"relationship","valueCodeableConcept":{"text":"1"}},{"name":"relationship","valueCodeableConcept":{"text":"2"}},{"name":"name","valueHumanName":{"text":"n"}}]}"#;
    let out = patched(
        doc,
        &[operation(&[
            ADD,
            &path("Patient"),
            &text("name", "contact"),
            contact,
        ])],
    )
    .unwrap();
    assert!(
        out.contains(
            r#""contact":[{"relationship":[{"text":"1"},{"text":"2"}],"name":{"text":"n"}}]"#
        ),
        "{out}"
    );
}

#[test]
fn deleting_what_is_not_there_is_no_error_and_empty_elements_go() {
    assert!(
        patched(
            OBSERVATION,
            &[operation(&[DELETE, &path("Observation.subject")])]
        )
        .is_ok()
    );
    let doc =
        r#"{"resourceType":"Patient","active":true,"contact":[{"id":"1","name":{"given":["a"]}}]}"#;
    let out = patched(
        doc,
        &[operation(&[DELETE, &path("Patient.contact.name.given")])],
    )
    .unwrap();
    assert_eq!(out, r#"{"resourceType":"Patient","active":true}"#);
}

#[test]
fn paths_see_what_came_before() {
    let insert = |at: &str, value: &str| {
        operation(&[
            INSERT,
            &path("Observation.note"),
            &format!(r#"{{"name":"index","valueInteger":{at}}}"#),
            &format!(r#"{{"name":"value","valueAnnotation":{{"text":"{value}"}}}}"#),
        ])
    };
    let delete = operation(&[DELETE, &path("Observation.note.where(text = 'a')")]);
    let out = patched(OBSERVATION, &[insert("2", "c"), delete, insert("0", "d")]).unwrap();
    assert!(
        out.contains(r#""note":[{"text":"d"},{"text":"b"},{"text":"c"}]"#),
        "{out}"
    );
}

#[test]
fn statuses_tell_a_bad_patch_from_one_that_does_not_fit() {
    let value = r#"{"name":"value","valueString":"v"}"#;
    let index = |at: &str| format!(r#"{{"name":"index","valueInteger":{at}}}"#);
    for parts in [
        vec![ADD, value],
        vec![&path("Observation"), value],
        vec![ADD, &path("Observation"), value],
        vec![ADD, &path("Observation"), &text("name", "x")],
        vec![ADD, &path("Observation."), &text("name", "x"), value],
        vec![REPLACE, &path("Observation.value"), value, value],
        vec![
            REPLACE,
            &path("Observation.value"),
            value,
            r#"{"name":"other","valueString":"v"}"#,
        ],
        vec![
            REPLACE,
            &path("Observation.value"),
            r#"{"name":"value","part":[{"name":"x"}]}"#,
            value,
        ],
        vec![INSERT, &path("Observation.note"), &index("-1"), value],
        vec![
            r#"{"name":"type","valueCode":"test"}"#,
            &path("Observation.value"),
            value,
        ],
    ] {
        assert_eq!(
            patched(OBSERVATION, &[operation(&parts)]),
            Err(400),
            "{parts:?}"
        );
    }
    for parts in [
        vec![ADD, &path("Observation"), &text("name", "value"), value],
        vec![ADD, &path("Observation"), &text("name", "nothing"), value],
        vec![ADD, &path("Observation"), &text("name", "subject"), value],
        vec![ADD, &path("Observation.note"), &text("name", "text"), value],
        vec![ADD, &path("'text'"), &text("name", "text"), value],
        vec![
            ADD,
            &path("Observation"),
            &text("name", "component"),
            r#"{"name":"value","part":[{"name":"code","valueString":"x"}]}"#,
        ],
        vec![
            REPLACE,
            &path("Observation.status"),
            r#"{"name":"value","valueString":" x "}"#,
        ],
        vec![REPLACE, &path("Observation.subject"), value],
        vec![REPLACE, &path("Observation"), value],
        vec![DELETE, &path("Observation")],
        vec![DELETE, &path("Observation.note")],
        vec![
            INSERT,
            &path("Observation.note"),
            &index("3"),
            r#"{"name":"value","valueAnnotation":{"text":"x"}}"#,
        ],
        vec![
            INSERT,
            &path("Observation.status"),
            &index("0"),
            r#"{"name":"value","valueCode":"x"}"#,
        ],
        vec![
            MOVE,
            &path("Observation.note"),
            r#"{"name":"source","valueInteger":0}"#,
            r#"{"name":"destination","valueInteger":2}"#,
        ],
    ] {
        assert_eq!(
            patched(OBSERVATION, &[operation(&parts)]),
            Err(422),
            "{parts:?}"
        );
    }
}

#[test]
fn growth_is_bounded() {
    let deeper = |n: usize| {
        let target = format!("Patient.extension{}", ".extension".repeat(n));
        let at = if n == 0 {
            "Patient".to_owned()
        } else {
            target[..target.len() - ".extension".len()].to_owned()
        };
        let value = r#"{"name":"value","part":[{"name":"url","valueUri":"u"},{"name":"extension","part":[{"name":"url","valueUri":"u"}]}]}"#;
        operation(&[ADD, &path(&at), &text("name", "extension"), value])
    };
    let mut operations: Vec<String> = vec![deeper(0)];
    operations.extend((1..70).step_by(2).map(deeper));
    assert!(patched(r#"{"resourceType":"Patient"}"#, &operations).is_err());
}
