//! The bad-input table: what is sent wrong, and the answer. <https://hl7.org/fhir/R4/http.html#Status-Codes>
//!
//! The table is the file `bad_input.md`; `WARD_BLESS=1` writes it anew from what the server answers.

use super::crud::patient;
use super::formats::gzip;
use super::{expect_file, on_own};
use serde_json::json;
use std::fmt::Write;
use ward_testkit::{Answer, Client};

const JSON: &str = "application/fhir+json";
const XML: &str = "application/fhir+xml";
const BODY_BYTES_MAX: &str = "1048576";

/// One request that is refused: a name, what to send, and in which words the table says so.
struct Case {
    name: &'static str,
    method: &'static str,
    path: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    body: Option<(&'static str, Vec<u8>)>,
}

fn case(name: &'static str, method: &'static str, path: &'static str) -> Case {
    Case {
        name,
        method,
        path,
        headers: Vec::new(),
        body: None,
    }
}

impl Case {
    fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    fn body(mut self, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some((content_type, body.into()));
        self
    }

    fn send(&self, ward: &Client) -> Answer {
        let mut request = ward.request(self.method, self.path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        match &self.body {
            Some((content_type, body)) => request.body(content_type, body.clone()).send(),
            None => request.send(),
        }
    }

    /// The request as the table shows it: short texts as they are, long and binary ones by their length.
    fn shown(&self) -> String {
        let mut shown = format!(
            "`{} {}`",
            self.method,
            if self.path.is_empty() { "/" } else { self.path }
        );
        for (name, value) in &self.headers {
            let _ = write!(shown, " `{name}: {value}`");
        }
        if let Some((content_type, body)) = &self.body {
            if *content_type != JSON {
                let _ = write!(shown, " `{content_type}`");
            }
            let _ = match std::str::from_utf8(body) {
                Ok(text) if text.len() <= 160 => write!(shown, " `{}`", text.replace('|', "\\|")),
                Ok(text) => write!(shown, " {} bytes of text", text.len()),
                Err(_) => write!(shown, " {} bytes", body.len()),
            };
        }
        shown
    }
}

/// A Patient with these members.
fn person(name: &'static str, members: &str) -> Case {
    case(name, "POST", "Patient").body(JSON, format!("{{\"resourceType\":\"Patient\",{members}}}"))
}

fn observation(name: &'static str, members: &str) -> Case {
    case(name, "POST", "Observation").body(
        JSON,
        format!("{{\"resourceType\":\"Observation\",{members}}}"),
    )
}

fn documents() -> Vec<Case> {
    let mut not_utf8 = br#"{"resourceType":"Patient","gender":""#.to_vec();
    not_utf8.extend_from_slice(b"\xff\"}");
    let deep = format!(
        "{}{{\"url\":\"http://a\",\"valueString\":\"x\"}}{}",
        "{\"url\":\"http://a\",\"extension\":[".repeat(70),
        "]}".repeat(70)
    );
    vec![
        case("no body", "POST", "Patient"),
        case("not JSON", "POST", "Patient").body(JSON, "hello"),
        case("cut short", "POST", "Patient").body(JSON, r#"{"resourceType":"Patient","#),
        case("something behind the document", "POST", "Patient")
            .body(JSON, r#"{"resourceType":"Patient"} {}"#),
        case("an array", "POST", "Patient").body(JSON, "[]"),
        case("invalid UTF-8", "POST", "Patient").body(JSON, not_utf8),
        case("a lone surrogate", "POST", "Patient")
            .body(JSON, r#"{"resourceType":"Patient","language":"\ud800"}"#),
        case("no resourceType", "POST", "Patient").body(JSON, r#"{"active":true}"#),
        case("an unknown resourceType", "POST", "Patient")
            .body(JSON, r#"{"resourceType":"Pancake"}"#),
        case("another type than the URL's", "POST", "Patient")
            .body(JSON, r#"{"resourceType":"Person","active":true}"#),
        person("a member twice", r#""active":true,"active":false"#),
        person("an unknown element", r#""familie":"x""#),
        person(
            "an unknown element, nested",
            r#""name":[{"family":"x"},{"familie":"x"}]"#,
        ),
        person("a string where a boolean belongs", r#""active":"true""#),
        person("a number where a string belongs", r#""birthDate":1970"#),
        person(
            "an object where an array belongs",
            r#""name":{"family":"x"}"#,
        ),
        person("an array where one value belongs", r#""gender":["male"]"#),
        person("null", r#""gender":null"#),
        person("an empty object", r#""maritalStatus":{}"#),
        person("an empty array", r#""name":[]"#),
        person("an empty string", r#""language":"""#),
        person(
            "two choices of one element",
            r#""deceasedBoolean":true,"deceasedDateTime":"2020""#,
        ),
        person(
            "a choice of a type that is not among them",
            r#""deceasedString":"yes""#,
        ),
        person("a date that does not exist", r#""birthDate":"2021-02-30""#),
        person("a date in another order", r#""birthDate":"30.02.2021""#),
        person(
            "a dateTime without time zone",
            r#""deceasedDateTime":"2020-01-01T00:00:00""#,
        ),
        person("an id with other characters", r#""id":"a b""#),
        person("a uri with a space", r#""implicitRules":"http://a b""#),
        person("a code with two spaces", r#""language":"a  b""#),
        person("base64 that is none", r#""photo":[{"data":"@@@"}]"#),
        person(
            "an instant without seconds",
            r#""meta":{"lastUpdated":"2020-01-01T00:00Z"}"#,
        ),
        observation(
            "an integer with a fraction",
            r#""status":"final","code":{"text":"x"},"valueInteger":1.5"#,
        ),
        observation(
            "a decimal in quotes",
            r#""status":"final","code":{"text":"x"},"valueQuantity":{"value":"1.5"}"#,
        ),
        person("a primitive extension of nothing", r#""_gender":{}"#),
        person(
            "an extension without url",
            r#""extension":[{"valueString":"x"}]"#,
        ),
        person("depth over 64", &format!("\"extension\":[{deep}]")),
        person(
            "contained in contained",
            r##""contained":[{"resourceType":"Person","id":"a","contained":[{"resourceType":"Person","id":"b"}]}]"##,
        ),
    ]
}

fn xml_documents() -> Vec<Case> {
    let xml = |name, text: &str| case(name, "POST", "Patient").body(XML, text);
    vec![
        xml(
            "XML: not well-formed",
            r#"<Patient xmlns="http://hl7.org/fhir"><gender>"#,
        ),
        xml(
            "XML: a DTD",
            r#"<!DOCTYPE a [<!ENTITY b "c">]><Patient xmlns="http://hl7.org/fhir"/>"#,
        ),
        xml(
            "XML: an entity",
            r#"<Patient xmlns="http://hl7.org/fhir"><gender value="&b;"/></Patient>"#,
        ),
        xml(
            "XML: no namespace",
            r#"<Patient><gender value="male"/></Patient>"#,
        ),
        xml(
            "XML: an unknown element",
            r#"<Patient xmlns="http://hl7.org/fhir"><familie value="x"/></Patient>"#,
        ),
        xml(
            "XML: an unknown attribute",
            r#"<Patient xmlns="http://hl7.org/fhir"><gender wert="male"/></Patient>"#,
        ),
        xml(
            "XML: text where a value belongs",
            r#"<Patient xmlns="http://hl7.org/fhir"><gender>male</gender></Patient>"#,
        ),
        xml(
            "XML: elements in another order",
            r#"<Patient xmlns="http://hl7.org/fhir"><gender value="male"/><active value="true"/></Patient>"#,
        ),
        xml(
            "XML: an empty element",
            r#"<Patient xmlns="http://hl7.org/fhir"><name/></Patient>"#,
        ),
        xml(
            "XML: a bad primitive",
            r#"<Patient xmlns="http://hl7.org/fhir"><active value="yes"/></Patient>"#,
        ),
        xml(
            "XML: an element twice that occurs once",
            r#"<Patient xmlns="http://hl7.org/fhir"><active value="true"/><active value="true"/></Patient>"#,
        ),
    ]
}

fn rules() -> Vec<Case> {
    let narrative = |name, div: &str| {
        person(
            name,
            &format!(
                r#""text":{{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">{div}</div>"}}"#
            ),
        )
    };
    vec![
        observation("a required element is missing", r#""status":"final""#),
        observation(
            "a code outside the required binding",
            r#""status":"done","code":{"text":"x"}"#,
        ),
        person("an invariant (pat-1)", r#""contact":[{"gender":"male"}]"#),
        person(
            "an invariant of the data type (per-1)",
            r#""name":[{"family":"x","period":{"start":"2021","end":"2020"}}]"#,
        ),
        person(
            "a reference to a type that is not allowed there",
            r#""managingOrganization":{"reference":"Patient/1"}"#,
        ),
        person(
            "a contained resource that nothing refers to",
            r#""contained":[{"resourceType":"Organization","id":"a","name":"x"}]"#,
        ),
        person(
            "a reference to a contained resource that is not there",
            r##""managingOrganization":{"reference":"#a"}"##,
        ),
        narrative("narrative: script", "<script>x</script>"),
        narrative("narrative: an event handler", "<p onclick='x'>x</p>"),
        narrative(
            "narrative: an external image",
            "<img src='http://a/b.png'/>",
        ),
        narrative(
            "narrative: a javascript link",
            "<a href='javascript:x'>x</a>",
        ),
        narrative("narrative: not XHTML", "<p>"),
        narrative("narrative: nothing in it", ""),
    ]
}

fn bodies() -> Vec<Case> {
    let long = json!({ "resourceType": "Binary", "contentType": "text/plain", "data": "A".repeat(1_048_576) }).to_string();
    let plain = patient("Plain").to_string();
    vec![
        case("a body over body_bytes_max", "POST", "Binary").body(JSON, long),
        case("gzip that unpacks beyond the ratio", "POST", "Patient")
            .header("Content-Encoding", "gzip")
            .body(JSON, gzip(&vec![b' '; 900_000])),
        case("gzip that unpacks beyond body_bytes_max", "POST", "Patient")
            .header("Content-Encoding", "gzip")
            .body(JSON, gzip(&noise(1_100_000))),
        case("gzip that is none", "POST", "Patient")
            .header("Content-Encoding", "gzip")
            .body(JSON, "{}"),
        case("another encoding", "POST", "Patient")
            .header("Content-Encoding", "br")
            .body(JSON, "{}"),
        case("another media type", "POST", "Patient").body("text/plain", "{}"),
        case("a form", "POST", "Patient").body("application/x-www-form-urlencoded", "active=true"),
        case("another version of FHIR", "POST", "Patient")
            .body("application/fhir+json; fhirVersion=5.0", plain.clone()),
        case("JSON called XML", "POST", "Patient").body(XML, r#"{"resourceType":"Patient"}"#),
        case("a patch of another media type", "PATCH", "Patient/known").body("text/plain", "x"),
        case(
            "a search form of another media type",
            "POST",
            "Patient/_search",
        )
        .body(JSON, "{}"),
    ]
}

/// Letters that gzip shrinks to about half, so that the ratio is not what is exceeded.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b'a' + (state >> 24) as u8 % 16
    };
    (0..bytes).map(next).collect()
}

fn requests() -> Vec<Case> {
    vec![
        case("Accept of another form", "GET", "Patient/known").header("Accept", "text/html"),
        case("Accept of another version of FHIR", "GET", "Patient/known")
            .header("Accept", "application/fhir+json; fhirVersion=3.0"),
        case("an unknown _format", "GET", "Patient/known?_format=ttl"),
        case("a bad _pretty", "GET", "Patient/known?_pretty=perhaps"),
        case("an unknown resource type", "GET", "Pancake/1"),
        case("an abstract type", "GET", "DomainResource/1"),
        case("a path of no interaction", "GET", "Patient/1/2/3/4"),
        case("an id with other characters", "GET", "Patient/a_b"),
        case(
            "an id that is too long",
            "GET",
            "Patient/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ),
        case("an id that is not there", "GET", "Patient/never-was-here"),
        case(
            "a version that is not there",
            "GET",
            "Patient/known/_history/99",
        ),
        case(
            "a version that is no number",
            "GET",
            "Patient/known/_history/x",
        ),
        case("an unknown operation", "GET", "Patient/known/$frobnicate"),
        case("an operation at another level", "GET", "$everything"),
        case(
            "an operation that changes, by GET",
            "GET",
            "Patient/known/$meta-add",
        ),
        case("POST to an instance", "POST", "Patient/known")
            .body(JSON, r#"{"resourceType":"Patient"}"#),
        case("DELETE of the capabilities", "DELETE", "metadata"),
        case("PUT to the base", "PUT", "").body(JSON, r#"{"resourceType":"Patient"}"#),
        case("an unknown method", "FROB", "Patient/known"),
        case("an update without id in the body", "PUT", "Patient/known")
            .body(JSON, r#"{"resourceType":"Patient","active":true}"#),
        case(
            "an update with another id in the body",
            "PUT",
            "Patient/known",
        )
        .body(JSON, r#"{"resourceType":"Patient","id":"other"}"#),
        case("If-Match of another version", "PUT", "Patient/known")
            .header("If-Match", "W/\"9\"")
            .body(JSON, r#"{"resourceType":"Patient","id":"known"}"#),
        case("If-Match that is no ETag", "PUT", "Patient/known")
            .header("If-Match", "7x")
            .body(JSON, r#"{"resourceType":"Patient","id":"known"}"#),
        case(
            "a conditional create by an unknown parameter",
            "POST",
            "Patient",
        )
        .header("If-None-Exist", "frobnicate=1")
        .body(JSON, r#"{"resourceType":"Patient","active":true}"#),
        case("a conditional update without criteria", "PUT", "Patient")
            .body(JSON, r#"{"resourceType":"Patient","active":true}"#),
        case("a conditional delete without criteria", "DELETE", "Patient"),
        case("a bad _count", "GET", "Patient?_count=many"),
        case("a negative _count", "GET", "Patient?_count=-1"),
        case(
            "a bad _count of history",
            "GET",
            "Patient/_history?_count=many",
        ),
        case("a bad _since", "GET", "Patient/_history?_since=yesterday"),
        case(
            "an unknown parameter of history",
            "GET",
            "Patient/_history?frobnicate=1",
        ),
        case(
            "an unknown search parameter, strict",
            "GET",
            "Patient?frobnicate=1",
        )
        .header("Prefer", "handling=strict"),
        case("a query that is not UTF-8", "GET", "Patient?name=caf%E9"),
        case(
            "a search parameter without a value, strict",
            "GET",
            "Patient?name=",
        )
        .header("Prefer", "handling=strict"),
        case("a condition without a value", "DELETE", "Patient?name="),
        case("a bad date", "GET", "Patient?birthdate=yesterday"),
        case("an unknown modifier", "GET", "Patient?gender:frob=male"),
        case("a cursor that is none", "GET", "Patient?_cursor=AAAA"),
        case("a Bundle of another type", "POST", "")
            .body(JSON, r#"{"resourceType":"Bundle","type":"collection"}"#),
        case("another resource at the base", "POST", "")
            .body(JSON, r#"{"resourceType":"Patient","active":true}"#),
        case("a JSON Patch that is none", "PATCH", "Patient/known")
            .body("application/json-patch+json", r#"{"op":"add"}"#),
        case(
            "a JSON Patch of an unknown operation",
            "PATCH",
            "Patient/known",
        )
        .body(
            "application/json-patch+json",
            r#"[{"op":"frob","path":"/active"}]"#,
        ),
        case("a JSON Patch whose test fails", "PATCH", "Patient/known").body(
            "application/json-patch+json",
            r#"[{"op":"test","path":"/active","value":false}]"#,
        ),
        case("a patch that makes no FHIR", "PATCH", "Patient/known").body(
            "application/json-patch+json",
            r#"[{"op":"add","path":"/familie","value":"x"}]"#,
        ),
        case("$validate without a resource", "POST", "Patient/$validate"),
        case("$meta-add without meta", "POST", "Patient/known/$meta-add")
            .body(JSON, r#"{"resourceType":"Parameters"}"#),
    ]
}

#[test]
fn every_refusal_is_in_the_table() {
    on_own(
        &[("limits.body_bytes_max", BODY_BYTES_MAX)],
        |server, ward| {
            let mut known = patient("Known");
            known["id"] = json!("known");
            known["active"] = json!(true);
            ward.put("Patient/known", &known).expect(201);
            let mut table = String::from(HEAD);
            for case in documents()
                .into_iter()
                .chain(xml_documents())
                .chain(rules())
                .chain(bodies())
                .chain(requests())
            {
                row(&mut table, &case, &case.send(ward));
            }
            let case = case("no token", "GET", "Patient/known");
            row(&mut table, &case, &case.send(&server.anonymous()));
            let read = ward.get("Patient/known").expect(200);
            assert_eq!(
                read.header("etag"),
                Some("W/\"1\""),
                "no refusal changed anything"
            );
            expect_file("bad_input.md", &table);
        },
    );
}

const HEAD: &str = "# Bad input

Each form that is refused, and the answer: HTTP status, issue code and FHIRPath `expression` of the first issue. Where no
other media type is shown, bodies are `application/fhir+json`. `Patient/known` is there; `body_bytes_max` is 1048576.
Checked by `tests/rest/bad_input.rs` on both stores; `WARD_BLESS=1` writes it anew.

| name | request | status | code | expression |
|---|---|---|---|---|
";

fn row(table: &mut String, case: &Case, answer: &Answer) {
    assert!(
        (400..500).contains(&answer.status),
        "{}: {} {}",
        case.name,
        answer.status,
        answer.text()
    );
    let (code, expression) = answer.issue();
    assert!(
        !answer.json()["issue"][0]["diagnostics"]
            .as_str()
            .unwrap_or_default()
            .is_empty(),
        "{}: {}",
        case.name,
        answer.text()
    );
    let expression = if expression.is_empty() {
        String::new()
    } else {
        format!("`{expression}`")
    };
    let _ = writeln!(
        table,
        "| {} | {} | {} | {code} | {expression} |",
        case.name,
        case.shown(),
        answer.status
    );
}
