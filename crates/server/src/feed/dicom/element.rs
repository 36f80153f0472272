//! XML as elements with their attributes and texts, bounded.

use ward_fhir::xml::markup::{Event, Scanner};

const DEPTH_MAX: usize = 16;

/// Namespaces and comments are passed over.
#[derive(Debug, Default)]
pub struct Element {
    pub name: String,
    attributes: Vec<(String, String)>,
    /// What stands in it, without what stands in its children; no space around it.
    pub text: String,
    pub children: Vec<Element>,
}

/// The root. Errors: it is no XML, or of a kind that is not taken.
pub fn read(xml: &str) -> Result<Element, &'static str> {
    let mut scanner = Scanner::new(xml, DEPTH_MAX);
    let mut open: Vec<Element> = vec![Element::default()];
    loop {
        let event = scanner
            .next()
            .map_err(|_| "it is not well-formed XML, or not plain")?;
        let Some(current) = open.last_mut() else {
            return Err("it has no root");
        };
        match event {
            Event::Start(tag) => {
                let attributes = tag.attributes.iter();
                open.push(Element {
                    name: tag.local.to_owned(),
                    attributes: attributes
                        .map(|a| (a.local.to_owned(), a.value.to_string()))
                        .collect(),
                    ..Element::default()
                });
            }
            Event::Text(text) | Event::CData(text) => current.text.push_str(text),
            Event::Reference(character) => current.text.push(character),
            Event::Comment(_) => {}
            Event::End(_) => {
                current.text = current.text.trim().to_owned();
                let (ended, outer) = (open.pop(), open.last_mut());
                if let (Some(ended), Some(outer)) = (ended, outer) {
                    outer.children.push(ended);
                }
            }
            Event::Eof => return current.children.pop().ok_or("it has no root"),
        }
    }
}

impl Element {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(own, _)| own == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.trim().is_empty())
    }

    /// `csd-code`, or `code` as it was called in RFC 3881.
    pub fn code(&self) -> Option<&str> {
        self.attribute("csd-code")
            .or_else(|| self.attribute("code"))
    }

    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    pub fn children<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }
}
