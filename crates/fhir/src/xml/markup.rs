//! Well-formed XML as a stream of checked events, namespaces resolved: the one scanner under FHIR XML, narrative and XML
//! Patch. <https://www.w3.org/TR/xml/> <https://www.w3.org/TR/xml-names/>
//!
//! Refused, because FHIR has no use for them and each has been an attack: document type declarations (so also entity
//! declarations and external entities), processing instructions, encodings other than UTF-8.

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::events::Event as Raw;
use quick_xml::events::attributes::Attributes;
use quick_xml::{Reader, XmlVersion};

use crate::issue::{Failure, Kind, Result};

/// One step through the text. A self-closing element gives `Start` and then `End`.
#[derive(Debug)]
pub enum Event<'a> {
    Start(Tag<'a>),
    /// The byte offset just after the end tag.
    End(usize),
    /// Character data without references, as written.
    Text(&'a str),
    /// A character reference or one of the five predefined entities.
    Reference(char),
    CData(&'a str),
    Comment(&'a str),
    /// After the root element and whatever follows it.
    Eof,
}

/// A start tag.
#[derive(Debug)]
pub struct Tag<'a> {
    pub prefix: &'a str,
    pub local: &'a str,
    /// Empty when the element is in no namespace.
    pub namespace: Cow<'a, str>,
    /// Without the namespace declarations.
    pub attributes: Vec<Attribute<'a>>,
    /// (prefix, URI) declared on this very tag; the prefix is empty for `xmlns=`.
    pub declarations: Vec<(&'a str, Cow<'a, str>)>,
    /// Byte offset of its `<`.
    pub start: usize,
}

/// An attribute that is not a namespace declaration.
#[derive(Debug)]
pub struct Attribute<'a> {
    pub prefix: &'a str,
    pub local: &'a str,
    /// Empty when the attribute is in no namespace (attributes never take the default one).
    pub namespace: Cow<'a, str>,
    /// References resolved, white space normalised as XML says.
    pub value: Cow<'a, str>,
    /// Byte span of the value as written, without its quotes.
    pub span: Range<usize>,
}

/// Reads events from one document. Every error is `Kind::Malformed` with line and column.
pub struct Scanner<'a> {
    source: &'a str,
    reader: Reader<&'a [u8]>,
    bindings: Vec<Binding<'a>>,
    depth: usize,
    depth_max: usize,
    /// Set between the two events of a self-closing element.
    closing: bool,
    root_seen: bool,
    at: usize,
}

struct Binding<'a> {
    depth: usize,
    prefix: &'a str,
    uri: Cow<'a, str>,
}

/// The text of a request body: UTF-8 only, without its byte order mark, every line end a line feed
/// (<https://www.w3.org/TR/xml/#sec-line-ends>).
pub fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>> {
    let text = std::str::from_utf8(bytes).map_err(|e| {
        Failure::new(
            Kind::Malformed,
            format!("not valid UTF-8 at byte {}", e.valid_up_to()),
        )
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match memchr::memchr(b'\r', text.as_bytes()) {
        None => Ok(Cow::Borrowed(text)),
        Some(_) => Ok(Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))),
    }
}

impl<'a> Scanner<'a> {
    /// `source` without a byte order mark; elements nested deeper than `depth_max` are refused.
    pub fn new(source: &'a str, depth_max: usize) -> Self {
        let mut reader = Reader::from_str(source);
        reader.config_mut().enable_all_checks(true);
        Self {
            source,
            reader,
            bindings: Vec::new(),
            depth: 0,
            depth_max,
            closing: false,
            root_seen: false,
            at: 0,
        }
    }

