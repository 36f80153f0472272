//! A small XML tree that can be changed: one arena, no recursion. <https://www.w3.org/TR/xml-names/>

use ward_fhir::xml::markup::{Event, Scanner, utf8};
use ward_fhir::xml::{FHIR_NAMESPACE, XHTML_NAMESPACE, escape_attribute, escape_text};
use ward_fhir::{Failure, Kind};

use super::super::{DEPTH_MAX, NODES_MAX};

pub(super) type Id = usize;

pub(super) struct Dom {
    nodes: Vec<Slot>,
    root: Id,
}

struct Slot {
    item: Item,
    parent: Option<Id>,
    children: Vec<Id>,
}

pub(super) enum Item {
    Element(Element),
    Text(String),
    Comment(String),
}

pub(super) struct Element {
    pub namespace: String,
    pub local: String,
    pub attributes: Vec<Attribute>,
    /// Prefix (empty for the default) and URI declared here.
    declarations: Vec<(String, String)>,
}

#[derive(Clone)]
pub(super) struct Attribute {
    /// Empty or `xml`; others are kept as written.
    pub prefix: String,
    pub local: String,
    pub value: String,
}

impl Dom {
    pub fn read(bytes: &[u8]) -> Result<Dom, Failure> {
        let text = utf8(bytes)?;
        let mut scanner = Scanner::new(&text, DEPTH_MAX);
        let mut dom = Dom {
            nodes: Vec::new(),
            root: 0,
        };
        let mut open: Vec<Id> = Vec::new();
        loop {
            let event = scanner.next()?;
            if dom.nodes.len() >= NODES_MAX {
                return Err(Failure::new(Kind::TooCostly, "the XML has too many nodes"));
            }
            match event {
                Event::Start(tag) => {
                    let element = Element {
                        namespace: tag.namespace.into_owned(),
                        local: tag.local.to_owned(),
                        attributes: tag.attributes.into_iter().map(Attribute::from).collect(),
                        declarations: tag
                            .declarations
                            .into_iter()
                            .map(|(p, u)| (p.to_owned(), u.into_owned()))
                            .collect(),
                    };
                    let id = dom.push(Item::Element(element), open.last().copied());
                    open.push(id);
                }
                Event::End(_) => drop(open.pop()),
                Event::Text(text) | Event::CData(text) => dom.push_text(text, &open),
                Event::Reference(c) => dom.push_text(c.encode_utf8(&mut [0; 4]), &open),
                // Comments outside of the root element say nothing about the resource.
                Event::Comment(text) if !open.is_empty() => {
                    dom.push(Item::Comment(text.to_owned()), open.last().copied());
                }
                Event::Comment(_) => {}
                Event::Eof => return Ok(dom),
            }
        }
    }

    /// The document again. Prefixes of elements are not kept: a default namespace is declared wherever it changes.
    pub fn write(&self) -> Vec<u8> {
        enum Step {
            Open(Id, String),
            Close(Id),
        }
        let mut out = Vec::new();
        let mut steps = vec![Step::Open(self.root, String::new())];
        while let Some(step) = steps.pop() {
            match step {
                Step::Close(id) => {
                    out.extend_from_slice(format!("</{}>", self.local(id)).as_bytes())
                }
                Step::Open(id, outer) => match &self.nodes[id].item {
                    Item::Text(text) => escape_text(text, &mut out),
                    Item::Comment(text) => {
                        out.extend_from_slice(format!("<!--{text}-->").as_bytes())
                    }
                    Item::Element(element) => {
                        let children = &self.nodes[id].children;
                        write_tag(element, &outer, children.is_empty(), &mut out);
                        if !children.is_empty() {
                            steps.push(Step::Close(id));
                            steps.extend(
                                children
                                    .iter()
                                    .rev()
                                    .map(|c| Step::Open(*c, element.namespace.clone())),
                            );
                        }
                    }
                },
            }
        }
        out
    }

