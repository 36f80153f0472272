use super::*;
use serde_json::{Value, json};
use ward_access::{Caller, Facts, Identity, Mask, Scopes, decide};
use ward_fhir::json::{Stamp, read, write};
use ward_fhir::tree::Limits;

const BASE: &str = "http://ward.example/fhir";

/// For who reads all but Conditions and Binaries, and from whom these are hidden.
fn cut(body: Value, hidden: &[&str], is_stored: bool) -> Option<Value> {
    let scopes = [
        "Observation",
        "Patient",
        "Encounter",
        "List",
        "Practitioner",
        "DocumentReference",
    ]
    .map(|ty| format!("system/{ty}.rs"));
    let caller = Caller::new(Identity {
        subject: "client".into(),
        client_id: "client".into(),
        scopes: Scopes::parse(&scopes.join(" ")).unwrap(),
        ..Identity::default()
    });
    let access = decide(&caller, &Facts::of(Mask::every()));
    let named = hidden.iter().map(|text| local(text, BASE).unwrap());
    let hidden = Hidden(named.map(|(ty, id)| (ty, id.to_owned())).collect());
    let text = body.to_string();
    let document = read(text.as_bytes(), None, &Limits::default()).unwrap();
    let cut = Cut::new(&access, BASE, &hidden).of(document.root(), is_stored)?;
    let mut out = Vec::new();
    write(cut.root(), Stamp::default(), &mut out);
    Some(serde_json::from_slice(&out).unwrap())
}

fn tag() -> Value {
    json!([{ "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED" }])
}

fn stored(body: Value, hidden: &[&str]) -> Value {
    cut(body, hidden, true).unwrap()
}

