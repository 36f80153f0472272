//! FHIR XML into the document tree. <https://hl7.org/fhir/R4/xml.html>
//!
//! One loop with an explicit stack: nesting costs no call stack. Not well-formed text ends reading at once; faults of
//! structure are collected.

use std::borrow::Cow;
use std::fmt::Write;

use super::markup::{Attribute, Event, Scanner, Tag, utf8};
use super::xhtml::{self, Captured, XHTML_DEPTH_MAX};
use super::{FHIR_NAMESPACE, XHTML_NAMESPACE};
use crate::issue::{Failure, Issue, Kind, Result};
use crate::primitive;
use crate::schema::{ElementDef, Member, MemberId, Primitive, Schema, TypeId, TypeKind, r4};
use crate::tree::{Builder, Document, Limits, NodeIndex};

/// Reads one resource. `expected` refuses any other resource type. Elements must come in the order of the definitions, as
/// the paragraph demands.
///
/// # Errors
/// What is wrong and where; structural errors are collected up to `limits.issues_max`.
pub fn read(bytes: &[u8], expected: Option<TypeId>, limits: &Limits) -> Result<Document> {
    let source = utf8(bytes)?;
    if u32::try_from(source.len()).is_err() {
        return Err(Failure::new(
            Kind::TooLarge,
            "the document is longer than 4 GiB",
        ));
    }
    // Looser than our own bound, which can say where: a wrapper is a level of XML but not of FHIR, and narrative has its own.
    let scanner = Scanner::new(&source, limits.depth_max.saturating_add(XHTML_DEPTH_MAX));
    let reader = Reader {
        schema: r4(),
        scanner,
        builder: Builder::new(source.to_string()),
        frames: Vec::new(),
        issues: Vec::new(),
        limits,
    };
    reader.document(expected)
}

struct Reader<'a, 'l> {
    schema: &'static Schema,
    scanner: Scanner<'a>,
    builder: Builder,
    frames: Vec<Frame>,
    issues: Vec<Issue>,
    limits: &'l Limits,
}

/// An open element.
struct Frame {
    /// Type of the element; of a wrapper the type that its member allows.
    ty: TypeId,
    /// `contained`, `entry.resource`: no node of its own, the resource inside is the node.
    wraps: Option<MemberId>,
    is_primitive: bool,
    /// Its step in the expression; none at the root and for a wrapped resource.
    step: Option<(&'static str, Option<usize>)>,
    /// The child read last, and how many of it so far.
    last: Option<(MemberId, u16, usize)>,
    /// Has a value or a child (an `id` alone does not count).
    filled: bool,
    /// An issue within it is reported already.
    reported: bool,
}

impl<'a> Reader<'a, '_> {
    fn document(mut self, expected: Option<TypeId>) -> Result<Document> {
        loop {
            let event = self.scanner.next().map_err(|f| self.located(f))?;
            match event {
                Event::Start(tag) if self.frames.is_empty() => self.root(&tag, expected)?,
                Event::Start(tag) => self.start(&tag)?,
                Event::End(_) => self.end()?,
                Event::Text(text) if text.bytes().all(|b| b.is_ascii_whitespace()) => {}
                Event::Text(_) | Event::Reference(_) | Event::CData(_) => self.stray_text()?,
                Event::Comment(_) => {}
                Event::Eof => break,
            }
        }
        if self.issues.is_empty() {
            Ok(self.builder.finish())
        } else {
            Err(Failure::from_issues(self.issues))
        }
    }

    fn root(&mut self, tag: &Tag<'a>, expected: Option<TypeId>) -> Result<()> {
        if tag.namespace != FHIR_NAMESPACE {
            return Err(self.refuse(format!(
                "the root element must be in the namespace {FHIR_NAMESPACE}"
            )));
        }
        let Some(ty) = self.schema.resource_type(tag.local) else {
            return Err(self.refuse("the root element is not a resource type of R4"));
        };
        if let Some(expected) = expected.filter(|e| *e != ty) {
            let name = self.schema.ty(expected).name;
            let text = format!("expected a resource of type {name}, found {}", tag.local);
            return Err(Failure::new(Kind::Invalid, text).at(tag.local));
        }
        self.open(None, ty)?;
        self.frames.push(Frame::new(ty, None));
        self.resource_attributes(tag)
    }

