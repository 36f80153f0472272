//! The narrative `div` inside FHIR XML, kept as the text that FHIR JSON carries.
//! <https://hl7.org/fhir/R4/json.html#xhtml>

use std::ops::Range;

use super::markup::{Event, Scanner, Tag};
use super::write::{escape_attribute, escape_text};
use super::{FHIR_NAMESPACE, XHTML_NAMESPACE};
use crate::issue::Result;

/// Where the text of a captured element is.
pub(super) enum Captured {
    /// In the source, as written.
    Span(Range<usize>),
    /// Written anew, because its namespace or prefixes were declared further out.
    Text(String),
}

/// Elements nested inside one narrative.
pub const XHTML_DEPTH_MAX: usize = 128;

const CARRIAGE_RETURN: &str = "&#13;";

/// Reads up to the end of the element whose start is `tag`.
///
/// # Errors
/// Not well-formed, or not in the XHTML namespace.
pub(super) fn capture(scanner: &mut Scanner<'_>, tag: &Tag<'_>) -> Result<Captured> {
    let own = tag.prefix.is_empty()
        && tag
            .declarations
            .iter()
            .any(|(p, uri)| p.is_empty() && uri == XHTML_NAMESPACE);
    let span = if own {
        as_written(scanner, tag)?
    } else {
        return anew(scanner, tag).map(Captured::Text);
    };
    let text = scanner.source(span.clone());
    // How a carriage return is written in XML, so that it survives; JSON keeps the character itself.
    if text.contains(CARRIAGE_RETURN) {
        return Ok(Captured::Text(text.replace(CARRIAGE_RETURN, "\r")));
    }
    Ok(Captured::Span(span))
}

/// Appends the text of a narrative that is well-formed.
pub(super) fn write(text: &str, out: &mut Vec<u8>) {
    let mut lines = text.trim().split('\r');
    out.extend_from_slice(lines.next().unwrap_or_default().as_bytes());
    for line in lines {
        out.extend_from_slice(CARRIAGE_RETURN.as_bytes());
        out.extend_from_slice(line.as_bytes());
    }
}

/// True for text that is exactly one well-formed element, spaces around it aside, that needs nothing declared outside of it.
pub(super) fn is_one_element(text: &str) -> bool {
    if !text.trim_start().starts_with("<div") {
        return false;
    }
    let mut scanner = Scanner::new(text.trim(), XHTML_DEPTH_MAX);
    loop {
        match scanner.next() {
            Ok(Event::Eof) => return true,
            Ok(Event::Start(tag))
                if tag.namespace.is_empty() || tag.namespace == FHIR_NAMESPACE =>
            {
                return false;
            }
            Ok(Event::Comment(_)) if scanner.depth() == 0 => return false,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

fn as_written(scanner: &mut Scanner<'_>, tag: &Tag<'_>) -> Result<Range<usize>> {
    let outside = scanner.depth() - 1;
    check(scanner, tag, true)?;
    loop {
        match scanner.next()? {
            Event::Start(inner) => check(scanner, &inner, true)?,
            Event::End(end) if scanner.depth() == outside => return Ok(tag.start..end),
            _ => {}
        }
    }
}

fn anew(scanner: &mut Scanner<'_>, tag: &Tag<'_>) -> Result<String> {
    let outside = scanner.depth() - 1;
    let mut out = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    check(scanner, tag, false)?;
    let mut open = true;
    start(tag, true, &mut out);
    names.push(tag.local);
    loop {
        let event = scanner.next()?;
        if open && !matches!(event, Event::End(_)) {
            out.push(b'>');
            open = false;
        }
        match event {
            Event::Start(inner) => {
                check(scanner, &inner, false)?;
                start(&inner, false, &mut out);
                names.push(inner.local);
                open = true;
            }
            Event::End(_) => {
                let name = names.pop().unwrap_or_default();
                if std::mem::take(&mut open) {
                    out.extend_from_slice(b"/>");
                } else {
                    out.extend_from_slice(format!("</{name}>").as_bytes());
                }
                if scanner.depth() == outside {
                    return Ok(String::from_utf8_lossy(&out).into_owned());
                }
            }
            Event::Text(text) => out.extend_from_slice(text.as_bytes()),
            Event::CData(text) => escape_text(text, &mut out),
            Event::Reference(c) => escape_text(c.encode_utf8(&mut [0; 4]), &mut out),
            Event::Comment(text) => out.extend_from_slice(format!("<!--{text}-->").as_bytes()),
            Event::Eof => return Err(scanner.malformed("the text ends inside an element")),
        }
    }
}

fn start(tag: &Tag<'_>, root: bool, out: &mut Vec<u8>) {
    out.push(b'<');
    out.extend_from_slice(tag.local.as_bytes());
    let mut attribute = |name: &str, value: &str| {
        out.extend_from_slice(format!(" {name}=\"").as_bytes());
        escape_attribute(value, out);
        out.push(b'"');
    };
    if root {
        attribute("xmlns", XHTML_NAMESPACE);
    }
    for a in &tag.attributes {
        let name = if a.prefix.is_empty() {
            a.local.to_owned()
        } else {
            format!("{}:{}", a.prefix, a.local)
        };
        attribute(&name, &a.value);
    }
}

/// Text that is kept must mean the same on its own: no prefix from outside (`xml:` is always there), no other namespace.
fn check(scanner: &Scanner<'_>, tag: &Tag<'_>, as_written: bool) -> Result<()> {
    if tag.namespace != XHTML_NAMESPACE {
        return Err(
            scanner.malformed("every element of a narrative must be in the XHTML namespace")
        );
    }
    let prefixed = tag
        .attributes
        .iter()
        .any(|a| !matches!(a.prefix, "" | "xml"));
    if prefixed || (as_written && !tag.prefix.is_empty()) {
        return Err(scanner.malformed("prefixes are not accepted inside a narrative"));
    }
    Ok(())
}
