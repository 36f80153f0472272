//! Round trips over the official examples, and every refused form with its place.

use super::{read, write};
use crate::issue::{Failure, Kind};
use crate::json::{self, Stamp};
use crate::schema::r4;
use crate::tree::{Document, Limits};

fn parse(body: &str) -> Result<Document, Failure> {
    read(body.as_bytes(), None, &Limits::default())
}

fn to_json(doc: &Document) -> String {
    let mut out = Vec::new();
    json::write(doc.root(), Stamp::default(), &mut out);
    String::from_utf8(out).unwrap()
}

fn to_xml(doc: &Document) -> String {
    let mut out = Vec::new();
    write(doc.root(), &mut out);
    String::from_utf8(out).unwrap()
}

fn patient(inside: &str) -> String {
    format!(r#"<Patient xmlns="http://hl7.org/fhir">{inside}</Patient>"#)
}

/// Kind and expression of the first issue.
fn refused(body: &str) -> (Kind, String) {
    let failure = parse(body)
        .err()
        .unwrap_or_else(|| panic!("accepted: {body}"));
    (
        failure.kind,
        failure.issues[0].expression.clone().unwrap_or_default(),
    )
}

#[test]
fn reads_elements_attributes_and_extensions() {
    let doc = parse(
        r#"<?xml version="1.0" encoding="UTF-8"?>
        <!-- comment -->
        <Patient xmlns="http://hl7.org/fhir" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b">
          <id value="p"/>
          <extension url="http://e.org/x"><valueDecimal value="1.10"/></extension>
          <active id="a" value="true"/>
          <name><given value="A &amp; &#x42;&#10;C"/><given><extension url="u"><valueCode value="c"/></extension></given></name>
          <birthDate value="1970-03-30"><extension url="t"><valueDateTime value="1970-03-30T10:00:00Z"/></extension></birthDate>
          <multipleBirthInteger value="2"/>
        </Patient>"#,
    )
    .unwrap();
    let expected = concat!(
        r#"{"resourceType":"Patient","id":"p","extension":[{"url":"http://e.org/x","valueDecimal":1.10}],"#,
        r#""active":true,"_active":{"id":"a"},"name":[{"given":["A & B\nC",null],"_given":[null,{"extension":"#,
        r#"[{"url":"u","valueCode":"c"}]}]}],"birthDate":"1970-03-30","_birthDate":{"extension":[{"url":"t","#,
        r#""valueDateTime":"1970-03-30T10:00:00Z"}]},"multipleBirthInteger":2}"#
    );
    assert_eq!(to_json(&doc), expected);
}

#[test]
fn wraps_resources_and_orders_elements() {
    let text = r#"{"resourceType":"Patient","name":[{"family":"a\tb"}],"contained":[{"resourceType":"Basic","id":"c","code":{"text":"<x>"}}],"id":"p"}"#;
    let doc = json::read(text.as_bytes(), None, &Limits::default()).unwrap();
    let xml = to_xml(&doc);
    let expected = concat!(
        r#"<Patient xmlns="http://hl7.org/fhir"><id value="p"/><contained><Basic><id value="c"/><code>"#,
        r#"<text value="&lt;x&gt;"/></code></Basic></contained><name><family value="a&#9;b"/></name></Patient>"#
    );
    assert_eq!(xml, expected);
    assert_eq!(to_xml(&parse(&xml).unwrap()), xml);
}

#[test]
fn narrative_is_kept_as_written() {
    let div = r#"<div xmlns="http://www.w3.org/1999/xhtml"  class='x'>a &lt; <b>b</b><br /><!-- c --> &#xa0;</div>"#;
    let doc = parse(&patient(&format!(
        "<text><status value='generated'/>{div}</text>"
    )))
    .unwrap();
    assert_eq!(
        doc.root().get("text").and_then(|t| t.text("div")),
        Some(div)
    );
    assert!(to_xml(&doc).contains(div));
}

#[test]
fn line_ends_are_those_of_xml_and_carriage_returns_survive() {
    let crlf = patient(
        "<text>\r\n<status value='generated'/><div xmlns='http://www.w3.org/1999/xhtml'>a\r\nb&#13;c</div></text>",
    );
    let doc = parse(&crlf).unwrap();
    let div = "<div xmlns='http://www.w3.org/1999/xhtml'>a\nb\rc</div>";
    assert_eq!(
        doc.root().get("text").and_then(|t| t.text("div")),
        Some(div)
    );
    let again = parse(&to_xml(&doc)).unwrap();
    assert_eq!(
        again.root().get("text").and_then(|t| t.text("div")),
        Some(div)
    );
}

#[test]
fn narrative_with_outer_prefixes_is_written_anew() {
    let body = r#"<f:Patient xmlns:f="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml"><f:text><f:status
        value="generated"/><h:div title="a&quot;b">x &amp; <h:b>y</h:b><h:br/></h:div></f:text></f:Patient>"#;
    let doc = parse(body).unwrap();
    let div =
        r#"<div xmlns="http://www.w3.org/1999/xhtml" title="a&quot;b">x &amp; <b>y</b><br/></div>"#;
    assert_eq!(
        doc.root().get("text").and_then(|t| t.text("div")),
        Some(div)
    );
}

#[test]
fn narrative_that_is_not_xml_cannot_break_out() {
    let doc = parse(&patient(
        r#"<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">x</div></text>"#,
    ));
    let mut doc = doc.unwrap();
    let at = doc
        .root()
        .get("text")
        .and_then(|t| t.get("div"))
        .unwrap()
        .index();
    for bad in [
        "<div/></text><active value='true'/><text>",
        "<div>",
        "x",
        "<div>&nbsp;</div>",
        "<div>no namespace</div>",
    ] {
        doc.set_value(at, bad);
        let again = parse(&to_xml(&doc)).unwrap();
        assert!(again.root().get("active").is_none());
    }
}

#[test]
fn refuses_what_is_not_safe_xml() {
    for body in [
        "",
        "x",
        "<Patient",
        "<Patient xmlns='http://hl7.org/fhir'>",
        "<Patient xmlns='http://hl7.org/fhir'></Patien>",
        "<!DOCTYPE Patient><Patient xmlns='http://hl7.org/fhir'/>",
        "<!DOCTYPE p [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><Patient xmlns='http://hl7.org/fhir'><id value='&x;'/></Patient>",
        "<?xml version='1.1'?><Patient xmlns='http://hl7.org/fhir'/>",
        "<?xml version='1.0' encoding='ISO-8859-1'?><Patient xmlns='http://hl7.org/fhir'/>",
        "<?pi x?><Patient xmlns='http://hl7.org/fhir'/>",
        "<Patient xmlns='http://hl7.org/fhir'/><Patient xmlns='http://hl7.org/fhir'/>",
        "<Patient xmlns='http://hl7.org/fhir'/>x",
        "<Patient xmlns='http://hl7.org/fhir'><id value='&nbsp;'/></Patient>",
        "<Patient xmlns='http://hl7.org/fhir'><id value='&#1;'/></Patient>",
        "<Patient xmlns='http://hl7.org/fhir'><id value='a' value='b'/></Patient>",
        "<Patient xmlns='http://hl7.org/fhir'><id value=a/></Patient>",
        "<Patient xmlns='http://hl7.org/fhir'><id value='<'/></Patient>",
        "<Patient xmlns='http://hl7.org/fhir'><x:id value='a'/></Patient>",
        "<Patient xmlns='http://hl7.org/fhir'><id value='\u{1}'/></Patient>",
        "<Patient xmlns='http://hl7.org/fhir'><text><status value='generated'/><div xmlns='http://www.w3.org/1999/xhtml'>&nbsp;</div></text></Patient>",
        "<Patient xmlns='http://hl7.org/fhir'><text><status value='generated'/><div xmlns='http://www.w3.org/1999/xhtml'><?p x?></div></text></Patient>",
    ] {
        assert_eq!(refused(body).0, Kind::Malformed, "{body}");
    }
    assert!(
        read(
            b"<Patient xmlns='http://hl7.org/fhir'><id value='\xff'/></Patient>",
            None,
            &Limits::default()
        )
        .is_err()
    );
}

#[test]
fn says_where_text_is_malformed() {
    let failure = parse(&patient("\n<name><family value='&x;'/></name>"))
        .err()
        .unwrap();
    assert_eq!(failure.kind, Kind::Malformed);
    assert_eq!(
        failure.issues[0].expression.as_deref(),
        Some("Patient.name[0]")
    );
    assert!(
        failure.issues[0]
            .diagnostics
            .ends_with("(line 2, column 7)"),
        "{failure:?}"
    );
}

#[test]
fn refuses_what_is_not_fhir_and_says_where() {
    let resource = |text: &str| {
        format!(
            r#"<Bundle xmlns="http://hl7.org/fhir"><type value="batch"/><entry><resource>{text}</resource></entry></Bundle>"#
        )
    };
    for (body, place) in [
        ("<Patient/>".to_owned(), ""),
        ("<Patient xmlns='http://hl7.org/fhir/'/>".to_owned(), ""),
        ("<patient xmlns='http://hl7.org/fhir'/>".to_owned(), ""),
        ("<HumanName xmlns='http://hl7.org/fhir'/>".to_owned(), ""),
        ("<Resource xmlns='http://hl7.org/fhir'/>".to_owned(), ""),
        (patient("<nam/>"), "Patient.nam"),
        (patient("<id xmlns='x' value='a'/>"), "Patient.id"),
        (patient("<name/>"), "Patient.name[0]"),
        (patient("<name id='a'/>"), "Patient.name[0]"),
        (
            patient("<name><text value='a'/></name><name><family/></name>"),
            "Patient.name[1].family",
        ),
        (
            patient("<name><family value=''/></name>"),
            "Patient.name[0].family",
        ),
        (patient("<name value='a'/>"), "Patient.name[0].value"),
        (patient("<active value='yes'/>"), "Patient.active"),
        (patient("<active>true</active>"), "Patient.active"),
        (
            patient("<active value='true'>true</active>"),
            "Patient.active",
        ),
        (
            patient("<active><value value='true'/></active>"),
            "Patient.active.value",
        ),
        (
            patient("<active><![CDATA[true]]></active>"),
            "Patient.active",
        ),
        (
            patient("<active value='true' lang='x'/>"),
            "Patient.active.lang",
        ),
        (patient("&#32;"), "Patient"),
        (
            patient("<active value='true'/><active value='true'/>"),
            "Patient.active",
        ),
        (
            patient("<gender value='male'/><active value='true'/>"),
            "Patient.active",
        ),
        (
            patient(
                "<name><text value='a'/></name><gender value='male'/><name><text value='a'/></name>",
            ),
            "Patient.name",
        ),
        (
            patient("<deceasedBoolean value='true'/><deceasedDateTime value='2020'/>"),
            "Patient.deceasedDateTime",
        ),
        (
            patient("<extension><url value='a'/></extension>"),
            "Patient.extension[0].url",
        ),
        (patient("<contained/>"), "Patient.contained[0]"),
        (
            patient("<contained><Basic/><Basic/></contained>"),
            "Patient.contained[0].Basic",
        ),
        (
            patient("<contained><HumanName/></contained>"),
            "Patient.contained[0].HumanName",
        ),
        (
            patient("<contained><Basic><code/></Basic></contained>"),
            "Patient.contained[0].code",
        ),
        (
            resource("<Patient><birthDate value='x'/></Patient>"),
            "Bundle.entry[0].resource.birthDate",
        ),
        (
            patient("<text><status value='generated'/><div>x</div></text>"),
            "Patient.text.div",
        ),
    ] {
        assert_eq!(
            refused(&body),
            (Kind::Structure, place.to_owned()),
            "{body}"
        );
    }
    let other = read(
        patient("").as_bytes(),
        r4().resource_type("Basic"),
        &Limits::default(),
    );
    assert_eq!(other.err().map(|f| f.kind), Some(Kind::Invalid));
}

#[test]
fn collects_issues_up_to_a_limit() {
    let many = "<x/>".repeat(50);
    assert_eq!(
        parse(&patient(&many)).err().map(|f| f.issues.len()),
        Some(Limits::default().issues_max)
    );
    assert_eq!(
        parse(&patient("<x><y/></x><active value='1'/><z/>"))
            .err()
            .map(|f| f.issues.len()),
        Some(3)
    );
}

#[test]
fn depth_and_size_are_bounded() {
    let nested = |n: usize| {
        let open = "<extension url='u'>".repeat(n);
        patient(&format!(
            "{open}<valueCode value='c'/>{}",
            "</extension>".repeat(n)
        ))
    };
    assert!(parse(&nested(63)).is_ok());
    assert_eq!(refused(&nested(64)).0, Kind::TooCostly);
    assert!(parse(&nested(1_000_000)).is_err());
    let limits = Limits {
        nodes_max: 10,
        ..Limits::default()
    };
    let names = patient(&"<name><text value='a'/></name>".repeat(5));
    assert_eq!(
        read(names.as_bytes(), None, &limits).err().map(|f| f.kind),
        Some(Kind::TooLarge)
    );
}

#[test]
fn official_examples_survive() {
    if let Some(count) = round_trip("examples/r4-examples-4.0.1.ndjson.gz") {
        assert_eq!(count, 715);
        println!("official suite run: xml-examples {count}");
    }
}

#[test]
fn synthea_bundles_survive() {
    round_trip("examples/synthea-r4-dev-80.ndjson.gz");
}

/// The number of documents; nothing where the reference data is absent and was not announced.
fn round_trip(file: &str) -> Option<usize> {
    let path = format!("{}/../../../shared/data/{file}", env!("CARGO_MANIFEST_DIR"));
    let Ok(packed) = std::fs::read(path) else {
        assert!(
            std::env::var_os("WARD_SHARED").is_none(),
            "the reference data is announced but absent"
        );
        eprintln!("shared data absent: skipped");
        return None;
    };
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&packed[..]), &mut text)
        .unwrap();
    let (mut lost, mut count) = (Vec::new(), 0);
    for line in text.lines() {
        count += 1;
        if let Err(what) = survives(line) {
            lost.push(format!("line {count}: {what}"));
        }
    }
    assert!(
        lost.is_empty() && count > 0,
        "{} of {count}: {lost:#?}",
        lost.len()
    );
    Some(count)
}