    /// Number of nodes ever made: what a sequence of operations may cost.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }
    pub fn root(&self) -> Id {
        self.root
    }
    pub fn item(&self, id: Id) -> &Item {
        &self.nodes[id].item
    }
    pub fn element(&self, id: Id) -> Option<&Element> {
        if let Item::Element(e) = &self.nodes[id].item {
            Some(e)
        } else {
            None
        }
    }
    pub fn is_element(&self, id: Id) -> bool {
        self.element(id).is_some()
    }
    pub fn is_text(&self, id: Id) -> bool {
        matches!(self.nodes[id].item, Item::Text(_))
    }
    pub fn is_blank(&self, id: Id) -> bool {
        matches!(&self.nodes[id].item, Item::Text(t) if t.bytes().all(|b| b.is_ascii_whitespace()))
    }
    /// Empty for what is not an element.
    pub fn local(&self, id: Id) -> &str {
        self.element(id).map_or("", |e| &e.local)
    }
    pub fn parent(&self, id: Id) -> Option<Id> {
        self.nodes[id].parent
    }
    pub fn children(&self, id: Id) -> &[Id] {
        &self.nodes[id].children
    }
    pub fn elements(&self, id: Id) -> impl Iterator<Item = Id> {
        self.nodes[id]
            .children
            .iter()
            .copied()
            .filter(|c| self.is_element(*c))
    }
    /// Place among its siblings.
    pub fn position(&self, id: Id) -> Option<usize> {
        self.parent(id)
            .and_then(|p| self.nodes[p].children.iter().position(|c| *c == id))
    }
    /// Value of an attribute without prefix.
    pub fn attribute(&self, id: Id, local: &str) -> Option<&str> {
        let at = self.attribute_index(id, "", local)?;
        self.element(id).map(|e| e.attributes[at].value.as_str())
    }
    pub fn attribute_index(&self, id: Id, prefix: &str, local: &str) -> Option<usize> {
        self.element(id)?
            .attributes
            .iter()
            .position(|a| a.prefix == prefix && a.local == local)
    }
    /// The namespace that a prefix stands for at an element; FHIR's usual prefixes need no declaration.
    pub fn namespace_of(&self, id: Id, prefix: &str) -> Option<&str> {
        let mut at = Some(id);
        while let Some(id) = at {
            let declared = self
                .element(id)
                .and_then(|e| e.declarations.iter().find(|(p, _)| p == prefix));
            if let Some((_, uri)) = declared {
                return Some(uri);
            }
            at = self.parent(id);
        }
        match prefix {
            "" => Some(""),
            "f" => Some(FHIR_NAMESPACE),
            "h" => Some(XHTML_NAMESPACE),
            _ => None,
        }
    }
    pub fn declares(&self, id: Id, prefix: &str) -> bool {
        self.element(id)
            .is_some_and(|e| e.declarations.iter().any(|(p, _)| p == prefix))
    }
    /// Text of an element and all within it.
    pub fn string_value(&self, id: Id) -> String {
        let (mut out, mut stack) = (String::new(), vec![id]);
        while let Some(id) = stack.pop() {
            if let Item::Text(text) = &self.nodes[id].item {
                out.push_str(text);
            }
            stack.extend(self.nodes[id].children.iter().rev());
        }
        out
    }

    pub fn add_attribute(&mut self, id: Id, attribute: Attribute) {
        self.change(id, |e| e.attributes.push(attribute));
    }
    pub fn set_attribute(&mut self, id: Id, at: usize, value: String) {
        self.change(id, |e| e.attributes[at].value = value);
    }
    pub fn remove_attribute(&mut self, id: Id, at: usize) {
        self.change(id, |e| drop(e.attributes.remove(at)));
    }
    pub fn declare(&mut self, id: Id, prefix: &str, uri: &str) {
        self.undeclare(id, prefix);
        self.change(id, |e| {
            e.declarations.push((prefix.to_owned(), uri.to_owned()))
        });
    }
    pub fn undeclare(&mut self, id: Id, prefix: &str) {
        self.change(id, |e| e.declarations.retain(|(p, _)| p != prefix));
    }
    pub fn set_text(&mut self, id: Id, new: String) {
        if let Item::Text(text) = &mut self.nodes[id].item {
            *text = new;
        }
    }
    /// Takes a node out of its parent.
    pub fn detach(&mut self, id: Id) {
        if let Some(parent) = self.nodes[id].parent.take() {
            self.nodes[parent].children.retain(|c| *c != id);
        }
    }
    /// Copies a subtree of another document to a place among the children of `parent`. `None`: too many nodes, or too deep.
    pub fn graft(&mut self, from: &Dom, node: Id, parent: Id, at: usize) -> Option<Id> {
        let new = self.copy(from, node, self.depth(parent))?;
        self.nodes[new].parent = Some(parent);
        let children = &mut self.nodes[parent].children;
        children.insert(at.min(children.len()), new);
        Some(new)
    }
    /// Puts a copy in place of the root element.
    pub fn graft_root(&mut self, from: &Dom, node: Id) -> Option<Id> {
        self.root = self.copy(from, node, 0)?;
        Some(self.root)
    }
    /// Makes one of texts that have come to stand side by side.
    pub fn join_texts(&mut self, parent: Id) {
        let mut kept: Vec<Id> = Vec::new();
        for child in std::mem::take(&mut self.nodes[parent].children) {
            match kept
                .last()
                .copied()
                .filter(|last| self.is_text(*last) && self.is_text(child))
            {
                Some(last) => {
                    let joined = format!("{}{}", self.string_value(last), self.string_value(child));
                    self.set_text(last, joined);
                }
                None => kept.push(child),
            }
        }
        self.nodes[parent].children = kept;
    }

