//! FHIR XML held beside the JSON of the same resource. It is read by a few lines of our own, so that what Ward writes is
//! not judged by what Ward reads. <https://hl7.org/fhir/R4/xml.html>

use super::json::Json;
use std::collections::BTreeMap;

/// An element of a well-formed text; whatever else is in the text fails the test.
pub struct Element<'a> {
    pub name: &'a str,
    /// `a="1" b="2"`, as written.
    attributes: &'a str,
    children: Vec<Element<'a>>,
    has_text: bool,
    /// From its first to its last character.
    source: &'a str,
}

impl<'a> Element<'a> {
    pub fn read(text: &'a str) -> Element<'a> {
        let mut reader = Reader { text, at: 0 };
        let root = reader.tag();
        let root = reader.element(root);
        assert_eq!(reader.rest().trim(), "", "after the end of {}", root.name);
        root
    }

    pub fn children(&self, name: &str) -> impl Iterator<Item = &Element<'a>> {
        self.children.iter().filter(move |c| c.name == name)
    }

    pub fn child(&self, name: &str) -> Option<&Element<'a>> {
        self.children(name).next()
    }

    pub fn into_children(self, name: &str) -> impl Iterator<Item = Element<'a>> {
        self.children.into_iter().filter(move |c| c.name == name)
    }

    pub fn into_only_child(mut self) -> Option<Element<'a>> {
        self.children.pop().filter(|_| self.children.is_empty())
    }

    /// The attribute `value` of the child of that name.
    pub fn value(&self, name: &str) -> Option<String> {
        self.child(name)?.attributes().remove("value")
    }

    /// Without what the server sets: `meta.versionId` and `meta.lastUpdated`.
    pub fn unversioned(mut self) -> Element<'a> {
        if let Some(meta) = self.children.iter_mut().find(|c| c.name == "meta") {
            meta.children
                .retain(|c| !matches!(c.name, "versionId" | "lastUpdated" | "security"));
        }
        let is_empty_meta = |c: &Element| c.name == "meta" && c.children.is_empty();
        self.children.retain(|c| !is_empty_meta(c));
        self
    }

    fn attributes(&self) -> BTreeMap<&'a str, String> {
        let mut found = BTreeMap::new();
        let mut rest = self.attributes.trim();
        while let Some((name, quoted)) = rest.split_once('=') {
            let quote = quoted.chars().next().unwrap();
            let (value, after) = quoted[1..].split_once(quote).unwrap();
            found.insert(name, unescaped(value));
            rest = after.trim_start();
        }
        assert_eq!(rest, "", "no attribute");
        found.remove("xmlns");
        found
    }
}

/// A start or end tag: where its `<` stands, and what is between that and its `>`.
struct Tag<'a> {
    start: usize,
    inside: &'a str,
    follows_text: bool,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Up to `end`, which is passed over.
    fn take(&mut self, end: &str) -> &'a str {
        let rest = self.rest();
        let length = rest.find(end).unwrap_or_else(|| panic!("no {end}"));
        self.at += length + end.len();
        &rest[..length]
    }

    /// The next tag; comments and the declaration are passed over.
    fn tag(&mut self) -> Tag<'a> {
        let mut follows_text = false;
        loop {
            follows_text |= !self.take("<").trim().is_empty();
            let (start, rest) = (self.at - 1, self.rest());
            if rest.starts_with("!--") {
                self.take("-->");
            } else if rest.starts_with('?') {
                self.take("?>");
            } else {
                let inside = &rest[..end_of_tag(rest)];
                self.at += inside.len() + 1;
                return Tag {
                    start,
                    inside,
                    follows_text,
                };
            }
        }
    }

    /// The element that `tag` starts, to its end.
    fn element(&mut self, tag: Tag<'a>) -> Element<'a> {
        let inside = tag.inside.strip_suffix('/');
        let (is_open, inside) = (inside.is_none(), inside.unwrap_or(tag.inside));
        let (name, attributes) = inside
            .split_once(|c: char| c.is_ascii_whitespace())
            .unwrap_or((inside, ""));
        let (mut children, mut has_text) = (Vec::new(), false);
        if is_open {
            loop {
                let next = self.tag();
                has_text |= next.follows_text;
                if let Some(end) = next.inside.strip_prefix('/') {
                    assert_eq!(end.trim_end(), name, "another end");
                    break;
                }
                children.push(self.element(next));
            }
        }
        Element {
            name,
            attributes,
            children,
            has_text,
            source: &self.text[tag.start..self.at],
        }
    }
}