/// JSON -> XML -> JSON -> XML: the sets of leaves are the same, and the XML is too.
fn survives(line: &str) -> Result<(), String> {
    let limits = Limits::default();
    let first =
        json::read(line.as_bytes(), None, &limits).map_err(|f| format!("JSON: {:?}", f.issues))?;
    let xml = to_xml(&first);
    let second = read(xml.as_bytes(), Some(first.root().ty()), &limits)
        .map_err(|f| format!("XML: {:?}", f.issues))?;
    let (mut a, mut b) = (leaves(&first), leaves(&second));
    a.sort_unstable();
    b.sort_unstable();
    if let Some((a, b)) = a.iter().zip(&b).find(|(a, b)| a != b) {
        return Err(format!("{a:?} became {b:?}"));
    }
    let third = json::read(to_json(&second).as_bytes(), None, &limits)
        .map_err(|f| format!("JSON again: {:?}", f.issues))?;
    if a.len() != b.len() || to_xml(&third) != xml {
        return Err("elements were lost".into());
    }
    Ok(())
}

/// Every element with its place, its type and its value.
fn leaves(doc: &Document) -> Vec<(String, &'static str, Option<&str>)> {
    doc.root()
        .descendants_and_self()
        .map(|n| (n.expression(), n.type_name(), n.value()))
        .collect()
}