    fn copy(&mut self, from: &Dom, node: Id, depth: usize) -> Option<Id> {
        let mut top = None;
        let mut stack = vec![(node, None, depth)];
        while let Some((source, parent, depth)) = stack.pop() {
            if depth >= DEPTH_MAX || self.nodes.len() >= NODES_MAX {
                return None;
            }
            let item = match &from.nodes[source].item {
                Item::Text(text) => Item::Text(text.clone()),
                Item::Comment(text) => Item::Comment(text.clone()),
                Item::Element(e) => Item::Element(Element {
                    namespace: e.namespace.clone(),
                    local: e.local.clone(),
                    attributes: e.attributes.clone(),
                    declarations: e.declarations.clone(),
                }),
            };
            let id = self.push(item, parent);
            top = top.or(Some(id));
            stack.extend(
                from.nodes[source]
                    .children
                    .iter()
                    .rev()
                    .map(|c| (*c, Some(id), depth + 1)),
            );
        }
        top
    }

    fn depth(&self, id: Id) -> usize {
        1 + std::iter::successors(self.parent(id), |p| self.parent(*p)).count()
    }

    fn push(&mut self, item: Item, parent: Option<Id>) -> Id {
        let id = self.nodes.len();
        self.nodes.push(Slot {
            item,
            parent,
            children: Vec::new(),
        });
        if let Some(parent) = parent {
            self.nodes[parent].children.push(id);
        }
        id
    }

    fn push_text(&mut self, text: &str, open: &[Id]) {
        let Some(parent) = open.last().copied() else {
            return;
        };
        if let Some(last) = self.nodes[parent].children.last().copied()
            && let Item::Text(before) = &mut self.nodes[last].item
        {
            before.push_str(text);
            return;
        }
        self.push(Item::Text(text.to_owned()), Some(parent));
    }

    fn change(&mut self, id: Id, f: impl FnOnce(&mut Element)) {
        if let Item::Element(element) = &mut self.nodes[id].item {
            f(element);
        }
    }
}

impl From<ward_fhir::xml::markup::Attribute<'_>> for Attribute {
    fn from(a: ward_fhir::xml::markup::Attribute<'_>) -> Self {
        Self {
            prefix: a.prefix.to_owned(),
            local: a.local.to_owned(),
            value: a.value.into_owned(),
        }
    }
}

/// A name without a colon, as far as names may come from a patch.
pub(super) fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        && text != "xmlns"
}

fn write_tag(element: &Element, outer: &str, empty: bool, out: &mut Vec<u8>) {
    let attribute = |name: &str, value: &str, out: &mut Vec<u8>| {
        out.extend_from_slice(format!(" {name}=\"").as_bytes());
        escape_attribute(value, out);
        out.push(b'"');
    };
    out.push(b'<');
    out.extend_from_slice(element.local.as_bytes());
    if element.namespace != outer {
        attribute("xmlns", &element.namespace, out);
    }
    for (prefix, uri) in element.declarations.iter().filter(|(p, _)| !p.is_empty()) {
        attribute(&format!("xmlns:{prefix}"), uri, out);
    }
    for a in &element.attributes {
        let name = if a.prefix.is_empty() {
            a.local.clone()
        } else {
            format!("{}:{}", a.prefix, a.local)
        };
        attribute(&name, &a.value, out);
    }
    out.extend_from_slice(if empty { b"/>" } else { b">" });
}
