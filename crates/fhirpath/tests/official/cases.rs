//! Reads the case file and its inputs from the archive.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

#[derive(Debug, Default)]
pub struct Case {
    pub name: String,
    pub input: Option<String>,
    pub expression: String,
    /// `syntax`, `semantic` or `execution`.
    pub invalid: Option<String>,
    pub predicate: bool,
    pub ordered: bool,
    pub outputs: Vec<Output>,
}

#[derive(Debug, Default)]
pub struct Output {
    pub ty: String,
    pub text: String,
}

/// File name to content; `None` when the shared data are absent.
pub fn archive() -> Option<HashMap<String, Vec<u8>>> {
    let path = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/data/tests/fhir-test-cases/r4.tgz"
    ));
    let file = std::fs::File::open(path).ok()?;
    let mut files = HashMap::new();
    for entry in tar::Archive::new(flate2::read::GzDecoder::new(file))
        .entries()
        .unwrap()
    {
        let mut entry = entry.unwrap();
        let name = entry
            .path()
            .unwrap()
            .to_string_lossy()
            .trim_start_matches("./")
            .to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        files.insert(name, bytes);
    }
    Some(files)
}

pub fn read(xml: &[u8]) -> Vec<Case> {
    let text = std::str::from_utf8(xml).unwrap();
    let mut reader = Reader::from_str(text);
    let mut cases: Vec<Case> = Vec::new();
    let mut content = String::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return cases,
            Event::Start(start) => open(&start, &mut cases, &mut content),
            Event::Empty(start) => open(&start, &mut cases, &mut content),
            Event::Text(text) => content.push_str(&text),
            Event::CData(data) => content.push_str(&data),
            Event::GeneralRef(entity) => content.push_str(&resolved(&entity)),
            Event::End(end) => {
                let Some(case) = cases.last_mut() else {
                    continue;
                };
                match end.name().as_ref() {
                    "expression" => case.expression = std::mem::take(&mut content),
                    "output" => {
                        if let Some(output) = case.outputs.last_mut() {
                            output.text = std::mem::take(&mut content);
                        }
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

fn open(start: &BytesStart<'_>, cases: &mut Vec<Case>, content: &mut String) {
    content.clear();
    match start.name().as_ref() {
        "test" => cases.push(Case {
            name: attribute(start, "name").unwrap(),
            input: attribute(start, "inputfile"),
            predicate: attribute(start, "predicate").as_deref() == Some("true"),
            ordered: attribute(start, "ordered").as_deref() != Some("false"),
            ..Case::default()
        }),
        "expression" => cases.last_mut().unwrap().invalid = attribute(start, "invalid"),
        "output" => cases.last_mut().unwrap().outputs.push(Output {
            ty: attribute(start, "type").unwrap_or_default(),
            text: String::new(),
        }),
        _ => {}
    }
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = start.try_get_attribute(name).unwrap()?;
    Some(attribute.value.into_owned())
}

fn resolved(entity: &str) -> String {
    match entity {
        "lt" => "<".to_owned(),
        "gt" => ">".to_owned(),
        "amp" => "&".to_owned(),
        "quot" => "\"".to_owned(),
        "apos" => "'".to_owned(),
        other => {
            let number = other.strip_prefix('#').unwrap();
            let code = number.strip_prefix('x').map_or_else(
                || number.parse().unwrap(),
                |hex| u32::from_str_radix(hex, 16).unwrap(),
            );
            char::from_u32(code).unwrap().to_string()
        }
    }
}