    /// Number of open elements.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Part of the text that is read.
    pub fn source(&self, span: Range<usize>) -> &'a str {
        &self.source[span]
    }

    /// The next event. After `Eof` there is only `Eof`.
    ///
    /// # Errors
    /// Whatever is not well-formed XML, or is refused by this module.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Event<'a>> {
        if std::mem::take(&mut self.closing) {
            return Ok(self.end());
        }
        loop {
            self.at = self.offset();
            let raw = match self.reader.read_event() {
                Ok(raw) => raw,
                Err(error) => {
                    self.at = usize::try_from(self.reader.error_position())
                        .unwrap_or(self.at)
                        .max(self.at);
                    return Err(self.malformed(reason(&error)));
                }
            };
            let written = &self.source[self.at..self.offset()];
            match raw {
                Raw::Start(_) => return self.start(written, 1),
                Raw::Empty(_) => return self.start(written, 2),
                Raw::End(_) => return Ok(self.end()),
                Raw::Text(_) => {
                    if let Some(text) = self.text(written)? {
                        return Ok(Event::Text(text));
                    }
                }
                Raw::GeneralRef(_) => return self.reference(written),
                Raw::CData(_) => return self.cdata(written),
                Raw::Comment(_) => {
                    return Ok(Event::Comment(
                        self.checked(&written[4..written.len() - 3])?,
                    ));
                }
                Raw::Decl(decl) => self.declaration(&decl)?,
                Raw::PI(_) => {
                    return Err(self.malformed("processing instructions are not accepted"));
                }
                Raw::DocType(_) => {
                    return Err(self.malformed("a document type declaration is not accepted"));
                }
                Raw::Eof => return self.eof(),
            }
        }
    }

    /// Skips what remains of the element whose `Start` was just read.
    pub fn skip(&mut self) -> Result<()> {
        let outside = self.depth.saturating_sub(1);
        while self.depth > outside {
            self.next()?;
        }
        Ok(())
    }

    /// A refusal at the place of the last event.
    pub fn malformed(&self, what: impl std::fmt::Display) -> Failure {
        let before = &self.source.as_bytes()[..self.at.min(self.source.len())];
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        let column = before.len() - memchr::memrchr(b'\n', before).map_or(0, |i| i + 1) + 1;
        Failure::new(
            Kind::Malformed,
            format!("{what} (line {line}, column {column})"),
        )
    }

    fn offset(&self) -> usize {
        usize::try_from(self.reader.buffer_position())
            .map_or(self.source.len(), |p| p.min(self.source.len()))
    }

    fn start(&mut self, written: &'a str, closing_len: usize) -> Result<Event<'a>> {
        if self.depth == 0 && self.root_seen {
            return Err(self.malformed("there is more than one root element"));
        }
        if self.depth >= self.depth_max {
            return Err(self.malformed(format_args!(
                "elements are nested deeper than {}",
                self.depth_max
            )));
        }
        self.root_seen = true;
        self.depth += 1;
        self.closing = closing_len == 2;
        let content = &written[1..written.len() - closing_len];
        let name_len = content
            .find(|c: char| c.is_ascii_whitespace())
            .unwrap_or(content.len());
        let (prefix, local) = self.name(&content[..name_len])?;
        let (raw_attributes, declarations) = self.attributes(content, name_len)?;
        for (prefix, uri) in &declarations {
            self.bindings.push(Binding {
                depth: self.depth,
                prefix,
                uri: uri.clone(),
            });
        }
        if self.bindings.len() > BINDINGS_MAX {
            return Err(self.malformed(format_args!(
                "more than {BINDINGS_MAX} namespaces are declared"
            )));
        }
        let namespace = self.resolve(prefix)?;
        let mut attributes = raw_attributes;
        for a in &mut attributes {
            if !a.prefix.is_empty() {
                a.namespace = self.resolve(a.prefix)?;
            }
        }
        Ok(Event::Start(Tag {
            prefix,
            local,
            namespace,
            attributes,
            declarations,
            start: self.at,
        }))
    }

    fn end(&mut self) -> Event<'a> {
        while self.bindings.last().is_some_and(|b| b.depth >= self.depth) {
            self.bindings.pop();
        }
        self.depth = self.depth.saturating_sub(1);
        Event::End(self.offset())
    }

    fn attributes(&self, content: &'a str, name_len: usize) -> Result<AttributeLists<'a>> {
        let (mut plain, mut declarations) = (Vec::new(), Vec::new());
        for (count, attribute) in Attributes::new(content, name_len).enumerate() {
            if count == ATTRIBUTES_MAX {
                return Err(self.malformed(format_args!(
                    "an element has more than {ATTRIBUTES_MAX} attributes"
                )));
            }
            let attribute = attribute
                .map_err(|_| self.malformed("an attribute is repeated or not well-formed"))?;
            if attribute.value.contains('<') {
                return Err(self.malformed("`<` must be escaped in an attribute"));
            }
            // The iterator lends from `content`, so the span is a difference of addresses.
            let start =
                self.at + 1 + (attribute.value.as_ptr() as usize - content.as_ptr() as usize);
            let span = start..start + attribute.value.len();
            let value = attribute
                .normalized_value(XmlVersion::Explicit1_0)
                .map_err(|_| {
                    self.malformed(
                        "an attribute holds an unknown entity or a bad character reference",
                    )
                })?;
            self.check_characters(&value)?;
            let value = match value {
                Cow::Borrowed(_) => Cow::Borrowed(&self.source[span.clone()]),
                Cow::Owned(text) => Cow::Owned(text),
            };
            let key_at = attribute.key.0.as_ptr() as usize - content.as_ptr() as usize;
            let key = &content[key_at..key_at + attribute.key.0.len()];
            let (prefix, local) = self.name(key)?;
            match (prefix, local) {
                ("", "xmlns") => declarations.push(("", value)),
                ("xmlns", name) => declarations.push((name, value)),
                _ => plain.push(Attribute {
                    prefix,
                    local,
                    namespace: Cow::Borrowed(""),
                    value,
                    span,
                }),
            }
        }
        Ok((plain, declarations))
    }

    fn resolve(&self, prefix: &str) -> Result<Cow<'a, str>> {
        if let Some(b) = self.bindings.iter().rev().find(|b| b.prefix == prefix) {
            return Ok(b.uri.clone());
        }
        match prefix {
            "" => Ok(Cow::Borrowed("")),
            "xml" => Ok(Cow::Borrowed(XML_NAMESPACE)),
            _ => Err(self.malformed("a namespace prefix is not declared")),
        }
    }

    /// Splits a qualified name, checked as far as names may go on to be written again.
    fn name(&self, written: &'a str) -> Result<(&'a str, &'a str)> {
        let (prefix, local) = written.split_once(':').unwrap_or(("", written));
        let bad = |part: &str| {
            let mut bytes = part.bytes();
            let first = bytes
                .next()
                .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_' || b >= 0x80);
            !first
                || bytes.any(|b| {
                    !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.') || b >= 0x80)
                })
        };
        if bad(local)
            || (written.len() != local.len() && bad(prefix))
            || written.len() > NAME_BYTES_MAX
        {
            return Err(self.malformed("a name is not well-formed"));
        }
        Ok((prefix, local))
    }

    fn text(&self, written: &'a str) -> Result<Option<&'a str>> {
        if self.depth == 0 {
            let blank = written.bytes().all(|b| b.is_ascii_whitespace());
            return if blank {
                Ok(None)
            } else {
                Err(self.malformed("there is text outside the root element"))
            };
        }
        if written.contains("]]>") {
            return Err(self.malformed("`]]>` must be escaped"));
        }
        self.checked(written).map(Some)
    }

    fn reference(&self, written: &str) -> Result<Event<'a>> {
        let name = &written[1..written.len() - 1];
        let number = |digits: &str, radix| {
            u32::from_str_radix(digits, radix)
                .ok()
                .and_then(char::from_u32)
        };
        let c = match name {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => match name.strip_prefix('#') {
                Some(n) if !n.contains('+') => n
                    .strip_prefix('x')
                    .map_or_else(|| number(n, 10), |hex| number(hex, 16)),
                _ => None,
            },
        };
        match c {
            Some(c) if self.depth > 0 && is_xml_char(c) => Ok(Event::Reference(c)),
            _ => Err(self
                .malformed("only the five entities of XML and character references are accepted")),
        }
    }

    fn cdata(&self, written: &'a str) -> Result<Event<'a>> {
        if self.depth == 0 {
            return Err(self.malformed("there is text outside the root element"));
        }
        Ok(Event::CData(self.checked(
            &written["<![CDATA[".len()..written.len() - "]]>".len()],
        )?))
    }

    fn declaration(&self, decl: &quick_xml::events::BytesDecl<'_>) -> Result<()> {
        if self.at != 0 {
            return Err(self.malformed("the XML declaration must come first"));
        }
        if !decl.version().is_ok_and(|v| v == "1.0") {
            return Err(self.malformed("only XML version 1.0 is accepted"));
        }
        match decl.encoding() {
            None => Ok(()),
            Some(Ok(e)) if e.eq_ignore_ascii_case("utf-8") => Ok(()),
            Some(_) => Err(self.malformed("only the encoding UTF-8 is accepted")),
        }
    }

    fn eof(&self) -> Result<Event<'a>> {
        match (self.depth, self.root_seen) {
            (0, true) => Ok(Event::Eof),
            (0, false) => Err(self.malformed("there is no root element")),
            _ => Err(self.malformed("the text ends inside an element")),
        }
    }

    fn checked(&self, text: &'a str) -> Result<&'a str> {
        self.check_characters(text)?;
        Ok(text)
    }

    fn check_characters(&self, text: &str) -> Result<()> {
        // Bytes first: nearly all text has none of the three leads that need a closer look.
        let suspicious = |b: u8| (b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r')) || b == 0xEF;
        if text.bytes().any(suspicious) && !text.chars().all(is_xml_char) {
            return Err(self.malformed("there is a character that XML does not allow"));
        }
        Ok(())
    }
}

type AttributeLists<'a> = (Vec<Attribute<'a>>, Vec<(&'a str, Cow<'a, str>)>);

/// `Char` of XML 1.0.
pub fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// Fixed texts only: the reader's own messages may repeat what was sent.
fn reason(error: &quick_xml::Error) -> &'static str {
    use quick_xml::errors::IllFormedError as I;
    match error {
        quick_xml::Error::IllFormed(I::MismatchedEndTag { .. } | I::UnmatchedEndTag(_)) => {
            "an end tag does not match its start tag"
        }
        quick_xml::Error::IllFormed(I::MissingEndTag(_)) => "an end tag is missing",
        quick_xml::Error::IllFormed(I::DoubleHyphenInComment) => "a comment holds `--`",
        quick_xml::Error::IllFormed(I::UnclosedReference) => "`&` must be escaped",
        quick_xml::Error::IllFormed(I::MissingDeclVersion(_)) => "only XML version 1.0 is accepted",
        quick_xml::Error::Syntax(_) => "a tag, comment or section is not closed",
        _ => "not well-formed XML",
    }
}

const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";
/// Attributes and namespace declarations of one element (the duplicate check is quadratic).
const ATTRIBUTES_MAX: usize = 64;
/// Namespace declarations in force at one place.
const BINDINGS_MAX: usize = 64;
const NAME_BYTES_MAX: usize = 256;
