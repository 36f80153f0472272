//! Beyond the official cases: FHIR resources, selectors by value, refusals and their status.

use ward_fhir::json;
use ward_fhir::tree::Limits;

const PATIENT: &str = r#"{"resourceType":"Patient","id":"p","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>a &amp; b</p></div>"},"identifier":[{"system":"s","value":"1"},{"system":"t","value":"2\n3"}],"birthDate":"2020-01-01"}"#;

fn patched(operations: &str) -> Result<String, u16> {
    let doc = json::read(PATIENT.as_bytes(), None, &Limits::default()).unwrap();
    let patch = format!(r#"<diff xmlns="http://hl7.org/fhir">{operations}</diff>"#);
    super::xml(doc.root(), patch.as_bytes())
        .map(|out| String::from_utf8(out).unwrap())
        .map_err(|f| f.status())
}

#[test]
fn nothing_else_changes() {
    let out = patched(r#"<replace sel="f:Patient/f:birthDate/@value">2021</replace>"#).unwrap();
    assert_eq!(out, PATIENT.replace("2020-01-01", "2021"));
}

#[test]
fn selects_by_value_and_place() {
    for sel in [
        "f:Patient/f:identifier[f:system/@value='t']/f:value/@value",
        "/f:Patient/f:identifier[2]/f:value/@value",
        "f:Patient/f:identifier[last()]/f:value/@value",
        "Patient/*[position()=4]/f:value/@value",
        "Patient/identifier[system[@value='t']]/value/@value",
    ] {
        let out = patched(&format!(r#"<replace sel="{sel}">9</replace>"#));
        match sel.contains("[system[") {
            true => assert_eq!(out, Err(400)),
            false => assert_eq!(out.unwrap(), PATIENT.replace("2\\n3", "9"), "{sel}"),
        }
    }
}

#[test]
fn adds_in_order_and_edits_narrative() {
    let out = patched(r#"<add sel="f:Patient/f:birthDate" pos="before"><gender value="male"/></add><add sel="f:Patient/f:birthDate"><extension url="u"><valueCode value="c"/></extension></add><replace sel="f:Patient/f:text/h:div/h:p/text()">c &lt; d</replace>"#).unwrap();
    assert!(out.contains(r#""gender":"male","birthDate":"2020-01-01","_birthDate":{"extension":[{"url":"u","valueCode":"c"}]}"#), "{out}");
    assert!(
        out.contains(r#"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>c &lt; d</p></div>"#),
        "{out}"
    );
    let prefixed = r#"<add xmlns:x="http://hl7.org/fhir" sel="x:Patient/x:identifier[1]" pos="after"><x:identifier><x:value value="n"/></x:identifier></add>"#;
    assert!(
        patched(prefixed)
            .unwrap()
            .contains(r#"{"system":"s","value":"1"},{"value":"n"},"#)
    );
}

#[test]
fn statuses_tell_a_bad_patch_from_one_that_does_not_fit() {
    for operations in [
        "",
        "<move sel='f:Patient'/>",
        "<remove/>",
        "<remove sel=''/>",
        "<remove sel='f:Patient//f:id'/>",
        "<remove sel='x:Patient'/>",
        "<remove sel='f:Patient/f:id['/>",
        "<remove sel='f:Patient/f:id[@value]'/>",
        "<add sel='f:Patient' type='x'>a</add>",
        "<add sel='f:Patient' pos='inside'><active value='true'/></add>",
        "<replace sel='f:Patient/f:birthDate'/>",
        "<replace sel='f:Patient/f:birthDate'>text</replace>",
        "<replace sel='f:Patient/f:birthDate/@value'><x/></replace>",
        "<!DOCTYPE x>",
    ] {
        assert_eq!(patched(operations), Err(400), "{operations}");
    }
    for operations in [
        "<remove sel='f:Patient/f:gender'/>",
        "<remove sel='f:Patient/f:identifier'/>",
        "<remove sel='f:Patient'/>",
        "<remove sel='f:Patient/f:birthDate/@value'/>",
        "<add sel='f:Patient/f:birthDate' type='@value'>2021</add>",
        "<add sel='f:Patient' pos='after'><x/></add>",
        "<add sel='f:Patient'><active value='true'/></add>",
        "<add sel='f:Patient'><nothing value='true'/></add>",
        "<replace sel='f:Patient/f:birthDate/@value'>soon</replace>",
        "<replace sel='f:Patient'><Observation/></replace>",
        "<add sel='f:Patient'>text</add>",
    ] {
        assert_eq!(patched(operations), Err(422), "{operations}");
    }
}

#[test]
fn growth_is_bounded() {
    let many = "<remove sel='f:Patient/f:gender'/>".repeat(1_001);
    assert_eq!(patched(&many), Err(400));
    let open = "<f:a>".repeat(200);
    assert_eq!(
        patched(&format!(
            "<add xmlns:f='x' sel='f:Patient'>{open}{}</add>",
            "</f:a>".repeat(200)
        )),
        Err(400)
    );
}