#[test]
fn the_type_is_left_where_it_may_be_read() {
    let body = json!({ "resourceType": "Observation", "id": "1", "meta": { "versionId": "3" },
        "text": { "status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">e</div>" },
        "status": "final", "code": { "text": "c" }, "subject": { "reference": "Patient/p" },
        "encounter": { "id": "x", "reference": "http://ward.example/fhir/Encounter/e/_history/2", "display": "at the unit",
            "identifier": { "value": "7" } },
        "hasMember": [{ "reference": "Observation/o" }, { "reference": "Observation/p", "display": "seen" }],
        "derivedFrom": [{ "reference": "Media/m" }],
        "focus": [{ "reference": "Condition/c", "display": "alcohol" }] });
    let left = stored(
        body.clone(),
        &["Encounter/e", "Observation/o", "Condition/c"],
    );
    let meta = json!({ "versionId": "3", "tag": tag() });
    assert_eq!(
        left,
        json!({ "resourceType": "Observation", "id": "1", "meta": meta,
            "status": "final", "code": { "text": "c" }, "subject": { "reference": "Patient/p" },
            "encounter": { "type": "Encounter" },
            "hasMember": [{ "type": "Observation" }, { "reference": "Observation/p", "display": "seen" }],
            "derivedFrom": [{ "reference": "Media/m" }] })
    );
    assert_eq!(cut(body, &["Encounter/another"], true), None);
}

#[test]
fn entries_that_name_it_go() {
    let list = json!({ "resourceType": "List", "id": "1", "status": "current", "mode": "working",
        "entry": [{ "flag": { "text": "f" }, "item": { "reference": "Observation/o" } },
            { "date": "2026", "item": { "reference": "Observation/p" } }] });
    let left = stored(list.clone(), &["Observation/o"]);
    assert_eq!(
        left["entry"],
        json!([{ "date": "2026", "item": { "reference": "Observation/p" } }])
    );
    let left = stored(list, &["Observation/o", "Observation/p"]);
    assert_eq!(left.get("entry"), None);

    let group = json!({ "resourceType": "Group", "id": "1", "type": "person", "actual": true, "quantity": 2,
        "member": [{ "entity": { "reference": "Patient/a" }, "inactive": true }, { "entity": { "reference": "Patient/b" } }] });
    let left = stored(group, &["Patient/a"]);
    assert_eq!(
        left["member"],
        json!([{ "entity": { "reference": "Patient/b" } }])
    );
    assert_eq!(left.get("quantity"), None);

    let event = json!({ "resourceType": "AuditEvent", "id": "1", "type": { "code": "rest" }, "recorded": "2026-01-01T00:00:00Z",
        "agent": [{ "requestor": true, "who": { "reference": "Practitioner/x" } }], "source": { "observer": { "display": "w" } },
        "entity": [{ "name": "n", "what": { "reference": "Observation/o" } }] });
    let left = stored(event, &["Observation/o", "Practitioner/x"]);
    assert_eq!(left.get("entity"), None);
    assert_eq!(left["agent"][0]["who"], json!({ "type": "Practitioner" }));

    let provenance = json!({ "resourceType": "Provenance", "id": "1", "recorded": "2026-01-01T00:00:00Z",
        "target": [{ "reference": "Observation/o" }, { "reference": "Observation/p" }],
        "agent": [{ "who": { "display": "w" } }],
        "entity": [{ "role": "source", "what": { "reference": "Observation/o" }, "agent": [{ "who": { "display": "v" } }] }] });
    let left = stored(provenance, &["Observation/o"]);
    assert_eq!(left["target"], json!([{ "reference": "Observation/p" }]));
    assert_eq!(left.get("entity"), None);
}

#[test]
fn a_section_goes_with_its_entries_and_all_words_with_either() {
    let narrative = json!({ "status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>" });
    let composition = json!({ "resourceType": "Composition", "id": "1", "status": "final", "type": { "text": "t" }, "date": "2026",
        "author": [{ "display": "a" }], "title": "t", "text": narrative,
        "section": [
            { "title": "alcohol", "entry": [{ "reference": "Condition/c" }], "section": [{ "title": "more", "entry": [{ "reference": "Condition/c" }] }] },
            { "title": "vitals", "text": narrative, "entry": [{ "reference": "Condition/c" }, { "reference": "Observation/o" }] },
            { "title": "empty", "emptyReason": { "text": "e" } }] });
    let left = stored(composition, &["Condition/c"]);
    assert_eq!(left.get("text"), None);
    assert_eq!(
        left["section"],
        json!([{ "title": "vitals", "entry": [{ "reference": "Observation/o" }] },
            { "title": "empty", "emptyReason": { "text": "e" } }])
    );
}

#[test]
fn nothing_is_left_empty() {
    let body = json!({ "resourceType": "Encounter", "id": "1", "status": "finished", "class": { "code": "AMB" },
        "extension": [{ "url": "http://example.org/a", "valueReference": { "reference": "Condition/c" } },
            { "url": "http://example.org/b", "extension": [{ "url": "x", "valueReference": { "reference": "Condition/c" } }] },
            { "url": "http://example.org/c", "valueReference": { "reference": "Patient/p" } }],
        "diagnosis": [{ "condition": { "reference": "Condition/c" } }],
        "contained": [{ "resourceType": "Observation", "id": "o", "status": "final", "code": { "text": "c" },
            "focus": [{ "reference": "Condition/c" }] }],
        "reasonReference": [{ "reference": "#o" }] });
    let left = stored(body, &["Condition/c"]);
    assert_eq!(left.get("diagnosis"), None);
    assert_eq!(
        left["extension"],
        json!([{ "url": "http://example.org/b" }, { "url": "http://example.org/c", "valueReference": { "reference": "Patient/p" } }])
    );
    assert_eq!(
        left["contained"][0],
        json!({ "resourceType": "Observation", "id": "o", "status": "final", "code": { "text": "c" } })
    );
    assert_eq!(left["meta"]["tag"], tag());
}

#[test]
fn where_an_attachment_lies_is_a_reference_too() {
    let body = json!({ "resourceType": "DocumentReference", "id": "1", "status": "current",
        "content": [{ "attachment": { "contentType": "text/plain", "url": "Binary/b" } },
            { "attachment": { "url": "http://ward.example/fhir/Binary/b" } },
            { "attachment": { "url": "https://other.example/Binary/b" } }] });
    let left = stored(body, &["Binary/b"]);
    assert_eq!(
        left["content"],
        json!([{ "attachment": { "contentType": "text/plain" } }, { "attachment": { "url": "https://other.example/Binary/b" } }])
    );
}

#[test]
fn a_stored_bundle_names_by_more_than_references() {
    let observation = |id: &str| json!({ "resourceType": "Observation", "id": id, "status": "final", "code": { "text": "c" } });
    let mut elsewhere = observation("o");
    elsewhere["encounter"] = json!({ "reference": "Encounter/e" });
    let bundle = json!({ "resourceType": "Bundle", "id": "1", "type": "collection", "entry": [
        { "fullUrl": "http://ward.example/fhir/Observation/o", "resource": observation("o") },
        { "resource": observation("o") },
        { "request": { "method": "GET", "url": "Observation/o" } },
        { "fullUrl": "https://other.example/fhir/Observation/o", "resource": elsewhere },
        { "fullUrl": "http://ward.example/fhir/Observation/p", "resource": observation("p") }] });
    let left = stored(bundle.clone(), &["Observation/o", "Encounter/e"]);
    let kept = left["entry"].as_array().unwrap().iter();
    let kept: Vec<&Value> = kept.map(|entry| &entry["fullUrl"]).collect();
    assert_eq!(
        kept,
        [
            "https://other.example/fhir/Observation/o",
            "http://ward.example/fhir/Observation/p"
        ]
    );
    assert_eq!(
        left["entry"][0]["resource"]["encounter"]["reference"],
        "Encounter/e"
    );
    assert_eq!(left["meta"]["tag"], tag());
    // Around an answer the same says what was found.
    assert_eq!(cut(bundle, &["Observation/o"], false), None);
}

#[test]
fn each_resource_of_an_answer_is_marked_by_itself() {
    let observation = |id: &str, of: &str| {
        json!({ "resourceType": "Observation", "id": id, "status": "final", "code": { "text": "c" },
            "text": { "status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>" },
            "encounter": { "reference": of } })
    };
    let answer = json!({ "resourceType": "Bundle", "type": "searchset", "entry": [
        { "fullUrl": "http://ward.example/fhir/Observation/a", "resource": observation("a", "Encounter/e") },
        { "fullUrl": "http://ward.example/fhir/Observation/b", "resource": observation("b", "Encounter/f") }] });
    let left = cut(answer, &["Encounter/e"], false).unwrap();
    let resource = |at: usize| &left["entry"][at]["resource"];
    assert_eq!(resource(0)["encounter"], json!({ "type": "Encounter" }));
    assert_eq!(resource(0)["meta"]["tag"], tag());
    assert_eq!(resource(0).get("text"), None);
    assert_eq!(*resource(1), observation("b", "Encounter/f"));
    assert_eq!(left.get("meta"), None);
}