    /// A child of the innermost open element.
    fn start(&mut self, tag: &Tag<'a>) -> Result<()> {
        let Some(frame) = self.frames.last() else {
            return Ok(());
        };
        if let Some(member) = frame.wraps {
            return self.wrapped(tag, member);
        }
        let parent = frame.ty;
        let Some(member) = self
            .schema
            .find_member(parent, tag.local)
            .filter(|m| self.is_child(parent, m))
        else {
            return self.skip(tag, "unknown element");
        };
        let kind = self.schema.ty(member.ty).kind;
        let is_xhtml = kind == TypeKind::Primitive(Primitive::Xhtml);
        if tag.namespace
            != if is_xhtml {
                XHTML_NAMESPACE
            } else {
                FHIR_NAMESPACE
            }
        {
            return self.skip(tag, "the element is in the wrong namespace");
        }
        let element = self.schema.element(member.element);
        let index = match self.place(member, element) {
            Ok(index) => index,
            Err(what) => return self.skip(tag, what),
        };
        let step = Some((
            element.name,
            element.max.is_none_or(|m| m > 1).then_some(index),
        ));
        match kind {
            _ if is_xhtml => self.xhtml(tag, member),
            TypeKind::Resource => {
                self.frames.push(Frame {
                    wraps: Some(member.id),
                    ..Frame::new(member.ty, step)
                });
                self.resource_attributes(tag)
            }
            _ => {
                let node = self.open(Some(member.id), member.ty)?;
                let primitive = if let TypeKind::Primitive(p) = kind {
                    Some(p)
                } else {
                    None
                };
                self.frames.push(Frame {
                    is_primitive: primitive.is_some(),
                    ..Frame::new(member.ty, step)
                });
                self.element_attributes(tag, node, primitive)
            }
        }
    }

    /// Attributes of the definitions are not elements; a primitive has extensions as its only child elements.
    fn is_child(&self, parent: TypeId, member: &Member) -> bool {
        let primitive = matches!(self.schema.ty(parent).kind, TypeKind::Primitive(_));
        !self.schema.element(member.element).is_xml_attribute
            && (!primitive || member.json_name == "extension")
    }

