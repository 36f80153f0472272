//! What goes in comes out. <https://hl7.org/fhir/R4/json.html>

use crate::{json_value, shared};
use ward_fhir::json::{Stamp, pretty, read, write};
use ward_fhir::tree::{Document, Limits};
use ward_fhir::{Node, reference};

pub fn parse(text: &str) -> Document {
    read(text.as_bytes(), None, &Limits::default())
        .unwrap_or_else(|f| panic!("{:?} in {text:.200}", f.issues))
}

pub fn text(node: Node<'_>) -> String {
    let mut out = Vec::new();
    write(node, Stamp::default(), &mut out);
    String::from_utf8(out).unwrap()
}

fn survives(name: &str, count: usize) {
    let Some(lines) = shared::lines(name) else {
        return;
    };
    assert_eq!(lines.len(), count);
    let mut refused = Vec::new();
    for line in &lines {
        match read(line.as_bytes(), None, &Limits::default()) {
            Ok(document) => {
                let written = text(document.root());
                assert!(
                    json_value::parse(line) == json_value::parse(&written),
                    "changed: {line:.200}"
                );
            }
            Err(failure) => refused.push(format!("{:.80} {:?}", line, failure.issues)),
        }
    }
    assert!(
        refused.is_empty(),
        "{} refused:\n{}",
        refused.len(),
        refused.join("\n")
    );
}

#[test]
fn all_examples_of_the_specification() {
    survives("examples/r4-examples-4.0.1.ndjson.gz", 715);
}

#[test]
fn all_synthea_bundles() {
    survives("examples/synthea-r4-dev-80.ndjson.gz", 80);
}

#[test]
fn entries_taken_out_of_a_bundle_stand_alone() {
    let Some(lines) = shared::lines("examples/synthea-r4-dev-80.ndjson.gz") else {
        return;
    };
    let bundle = parse(&lines[0]);
    for entry in bundle.root().all("entry") {
        let resource = entry.get("resource").unwrap();
        let alone = Document::extract(resource);
        assert_eq!(text(alone.root()), text(resource));
        assert_eq!(alone.root().name(), resource.type_name());
        assert_eq!(parse(&text(resource)).len(), alone.len());
        let last = alone.root().descendants_and_self().last().unwrap();
        assert!(last.expression().starts_with(resource.type_name()));
    }
}

#[test]
fn every_literal_reference_of_the_examples_can_be_read() {
    let Some(lines) = shared::lines("examples/r4-examples-4.0.1.ndjson.gz") else {
        return;
    };
    let mut unread = Vec::new();
    for line in &lines {
        let document = parse(line);
        for node in document.root().descendants_and_self() {
            let Some(text) = node
                .text("reference")
                .filter(|_| node.type_name() == "Reference")
            else {
                continue;
            };
            if reference::parse(text, None).is_none() {
                unread.push(format!("{} {text}", node.expression()));
            }
        }
    }
    assert_eq!(unread, Vec::<String>::new());
}

/// Read and written, byte for byte.
fn same(json: &str) -> Document {
    let document = parse(json);
    assert_eq!(text(document.root()), json);
    document
}

#[test]
fn numbers_keep_their_text() {
    for number in [
        "1.10",
        "1e2",
        "1E+2",
        "-0.0",
        "0",
        "12345678901234567890",
        "0.00000000000000000001",
        "1.0e-400",
    ] {
        let json = format!(
            r#"{{"resourceType":"Observation","status":"final","valueQuantity":{{"value":{number}}}}}"#
        );
        assert_eq!(
            same(&json).root().get("value").unwrap().text("value"),
            Some(number)
        );
    }
}

#[test]
fn text_keeps_its_characters() {
    let read_as = |json: &str, expected: &str| {
        let document = parse(&format!(
            r#"{{"resourceType":"Patient","gender":"{json}"}}"#
        ));
        assert_eq!(document.root().text("gender"), Some(expected));
        assert_eq!(
            json_value::parse(&text(document.root())),
            json_value::parse(document.source())
        );
    };
    read_as(r"a\u00e9b", "aéb");
    read_as(r"\ud83d\ude00", "😀");
    read_as(r"\uD83D\uDE00x\/\\\u0022", "😀x/\\\"");
    read_as("日本語", "日本語");
    read_as(r"\u4e2d12345678", "中12345678");
    same(
        "{\"resourceType\":\"Patient\",\"name\":[{\"text\":\"\u{7f}\u{2028}é\\\"\\\\\\n\\t\\r😀\"}]}",
    );
}

