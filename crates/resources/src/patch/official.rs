//! The official patch cases of FHIR/fhir-test-cases, R4: all must pass.

use std::io::Read;

use ward_fhir::json::{Stamp, write};
use ward_fhir::tree::{Document, Limits};
use ward_fhir::xml::markup::{Event, Scanner};

use super::json::value::Value;

fn file(name: &str) -> Option<String> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/data/tests/fhir-test-cases/r4.tgz"
    );
    let Ok(packed) = std::fs::read(path) else {
        eprintln!("shared data absent: skipped");
        return None;
    };
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&packed[..]));
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.path().unwrap().ends_with(name) {
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            return Some(text);
        }
    }
    panic!("{name} is not in the archive");
}

/// One `<case>`: its name, and the inner text of its children by name.
struct Case {
    name: String,
    parts: Vec<(String, String)>,
}

impl Case {
    fn part(&self, name: &str) -> Option<&str> {
        self.parts
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, text)| text.trim())
    }
}

/// Splits `<tests><case name=...><part>...</part></case></tests>`.
fn cases(text: &str) -> Vec<Case> {
    let mut scanner = Scanner::new(text, 100);
    let mut cases: Vec<Case> = Vec::new();
    let mut start = 0;
    let mut name = String::new();
    loop {
        match scanner.next().unwrap() {
            Event::Start(tag) if scanner.depth() == 2 => {
                let name = tag
                    .attributes
                    .iter()
                    .find(|a| a.local == "name")
                    .unwrap()
                    .value
                    .to_string();
                cases.push(Case {
                    name,
                    parts: Vec::new(),
                });
            }
            Event::Start(tag) if scanner.depth() == 3 => {
                start = tag.start;
                name = tag.local.to_owned();
            }
            Event::End(end) if scanner.depth() == 2 => {
                cases
                    .last_mut()
                    .unwrap()
                    .parts
                    .push((name.clone(), text[start..end].to_owned()));
            }
            Event::Eof => return cases,
            _ => {}
        }
    }
}

/// Without the tags of the part itself; the part may be empty.
fn inside(part: &str) -> &str {
    part.find('>')
        .zip(part.rfind("</"))
        .map_or("", |(open, close)| part[open + 1..close].trim())
}

#[test]
fn json_patch() {
    let Some(text) = file("patch/json-patch-tests.json") else {
        return;
    };
    let Value::Array(cases) = Value::read(text.as_bytes()).unwrap() else {
        panic!("an array is expected")
    };
    assert_eq!(cases.len(), 16);
    println!("official suite run: json-patch {}", cases.len());
    for case in cases {
        let Value::Object(members) = case else {
            panic!("an object is expected")
        };
        let member = |name: &str| members.iter().find(|(n, _)| n == name).map(|(_, v)| v);
        let mut doc = member("doc").unwrap().clone();
        let outcome = super::json::apply(&mut doc, member("patch").unwrap());
        match member("expected") {
            Some(expected) => {
                outcome.unwrap_or_else(|f| panic!("{:?}: {:?}", member("comment"), f.issues));
                assert!(doc.equals(expected), "{:?}", member("comment"));
            }
            None => assert!(
                outcome.is_err() && member("error").is_some(),
                "{:?}",
                member("comment")
            ),
        }
    }
}

#[test]
fn xml_patch() {
    let Some(text) = file("patch/xml-patch-tests.xml") else {
        return;
    };
    let cases = cases(&text);
    // Of the 33 of the file four lie inside of comments: 29 can be run.
    assert_eq!(cases.len(), 29);
    println!("official suite run: xml-patch {}", cases.len());
    for case in &cases {
        let patched = super::xml::apply(
            inside(case.part("target").unwrap()).as_bytes(),
            case.part("patch").unwrap().as_bytes(),
        );
        match case.part("patched") {
            Some(expected) => {
                let patched = patched.unwrap_or_else(|f| panic!("{}: {:?}", case.name, f.issues));
                assert_eq!(
                    canonical(std::str::from_utf8(&patched).unwrap()),
                    canonical(inside(expected)),
                    "{}",
                    case.name
                );
            }
            None => assert!(
                case.part("error").is_some() && patched.is_err(),
                "{}",
                case.name
            ),
        }
    }
}

/// Events without spaces between elements.
fn canonical(xml: &str) -> Vec<String> {
    let mut scanner = Scanner::new(xml, 100);
    let mut out = Vec::new();
    loop {
        out.push(match scanner.next().unwrap() {
            Event::Start(tag) => {
                let mut attributes: Vec<_> = tag
                    .attributes
                    .iter()
                    .map(|a| (a.prefix, a.local, a.value.to_string()))
                    .collect();
                attributes.sort();
                let prefixes: Vec<_> = tag
                    .declarations
                    .iter()
                    .filter(|(p, _)| !p.is_empty())
                    .collect();
                format!(
                    "<{} {} {attributes:?} {prefixes:?}",
                    tag.namespace, tag.local
                )
            }
            Event::End(_) => ">".into(),
            Event::Text(text) | Event::CData(text) if text.trim().is_empty() => continue,
            Event::Text(text) | Event::CData(text) => text.trim().into(),
            Event::Reference(c) => c.into(),
            Event::Comment(text) => format!("<!--{}", text.trim()),
            Event::Eof => return out,
        });
    }
}

#[test]
fn fhirpath_patch() {
    let Some(text) = file("patch/fhir-patch-tests.xml") else {
        return;
    };
    let cases = cases(&text);
    assert_eq!(cases.len(), 33);
    println!("official suite run: fhirpath-patch {}", cases.len());
    for case in &cases {
        let resource = |part: &str| case.part(part).map(|text| read(inside(text), &case.name));
        let (input, diff) = (resource("input").unwrap(), resource("diff").unwrap());
        let patched = super::fhirpath(input.root(), diff.root());
        match resource("output") {
            Some(expected) => {
                let patched = patched.unwrap_or_else(|f| panic!("{}: {:?}", case.name, f.issues));
                let patched = ward_fhir::json::read(&patched, None, &Limits::default()).unwrap();
                assert_eq!(normal(&patched), normal(&expected), "{}", case.name);
            }
            None => assert!(
                case.part("error").is_some() && patched.is_err(),
                "{}",
                case.name
            ),
        }
    }
}

fn read(xml: &str, name: &str) -> Document {
    ward_fhir::xml::read(xml.as_bytes(), None, &Limits::default())
        .unwrap_or_else(|f| panic!("{name}: {:?}", f.issues))
}

/// JSON text with the runs of spaces in narrative made one, and line ends as attributes of XML carry them.
fn normal(document: &Document) -> String {
    let mut out = Vec::new();
    write(document.root(), Stamp::default(), &mut out);
    let text = String::from_utf8(out).unwrap();
    text.replace("\\n", " ")
        .replace("&quot;", "\\\"")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