/// Where the first `>` stands that is in no quotes.
fn end_of_tag(text: &str) -> usize {
    let mut quote = None;
    let is_end = |byte: &u8| {
        match (quote, *byte) {
            (None, b'>') => return true,
            (None, b'"' | b'\'') => quote = Some(*byte),
            (Some(open), byte) if byte == open => quote = None,
            _ => {}
        }
        false
    };
    text.as_bytes()
        .iter()
        .position(is_end)
        .expect("a whole tag")
}

fn unescaped(text: &str) -> String {
    let mut parts = text.split('&');
    let mut plain = parts.next().unwrap().to_owned();
    for part in parts {
        let (entity, after) = part.split_once(';').expect("a whole entity");
        plain.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            number => character(number.strip_prefix('#').expect("an entity of XML")),
        });
        plain.push_str(after);
    }
    plain
}

fn character(number: &str) -> char {
    let code = match number.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => number.parse(),
    };
    char::from_u32(code.unwrap()).unwrap()
}

/// The first place where the resource in XML says something else than in JSON, or nothing.
pub fn difference(json: &Json, xml: &Element<'_>) -> Option<String> {
    if json.text("resourceType") != xml.name {
        return Some(format!(" is a {} in XML", xml.name));
    }
    let inside = json.clone().without("resourceType");
    members(&inside, xml, xml.attributes(), true)
}

/// Members beside elements and attributes: none is left over on either side.
fn members(
    json: &Json,
    xml: &Element<'_>,
    mut attributes: BTreeMap<&str, String>,
    is_resource: bool,
) -> Option<String> {
    let Json::Object(members) = json else {
        return Some(": no object".to_owned());
    };
    let mut elements: BTreeMap<&str, Vec<&Element>> = BTreeMap::new();
    for child in &xml.children {
        elements.entry(child.name).or_default().push(child);
    }
    let names = members.keys().map(|name| name.trim_start_matches('_'));
    let names: std::collections::BTreeSet<&str> = names.collect();
    for name in names {
        let (value, more) = (members.get(name), members.get(&format!("_{name}")));
        if !is_resource && is_attribute(name, xml) {
            let written = attributes.remove(name).map(Json::Text);
            if written.as_ref() != value || more.is_some() {
                return Some(format!(".{name}: {value:?} / {written:?}"));
            }
            continue;
        }
        let (items, found) = (items(value, more), elements.remove(name));
        let found = found.unwrap_or_default();
        if items.len() != found.len() {
            return Some(format!(".{name}: {} / {}", items.len(), found.len()));
        }
        for (n, ((value, more), element)) in items.into_iter().zip(found).enumerate() {
            if let Some(difference) = item(value, more, element) {
                return Some(format!(".{name}[{n}]{difference}"));
            }
        }
    }
    let left_over: Vec<&str> = elements.into_keys().chain(attributes.into_keys()).collect();
    let is_whole = left_over.is_empty() && !xml.has_text;
    (!is_whole).then(|| format!(": only in XML: {left_over:?}, text: {}", xml.has_text))
}

fn is_attribute(name: &str, xml: &Element<'_>) -> bool {
    name == "id" || name == "url" && matches!(xml.name, "extension" | "modifierExtension")
}

/// An item of a member, and what the member's `_` has to say of it.
type Item<'a> = (Option<&'a Json>, Option<&'a Json>);

fn items<'a>(value: Option<&'a Json>, more: Option<&'a Json>) -> Vec<Item<'a>> {
    let list = |json: Option<&'a Json>| match json {
        None => Vec::new(),
        Some(Json::Array(items)) => items.iter().map(present).collect(),
        Some(one) => vec![Some(one)],
    };
    let (values, more) = (list(value), list(more));
    let item = |n: usize| {
        (
            values.get(n).copied().flatten(),
            more.get(n).copied().flatten(),
        )
    };
    (0..values.len().max(more.len())).map(item).collect()
}