#[test]
fn primitives_with_extensions_are_one_node() {
    let json = concat!(
        r#"{"resourceType":"Patient","name":[{"given":["a",null,"c"],"#,
        r#""_given":[null,{"id":"x","extension":[{"url":"http://u","valueCode":"v"}]},{"id":"y"}]}],"#,
        r#""birthDate":"1970","_birthDate":{"id":"z"},"_active":{"id":"w"},"multipleBirthInteger":2,"#,
        r#""_multipleBirthInteger":{"id":"t"}}"#
    );
    let document = same(json);
    let given: Vec<_> = document.root().get("name").unwrap().all("given").collect();
    assert_eq!(
        given.iter().map(|g| g.value()).collect::<Vec<_>>(),
        [Some("a"), None, Some("c")]
    );
    assert_eq!(given[1].expression(), "Patient.name[0].given[1]");
    assert_eq!(
        given[1]
            .get("extension")
            .unwrap()
            .get("value")
            .unwrap()
            .expression(),
        "Patient.name[0].given[1].extension[0].value"
    );
    assert_eq!(given[2].text("id"), Some("y"));
    let birth = document.root().get("birthDate").unwrap();
    assert_eq!((birth.value(), birth.text("id")), (Some("1970"), Some("z")));
    assert_eq!(document.root().get("active").unwrap().value(), None);
}

#[test]
fn halves_of_a_primitive_may_come_in_any_order() {
    let json = concat!(
        r#"{"_gender":{"id":"g"},"name":[{"_given":[null,{"id":"x"}],"family":"f","given":["a","b"],"#,
        r#""period":{"start":"2000"},"_family":{"id":"fam"}}],"gender":"male","_birthDate":{"id":"b"},"resourceType":"Patient"}"#
    );
    let sorted = concat!(
        r#"{"resourceType":"Patient","name":[{"family":"f","_family":{"id":"fam"},"given":["a","b"],"#,
        r#""_given":[null,{"id":"x"}],"period":{"start":"2000"}}],"gender":"male","_gender":{"id":"g"},"_birthDate":{"id":"b"}}"#
    );
    let document = parse(json);
    assert_eq!(text(document.root()), sorted);
    same(sorted);
    for node in document.root().descendants_and_self().skip(1) {
        let parent = node.parent().unwrap();
        assert!(
            parent.children().any(|c| c == node),
            "{}",
            node.expression()
        );
    }
}

#[test]
fn resource_type_may_stand_anywhere() {
    let json = concat!(
        r#"{"type":"collection","entry":[{"resource":{"active":true,"contained":[{"id":"c","resourceType":"Basic","#,
        r#""code":{"text":"}\"{"}}],"resource\u0054ype":"Patient"}}],"resourceType":"Bundle"}"#
    );
    let document = parse(json);
    assert_eq!(document.root().type_name(), "Bundle");
    let patient = document
        .root()
        .get("entry")
        .unwrap()
        .get("resource")
        .unwrap();
    assert_eq!(
        (patient.type_name(), patient.name()),
        ("Patient", "resource")
    );
    assert_eq!(patient.get("contained").unwrap().type_name(), "Basic");
    assert_eq!(
        patient.get("contained").unwrap().expression(),
        "Bundle.entry[0].resource.contained[0]"
    );
}

#[test]
fn stamps() {
    let stamped = |json: &str, stamp| {
        let document = parse(json);
        let mut out = Vec::new();
        write(document.root(), stamp, &mut out);
        String::from_utf8(out).unwrap()
    };
    let both = Stamp {
        id: Some("1"),
        version: Some(("7", "2026-11-22T14:03:07.123Z")),
    };
    let meta = r#""meta":{"versionId":"7","lastUpdated":"2026-11-22T14:03:07.123Z""#;
    assert_eq!(
        stamped(r#"{"resourceType":"Patient","active":true}"#, both),
        format!(r#"{{"resourceType":"Patient","id":"1",{meta}}},"active":true}}"#)
    );
    assert_eq!(
        stamped(
            concat!(
                r#"{"active":true,"meta":{"profile":["http://p"],"versionId":"1","_versionId":{"id":"q"},"tag":[{"code":"t"}]},"#,
                r#""id":"old","resourceType":"Patient","gender":"male"}"#
            ),
            both
        ),
        format!(
            r#"{{"resourceType":"Patient","id":"1",{meta},"profile":["http://p"],"tag":[{{"code":"t"}}]}},"active":true,"gender":"male"}}"#
        )
    );
    let only_id = Stamp {
        id: Some("1"),
        version: None,
    };
    let json = r#"{"resourceType":"Patient","active":true,"meta":{"source":"http://s"}}"#;
    let expected =
        r#"{"resourceType":"Patient","id":"1","meta":{"source":"http://s"},"active":true}"#;
    assert_eq!(stamped(json, only_id), expected);
    assert_eq!(
        stamped(r#"{"resourceType":"Patient"}"#, only_id),
        r#"{"resourceType":"Patient","id":"1"}"#
    );
}

#[test]
fn pretty_printing_changes_no_value() {
    let Some(lines) = shared::lines("examples/r4-examples-4.0.1.ndjson.gz") else {
        return;
    };
    for line in lines.iter().step_by(20) {
        let pretty = String::from_utf8(pretty(line.as_bytes())).unwrap();
        assert_eq!(json_value::parse(line), json_value::parse(&pretty));
        assert_eq!(text(parse(&pretty).root()), text(parse(line).root()));
    }
}