    /// Position of a new child among its equals, or why it may not stand here.
    fn place(
        &mut self,
        member: &Member,
        element: &ElementDef,
    ) -> std::result::Result<usize, &'static str> {
        let Some(frame) = self.frames.last_mut() else {
            return Ok(0);
        };
        frame.filled = true;
        let index = match frame.last {
            Some((last, _, count)) if last == member.id => {
                if !member.is_array {
                    return Err("the element may occur only once");
                }
                count
            }
            Some((_, order, _)) if order == element.order => {
                return Err("only one choice of the element may be present");
            }
            Some((_, order, _)) if order > element.order => {
                return Err("the element is out of order: XML follows the order of the definition");
            }
            _ => 0,
        };
        frame.last = Some((member.id, element.order, index + 1));
        Ok(index)
    }

    /// The resource inside `contained`, `resource` or `outcome`.
    fn wrapped(&mut self, tag: &Tag<'a>, member: MemberId) -> Result<()> {
        let Some(frame) = self.frames.last_mut() else {
            return Ok(());
        };
        let allowed = frame.ty;
        if std::mem::replace(&mut frame.filled, true) {
            return self.skip(tag, "there may be only one resource here");
        }
        if tag.namespace != FHIR_NAMESPACE {
            return self.skip(tag, "the element is in the wrong namespace");
        }
        let Some(ty) = self
            .schema
            .resource_type(tag.local)
            .filter(|t| self.schema.is_a(*t, allowed))
        else {
            return self.skip(tag, "not a resource type that is allowed here");
        };
        self.open(Some(member), ty)?;
        self.frames.push(Frame::new(ty, None));
        self.resource_attributes(tag)
    }

    fn xhtml(&mut self, tag: &Tag<'a>, member: &Member) -> Result<()> {
        let captured =
            xhtml::capture(&mut self.scanner, tag).map_err(|f| f.at(self.child(tag.local)))?;
        let node = self.open(Some(member.id), member.ty)?;
        match captured {
            Captured::Span(span) => self.builder.value_span(node, span.start, span.len()),
            Captured::Text(text) => self.builder.value(node, &text),
        }
        self.builder.close();
        Ok(())
    }

    /// Resources have none; `xsi:schemaLocation`, which many tools write, says nothing and is passed over.
    fn resource_attributes(&mut self, tag: &Tag<'a>) -> Result<()> {
        for a in tag
            .attributes
            .iter()
            .filter(|a| a.namespace != XSI_NAMESPACE)
        {
            self.complain(Kind::Structure, "unknown attribute", self.child(a.local))?;
        }
        Ok(())
    }

    fn element_attributes(
        &mut self,
        tag: &Tag<'a>,
        node: NodeIndex,
        primitive: Option<Primitive>,
    ) -> Result<()> {
        for a in &tag.attributes {
            match (a.prefix, a.local, primitive) {
                ("", "value", Some(p)) => {
                    let expression = self.expression();
                    if self.value(node, p, a, expression)?
                        && let Some(frame) = self.frames.last_mut()
                    {
                        frame.filled = true;
                    }
                }
                ("", name, _) => self.attribute(name, a)?,
                _ => self.complain(Kind::Structure, "unknown attribute", self.child(a.local))?,
            }
        }
        Ok(())
    }

    /// `id` and `url`, which are elements of the definitions.
    fn attribute(&mut self, name: &str, attribute: &Attribute<'a>) -> Result<()> {
        let Some(parent) = self.frames.last().map(|f| f.ty) else {
            return Ok(());
        };
        let known = self
            .schema
            .find_member(parent, name)
            .filter(|m| self.schema.element(m.element).is_xml_attribute);
        let (Some(member), Some(TypeKind::Primitive(p))) =
            (known, known.map(|m| self.schema.ty(m.ty).kind))
        else {
            return self.complain(Kind::Structure, "unknown attribute", self.child(name));
        };
        let node = self.open(Some(member.id), member.ty)?;
        self.value(node, p, attribute, self.child(name))?;
        self.builder.close();
        if name != "id"
            && let Some(frame) = self.frames.last_mut()
        {
            frame.filled = true;
        }
        Ok(())
    }

    /// Checks and stores a primitive value; false when it was refused.
    fn value(
        &mut self,
        node: NodeIndex,
        p: Primitive,
        attribute: &Attribute<'a>,
        expression: String,
    ) -> Result<bool> {
        let text: &str = &attribute.value;
        let wrong = if text.is_empty() {
            Some("a value must not be empty")
        } else {
            primitive::check(p, text)
        };
        if let Some(what) = wrong {
            self.report();
            self.complain(Kind::Structure, what, expression)?;
            return Ok(false);
        }
        match attribute.value {
            Cow::Borrowed(_) => {
                self.builder
                    .value_span(node, attribute.span.start, attribute.span.len())
            }
            Cow::Owned(_) => self.builder.value(node, text),
        }
        Ok(true)
    }

    fn end(&mut self) -> Result<()> {
        let Some(frame) = self.frames.last() else {
            return Ok(());
        };
        let is_resource =
            matches!(self.schema.ty(frame.ty).kind, TypeKind::Resource) && frame.wraps.is_none();
        if !frame.filled && !frame.reported && !is_resource {
            let what = match (frame.is_primitive, frame.wraps) {
                (true, _) => "the element has neither a value nor an extension",
                (_, Some(_)) => "a resource is missing",
                _ => "the element must not be empty",
            };
            self.complain(Kind::Structure, what, self.expression())?;
        }
        if self.frames.pop().is_some_and(|f| f.wraps.is_none()) {
            self.builder.close();
        }
        Ok(())
    }

    fn stray_text(&mut self) -> Result<()> {
        if self.frames.last().is_some_and(|f| f.reported) {
            return Ok(());
        }
        self.report();
        self.complain(
            Kind::Structure,
            "text is not allowed outside of narrative; values go into attributes",
            self.expression(),
        )
    }

    /// Reports an element that cannot be taken and passes over it.
    fn skip(&mut self, tag: &Tag<'a>, what: &str) -> Result<()> {
        self.report();
        self.complain(Kind::Structure, what, self.child(tag.local))?;
        self.scanner.skip()
    }

    fn open(&mut self, member: Option<MemberId>, ty: TypeId) -> Result<NodeIndex> {
        // As in JSON, a value is not a level of its own; whatever can hold something is.
        let is_leaf = matches!(self.schema.ty(ty).kind, TypeKind::Primitive(_));
        if !is_leaf && self.builder.depth() >= self.limits.depth_max {
            let text = format!("elements may be nested {} deep", self.limits.depth_max);
            return Err(Failure::new(Kind::TooCostly, text).at(self.expression()));
        }
        if self.builder.len() >= self.limits.nodes_max {
            let text = format!(
                "the document has more than {} elements",
                self.limits.nodes_max
            );
            return Err(Failure::new(Kind::TooLarge, text).at(self.expression()));
        }
        Ok(self.builder.open(member, ty))
    }

    /// Marks the open element as having an issue, so that it is not called empty too.
    fn report(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.reported = true;
        }
    }

    fn complain(&mut self, kind: Kind, what: &str, expression: String) -> Result<()> {
        self.issues.push(Issue::error(kind, what).at(expression));
        if self.issues.len() >= self.limits.issues_max.max(1) {
            return Err(Failure::from_issues(std::mem::take(&mut self.issues)));
        }
        Ok(())
    }

    /// Adds the place, as far as it is known.
    fn located(&self, failure: Failure) -> Failure {
        if self.frames.is_empty() {
            failure
        } else {
            failure.at(self.expression())
        }
    }

    fn refuse(&self, what: impl Into<String>) -> Failure {
        Failure::new(Kind::Structure, what)
    }

    /// FHIRPath of the innermost open element.
    fn expression(&self) -> String {
        let mut text = self
            .frames
            .first()
            .map_or_else(String::new, |f| self.schema.ty(f.ty).name.to_owned());
        for (name, index) in self.frames.iter().filter_map(|f| f.step) {
            text.push('.');
            text.push_str(name);
            if let Some(index) = index {
                let _ = write!(text, "[{index}]");
            }
        }
        text
    }

    fn child(&self, name: &str) -> String {
        format!("{}.{name}", self.expression())
    }
}

impl Frame {
    fn new(ty: TypeId, step: Option<(&'static str, Option<usize>)>) -> Self {
        Self {
            ty,
            wraps: None,
            is_primitive: false,
            step,
            last: None,
            filled: false,
            reported: false,
        }
    }
}

const XSI_NAMESPACE: &str = "http://www.w3.org/2001/XMLSchema-instance";