fn present(json: &Json) -> Option<&Json> {
    (*json != Json::Literal("null".to_owned())).then_some(json)
}

fn item(value: Option<&Json>, more: Option<&Json>, xml: &Element<'_>) -> Option<String> {
    let holds_resource = matches!(xml.name, "contained" | "resource" | "outcome");
    match value {
        Some(Json::Object(object)) if holds_resource && object.contains_key("resourceType") => {
            let is_bare = xml.attributes().is_empty() && !xml.has_text;
            match &xml.children[..] {
                [child] if is_bare => difference(value?, child),
                _ => Some(": not one resource in XML".to_owned()),
            }
        }
        Some(object @ Json::Object(_)) => members(object, xml, xml.attributes(), false),
        Some(Json::Text(div)) if xml.name == "div" => {
            let written = xml.source.replace("&#13;", "\r");
            (div.trim() != written).then(|| format!(": {div:?} / {written:?}"))
        }
        primitive => {
            let mut attributes = xml.attributes();
            let written = attributes.remove("value");
            let text = primitive.map(|p| match p {
                Json::Text(text) | Json::Literal(text) => text.as_str(),
                _ => "an array in an array",
            });
            if text != written.as_deref() {
                return Some(format!(": {text:?} / {written:?}"));
            }
            let nothing = Json::Object(BTreeMap::new());
            members(more.unwrap_or(&nothing), xml, attributes, false)
        }
    }
}

#[test]
fn xml_is_compared_to_its_last_attribute() {
    let json = r#"{"resourceType":"Patient","id":"a","text":{"status":"generated","div":"<div xmlns=\"x\"><p>1 &gt; 0</p><br/></div>"},
        "contained":[{"resourceType":"Basic","id":"b"}],"active":true,"_active":{"id":"x"},"birthDate":"1970-01",
        "name":[{"given":["A & \"B\"",null],"_given":[null,{"extension":[{"url":"u","valueDecimal":1.10}]}]}]}"#;
    let xml = "<?xml version='1.0'?><Patient xmlns=\"http://hl7.org/fhir\"><id value=\"a\"/><text><status value=\"generated\"/>\
        <div xmlns=\"x\"><p>1 &gt; 0</p><br/></div></text><contained><Basic><id value=\"b\"/></Basic></contained>\
        <name><given value=\"A &amp; &quot;B&#x22;\"/><given><extension url=\"u\"><valueDecimal value=\"1.10\"/></extension></given></name>\
        <birthDate value=\"1970-01\"/><active id=\"x\" value=\"true\"/></Patient>";
    let judge = |xml: &str| difference(&Json::parse(json), &Element::read(xml));
    assert_eq!(judge(xml), None);
    for (from, to, place) in [
        (
            "1.10",
            "1.1",
            ".name[0].given[1].extension[0].valueDecimal[0]: ",
        ),
        ("<active id=\"x\"", "<active", ".active[0].id: "),
        ("<birthDate value=\"1970-01\"/>", "", ".birthDate: 1 / 0"),
        ("</name>", "</name><name/>", ".name: 1 / 2"),
        (
            "<birthDate ",
            "<gender value=\"male\"/><birthDate ",
            ": only in XML: [\"gender\"]",
        ),
        (
            "<birthDate ",
            "<birthDate id=\"1\" ",
            ".birthDate[0]: only in XML: [\"id\"]",
        ),
        ("<br/>", "", ".text[0].div[0]: "),
        ("<Basic>", "<Person>", ".contained[0] is a Person in XML"),
        ("</name>", "</name>text", ": only in XML: [], text: true"),
        (
            "url=\"u\"",
            "url=\"v\"",
            ".name[0].given[1].extension[0].url: ",
        ),
    ] {
        let changed = xml.replace(from, to).replace(
            "</Basic>",
            if to == "<Person>" {
                "</Person>"
            } else {
                "</Basic>"
            },
        );
        let found = judge(&changed).unwrap_or_default();
        assert!(found.starts_with(place), "{from} to {to}: {found}");
    }
}
